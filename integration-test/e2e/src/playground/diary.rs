//! The timeline: what was done, and what the nodes then said.

use std::{collections::VecDeque, time::Duration};

use serde::Serialize;

/// How much of the past is kept.
const KEPT: usize = 120;

/// Nodes that say the same within this time share an entry.
const TOGETHER: Duration = Duration::from_secs(8);

/// A reason is repeated after this time: by then the earlier entry is far down.
const WHY_AGAIN: Duration = Duration::from_secs(15);

/// What has happened, the latest last.
#[derive(Debug, Default)]
pub(super) struct Diary {
    entries: VecDeque<Entry>,
    next: u64,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    /// Its number: later ones have higher ones.
    pub(super) id: u64,
    /// When it was first said: milliseconds since the playground opened.
    pub(super) at: u64,
    /// The source of the entry.
    pub(super) lane: Lane,
    /// A sentence.
    pub(super) text: String,
    /// The nodes that say it.
    pub(super) by: Vec<String>,
    /// The reason; none if it was given lately.
    pub(super) why: Option<&'static str>,
    /// Whether it is bad news.
    pub(super) bad: bool,
}

/// The source of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Lane {
    /// A person has done it.
    You,
    /// ECS has.
    Aws,
    /// Nodes say it.
    Nodes,
    /// A story says it.
    Story,
}

impl Diary {
    /// Something was done, or a story says something.
    pub(super) fn note(&mut self, now: Duration, lane: Lane, text: impl Into<String>) {
        self.push(now, lane, text.into(), None);
    }

    /// A node says something.
    pub(super) fn said(
        &mut self,
        now: Duration,
        node: &str,
        text: String,
        why: Option<&'static str>,
        bad: bool,
    ) {
        let since = millis(now.saturating_sub(TOGETHER));
        let same = self.entries.iter_mut().rev();
        let mut same = same.take_while(|entry| since <= entry.at);
        let same = same.find(|entry| entry.lane == Lane::Nodes && entry.text == text);
        match same {
            // If the same node repeats it, that is no news, for example while AWS fails repeatedly.
            Some(entry) => {
                if !entry.by.iter().any(|by| by == node) {
                    entry.by.push(node.to_owned());
                }
            }
            None => {
                let again = millis(now.saturating_sub(WHY_AGAIN));
                let mut lately = self.entries.iter().filter(|entry| again <= entry.at);
                let why = why.filter(|why| !lately.any(|entry| entry.why == Some(why)));
                let entry = self.push(now, Lane::Nodes, text, why);
                entry.by.push(node.to_owned());
                entry.bad = bad;
            }
        }
    }

    /// All that is kept, the latest last.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn push(
        &mut self,
        now: Duration,
        lane: Lane,
        text: String,
        why: Option<&'static str>,
    ) -> &mut Entry {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        let id = self.next;
        self.next += 1;
        self.entries.push_back(Entry {
            id,
            at: millis(now),
            lane,
            text,
            by: Vec::new(),
            why,
            bad: false,
        });
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }
}

/// As the page counts.
#[must_use]
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn nodes_that_say_the_same_at_about_the_same_time_say_it_together() {
        let mut diary = Diary::default();
        let mut said = |at, node| {
            diary.said(at, node, "c is lost".to_owned(), Some("it is"), true);
        };
        said(S, "a");
        said(2 * S, "b");
        said(3 * S, "b");
        said(12 * S, "a");
        said(40 * S, "a");

        let by: Vec<_> = diary.entries().map(|entry| entry.by.concat()).collect();
        assert_eq!(by, ["ab", "a", "a"]);
        // The reason is given once, and again after a long time.
        let why: Vec<_> = diary.entries().map(|entry| entry.why.is_some()).collect();
        assert_eq!(why, [true, false, true]);
    }

    #[test]
    fn what_a_person_does_stands_for_itself_and_the_past_is_forgotten() {
        let mut diary = Diary::default();
        for _ in 0..KEPT + 3 {
            diary.note(S, Lane::You, "kill a");
        }
        let ids: Vec<_> = diary.entries().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), KEPT);
        assert_eq!(ids[0], 3);
    }
}
