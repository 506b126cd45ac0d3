// The user's actions, and what the nodes then reported: the latest first.

import { el, list, plain, say } from "./draw.js";
import { byAddress } from "./members.js";
import { age } from "./words.js";

const LANES = { you: "You", aws: "ECS", story: "Story", nodes: "Nodes" };

/** The timeline in `place`. */
export class Timeline {
  constructor(place) {
    this.place = place;
    this.entries = [];
  }

  show({ began, nodes, diary }) {
    this.began = began;
    // How many nodes report something.
    this.all = nodes.filter((node) => node.answers).length;
    const last = diary.at(-1)?.id;
    const seen = JSON.stringify([last, diary.slice(-30).map((entry) => entry.by.length)]);
    if (seen === this.seen) return;
    this.seen = seen;
    this.entries = [...diary].reverse();
    list(this.place, this.entries, (entry) => entry.id, row, (item, entry) => fill(item, entry));
    this.age();
  }

  /** Says how long ago each was. */
  age() {
    for (const [n, entry] of this.entries.entries()) {
      const time = this.place.children[n]?.querySelector("time");
      if (time) say(time, age(Date.now() - this.began - entry.at));
    }
  }
}

function row(entry) {
  const words = el("p", { class: "words" }, el("span", { class: "lane" }, LANES[entry.lane]), " ", el("span", { class: "text" }, plain(entry.text)));
  const item = el("li", { class: `by-${entry.lane}${entry.bad ? " bad" : ""}` }, el("time", {}), el("div", {}, words));
  if (entry.lane === "nodes") words.append(" ", el("span", { class: "by" }));
  if (entry.why) item.lastChild.append(el("p", { class: "why" }, plain(entry.why)));
  return item;
}

function fill(item, entry) {
  const by = item.querySelector(".by");
  const names = [...entry.by].sort(byAddress);
  if (by) say(by, names.length <= 3 ? names.join(", ") : `${names.slice(0, 2).join(", ")} and ${names.length - 2} others`);
}
