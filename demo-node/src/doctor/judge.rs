//! Judges what was seen: plain functions, each for one part of the way from AWS to a cluster.

use self::{counted::Counted, words::plural};
use super::{
    facts::Facts,
    finding::{self, Finding, Severity},
};

mod aws;
mod counted;
mod listing;
mod place;
mod points;
#[cfg(test)]
mod tests;
mod words;

/// What is wrong, and what to do first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// One plain sentence.
    pub first: String,
}

/// Judges all that was seen.
#[must_use]
pub fn judge(facts: &Facts) -> Diagnosis {
    let counted = Counted::of(facts);
    let mut findings = aws::findings(facts);
    findings.extend(listing::findings(facts, &counted));
    findings.extend(points::findings(facts, &counted));
    if findings.iter().all(|it| it.severity != Severity::Failure) {
        findings.extend(points::without_a_cause(facts, &counted));
    }
    finding::sort(&mut findings);
    let first = match findings.first() {
        Some(finding) => first_sentence(&finding.advice).to_owned(),
        None => all_is_well(facts, &counted),
    };
    Diagnosis { findings, first }
}

impl Diagnosis {
    /// The severity of the worst finding; none if nothing was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

fn all_is_well(facts: &Facts, counted: &Counted) -> String {
    let nodes = counted.able;
    let Some((_, cluster)) = counted.clusters.first() else {
        return "Nothing: no problem can be seen from here.".to_owned();
    };
    let here = facts.here.uid().and_then(|uid| {
        let proven = facts.proven();
        proven.into_iter().find(|node| node.uid == uid)?.cluster
    });
    let own = if here.is_some() {
        ", including the node on this machine"
    } else {
        ""
    };
    format!(
        "Nothing: {} of the cluster {}{own}.",
        plural(nodes, "node answers as a member", "nodes answer as members"),
        cluster
    )
}

fn first_sentence(text: &str) -> &str {
    match text.find(". ") {
        Some(end) => &text[..=end],
        None => text,
    }
}
