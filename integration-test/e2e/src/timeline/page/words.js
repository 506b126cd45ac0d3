// Words and numbers of the page. Nothing here touches it.

/** What each kind of phase, and of mark, is called in the legend. */
const KINDS = {
  starting: "starting",
  waiting: "waits for a rule",
  founding: "asks for consent",
  joining: "joins",
  member: "member, ready",
  minority: "on the smaller side of a split",
  leaving: "leaves",
};
const MARKS = { killed: "killed", ended: "ended", asked: "asked to stop", warn: "warning", error: "error" };
const SIGNS = { killed: "✕", ended: "■", asked: "▽", warn: "!", error: "!!" };
const TROUBLES = { network: "network", aws: "AWS" };
const OUTCOMES = { passed: "passed", failed: "failed", skipped: "skipped", interrupted: "interrupted" };
const STEPS = { seen: "seen", missed: "not seen", "given-up": "given up" };

/** A time that has passed, as short as it may be. */
function seconds(ms) {
  const s = ms / 1000;
  if (Math.abs(s) < 10) return `${s.toFixed(2)} s`;
  if (Math.abs(s) < 120) return `${s.toFixed(1)} s`;
  const whole = Math.round(Math.abs(s));
  return `${s < 0 ? "−" : ""}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

/** From when to when, and how long that is. */
function span(from, to) {
  return `${seconds(from)} to ${seconds(to)}, ${seconds(to - from)} long`;
}

/** Moments of round numbers from one time to another, this many at most, and how far they are apart. */
function ticks(from, to, most) {
  const least = (to - from) / most;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5].find((ms) => least <= ms) ?? 864e5;
  const first = Math.ceil(from / step) * step;
  const all = [];
  for (let at = first; at <= to; at += step) all.push(at);
  return { step, all };
}

/** A tick's own text: no more digits than tell it from its neighbours. */
function tick(at, step) {
  const digits = step < 10 ? 3 : step < 100 ? 2 : step < 1000 ? 1 : 0;
  return `${(at / 1000).toFixed(digits)} s`;
}

function many(n, one, more = `${one}s`) {
  return `${n} ${n === 1 ? one : more}`;
}

/** What became of a run, in words. */
function verdict(scenarios) {
  const count = (outcome) => scenarios.filter((scenario) => scenario.outcome === outcome).length;
  const parts = Object.keys(OUTCOMES)
    .map((outcome) => [count(outcome), OUTCOMES[outcome]])
    .filter(([n]) => n !== 0);
  return parts.map(([n, word]) => `${n} ${word}`).join(", ") || "nothing was run";
}
