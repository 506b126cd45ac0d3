//! Equal tasks of an ECS service, and what ECS's scheduler does with them.
//!
//! Most scenarios have one fleet, of the service [`ORDERS`]; blue and green are two fleets of one service.

use std::{collections::BTreeSet, net::Ipv4Addr, process::ExitStatus, time::Duration};

use region::{Account, Task, TaskArn, TaskStatus};
use tokio::time::timeout;

use crate::local::{
    runtime::Silence,
    sandbox::{ORDERS, Placed, Ports, Sandbox},
};
use crate::nodes::{node::Node, relay::Relay, settings::Settings};

/// The ECS cluster of every scenario.
pub const ECS_CLUSTER: &str = "demo";

/// Tasks, in the order of their start, with a node in each.
#[derive(Debug)]
pub struct Fleet<'sandbox> {
    sandbox: &'sandbox Sandbox<'sandbox>,
    name: &'static str,
    service: Service,
    template: Task,
    settings: Settings,
    network: Option<Relay>,
    desired: u32,
    placed: Vec<(TaskArn, Placed)>,
    running: Vec<Running>,
    serial: usize,
}

#[derive(Debug)]
struct Running {
    arn: TaskArn,
    address: Ipv4Addr,
    node: Node,
}

/// An ECS service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The ECS cluster that it is in.
    pub cluster: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// A task that no longer counts, although its node still runs.
#[derive(Debug)]
pub struct Departing<'sandbox> {
    sandbox: &'sandbox Sandbox<'sandbox>,
    arn: TaskArn,
    node: Node,
}

impl<'sandbox> Fleet<'sandbox> {
    /// A fleet of [`ORDERS`] without a task, whose nodes discover their peers by service.
    pub fn create(sandbox: &'sandbox Sandbox<'sandbox>) -> Self {
        let service = Service {
            cluster: ECS_CLUSTER,
            name: ORDERS,
        };
        Self::of_service(sandbox, service)
    }

    /// The same of another service.
    pub fn of_service(sandbox: &'sandbox Sandbox<'sandbox>, service: Service) -> Self {
        sandbox.region().edit(|account| {
            let others = service.desired_count(account);
            account.put_service(service.cluster, service.name, others);
        });
        Self {
            sandbox,
            name: service.name,
            service,
            template: Task::of_service(service.cluster, service.name),
            settings: Settings::default()
                .with("DISCOVERY_METHOD", "aws-api-ecs")
                .with("DISCOVERY_AWS_API_ECS_CLUSTER", service.cluster),
            network: None,
            desired: 0,
            placed: Vec::new(),
            running: Vec::new(),
            serial: 0,
        }
    }

    /// With another name than the service's, to distinguish its nodes from another fleet's.
    #[must_use]
    pub fn called(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// With tasks that differ from plain ones of the service by `change`.
    #[must_use]
    pub fn of(mut self, change: impl FnOnce(Task) -> Task) -> Self {
        self.template = change(self.template);
        self
    }

    /// With these settings for each node, which replace others with the same names.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        self.settings = self.settings.and(settings);
        self
    }

    /// On its own network, which can be split.
    #[must_use]
    pub fn on_network(mut self) -> Self {
        self.network = Some(Relay::new());
        self
    }

    /// Splits this many first tasks from the others; 0 heals the network.
    ///
    /// # Panics
    ///
    /// If the fleet has no network of its own.
    pub fn split(&self, first: usize) {
        self.split_between(self.running.iter().take(first));
    }

    /// Splits the nodes with these names from the others; none heals the network.
    ///
    /// # Panics
    ///
    /// If the fleet has no network of its own.
    pub fn split_off(&self, names: &BTreeSet<String>) {
        let side = self.running.iter();
        self.split_between(side.filter(|running| names.contains(running.node.name())));
    }

    fn split_between<'a>(&self, side: impl Iterator<Item = &'a Running>) {
        let network = self.network.as_ref().expect("made with a network");
        let (addresses, names): (Vec<_>, Vec<_>) = side
            .map(|running| (running.address, running.node.name().to_owned()))
            .unzip();
        network.split(addresses);
        self.sandbox.chronicle().split(names);
    }

    /// An ended node leaves the fleet's own network, if there is one, and its addresses can be used again.
    pub fn detach(&mut self, address: Ipv4Addr) {
        let behind = self.network.as_mut().and_then(|net| net.detach(address));
        for free in [Some(address), behind].into_iter().flatten() {
            self.sandbox.give_back(free);
        }
    }

    /// The nodes that run.
    pub fn nodes(&self) -> Vec<&Node> {
        self.running.iter().map(|running| &running.node).collect()
    }

    /// The nodes that run, each with its task and the address that AWS lists, in the order of their start.
    pub fn running(&self) -> impl Iterator<Item = (&TaskArn, Ipv4Addr, &Node)> {
        let running = self.running.iter();
        running.map(|running| (&running.arn, running.address, &running.node))
    }

    /// The node of that name.
    pub fn node_mut(&mut self, name: &str) -> Option<&mut Node> {
        let mut nodes = self.running.iter_mut().map(|running| &mut running.node);
        nodes.find(|node| node.name() == name)
    }

    /// Sets how many tasks there should be. Nothing is started or stopped.
    pub fn desire(&mut self, tasks: usize) {
        let desired = u32::try_from(tasks).expect("addresses end far below");
        let service = self.service;
        self.sandbox.region().edit(|account| {
            let others = service.desired_count(account) - self.desired;
            account.put_service(service.cluster, service.name, others + desired);
        });
        self.desired = desired;
    }

    /// Lists as many tasks as there should be. The nodes of new ones do not run yet.
    pub fn place(&mut self, tasks: usize) -> anyhow::Result<()> {
        self.desire(tasks);
        while self.running.len() + self.placed.len() < tasks {
            let placed = self.place_one()?;
            self.placed.push(placed);
        }
        Ok(())
    }

    /// Lists this many more tasks than there should be, as during a deployment.
    pub fn place_beyond(&mut self, tasks: usize) -> anyhow::Result<()> {
        self.place_beyond_with(tasks, &Settings::default())
    }

    /// The same, with these additional settings for their nodes.
    pub fn place_beyond_with(&mut self, tasks: usize, settings: &Settings) -> anyhow::Result<()> {
        for _ in 0..tasks {
            let (arn, mut placed) = self.place_one()?;
            placed.settings = placed.settings.and(settings.clone());
            self.placed.push((arn, placed));
        }
        Ok(())
    }

    /// The listed tasks whose nodes do not run yet.
    pub fn placed(&self) -> Vec<TaskArn> {
        self.placed.iter().map(|(arn, _)| arn.clone()).collect()
    }

    /// The first placed task stays listed and running, but has no node: questions get no answer, as long as
    /// the returned value is kept.
    ///
    /// # Panics
    ///
    /// If none was placed.
    pub fn lose_first(&mut self) -> anyhow::Result<Silence> {
        let (_, lost) = self.placed.remove(0);
        self.sandbox.silence(lost.address)
    }

    /// The first placed task gets a clock that is ahead by this many seconds.
    ///
    /// # Panics
    ///
    /// If none was placed.
    pub fn set_clock_of_first(&mut self, ahead: i64) -> anyhow::Result<()> {
        let (_, placed) = self.placed.first_mut().expect("one was placed");
        placed.environment.extend(self.sandbox.wrong_clock(ahead)?);
        Ok(())
    }

    /// From now on ECS lists one more task, which never gets an address.
    pub fn list_stuck_task(&self) {
        let mut stuck = self.template.clone();
        stuck.last_status = TaskStatus::Pending;
        self.sandbox
            .region()
            .edit(|account| account.run_task(stuck));
    }

    /// Starts the nodes of the placed tasks.
    pub fn start(&mut self) -> anyhow::Result<()> {
        for (arn, placed) in self.placed.drain(..) {
            let address = placed.address;
            let node = self.sandbox.start(placed)?;
            self.running.push(Running { arn, address, node });
        }
        Ok(())
    }

    /// Brings the fleet up to this many tasks.
    pub fn scale_out(&mut self, tasks: usize) -> anyhow::Result<()> {
        self.place(tasks)?;
        self.start()
    }

    /// Removes the task that was started first.
    ///
    /// # Panics
    ///
    /// If none runs.
    pub fn take_oldest(&mut self) -> Departing<'sandbox> {
        self.take_at(0)
    }

    /// Removes the task of the node with that name.
    pub fn take(&mut self, name: &str) -> Option<Departing<'sandbox>> {
        let mut running = self.running.iter();
        let at = running.position(|running| running.node.name() == name)?;
        Some(self.take_at(at))
    }

    fn take_at(&mut self, at: usize) -> Departing<'sandbox> {
        let Running { arn, node, .. } = self.running.remove(at);
        Departing {
            sandbox: self.sandbox,
            arn,
            node,
        }
    }

    fn place_one(&mut self) -> anyhow::Result<(TaskArn, Placed)> {
        self.serial += 1;
        let (address, behind) = match &mut self.network {
            None => (self.sandbox.free_address()?, None),
            Some(network) => {
                let (address, behind) = self.sandbox.free_relayed_addresses()?;
                let Ports { management, gossip } = Ports::USUAL;
                network.attach(address, behind, management, gossip)?;
                (address, Some(behind))
            }
        };
        let task = self.template.clone().at(address);
        let region = self.sandbox.region();
        let arn = region.edit(|account| account.run_task(task));
        let placed = Placed {
            name: format!("{}-{}", self.name, self.serial),
            address,
            behind,
            ports: Ports::USUAL,
            environment: self.sandbox.task_environment(&arn),
            settings: self.settings.clone(),
        };
        let chronicle = self.sandbox.chronicle();
        chronicle.named(arn.id().to_owned(), placed.name.clone());
        Ok((arn, placed))
    }
}

impl Service {
    /// The desired count of all fleets of the service together.
    fn desired_count(self, account: &Account) -> u32 {
        let cluster = account.clusters.get(self.cluster);
        let service = cluster.and_then(|cluster| cluster.services.get(self.name));
        service.map_or(0, |service| service.desired_count)
    }
}

impl Departing<'_> {
    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Stops the task as ECS does, and returns how its node ended.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let region = self.sandbox.region();
        region.edit(|account| account.stop_task(&self.arn));
        let status = self.node.leave().await?;
        region.edit(|account| account.finish_task(&self.arn));
        Ok(status)
    }

    /// The same, but kills its node if it still runs after so long, as ECS does: then there is no status.
    pub async fn stop_within(mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let region = self.sandbox.region();
        region.edit(|account| account.stop_task(&self.arn));
        let status = match timeout(patience, self.node.leave()).await {
            Ok(left) => Some(left?),
            Err(_elapsed) => {
                self.node.kill().await?;
                None
            }
        };
        region.edit(|account| account.finish_task(&self.arn));
        Ok(status)
    }

    /// Ends the node without warning, unless it has already ended, and its task with it.
    pub async fn crash(mut self) -> anyhow::Result<()> {
        if self.node.has_ended().is_none() {
            self.node.kill().await?;
        }
        let region = self.sandbox.region();
        region.edit(|account| account.finish_task(&self.arn));
        Ok(())
    }
}
