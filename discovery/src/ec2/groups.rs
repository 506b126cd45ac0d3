//! Which Auto Scaling groups a service's instances belong to, as lookups have seen it.
//!
//! There is no separate call for this: DescribeInstances returns it with each instance. So code that needs it waits
//! for the running lookup.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    expected::WhyUnknown,
    lookup::{Found, PartialReason, Target},
};

/// The key in a target's metadata. It is AWS's own, and nobody else can set it.
const TAG: &str = "tag:aws:autoscaling:groupName";

/// How long the result of a lookup may be used. Instances usually stay in their groups, and a second group is seldom
/// added.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// The groups of the instances of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    names: BTreeSet<String>,
    /// Services with listed instances, by the values of their tags.
    services: BTreeSet<Arc<str>>,
    /// An instance in no group: the one with the smallest id, so that it stays the same.
    alone: Option<String>,
    /// Whether the list may lack instances, and so groups, and no complete list is known.
    hidden: bool,
}

/// What lookups have seen, by service.
#[derive(Debug, Default)]
pub(super) struct Seen(watch::Sender<BTreeMap<String, OfService>>);

#[derive(Debug, Default)]
struct OfService {
    /// How many lookups are running.
    under_way: usize,
    seen: Option<(Groups, Instant)>,
    /// When a lookup last read the whole list.
    whole: Option<Instant>,
}

/// A running lookup. It is over when this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    seen: &'a Seen,
    service: &'a str,
}

impl Groups {
    pub(super) fn of(found: &Found) -> Self {
        let (grouped, alone): (Vec<&Target>, Vec<&Target>) = found
            .targets
            .iter()
            .partition(|target| target.metadata.contains_key(TAG));
        let names = grouped.iter().filter_map(|it| it.metadata.get(TAG));
        let owners = found.targets.iter().filter_map(|it| it.owner.as_ref());
        Self {
            names: names.cloned().collect(),
            services: owners.map(|owner| Arc::clone(&owner.service)).collect(),
            alone: alone.iter().map(|target| target.id.clone()).min(),
            // An instance without an address is usually just one more of a group, and must not make the number
            // unknown for ever.
            hidden: found
                .partial
                .iter()
                .any(|reason| !matches!(reason, PartialReason::NoAddress { .. })),
        }
    }

    /// Whether only the whole list can answer this.
    pub(super) fn need_whole_list(&self) -> bool {
        // If one instance is in no group and others are, that is so whatever else is listed.
        self.hidden && (self.alone.is_none() || self.names.is_empty())
    }

    /// The groups' names, if every instance is in one and each service has an instance: otherwise the group of a
    /// service without instances would be missing from the number.
    pub(super) fn names<'a>(
        self,
        services: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeSet<String>, WhyUnknown> {
        let unlisted = services.into_iter().find(|it| !self.services.contains(*it));
        if self.need_whole_list() {
            return Err(WhyUnknown::PartialList);
        }
        match self.alone {
            Some(_) if self.names.is_empty() => Err(WhyUnknown::NoGroups),
            Some(instance) => Err(WhyUnknown::NoGroup(instance)),
            None => match unlisted {
                Some(service) => Err(WhyUnknown::NobodyListed(service.to_owned())),
                None => Ok(self.names),
            },
        }
    }

    /// Adds what was seen before.
    fn add(&mut self, before: Self) {
        self.names.extend(before.names);
        self.services.extend(before.services);
        self.alone = self.alone.take().or(before.alone);
    }
}

impl Seen {
    /// Notes that a lookup begins, and forgets results that are too old.
    pub(super) fn begin<'a>(&'a self, service: &'a str) -> UnderWay<'a> {
        self.0.send_modify(|seen| {
            seen.retain(|_, of| 0 < of.under_way || of.lately().is_some());
            seen.entry(service.to_owned()).or_default().under_way += 1;
        });
        UnderWay {
            seen: self,
            service,
        }
    }

    /// What was seen lately, or what a running lookup will see; none if there is neither.
    pub(super) async fn groups(&self, service: &str) -> Option<Groups> {
        let mut seen = self.0.subscribe();
        let there = |seen: &BTreeMap<String, OfService>| {
            seen.get(service)
                .is_none_or(|of| of.under_way == 0 || of.lately().is_some())
        };
        // It fails only without a sender, and the sender is here.
        let seen = seen.wait_for(there).await.ok()?;
        seen.get(service).and_then(OfService::lately)
    }
}

impl OfService {
    /// What was seen, if it is still valid.
    fn lately(&self) -> Option<Groups> {
        let (groups, at) = self.seen.as_ref()?;
        let whole = self.whole.is_some_and(|at| at.elapsed() < GOOD_FOR);
        (at.elapsed() < GOOD_FOR).then(|| Groups {
            hidden: groups.hidden && !whole,
            ..groups.clone()
        })
    }
}

impl UnderWay<'_> {
    /// What the lookup found. Things that are missing from an incomplete view may still exist.
    pub(super) fn found(self, found: &Found) {
        let now = Instant::now();
        let mut groups = Groups::of(found);
        self.seen.0.send_modify(|seen| {
            let of = seen.entry(self.service.to_owned()).or_default();
            if !groups.hidden {
                of.whole = Some(now);
            } else if let Some((before, _)) = of.seen.take() {
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
    use crate::owner::Owner;

    fn target(id: &str, group: Option<&str>) -> Target {
        let tag = group.map(|name| (TAG.to_owned(), name.to_owned()));
        Target {
            address: [10, 0, 0, 1].into(),
            port: None,
            id: id.to_owned(),
            owner: Some(Owner::service("orders")),
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
        let all = [
            target("i-1", Some("blue")),
            target("i-2", None),
            target("i-3", None),
        ];
        let of = |targets: &[Target], partial: &[PartialReason]| {
            let found = Found {
                targets: targets.to_vec(),
                partial: partial.to_vec(),
                ..Found::default()
            };
            Groups::of(&found).names(["orders"])
        };
        let alone = WhyUnknown::NoGroup("i-2".to_owned());
        assert_eq!(of(&all, &[]), Err(alone.clone()));
        assert_eq!(of(&all[..1], &[]), names(&["blue"]));
        assert_eq!(of(&all[1..], &[]), Err(WhyUnknown::NoGroups));
        assert_eq!(
            of(&[], &[]),
            Err(WhyUnknown::NobodyListed("orders".to_owned()))
        );
        // An instance that the list hides may be in another group, or in no group.
        let more = [PartialReason::MorePages];
        assert_eq!(of(&all, &more), Err(alone));
        for some in [&all[..1], &all[1..], &[]] {
            assert_eq!(of(some, &more), Err(WhyUnknown::PartialList));
        }
        assert!(!WhyUnknown::PartialList.is_final());
    }

    #[test]
    fn a_service_that_has_no_instance_yet_leaves_the_number_unknown() {
        let groups = Groups::of(&found(&["blue"]));
        assert_eq!(
            groups.names(["orders", "payments"]),
            Err(WhyUnknown::NobodyListed("payments".to_owned()))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_list_stands_behind_parts_for_a_minute() {
        let seen = Seen::default();
        let part = || Found {
            partial: vec![PartialReason::MorePages],
            ..found(&["green"])
        };
        let groups = async || seen.groups("orders").await.unwrap().names(["orders"]);
        seen.begin("orders").found(&part());
        assert_eq!(groups().await, Err(WhyUnknown::PartialList));
        seen.begin("orders").found(&found(&["blue", "green"]));
        for _ in 0..3 {
            tokio::time::advance(GOOD_FOR / 4).await;
            seen.begin("orders").found(&part());
            assert_eq!(groups().await, names(&["blue", "green"]));
        }
        tokio::time::advance(GOOD_FOR / 4).await;
        seen.begin("orders").found(&part());
        assert_eq!(groups().await, Err(WhyUnknown::PartialList));
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_nobody_looks_up_any_more_are_forgotten() {
        let seen = Seen::default();
        for n in 0..100 {
            let service = format!("service-{n}");
            seen.begin(&service).found(&found(&["blue"]));
            tokio::time::advance(GOOD_FOR / 2).await;
        }
        assert!(seen.0.borrow().len() <= 3, "{}", seen.0.borrow().len());
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
        assert_eq!(asking.await.unwrap().names(["orders"]), names(&["blue"]));
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
        let groups = async || seen.groups("orders").await.unwrap().names(["orders"]);
        assert_eq!(groups().await, names(&["blue", "green"]));
        seen.begin("orders").found(&found(&["green"]));
        assert_eq!(groups().await, names(&["green"]));
    }
}
