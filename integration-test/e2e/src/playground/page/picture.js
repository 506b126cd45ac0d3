// All nodes in one picture: on a ring, AWS in the middle, and lines between them for what each says about the others.

import { el, plain, svg } from "./draw.js";
import { shape } from "./ring.js";

const TURN = 2 * Math.PI;
/** As large as there is room for, between these. */
const SIZES = [300, 460];
/** Around the ring, for names; where there is less room, they stand above and below their nodes, and many are short. */
const MARGIN = { wide: 118, narrow: 60 };
const NARROW = 400;
const MANY = 7;
/** A node is so large. */
const R = 17;
/** A call to AWS is seen for so long. */
const CALL = 1_600;

/** The picture in `place`. Calls `pointed` with the node under the pointer, or null, and `chosen` with one that was clicked. */
export class Whole {
  constructor(place, legend, pointed, chosen) {
    this.place = place;
    this.legend = legend;
    this.cut = svg("g", { class: "cut" });
    this.links = svg("g");
    this.calls = svg("g");
    this.aws = svg("g", { class: "aws" }, svg("rect", { x: -46, y: -25, width: 92, height: 50, rx: 10 }));
    this.aws.append(text("aws-name", 0, -3, "AWS"), text("aws-says", 0, 14, ""));
    this.nodes = svg("g");
    this.picture = svg("svg", { class: "whole", role: "img" }, this.cut, this.links, this.calls, this.aws, this.nodes);
    place.append(this.picture);
    new ResizeObserver(() => this.last && this.show(this.last)).observe(place);
    const name = (event) => event.target.closest("[data-name]")?.dataset.name ?? null;
    place.addEventListener("pointerover", (event) => pointed(name(event)));
    place.addEventListener("pointerleave", () => pointed(null));
    place.addEventListener("click", (event) => name(event) && chosen(name(event)));
    this.drawn = new Map();
    this.called = new Map();
  }

  /** Marks a node, or none. */
  point(name) {
    for (const [other, node] of this.drawn) node.classList.toggle("on", other === name);
  }

  show(picture) {
    this.last = picture;
    const size = Math.max(SIZES[0], Math.min(SIZES[1], Math.floor(this.place.clientWidth)));
    this.picture.setAttribute("viewBox", `${-size / 2} ${-size / 2} ${size} ${size}`);
    const narrow = size < NARROW;
    this.aws.style.transform = narrow ? "scale(0.8)" : "none";
    const places = arrange(picture, size / 2 - (narrow ? MARGIN.narrow : MARGIN.wide));
    this.drawNodes(picture, places, narrow);
    this.drawLinks(picture, places);
    this.drawCut(picture, places);
    this.drawCalls(picture, places);
    const wrong = picture.troubles.filter((trouble) => trouble.on).length !== 0 || picture.apart;
    this.aws.classList.toggle("wrong", wrong);
    const listed = picture.tasks.filter((task) => task.desired === "RUNNING").length;
    this.aws.lastChild.textContent = `${listed} of ${picture.service.desired} tasks`;
    this.picture.setAttribute("aria-label", `${picture.headline.text} The list of nodes says the same.`);
    this.legend.replaceChildren(...legend(picture));
  }

  drawNodes({ nodes }, places, narrow) {
    const there = new Set();
    for (const node of nodes) {
      there.add(node.name);
      let group = this.drawn.get(node.name);
      if (!group) {
        group = svg("g", { "data-name": node.name });
        this.drawn.set(node.name, group);
        this.nodes.append(group);
      }
      const { x, y, angle } = places.get(node.name);
      group.style.transform = `translate(${round(x)}px, ${round(y)}px)`;
      const looks = JSON.stringify([node.life, node.answers, node.cluster, node.leads, node.oldest, node.lost, word(node), votes(node), Math.round(angle * 100), narrow, nodes.length]);
      if (group.dataset.looks === looks) continue;
      group.dataset.looks = looks;
      const on = group.classList.contains("on") ? " on" : "";
      group.setAttribute("class", `${kind(node)}${on}`);
      group.replaceChildren(svg("circle", { class: "touch", r: R + 7 }), ...ballot(node), ...shape(like(node), R));
      if (node.life === "frozen") group.append(frost(R - 5));
      if (narrow && MANY < nodes.length) {
        const away = R + 14;
        group.append(text("node-name", away * Math.cos(angle), away * Math.sin(angle) + 4, plain(node.name.split("-").pop())));
      } else {
        const [x0, y0, anchor] = narrow ? beside(angle) : outside(angle);
        group.append(text("node-name", x0, y0, plain(node.name), anchor), text("node-word", x0, y0 + 14, word(node), anchor));
      }
      group.append(svg("title", {}, `${plain(node.name)}: ${about(node)}`));
    }
    for (const [name, group] of this.drawn) {
      if (!there.has(name)) {
        group.remove();
        this.drawn.delete(name);
      }
    }
  }

  drawLinks({ nodes, links }, places) {
    const cluster = new Map(nodes.map((node) => [node.name, node.cluster]));
    const lines = links.map(({ a, b, state }) => {
      const [from, to] = [places.get(a), places.get(b)];
      const second = 0 < (cluster.get(a) ?? cluster.get(b) ?? 0) ? " second" : "";
      return svg("line", { class: `bond ${state}${second}`, x1: round(from.x), y1: round(from.y), x2: round(to.x), y2: round(to.y) });
    });
    const drawn = lines.map((line) => line.outerHTML).join();
    if (drawn !== this.linked) this.links.replaceChildren(...lines);
    this.linked = drawn;
  }

  /** Where the network is cut: between the last node of one side and the first of the other, twice. */
  drawCut({ split }, places) {
    const drawn = JSON.stringify([split, [...places]]);
    if (drawn === this.wasCut) return;
    this.wasCut = drawn;
    this.cut.replaceChildren();
    if (split.length === 0) return;
    const all = [...places.values()].sort((a, b) => a.angle - b.angle);
    const angles = all.map((place, n) => {
      const next = all[(n + 1) % all.length];
      const to = next.angle <= place.angle ? next.angle + TURN : next.angle;
      return place.side === next.side ? null : (place.angle + to) / 2;
    });
    for (const angle of angles.filter((angle) => angle !== null)) {
      const points = Array.from({ length: 10 }, (_, n) => {
        const away = 34 + (n * (all[0].radius + 20)) / 9;
        const aside = n % 2 === 0 ? 5 : -5;
        return `${round(away * Math.cos(angle) - aside * Math.sin(angle))},${round(away * Math.sin(angle) + aside * Math.cos(angle))}`;
      });
      this.cut.append(svg("polyline", { points: points.join(" ") }));
    }
  }

  /** Each new call to AWS is a line to the middle, for a moment. */
  drawCalls({ now, nodes }, places) {
    for (const node of nodes) {
      if (!node.called) continue;
      const [at, good] = node.called;
      if (this.called.get(node.name) === at) continue;
      this.called.set(node.name, at);
      if (CALL < now - at) continue;
      const { x, y } = places.get(node.name);
      const line = svg("line", { class: `call${good ? "" : " refused"}`, x1: round(x), y1: round(y), x2: 0, y2: 0 });
      this.calls.append(line);
      setTimeout(() => line.remove(), CALL);
    }
  }
}

/** Where each node stands: those of a side, or of a cluster, side by side. */
function arrange({ nodes, split }, radius) {
  const apart = new Set(split);
  const side = (node) => (apart.has(node.name) ? 1 : 0);
  const group = (node) => side(node) * 100 + (node.cluster ?? 0);
  const sorted = nodes.map((node, n) => ({ node, n })).sort((a, b) => group(a.node) - group(b.node) || a.n - b.n);
  const gap = (one, other) => (one && other && side(one.node) !== side(other.node) ? 0.6 : 0);
  const gaps = sorted.reduce((sum, one, n) => sum + gap(one, sorted[(n + 1) % sorted.length]), 0);
  const slots = Math.max(sorted.length + gaps, 1);
  const places = new Map();
  let slot = 0;
  sorted.forEach((one, n) => {
    const angle = (slot / slots) * TURN - TURN / 4;
    places.set(one.node.name, { x: radius * Math.cos(angle), y: radius * Math.sin(angle), angle, radius, side: side(one.node) });
    slot += 1 + gap(one, sorted[n + 1]);
  });
  return places;
}

/** Where the words about a node stand: away from the ring. */
function outside(angle) {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const anchor = 0.35 < dx ? "start" : dx < -0.35 ? "end" : "middle";
  return [dx * (R + 12), dy * (R + 12) + (dy < -0.6 ? -14 : 0.6 < dy ? 12 : -2), anchor];
}

/** Above it or below it. */
function beside(angle) {
  return [0, Math.sin(angle) < -0.2 ? -R - 26 : R + 20, "middle"];
}

/** In the words of a node's own page: a member is a disc, the leader a star, and so on. */
function like(node) {
  return { leader: node.leads, oldest: node.oldest, reachable: !(node.lost || node.life === "ended") };
}

function kind(node) {
  const lost = node.lost || node.life === "ended";
  const in_it = node.cluster !== null && node.life !== "stopping";
  return `node ${lost ? "lost" : ""} ${in_it || lost ? "up" : "passing"} ${0 < (node.cluster ?? 0) ? "second" : ""} ${node.life}`;
}

function frost(r) {
  const arms = [0, 1, 2].map((n) => {
    const [x, y] = [Math.cos((n * TURN) / 6) * r, Math.sin((n * TURN) / 6) * r];
    return `M${round(-x)} ${round(-y)}L${round(x)} ${round(y)}`;
  });
  return svg("path", { class: "frost", d: arms.join("") });
}

/** While a node asks for votes: how many it has, as a part of a ring around it. */
function ballot(node) {
  const has = votes(node);
  if (!has) return [];
  const around = TURN * (R + 6);
  const part = Math.min(1, has[0] / has[1]) * around;
  return [svg("circle", { class: "ballot", r: R + 6 }), svg("circle", { class: "ballot has", r: R + 6, "stroke-dasharray": `${round(part)} ${round(around)}`, transform: "rotate(-90)" })];
}

function votes(node) {
  const bootstrap = node.voice?.bootstrap;
  if (!node.answers || bootstrap?.phase !== "founding") return null;
  return [bootstrap.consents ?? 0, bootstrap.quorum];
}

/** What a node is or does, in a word or two. */
export function word(node) {
  if (node.life === "ended") return "gone";
  if (node.life === "frozen") return "frozen";
  if (node.life === "stopping") return "leaving";
  if (!node.answers) return node.voice ? "silent" : "starting";
  const has = votes(node);
  if (has) return `${has[0]} of ${has[1]} votes`;
  const { phase } = node.voice.bootstrap;
  if (phase === "member") return node.voice.members.minority ? "smaller side" : node.leads ? "leads" : node.lost ? "lost" : "member";
  return { waiting: "waits", joining: "joins" }[phase] ?? phase;
}

function about(node) {
  return [word(node), node.leads ? "leader" : null, node.oldest ? "oldest" : null, node.lost ? "does not answer others" : null].filter(Boolean).join(", ");
}

/** Only of what there is. */
function legend({ nodes, links, split, clusters }) {
  const one = { life: "running", answers: true, cluster: 0 };
  const key = (node, words) => {
    const parts = [...shape(like(node), 5.5), ...(node.life === "frozen" ? [frost(4)] : [])];
    return el("span", { class: "key" }, svg("svg", { viewBox: "-11 -11 22 22", width: 20, height: 20, "aria-hidden": "true" }, svg("g", { class: kind(node) }, ...parts)), words);
  };
  const stroke = (name, words) =>
    el("span", { class: "key" }, svg("svg", { viewBox: "0 0 22 10", width: 22, height: 10, "aria-hidden": "true" }, svg("line", { class: name, x1: 1, y1: 5, x2: 21, y2: 5 })), words);
  const is = (what) => nodes.some(what);
  const bound = (state) => links.some((link) => link.state === state);
  return [
    is((node) => node.cluster === 0) && key(one, "member"),
    1 < clusters.length && key({ ...one, cluster: 1 }, "of the younger cluster"),
    is((node) => node.leads) && key({ ...one, leads: true }, "leader: the lowest address"),
    is((node) => node.oldest) && key({ ...one, oldest: true }, "oldest"),
    is((node) => node.cluster === null && node.life === "running" && !node.lost) && key({ ...one, cluster: null }, "in no cluster yet"),
    is((node) => node.life === "frozen") && key({ ...one, cluster: null, life: "frozen" }, "frozen"),
    is((node) => node.lost || node.life === "ended") && key({ ...one, lost: true }, "does not answer"),
    bound("both") && stroke("bond both", "count on each other"),
    bound("one") && stroke("bond one", "only one does, or can"),
    bound("lost") && stroke("bond lost", "no answer"),
    split.length !== 0 && stroke("cutting", "the network is cut"),
  ].filter(Boolean);
}

function text(name, x, y, words, anchor = "middle") {
  return svg("text", { class: name, x: round(x), y: round(y), "text-anchor": anchor }, words);
}

function round(n) {
  return Math.round(n * 100) / 100;
}
