// The parts of the page around the members: what the node does, its way into the cluster, events and calls.

import { el, list, plain, say, toNode } from "./draw.js";
import { age, doing, moment, notes, way } from "./words.js";

const at = (id) => document.getElementById(id);

/** What the node does, and what to do about it. */
export function showDoing(bootstrap, members) {
  const now = doing(bootstrap, members);
  at("doing").dataset.state = now.state;
  say(at("doing-kind"), now.kind);
  say(at("doing-text"), now.text);
  const advice = at("doing-advice");
  const key = JSON.stringify([now.advice, now.link]);
  if (advice.dataset.key !== key) {
    advice.dataset.key = key;
    advice.replaceChildren(plain(now.advice));
    if (now.link) advice.append(" ", toNode(now.link));
  }
  advice.hidden = now.advice === "";
  return now.at;
}

/** What is wrong besides. */
export function showNotes(bootstrap, members) {
  const make = ([title, text]) => el("li", {}, el("strong", {}, plain(title)), " ", el("span", {}, plain(text)));
  list(at("notes"), notes(bootstrap, members), ([title, text]) => title + text, make);
}

/** The stages, with a mark at the one that holds the node up. */
export function showWay(bootstrap, members, now, heldUpAt) {
  const stages = way(bootstrap, members, now);
  const here = stages.findIndex((stage) => stage.key === heldUpAt);
  stages.forEach((stage, n) => (stage.state = here === -1 || n < here ? "past" : n === here ? "here" : "ahead"));
  list(
    at("way"),
    stages,
    (stage) => stage.key,
    () => el("li", {}, el("span", { class: "stage" }), el("span", { class: "figure" }), el("span", { class: "quiet" })),
    (item, stage) => {
      item.dataset.state = stage.state;
      if (stage.state === "here") item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      say(item.children[0], stage.name);
      say(item.children[1], stage.number);
      say(item.children[2], stage.words);
    },
  );
  showLeftOut(bootstrap.lastLookup);
  showContacts(bootstrap.contactPoints);
}

function showLeftOut(lookup) {
  const box = at("left-out");
  const dropped = lookup?.dropped ?? [];
  box.hidden = dropped.length === 0;
  const rest = (lookup?.droppedCount ?? 0) - dropped.length;
  say(box.querySelector("summary"), `What was left out, and why${0 < rest ? ` (the first ${dropped.length})` : ""}`);
  pairs(box, dropped.map(([id, reason]) => [id, reason, null]));
}

function showContacts(points) {
  const box = at("contacts");
  box.hidden = points.length === 0;
  say(box.querySelector("summary"), "Contact points, and who answers");
  const says = (point) => {
    const clock = point.clockAheadMs;
    const off = clock === undefined ? "" : `; its clock is ${age(Math.abs(clock))} ${clock < 0 ? "behind" : "ahead"}`;
    if (point.member) return "a member";
    if (point.problem) return point.problem + off;
    return (point.answered ? "answers" : "not heard of yet") + off;
  };
  // Those with a problem first.
  const sorted = [...points].sort((a, b) => Number(a.problem === null) - Number(b.problem === null));
  pairs(box, sorted.map((point) => [point.contactPoint, says(point), point.contactPoint]));
}

function pairs(box, rows) {
  list(
    box.querySelector("tbody"),
    rows,
    ([name]) => name,
    ([name, , link]) => el("tr", {}, el("td", {}, link ? toNode(link) : el("span", { class: "address" }, plain(name))), el("td")),
    (tr, [, text]) => say(tr.children[1], text),
  );
}

/** Calls to AWS, lookups and probes, by outcome. */
export function showCalls(bootstrap) {
  const lookup = bootstrap.lastLookup;
  say(
    at("calls-note"),
    lookup ? `To AWS and to contact points, since the node started. The last lookup took ${lookup.elapsedMs} ms.` : "No lookup has ended yet.",
  );
  const counted = { ...bootstrap.calls, Lookups: bootstrap.lookups, Probes: bootstrap.probes };
  const rows = Object.entries(counted).flatMap(([call, outcomes]) =>
    Object.entries(outcomes)
      .filter(([, times]) => times !== 0)
      .map(([outcome, times], n) => ({ call, outcome, times, first: n === 0 })),
  );
  const good = new Set(["answered", "complete"]);
  list(
    at("calls"),
    rows,
    (row) => `${row.call} ${row.outcome}`,
    (row) => el("tr", { class: good.has(row.outcome) ? null : "off" }, el("th", { scope: "row" }, el("span")), el("td", {}, plain(row.outcome)), el("td", { class: "number" })),
    (tr, row) => {
      tr.classList.toggle("first", row.first);
      // Shown once; a screen reader says it each time.
      const call = tr.children[0].firstChild;
      say(call, row.call);
      call.classList.toggle("unseen", !row.first);
      say(tr.children[2], row.times.toLocaleString("en"));
    },
  );
}

/** What happened while the page was open, the latest first. */
export class Events {
  constructor() {
    this.events = [];
    this.number = 0;
    say(at("events-since"), `Since this page was opened, ${moment(Date.now())}.`);
  }

  add(text, bad = false) {
    const time = new Date().toLocaleTimeString([], { hour12: false });
    this.number += 1;
    this.events = [{ number: this.number, time, text, bad }, ...this.events].slice(0, 60);
    list(
      at("events"),
      this.events,
      (event) => event.number,
      (event) => el("li", { class: event.bad ? "bad" : null }, el("time", {}, event.time), el("span", {}, plain(event.text))),
    );
  }
}
