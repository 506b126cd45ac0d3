// Connects the node's data with the parts of the page.

import { say } from "./draw.js";
import { ask, follow } from "./feed.js";
import { Table, labels, rows } from "./members.js";
import { Events, showCalls, showDoing, showNotes, showWay } from "./panels.js";
import { Ring } from "./ring.js";
import { age, brief, happened, isBad } from "./words.js";

const at = (id) => document.getElementById(id);

/** How often the bootstrap is asked for what no event tells: on the way into a cluster, and afterwards. */
const LOOK = { outside: 2_000, member: 10_000 };
/** Events come in crowds: not more often than this. */
const GATHER = 150;
/** The node has been silent for long enough to say so. */
const QUIET = 8_000;

const events = new Events();
const table = new Table(at("table"), at("filter-text"), (uid) => ring.point(uid));
const ring = new Ring(at("ring"), at("legend"), (uid, chosen) => {
  table.point(uid, chosen);
  ring.point(uid);
});

const node = {
  /** The latest answers. */
  bootstrap: null,
  members: null,
  /** How far this browser's clock is from the node's. */
  ahead: 0,
  live: false,
  heardAt: null,
  why: "",
  /** Whether events may have been missed. */
  missed: false,
};

const now = () => Date.now() + node.ahead;

follow({
  heard: () => {
    node.heardAt = performance.now();
    showLink();
  },
  event: (type, event, old) => {
    if (old) return;
    const known = node.members?.members.map((member) => member.node) ?? [];
    const name = labels(event.node ? [...new Set([...known, event.node])] : known);
    const text = happened(type, event, name);
    if (text) events.add(text, isBad(type, event));
    look.soon();
  },
  live: () => {
    if (node.missed) events.add("the node answers this page again");
    node.live = true;
    look.soon();
    showLink();
  },
  lost: (why) => {
    if (node.live) events.add("the node does not answer this page", true);
    node.missed ||= node.live;
    node.live = false;
    node.why = why;
    showLink();
  },
});

/** Asks the node, at most one question of a kind at a time. */
const look = {
  timer: null,
  due: Infinity,
  busy: false,
  again: false,

  soon() {
    if (this.busy) this.again = true;
    else this.within(GATHER);
  },

  within(ms) {
    const due = performance.now() + ms;
    if (this.due <= due) return;
    this.due = due;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), ms);
  },

  async now() {
    this.due = Infinity;
    this.busy = true;
    this.again = false;
    try {
      if (node.live) await answers();
    } catch (error) {
      node.why = String(error.message);
    }
    this.busy = false;
    this.within(this.again ? GATHER : node.bootstrap?.phase === "member" ? LOOK.member : LOOK.outside);
  },
};

async function answers() {
  const [bootstrap, members] = await Promise.all([ask("bootstrap"), ask("cluster/members")]);
  node.heardAt = performance.now();
  node.ahead = members.now - Date.now();
  // The header has whole seconds.
  if (Math.abs(node.ahead) < 1_500) node.ahead = 0;
  if (node.missed && node.members) meanwhile(node.members, members.body);
  node.missed = false;
  node.bootstrap = bootstrap.body;
  node.members = members.body;
  show();
  showLink();
}

/** What must have happened while no events came. */
function meanwhile(before, after) {
  const name = labels([...new Set([...before.members, ...after.members].map((member) => member.node))]);
  const uids = (answer) => new Set(answer.members.map((member) => member.nodeUid));
  const [old, fresh] = [uids(before), uids(after)];
  const came = after.members.filter((member) => !old.has(member.nodeUid));
  const went = before.members.filter((member) => !fresh.has(member.nodeUid));
  for (const [who, words] of [
    [went, "gone meanwhile"],
    [came, "come meanwhile"],
  ]) {
    if (who.length !== 0) {
      const first = who.slice(0, 5).map((member) => name(member.node)).join(", ");
      events.add(`${words}: ${first}${who.length <= 5 ? "" : ` and ${who.length - 5} more`}`);
    }
  }
}

function show() {
  const { bootstrap, members } = node;
  const [, cluster, socket] = /^cluster:\/\/(.*)@(.*)$/.exec(members.selfNode) ?? [null, "", members.selfNode];
  say(at("node"), socket);
  const id = members.cluster?.id;
  say(at("cluster"), id ? `${cluster}, cluster ${brief(id)}` : `${cluster}, in no cluster yet`);
  at("cluster").title = id ?? "";
  document.title = `${socket} – ${cluster}`;
  showWay(bootstrap, members, now(), showDoing(bootstrap, members));
  showNotes(bootstrap, members);
  showCalls(bootstrap);
  const all = rows(members);
  at("nobody").hidden = all.length !== 0;
  at("both").hidden = all.length === 0;
  ring.show(all);
  table.show(all, now());
}

/** Whether what is shown is fresh. */
function showLink() {
  const silence = node.heardAt === null ? 0 : performance.now() - node.heardAt;
  const state = node.live && silence < QUIET ? "live" : node.heardAt === null && !node.why ? "wait" : "old";
  at("link").dataset.state = state;
  at("main").dataset.link = state;
  say(at("link-text"), { live: "Live", wait: "Connecting", old: node.live ? "Silent" : "Not connected" }[state]);
  say(at("link-age"), state !== "old" ? "" : node.heardAt === null ? node.why : `last heard ${age(silence)} ago, trying again`);
  at("link").title = state === "old" ? node.why : "";
}

setInterval(() => {
  showLink();
  if (node.members && !document.hidden) {
    table.show(table.members, now());
    showWay(node.bootstrap, node.members, now(), showDoing(node.bootstrap, node.members));
  }
}, 1_000);
