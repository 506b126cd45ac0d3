// Connects the playground's state with the parts of the page.

import { Controls } from "./controls.js";
import { el, plain, say } from "./draw.js";
import { command, follow } from "./link.js";
import { Crew } from "./nodes.js";
import { Whole } from "./picture.js";
import { Timeline } from "./timeline.js";
import { age } from "./words.js";

const at = (id) => document.getElementById(id);

/** The playground has been silent for long enough to say so. */
const QUIET = 7_000;
/** How long a refusal stays. */
const REFUSED = 12_000;

const link = { live: false, heardAt: null, why: "" };

/** Has something done, and says so where it is refused. */
async function act(what) {
  try {
    await command(what);
    refuse("");
  } catch (error) {
    refuse(String(error.message));
  }
}

let forgetting = null;
function refuse(why) {
  clearTimeout(forgetting);
  at("refused").hidden = why === "";
  at("refused").textContent = why === "" ? "" : `Not done: ${plain(why)}.`;
  if (why !== "") forgetting = setTimeout(() => refuse(""), REFUSED);
}

const point = (name) => {
  whole.point(name);
  crew.point(name);
};
const whole = new Whole(at("picture"), at("legend"), point, (name) => crew.focus(name));
const crew = new Crew(at("nodes"), act, point);
const controls = new Controls(act);
const timeline = new Timeline(at("timeline"));

follow({
  heard: () => {
    link.heardAt = performance.now();
    link.live = true;
    showLink();
  },
  picture: (picture) => {
    const { headline } = picture;
    at("doing").dataset.state = headline.state;
    say(at("doing-kind"), headline.kind);
    title(at("doing-text"), headline.text);
    say(at("doing-advice"), headline.advice);
    document.title = `${headline.kind} – a cluster to play with`;
    at("nobody").hidden = picture.nodes.length !== 0;
    whole.show(picture);
    crew.show(picture);
    controls.show(picture);
    timeline.show(picture);
  },
  lost: (why) => {
    link.live = false;
    link.why = why;
    showLink();
  },
});

/** Whether what is shown is fresh. */
function showLink() {
  const silence = link.heardAt === null ? 0 : performance.now() - link.heardAt;
  const state = link.live && silence < QUIET ? "live" : link.heardAt === null && !link.why ? "wait" : "old";
  at("link").dataset.state = state;
  at("main").dataset.link = state;
  say(at("link-text"), { live: "Live", wait: "Connecting", old: "Not connected" }[state]);
  say(at("link-age"), state !== "old" ? "" : link.heardAt === null ? link.why : `${link.why}; last heard ${age(silence)} ago`);
}

setInterval(() => {
  showLink();
  timeline.age();
}, 1_000);

/** A text in which the names of nodes are not broken at their hyphens. */
function title(element, text) {
  const next = plain(text);
  if (element.textContent === next) return;
  const parts = next.split(/([^\s-]+-\d+)/);
  element.replaceChildren(...parts.map((part, n) => (n % 2 === 0 ? part : el("span", { class: "unbroken" }, part))));
}
