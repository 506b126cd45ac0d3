// The members as a table. It can be sorted and searched; rows stay while their texts change.

import { el, list, plain, say, short, toNode } from "./draw.js";
import { age, moment } from "./words.js";

const COLUMNS = [
  { key: "label", name: "Node" },
  { key: "status", name: "Status" },
  { key: "reach", name: "Answers" },
  { key: "zone", name: "Zone" },
  { key: "roles", name: "Roles" },
  { key: "version", name: "Version" },
  { key: "age", name: "Age", number: true },
];

/** From here on, searching is worth a field. */
const MANY = 9;

/** What is known of each member, ready to be shown. */
export function rows(answer) {
  const nodes = answer.members.map((member) => member.node);
  const label = labels(nodes);
  const observers = new Map(answer.unreachable.map((one) => [one.node, one.observedBy]));
  return answer.members
    .map((member) => {
      const observed = observers.get(member.node);
      return {
        ...member,
        label: label(member.node),
        self: member.node === answer.selfNode,
        leader: member.node === answer.leader,
        oldest: member.node === answer.oldest,
        reachable: observed === undefined,
        reach: observed === undefined ? "yes" : seenBy(observed.map(label)),
        roles: member.roles.join(", "),
      };
    })
    .sort((a, b) => byAddress(a.label, b.label));
}

/** Names nodes by what tells them apart: the address, and the port where it is not the same for all. */
export function labels(nodes) {
  const socket = (node) => node.slice(node.lastIndexOf("@") + 1);
  const split = (node) => /^(.*):(\d+)$/.exec(socket(node)) ?? [null, socket(node), ""];
  const parts = nodes.map(split);
  const ports = new Set(parts.map(([, , port]) => port));
  const hosts = new Set(parts.map(([, host]) => host));
  const alone = ports.size <= 1 && hosts.size === nodes.length;
  return (node) => (alone && ports.has(split(node)[2]) ? split(node)[1] : socket(node));
}

/** As people count: 10.0.0.9 before 10.0.0.10. */
export function byAddress(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

function seenBy(observers) {
  const others = observers.length - 1;
  if (others < 0) return "no";
  return `no, says ${observers[0]}${others === 0 ? "" : ` and ${others} more`}`;
}

/** The table in `place`. Calls `pointed` with the member under the pointer, or null. */
export class Table {
  constructor(place, field, pointed) {
    this.sorted = { key: "label", down: false };
    this.members = [];
    this.field = field;
    this.heads = COLUMNS.map((column) => {
      const button = el("button", { type: "button" }, column.name, el("span", { class: "arrow", "aria-hidden": "true" }));
      button.addEventListener("click", () => this.sort(column.key));
      return el("th", { scope: "col", role: "columnheader", class: column.number ? "number" : null }, button);
    });
    this.body = el("tbody", { role: "rowgroup" });
    this.nothing = el("p", { class: "quiet", hidden: "" }, "No member fits that.");
    place.append(
      el(
        "table",
        { class: "roll", role: "table", "aria-labelledby": "members-title" },
        el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...this.heads)),
        this.body,
      ),
      this.nothing,
    );
    field.addEventListener("input", () => this.draw());
    this.body.addEventListener("pointerover", (event) => pointed(event.target.closest("tr")?.dataset.key ?? null));
    this.body.addEventListener("pointerleave", () => pointed(null));
    this.sort("label");
  }

  sort(key) {
    this.sorted = { key, down: this.sorted.key === key && !this.sorted.down && this.members.length !== 0 };
    COLUMNS.forEach((column, n) => {
      const order = column.key === key ? (this.sorted.down ? "descending" : "ascending") : "none";
      this.heads[n].setAttribute("aria-sort", order);
    });
    this.draw();
  }

  show(members, now) {
    this.members = members;
    this.now = now;
    this.field.parentElement.hidden = members.length < MANY && this.field.value === "";
    this.draw();
  }

  draw() {
    const wanted = this.field.value.trim().toLowerCase();
    const fits = (member) =>
      wanted === "" ||
      [member.node, member.status, member.zone ?? "", member.roles, member.version, member.reachable ? "" : "no answer unreachable"]
        .join(" ")
        .toLowerCase()
        .includes(wanted);
    const { key, down } = this.sorted;
    const value = {
      reach: (member) => (member.reachable ? "1" : "0"),
      age: (member) => String(-member.startedAt),
    }[key] ?? ((member) => member[key] ?? "");
    const fitting = this.members.filter(fits);
    // Stable: equal rows stay in the order of the addresses.
    if (key !== "label" || down) fitting.sort((a, b) => (down ? -1 : 1) * byAddress(value(a), value(b)));
    list(this.body, fitting, (member) => member.nodeUid, row, (tr, member) => fill(tr, member, this.now));
    this.nothing.hidden = fitting.length !== 0 || this.members.length === 0;
  }

  /** Marks a member's row, or none. */
  point(uid, scroll = false) {
    for (const tr of this.body.children) tr.classList.toggle("on", tr.dataset.key === uid);
    if (scroll) this.body.querySelector("tr.on")?.scrollIntoView({ block: "nearest" });
  }
}

function row(member) {
  const name = el("span", { class: "name" });
  name.append(member.self ? el("span", { class: "address" }, plain(member.label)) : toNode(member.management, member.label));
  const cells = COLUMNS.map((column) =>
    el("td", { role: "cell", "data-name": column.name, class: `${column.key}${column.number ? " number" : ""}` }),
  );
  cells[0].append(name, el("span", { class: "marks" }));
  return el("tr", { role: "row" }, ...cells);
}

function fill(tr, member, now) {
  const [node, status, reach, zone, roles, version, started] = tr.children;
  tr.classList.toggle("lost", !member.reachable);
  node.title = plain(member.node);
  say(node.querySelector(".address"), member.label);
  const marks = [member.leader && "leader", member.oldest && "oldest", member.self && "this node"].filter(Boolean);
  list(node.querySelector(".marks"), marks, (mark) => mark, (mark) => el("span", { class: "badge" }, mark));
  say(status, member.status);
  say(reach, member.reach);
  cut(zone, member.zone ?? "–", 24);
  cut(roles, member.roles || "–", 60);
  cut(version, member.version, 24);
  say(started, age(now - member.startedAt));
  started.title = `since ${moment(member.startedAt)}`;
}

/** The beginning of a text; all of it under the pointer. */
function cut(cell, text, most) {
  say(cell, short(text, most));
  cell.title = cell.textContent === plain(text) ? "" : plain(text);
}
