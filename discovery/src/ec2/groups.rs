//! Which Auto Scaling groups the instances of a service belong to, as lookups have seen it.
//!
//! Nobody asks for that by itself: DescribeInstances tells it with each instance. So who wants to know waits
//! for the lookup that is under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    expected::WhyUnknown,
    lookup::{Found, Target},
};

/// As a target's metadata has it. The key is AWS's own, and nobody else can set it.
const TAG: &str = "tag:aws:autoscaling:groupName";

/// How long what a lookup saw is good for. Instances stay in their groups as a rule; a second group is seldom added.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// The groups of the instances of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    names: BTreeSet<String>,
    /// An instance that is in none.
    alone: Option<String>,
}

/// What lookups have seen, by service.
#[derive(Debug, Default)]
pub(super) struct Seen(watch::Sender<BTreeMap<String, OfService>>);

#[derive(Debug, Default)]
struct OfService {
    /// How many lookups are under way.
    under_way: usize,
    seen: Option<(Groups, Instant)>,
}

/// A lookup that is under way. It is over when this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    seen: &'a Seen,
    service: &'a str,
}

impl Groups {
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut groups = Self::default();
        for target in targets {
            match target.metadata.get(TAG) {
                Some(name) => {
                    groups.names.insert(name.clone());
                }
                None => groups.alone = Some(target.id.clone()),
            }
        }
        groups
    }

    /// Their names, where every instance is in one.
    pub(super) fn names(self) -> Result<BTreeSet<String>, WhyUnknown> {
        match self.alone {
            Some(_) if self.names.is_empty() => Err(WhyUnknown::NoGroups),
            Some(instance) => Err(WhyUnknown::NoGroup(instance)),
            None if self.names.is_empty() => Err(WhyUnknown::NobodyListed),
            None => Ok(self.names),
        }
    }

    fn add(&mut self, other: Self) {
        self.names.extend(other.names);
        self.alone = other.alone.or(self.alone.take());
    }
}

impl Seen {
    /// Takes note that a lookup begins.
    pub(super) fn begin<'a>(&'a self, service: &'a str) -> UnderWay<'a> {
        self.0.send_modify(|seen| {
            seen.entry(service.to_owned()).or_default().under_way += 1;
        });
        UnderWay {
            seen: self,
            service,
        }
    }

    /// What was seen lately, or is seen by a lookup that is under way; none where there is neither.
    pub(super) async fn groups(&self, service: &str) -> Option<Groups> {
        let mut seen = self.0.subscribe();
        let lately = |of: &OfService| {
            let (groups, at) = of.seen.as_ref()?;
            (at.elapsed() < GOOD_FOR).then(|| groups.clone())
        };
        let there = |seen: &BTreeMap<String, OfService>| {
            seen.get(service)
                .is_none_or(|of| of.under_way == 0 || lately(of).is_some())
        };
        // It fails only without a sender, which is here.
        let seen = seen.wait_for(there).await.ok()?;
        seen.get(service).and_then(lately)
    }
}

impl UnderWay<'_> {
    /// What the lookup found. What a view that is not complete lacks may be there all the same.
    pub(super) fn found(self, found: &Found) {
        let now = Instant::now();
        let mut groups = Groups::of(&found.targets);
        self.seen.0.send_modify(|seen| {
            let of = seen.entry(self.service.to_owned()).or_default();
            if !found.partial.is_empty()
                && let Some((before, _)) = of.seen.take()
            {
                groups.add(before);
            }
            of.seen = Some((groups, now));
        });
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.seen.0.send_modify(|seen| {
            if let Some(of) = seen.get_mut(self.service) {
                of.under_way -= 1;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::lookup::PartialReason;

    fn target(id: &str, group: Option<&str>) -> Target {
        let tag = group.map(|name| (TAG.to_owned(), name.to_owned()));
        Target {
            address: [10, 0, 0, 1].into(),
            port: None,
            id: id.to_owned(),
            metadata: tag.into_iter().collect(),
        }
    }

    fn found(groups: &[&str]) -> Found {
        let targets = groups.iter().map(|group| target("i-1", Some(group)));
        Found {
            targets: targets.collect(),
            ..Found::default()
        }
    }

    fn names(groups: &[&str]) -> Result<BTreeSet<String>, WhyUnknown> {
        Ok(groups.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn an_instance_without_a_group_leaves_the_number_unknown() {
        let both = [target("i-1", Some("blue")), target("i-2", None)];
        let alone = WhyUnknown::NoGroup("i-2".to_owned());
        assert_eq!(Groups::of(&both).names(), Err(alone));
        assert_eq!(Groups::of(&both[..1]).names(), names(&["blue"]));
        assert_eq!(Groups::of(&both[1..]).names(), Err(WhyUnknown::NoGroups));
        assert_eq!(Groups::of(&[]).names(), Err(WhyUnknown::NobodyListed));
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_waits_for_the_lookup_that_is_under_way() {
        let seen = Seen::default();
        assert_eq!(seen.groups("orders").await, None);

        let lookup = seen.begin("orders");
        let asking = seen.groups("orders");
        tokio::pin!(asking);
        assert_eq!(asking.as_mut().now_or_never(), None);
        assert_eq!(seen.groups("payments").await, None);

        lookup.found(&found(&["blue"]));
        assert_eq!(asking.await.unwrap().names(), names(&["blue"]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_fails_keeps_nobody_waiting() {
        let seen = Seen::default();
        let lookup = seen.begin("orders");
        let asking = seen.groups("orders");
        drop(lookup);
        assert_eq!(asking.await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_is_forgotten_after_a_minute() {
        let seen = Seen::default();
        seen.begin("orders").found(&found(&["blue"]));
        tokio::time::advance(GOOD_FOR - Duration::from_secs(1)).await;
        assert!(seen.groups("orders").await.is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(seen.groups("orders").await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_complete_view_takes_a_group_away() {
        let seen = Seen::default();
        seen.begin("orders").found(&found(&["blue", "green"]));
        let first_page = Found {
            partial: vec![PartialReason::MorePages],
            ..found(&["green"])
        };
        seen.begin("orders").found(&first_page);
        let groups = async || seen.groups("orders").await.unwrap().names();
        assert_eq!(groups().await, names(&["blue", "green"]));
        seen.begin("orders").found(&found(&["green"]));
        assert_eq!(groups().await, names(&["green"]));
    }
}
