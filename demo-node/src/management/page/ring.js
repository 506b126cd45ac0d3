// The members as a picture: on a ring, by zone. Shapes say the same as colours.

import { el, plain, short, svg } from "./draw.js";
import { byAddress } from "./members.js";

const TURN = 2 * Math.PI;
/** So many fit side by side; more stand in rows. */
const IN_A_ROW = 56;
/** Of so many, each is named. */
const NAMED = 24;

/** The picture in `place`. Calls `pointed` with the member under the pointer, or null, and whether it was chosen. */
export class Ring {
  constructor(place, legend, pointed) {
    this.place = place;
    this.legend = legend;
    this.members = [];
    new ResizeObserver(() => this.draw()).observe(place);
    const uid = (event) => event.target.closest("[data-uid]")?.dataset.uid ?? null;
    place.addEventListener("pointerover", (event) => pointed(uid(event), false));
    place.addEventListener("pointerleave", () => pointed(null, false));
    place.addEventListener("click", (event) => pointed(uid(event), true));
  }

  show(members) {
    this.members = members;
    this.draw();
  }

  /** Marks a member, or none. */
  point(uid) {
    for (const node of this.place.querySelectorAll("[data-uid]")) node.classList.toggle("on", node.dataset.uid === uid);
  }

  draw() {
    const size = Math.min(Math.floor(this.place.clientWidth), 460);
    if (size < 100 || this.members.length === 0) return;
    // Unchanged: nothing to draw.
    const drawn = JSON.stringify([size, this.members.map((m) => [m.nodeUid, m.label, m.zone, m.status, m.reachable, m.leader, m.oldest])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const zones = byZone(this.members);
    const plan = layout(zones, size);
    const picture = svg("svg", { viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: "img", "aria-label": summary(this.members, zones) });
    const names = suffixes(this.members.map((member) => member.label));
    for (const { path, text, at } of plan.zones) {
      picture.append(svg("path", { class: "zone", d: path }));
      if (text) picture.append(svg("text", { class: "zone-name", ...at }, text));
    }
    const lost = this.members.filter((member) => !member.reachable).length;
    picture.append(
      svg("text", { class: "total", x: size / 2, y: size / 2 + 6, "text-anchor": "middle" }, String(this.members.length)),
      svg("text", { class: "total-name", x: size / 2, y: size / 2 + 24, "text-anchor": "middle" }, this.members.length === 1 ? "member" : "members"),
    );
    if (lost !== 0) {
      const words = lost === 1 ? "1 does not answer" : `${lost} do not answer`;
      picture.append(svg("text", { class: "total-lost", x: size / 2, y: size / 2 + 42, "text-anchor": "middle" }, words));
    }
    for (const place of plan.nodes) {
      const { member, x, y, angle } = place;
      const node = svg("g", { class: kind(member), "data-uid": String(member.nodeUid) });
      node.append(svg("title", {}, `${plain(member.label)}: ${about(member)}`));
      const marks = svg("g", { transform: `translate(${round(x)} ${round(y)})` }, svg("circle", { class: "touch", r: round(plan.r + 4) }));
      if (member.self) marks.append(svg("circle", { class: "self", r: round(plan.r + 3.5) }));
      marks.append(...shape(member, plan.r));
      node.append(marks);
      if (plan.named) {
        const out = plan.outer + plan.r + 12;
        const at = { x: round(size / 2 + out * Math.cos(angle)), y: round(size / 2 + out * Math.sin(angle) + 4) };
        node.append(svg("text", { class: "node-name", ...at, "text-anchor": "middle" }, short(names.get(member.label), 8)));
      }
      picture.append(node);
    }
    this.place.replaceChildren(picture);
    this.legend.replaceChildren(...legend(this.members));
  }
}

/** Members by zone, in the order of the zones' names; those of no known zone last. */
function byZone(members) {
  const zones = new Map();
  for (const member of members) {
    const zone = member.zone ?? "";
    zones.set(zone, [...(zones.get(zone) ?? []), member]);
  }
  return [...zones].sort(([a], [b]) => (a === "") - (b === "") || byAddress(a, b));
}

/** Where everything stands. */
function layout(zones, size) {
  const all = zones.reduce((sum, [, members]) => sum + members.length, 0);
  const rows = Math.min(Math.ceil(all / IN_A_ROW), 6);
  const columns = zones.map(([, members]) => Math.ceil(members.length / rows));
  const gap = zones.length === 1 ? 0 : Math.max(0.3, columns.reduce((a, b) => a + b, 0) * 0.03);
  const slots = columns.reduce((a, b) => a + b, 0) + gap * zones.length;
  const named = all <= NAMED;
  const outer = size / 2 - (named ? 44 : 14);
  const step = rows === 1 ? 0 : Math.min(15, (outer * 0.5) / (rows - 1));
  const inner = outer - step * (rows - 1);
  const r = Math.max(1.2, Math.min(named ? 12 : 8, (inner * TURN) / slots / 2 - 1.2, rows === 1 ? 99 : step / 2 - 1));
  const arc = inner - r - 9;
  const angle = (slot) => (slot / slots) * TURN - TURN / 4;
  const at = (radius, a) => [round(size / 2 + radius * Math.cos(a)), round(size / 2 + radius * Math.sin(a))];
  const plan = { r, outer, named, nodes: [], zones: [] };
  let slot = gap / 2;
  zones.forEach(([zone, members], n) => {
    const [from, to] = [angle(slot), angle(slot + columns[n])];
    const whole = zones.length === 1;
    const [a, b] = [at(arc, from), at(arc, whole ? from + TURN * 0.9999 : to)];
    const large = whole || TURN / 2 < to - from ? 1 : 0;
    const middle = whole ? -TURN / 4 : (from + to) / 2;
    const [x, y] = at(arc - 9, middle);
    const anchor = Math.cos(middle) > 0.35 ? "end" : Math.cos(middle) < -0.35 ? "start" : "middle";
    plan.zones.push({
      path: `M${a} A${round(arc)} ${round(arc)} 0 ${large} 1 ${b}`,
      text: (to - from) * arc < 15 || (whole && !zone) ? null : arc < 100 ? [...short(zone, 99)].slice(-2).join("") : short(zone || "zone unknown", 14),
      at: { x, y: round(y + (Math.sin(middle) < -0.5 ? 14 : 4)), "text-anchor": anchor },
    });
    members.forEach((member, m) => {
      const a = angle(slot + Math.floor(m / rows) + 0.5);
      const radius = outer - step * (m % rows);
      const [x, y] = at(radius, a);
      plan.nodes.push({ member, x, y, angle: a });
    });
    slot += columns[n] + gap;
  });
  return plan;
}

function kind(member) {
  return `node ${member.reachable ? "" : "lost"} ${member.status === "Up" ? "up" : "passing"}`;
}

/** A member is a disc; the leader a star; who comes or goes is hollow; who does not answer is struck through. */
export function shape(member, r) {
  const shapes = [];
  if (member.leader) {
    const points = Array.from({ length: 10 }, (_, n) => {
      const radius = n % 2 === 0 ? r + 3 : (r + 3) * 0.52;
      return `${round(radius * Math.sin((n * TURN) / 10))},${round(-radius * Math.cos((n * TURN) / 10))}`;
    });
    shapes.push(svg("polygon", { class: "body", points: points.join(" ") }));
  } else {
    shapes.push(svg("circle", { class: "body", r: round(r) }));
  }
  if (member.oldest) shapes.push(svg("circle", { class: "eye", r: round(r * 0.34) }));
  if (!member.reachable) {
    const a = round(r * 0.72 + 2);
    shapes.push(svg("path", { class: "cross", d: `M${-a} ${-a} L${a} ${a} M${a} ${-a} L${-a} ${a}` }));
  }
  return shapes;
}

function about(member) {
  return [
    plain(member.status),
    member.reachable ? null : "does not answer",
    member.leader ? "leader" : null,
    member.oldest ? "oldest" : null,
    member.self ? "this node" : null,
    member.zone ? `zone ${plain(member.zone)}` : null,
  ]
    .filter(Boolean)
    .join(", ");
}

function summary(members, zones) {
  const lost = members.filter((member) => !member.reachable).map((member) => plain(member.label));
  const known = zones.filter(([zone]) => zone !== "").length;
  return `${members.length} members${known === 0 ? "" : ` in ${known} zones`}; ${lost.length === 0 ? "all answer" : `no answer from ${lost.slice(0, 5).join(", ")}`}. The table says the same.`;
}

/** What of each name tells it from the others: of addresses, the parts after those that all share. */
function suffixes(labels) {
  const parts = labels.map((label) => label.split("."));
  let shared = 0;
  while (1 < labels.length && parts.every((p) => shared < p.length - 1 && p[shared] === parts[0][shared])) shared += 1;
  return new Map(labels.map((label, n) => [label, shared === 0 ? label : `.${parts[n].slice(shared).join(".")}`]));
}

/** Only of what there is. */
function legend(members) {
  const plainOne = { reachable: true, status: "Up" };
  const items = [[plainOne, "member", true]];
  items.push([{ ...plainOne, leader: true }, "leader", members.some((m) => m.leader)]);
  items.push([{ ...plainOne, oldest: true }, "oldest", members.some((m) => m.oldest)]);
  items.push([{ ...plainOne, self: true }, "this node", members.some((m) => m.self)]);
  items.push([{ ...plainOne, status: "Leaving" }, "comes or goes", members.some((m) => m.status !== "Up")]);
  items.push([{ ...plainOne, reachable: false }, "does not answer", members.some((m) => !m.reachable)]);
  return items
    .filter(([, , there]) => there)
    .map(([member, name]) => {
      const node = svg("g", { class: kind(member) }, ...(member.self ? [svg("circle", { class: "self", r: 8.5 })] : []), ...shape(member, 5.5));
      return el("span", { class: "key" }, svg("svg", { viewBox: "-11 -11 22 22", width: 20, height: 20, "aria-hidden": "true" }, node), name);
    });
}

function round(n) {
  return Math.round(n * 100) / 100;
}
