// One card per node: its state, its controls, and a link to its own page.

import { el, list, plain, say, svg } from "./draw.js";
import { word } from "./picture.js";
import { doing } from "./words.js";

const DEEDS = [
  { do: "kill", name: "Kill", title: "It ends at once, without leaving, as in a power failure" },
  { do: "stop", name: "Stop", title: "ECS asks it to stop: it leaves the cluster first" },
  { do: "freeze", name: "Freeze", title: "It stands still, but does not know it" },
  { do: "thaw", name: "Resume", title: "It continues" },
];

/** The list in `place`. Has something done by `act`; calls `pointed` with the node under the pointer, or null. */
export class Crew {
  constructor(place, act, pointed) {
    this.place = place;
    this.act = act;
    const name = (event) => event.target.closest("li")?.dataset.key ?? null;
    place.addEventListener("pointerover", (event) => pointed(name(event)));
    place.addEventListener("pointerleave", () => pointed(null));
  }

  show({ nodes }) {
    list(
      this.place,
      nodes,
      (node) => node.name,
      (node) => this.card(node),
      (card, node) => fill(card, node),
    );
  }

  /** Marks a node, or none. */
  point(name) {
    for (const card of this.place.children) card.classList.toggle("on", card.dataset.key === name);
  }

  /** Brings a node before the eyes, and the keyboard to it. */
  focus(name) {
    const card = [...this.place.children].find((child) => child.dataset.key === name);
    card?.scrollIntoView({ block: "nearest" });
    card?.querySelector("button:not([hidden])")?.focus({ preventScroll: true });
  }

  card(node) {
    const name = plain(node.name);
    const buttons = DEEDS.map((deed) => {
      const button = el("button", { type: "button", title: deed.title, "data-do": deed.do, "aria-label": `${deed.name} ${name}` }, deed.name);
      button.addEventListener("click", () => this.act({ do: deed.do, node: node.name }));
      return button;
    });
    const page = el("a", { class: "page", href: node.page, target: "_blank", rel: "noreferrer", "aria-label": `The page of ${name}, in a new tab` }, "its page ↗");
    const log = el("a", { class: "page", href: `nodes/${encodeURIComponent(node.name)}/log`, target: "_blank", rel: "noreferrer", "aria-label": `The log of ${name}, in a new tab` }, "log ↗");
    return el(
      "li",
      {},
      el("p", { class: "title" }, el("strong", {}, name), el("span", { class: "marks" }), el("span", { class: "address quiet" }, plain(node.address))),
      el("p", { class: "says" }),
      el("p", { class: "deeds" }, ...buttons, el("span", { class: "ways" }, page, log)),
    );
  }
}

function fill(card, node) {
  card.className = [node.life, node.lost ? "lost" : "", card.classList.contains("on") ? "on" : ""].join(" ").trim();
  const marks = [node.leads && "leader", node.oldest && "oldest"].filter(Boolean);
  list(card.querySelector(".marks"), marks, (mark) => mark, (mark) => el("span", { class: "badge" }, mark));
  say(card.querySelector(".says"), sentence(node));
  const can = {
    kill: node.life === "running" || node.life === "frozen",
    stop: node.life === "running",
    freeze: node.life === "running",
    thaw: node.life === "frozen",
  };
  for (const button of card.querySelectorAll("button")) {
    const shown = can[button.dataset.do];
    // Keeps the keyboard focus on the button that was just pressed.
    if (!shown && document.activeElement === button) card.querySelector("a")?.focus();
    button.hidden = !shown;
  }
  for (const way of card.querySelectorAll(".page")) way.hidden = node.life === "ended" || node.life === "frozen" || (way.textContent.startsWith("log") && node.life === "stopping");
}

function sentence(node) {
  if (node.life === "ended") return "Its process is gone; the others must notice by themselves.";
  if (node.life === "frozen") return "Frozen: it does not answer, and does not know it.";
  if (!node.answers) return node.voice ? "Says nothing." : "Starts.";
  const { bootstrap, members } = node.voice;
  if (node.life === "stopping") return "Leaves the cluster and ends.";
  if (bootstrap.phase !== "member") return doing(bootstrap, members).text;
  if (members.minority) return `On the smaller side: reaches ${members.minority.reachable}, and ${members.minority.majority} would be a majority. Not ready.`;
  const [all, lost] = [members.members.length, members.unreachable.length];
  const sees = all === 1 ? "Sees only itself." : `Sees ${all} members`;
  return all === 1 ? sees : lost === 0 ? `${sees}; all answer.` : `${sees}; ${lost} ${lost === 1 ? "does" : "do"} not answer.`;
}
