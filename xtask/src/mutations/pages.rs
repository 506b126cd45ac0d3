//! Faults of the pages for people: each claim of a browser test is broken here once.

use super::fault::{Browser, Fault};

const LIFE: &str = "test(people_see_a_cluster_form_fail_and_come_back)";
const OLD: &str = "test(a_page_says_that_it_is_old_and_goes_on_when_the_node_is_back)";
const SILENT: &str = "test(a_page_says_when_the_node_falls_silent)";
const STRANGERS: &str = "test(markup_from_others_is_shown_as_it_is_written)";
const POLICY: &str = "test(what_would_get_into_the_page_all_the_same_does_not_run)";
const MANY: &str = "test(two_hundred_members_are_all_there_and_can_be_found)";
const FITS: &str = "test(every_text_stands_out_and_fits_in_both_schemes_and_on_a_narrow_screen)";
const WRONG: &str = "test(what_is_wrong_is_said_with_what_to_do)";
const AXE: &str = "test(axe_finds_nothing_in_the_pages)";
const NEWCOMER: &str =
    "test(a_newcomer_finds_the_leader_kills_it_and_is_told_what_happens_and_why)";
const SPLIT: &str =
    "test(every_text_stands_out_and_fits_while_the_network_is_split_and_aws_refuses)";
const RUN: &str = "test(a_run_is_shown_with_its_steps_its_nodes_and_its_calls)";
const TROUBLES: &str = "test(a_split_of_the_network_and_what_was_wrong_with_aws_have_their_times)";
const INTERRUPTED: &str = "test(a_run_that_is_interrupted_leaves_a_page_of_what_it_has_seen)";
const RUN_STRANGERS: &str = "test(what_nodes_and_errors_say_is_text_whatever_it_is)";
const TAMPERED: &str = "test(a_page_that_was_tampered_with_does_not_run)";

const fn fault(
    name: &'static str,
    file: &'static str,
    was: &'static str,
    becomes: &'static str,
    caught_by: &'static str,
) -> Fault {
    Fault {
        name,
        file,
        was,
        becomes,
        caught_by,
        browser: Browser::Needed,
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "page: while the cluster forms, it does not say at which stage the node waits",
        "demo-node/src/management/page/words.js",
        "at: HELD_UP_AT[reason.rule] ?? \"contacts\",",
        "at: null,",
        LIFE,
    ),
    fault(
        "page: no member is marked as the leader",
        "demo-node/src/management/page/members.js",
        "leader: member.node === answer.leader,",
        "leader: false,",
        LIFE,
    ),
    fault(
        "page: events are ignored, so a killed node looks healthy for ten more seconds",
        "demo-node/src/management/page/feed.js",
        "told.event(type, event, old);",
        "",
        LIFE,
    ),
    fault(
        "page: an unreachable member looks reachable",
        "demo-node/src/management/page/members.js",
        "reachable: observed === undefined,",
        "reachable: true,",
        LIFE,
    ),
    fault(
        "page: it does not connect again",
        "demo-node/src/management/page/feed.js",
        "    told.lost(why);\n",
        "    told.lost(why);\n    return;\n",
        OLD,
    ),
    fault(
        "page: it looks live when the node is gone",
        "demo-node/src/management/page/main.js",
        "    node.live = false;\n",
        "",
        OLD,
    ),
    fault(
        "page: it does not say that there has been no message for a long time",
        "demo-node/src/management/page/main.js",
        "const QUIET = 8_000;",
        "const QUIET = 8_000_000;",
        SILENT,
    ),
    fault(
        "page: texts from other nodes become HTML elements",
        "demo-node/src/management/page/draw.js",
        "if (element.textContent !== next) element.textContent = next;",
        "if (element.textContent !== next) element.innerHTML = next;",
        STRANGERS,
    ),
    fault(
        "page: control characters that reverse the text direction are shown",
        "demo-node/src/management/page/draw.js",
        "replace(/[\\p{C}\\u2028\\u2029]/gu,",
        "replace(/[\\u2028\\u2029]/gu,",
        STRANGERS,
    ),
    fault(
        "page: its policy allows inline scripts",
        "demo-node/src/management/page.rs",
        "script-src 'self';",
        "script-src 'self' 'unsafe-inline';",
        POLICY,
    ),
    fault(
        "page: some of many members are not shown",
        "demo-node/src/management/page/members.js",
        "const fitting = this.members.filter(fits);",
        "const fitting = this.members.filter(fits).slice(0, 150);",
        MANY,
    ),
    fault(
        "page: it does not fit a narrow screen",
        "demo-node/src/management/page/page.css",
        "  --ground: #f5f6f7;",
        "  min-width: 420px;\n  --ground: #f5f6f7;",
        FITS,
    ),
    fault(
        "page: secondary texts have too little contrast",
        "demo-node/src/management/page/page.css",
        "--quiet: #57606a;",
        "--quiet: #9aa4ae;",
        FITS,
    ),
    fault(
        "page: wrong clocks are not named",
        "demo-node/src/management/page/words.js",
        "if (clocks.length !== 0) {",
        "if (clocks.length < 0) {",
        WRONG,
    ),
    fault(
        "page: it does not declare its language",
        "demo-node/src/management/page/index.html",
        "<html lang=\"en\">",
        "<html>",
        AXE,
    ),
    fault(
        "page: on the smaller side of a split, all seems well",
        "demo-node/src/management/page/words.js",
        "  if (minority) {",
        "  if (minority && false) {",
        SPLIT,
    ),
    fault(
        "playground: it does not say why there is a new leader",
        "integration-test/e2e/src/playground/page/timeline.js",
        "  if (entry.why) item",
        "  if (false) item",
        NEWCOMER,
    ),
    fault(
        "playground: a cut network looks whole",
        "integration-test/e2e/src/playground/page/picture.js",
        "this.cut.append(svg(\"polyline\"",
        "(svg(\"polyline\"",
        SPLIT,
    ),
    fault(
        "report: the calls to AWS are not drawn",
        "integration-test/e2e/src/timeline/page/chart.js",
        "`M${(share(at, view) * 10).toFixed(1)} 0V10`",
        "\"\"",
        RUN,
    ),
    fault(
        "report: a split that was healed lasts to the end",
        "integration-test/e2e/src/timeline/gather.rs",
        "to: split.to.map_or(end, |to| apart(to, began)),",
        "to: split.to.map_or(end, |_| end),",
        TROUBLES,
    ),
    fault(
        "report: what was interrupted counts as passed",
        "integration-test/e2e/src/run.rs",
        "None => Conclusion::Interrupted,",
        "None => Conclusion::Passed,",
        INTERRUPTED,
    ),
    fault(
        "report: what turns the text around it does so in what is read out",
        "integration-test/e2e/src/timeline/page/chart.js",
        "\"aria-label\": plain(about), \"data-about\": plain(about) }, plain(name));",
        "\"aria-label\": about, \"data-about\": about }, plain(name));",
        RUN_STRANGERS,
    ),
    fault(
        "report: its policy allows any script",
        "integration-test/e2e/src/timeline/page.rs",
        "script-src '{}';",
        "script-src 'unsafe-inline'; object-src '{}';",
        TAMPERED,
    ),
];
