//! The bootstrap's decision: join, propose a new cluster, or wait, and for what.
//!
//! A pure core: it does no IO, reads no clock, uses no randomness and is not async. It is told what was seen
//! ([`Event`]) and asked what to do ([`State::decide`]). It decides who *may try* to found a cluster;
//! [`super::founding`] decides whether a cluster starts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::{Duration, Instant},
};

use super::{
    ContactPoint,
    clocks::Skew,
    expected::{Expectation, Expected},
    founding::{Decided, majority},
    reason::WaitReason,
};
use crate::cluster::{ClusterId, Formation, NodeUid};

mod contact;
mod rules;
mod seen;

use contact::{Contact, Heard, Processes, Voter, process_at};
pub use rules::{DEFAULT_PARTICIPANTS, HEAD_START, OnRival, PASSED_OVER_FOR, Rules};
pub use seen::{Answer, Event, KnownCluster, View};

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A cluster exists: join it.
    Join {
        /// The one to join: of several, the one that was founded first, or the one with the most nodes ([`OnRival`]).
        cluster: KnownCluster,
        /// Other clusters with the same name. If there are any, this is an alarm.
        rivals: Vec<Formation>,
    },
    /// This node may propose a cluster, among [those that can consent](State::among).
    Propose,
    /// A rule is not met.
    Wait(WaitReason),
}

/// What a node that is not yet a member has seen.
#[derive(Debug, Clone)]
pub struct State {
    rules: Rules,
    expected: Expected,
    view: Completeness,
    /// Whether the latest list was the first of several pages.
    more_pages: bool,
    contacts: BTreeMap<ContactPoint, Contact>,
    processes: Processes,
    /// When [`Self::contacts`] last changed.
    changed_at: Option<Instant>,
    /// Since when only the order of addresses prevents this node from proposing.
    able_since: Option<Instant>,
    /// When clusters last did not let this node in.
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

// === impl State ===

impl State {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(rules: Rules, configured: Expectation) -> Self {
        Self {
            rules,
            expected: Expected::new(configured),
            view: Completeness::None,
            more_pages: false,
            contacts: BTreeMap::new(),
            processes: Processes::default(),
            changed_at: None,
            able_since: None,
            shut_out: BTreeMap::new(),
        }
    }

    /// Notes what was seen at `now`.
    pub fn observe(&mut self, now: Instant, event: Event) {
        match event {
            Event::Looked(View::Complete(named)) => {
                self.view = Completeness::Complete;
                self.more_pages = false;
                self.name(now, named);
            }
            Event::Looked(View::Partial {
                contact_points,
                more_pages,
                hindered,
            }) => {
                if hindered {
                    self.expected.no_list();
                }
                self.view = Completeness::Partial;
                self.more_pages = more_pages;
                self.name(now, contact_points);
            }
            Event::Looked(View::Failed) => {
                self.expected.no_list();
                self.view = Completeness::Failed;
            }
            Event::Answered { from, mut answer } => {
                if let Some(number) = answer.expected {
                    self.expected.heard(now, number);
                }
                if let Some(contact) = self.contacts.get_mut(&from) {
                    let before = contact.heard.as_ref().map(|before| before.answer.uid);
                    if before != Some(answer.uid) {
                        self.processes.moved(before, Some(answer.uid));
                    }
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
            Event::Saw(members) => self.expected.saw(now, members),
            Event::ShutOut(cluster) => {
                self.shut_out.insert(cluster, now);
                // A node that starts it in place of another also does so in turn.
                self.able_since = None;
            }
        }
    }

    fn name(&mut self, now: Instant, named: BTreeSet<ContactPoint>) {
        let before: BTreeSet<_> = self.contacts.keys().copied().collect();
        // A view that is not complete adds contact points but removes none that may live, since it may lack them.
        let complete = self.view == Completeness::Complete;
        let (processes, me) = (&mut self.processes, self.rules.me);
        self.contacts.retain(|point, contact| {
            let stays = named.contains(point) || !complete && !contact.dropped;
            if !stays {
                processes.moved(process_at(me, point, contact), None);
            }
            stays
        });
        for point in named {
            let contact = match self.contacts.entry(point) {
                Entry::Vacant(new) => {
                    let contact = new.insert(Contact::default());
                    self.processes.moved(None, process_at(me, &point, contact));
                    contact
                }
                Entry::Occupied(known) => known.into_mut(),
            };
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

    /// Which contact points to probe: those that discovery lists, without this node and those that were dropped.
    pub fn to_probe(&self) -> impl Iterator<Item = ContactPoint> + '_ {
        self.contacts
            .iter()
            .filter(|(point, contact)| **point != self.me() && !contact.dropped)
            .map(|(point, _)| *point)
    }

    /// Whether this one must be probed.
    #[must_use]
    pub fn is_to_probe(&self, point: ContactPoint) -> bool {
        let contact = self.contacts.get(&point);
        point != self.me() && contact.is_some_and(|contact| !contact.dropped)
    }

    /// Whether some contact point has answered or failed, or there is none to ask.
    #[must_use]
    pub fn has_sounded(&self) -> bool {
        let asked = |contact: &Contact| contact.heard.is_some() || contact.failing_since.is_some();
        self.has_list() && (self.contacts.values().any(asked) || self.to_probe().next().is_none())
    }

    /// How many nodes there are or should be, as far as is known.
    #[must_use]
    pub fn nodes(&self, now: Instant) -> usize {
        match self.expectation(now) {
            Expectation::Known(expected) => expected.max(self.listed()),
            Expectation::Asking | Expectation::Unknown => self.listed(),
        }
    }

    /// Whether a lookup has ever given a list.
    #[must_use]
    pub fn has_list(&self) -> bool {
        self.changed_at.is_some()
    }

    /// Whether the latest list was not the first of several pages.
    #[must_use]
    pub fn has_all_pages(&self) -> bool {
        self.has_list() && !self.more_pages
    }

    /// Whether no lower address is known that might found a cluster: none that has not been asked, and none that
    /// answers.
    #[must_use]
    pub fn is_first(&self) -> bool {
        let might = |contact: &Contact| {
            let heard = contact.heard.as_ref().map(|heard| &heard.answer);
            contact.failing_since.is_none()
                && heard.is_none_or(|answer| {
                    answer.uid != self.rules.me.uid && answer.skew.is_tolerable()
                })
        };
        self.has_list()
            && !self
                .contacts
                .range(..self.me())
                .any(|(_, contact)| might(contact))
    }

    /// For how long this contact point has answered no probe; none if it has answered the last.
    #[must_use]
    pub fn failing_for(&self, point: ContactPoint, now: Instant) -> Duration {
        self.contacts
            .get(&point)
            .and_then(|contact| contact.failing_since)
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Every contact point, and whether it has a fresh answer.
    pub fn contact_points(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, bool)> + '_ {
        self.contacts
            .keys()
            .map(move |point| (*point, self.is_fresh(point, now)))
    }

    /// The number of expected nodes that this node was told.
    #[must_use]
    pub fn own_number(&self) -> Option<usize> {
        self.expected.own()
    }

    /// Whether this node was not told the number, and may soon be.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.expected.is_untold()
    }

    /// When this node must ask for the number once more before it stops waiting for it.
    #[must_use]
    pub fn last_chance(&self) -> Option<Instant> {
        self.expected.last_chance()
    }

    /// How many nodes the deployment should run, as far as is known.
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

    /// How many nodes must consent to a new cluster, including this one, as far as is known. Any two groups of this
    /// size have a node in common while no more processes take part than are expected.
    #[must_use]
    pub fn quorum(&self, now: Instant) -> usize {
        majority(self.participants(now))
    }

    /// Whether this cluster recently did not let this node in.
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

    /// What to do now. `decided` is the cluster that this node was told of; `in_turn` says whether it has its random
    /// turn, so that it need not wait for lower addresses if the number of expected nodes is known. A cluster is
    /// joined unless it did not let this node in; then there may be another one, or enough others with the same
    /// experience. If there is neither, it is tried again.
    #[must_use]
    pub fn decide(&mut self, now: Instant, decided: Option<Decided>, in_turn: bool) -> Decision {
        let obstacle = self.obstacle(now);
        if obstacle.is_none() {
            self.able_since.get_or_insert(now);
        }
        let known = self.clusters(now);
        let open = |cluster: &&KnownCluster| !self.is_shut_out(cluster.formation.id, now);
        let told = decided.map(|Decided { formation, seed }| KnownCluster {
            formation,
            seeds: BTreeSet::from([seed]),
        });
        if let Some(cluster) = known.iter().find(open).or(told.as_ref().filter(open)) {
            return join(cluster, &known);
        }
        let turn = || if in_turn { None } else { self.turn(now) };
        let Some(reason) = obstacle.or_else(turn) else {
            return Decision::Propose;
        };
        match known.first().or(told.as_ref()) {
            Some(cluster) => join(cluster, &known),
            None => Decision::Wait(reason),
        }
    }

    /// Which nodes to ask for consent besides this one: those that have a fresh answer and are in no cluster.
    #[must_use]
    pub fn among(&self, now: Instant) -> BTreeMap<NodeUid, ContactPoint> {
        let voters = self.voters(now).into_iter();
        voters.map(|voter| (voter.uid, voter.asked_at)).collect()
    }

    /// The clusters that contact points are in, with the one to join first: the oldest, or the one with the most
    /// nodes. Any view may join: a fresh answer that names a cluster is enough.
    fn clusters(&self, now: Instant) -> Vec<KnownCluster> {
        let mut clusters: BTreeMap<_, (usize, KnownCluster)> = BTreeMap::new();
        let known = self
            .freshly_heard(now)
            .filter(|(_, heard)| heard.answer.skew.is_tolerable())
            .filter_map(|(_, heard)| heard.answer.cluster.as_ref())
            .filter(|cluster| !cluster.seeds.is_empty());
        for cluster in known {
            let Formation { id, founded_at } = cluster.formation;
            let (members, known) = clusters.entry((founded_at, id)).or_insert_with(|| {
                let seeds = BTreeSet::new();
                let formation = cluster.formation;
                (0, KnownCluster { formation, seeds })
            });
            *members += 1;
            known.seeds.extend(&cluster.seeds);
        }
        let mut clusters: Vec<_> = clusters.into_values().collect();
        if self.rules.on_rival == OnRival::Alarm {
            clusters.sort_by_key(|(members, _)| Reverse(*members));
        }
        clusters.into_iter().map(|(_, cluster)| cluster).collect()
    }

    /// The first rule that forbids proposing a cluster, apart from whose turn it is.
    fn obstacle(&self, now: Instant) -> Option<WaitReason> {
        if self.view == Completeness::None {
            return Some(WaitReason::NoLookupYet);
        }
        if !self.rules.new_cluster_enabled {
            return Some(WaitReason::NewClusterDisabled);
        }
        if !self.has_list() {
            return Some(WaitReason::LookupFailed);
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
        let others = if 0 < self.processes.again() {
            self.voters(now).len()
        } else {
            self.who_can_consent(now).count()
        };
        let answered = others + 1;
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

    /// What else forbids it if the expected nodes are unknown: two groups with disjoint lists could each find a
    /// quorum in its own list.
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

    /// The node that goes before this one, if nothing else prevents this node from proposing.
    ///
    /// Only votes decide; this only keeps nodes from competing.
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

    /// Nodes with a fresh answer whose clock is too far from this node's for one cluster.
    fn clocks_apart(&self, now: Instant) -> BTreeMap<ContactPoint, Skew> {
        self.freshly_heard(now)
            .map(|(point, heard)| (point, heard.answer.skew))
            .filter(|(_, skew)| !skew.is_tolerable())
            .collect()
    }

    /// The clocks that were too far off in their nodes' last answers, however old: a member seldom asks.
    #[must_use]
    pub fn wrong_clocks(&self) -> BTreeMap<ContactPoint, Skew> {
        self.contacts
            .iter()
            .filter(|(_, contact)| contact.failing_since.is_none())
            .filter_map(|(point, contact)| Some((*point, contact.heard.as_ref()?.answer.skew)))
            .filter(|(point, skew)| *point != self.me() && !skew.is_tolerable())
            .collect()
    }

    /// The addresses below this node's at which a node answers that could consent.
    fn lower(&self, now: Instant) -> impl Iterator<Item = ContactPoint> {
        let voters = self.voters(now).into_iter();
        let itself = voters.map(|voter| voter.itself);
        itself.filter(|itself| *itself < self.me())
    }

    /// The other processes that have a fresh answer and are in no cluster. A process that is listed with several
    /// addresses counts once.
    fn voters(&self, now: Instant) -> Vec<Voter> {
        let mut voters: Vec<_> = self
            .who_can_consent(now)
            .map(|(asked_at, heard)| Voter {
                uid: heard.answer.uid,
                asked_at,
                itself: heard.answer.contact_point,
            })
            .collect();
        if 0 < self.processes.again() {
            voters.sort_by_key(|voter| voter.uid);
            voters.dedup_by_key(|voter| voter.uid);
        }
        voters
    }

    fn who_can_consent(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, &Heard)> {
        self.freshly_heard(now).filter(|(_, heard)| {
            let answer = &heard.answer;
            answer.cluster.is_none()
                && answer.skew.is_tolerable()
                && answer.uid != self.rules.me.uid
        })
    }

    /// How many processes discovery lists: contact points with the same process count once.
    fn listed(&self) -> usize {
        self.contacts.len() - self.processes.again()
    }

    /// Whether discovery lists this node, with any address.
    fn is_listed(&self) -> bool {
        self.processes.contains(self.rules.me.uid)
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

    /// The fresh answers of the other contact points.
    fn freshly_heard(&self, now: Instant) -> impl Iterator<Item = (ContactPoint, &Heard)> {
        self.contacts
            .iter()
            .filter(|(point, _)| **point != self.me())
            .filter_map(move |(point, contact)| Some((*point, self.heard(contact, now)?)))
    }

    /// An answer is valid for as long as the contact point might be failing unnoticed.
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
