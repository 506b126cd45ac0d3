//! Tasks that need not be described again: in the last minute they were seen running, with an address.
//!
//! An address never changes, but tags and status can. So a refresh of an unchanged service costs only its listing,
//! and a changed tag is noticed within a minute.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use super::verdict::Verdict;

/// How long a task counts as settled.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);

/// By listing (a service, or the starter of a task set), then by ARN.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    listings: BTreeMap<String, HashMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    seen: Instant,
}

impl Settled {
    /// What is known about a task without a call.
    pub(crate) fn get(&self, listing: &str, id: &str, now: Instant) -> Option<Verdict> {
        let entry = self.listings.get(listing)?.get(id)?;
        entry.is_fresh(now).then(|| entry.verdict.clone())
    }

    pub(crate) fn insert(&mut self, listing: &str, id: String, verdict: Verdict, now: Instant) {
        let entries = self.listings.entry(listing.to_owned()).or_default();
        let seen = now;
        entries.insert(id, Entry { verdict, seen });
    }

    /// Forgets tasks that are too old, and tasks that left this listing, if all of the listing is known.
    pub(crate) fn sweep(&mut self, listing: &str, listed: Option<&HashSet<String>>, now: Instant) {
        if let Some(listed) = listed
            && let Some(entries) = self.listings.get_mut(listing)
        {
            entries.retain(|id, _| listed.contains(id));
        }
        self.listings.retain(|_, entries| {
            entries.retain(|_, entry| entry.is_fresh(now));
            !entries.is_empty()
        });
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.seen) < LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::DropReason;

    fn verdict() -> Verdict {
        Verdict::NoPeer(DropReason::Gone)
    }

    #[tokio::test(start_paused = true)]
    async fn a_settled_task_is_known_for_a_minute() {
        let start = Instant::now();
        let mut settled = Settled::default();
        settled.insert("demo", "1".to_owned(), verdict(), start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(settled.get("demo", "1", at(59)), Some(verdict()));
        assert_eq!(settled.get("demo", "1", at(60)), None);
        assert_eq!(settled.get("demo", "2", start), None);
        assert_eq!(settled.get("other", "1", start), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_leaves_the_listing_is_forgotten_and_other_listings_are_not() {
        let now = Instant::now();
        let mut settled = Settled::default();
        for (listing, id) in [("demo", "1"), ("demo", "2"), ("other", "3")] {
            settled.insert(listing, id.to_owned(), verdict(), now);
        }
        settled.sweep("demo", None, now);
        assert!(settled.get("demo", "1", now).is_some());
        let listed = HashSet::from(["2".to_owned()]);
        settled.sweep("demo", Some(&listed), now);
        assert_eq!(settled.get("demo", "1", now), None);
        assert!(settled.get("demo", "2", now).is_some());
        assert!(settled.get("other", "3", now).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_stays_for_ever() {
        let now = Instant::now();
        let mut settled = Settled::default();
        settled.insert("demo", "1".to_owned(), verdict(), now);
        settled.sweep("other", None, now + LIFETIME);
        assert!(settled.listings.is_empty());
    }
}
