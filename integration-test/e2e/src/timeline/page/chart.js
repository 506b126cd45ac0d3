// A scenario over time: its steps, its nodes' lanes, the calls to AWS; all on one axis.

const share = (at, view) => ((at - view.from) / (view.to - view.from)) * 100;

/** Puts an element where it belongs in time, or hides it where that is not shown. */
function place(element, from, to, view) {
  const [left, right] = [from, to].map((at) => Math.min(100, Math.max(0, share(at, view))));
  element.hidden = to < view.from || view.to < from;
  element.style.left = `${left}%`;
  element.style.width = `${right - left}%`;
}

/** A line with a name, and a track beside it. */
function row(kind, name, ...track) {
  return el("li", { class: `row ${kind}` }, el("div", { class: "row-name" }, ...name), el("div", { class: "track" }, ...track));
}

/** Of a moment so much is shown before and after it, in milliseconds. */
const AROUND = 200;

class Chart {
  constructor(scenario, viewed) {
    this.scenario = scenario;
    this.whole = { from: Math.min(0, ...scenario.lanes.map((lane) => lane.phases[0]?.from ?? 0)), to: Math.max(scenario.took, 1) };
    this.view = this.whole;
    this.viewed = viewed;
    /** The elements to move when another time is shown. */
    this.placed = [];
    this.axis = el("div", { class: "axis", "aria-hidden": "true" });
    this.cursor = el("div", { class: "cursor", hidden: "", "aria-hidden": "true" });
    this.detail = el("p", { class: "detail", "aria-hidden": "true" });
    this.back = el("button", { type: "button", class: "whole", hidden: "" }, "Show the whole scenario");
    this.back.addEventListener("click", () => {
      this.look(this.whole);
      this.steps[0]?.focus();
    });
    this.steps = [];
    this.body = el("div", { class: "body" }, this.group("Steps", this.stepRows()), this.group("What was wrong with the network and AWS", this.troubleRows()), this.group("Nodes", this.laneRows()), this.group("Calls to AWS", this.callRows()), this.cursor);
    this.element = el(
      "div",
      { class: "chart" },
      el("div", { class: "row head" }, el("div", { class: "row-name" }, this.back), this.axis),
      this.body,
      this.detail,
      legend(scenario),
    );
    this.body.addEventListener("pointermove", (event) => this.follow(event));
    this.body.addEventListener("pointerleave", () => (this.cursor.hidden = true));
    for (const kind of ["pointerover", "focusin"]) {
      this.body.addEventListener(kind, (event) => {
        const about = event.target.closest?.("[data-about]");
        if (about) {
          say(this.detail, about.dataset.about);
          this.detail.classList.add("on");
        }
      });
    }
    this.body.addEventListener("keydown", (event) => wander(event));
    this.rest();
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  group(name, rows) {
    if (rows.length === 0) return null;
    return el("div", { class: "group" }, el("h3", {}, name), el("ol", { class: "rows" }, ...rows));
  }

  /** What stands below the chart where nothing is pointed at. */
  rest() {
    say(this.detail, "Point at something, or go there by Tab and the arrow keys, to read what it is. Choose it to see its time only.");
  }

  stepRows() {
    return this.scenario.steps.flatMap((step) => {
      const about = `${step.what}: ${STEPS[step.outcome]}, ${span(step.from, step.to)}`;
      const button = el("button", { type: "button", class: "step", "aria-pressed": "false", "data-about": plain(about) }, plain(step.what));
      button.addEventListener("click", () => this.look(button.ariaPressed === "true" ? this.whole : around(step, this.whole), button));
      this.steps.push(button);
      const bar = el("div", { class: `while ${step.outcome}`, "data-about": plain(about) });
      const length = el("span", { class: "length" }, `${step.outcome === "seen" ? "" : `${STEPS[step.outcome]}, `}${seconds(step.to - step.from)}`);
      this.placed.push((view, width) => {
        place(bar, step.from, step.to, view);
        length.hidden = bar.hidden;
        const right = Math.min(100, share(step.to, view));
        const fits = ((100 - right) / 100) * width > length.textContent.length * 8;
        length.style.left = fits ? `${right}%` : "auto";
        length.style.right = fits ? "auto" : `${Math.max(0, 100 - Math.max(share(step.from, view), 0))}%`;
        length.classList.toggle("within", !fits && Math.max(share(step.from, view), 0) < 20);
      });
      const rows = [row("step-row", [button], bar, length)];
      if (step.instead) {
        rows.push(el("li", { class: "instead" }, el("strong", {}, "Seen instead"), " ", el("span", {}, plain(step.instead))));
      }
      return rows;
    });
  }

  troubleRows() {
    return this.scenario.troubles.map((trouble) => {
      const struck = trouble.struck === null ? "" : trouble.struck === 0 ? ", struck no call" : `, struck ${many(trouble.struck, "call")}`;
      const about = `${TROUBLES[trouble.of]}${trouble.account ? ` of ${trouble.account}` : ""}: ${trouble.name}, ${span(trouble.from, trouble.to)}${struck}`;
      const bar = this.bar(trouble, `${trouble.struck ?? ""}${trouble.struck === null ? "" : "×"}`, `trouble ${trouble.of}`, about);
      this.placed.push((view) => place(bar, trouble.from, trouble.to, view));
      return row(
        "trouble-row",
        [el("span", { class: "badge" }, TROUBLES[trouble.of]), " ", el("span", {}, plain(trouble.name)), " ", el("span", { class: "quiet" }, plain(trouble.account))],
        el("ol", { class: "bars", "aria-label": plain(about) }, bar),
      );
    });
  }

  laneRows() {
    return this.scenario.lanes.map((lane) => {
      const bars = lane.phases.map((phase) => ({
        at: phase.from,
        to: phase.to,
        element: this.bar(phase, phase.name, `phase ${phase.kind}`, `${lane.name}: ${phase.name}, ${span(phase.from, phase.to)}: ${phase.text}`),
      }));
      const marks = lane.marks.map((mark) => ({
        at: mark.at,
        to: mark.at,
        element: this.bar(
          { from: mark.at - AROUND, to: mark.at + AROUND },
          SIGNS[mark.kind],
          `sign ${mark.kind}`,
          `${lane.name}, ${MARKS[mark.kind]} at ${seconds(mark.at)}: ${mark.text}`,
        ),
      }));
      const all = [...bars, ...marks].sort((a, b) => a.at - b.at);
      all.forEach(({ element }, n) => (element.firstChild.tabIndex = n === 0 ? 0 : -1));
      const lost = lane.lost.map((one) => {
        const element = el("div", { class: "lost", "data-about": plain(`${lane.name} ${one.text}, ${span(one.from, one.to)}`) });
        return { at: one.from, to: one.to, element };
      });
      const counts = lane.members.map((count, n) => ({
        at: count.at,
        to: lane.members[n + 1]?.at ?? lane.phases.at(-1)?.to ?? this.whole.to,
        element: el(
          "li",
          { class: count.lost ? "count off" : "count", "data-about": plain(`${lane.name} sees ${many(count.members, "member")}${count.lost ? `, ${count.lost} of which ${count.lost === 1 ? "does" : "do"} not answer` : ""}, from ${seconds(count.at)} on`) },
          String(count.members),
          count.lost ? ` −${count.lost}` : "",
        ),
      }));
      this.placed.push((view) => {
        for (const { at, to, element } of [...all, ...lost, ...counts]) place(element, at, Math.max(at, to), view);
        // Keeps it within the edge.
        for (const { element } of marks) element.style.left = `clamp(8px, ${element.style.left}, calc(100% - 8px))`;
      });
      const clock = lane.clockAhead === null ? null : el("span", { class: "badge off" }, `clock ${seconds(Math.abs(lane.clockAhead))} ${lane.clockAhead < 0 ? "behind" : "ahead"}`);
      return row(
        "lane",
        [el("span", { class: "who" }, plain(lane.name)), " ", el("span", { class: "quiet address" }, plain(lane.address ?? "")), " ", clock],
        el("ol", { class: "bars", "aria-label": `What ${plain(lane.name)} did` }, ...all.map(({ element }) => element)),
        ...lost.map(({ element }) => element),
        counts.length === 0 ? null : el("ol", { class: "counts", "aria-label": "Members that it saw" }, ...counts.map(({ element }) => element)),
      );
    });
  }

  /** A while or a moment that can be pointed at, gone to, and chosen. */
  bar(time, name, kind, about) {
    const button = el("button", { type: "button", "aria-label": plain(about), "data-about": plain(about) }, plain(name));
    button.addEventListener("click", () => {
      const chosen = around(time, this.whole);
      const again = chosen.from === this.view.from && chosen.to === this.view.to;
      this.look(again ? this.whole : chosen);
    });
    return el("li", { class: kind }, button);
  }

  callRows() {
    return this.scenario.calls.map((calls) => {
      const ticks = svg("path", { "vector-effect": "non-scaling-stroke" });
      const picture = svg("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" }, ticks);
      this.placed.push((view) => {
        const within = calls.at.filter((at) => view.from <= at && at <= view.to);
        ticks.setAttribute("d", within.map((at) => `M${(share(at, view) * 10).toFixed(1)} 0V10`).join(""));
      });
      const words = `${calls.answered ? "" : "✕ "}${calls.outcome} ${calls.at.length}×`;
      return row(
        `call${calls.answered ? "" : " off"}`,
        [el("span", { class: "action" }, plain(calls.action)), " ", el("span", { class: "outcome" }, plain(words)), " ", el("span", { class: "quiet" }, plain(calls.account))],
        picture,
      );
    });
  }

  /** Shows this time only; `step` is the button that asked for it. */
  look(view, step = null) {
    this.view = view;
    for (const button of this.steps) button.ariaPressed = String(button === step && view !== this.whole);
    this.back.hidden = view === this.whole;
    this.draw();
    this.viewed(view === this.whole ? null : view);
  }

  draw() {
    const width = this.axis.clientWidth;
    if (width === 0) return;
    const { view } = this;
    const { step, all } = ticks(view.from, view.to, Math.max(2, Math.floor(width / 90)));
    this.axis.replaceChildren(
      ...all
        .filter((at) => share(at, view) < 100 - 3_600 / width)
        .map((at) => {
          const text = el("span", {}, tick(at, step));
          text.style.left = `${share(at, view)}%`;
          return text;
        }),
    );
    // The axis's lines are the background of all tracks.
    const apart = share(view.from + step, view);
    const first = all.length === 0 ? 0 : share(all[0], view);
    this.element.style.setProperty("--apart", `${apart}%`);
    this.element.style.setProperty("--first", `${apart < 99.9 ? (first / (100 - apart)) * 100 : 0}%`);
    for (const put of this.placed) put(view, width);
  }

  /** A line through all tracks at the time below the pointer. */
  follow(event) {
    const { left, width } = this.axis.getBoundingClientRect();
    const part = (event.clientX - left) / width;
    this.cursor.hidden = event.pointerType !== "mouse" || part < 0 || 1 < part;
    if (this.cursor.hidden) return;
    this.cursor.style.left = `${event.clientX - this.body.getBoundingClientRect().left}px`;
    say(this.cursor, seconds(this.view.from + part * (this.view.to - this.view.from)));
  }
}

/** The time of a step and a little more. */
function around(step, whole) {
  const more = Math.max(20, (step.to - step.from) * 0.08);
  return { from: Math.max(whole.from, step.from - more), to: Math.min(whole.to, step.to + more) };
}

/** Left and right go from one thing of a lane to the next; only one of them is on the way of the tabulator. */
function wander(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const bars = event.target.closest?.(".bars");
  if (!by || !bars) return;
  const buttons = [...bars.querySelectorAll("li:not([hidden]) > button")];
  const next = buttons[buttons.indexOf(event.target) + by];
  if (!next) return;
  for (const button of bars.querySelectorAll("button")) button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  event.preventDefault();
}

/** What the shapes mean, of those that there are. */
function legend(scenario) {
  const { lanes } = scenario;
  if (lanes.length === 0) return null;
  const kinds = new Set(lanes.flatMap((lane) => lane.phases.map((phase) => phase.kind)));
  const marks = new Set(lanes.flatMap((lane) => lane.marks.map((mark) => mark.kind)));
  const key = (shape, words) => el("li", { class: "key" }, shape, el("span", {}, words));
  return el(
    "ul",
    { class: "legend keys", "aria-label": "Legend" },
    ...Object.entries(KINDS)
      .filter(([kind]) => kinds.has(kind))
      .map(([kind, words]) => key(el("span", { class: `sample phase ${kind}`, "aria-hidden": "true" }), words)),
    lanes.some((lane) => lane.lost.length !== 0) ? key(el("span", { class: "sample lost", "aria-hidden": "true" }), "others get no answer") : null,
    ...Object.entries(MARKS)
      .filter(([kind]) => marks.has(kind))
      .map(([kind, words]) => key(el("span", { class: `sample sign ${kind}`, "aria-hidden": "true" }, SIGNS[kind]), words)),
    lanes.some((lane) => lane.members.length !== 0) ? key(el("span", { class: "sample count", "aria-hidden": "true" }, "3"), "members seen") : null,
  );
}
