//! The bootstrap's decision: join, found, or wait for what.
//!
//! A pure core: it does no IO, reads no clock, draws no randomness and is not async.
//! It is told what was seen ([`Event`]) and asked what to do ([`State::decide`]).
//! It decides who *may try* to found a cluster; whether a cluster comes into being is decided by
//! [`super::founding`].

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::ContactPoint;
use crate::cluster::{Formation, NodeUid};

/// What the rules need to know, fixed for the life of the node.
#[derive(Debug, Clone)]
pub struct Rules {
    /// This node's own contact point, as others see it.
    pub me: ContactPoint,
    /// Whether this node may ever found a cluster.
    pub new_cluster_enabled: bool,
    /// How many contact points there must be, where configured.
    /// Otherwise the majority of the expected nodes, or [`DEFAULT_REQUIRED_CONTACT_POINTS`].
    pub required_contact_points: Option<usize>,
    /// Whether every contact point must have answered, where the expected nodes are unknown.
    pub contact_with_all_contact_points: bool,
    /// How long the contact points must not have changed, where the expected nodes are unknown.
    pub stable_margin: Duration,
    /// How long an answer counts, and how long a contact point may fail before it is dropped.
    pub probing_failure_timeout: Duration,
}

/// The least that makes a cluster of more than one.
pub const DEFAULT_REQUIRED_CONTACT_POINTS: usize = 2;

/// How many nodes the deployment means to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Being asked for; nothing is founded until the answer is there.
    Asking,
    /// Known, by configuration or from the platform.
    Known(usize),
    /// Not to be had. Safety then rests on the required contact points and the stable margin.
    Unknown,
}

/// Something that was seen.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lookup ended with a view.
    Found {
        /// Whom discovery names.
        contact_points: BTreeSet<ContactPoint>,
        /// Whether that is all there is.
        complete: bool,
    },
    /// A lookup failed.
    LookupFailed,
    /// A contact point answered a probe.
    Answered {
        /// Which.
        from: ContactPoint,
        /// The process that answered.
        uid: NodeUid,
        /// The cluster that it is a member of, and members that can be joined.
        cluster: Option<KnownCluster>,
    },
    /// A contact point did not answer a probe.
    Unanswered {
        /// Which.
        from: ContactPoint,
    },
    /// The number of expected nodes became known, or known to be unknown.
    Expected(Expectation),
}

/// A cluster that a contact point is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCluster {
    /// Which cluster.
    pub formation: Formation,
    /// Members to join through, by gossip address. Never empty.
    pub seeds: BTreeSet<SocketAddr>,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A cluster exists: join it.
    Join {
        /// The one to join: of several, the one that was formed first.
        cluster: KnownCluster,
        /// Other clusters of the same name. More than none is an alarm.
        rivals: Vec<Formation>,
    },
    /// This node may try to found a cluster.
    Found {
        /// Whom to ask for their consent beside this node: those that have answered freshly.
        among: BTreeMap<ContactPoint, NodeUid>,
        /// How many must consent, this node included.
        quorum: usize,
    },
    /// A rule is not met.
    Wait(WaitReason),
}

/// The first rule that is not met, with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(
    tag = "rule",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum WaitReason {
    /// The first lookup has not ended.
    #[error("waiting for the first lookup")]
    NoLookupYet,
    /// The last lookup failed. The next complete one lifts this.
    #[error("the last lookup failed; only a complete view may found a cluster")]
    LookupFailed,
    /// The last lookup was partial. The next complete one lifts this.
    #[error("the last lookup was partial; only a complete view may found a cluster")]
    PartialView,
    /// `bootstrap.new-cluster-enabled` is off, and no contact point knows a cluster.
    #[error("no contact point knows a cluster, and new-cluster-enabled is off")]
    NewClusterDisabled,
    /// The number of expected nodes is still being asked for.
    #[error("waiting for the number of expected nodes")]
    ExpectedNodesPending,
    /// Discovery names too few contact points.
    #[error("{found} contact points discovered, {required} required")]
    TooFewContactPoints {
        /// How many there are.
        found: usize,
        /// How many are required.
        required: usize,
    },
    /// Discovery does not name this node.
    #[error("discovery does not list this node's own contact point {me}")]
    NotListed {
        /// This node's contact point.
        me: ContactPoint,
    },
    /// A lower address has answered: that node founds, this one joins it.
    #[error("leaving it to the lowest address that answers, {lowest}, to found the cluster")]
    LowerAddressAnswers {
        /// Who goes first.
        lowest: ContactPoint,
    },
    /// Some contact points have not answered freshly, and all are required to.
    #[error(
        "{} of {contact_points} contact points have not answered with the cluster's key: {}",
        .silent.len(),
        list(.silent)
    )]
    NotAllAnswered {
        /// Those that have not.
        silent: BTreeSet<ContactPoint>,
        /// How many there are in all.
        contact_points: usize,
    },
    /// The contact points have changed within the stable margin.
    #[error("the contact points changed less than {margin:?} ago")]
    NotStable {
        /// How long they must not have changed.
        #[serde(serialize_with = "as_text")]
        margin: Duration,
    },
    /// Too few contact points have answered to consent to a new cluster.
    #[error("{answered} contact points have answered, {quorum} must consent to a new cluster")]
    TooFewAnswered {
        /// How many have answered freshly, this node included.
        answered: usize,
        /// How many must consent.
        quorum: usize,
    },
}

/// What a node that is not yet a member has seen.
#[derive(Debug, Clone)]
pub struct State {
    rules: Rules,
    expectation: Expectation,
    view: View,
    contacts: BTreeMap<ContactPoint, Contact>,
    /// When [`Self::contacts`] last changed.
    changed_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    None,
    Complete,
    Partial,
    Failed,
}

#[derive(Debug, Clone, Default)]
struct Contact {
    answered: Option<Heard>,
    /// Since when every probe has failed.
    failing_since: Option<Instant>,
    /// Given up until discovery names it again.
    dropped: bool,
}

/// The latest answer of a contact point.
#[derive(Debug, Clone)]
struct Heard {
    at: Instant,
    uid: NodeUid,
    cluster: Option<KnownCluster>,
}

// === impl State ===

impl State {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(rules: Rules, expectation: Expectation) -> Self {
        Self {
            rules,
            expectation,
            view: View::None,
            contacts: BTreeMap::new(),
            changed_at: None,
        }
    }

    /// Takes note of what was seen at `now`.
    pub fn observe(&mut self, now: Instant, event: Event) {
        match event {
            Event::Found {
                contact_points,
                complete,
            } => {
                self.view = if complete {
                    View::Complete
                } else {
                    View::Partial
                };
                self.name(now, contact_points, complete);
            }
            Event::LookupFailed => self.view = View::Failed,
            Event::Answered { from, uid, cluster } => {
                if let Some(contact) = self.contacts.get_mut(&from) {
                    let at = now;
                    contact.answered = Some(Heard { at, uid, cluster });
                    contact.failing_since = None;
                    contact.dropped = false;
                }
            }
            Event::Unanswered { from } => {
                let patience = self.rules.probing_failure_timeout;
                if let Some(contact) = self.contacts.get_mut(&from) {
                    let since = *contact.failing_since.get_or_insert(now);
                    contact.dropped = patience <= now.saturating_duration_since(since);
                }
            }
            Event::Expected(expectation) => self.expectation = expectation,
        }
    }

    fn name(&mut self, now: Instant, named: BTreeSet<ContactPoint>, complete: bool) {
        let before: BTreeSet<_> = self.contacts.keys().copied().collect();
        // A partial view adds contact points and takes none away: whoever it misses may well live.
        if complete {
            self.contacts.retain(|point, _| named.contains(point));
        }
        for point in named {
            let contact = self.contacts.entry(point).or_default();
            if contact.dropped {
                *contact = Contact {
                    answered: contact.answered.take(),
                    ..Contact::default()
                };
            }
        }
        if !before.iter().eq(self.contacts.keys()) || self.changed_at.is_none() {
            self.changed_at = Some(now);
        }
    }

    /// Whom to probe: those that discovery names, without this node and those given up.
    pub fn to_probe(&self) -> impl Iterator<Item = ContactPoint> + '_ {
        self.contacts
            .iter()
            .filter(|(point, contact)| **point != self.rules.me && !contact.dropped)
            .map(|(point, _)| *point)
    }

    /// Whether this one is to be probed.
    #[must_use]
    pub fn is_to_probe(&self, point: ContactPoint) -> bool {
        let contact = self.contacts.get(&point);
        point != self.rules.me && contact.is_some_and(|contact| !contact.dropped)
    }

    /// Every contact point, and whether it has answered freshly.
    pub fn contact_points(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, bool)> + '_ {
        self.contacts
            .keys()
            .map(move |point| (*point, self.is_fresh(point, now)))
    }

    /// How many nodes the deployment means to run, as far as is known.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// How many contact points discovery must name before a cluster may be founded.
    #[must_use]
    pub fn required_contact_points(&self) -> usize {
        self.rules
            .required_contact_points
            .unwrap_or(match self.expectation {
                Expectation::Known(expected) => majority(expected),
                Expectation::Asking | Expectation::Unknown => DEFAULT_REQUIRED_CONTACT_POINTS,
            })
    }

    /// How many nodes must consent to a new cluster, this one included.
    ///
    /// Any two groups of this many meet while no more processes take part than are expected.
    #[must_use]
    pub fn quorum(&self) -> usize {
        let expected = match self.expectation {
            Expectation::Known(expected) => expected,
            Expectation::Asking | Expectation::Unknown => 0,
        };
        self.required_contact_points()
            .max(majority(self.contacts.len().max(expected)))
    }

    /// When [`Self::decide`] may change its mind without a new event, if it may.
    #[must_use]
    pub fn next_change(&self) -> Option<Instant> {
        self.changed_at
            .and_then(|at| at.checked_add(self.rules.stable_margin))
    }

    /// What to do now.
    #[must_use]
    pub fn decide(&self, now: Instant) -> Decision {
        if let Some(join) = self.join(now) {
            return join;
        }
        match self.obstacle(now) {
            Some(reason) => Decision::Wait(reason),
            None => Decision::Found {
                among: self
                    .freshly_heard(now)
                    .map(|(point, heard)| (point, heard.uid))
                    .collect(),
                quorum: self.quorum(),
            },
        }
    }

    /// Any view may join: whoever freshly says that there is a cluster is believed.
    fn join(&self, now: Instant) -> Option<Decision> {
        let mut clusters: BTreeMap<_, KnownCluster> = BTreeMap::new();
        let known = self
            .freshly_heard(now)
            .filter_map(|(_, heard)| heard.cluster.as_ref())
            .filter(|cluster| !cluster.seeds.is_empty());
        for cluster in known {
            let Formation { id, founded_at } = cluster.formation;
            clusters
                .entry((founded_at, id))
                .or_insert_with(|| KnownCluster {
                    formation: cluster.formation,
                    seeds: BTreeSet::new(),
                })
                .seeds
                .extend(&cluster.seeds);
        }
        let mut oldest_first = clusters.into_values();
        let cluster = oldest_first.next()?;
        Some(Decision::Join {
            cluster,
            rivals: oldest_first.map(|c| c.formation).collect(),
        })
    }

    /// The first rule that forbids to found a cluster.
    fn obstacle(&self, now: Instant) -> Option<WaitReason> {
        match self.view {
            View::None => return Some(WaitReason::NoLookupYet),
            View::Failed => return Some(WaitReason::LookupFailed),
            View::Partial => return Some(WaitReason::PartialView),
            View::Complete => {}
        }
        if !self.rules.new_cluster_enabled {
            return Some(WaitReason::NewClusterDisabled);
        }
        if self.expectation == Expectation::Asking {
            return Some(WaitReason::ExpectedNodesPending);
        }
        let (found, required) = (self.contacts.len(), self.required_contact_points());
        if found < required {
            return Some(WaitReason::TooFewContactPoints { found, required });
        }
        let me = self.rules.me;
        if !self.contacts.contains_key(&me) {
            return Some(WaitReason::NotListed { me });
        }
        let (fresh, silent): (BTreeSet<_>, BTreeSet<_>) = self
            .contacts
            .keys()
            .partition(|point| self.is_fresh(point, now));
        if let Some(&lowest) = fresh.first()
            && lowest < me
        {
            return Some(WaitReason::LowerAddressAnswers { lowest });
        }
        if self.expectation == Expectation::Unknown {
            if self.rules.contact_with_all_contact_points && !silent.is_empty() {
                return Some(WaitReason::NotAllAnswered {
                    silent,
                    contact_points: found,
                });
            }
            let margin = self.rules.stable_margin;
            if self
                .changed_at
                .is_none_or(|at| now.saturating_duration_since(at) < margin)
            {
                return Some(WaitReason::NotStable { margin });
            }
        }
        let (answered, quorum) = (fresh.len(), self.quorum());
        if answered < quorum {
            return Some(WaitReason::TooFewAnswered { answered, quorum });
        }
        None
    }

    /// This node answers itself.
    fn is_fresh(&self, point: &ContactPoint, now: Instant) -> bool {
        *point == self.rules.me
            || self
                .contacts
                .get(point)
                .is_some_and(|contact| self.heard(contact, now).is_some())
    }

    /// What the other contact points have answered, where that is fresh.
    fn freshly_heard(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, &Heard)> {
        self.contacts
            .iter()
            .filter(|(point, _)| **point != self.rules.me)
            .filter_map(move |(point, contact)| Some((*point, self.heard(contact, now)?)))
    }

    /// An answer counts for as long as the contact point might be failing unnoticed.
    fn heard<'a>(&self, contact: &'a Contact, now: Instant) -> Option<&'a Heard> {
        let patience = self.rules.probing_failure_timeout;
        contact
            .answered
            .as_ref()
            .filter(|heard| !contact.dropped && now.saturating_duration_since(heard.at) <= patience)
    }
}

/// More than half.
fn majority(of: usize) -> usize {
    of / 2 + 1
}

/// The first few: there may be hundreds.
fn list(points: &BTreeSet<ContactPoint>) -> String {
    const MOST: usize = 5;
    let mut listed: Vec<_> = points.iter().take(MOST).map(ToString::to_string).collect();
    if let Some(others) = points.len().checked_sub(MOST).filter(|others| *others != 0) {
        listed.push(format!("and {others} more"));
    }
    listed.join(", ")
}

fn as_text<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

#[cfg(test)]
mod tests;
