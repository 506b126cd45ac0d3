// All messages of a scenario's nodes, in the order of time.

/** More at once would make browsers slow. */
const MOST_ROWS = 400;

class Said {
  constructor(scenario) {
    this.all = scenario.lanes
      .flatMap((lane) => lane.said.map((said) => ({ ...said, node: lane.name })))
      .sort((a, b) => a.at - b.at);
    this.view = null;
    const id = `filter-${scenario.name}`;
    this.field = el("input", { type: "search", id, autocomplete: "off", spellcheck: "false", placeholder: "a node, a word …" });
    this.warnings = el("input", { type: "checkbox" });
    this.body = el("tbody");
    this.note = el("p", { class: "quiet", role: "status" });
    this.summary = el("summary", {}, `What the nodes said (${many(this.all.length, "line")})`);
    this.element = el(
      "details",
      { class: "said", hidden: this.all.length === 0 ? "" : null },
      this.summary,
      el(
        "div",
        { class: "heading" },
        el("label", { class: "filter" }, el("span", {}, "Show only"), this.field),
        el("label", { class: "filter" }, this.warnings, el("span", {}, "warnings and errors")),
        this.note,
      ),
      el(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `What the nodes of ${plain(scenario.name)} said` },
        el(
          "table",
          {},
          el("thead", {}, el("tr", {}, ...["Time", "Node", "Said"].map((name) => el("th", { scope: "col" }, name)))),
          this.body,
        ),
      ),
    );
    this.field.addEventListener("input", () => this.draw());
    this.warnings.addEventListener("change", () => this.draw());
    this.element.addEventListener("toggle", () => this.draw());
  }

  /** Of this time only, or of all. */
  look(view) {
    this.view = view;
    this.draw();
  }

  draw() {
    if (!this.element.open) return;
    const wanted = this.field.value.trim().toLowerCase();
    const fits = (said) =>
      (this.view === null || (this.view.from <= said.at && said.at <= this.view.to)) &&
      (!this.warnings.checked || said.level !== "info") &&
      (wanted === "" || `${said.node} ${said.text}`.toLowerCase().includes(wanted));
    const fitting = this.all.filter(fits);
    const shown = fitting.slice(0, MOST_ROWS);
    this.body.replaceChildren(
      ...shown.map((said) =>
        el(
          "tr",
          { class: said.level === "info" ? null : "bad" },
          el("td", { class: "number" }, seconds(said.at)),
          el("td", { class: "node" }, plain(said.node)),
          el("td", { class: "text" }, said.level === "info" ? null : el("strong", {}, `${said.level === "said" ? "beside the log" : said.level}: `), plain(said.text)),
        ),
      ),
    );
    const of = this.view === null ? "" : ", of the time that is shown above";
    say(this.note, shown.length === fitting.length ? `${many(shown.length, "line")}${of}` : `the first ${shown.length} of ${fitting.length} lines${of}`);
  }
}
