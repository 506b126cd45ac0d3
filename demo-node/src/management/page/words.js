// Sentences about the node's data. Nothing here touches the page.

/** What to do about each rule that a node may wait for. */
const ADVICE = {
  "no-lookup-yet": "It has only just started. If this lasts, see below how its calls to AWS end.",
  "lookup-failed": "See the reason below. Usually a permission is missing, or AWS cannot be reached.",
  "partial-view": "The next complete list ends this. With bootstrap.expected-nodes set, none is needed.",
  "new-cluster-disabled": "Start a node that may found a cluster, or set bootstrap.new-cluster-enabled to on.",
  "expected-nodes-pending":
    "The node asks again by itself. If this lasts, allow ecs:DescribeServices (on EC2 autoscaling:DescribeAutoScalingGroups) or set bootstrap.expected-nodes.",
  "too-few-contact-points": "Start more nodes. If they run already, see below what was left out of the list, and why.",
  "not-listed": "Run this node in the service, or set node.address to the address that AWS lists for it.",
  "lower-address-answers": "Usually nothing to do. If this lasts, look at that node's page: it says what it waits for.",
  "not-all-answered":
    "Check that these nodes run, that they have the same membership.keys, and that their management port can be reached.",
  "not-stable": "Nothing to do: it goes on once the list has stayed the same for that long.",
  "seeking": "Usually nothing to do. If this lasts, see below who answers.",
  "too-few-answered": "Start more nodes, or see below why contact points do not answer.",
  "clocks-apart": "ECS and EC2 set clocks by the Amazon Time Sync Service; see below which are wrong.",
};

/** The stage at which each rule makes a node wait. */
const HELD_UP_AT = {
  "no-lookup-yet": "listed",
  "lookup-failed": "listed",
  "partial-view": "listed",
  "expected-nodes-pending": "votes",
  "new-cluster-disabled": "votes",
  "lower-address-answers": "votes",
};

/** What the node does: its state, a word for it, a sentence, what to do, and at which stage it is. */
export function doing(bootstrap, members) {
  const { phase, reason } = bootstrap;
  if (phase === "waiting") {
    return {
      state: "wait",
      kind: "Waiting",
      text: sentence(bootstrap.message),
      advice: ADVICE[reason.rule] ?? "",
      link: reason.lowest ?? null,
      at: HELD_UP_AT[reason.rule] ?? "contacts",
    };
  }
  if (phase === "founding") {
    const advice = "Nothing to do: this takes a moment, or a few seconds if two nodes try at once.";
    const { quorum, consents } = bootstrap;
    const text = `Asking the others to consent to a new cluster: ${consents ?? 0} of ${quorum} have.`;
    return { state: "wait", kind: "Founding", text, advice, link: null, at: "votes" };
  }
  if (phase === "joining") {
    const text = `Joining cluster ${brief(bootstrap.formation.id)}.`;
    const advice = "Nothing to do: members let it in within seconds, or it tries another way.";
    return { state: "wait", kind: "Joining", text, advice, link: null, at: "members" };
  }
  const { minority } = members;
  if (minority) {
    return {
      state: "alarm",
      kind: "On the smaller side of a split",
      text: `This node reaches ${minority.reachable} of the members, itself included; ${minority.majority} would be a majority.`,
      advice:
        "Check the network between the nodes, or whether more than half of them have stopped. It ends when a majority is reached again.",
      link: null,
      at: null,
    };
  }
  const all = members.members.length;
  const lost = members.unreachable.length;
  const text =
    lost === 0
      ? all === 1
        ? "This node is a cluster of its own."
        : `This node is a member, and so are ${all - 1} others. All answer.`.replace("so are 1 others", "so is 1 other")
      : `This node is one of ${all} members. ${lost === 1 ? "One of them does" : `${lost} of them do`} not answer.`;
  return {
    state: lost === 0 ? "good" : "alarm",
    kind: lost === 0 ? "Member" : "Member; others do not answer",
    text,
    advice: lost === 0 ? "" : "Members that do not answer are soon removed.",
    link: null,
    at: null,
  };
}

/** What else is wrong: a title and a sentence each. */
export function notes(bootstrap, members) {
  const found = [];
  const own = members.cluster?.id;
  for (const { older, younger } of bootstrap.alarms) {
    const named = ({ id, foundedAt }) =>
      `${brief(id)}${id === own ? " (this node's)" : ""}, founded ${moment(foundedAt)}`;
    found.push([
      "Another cluster of this name was seen",
      `The older is ${named(older)}; the younger is ${named(younger)}. Its members join the older by themselves, unless bootstrap.on-rival-cluster says otherwise.`,
    ]);
  }
  const clocks = bootstrap.contactPoints
    .filter((point) => point.clockAheadMs !== undefined)
    .map((point) => `${point.contactPoint} is ${skew(point.clockAheadMs)}`);
  if (clocks.length !== 0) {
    found.push(["Clocks are wrong", `By this node's clock, ${some(clocks)}. Correct the clocks.`]);
  }
  const lookup = bootstrap.lastLookup;
  if (lookup && lookup.completeness !== "complete" && lookup.reasons.length !== 0) {
    const title = lookup.completeness === "failed" ? "The last lookup failed" : "The last lookup was partial";
    // Members only read one page at a time; that is not a fault.
    if (lookup.completeness === "failed" || bootstrap.phase !== "member") {
      found.push([title, sentence(some(lookup.reasons))]);
    }
  }
  if (bootstrap.expectedNodesProblem) {
    found.push(["The number of expected nodes is not known", sentence(bootstrap.expectedNodesProblem)]);
  }
  const faulty = bootstrap.contactPoints.filter((point) => point.problem && !point.member && point.clockAheadMs === undefined);
  if (faulty.length !== 0) {
    const title = faulty.length === 1 ? "A contact point does not count" : `${faulty.length} contact points do not count`;
    found.push([title, sentence(some(faulty.map((point) => `${point.contactPoint}: ${point.problem}`)))]);
  }
  return found;
}

/** The stages from the list to the cluster: a name, a number, and a few words. */
export function way(bootstrap, members, now) {
  const lookup = bootstrap.lastLookup;
  const points = bootstrap.contactPoints;
  const inside = points.filter((point) => point.member).length;
  const answer = points.filter((point) => point.member || point.answered).length;
  const done = bootstrap.phase === "member" || bootstrap.phase === "joining";
  const lost = members.unreachable.length;
  const complete = bootstrap.lastCompleteAt;
  return [
    {
      key: "listed",
      name: "Listed",
      number: lookup ? lookup.targets + lookup.droppedCount : "–",
      words: !lookup
        ? `by ${bootstrap.method}`
        : lookup.completeness === "complete" && complete
          ? `complete ${age(now - complete)} ago`
          : lookup.completeness,
    },
    {
      key: "dropped",
      name: "Left out",
      number: lookup ? lookup.droppedCount : "–",
      words: lookup && lookup.droppedCount !== 0 ? some(reasons(lookup), 2) : "nothing",
    },
    {
      key: "contacts",
      name: "Contact points",
      number: points.length,
      words:
        points.length === 0
          ? "none yet"
          : inside === points.length
            ? "all are members"
            : answer === points.length
              ? "all answer"
              : `${answer} ${answer === 1 ? "answers" : "answer"}, ${points.length - answer} ${points.length - answer === 1 ? "does" : "do"} not`,
    },
    {
      key: "votes",
      name: "Votes",
      number: bootstrap.consents !== null && !done ? `${bootstrap.consents}/${bootstrap.quorum}` : bootstrap.quorum,
      words: done ? `of ${bootstrap.participants} make a majority` : `needed, of ${bootstrap.participants}${bootstrap.expectedNodes === null ? " known" : ""}`,
    },
    {
      key: "members",
      name: "Members",
      number: members.members.length,
      words:
        members.members.length === 0
          ? "in no cluster yet"
          : lost === 0
            ? "all answer"
            : `${lost} ${lost === 1 ? "does" : "do"} not answer`,
    },
  ];
}

/** How often each reason is given, the most frequent first. */
function reasons(lookup) {
  const times = new Map();
  for (const [, reason] of lookup.dropped) times.set(reason, (times.get(reason) ?? 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1]).map(([reason, n]) => `${n} ${reason}`);
}

/** What happened, or null if the page does not show it. */
export function happened(type, event, name) {
  const who = event.node ? name(event.node) : "";
  switch (type) {
    case "MemberJoined":
      return `${who} asks to be let in`;
    case "MemberUp":
      return `${who} is a member`;
    case "MemberLeft":
      return `${who} is leaving`;
    case "MemberRemoved":
      return `${who} ${{ Left: "has left", Downed: "was removed", Replaced: "was replaced by a newer process" }[event.removal]}`;
    case "UnreachableMember":
      return `${who} does not answer`;
    case "ReachableMember":
      return `${who} answers again`;
    case "LeaderChanged":
      return event.leader ? `${name(event.leader)} leads` : "nobody leads";
    case "RivalCluster":
      return `another cluster of this name: ${brief(event.older.id)} is older than ${brief(event.younger.id)}`;
    case "MinorityChanged":
      return event.minority ? "this node is on the smaller side of a split" : "this node reaches a majority again";
    default:
      return null;
  }
}

/** Whether an event is bad news. */
export function isBad(type, event) {
  if (type === "MinorityChanged") return event.minority !== null;
  return type === "UnreachableMember" || type === "RivalCluster" || event.removal === "Downed";
}

/** A time that has passed, in the two largest units. */
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => size <= s);
  if (first === -1) return "0 s";
  const [size, unit] = units[first];
  const whole = `${Math.floor(s / size)} ${unit}`;
  const next = units[first + 1];
  const rest = next && unit !== "min" ? Math.floor((s % size) / next[0]) : 0;
  return rest === 0 ? whole : `${whole} ${rest} ${next[1]}`;
}

/** A moment as people write it. */
export function moment(ms) {
  return new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/** The beginning of a cluster's id tells it from others. */
export function brief(id) {
  return String(id).slice(0, 8);
}

function skew(ms) {
  return `${age(Math.abs(ms))} ${ms < 0 ? "behind" : "ahead"}`;
}

function some(items, most = 3) {
  const rest = items.length - most;
  return items.slice(0, most).join("; ") + (0 < rest ? `; and ${rest} more` : "");
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
