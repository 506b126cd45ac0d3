//! Makes the lanes of a scenario's nodes from lines and notes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    lines::{Level, Line},
    model::{Count, Lane, Mark, Said, Span},
    phases::{About, Kind, Phase, about, begins, cluster, member, phase},
};
use crate::nodes::life::Happening;

/// What is known about a node.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// What its peers call it, where that is known beforehand.
    pub uri: Option<String>,
    /// What was done to it, each with its time: milliseconds since 1970.
    pub life: Vec<(u64, Happening)>,
    /// What it has logged.
    pub lines: Vec<Line>,
}

/// A node logs its first line at most this long after its start, in milliseconds. If it seems to take longer, its
/// clock is wrong.
const SLOWEST_START: i64 = 20_000;

/// How many lines of a node are kept: half from the beginning, half from the end.
const MOST_SAID: usize = 400;

/// How many warnings of a node are marked.
const MOST_MARKS: usize = 100;

/// The lanes of nodes in the order of their starts, from `began` (milliseconds since 1970) on, for `took` milliseconds.
#[must_use]
pub fn lanes(nodes: &[Known], began: u64, took: u64) -> Vec<Lane> {
    let took = i64::try_from(took).unwrap_or(i64::MAX);
    let mut drafts: Vec<_> = nodes
        .iter()
        .map(|known| Draft::of(known, began, took))
        .collect();
    drafts.sort_by(|one, other| {
        (one.started(), &one.lane.name).cmp(&(other.started(), &other.lane.name))
    });

    let said: Vec<_> = drafts.iter().flat_map(Draft::reports).collect();
    for draft in &mut drafts {
        let own = |report: &&Report| Some(&report.about) == draft.lane.address.as_ref();
        let reports: Vec<_> = said.iter().filter(own).collect();
        draft.take(&reports, took);
    }
    drafts.into_iter().map(|draft| draft.lane).collect()
}

/// A lane without what others say about its node.
#[derive(Debug)]
struct Draft {
    lane: Lane,
    /// What it says about others, and about itself: when, about which, what.
    reports: Vec<(i64, String, About)>,
    /// The cluster that it spoke of last.
    cluster: Option<String>,
    /// Whether it is known how it ended.
    is_ended: bool,
    /// When it was last heard of.
    last: i64,
}

/// What a node says about another.
#[derive(Debug)]
struct Report {
    at: i64,
    by: String,
    about: String,
    what: About,
    /// When the node that says it was last seen.
    until: i64,
}

/// What happens in a lane, in the order of time.
enum Event<'a> {
    Done(&'a Happening),
    Said(&'a Line),
}

impl Draft {
    fn of(known: &Known, began: u64, took: i64) -> Self {
        let relative = |at: u64| {
            let [at, began] = [at, began].map(|at| i64::try_from(at).unwrap_or(i64::MAX));
            at.saturating_sub(began)
        };
        let started = known
            .life
            .iter()
            .find_map(|(at, happening)| (*happening == Happening::Started).then(|| relative(*at)));
        let first = known.lines.iter().find_map(|line| line.at).map(relative);
        let ahead = started.zip(first).map(|(started, first)| first - started);
        let ahead = ahead.filter(|ahead| SLOWEST_START < ahead.abs());

        let mut events: Vec<(i64, Event<'_>)> = Vec::new();
        for (at, happening) in &known.life {
            events.push((relative(*at), Event::Done(happening)));
        }
        for line in &known.lines {
            let at = line.at.map(relative).or(first).or(started).unwrap_or(0);
            events.push((at - ahead.unwrap_or(0), Event::Said(line)));
        }
        // Stable: a log stays in its order.
        events.sort_by_key(|(at, _)| *at);

        let mut draft = Self {
            lane: Lane {
                name: known.name.clone(),
                address: known.uri.as_deref().map(|uri| socket(uri).to_owned()),
                clock_ahead: ahead,
                ..Lane::default()
            },
            reports: Vec::new(),
            cluster: None,
            is_ended: false,
            last: events.first().map_or(0, |(at, _)| *at),
        };
        let mut view = View::default();
        for (at, event) in &events {
            match event {
                Event::Done(happening) => draft.done(*at, happening),
                Event::Said(line) => draft.said(*at, line, &mut view),
            }
        }
        if !draft.is_ended {
            draft.close(took);
        }
        keep_both_ends(&mut draft.lane.said);
        draft
    }

    fn started(&self) -> i64 {
        self.lane
            .phases
            .first()
            .map_or(self.last, |phase| phase.from)
    }

    fn done(&mut self, at: i64, happening: &Happening) {
        let mut mark = |kind, text: String| self.lane.marks.push(Mark { at, kind, text });
        match happening {
            Happening::Started => {
                self.is_ended = false;
                self.open(at, starting("its process was started"));
            }
            Happening::Asked => mark("asked", "was asked to stop".to_owned()),
            _ if self.is_ended => {}
            Happening::Killed => {
                mark("killed", "was killed".to_owned());
                self.end(at);
            }
            Happening::Ended(status) => {
                mark("ended", format!("has ended: {status}"));
                self.end(at);
            }
            Happening::FoundEnded(status) => {
                let at = self.last;
                let text = format!("has ended unexpectedly: {status}");
                self.lane.marks.push(Mark {
                    at,
                    kind: "killed",
                    text,
                });
                self.end(at);
            }
            Happening::LetGo => self.end(at),
        }
    }

    fn said(&mut self, at: i64, line: &Line, view: &mut View) {
        if begins(line) && self.is_running() {
            // Nothing recorded it, but it comes back.
            let last = self.last;
            self.lane.marks.push(Mark {
                at: last,
                kind: "killed",
                text: "was last heard of before it came back".to_owned(),
            });
            self.end(last);
        }
        if begins(line) {
            self.is_ended = false;
            *view = View::default();
            self.lane.members.retain(|count| count.at < at);
            if !self.lane.members.is_empty() {
                self.lane.members.push(view.count(at));
            }
        }
        self.last = self.last.max(at);
        if self.lane.address.is_none()
            && line.message == "node started"
            && let Some(uri) = line.field("node")
        {
            self.lane.address = Some(socket(uri).to_owned());
        }
        if let Some(phase) = phase(line).filter(|phase| !self.is_ended && self.changes(phase)) {
            self.open(at, phase);
        }
        self.cluster = cluster(line).or_else(|| self.cluster.take());
        if let Some((whom, what)) = about(line) {
            if what == About::Up && self.lane.address.as_deref() == Some(whom) && self.is_outside()
            {
                // Then it is ready. Its bootstrap logs that a little later.
                self.open(at, member(line, self.cluster.as_deref()));
            }
            view.see(whom, what);
            let count = view.count(at);
            match self.lane.members.last_mut() {
                Some(last) if last.at == at => *last = count,
                _ => self.lane.members.push(count),
            }
            self.reports.push((at, whom.to_owned(), what));
        }
        let level = match line.level {
            Level::Debug => return,
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Said => "said",
        };
        let text = line.text();
        if level != "info" && self.lane.marks.len() < MOST_MARKS {
            let (kind, text) = (if level == "warn" { "warn" } else { "error" }, text.clone());
            self.lane.marks.push(Mark { at, kind, text });
        }
        self.lane.said.push(Said { at, level, text });
    }

    /// Whether its process has logged more than its first line, and has not ended as far as is known.
    fn is_running(&self) -> bool {
        let last = self.lane.phases.last();
        !self.is_ended && last.is_some_and(|phase| phase.kind != Some(Kind::Starting))
    }

    /// Whether it is on its way into a cluster.
    fn is_outside(&self) -> bool {
        let last = self.lane.phases.last().and_then(|phase| phase.kind);
        let outside = matches!(
            last,
            Some(Kind::Starting | Kind::Waiting | Kind::Founding | Kind::Joining)
        );
        !self.is_ended && outside
    }

    /// It begins to leave only once, whatever it logs about it.
    fn changes(&self, to: &Phase) -> bool {
        let last = self.lane.phases.last();
        last.is_none_or(|last| {
            last.kind != Some(to.kind)
                || (!matches!(to.kind, Kind::Leaving | Kind::Starting) && last.name != to.name)
        })
    }

    fn open(&mut self, at: i64, Phase { kind, name, text }: Phase) {
        self.close(at);
        self.lane.phases.push(Span {
            kind: Some(kind),
            name,
            text,
            from: at,
            to: i64::MAX,
        });
    }

    fn close(&mut self, at: i64) {
        if let Some(last) = self.lane.phases.last_mut() {
            last.to = last.to.min(at).max(last.from);
        }
    }

    fn end(&mut self, at: i64) {
        self.close(at);
        self.is_ended = true;
    }

    /// What it says about others, for these.
    fn reports(&self) -> Vec<Report> {
        let until = self.lane.phases.last().map_or(self.last, |phase| phase.to);
        let reports = self.reports.iter();
        reports
            .map(|(at, about, what)| Report {
                at: *at,
                by: self.lane.name.clone(),
                about: about.clone(),
                what: *what,
                until,
            })
            .collect()
    }

    /// Takes in what others say of it.
    fn take(&mut self, reports: &[&Report], took: i64) {
        let own = self.lane.name.clone();
        let others = || reports.iter().filter(|report| report.by != own);
        let observers: BTreeSet<_> = others().map(|report| &report.by).collect();
        for by in observers {
            let mut since = None;
            let mut span = |from, to| {
                self.lane.lost.push(Span {
                    kind: None,
                    name: "does not answer".to_owned(),
                    text: format!("does not answer, says {by}"),
                    from,
                    to,
                });
            };
            for report in others().filter(|report| report.by == *by) {
                match report.what {
                    About::Lost => since = since.or(Some(report.at)),
                    About::Up | About::Back | About::Gone => {
                        if let Some(from) = since.take() {
                            span(from, report.at);
                        }
                    }
                }
            }
            if let Some(from) = since {
                let until = others().find(|report| report.by == *by);
                span(from, until.map_or(took, |report| report.until));
            }
        }
        self.lane.lost.sort_by_key(|span| (span.from, span.to));

        // If nothing recorded its end, others may know about it.
        let removed = others().find(|report| report.what == About::Gone && self.last <= report.at);
        if !self.is_ended
            && let Some(removed) = removed
        {
            self.lane.marks.push(Mark {
                at: removed.at,
                kind: "ended",
                text: format!("is no longer a member, says {}", removed.by),
            });
            self.end(removed.at);
        }
        self.lane.marks.sort_by_key(|mark| mark.at);
    }
}

/// The members as a node sees them.
#[derive(Debug, Default)]
struct View(BTreeMap<String, bool>);

impl View {
    fn see(&mut self, whom: &str, what: About) {
        match what {
            About::Up | About::Back => {
                self.0.insert(whom.to_owned(), true);
            }
            About::Lost => {
                self.0.insert(whom.to_owned(), false);
            }
            About::Gone => {
                self.0.remove(whom);
            }
        }
    }

    fn count(&self, at: i64) -> Count {
        Count {
            at,
            members: self.0.len(),
            lost: self.0.values().filter(|answers| !**answers).count(),
        }
    }
}

fn starting(text: &str) -> Phase {
    Phase {
        kind: Kind::Starting,
        name: "starting".to_owned(),
        text: text.to_owned(),
    }
}

/// `cluster://orders@127.0.0.1:7355` without what all have in common.
fn socket(uri: &str) -> &str {
    uri.rsplit('@').next().unwrap_or(uri)
}

fn keep_both_ends(said: &mut Vec<Said>) {
    if MOST_SAID < said.len() {
        let half = MOST_SAID / 2;
        let left_out = said.len() - MOST_SAID;
        said.drain(half..half + left_out);
        let at = said[half].at;
        let text = format!("({left_out} lines are omitted here)");
        let level = "said";
        said.insert(half, Said { at, level, text });
    }
}

#[cfg(test)]
mod tests;
