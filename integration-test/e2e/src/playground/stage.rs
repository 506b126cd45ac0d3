//! The shell of the playground: starts, asks and ends nodes for commands, ECS's scheduler and stories.
//!
//! One task owns everything. Other code sends [`Order`]s; everything visible comes out as text, ready for the page.

use std::{collections::BTreeSet, process::ExitStatus, sync::Arc, time::Duration};

use anyhow::Context;
use demo_node::clock;
use futures::{
    FutureExt, StreamExt,
    future::{LocalBoxFuture, try_join_all},
    stream::FuturesUnordered,
};
use region::{Rule, Snapshot, account::TASK_ROLE};
use rustix::process::Signal;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    allowed::{SECOND, check},
    command::{Command, Refusal},
    diary::Lane,
    listed::listed,
    picture::{Picture, Tally, Task},
    scene::{Life, Scene, Seen},
    scheduler::{Act, Counted, Scheduler},
    teller::{Next, Teller},
    trouble::{self, Trouble},
    watcher::{ALONE, LOOKED_AT, Watcher},
};
use crate::{
    local::{
        fleet::{Departing, ECS_CLUSTER, Fleet},
        runtime::Runtime,
        sandbox::{ORDERS, Sandbox},
    },
    nodes::{node::Node, settings::Settings},
    scenarios::views::see_only_each_other,
};

/// How often the scheduler and the story are asked, and the picture is drawn.
const TICK: Duration = Duration::from_millis(100);

/// The time from asking a node to end until it is killed; ECS does that after its `stopTimeout` of 30 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// An order to the stage.
#[derive(Debug)]
pub enum Order {
    /// Carry out a command. The answer says what was done.
    Do(Command, oneshot::Sender<Result<String, Refusal>>),
    /// The log of a node so far.
    Log(String, oneshot::Sender<Option<String>>),
}

/// How a playground begins.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// With how many nodes.
    pub nodes: usize,
    /// A factor for the times in which stories let people look.
    pub pace: f64,
}

/// Runs until it is dropped; ends early only if nodes cannot be started or ended.
///
/// # Errors
///
/// When nodes cannot be started or ended.
pub async fn run(
    runtime: &Runtime,
    opening: Opening,
    mut orders: mpsc::Receiver<Order>,
    shown: Arc<watch::Sender<Arc<str>>>,
) -> anyhow::Result<()> {
    let sandbox = Sandbox::create(runtime, "playground").await?;
    let (watcher, mut heard) = Watcher::new();
    let mut stage = Stage::new(&sandbox, opening, watcher);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(order) = orders.recv() => stage.obey(order).await?,
            Some((name, voice)) = heard.recv() => stage.scene.hear(stage.now(), &name, voice),
            Some(departed) = stage.departures.next() => stage.departed(departed)?,
            _ = ticks.tick() => {
                stage.tick().await?;
                stage.show(&shown);
            }
        }
    }
}

/// How the node of this name has ended: with a status, or killed.
type Departed = (String, anyhow::Result<Option<ExitStatus>>);

struct Stage<'sandbox> {
    sandbox: &'sandbox Sandbox<'sandbox>,
    fleet: Fleet<'sandbox>,
    departures: FuturesUnordered<LocalBoxFuture<'sandbox, Departed>>,
    watcher: Watcher,
    scene: Scene,
    ecs: Scheduler,
    tally: Tally,
    tasks: Vec<Task>,
    teller: Option<Teller>,
    /// The content of stale lists.
    stale: Option<Snapshot>,
    /// The rules that list a second cluster separately.
    apart: Vec<Rule>,
    opening: Opening,
    started: Instant,
    /// The same, in milliseconds since 1970.
    began: u64,
}

impl<'sandbox> Stage<'sandbox> {
    fn new(sandbox: &'sandbox Sandbox<'sandbox>, opening: Opening, watcher: Watcher) -> Self {
        // More often, and sooner, than usual: nobody wants to wait in a playground.
        let settings = Settings::default()
            .with("LOG_LEVEL", "info")
            .with("BOOTSTRAP_EXPONENTIAL_BACKOFF_MAX", "3s")
            .with("BOOTSTRAP_WATCH_INTERVAL", "3s")
            .with("MEMBERSHIP_MINORITY_AFTER", "2s")
            .with("MEMBERSHIP_ON_MINORITY", "unready");
        let mut scene = Scene::default();
        scene.note(
            Duration::ZERO,
            Lane::Aws,
            format!(
                "ECS should run {} tasks of the service “{ORDERS}”",
                opening.nodes
            ),
        );
        let mut fleet = Fleet::create(sandbox).on_network().with(settings);
        fleet.desire(opening.nodes);
        Self {
            sandbox,
            fleet,
            departures: FuturesUnordered::new(),
            watcher,
            scene,
            ecs: Scheduler::new(opening.nodes),
            tally: Tally::default(),
            tasks: Vec::new(),
            teller: None,
            stale: None,
            apart: Vec::new(),
            opening,
            started: Instant::now(),
            began: clock::unix_millis(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        match order {
            Order::Log(name, reply) => {
                let mut nodes = self.fleet.nodes().into_iter();
                let log = nodes.find(|node| node.name() == name).map(Node::log);
                // Who does not wait for the answer does not need it.
                let _gone = reply.send(log);
            }
            Order::Do(command, reply) => {
                let done = self.carry_out(command, Lane::You).await?;
                let _gone = reply.send(done);
            }
        }
        Ok(())
    }

    async fn tick(&mut self) -> anyhow::Result<()> {
        self.notice_ends()?;
        self.forget();
        self.tell().await?;
        self.schedule()?;
        let calls = self.sandbox.region().take_calls();
        self.tally.add(self.now(), &calls);
        self.tasks = listed(self.sandbox.region(), &self.scene);
        Ok(())
    }

    /// Nodes that have ended although nothing asked them to.
    fn notice_ends(&mut self) -> anyhow::Result<()> {
        let ended = self.fleet.nodes().into_iter();
        let ended = ended.filter_map(|node| Some((node.name().to_owned(), node.has_ended()?)));
        let ended: Vec<_> = ended.collect();
        for (name, (status, last_words)) in ended {
            let text = format!("{name} has ended unexpectedly with {status}: {last_words}");
            self.scene.note(self.now(), Lane::Aws, text);
            let departing = self.take(&name, Life::Ended)?;
            self.departures.push(crash(name, departing));
        }
        Ok(())
    }

    /// Nodes that have ended, and that no member lists any more.
    fn forget(&mut self) {
        let was_split = !self.scene.split.is_empty();
        for gone in self.scene.forget(self.now()) {
            self.fleet.detach(gone.address);
        }
        if was_split && self.scene.split.is_empty() {
            self.heal();
            let text = "No node is left on one side, so the split ends";
            self.scene.note(self.now(), Lane::You, text);
        }
    }

    async fn tell(&mut self) -> anyhow::Result<()> {
        loop {
            let now = self.now();
            let Some(teller) = &mut self.teller else {
                return Ok(());
            };
            match teller.next(now, &self.scene, &self.ecs) {
                Next::Wait => return Ok(()),
                Next::Say(caption) => self.scene.note(now, Lane::Story, caption),
                Next::Do(command) => {
                    if let Err(refusal) = Box::pin(self.carry_out(command, Lane::Story)).await? {
                        self.teller = None;
                        let text = format!("The story cannot continue: {refusal}");
                        self.scene.note(now, Lane::Story, text);
                    }
                }
                Next::Over => {
                    self.teller = None;
                    self.scene.note(now, Lane::Story, "The end");
                }
                Next::GaveUp => {
                    self.teller = None;
                    let text = "What the story waits for did not happen in time, so it ends here";
                    self.scene.note(now, Lane::Story, text);
                }
            }
        }
    }

    fn schedule(&mut self) -> anyhow::Result<()> {
        let counted = self.scene.counted().map(|node| Counted {
            node: node.name.clone(),
            revision: node.revision,
            // ECS does not see that a task is frozen.
            is_settled: node.life == Life::Frozen || self.scene.is_settled(&node.name),
        });
        let counted: Vec<_> = counted.collect();
        for act in self.ecs.decide(self.now(), &counted) {
            match act {
                Act::Start(tasks) => {
                    self.fleet.place_beyond(tasks)?;
                    self.start(Lane::Aws)?;
                }
                Act::Stop(node) => {
                    self.stop(&node)?;
                    let text = format!("ECS stops {node}");
                    self.scene.note(self.now(), Lane::Aws, text);
                }
                Act::Rolled => {
                    let text = "ECS: the deployment is complete";
                    self.scene.note(self.now(), Lane::Aws, text);
                }
            }
        }
        Ok(())
    }

    /// Starts the nodes of the placed tasks.
    fn start(&mut self, lane: Lane) -> anyhow::Result<()> {
        self.fleet.start()?;
        let region = self.sandbox.region();
        let mut names = Vec::new();
        for (task, address, node) in self.fleet.running() {
            if self.scene.node(node.name()).is_some() {
                continue;
            }
            self.watcher.follow(node.name(), node.management());
            names.push(node.name().to_owned());
            self.scene.add(Seen::new(
                node.name(),
                node.uri(),
                address,
                node.management(),
                task.id(),
                region.edit(|account| account.task(task).revision),
            ));
        }
        let text = format!("ECS starts {}", names.join(", "));
        self.scene.note(self.now(), lane, text);
        Ok(())
    }

    /// Asks a node to end, as ECS does.
    fn stop(&mut self, node: &str) -> anyhow::Result<()> {
        let departing = self.take(node, Life::Stopping)?;
        let name = node.to_owned();
        let departure = async move { (name, departing.stop_within(STOP_TIMEOUT).await) };
        self.departures.push(departure.boxed_local());
        Ok(())
    }

    /// Removes a node from the fleet.
    fn take(&mut self, node: &str, life: Life) -> anyhow::Result<Departing<'sandbox>> {
        if life == Life::Ended {
            self.watcher.leave(node);
        }
        self.scene.lives(self.now(), node, life);
        let departing = self.fleet.take(node);
        departing.with_context(|| format!("{node} is shown but does not run"))
    }

    fn departed(&mut self, (name, ended): Departed) -> anyhow::Result<()> {
        let status = ended.with_context(|| format!("{name} cannot be stopped"))?;
        self.watcher.leave(&name);
        let was_stopping = self.scene.node(&name).map(|node| node.life) == Some(Life::Stopping);
        self.scene.lives(self.now(), &name, Life::Ended);
        match status {
            Some(status) if was_stopping && !status.success() => {
                let text = format!("{name} ended with {status}");
                self.scene.note(self.now(), Lane::Aws, text);
            }
            None if was_stopping => {
                let text = format!(
                    "{name} did not stop within {} s: ECS has killed it",
                    STOP_TIMEOUT.as_secs()
                );
                self.scene.note(self.now(), Lane::Aws, text);
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    async fn carry_out(
        &mut self,
        command: Command,
        lane: Lane,
    ) -> anyhow::Result<Result<String, Refusal>> {
        if let Err(refusal) = check(&command, &self.scene, &self.ecs) {
            return Ok(Err(refusal));
        }
        if lane == Lane::You && self.teller.is_some() && !command.is_about_stories() {
            self.teller = None;
            let ended = "You took over: the story ends here";
            self.scene.note(self.now(), Lane::Story, ended);
        }
        // Before it has any effect.
        let now = self.now();
        let done = self.perform(command).await?;
        if let Ok(done) = &done
            && !done.is_empty()
        {
            self.scene.note(now, lane, done.as_str());
        }
        Ok(done)
    }

    async fn perform(&mut self, command: Command) -> anyhow::Result<Result<String, Refusal>> {
        let done = match command {
            Command::Scale {
                desired,
                seconds_apart,
            } => {
                let before = self.ecs.desired();
                self.ecs
                    .scale(desired, Duration::from_secs(seconds_apart.into()));
                self.fleet.desire(desired);
                format!("desired count: {before} → {desired}")
            }
            Command::Replace { on } => {
                self.ecs.replace(on);
                let whether = if on { "replaces" } else { "does not replace" };
                format!("ECS {whether} tasks that end")
            }
            Command::Deploy => {
                let revision = self.sandbox.region().edit(|account| {
                    account.deploy(ECS_CLUSTER, ORDERS);
                    let service = &account.put_cluster(ECS_CLUSTER).services[ORDERS];
                    service
                        .deployments
                        .first()
                        .map_or(1, |newest| newest.revision)
                });
                self.ecs.deploy(revision);
                format!("deploy revision {revision}")
            }
            Command::Stop { node } => {
                self.stop(&node)?;
                format!("stop {node}")
            }
            Command::Kill { node } => {
                let departing = self.take(&node, Life::Ended)?;
                self.departures.push(crash(node.clone(), departing));
                format!("kill {node}")
            }
            Command::Freeze { node } => {
                if let Err(refusal) = self.signal(&node, Signal::STOP) {
                    return Ok(Err(refusal));
                }
                self.watcher.leave(&node);
                self.scene.lives(self.now(), &node, Life::Frozen);
                format!("freeze {node}")
            }
            Command::Thaw { node } => {
                if let Err(refusal) = self.signal(&node, Signal::CONT) {
                    return Ok(Err(refusal));
                }
                let nodes = self.fleet.nodes();
                let thawed = nodes.iter().find(|running| running.name() == node);
                if let Some(thawed) = thawed {
                    self.watcher.follow(&node, thawed.management());
                }
                self.scene.lives(self.now(), &node, Life::Running);
                format!("resume {node}")
            }
            Command::Split { nodes } => {
                self.fleet.split_off(&nodes);
                let names: Vec<_> = nodes.iter().map(String::as_str).collect();
                let text = format!("split {} from the others", names.join(", "));
                self.scene.split = nodes;
                text
            }
            Command::Heal => {
                self.heal();
                "heal the network".to_owned()
            }
            Command::Trouble { trouble, on } => {
                self.trouble(trouble, on);
                let what = trouble.title();
                if on {
                    format!("AWS {what}")
                } else {
                    format!("AWS no longer {what}")
                }
            }
            Command::SecondCluster => {
                self.second_cluster()?;
                format!("start {SECOND} tasks that AWS lists separately")
            }
            Command::Meet => {
                self.apart.clear();
                self.scene.apart = false;
                self.apply_rules();
                "AWS lists all tasks to all nodes".to_owned()
            }
            Command::Afresh { nodes } => {
                let nodes = nodes.unwrap_or(self.opening.nodes);
                self.afresh(nodes).await?;
                format!("start again, with {nodes} tasks")
            }
            Command::Tell { story } => {
                self.teller = Some(Teller::begin(story, self.opening.pace));
                format!("the story “{}”", story.title())
            }
            Command::Hush => match self.teller.take() {
                Some(_) => "end the story".to_owned(),
                None => {
                    let text = "no story is running".to_owned();
                    return Ok(Err(Refusal::NotNow(text)));
                }
            },
        };
        Ok(Ok(done))
    }

    /// Only a node that has just ended by itself cannot get one.
    fn signal(&mut self, name: &str, signal: Signal) -> Result<(), Refusal> {
        let node = self.fleet.node_mut(name);
        let sent = node.is_some_and(|node| node.signal(signal).is_ok());
        let ended = || Refusal::NotNow(format!("{name} has just ended"));
        sent.then_some(()).ok_or_else(ended)
    }

    fn heal(&mut self) {
        self.scene.split.clear();
        self.fleet.split_off(&BTreeSet::new());
    }

    fn trouble(&mut self, trouble: Trouble, on: bool) {
        if on {
            self.scene.troubles.insert(trouble);
            if trouble == Trouble::Stale {
                self.stale = Some(self.sandbox.region().snapshot());
            }
        } else {
            self.scene.troubles.remove(&trouble);
        }
        self.apply_rules();
    }

    /// Makes the region do wrong what it should.
    fn apply_rules(&self) {
        let region = self.sandbox.region();
        let faults = region.faults();
        faults.clear();
        let rules = trouble::rules(&self.scene.troubles, self.stale.as_ref());
        for rule in rules.into_iter().chain(self.apart.iter().cloned()) {
            faults.add(rule);
        }
        let denied = trouble::denied(&self.scene.troubles);
        region.edit(|account| {
            account
                .role_mut(TASK_ROLE)
                .policy
                .get_or_insert_default()
                .denied = denied;
        });
    }

    /// Tasks that see only each other, as if there were no others.
    fn second_cluster(&mut self) -> anyhow::Result<()> {
        let first: Vec<_> = self
            .fleet
            .running()
            .map(|(task, ..)| task.clone())
            .collect();
        let alone = Settings::default().with("BOOTSTRAP_EXPECTED_NODES", &SECOND);
        self.fleet.place_beyond_with(SECOND, &alone)?;
        let second = self.fleet.placed();
        let region = self.sandbox.region();
        self.apart = [first, second]
            .iter()
            .flat_map(|group| see_only_each_other(region, group))
            .collect();
        self.scene.apart = true;
        self.apply_rules();
        self.ecs.allow(SECOND);
        self.fleet.desire(self.ecs.desired());
        self.start(Lane::Aws)
    }

    async fn afresh(&mut self, nodes: usize) -> anyhow::Result<()> {
        self.departures.clear();
        let names = self.scene.nodes.iter().map(|node| node.name.clone());
        let names: Vec<_> = names.collect();
        for name in &names {
            self.watcher.leave(name);
        }
        let departing = names.iter().filter_map(|name| self.fleet.take(name));
        let departing: Vec<_> = departing.map(Departing::crash).collect();
        try_join_all(departing).await?;
        for node in self.scene.nodes.drain(..) {
            self.fleet.detach(node.address);
        }
        self.heal();
        self.scene.troubles.clear();
        self.scene.apart = false;
        self.apart.clear();
        self.apply_rules();
        self.sandbox
            .region()
            .edit(|account| account.put_cluster(ECS_CLUSTER).tasks.clear());
        self.tally.clear();
        self.ecs.afresh(nodes);
        self.fleet.desire(nodes);
        Ok(())
    }

    /// Draws the picture, if it has changed.
    fn show(&mut self, shown: &watch::Sender<Arc<str>>) {
        // Each page holds a receiver.
        let is_looked_at = 0 < shown.receiver_count() || self.teller.is_some();
        self.watcher
            .pace(if is_looked_at { LOOKED_AT } else { ALONE });
        let telling = self.teller.as_ref().map(Teller::telling);
        let picture = Picture::of(
            self.began,
            &self.scene,
            &self.ecs,
            &self.tasks,
            &self.tally,
            telling,
        );
        let Ok(drawn) = serde_json::to_string(&picture) else {
            return;
        };
        shown.send_if_modified(|shown| {
            let is_new = **shown != *drawn;
            if is_new {
                *shown = drawn.into();
            }
            is_new
        });
    }
}

/// The node ends without warning.
fn crash(name: String, departing: Departing<'_>) -> LocalBoxFuture<'_, Departed> {
    async move { (name, departing.crash().await.map(|()| None)) }.boxed_local()
}
