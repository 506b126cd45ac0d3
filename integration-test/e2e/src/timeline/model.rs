//! The data of the page. Times within a scenario are milliseconds from its beginning.

use serde::Serialize;

use super::phases::Kind;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Where the nodes ran.
    pub target: String,
    /// When it began: milliseconds since 1970.
    pub began: u64,
    /// In milliseconds.
    pub took: u64,
    /// In the order in which scenarios are listed.
    pub scenarios: Vec<Scenario>,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// `passed`, `failed`, `skipped` or `interrupted`.
    pub outcome: &'static str,
    /// Why it failed or was skipped.
    pub why: Option<String>,
    /// Where the logs are, where they were kept.
    pub logs: Option<String>,
    /// When it began, from the beginning of the run.
    pub began: u64,
    /// In milliseconds.
    pub took: u64,
    /// In the order in which they were begun.
    pub steps: Vec<Step>,
    /// What was wrong with the network and with AWS, in the order in which it began.
    pub troubles: Vec<Trouble>,
    /// In the order in which they started.
    pub lanes: Vec<Lane>,
    /// What AWS was asked for.
    pub calls: Vec<Calls>,
}

/// Something that the scenario waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// A sentence.
    pub what: String,
    /// When that began.
    pub from: u64,
    /// When it ended.
    pub to: u64,
    /// `seen`, `missed`, or `given-up` where the scenario ended before.
    pub outcome: &'static str,
    /// What was seen instead, where it was missed.
    pub instead: Option<String>,
}

/// A fault for a while, not of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// `network` or `aws`.
    pub of: &'static str,
    /// In a few words.
    pub name: String,
    /// How often it mattered, where that is known.
    pub struck: Option<usize>,
    /// In which account, where the scenario has several.
    pub account: String,
    /// When it began.
    pub from: i64,
    /// When it ended.
    pub to: i64,
}

/// A node's time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What its peers reach it at.
    pub address: Option<String>,
    /// How far its clock was ahead; its lines are shown with the correct time.
    pub clock_ahead: Option<i64>,
    /// What it did, one after the other.
    pub phases: Vec<Span>,
    /// When others said that it does not answer.
    pub lost: Vec<Span>,
    /// What was done to it, and what it found worth a warning.
    pub marks: Vec<Mark>,
    /// How many members it saw, from each of these times on.
    pub members: Vec<Count>,
    /// Its log lines, without debug lines.
    pub said: Vec<Said>,
}

/// A while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Which kind of phase, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// In a word or two.
    pub name: String,
    /// A sentence.
    pub text: String,
    /// When it began.
    pub from: i64,
    /// When it ended.
    pub to: i64,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    pub at: i64,
    /// `killed`, `ended`, `asked`, `warn` or `error`.
    pub kind: &'static str,
    /// A sentence.
    pub text: String,
}

/// How many members a node saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// From when on.
    pub at: i64,
    /// All.
    pub members: usize,
    /// Those that did not answer.
    pub lost: usize,
}

/// Something that a node said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// When.
    pub at: i64,
    /// `info`, `warn`, `error`, or `said` for what is no line of the log.
    pub level: &'static str,
    /// With its details.
    pub text: String,
}

/// The calls for one thing that ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// For what.
    pub action: String,
    /// How they ended.
    pub outcome: String,
    /// Whether that is an answer.
    pub answered: bool,
    /// In which account, where the scenario has several.
    pub account: String,
    /// When each came in.
    pub at: Vec<i64>,
}
