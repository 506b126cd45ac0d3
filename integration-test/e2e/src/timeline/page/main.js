// Connects the run, which is in the page as data, with the parts of the page.

const run = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const SIGN = { passed: "✓", failed: "✕", skipped: "–", interrupted: "‖" };

say(at("run"), `on ${run.target}, ${new Date(run.began).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" })}, ${seconds(run.took)}`);
say(at("verdict-text"), verdict(run.scenarios));
at("verdict").dataset.state = run.scenarios.some((scenario) => ["failed", "interrupted"].includes(scenario.outcome)) ? "old" : "live";
document.title = `${verdict(run.scenarios)} – end-to-end run`;

const boxes = run.scenarios.map((scenario) => box(scenario));
at("scenarios").append(...boxes);
at("overview").append(...run.scenarios.map((scenario, n) => glance(scenario, boxes[n])));

const failed = boxes.filter((_, n) => run.scenarios[n].outcome === "failed");
if (!reach()) for (const one of failed.length === 0 ? boxes.slice(0, 1) : failed) one.open = true;
addEventListener("hashchange", reach);

/** Opens the scenario that the address names, if it names one. */
function reach() {
  const named = boxes.find((one) => `#${encodeURIComponent(one.id)}` === location.hash);
  if (named) {
    named.open = true;
    named.scrollIntoView();
  }
  return Boolean(named);
}

/** A line of the overview. */
function glance(scenario, box) {
  const bar = el("span", { class: `while ${scenario.outcome}` });
  place(bar, scenario.began, scenario.began + scenario.took, { from: 0, to: Math.max(run.took, 1) });
  const link = el("a", { href: `#${encodeURIComponent(box.id)}` }, plain(scenario.name));
  link.addEventListener("click", () => (box.open = true));
  return el(
    "li",
    { class: scenario.outcome },
    link,
    el("span", { class: "track", "aria-hidden": "true" }, bar),
    el("span", { class: "outcome" }, `${SIGN[scenario.outcome]} ${OUTCOMES[scenario.outcome]}`),
    el("span", { class: "number" }, scenario.outcome === "skipped" ? "" : seconds(scenario.took)),
  );
}

/** All of a scenario. What is in it is made when it is opened. */
function box(scenario) {
  const outcome = `${SIGN[scenario.outcome]} ${OUTCOMES[scenario.outcome]}${scenario.outcome === "skipped" ? "" : ` in ${seconds(scenario.took)}`}`;
  const box = el(
    "details",
    { class: `scenario ${scenario.outcome}`, id: scenario.name },
    el("summary", {}, el("h2", {}, plain(scenario.name)), " ", el("span", { class: "outcome" }, outcome)),
    el("p", { class: "about" }, plain(scenario.about)),
    scenario.why ? el("ul", { class: "notes" }, el("li", {}, el("strong", {}, scenario.outcome === "failed" ? "It failed" : "It was skipped"), " ", el("span", {}, plain(scenario.why)))) : null,
    scenario.logs ? el("p", { class: "quiet" }, "Logs: ", el("span", { class: "address" }, plain(scenario.logs))) : null,
  );
  let drawn = scenario.outcome === "skipped";
  box.addEventListener("toggle", () => {
    if (!box.open || drawn) return;
    drawn = true;
    const said = new Said(scenario);
    box.append(new Chart(scenario, (view) => said.look(view)).element, said.element);
  });
  return box;
}
