//! The report for people: first what was seen, part by part, then what is wrong, and at the end what to do first.

use std::fmt::Write as _;

use discovery::{Chain, Resolved, excerpt};

use super::{
    calls::{self, Call, CallResult},
    facts::{Facts, Gossip, Here, Management, Point, Scope, Stranger, short_name},
    finding::{Finding, Severity},
    judge::Diagnosis,
    needs,
    wrap::{COLUMNS, wrapped},
};
use crate::{bootstrap::clocks::Skew, cluster::ClusterId};

/// How many rows of a list that may have hundreds are shown.
const MOST_SHOWN: usize = 20;

/// How much is shown of a text from others, in characters.
const LONGEST: usize = 200;

/// The report, with or without colours.
#[must_use]
pub fn report(facts: &Facts, diagnosis: &Diagnosis, coloured: bool) -> String {
    let paint = Paint(coloured);
    let mut parts = vec![
        here(facts, paint),
        asked(facts, paint),
        made(&facts.calls, paint),
    ];
    if let Ok(resolved) = &facts.lookup {
        parts.push(listed(resolved, facts, paint));
    }
    parts.push(points(facts, paint));
    parts.push(rules(facts, paint));
    parts.push(findings(&diagnosis.findings, paint));
    parts.push(first(diagnosis, paint));
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn here(facts: &Facts, paint: Paint) -> String {
    let Here {
        address,
        task,
        node,
    } = &facts.here;
    let mut out = paint.heading("HERE");
    match address {
        Ok(own) => {
            let source = own.source.as_ref();
            let source = source.map_or("node.address".to_owned(), ToString::to_string);
            line(&mut out, "address", &format!("{}, from {source}", own.ip));
        }
        Err(error) => line(&mut out, "address", &format!("not known: {}", Chain(error))),
    }
    let zone = address.as_ref().ok().and_then(|own| own.zone.clone());
    let zone = zone.or_else(|| task.as_ref()?.zone.clone());
    if let Some(zone) = zone {
        line(&mut out, "zone", &excerpt(&zone, LONGEST));
    }
    if let Some(task) = task {
        line(&mut out, "task", &excerpt(&task.arn, LONGEST));
        if let Some(cluster) = &task.cluster {
            line(&mut out, "cluster", &excerpt(short_name(cluster), LONGEST));
        }
        let service = task
            .service
            .as_deref()
            .unwrap_or("none in the task metadata");
        line(&mut out, "service", &excerpt(service, LONGEST));
        if let Some(mode) = &task.network_mode {
            line(&mut out, "network", &excerpt(mode, LONGEST));
        }
    }
    if let Some(caller) = calls::caller(&facts.calls) {
        line(&mut out, "caller", &excerpt(caller, LONGEST));
    }
    if let Some(node) = node {
        let what = match &node.management {
            Management::Proven(_) => {
                let says = node.says.as_deref().unwrap_or("nothing");
                format!("runs at {}, and says: {says}", node.at)
            }
            other => format!(
                "none with these settings at {}: {}",
                node.at,
                management(other)
            ),
        };
        line(&mut out, "node", &what);
    }
    out
}

fn asked(facts: &Facts, paint: Paint) -> String {
    let asked = &facts.asked;
    let mut out = paint.heading("LOOKED UP");
    line(&mut out, "method", asked.method.as_str());
    match &asked.scope {
        Scope::EcsCluster(cluster) => {
            line(&mut out, "cluster", &excerpt(cluster, LONGEST));
            line(&mut out, "service", &asked.looked_up().join(", "));
        }
        Scope::TagKey(key) => {
            let values = asked.looked_up().join(",");
            line(
                &mut out,
                "tag",
                &excerpt(&format!("{key}={values}"), LONGEST),
            );
        }
        Scope::List => line(&mut out, "service", &asked.service),
    }
    if !asked.tags.is_empty() {
        line(&mut out, "tags", &excerpt(&asked.tags.join(", "), LONGEST));
    }
    if let Some(region) = &asked.region {
        line(&mut out, "region", region);
    }
    if let Some(role) = &asked.role {
        line(&mut out, "role", &excerpt(role, LONGEST));
    }
    line(&mut out, "family", asked.family.as_str());
    if let Err(error) = &facts.lookup {
        line(&mut out, "failed", &Chain(error).to_string());
    }
    out
}

fn made(calls: &[Call], paint: Paint) -> String {
    if calls.is_empty() {
        return String::new();
    }
    let mut out = paint.heading("CALLS TO AWS");
    for Call { action, result, .. } in calls {
        let (word, rest) = match result {
            CallResult::Allowed => (paint.good("allowed "), String::new()),
            CallResult::Denied { resource, .. } => {
                let on = resource.as_deref();
                let on = on.map_or(String::new(), |on| format!(" on {}", excerpt(on, LONGEST)));
                (paint.bad("denied  "), on)
            }
            // The reason is in the part LOOKED UP, or among the findings.
            CallResult::Failed(_) => (paint.bad("failed  "), String::new()),
            CallResult::NotMade(why) => ("not made".to_owned(), format!(": {why}")),
        };
        styled(&mut out, 8, &word, &format!("{action}{rest}"));
    }
    out
}

fn listed(resolved: &Resolved, facts: &Facts, paint: Paint) -> String {
    let own = facts.here.task.as_ref().map(|task| task.arn.as_str());
    let ip = facts.here.address.as_ref().ok().map(|own| own.ip);
    let mut out = paint.heading("LISTED");
    if resolved.targets.is_empty() && resolved.dropped.is_empty() {
        let _ = writeln!(out, "  nobody");
    }
    for target in resolved.targets.iter().take(MOST_SHOWN) {
        let this = if Some(target.address) == ip || own == Some(target.id.as_str()) {
            " (this one)"
        } else {
            ""
        };
        let about: Vec<String> = ["availability-zone", "last-status", "health-status"]
            .iter()
            .filter_map(|key| target.metadata.get(*key))
            .map(|value| excerpt(value, LONGEST))
            .collect();
        let id = excerpt(short_name(&target.id), LONGEST);
        // In a fixed list, the ids are the addresses.
        let id = Some(id).filter(|id| *id != target.address.to_string());
        let words: Vec<String> = id.into_iter().chain(about).collect();
        let text = format!("{} {}{this}", target.address, words.join(" "));
        styled(&mut out, 7, &paint.good("counts "), &text);
    }
    more(&mut out, resolved.targets.len());
    for dropped in resolved.dropped.iter().take(MOST_SHOWN) {
        let id = excerpt(short_name(&dropped.id), LONGEST);
        let text = format!("{id}: {}", dropped.reason);
        styled(&mut out, 7, &paint.bad("dropped"), &text);
    }
    more(&mut out, resolved.dropped.len());
    for reason in resolved.completeness.reasons().iter().take(MOST_SHOWN) {
        styled(&mut out, 7, "partial", &reason.to_string());
    }
    out
}

fn points(facts: &Facts, paint: Paint) -> String {
    if facts.points.is_empty() {
        return String::new();
    }
    let mut out = paint.heading("CONTACT POINTS");
    let unwell = facts.points.iter().filter(|point| !point.is_well());
    let well = facts.points.iter().filter(|point| point.is_well());
    let shown: Vec<&Point> = unwell.chain(well).take(MOST_SHOWN).collect();
    let heads = ["", "", "MANAGEMENT", "GOSSIP", "CLOCK", "CLUSTER"].map(str::to_owned);
    let rows: Vec<_> = shown.iter().map(|point| row(point)).collect();
    let mut widths = [0; 6];
    for cells in rows.iter().chain([&heads]) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |cells: &[String; 6]| {
        let cells = cells.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let line = format!("{} {}", cells[0], cells[1..].join("  "));
        if line.trim_end().chars().count() <= COLUMNS {
            line.trim_end().to_owned()
        } else {
            wrapped("  ", &line)
        }
    };
    let _ = writeln!(out, "{}", line(&heads));
    for (point, cells) in shown.iter().zip(&rows) {
        let line = line(cells);
        let line = if point.is_well() {
            line
        } else {
            paint.bad(&line)
        };
        let _ = writeln!(out, "{line}");
    }
    more(&mut out, facts.points.len());
    if shown.iter().any(|point| point.own) {
        let _ = writeln!(out, " * this machine");
    }
    for point in shown {
        for why in [what_else(&point.management), gossip_failed(&point.gossip)]
            .into_iter()
            .flatten()
        {
            let _ = writeln!(out, "{}", wrapped("  ", &format!("{}: {why}", point.at)));
        }
    }
    out
}

/// A mark, the contact point, and its answers on both ports.
fn row(point: &Point) -> [String; 6] {
    let (clock, cluster) = match (&point.management, &point.gossip) {
        (Management::Proven(node), _) => (
            clock(node.skew),
            node.cluster.map_or("none".to_owned(), |it| short_id(it.id)),
        ),
        (_, Gossip::Answered { skew, cluster, .. }) => {
            (clock(*skew), cluster.map_or("none".to_owned(), short_id))
        }
        _ => ("-".to_owned(), "-".to_owned()),
    };
    [
        if point.own { " *" } else { "  " }.to_owned(),
        point.at.to_string(),
        management(&point.management).to_owned(),
        gossip(&point.gossip).to_owned(),
        clock,
        cluster,
    ]
}

/// Enough of a cluster's id to tell two apart.
fn short_id(id: ClusterId) -> String {
    id.to_string().chars().take(8).collect()
}

/// A clock, in words for people.
fn clock(skew: Skew) -> String {
    if skew.0.unsigned_abs() < 1000 {
        return "same".to_owned();
    }
    let sign = if skew.0 < 0 { '-' } else { '+' };
    format!("{sign}{} s", skew.0.unsigned_abs() / 1000)
}

fn management(management: &Management) -> &'static str {
    match management {
        Management::Proven(_) => "our key",
        Management::Rejected(Stranger::OtherKey) => "another key",
        Management::Rejected(Stranger::NoProof) => "no key proven",
        Management::Rejected(Stranger::OtherName(_)) => "another name",
        Management::Rejected(Stranger::NoNode(_)) => "no node",
        Management::Refused => "refused",
        Management::Silent { connected: false } => "no answer",
        Management::Silent { connected: true } => "connected only",
        Management::Failed(_) => "failed",
    }
}

/// Details that do not fit into the table.
fn what_else(management: &Management) -> Option<String> {
    match management {
        Management::Rejected(Stranger::NoNode(what)) => Some(what.clone()),
        Management::Rejected(Stranger::OtherName(name)) => Some(format!("it belongs to `{name}`")),
        Management::Failed(why) => Some(why.clone()),
        Management::Proven(_)
        | Management::Rejected(Stranger::OtherKey | Stranger::NoProof)
        | Management::Refused
        | Management::Silent { .. } => None,
    }
}

fn gossip(gossip: &Gossip) -> &'static str {
    match gossip {
        Gossip::Answered { .. } => "our key",
        Gossip::Refused => "refused",
        Gossip::Silent => "no answer",
        Gossip::Failed(_) => "failed",
    }
}

fn gossip_failed(gossip: &Gossip) -> Option<String> {
    match gossip {
        Gossip::Failed(why) => Some(format!("by gossip: {why}")),
        Gossip::Answered { .. } | Gossip::Refused | Gossip::Silent => None,
    }
}

fn rules(facts: &Facts, paint: Paint) -> String {
    let mut out =
        paint.heading("THE NODES' SECURITY GROUP MUST ALLOW (from the settings; not checked)");
    for rule in needs::rules(&facts.asked) {
        let way = match rule.direction {
            needs::Direction::Inbound => "from",
            needs::Direction::Outbound => "to",
        };
        let text = format!(
            "{} {:<5} {way} {}, for {}",
            rule.protocol.as_str(),
            rule.port,
            rule.peer,
            rule.purpose
        );
        let _ = writeln!(out, "  {:<8}  {text}", rule.direction.as_str());
    }
    out
}

fn findings(findings: &[Finding], paint: Paint) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut out = paint.heading("FINDINGS");
    for finding in findings {
        let word = match finding.severity {
            Severity::Failure => paint.bad("failure"),
            Severity::Warning => paint.doubtful("warning"),
        };
        let text = format!("{}: {}", finding.code, finding.message);
        styled(&mut out, 7, &word, &text);
        let _ = writeln!(out, "{}", wrapped("           To do: ", &finding.advice));
    }
    out
}

fn first(diagnosis: &Diagnosis, paint: Paint) -> String {
    let mut out = paint.heading("WHAT TO DO FIRST");
    let _ = write!(out, "{}", wrapped("  ", &diagnosis.first));
    out
}

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "{}", wrapped(&format!("  {name:<8}  "), text));
}

/// A line that begins with a word of this width, which may have a colour.
fn styled(out: &mut String, width: usize, word: &str, text: &str) {
    let blank = " ".repeat(width);
    let first = format!("  {blank}  ");
    let text = wrapped(&first, text);
    let rest = text.strip_prefix(&first).unwrap_or(text.trim_start());
    let _ = writeln!(out, "  {word}  {rest}");
}

fn more(out: &mut String, all: usize) {
    if let Some(more) = all.checked_sub(MOST_SHOWN).filter(|more| 0 < *more) {
        let _ = writeln!(out, "  … and {more} more: see --json");
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
struct Paint(bool);

impl Paint {
    /// A heading with its own line.
    fn heading(self, text: &str) -> String {
        format!("{}\n", self.styled("1", text))
    }

    fn good(self, text: &str) -> String {
        self.styled("32", text)
    }

    fn doubtful(self, text: &str) -> String {
        self.styled("33", text)
    }

    fn bad(self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
