// The other controls: of the service, the network and AWS; and the stories.

import { el, list, plain, say } from "./draw.js";

const at = (id) => document.getElementById(id);

/** How many nodes are too many. */
const MOST = 12;

/** The controls of the page. Has something done by `act`. */
export class Controls {
  constructor(act) {
    this.act = act;
    this.now = null;
    const does = (name, what, attributes = {}) => {
      const button = el("button", { type: "button", ...attributes }, name);
      button.addEventListener("click", () => {
        const command = typeof what === "function" ? what() : what;
        if (command) act(command);
      });
      return button;
    };
    const desired = () => this.now.service.desired;
    this.fewer = does("−", () => ({ do: "scale", desired: desired() - 1 }), { "aria-label": "One task fewer" });
    this.more = does("+", () => ({ do: "scale", desired: desired() + 1 }), { "aria-label": "One task more" });
    this.count = el("output", { class: "count", "aria-label": "Desired count" });
    this.deploy = does("Deploy a new revision", { do: "deploy" });
    this.replaces = el("input", { type: "checkbox" });
    this.replaces.addEventListener("change", () => act({ do: "replace", on: this.replaces.checked }));
    at("service").append(
      el("span", { class: "stepper" }, this.fewer, this.count, this.more),
      this.deploy,
      el("label", { class: "check" }, this.replaces, " ECS replaces tasks that end"),
      does("Start again", { do: "afresh" }),
    );

    this.sides = el("select", { "aria-label": "Who is split off" });
    this.split = does("Split", () => ({ do: "split", nodes: this.side() }));
    this.heal = does("Heal", { do: "heal" });
    at("network").append(this.sides, this.split, this.heal);

    this.second = does("Start a second cluster", { do: "second-cluster" });
    this.meet = does("Let them meet", { do: "meet" });
    at("second").append(this.second, this.meet);

    this.leader = does("Kill the leader", () => this.leading() && { do: "kill", node: this.leading() }, { class: "main" });
    this.healNext = does("Heal the network", { do: "heal" }, { class: "main" });
    this.meetNext = does("Let them meet", { do: "meet" }, { class: "main" });
    this.startNext = does("Start five nodes", { do: "scale", desired: 5 }, { class: "main" });
    at("next").append(this.leader, this.healNext, this.meetNext, this.startNext);

    this.hush = does("End the story", { do: "hush" });
    at("telling").append(el("p", { class: "deeds" }, this.hush));
  }

  leading() {
    return this.now.nodes.find((node) => node.leads && node.life === "running")?.name ?? null;
  }

  /** Who is to be split off. */
  side() {
    const there = this.there();
    const [by, number] = this.sides.value.split(" ");
    if (by === "leader") return [this.leading() ?? there[0]];
    return there.slice(-Number(number));
  }

  there() {
    return this.now.nodes.filter((node) => node.life === "running" || node.life === "frozen").map((node) => node.name);
  }

  show(picture) {
    this.now = picture;
    const { service, split, apart, clusters, telling, nodes, tasks } = picture;
    say(this.count, service.desired);
    this.fewer.disabled = service.desired === 0;
    this.more.disabled = MOST <= service.desired;
    this.deploy.disabled = service.rolling || service.running === 0;
    this.replaces.checked = service.replaces;
    say(at("service-text"), `${service.name}: ${service.desired} tasks desired, ${service.running} running, revision ${service.revision}${service.rolling ? ", a deployment is running" : ""}.`);

    const there = this.there();
    list(
      this.sides,
      [...(1 < there.length ? ["leader"] : []), ...[1, 2, 3, 4].filter((n) => n < there.length).map((n) => `last ${n}`)],
      (side) => side,
      (side) => el("option", { value: side }, side === "leader" ? "the leader alone" : side === "last 1" ? "the last node" : `the last ${side.split(" ")[1]} nodes`),
    );
    if (this.sides.value === "" && this.sides.options.length !== 0) this.sides.value = this.sides.options[Math.min(2, this.sides.options.length - 1)].value;
    this.sides.disabled = there.length < 2;
    this.split.disabled = there.length < 2;
    this.heal.disabled = split.length === 0;
    say(at("network-text"), split.length === 0 ? "Not split: every node reaches every other." : `Cut: ${split.join(", ")} | ${there.filter((name) => !split.includes(name)).join(", ")}. New nodes reach no other node until it heals.`);

    this.second.disabled = apart || clusters.length !== 1 || split.length !== 0 || MOST < service.desired + 2;
    this.meet.disabled = !apart;
    say(
      at("second-text"),
      apart ? "AWS lists to each cluster only its own tasks." : "Two tasks to which AWS lists only each other, so they found a second cluster.",
    );

    this.leader.hidden = telling !== null || picture.headline.kind !== "One cluster" || this.leading() === null || nodes.length < 2;
    say(this.leader, `Kill the leader, ${this.leading()}`);
    this.healNext.hidden = telling !== null || split.length === 0;
    this.meetNext.hidden = telling !== null || !apart || clusters.length < 2;
    this.startNext.hidden = telling !== null || service.desired !== 0;

    this.showStories(picture);
    this.showTroubles(picture);
    this.showTasks(tasks, service);
    this.showCalls(picture.calls);
  }

  showStories({ stories, telling }) {
    list(
      at("stories"),
      stories,
      (story) => story.name,
      (story) => {
        const button = el("button", { type: "button", title: plain(story.about) }, plain(story.title));
        button.addEventListener("click", () => this.act({ do: "tell", story: story.name }));
        return button;
      },
      (button, story) => {
        if (story.on) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
      },
    );
    at("telling").hidden = telling === null;
    if (telling) {
      say(at("telling-title"), telling.title);
      say(at("telling-place"), `${telling.captionNumber} of ${telling.captions}`);
      say(at("telling-caption"), telling.caption);
    }
  }

  showTroubles({ troubles }) {
    list(
      at("troubles"),
      troubles,
      (trouble) => trouble.name,
      (trouble) => {
        const box = el("input", { type: "checkbox" });
        box.addEventListener("change", () => this.act({ do: "trouble", trouble: trouble.name, on: box.checked }));
        return el("label", { class: "trouble" }, box, el("span", {}, el("strong", {}, plain(trouble.title)), el("span", { class: "quiet" }, plain(trouble.about))));
      },
      (label, trouble) => {
        label.querySelector("input").checked = trouble.on;
        label.classList.toggle("on", trouble.on);
      },
    );
  }

  showTasks(tasks, service) {
    const running = tasks.filter((task) => task.desired === "RUNNING").length;
    say(at("tasks-text"), `${running} of ${service.desired} should run. A new node can learn no more from AWS.`);
    list(
      at("tasks"),
      tasks,
      (task) => task.id,
      (task) => el("tr", {}, el("td", { class: "address" }, plain(task.id)), el("td"), el("td"), el("td", { class: "address" }, plain(task.address)), el("td", { class: "number" }, String(task.revision))),
      (row, task) => {
        row.classList.toggle("over", task.desired !== "RUNNING");
        say(row.children[1], task.status);
        say(row.children[2], task.node || "–");
      },
    );
  }

  showCalls(calls) {
    const rows = calls.map((row, n) => ({ ...row, first: calls[n - 1]?.call !== row.call }));
    list(
      at("calls"),
      rows,
      (row) => `${row.call} ${row.outcome}`,
      (row) => el("tr", { class: row.good ? null : "off" }, el("th", { scope: "row" }), el("td", {}, plain(row.outcome)), el("td", { class: "number" })),
      (tr, row) => {
        tr.classList.toggle("first", row.first);
        say(tr.children[0], row.first ? row.call : "");
        say(tr.children[2], row.times.toLocaleString("en"));
      },
    );
  }
}
