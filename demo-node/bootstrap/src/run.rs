//! Carries out what the [`Coordinator`] says: looks up, probes, sends founding messages.
//!
//! One loop owns the coordinator; everything slow comes back to it as an [`Input`]. A [`Watch`](discovery::Watch) makes
//! the lookups when the coordinator asks for one; everything else runs in a [`JoinSet`] beside the loop. There are no
//! rules here.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use discovery::{Chain, Completeness, Discovery, ExpectedNodes, Extent, Pace, excerpt};
use rand::{Rng, rngs::StdRng};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use self::problem::{Kind, ProbeError, Problem, ask_for_body};
use super::{
    ContactPoint, Machine, Settings, Standing,
    coordinator::{Coordinator, Input, Output, Phase},
    expected::{Expectation, Told},
    founding::{Reply, Request},
    handle::{Asked, Handle},
    pacing,
    state::{Answer, KnownCluster, View},
    status::{Alarm, LastLookup, Status},
    wire::{self, FoundingRequest, Sealer},
};
use crate::{
    clock,
    cluster::{Formation, NodeUid},
    http::Ask,
    net::{Network, Tcp},
    seal::Keyring,
};

mod problem;

/// How many founding messages may wait. Each waits for one turn of the loop; a few for each peer are enough, and a
/// peer that finds the queue full tries again.
const INBOX: usize = 64;

/// How many orders may wait for the service; they come one at a time.
const ORDERS: usize = 8;

/// Changes are published this often; a change of the phase or of the rule is published at once. With many contact
/// points, listing them takes time, and each of them answers every second.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// How many items of a list that may have hundreds a log line names.
const MOST_LOGGED: usize = 5;

/// How much is shown of an error with text from others, in characters.
const LONGEST_PROBLEM: usize = 300;

/// What the service must do with its membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Start this cluster.
    Start(Formation),
    /// Join this cluster.
    Join(KnownCluster),
}

/// The service's side of the bootstrap.
#[derive(Debug)]
pub struct Service {
    /// Answers other nodes, and says what the bootstrap sees.
    pub handle: Handle,
    /// What the service must do with its membership, one order after the other.
    pub orders: mpsc::Receiver<Order>,
    /// The service sends its standing here whenever that changes.
    pub standing: watch::Sender<Standing>,
}

/// The loop, not yet running.
#[derive(Debug)]
pub struct Bootstrap<N, R> {
    settings: Settings,
    coordinator: Coordinator,
    discovery: Discovery,
    lookups: discovery::Watch,
    machine: Machine<N, R>,
    sealer: Sealer,
    orders: mpsc::Sender<Order>,
    standing: watch::Receiver<Standing>,
    inbox: mpsc::Receiver<Asked>,
    status: watch::Sender<Arc<Status>>,
    record: Status,
    published_at: Instant,
    unpublished: bool,
    /// What is wrong with the contact points whose last probe failed.
    problems: BTreeMap<ContactPoint, Problem>,
    last_lookup_error: Option<String>,
    warned_own_gossip: bool,
    warned_filtered: bool,
    warned_unknown: bool,
}

/// A result from beside the loop.
#[derive(Debug)]
enum Done {
    Expected(Result<ExpectedNodes, discovery::Error>),
    Probe(ContactPoint, Result<Answer, ProbeError>),
    Reply(NodeUid, Result<Reply, ProbeError>),
}

// === impl Bootstrap ===

impl Bootstrap<Tcp, StdRng> {
    /// The loop, and the service's side of it. Nothing happens before the loop [runs](Self::run).
    #[must_use]
    pub fn new(settings: Settings, discovery: Discovery, keyring: Keyring) -> (Self, Service) {
        Self::on(Machine::real(), settings, discovery, keyring)
    }
}

impl<N: Network, R: Rng + Send> Bootstrap<N, R> {
    /// The loop, and the service's side of it, on a machine that may be simulated.
    #[must_use]
    pub fn on(
        machine: Machine<N, R>,
        settings: Settings,
        discovery: Discovery,
        keyring: Keyring,
    ) -> (Self, Service) {
        let now = clock::now();
        let sealer = Sealer {
            keyring,
            cluster: settings.cluster.clone(),
            fresh: machine.fresh,
        };
        let coordinator = Coordinator::new(settings.coordinator.clone(), now);
        let record = Status::new(discovery.method(), &coordinator, now);
        let (status, status_seen) = watch::channel(Arc::new(record.clone()));
        let (inbox_sender, inbox) = mpsc::channel(INBOX);
        let (orders, orders_received) = mpsc::channel(ORDERS);
        let (standing_told, standing) = watch::channel(Standing::Outside);
        let handle = Handle {
            me: settings.me(),
            sealer: sealer.clone(),
            standing: standing.clone(),
            inbox: inbox_sender,
            status: status_seen,
        };
        let bootstrap = Self {
            lookups: discovery.watch(settings.lookup.clone(), Pace::on_demand()),
            settings,
            coordinator,
            discovery,
            machine,
            sealer,
            orders,
            standing,
            inbox,
            status,
            record,
            published_at: now,
            unpublished: false,
            problems: BTreeMap::new(),
            last_lookup_error: None,
            warned_own_gossip: false,
            warned_filtered: false,
            warned_unknown: false,
        };
        let service = Service {
            handle,
            orders: orders_received,
            standing: standing_told,
        };
        (bootstrap, service)
    }

    /// Runs until cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut work = JoinSet::new();
        let mut next = Some(Input::Tick);
        loop {
            if let Some(input) = next.take() {
                self.turn(input, None, &mut work).await;
            }
            let mut wakeup = self.coordinator.next_wakeup(clock::now());
            if self.unpublished {
                wakeup = wakeup.min(self.published_at + PUBLISH_EVERY);
            }
            next = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = self.standing.changed() => {
                    Some(Input::Standing(self.standing.borrow_and_update().clone()))
                }
                Some((request, reply)) = self.inbox.recv() => {
                    self.turn(Input::Request(request), Some(reply), &mut work).await;
                    None
                }
                view = self.lookups.next_view() => Some(self.looked_up(view)),
                Some(done) = work.join_next() => match done {
                    Ok(done) => self.came_back(done),
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                () = sleep_until(wakeup.into()) => Some(Input::Tick),
            };
        }
    }

    async fn turn(
        &mut self,
        input: Input,
        mut reply_to: Option<oneshot::Sender<Reply>>,
        work: &mut JoinSet<Done>,
    ) {
        let now = clock::now();
        let unix_millis = (self.machine.unix_millis)();
        let outputs = self
            .coordinator
            .handle(now, unix_millis, input, &mut self.machine.rng);
        for output in outputs {
            match output {
                Output::Lookup(extent) => self.look_up(extent, now),
                Output::AskExpected => self.ask_expected(now, work),
                Output::Probe(point) => self.probe(point, work),
                Output::Send(point, to, request) => self.send(point, to, request, work),
                Output::Reply(reply) => {
                    if let Some(waiting) = reply_to.take() {
                        // The asker may be gone; its proposer does not depend on this reply.
                        let _unheard = waiting.send(reply);
                    }
                }
                Output::Start(formation) => {
                    tracing::info!(cluster.id = %formation.id, "founding the cluster");
                    self.order(Order::Start(formation)).await;
                }
                Output::Join(cluster) => {
                    self.tell_of_join(&cluster);
                    self.order(Order::Join(cluster)).await;
                }
                Output::Alarm { older, younger } => {
                    self.record.alarms.push(Alarm { older, younger });
                    tracing::error!(
                        older.id = %older.id,
                        older.founded_at = older.founded_at,
                        younger.id = %younger.id,
                        younger.founded_at = younger.founded_at,
                        "two clusters of the same name exist"
                    );
                }
            }
        }
        self.publish(now);
    }

    fn tell_of_join(&self, cluster: &KnownCluster) {
        let id = cluster.formation.id;
        let seeds: Vec<_> = cluster.seeds.iter().take(MOST_LOGGED).collect();
        match self.coordinator.phase() {
            Phase::Member { formation, .. } if formation.id == id => {
                tracing::info!(cluster.id = %id, ?seeds, "met members of this cluster that this node does not know yet");
            }
            Phase::Member { .. } => {
                tracing::info!(cluster.id = %id, ?seeds, "asking the older cluster to let this node in");
            }
            Phase::Waiting { .. } | Phase::Founding { .. } | Phase::Joining { .. } => {
                tracing::info!(cluster.id = %id, ?seeds, "joining the cluster");
            }
        }
    }

    async fn order(&self, order: Order) {
        // The receiver is gone only when the node is ending.
        let _ending = self.orders.send(order).await;
    }

    fn publish(&mut self, now: Instant) {
        let phase = self.coordinator.phase();
        let due = self.published_at + PUBLISH_EVERY <= now;
        self.unpublished = !due && phase.kind() == self.record.phase.kind();
        if self.unpublished {
            return;
        }
        let changed = phase != self.record.phase;
        let was_member = matches!(self.record.phase, Phase::Member { .. });
        let expected_before = self.record.expected_nodes;
        self.published_at = now;
        // Members are no longer probed: they answer in other ways.
        self.problems
            .retain(|point, _| !self.coordinator.is_fellow(*point));
        let problem = |point: &ContactPoint| Some(self.problems.get(point)?.text.clone());
        self.record.update(&self.coordinator, problem, now);
        self.record.count_calls(&self.discovery);
        self.tell_expectation(expected_before, now);
        if changed {
            match &self.record.phase {
                Phase::Waiting { reason } => tracing::info!("{reason}"),
                Phase::Founding { round, quorum } => {
                    tracing::info!(
                        round,
                        quorum,
                        "asking the contact points to consent to a new cluster"
                    );
                }
                Phase::Joining { formation } if was_member => {
                    tracing::info!(cluster.id = %formation.id, "the older cluster lets this node in: joining it");
                }
                Phase::Joining { .. } => {}
                Phase::Member {
                    formation,
                    minority: None,
                } => tracing::info!(cluster.id = %formation.id, "this node is a member"),
                Phase::Member {
                    minority: Some(minority),
                    ..
                } => tracing::warn!(
                    reachable = minority.reachable,
                    majority = minority.majority,
                    "this node is on the smaller side of a split"
                ),
            }
        }
        self.status.send_if_modified(|published| {
            let changed = **published != self.record;
            if changed {
                *published = Arc::new(self.record.clone());
            }
            changed
        });
    }

    /// Logs how many nodes are expected, when that changes.
    fn tell_expectation(&mut self, before: Option<usize>, now: Instant) {
        match self.coordinator.state().expectation(now) {
            Expectation::Known(expected) => {
                if before != Some(expected) {
                    tracing::info!(expected, "this many nodes are expected");
                }
                self.warned_unknown = false;
            }
            Expectation::Unknown if !std::mem::replace(&mut self.warned_unknown, true) => {
                let why = self.record.expected_nodes_problem.as_deref();
                tracing::warn!(
                    why = why.unwrap_or("expected-nodes says so"),
                    "the number of expected nodes is unknown: only participants and \
                     stable-margin prevent a second cluster. Set expected-nodes to be safe"
                );
            }
            Expectation::Unknown | Expectation::Asking => {}
        }
    }

    fn look_up(&mut self, extent: Extent, now: Instant) {
        let pages = pacing::pages(extent, self.coordinator.state().nodes(now));
        self.lookups.lookup.extent = extent;
        self.lookups.lookup.on_throttle = self.coordinator.on_throttle(extent, now);
        // A long list also takes long while others ask.
        self.lookups.pace.timeout = self.settings.resolve_timeout.saturating_mul(pages);
        self.lookups.look_now();
    }

    fn ask_expected(&self, now: Instant, work: &mut JoinSet<Done>) {
        let discovery = self.discovery.clone();
        let name = self.settings.lookup.service_name.clone();
        // On EC2 the number is known when the list is, and a long list takes long.
        let pages = pacing::pages(Extent::Whole, self.coordinator.state().nodes(now));
        let timeout = self.settings.resolve_timeout.saturating_mul(pages);
        work.spawn(async move { Done::Expected(discovery.expected_nodes(&name, timeout).await) });
    }

    fn probe(&self, point: ContactPoint, work: &mut JoinSet<Done>) {
        let (network, limit) = (self.machine.network.clone(), self.settings.ask_timeout);
        let sealer = self.sealer.clone();
        work.spawn(async move {
            let answer = async {
                let probe = sealer.probe(point);
                let ask = Ask::get(probe.path());
                let body = ask_for_body(&network, point, ask, limit).await?;
                probe.read(&body, &sealer).map_err(ProbeError::Rejected)
            };
            Done::Probe(point, answer.await)
        });
    }

    fn send(&self, point: ContactPoint, to: NodeUid, message: Request, work: &mut JoinSet<Done>) {
        let (network, limit) = (self.machine.network.clone(), self.settings.ask_timeout);
        let sealer = self.sealer.clone();
        work.spawn(async move {
            let reply = async {
                let (question, sealed) = sealer.request(&FoundingRequest { to, message });
                let ask = Ask::post(wire::FOUNDING_PATH, sealed);
                let body = ask_for_body(&network, point, ask, limit).await?;
                sealer.replied(question, &body).map_err(ProbeError::Sealed)
            };
            Done::Reply(to, reply.await)
        });
    }

    fn came_back(&mut self, done: Done) -> Option<Input> {
        match done {
            Done::Expected(result) => Some(Input::Told(self.told(result))),
            Done::Probe(point, result) => {
                self.note(point, &result);
                Some(Input::Probed(point, result.ok()))
            }
            Done::Reply(from, Ok(reply)) => Some(Input::Reply(from, reply)),
            Done::Reply(to, Err(error)) => {
                tracing::debug!(%to, error = %Chain(&error), "founding message failed");
                None
            }
        }
    }

    /// Notes how a probe ended. Silence is normal; an answer from a node that does not belong here is logged once.
    fn note(&mut self, point: ContactPoint, result: &Result<Answer, ProbeError>) {
        let counted = match result {
            Ok(_) => &mut self.record.probes.answered,
            Err(error) if error.is_silence() => &mut self.record.probes.silent,
            Err(_) => &mut self.record.probes.rejected,
        };
        *counted += 1;
        let (text, kind) = match result {
            _ if self.coordinator.is_fellow(point) => (None, None),
            Ok(answer) if !answer.skew.is_tolerable() => (
                Some(format!(
                    "its clock is {}, too far for both to be in one cluster",
                    answer.skew
                )),
                Some(Kind::Clock),
            ),
            Ok(answer) if answer.contact_point != point => {
                let itself = answer.contact_point;
                (Some(format!("it says that it answers at {itself}")), None)
            }
            Ok(_) => (None, None),
            Err(error) => (
                Some(excerpt(&Chain(error).to_string(), LONGEST_PROBLEM)),
                (!error.is_silence()).then(|| error.kind()),
            ),
        };
        let Some(text) = text else {
            self.problems.remove(&point);
            return;
        };
        let problem = self.problems.entry(point).or_default();
        problem.text = text;
        if kind.is_some_and(|kind| problem.told.insert(kind)) {
            tracing::warn!(contact_point = %point, error = %problem.text, "a contact point does not count");
        } else {
            tracing::debug!(contact_point = %point, error = %problem.text, "probe failed");
        }
    }

    /// What the platform says about the number of expected nodes.
    fn told(&mut self, result: Result<ExpectedNodes, discovery::Error>) -> Told {
        let (told, problem) = match result {
            Ok(ExpectedNodes::Known(expected)) => (
                Told::Nodes(usize::try_from(expected.get()).unwrap_or(usize::MAX)),
                None,
            ),
            Ok(ExpectedNodes::Unknown(why)) => {
                let told = match why.is_final() {
                    true => Told::Never,
                    false => Told::Nothing,
                };
                (told, Some(why.to_string()))
            }
            Err(error) => match error.remedy() {
                discovery::Remedy::RetryLater => {
                    let told = match error {
                        discovery::Error::Throttled { .. } => Told::Throttled,
                        _ => Told::Unanswered,
                    };
                    (told, Some(Chain(&error).to_string()))
                }
                discovery::Remedy::FixPermissions | discovery::Remedy::FixConfiguration => {
                    (Told::Nothing, Some(Chain(&error).to_string()))
                }
            },
        };
        // If it never can be known, that is logged once it matters.
        if told != Told::Never
            && let Some(problem) = &problem
            && self.record.expected_nodes_problem.as_ref() != Some(problem)
        {
            tracing::warn!(error = %problem, "the number of expected nodes is not known yet");
        }
        self.record.expected_nodes_problem = problem;
        told
    }

    fn looked_up(&mut self, view: discovery::View) -> Input {
        let took = view.took;
        let resolved = match view.outcome {
            Ok(resolved) => resolved,
            Err(error) => {
                let text = Chain(&error).to_string();
                if self.last_lookup_error.as_ref() != Some(&text) {
                    tracing::warn!(error = %text, "lookup failed");
                }
                self.record.lookups.failed += 1;
                self.record.last_lookup = Some(LastLookup::failed(&error, took));
                self.last_lookup_error = Some(text);
                return Input::Looked(View::Failed);
            }
        };
        self.last_lookup_error = None;
        let complete = resolved.completeness == Completeness::Complete;
        if complete {
            self.record.lookups.complete += 1;
            self.record.last_complete_at = Some((self.machine.unix_millis)());
        } else {
            self.record.lookups.partial += 1;
        }
        self.record.count_dropped(&resolved);
        let before = self.record.last_lookup.take();
        let last = LastLookup::ended(&resolved, took);
        if !before.is_some_and(|before| before.says_the_same(&last)) {
            tracing::info!(
                completeness = last.completeness,
                targets = resolved.targets.len(),
                dropped = resolved.dropped.len(),
                reasons = ?last.reasons.iter().take(MOST_LOGGED).collect::<Vec<_>>(),
                "discovered"
            );
        }
        self.record.last_lookup = Some(last);
        let selected = self.settings.selection.select(&resolved.targets);
        if complete {
            self.problems
                .retain(|point, _| selected.contact_points.contains(point));
        }
        if selected.skipped_own_gossip && !self.warned_own_gossip {
            self.warned_own_gossip = true;
            tracing::warn!(
                gossip = %self.settings.selection.gossip,
                "discovery gives this node's gossip port as a contact point, so it is not probed. \
                 Make discovery give the management port, or set fallback-port to that port"
            );
        }
        if !selected.filtered_hosts.is_empty() && !self.warned_filtered {
            self.warned_filtered = true;
            tracing::warn!(
                hosts = ?selected.filtered_hosts.iter().take(MOST_LOGGED).collect::<Vec<_>>(),
                fallback_port = self.settings.selection.fallback_port,
                "discovery gives several ports for these hosts, but not the fallback port, so the \
                 hosts are left out. Set fallback-port to the management port, or \
                 filter-on-fallback-port to off"
            );
        }
        let contact_points = selected.contact_points;
        Input::Looked(View::of(contact_points, &resolved.completeness))
    }
}
