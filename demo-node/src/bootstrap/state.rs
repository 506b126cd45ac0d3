//! The bootstrap's decision: join, propose a new cluster, or wait for what.
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

use super::{
    ContactPoint, Process,
    clocks::Skew,
    expected::{Expectation, Expected, Told},
    founding::{Decided, majority},
    reason::WaitReason,
};
use crate::cluster::{ClusterId, Formation, NodeUid};

/// What the rules need to know, fixed for the life of the node.
#[derive(Debug, Clone)]
pub struct Rules {
    /// This node.
    pub me: Process,
    /// Whether this node may ever found a cluster.
    pub new_cluster_enabled: bool,
    /// How many processes may take part in one formation, where configured; more where more are
    /// expected or listed.
    pub participants: Option<usize>,
    /// Whether every contact point must have answered, where the expected nodes are unknown.
    pub contact_with_all_contact_points: bool,
    /// How long the contact points must not have changed, where the expected nodes are unknown.
    pub stable_margin: Duration,
    /// How long an answer counts, and how long a contact point may fail before it is dropped.
    pub probing_failure_timeout: Duration,
}

/// How many processes may take part where nothing else is known. Of three, two must consent, so that
/// no node founds a cluster alone.
pub const DEFAULT_PARTICIPANTS: usize = 3;

/// How long the lowest address that answers goes first, where the number of expected nodes is known.
/// After that long, so does the next; then twice as many each time.
pub const HEAD_START: Duration = Duration::from_secs(3);

/// How long a cluster that did not let this node in is passed over, where there is another way.
pub const PASSED_OVER_FOR: Duration = Duration::from_secs(60);

/// How a lookup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// With all there is.
    Complete(BTreeSet<ContactPoint>),
    /// With some of it.
    Partial {
        /// Whom it names.
        contact_points: BTreeSet<ContactPoint>,
        /// Whether calls have failed: asking again at once would make it worse.
        hindered: bool,
    },
    /// Without a view.
    Failed,
}

/// What a contact point answers to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The process that answers.
    pub uid: NodeUid,
    /// Where it says that it answers. A node may be listed under several addresses.
    pub contact_point: ContactPoint,
    /// The cluster that it is a member of, and members that can be joined.
    pub cluster: Option<KnownCluster>,
    /// How many nodes it was told to expect.
    pub expected: Option<usize>,
    /// How far its clock is from this node's. Where that is too far, it cannot be in a cluster with this node:
    /// it counts as a process, but nobody waits for its consent, and no cluster that it names is joined.
    pub skew: Skew,
}

/// Something that was seen.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lookup ended.
    Looked(View),
    /// A contact point answered a probe.
    Answered {
        /// Which.
        from: ContactPoint,
        /// What.
        answer: Answer,
    },
    /// A contact point did not answer a probe.
    Unanswered {
        /// Which.
        from: ContactPoint,
    },
    /// The platform was asked how many nodes it means to run.
    Told(Told),
    /// A cluster did not let this node in.
    ShutOut(ClusterId),
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
    /// This node may propose a cluster.
    Propose {
        /// Whom to ask for their consent beside this node: those that have answered freshly and
        /// are in no cluster.
        among: BTreeMap<NodeUid, ContactPoint>,
        /// How many processes may take part. More than half of them must consent.
        participants: usize,
    },
    /// A rule is not met.
    Wait(WaitReason),
}

/// What a node that is not yet a member has seen.
#[derive(Debug, Clone)]
pub struct State {
    rules: Rules,
    expected: Expected,
    view: Completeness,
    contacts: BTreeMap<ContactPoint, Contact>,
    /// When [`Self::contacts`] last changed.
    changed_at: Option<Instant>,
    /// Since when only the order of addresses has kept this node from proposing.
    able_since: Option<Instant>,
    /// When clusters did not let this node in, the last time.
    shut_out: BTreeMap<ClusterId, Instant>,
}

/// What the last lookup was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completeness {
    None,
    Complete,
    Partial,
    Failed,
}

#[derive(Debug, Clone, Default)]
struct Contact {
    heard: Option<Heard>,
    /// Since when every probe has failed.
    failing_since: Option<Instant>,
    /// Given up until discovery names it again.
    dropped: bool,
}

/// The latest answer of a contact point.
#[derive(Debug, Clone)]
struct Heard {
    at: Instant,
    answer: Answer,
}

// === impl State ===

impl State {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(rules: Rules, configured: Expectation) -> Self {
        Self {
            rules,
            expected: Expected::new(configured),
            view: Completeness::None,
            contacts: BTreeMap::new(),
            changed_at: None,
            able_since: None,
            shut_out: BTreeMap::new(),
        }
    }

    /// Takes note of what was seen at `now`.
    pub fn observe(&mut self, now: Instant, event: Event) {
        match event {
            Event::Looked(View::Complete(named)) => {
                self.view = Completeness::Complete;
                self.name(now, named);
            }
            Event::Looked(View::Partial { contact_points, .. }) => {
                self.view = Completeness::Partial;
                self.name(now, contact_points);
            }
            Event::Looked(View::Failed) => self.view = Completeness::Failed,
            Event::Answered { from, mut answer } => {
                if let Some(number) = answer.expected {
                    self.expected.heard(now, number);
                }
                if let Some(contact) = self.contacts.get_mut(&from) {
                    if let Some(before) = &contact.heard {
                        answer.skew = answer.skew.unless_about(before.answer.skew);
                    }
                    contact.heard = Some(Heard { at: now, answer });
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
            Event::Told(told) => self.expected.told(now, told),
            Event::ShutOut(cluster) => {
                self.shut_out.insert(cluster, now);
                // Whoever starts it in another's place does so in turn, too.
                self.able_since = None;
            }
        }
        if self.able_since.is_none() && self.obstacle(now).is_none() {
            self.able_since = Some(now);
        }
    }

    fn name(&mut self, now: Instant, named: BTreeSet<ContactPoint>) {
        let before: BTreeSet<_> = self.contacts.keys().copied().collect();
        // A partial view adds contact points and takes none away: whoever it misses may well live.
        if self.view == Completeness::Complete {
            self.contacts.retain(|point, _| named.contains(point));
        }
        for point in named {
            let contact = self.contacts.entry(point).or_default();
            if contact.dropped {
                *contact = Contact {
                    heard: contact.heard.take(),
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
            .filter(|(point, contact)| **point != self.me() && !contact.dropped)
            .map(|(point, _)| *point)
    }

    /// Whether this one is to be probed.
    #[must_use]
    pub fn is_to_probe(&self, point: ContactPoint) -> bool {
        let contact = self.contacts.get(&point);
        point != self.me() && contact.is_some_and(|contact| !contact.dropped)
    }

    /// Every contact point, and whether it has answered freshly.
    pub fn contact_points(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, bool)> + '_ {
        self.contacts
            .keys()
            .map(move |point| (*point, self.is_fresh(point, now)))
    }

    /// How many nodes this one was told to expect.
    #[must_use]
    pub fn own_number(&self) -> Option<usize> {
        self.expected.own()
    }

    /// How many nodes the deployment means to run, as far as is known.
    #[must_use]
    pub fn expectation(&self, now: Instant) -> Expectation {
        self.expected.expectation(now)
    }

    /// How many processes may take part in founding a cluster.
    #[must_use]
    pub fn participants(&self, now: Instant) -> usize {
        let configured = self.rules.participants;
        let most = match self.expectation(now) {
            Expectation::Known(expected) => expected.max(configured.unwrap_or(0)),
            Expectation::Asking | Expectation::Unknown => {
                configured.unwrap_or(DEFAULT_PARTICIPANTS)
            }
        };
        most.max(self.listed())
    }

    /// How many nodes must consent to a new cluster, this one included, as far as is known.
    ///
    /// Any two groups of this many meet while no more processes take part than are expected.
    #[must_use]
    pub fn quorum(&self, now: Instant) -> usize {
        majority(self.participants(now))
    }

    /// Whether this cluster did not let this node in, lately.
    #[must_use]
    pub fn is_shut_out(&self, cluster: ClusterId, now: Instant) -> bool {
        self.shut_out
            .get(&cluster)
            .is_some_and(|at| now.saturating_duration_since(*at) < PASSED_OVER_FOR)
    }

    /// When [`Self::decide`] may change its mind without a new event, if it may.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let stable = self
            .changed_at
            .and_then(|at| at.checked_add(self.rules.stable_margin));
        let turn = self.able_since.map(|since| {
            let passed = now.saturating_duration_since(since).as_secs() / HEAD_START.as_secs();
            let turns = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
            since + HEAD_START.saturating_mul(turns)
        });
        stable.into_iter().chain(turn).filter(|at| now < *at).min()
    }

    /// What to do now. `decided` is the cluster that this node was told of.
    ///
    /// A cluster is joined unless it did not let this node in; then there may be another one, or
    /// enough others to whom the same has happened. Where there is neither, it is tried again.
    #[must_use]
    pub fn decide(&self, now: Instant, decided: Option<Decided>) -> Decision {
        let known = self.clusters(now);
        let open = |cluster: &&KnownCluster| !self.is_shut_out(cluster.formation.id, now);
        let told = decided.map(|Decided { formation, seed }| KnownCluster {
            formation,
            seeds: BTreeSet::from([seed]),
        });
        if let Some(cluster) = known.iter().find(open).or(told.as_ref().filter(open)) {
            return join(cluster, &known);
        }
        let Some(reason) = self.obstacle(now).or_else(|| self.turn(now)) else {
            return Decision::Propose {
                among: self.voters(now).map(|(uid, (at, _))| (uid, at)).collect(),
                participants: self.participants(now),
            };
        };
        match known.first().or(told.as_ref()) {
            Some(cluster) => join(cluster, &known),
            None => Decision::Wait(reason),
        }
    }

    /// The clusters that contact points are in, the one that was formed first in front. Any view may
    /// join: whoever freshly says that there is a cluster is believed.
    fn clusters(&self, now: Instant) -> Vec<KnownCluster> {
        let mut clusters: BTreeMap<_, KnownCluster> = BTreeMap::new();
        let known = self
            .freshly_heard(now)
            .filter(|(_, heard)| heard.answer.skew.is_tolerable())
            .filter_map(|(_, heard)| heard.answer.cluster.as_ref())
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
        clusters.into_values().collect()
    }

    /// The first rule that forbids to propose a cluster, apart from whose turn it is.
    fn obstacle(&self, now: Instant) -> Option<WaitReason> {
        if self.view == Completeness::None {
            return Some(WaitReason::NoLookupYet);
        }
        if !self.rules.new_cluster_enabled {
            return Some(WaitReason::NewClusterDisabled);
        }
        let unknown = match self.expectation(now) {
            Expectation::Asking => return Some(WaitReason::ExpectedNodesPending),
            Expectation::Known(_) => false,
            Expectation::Unknown => true,
        };
        let (found, quorum) = (self.listed(), self.quorum(now));
        if unknown || found < quorum {
            match self.view {
                Completeness::Failed => return Some(WaitReason::LookupFailed),
                Completeness::Partial if unknown => return Some(WaitReason::PartialView),
                Completeness::None | Completeness::Complete | Completeness::Partial => {}
            }
        }
        if found < quorum {
            let required = quorum;
            return Some(WaitReason::TooFewContactPoints { found, required });
        }
        if !self.is_listed() {
            return Some(WaitReason::NotListed { me: self.me() });
        }
        if unknown && let Some(reason) = self.doubt(now) {
            return Some(reason);
        }
        let answered = self.voters(now).count() + 1;
        if quorum <= answered {
            return None;
        }
        let apart = self.clocks_apart(now);
        Some(if apart.is_empty() {
            WaitReason::TooFewAnswered { answered, quorum }
        } else {
            WaitReason::ClocksApart {
                answered,
                quorum,
                apart,
            }
        })
    }

    /// What else forbids it where the expected nodes are unknown: two groups with disjoint lists
    /// could each find a quorum in its own.
    fn doubt(&self, now: Instant) -> Option<WaitReason> {
        if let Some(lowest) = self.lower(now).min() {
            return Some(WaitReason::LowerAddressAnswers { lowest });
        }
        let silent: BTreeSet<_> = self
            .contacts
            .keys()
            .filter(|point| !self.is_fresh(point, now))
            .copied()
            .collect();
        if self.rules.contact_with_all_contact_points && !silent.is_empty() {
            return Some(WaitReason::NotAllAnswered {
                silent,
                contact_points: self.contacts.len(),
            });
        }
        let margin = self.rules.stable_margin;
        self.changed_at
            .is_none_or(|at| now.saturating_duration_since(at) < margin)
            .then_some(WaitReason::NotStable { margin })
    }

    /// Who goes first instead of this node, where nothing else keeps it from proposing.
    ///
    /// Votes alone decide; this only keeps nodes from getting in each other's way.
    fn turn(&self, now: Instant) -> Option<WaitReason> {
        let waited = self
            .able_since
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let turns = waited.as_secs() / HEAD_START.as_secs();
        let may_go = u32::try_from(turns)
            .ok()
            .and_then(|turns| 1_usize.checked_shl(turns))
            .unwrap_or(usize::MAX);
        if self.lower(now).count() < may_go {
            return None;
        }
        let lowest = self.lower(now).min()?;
        Some(WaitReason::LowerAddressAnswers { lowest })
    }

    /// Who has answered freshly, and has a clock too far from this node's to be in a cluster with it.
    fn clocks_apart(&self, now: Instant) -> BTreeMap<ContactPoint, Skew> {
        self.freshly_heard(now)
            .map(|(point, heard)| (point, heard.answer.skew))
            .filter(|(_, skew)| !skew.is_tolerable())
            .collect()
    }

    /// The clocks that were too far off when their nodes answered last, however long ago: a member seldom asks.
    #[must_use]
    pub fn wrong_clocks(&self) -> BTreeMap<ContactPoint, Skew> {
        self.contacts
            .iter()
            .filter(|(_, contact)| contact.failing_since.is_none())
            .filter_map(|(point, contact)| Some((*point, contact.heard.as_ref()?.answer.skew)))
            .filter(|(point, skew)| *point != self.me() && !skew.is_tolerable())
            .collect()
    }

    /// The addresses below this node's at which somebody answers who could consent.
    fn lower(&self, now: Instant) -> impl Iterator<Item = ContactPoint> {
        self.voters(now)
            .map(|(_, (_, itself))| itself)
            .filter(|itself| *itself < self.me())
    }

    /// The other processes that have answered freshly and are in no cluster: where they answered,
    /// and where they say that they do. One that is listed under several addresses is one.
    fn voters(
        &self,
        now: Instant,
    ) -> impl Iterator<Item = (NodeUid, (ContactPoint, ContactPoint))> + use<> {
        let voters: BTreeMap<_, _> = self
            .freshly_heard(now)
            .filter(|(_, heard)| heard.answer.cluster.is_none())
            .filter(|(_, heard)| heard.answer.skew.is_tolerable())
            .filter(|(_, heard)| heard.answer.uid != self.rules.me.uid)
            .map(|(point, heard)| (heard.answer.uid, (point, heard.answer.contact_point)))
            .collect();
        voters.into_iter()
    }

    /// How many processes discovery names: contact points at which the same one has answered are
    /// one.
    fn listed(&self) -> usize {
        let mut processes = BTreeSet::new();
        self.contacts
            .iter()
            .filter(|(point, contact)| {
                self.process_at(point, contact)
                    .is_none_or(|uid| processes.insert(uid))
            })
            .count()
    }

    /// Whether discovery names this node, under whatever address.
    fn is_listed(&self) -> bool {
        self.contacts
            .iter()
            .any(|(point, contact)| self.process_at(point, contact) == Some(self.rules.me.uid))
    }

    fn process_at(&self, point: &ContactPoint, contact: &Contact) -> Option<NodeUid> {
        if *point == self.me() {
            return Some(self.rules.me.uid);
        }
        contact.heard.as_ref().map(|heard| heard.answer.uid)
    }

    fn me(&self) -> ContactPoint {
        self.rules.me.contact_point
    }

    /// This node answers itself.
    fn is_fresh(&self, point: &ContactPoint, now: Instant) -> bool {
        *point == self.me()
            || self
                .contacts
                .get(point)
                .is_some_and(|contact| self.heard(contact, now).is_some())
    }

    /// What the other contact points have answered, where that is fresh.
    fn freshly_heard(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, &Heard)> {
        self.contacts
            .iter()
            .filter(|(point, _)| **point != self.me())
            .filter_map(move |(point, contact)| Some((*point, self.heard(contact, now)?)))
    }

    /// An answer counts for as long as the contact point might be failing unnoticed.
    fn heard<'a>(&self, contact: &'a Contact, now: Instant) -> Option<&'a Heard> {
        let patience = self.rules.probing_failure_timeout;
        contact
            .heard
            .as_ref()
            .filter(|heard| !contact.dropped && now.saturating_duration_since(heard.at) <= patience)
    }
}

fn join(cluster: &KnownCluster, known: &[KnownCluster]) -> Decision {
    let rivals = known.iter().map(|known| known.formation);
    Decision::Join {
        cluster: cluster.clone(),
        rivals: rivals
            .filter(|rival| rival.id != cluster.formation.id)
            .collect(),
    }
}

#[cfg(test)]
mod tests;
