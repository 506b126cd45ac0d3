//! What a watch makes of a series of lookups. Pure: time is an argument.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    error::Error,
    lookup::{DropReason, Dropped, PartialReason, Resolved, Target, seeds},
};

/// A target is forgotten after this many answered lookups in a row that did not see it.
const UNSEEN_MAX: u32 = 100;

/// The result of one lookup of a watch, and what is known now.
#[derive(Debug)]
#[non_exhaustive]
pub struct View {
    /// What this lookup saw, or why it failed.
    pub outcome: Result<Arc<Resolved>, Error>,
    /// The known peers, sorted by address, then port. A failed lookup removes none; a partial one removes only peers
    /// that it lists as gone, and those that a hundred lookups in a row have not seen.
    pub targets: Vec<Target>,
    /// How they differ from those of the previous view.
    pub changes: Changes,
    /// The latest complete view: this one, or an earlier one.
    pub last_complete: Option<LastComplete>,
    /// How many lookups in a row have failed, including this one.
    pub failures: u32,
    /// How long this lookup took.
    pub took: Duration,
}

/// A view that was complete.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LastComplete {
    /// The view.
    pub resolved: Arc<Resolved>,
    /// How old it is.
    pub age: Duration,
}

/// How the targets of two views differ. Targets are identified by address and port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// New targets.
    pub added: Vec<Target>,
    /// Removed targets: those that a complete view does not have; those that a partial view lists as gone or
    /// stopping, or that the last hundred lookups have not seen.
    pub removed: Vec<Target>,
    /// Targets with the same address and port as before, but another id or other metadata.
    pub changed: Vec<Change>,
}

/// A target that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What it was.
    pub before: Target,
    /// What it is.
    pub after: Target,
}

impl View {
    /// Whether this lookup itself was complete. Only such a view may found a cluster; any view may be used to join
    /// one, however old.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let complete = |resolved: &Arc<Resolved>| resolved.completeness.is_complete();
        self.outcome.as_ref().is_ok_and(complete)
    }

    /// Addresses to ask for a cluster: [`Resolved::seeds`] of all known targets.
    #[must_use]
    pub fn seeds(&self, own: SocketAddr, default_port: u16) -> Vec<SocketAddr> {
        seeds(&self.targets, own, default_port)
    }
}

impl Changes {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    known: BTreeMap<(IpAddr, Option<u16>), Known>,
    last_complete: Option<(Arc<Resolved>, Instant)>,
    failures: u32,
    troubles: u32,
}

#[derive(Debug)]
struct Known {
    target: Target,
    /// How many answered lookups in a row have not seen it.
    unseen: u32,
}

impl Seen {
    /// How many lookups in a row have failed, or had a failed call.
    pub(super) fn troubles(&self) -> u32 {
        self.troubles
    }

    pub(super) fn view(
        &mut self,
        outcome: Result<Arc<Resolved>, Error>,
        took: Duration,
        now: Instant,
    ) -> View {
        let mut changes = Changes::default();
        self.troubles = if is_troubled(&outcome) {
            self.troubles.saturating_add(1)
        } else {
            0
        };
        match &outcome {
            Ok(resolved) => {
                self.failures = 0;
                changes = self.take(resolved);
                if resolved.completeness.is_complete() {
                    self.last_complete = Some((Arc::clone(resolved), now));
                }
            }
            Err(_) => self.failures = self.failures.saturating_add(1),
        }
        let last_complete = self.last_complete.as_ref();
        View {
            outcome,
            targets: self.known.values().map(|it| it.target.clone()).collect(),
            changes,
            last_complete: last_complete.map(|(resolved, at)| LastComplete {
                resolved: Arc::clone(resolved),
                age: now.saturating_duration_since(*at),
            }),
            failures: self.failures,
            took,
        }
    }

    fn take(&mut self, resolved: &Resolved) -> Changes {
        let mut changes = Changes::default();
        let mut before = std::mem::take(&mut self.known);
        for target in &resolved.targets {
            let key = (target.address, target.port);
            match before.remove(&key).map(|known| known.target) {
                None => changes.added.push(target.clone()),
                Some(before) if before == *target => {}
                Some(before) => changes.changed.push(Change {
                    before,
                    after: target.clone(),
                }),
            }
            let known = Known {
                target: target.clone(),
                unseen: 0,
            };
            self.known.insert(key, known);
        }
        let complete = resolved.completeness.is_complete();
        let gone: BTreeSet<&str> = resolved.dropped.iter().filter_map(gone).collect();
        for (key, mut known) in before {
            known.unseen += 1;
            if complete || gone.contains(known.target.id.as_str()) || UNSEEN_MAX <= known.unseen {
                changes.removed.push(known.target);
            } else {
                self.known.insert(key, known);
            }
        }
        changes
    }
}

/// Whether a call has failed, even if only for a later page.
fn is_troubled(outcome: &Result<Arc<Resolved>, Error>) -> bool {
    let Ok(resolved) = outcome else {
        return true;
    };
    let mut reasons = resolved.completeness.reasons().iter();
    reasons.any(|reason| match reason {
        PartialReason::ListingEnded { .. }
        | PartialReason::GroupFailed { .. }
        | PartialReason::ServiceFailed { .. }
        | PartialReason::NotDescribed { .. } => true,
        PartialReason::NoAddress { .. } | PartialReason::MorePages => false,
    })
}

/// The id of a listed task or instance that is no longer a peer.
fn gone(dropped: &Dropped) -> Option<&str> {
    match dropped.reason {
        DropReason::Gone | DropReason::Stopping { .. } | DropReason::NotRunning(_) => {
            Some(&dropped.id)
        }
        DropReason::NotDescribed(_)
        | DropReason::NoAddress { .. }
        | DropReason::TagMismatch(_)
        | DropReason::SameAddress(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::Completeness;

    const SECOND: Duration = Duration::from_secs(1);

    fn target(last: u8, id: &str) -> Target {
        Target::new([10, 0, 0, last].into(), None, id)
    }

    fn complete(targets: &[Target]) -> Result<Arc<Resolved>, Error> {
        let resolved = Resolved::of("orders", targets.to_vec(), Completeness::Complete);
        Ok(Arc::new(resolved))
    }

    fn partial(targets: &[Target]) -> Result<Arc<Resolved>, Error> {
        let completeness = Completeness::Partial(vec![PartialReason::MorePages]);
        let resolved = Resolved::of("orders", targets.to_vec(), completeness);
        Ok(Arc::new(resolved))
    }

    fn ids(targets: &[Target]) -> Vec<&str> {
        targets.iter().map(|target| target.id.as_str()).collect()
    }

    #[tokio::test]
    async fn who_has_come_gone_or_changed_is_told() {
        let mut seen = Seen::default();
        let now = Instant::now();
        let first = seen.view(complete(&[target(1, "a"), target(2, "b")]), SECOND, now);
        assert_eq!(ids(&first.changes.added), ["a", "b"]);

        let second = [target(2, "B"), target(3, "c")];
        let second = seen.view(complete(&second), SECOND, now);
        assert_eq!(ids(&second.changes.added), ["c"]);
        assert_eq!(ids(&second.changes.removed), ["a"]);
        let [Change { before, after }] = &second.changes.changed[..] else {
            panic!("{second:?}");
        };
        assert_eq!((before.id.as_str(), after.id.as_str()), ("b", "B"));
        assert_eq!(ids(&second.targets), ["B", "c"]);

        let same = [target(2, "B"), target(3, "c")];
        assert!(seen.view(complete(&same), SECOND, now).changes.is_empty());
    }

    #[tokio::test]
    async fn a_partial_view_adds_and_takes_nobody_away() {
        let mut seen = Seen::default();
        let now = Instant::now();
        seen.view(complete(&[target(1, "a")]), SECOND, now);
        let view = seen.view(partial(&[target(2, "b")]), SECOND, now + SECOND);
        assert!(!view.is_complete());
        assert_eq!(ids(&view.changes.added), ["b"]);
        assert_eq!(view.changes.removed, []);
        assert_eq!(ids(&view.targets), ["a", "b"]);
        let last = view.last_complete.unwrap();
        assert_eq!(ids(&last.resolved.targets), ["a"]);
        assert_eq!(last.age, SECOND);
    }

    #[tokio::test]
    async fn who_is_said_to_be_gone_is_gone_though_the_list_is_partial() {
        let mut seen = Seen::default();
        let now = Instant::now();
        let ids_of = ["a", "b", "c", "d"];
        let all: Vec<Target> = (1..).zip(ids_of).map(|(n, id)| target(n, id)).collect();
        seen.view(complete(&all), SECOND, now);
        let completeness = Completeness::Partial(vec![PartialReason::MorePages]);
        let mut resolved = Resolved::of("orders", Vec::new(), completeness);
        let stopping = DropReason::Stopping {
            desired: "STOPPED".to_owned(),
            last: "RUNNING".to_owned(),
        };
        let reasons = [
            stopping,
            DropReason::Gone,
            DropReason::NotRunning("terminated".to_owned()),
            DropReason::NotDescribed("ACCESS_DENIED".to_owned()),
        ];
        let dropped = ids_of.into_iter().zip(reasons);
        resolved.dropped = dropped.map(|(id, why)| Dropped::new(id, why)).collect();
        let view = seen.view(Ok(Arc::new(resolved)), SECOND, now);
        assert_eq!(ids(&view.changes.removed), ["a", "b", "c"]);
        assert_eq!(ids(&view.targets), ["d"]);
    }

    #[tokio::test]
    async fn where_no_view_is_complete_who_is_not_seen_for_long_is_forgotten() {
        let mut seen = Seen::default();
        let now = Instant::now();
        for n in 0..10_000_u32 {
            let [_, _, third, last] = n.to_be_bytes();
            let one = Target::new([10, 0, third, last].into(), None, n.to_string());
            let view = seen.view(partial(&[one]), SECOND, now);
            assert!(view.targets.len() <= 100, "{}", view.targets.len());
        }
        // Failed lookups say nothing about any target.
        for _ in 0..200 {
            let view = seen.view(Err(Error::NoRegion), SECOND, now);
            assert_eq!(view.targets.len(), 100);
        }
    }

    #[tokio::test]
    async fn calls_that_fail_within_a_lookup_count_as_trouble_and_not_as_failures() {
        let error = || "throttled".to_owned();
        let troubles = [
            PartialReason::ListingEnded { error: error() },
            PartialReason::GroupFailed {
                tasks: 3,
                error: error(),
            },
            PartialReason::NotDescribed {
                id: "a".to_owned(),
                reason: error(),
            },
        ];
        let mut seen = Seen::default();
        let now = Instant::now();
        let mut look = |reason: PartialReason| {
            let partial = Completeness::Partial(vec![reason]);
            let resolved = Resolved::of("orders", vec![target(1, "a")], partial);
            let view = seen.view(Ok(Arc::new(resolved)), SECOND, now);
            assert_eq!(view.failures, 0);
            seen.troubles()
        };
        for (n, trouble) in (1..).zip(troubles) {
            assert_eq!(look(trouble), n);
        }
        assert_eq!(look(PartialReason::MorePages), 0);
    }

    #[tokio::test]
    async fn while_lookups_fail_the_last_complete_view_grows_old_and_founds_nothing() {
        let mut seen = Seen::default();
        let now = Instant::now();
        let early = seen.view(Err(Error::NoRegion), SECOND, now);
        assert!(early.last_complete.is_none() && early.targets.is_empty());
        assert_eq!(early.failures, 1);

        let view = seen.view(complete(&[target(1, "a")]), SECOND, now);
        assert!(view.is_complete());
        assert_eq!(view.failures, 0);
        for n in 1..=3 {
            let view = seen.view(Err(Error::NoRegion), SECOND, now + SECOND * n);
            assert!(!view.is_complete());
            assert!(view.changes.is_empty());
            assert_eq!(view.failures, n);
            assert_eq!(ids(&view.targets), ["a"]);
            assert_eq!(view.last_complete.unwrap().age, SECOND * n);
        }
    }

    #[tokio::test]
    async fn seeds_are_of_all_that_are_known() {
        let mut seen = Seen::default();
        let now = Instant::now();
        seen.view(complete(&[target(2, "b"), target(1, "a")]), SECOND, now);
        let view = seen.view(partial(&[target(3, "c")]), SECOND, now);
        let own = "10.0.0.2:7355".parse().unwrap();
        let seeds = view.seeds(own, 7355);
        assert_eq!(
            seeds,
            ["10.0.0.1:7355", "10.0.0.3:7355"].map(|seed| seed.parse().unwrap())
        );
    }
}
