//! What the product guarantees, shown with real nodes: one table, with a row for each scenario.
//!
//! A scenario says what AWS lists and what happens to nodes, and waits for what must follow. [`local`](crate::local)
//! and [`cloud`](crate::cloud) run the nodes.

use futures::future::LocalBoxFuture;
use options::e2e::Scenario;

use crate::{
    cloud::Kind, emulators::localstack::open::Account, local::sandbox::Sandbox, platform::Platform,
    record::Record,
};

mod dead_node;
mod decoys;
mod ec2_ports;
mod ec2_tag;
mod ecs_service;
mod ecs_tags;
mod ecs_task_set;
pub(crate) mod expect;
mod failure;
mod flaky_api;
mod ipv6;
mod least_privilege;
mod merge;
pub mod not_shown;
mod partition;
mod rolling;
mod scale;
pub mod stack;
mod stuck_task;
mod two_services;
pub(crate) mod views;
mod wrong_clock;

use self::stack::OnStack;

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Shows it with this many nodes that run here; AWS is simulated.
    pub show: Show,
    /// It takes more than ten seconds, mostly because a node must wait in vain: a run begins with it.
    pub is_long: bool,
    /// Shows the same with instances that an emulator's EC2 lists, if it needs nothing else from AWS.
    pub on_instances: Option<ShowOnInstances>,
    /// How a deployed stack shows it, if it can.
    pub on_stack: Option<OnStack>,
    /// Where it cannot be shown.
    pub not_on: NotOn,
}

/// Shows a scenario: in its own account, with a record of what is seen, and this many nodes.
pub type Show =
    for<'a> fn(&'a Sandbox<'a>, &'a Record, usize) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// The same in an account of an emulator.
pub type ShowOnInstances = for<'a> fn(
    &'a Sandbox<'a, Account>,
    &'a Record,
    usize,
) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// Why a scenario cannot be shown; `None` if it can be.
#[derive(Debug, Clone, Copy)]
pub struct NotOn {
    /// By containers of the image, where AWS is simulated.
    pub containers: Option<&'static str>,
    /// By MiniStack.
    pub ministack: Option<&'static str>,
    /// By other emulators.
    pub emulators: Option<&'static str>,
    /// By AWS.
    pub aws: Option<&'static str>,
}

impl NotOn {
    /// It can be shown everywhere.
    const NOWHERE: Self = Self {
        containers: None,
        ministack: None,
        emulators: None,
        aws: None,
    };

    fn by(&self, kind: &Kind) -> Option<&'static str> {
        match kind {
            Kind::Ministack(_) => self.ministack,
            Kind::Emulator => self.emulators,
            Kind::Aws => self.aws,
        }
    }
}

impl Row {
    /// Why it cannot be shown there.
    #[must_use]
    pub fn not_on(&self, platform: &Platform) -> Option<&'static str> {
        match platform {
            Platform::Local(runtime) => self.not_on.containers.filter(|_| runtime.is_containers()),
            Platform::Instances { .. } => self.on_instances.is_none().then_some(NO_ECS),
            Platform::Cloud(cloud) => self.not_on.by(cloud.kind()),
        }
    }
}

/// A scenario that no stack shows, and that does not take long.
fn local(show: Show, not_on: NotOn) -> Row {
    Row {
        show,
        is_long: false,
        on_instances: None,
        on_stack: None,
        not_on,
    }
}

/// A scenario that only needs instances from AWS, which no emulator runs.
fn of_instances(show: Show, on_instances: ShowOnInstances, not_in_aws: &'static str) -> Row {
    Row {
        on_instances: Some(on_instances),
        ..local(
            show,
            NotOn {
                containers: None,
                ministack: Some("MiniStack runs nothing for an EC2 instance"),
                emulators: Some("emulators run no reachable node for an EC2 instance"),
                aws: Some(not_in_aws),
            },
        )
    }
}

/// The table. The description of each scenario is at its name, in [`Scenario`].
#[must_use]
pub fn row(scenario: Scenario) -> Row {
    match scenario {
        Scenario::EcsService => Row {
            show: |sandbox, record, nodes| Box::pin(ecs_service::show(sandbox, record, nodes)),
            is_long: false,
            on_instances: None,
            on_stack: Some(OnStack {
                then: |_, _, _, _| Box::pin(async { Ok(()) }),
                most_tasks: |nodes| nodes,
            }),
            not_on: NotOn::NOWHERE,
        },
        Scenario::Ec2Tag => of_instances(
            |sandbox, record, nodes| Box::pin(ec2_tag::show(sandbox, record, nodes)),
            |sandbox, record, nodes| Box::pin(ec2_tag::show(sandbox, record, nodes)),
            "its stack takes the program from your own bucket: cargo xtask deploy --workload ec2",
        ),
        Scenario::Ec2Ports => of_instances(
            |sandbox, record, nodes| Box::pin(ec2_ports::show(sandbox, record, nodes)),
            |sandbox, record, nodes| Box::pin(ec2_ports::show(sandbox, record, nodes)),
            "no stack here runs several nodes on an instance",
        ),
        Scenario::TwoServices => local(
            |sandbox, record, nodes| Box::pin(two_services::show(sandbox, record, nodes)),
            NotOn {
                containers: None,
                ministack: Some(ONE_SERVICE),
                emulators: Some(ONE_SERVICE),
                aws: Some(ONE_SERVICE),
            },
        ),
        Scenario::EcsTags => local(
            |sandbox, record, nodes| Box::pin(ecs_tags::show(sandbox, record, nodes)),
            NotOn {
                containers: None,
                ministack: Some("MiniStack does not propagate the tags of a service to its tasks"),
                emulators: Some(BY_STACK_ONLY),
                aws: Some(BY_STACK_ONLY),
            },
        ),
        Scenario::EcsTaskSet => local(
            |sandbox, record, nodes| Box::pin(ecs_task_set::show(sandbox, record, nodes)),
            NotOn {
                containers: None,
                ministack: Some("MiniStack has no task sets"),
                emulators: Some(NO_TASK_SETS),
                aws: Some(NO_TASK_SETS),
            },
        ),
        Scenario::Scale => Row {
            show: |sandbox, record, nodes| Box::pin(scale::show(sandbox, record, nodes)),
            is_long: false,
            on_instances: None,
            on_stack: Some(stack::SCALE),
            not_on: NotOn::NOWHERE,
        },
        Scenario::Failure => Row {
            show: |sandbox, record, nodes| Box::pin(failure::show(sandbox, record, nodes)),
            is_long: false,
            on_instances: None,
            on_stack: Some(stack::FAILURE),
            not_on: NotOn {
                containers: None,
                ministack: None,
                emulators: Some(
                    "how this emulator marks a task's containers is not known, so none can be killed",
                ),
                aws: Some("Fargate always warns a task before it ends it, so none can be killed"),
            },
        },
        Scenario::Rolling => Row {
            show: |sandbox, record, nodes| Box::pin(rolling::show(sandbox, record, nodes)),
            is_long: false,
            on_instances: None,
            on_stack: Some(stack::ROLLING),
            not_on: NotOn::NOWHERE,
        },
        Scenario::FlakyApi => local(
            |sandbox, record, nodes| Box::pin(flaky_api::show(sandbox, record, nodes)),
            NotOn {
                containers: None,
                ministack: Some("MiniStack cannot be made to fail"),
                emulators: Some("an emulator cannot be made to fail"),
                aws: Some("AWS cannot be made to fail"),
            },
        ),
        Scenario::LeastPrivilege => Row {
            show: |sandbox, record, nodes| Box::pin(least_privilege::show(sandbox, record, nodes)),
            is_long: true,
            on_instances: None,
            on_stack: None,
            not_on: NotOn {
                containers: None,
                ministack: Some("MiniStack judges no conditions of policies"),
                emulators: Some(ALWAYS_LEAST),
                aws: Some(ALWAYS_LEAST),
            },
        },
        Scenario::Partition => local(
            |sandbox, record, nodes| Box::pin(partition::show(sandbox, record, nodes)),
            NotOn {
                containers: None,
                ministack: Some("the network that MiniStack puts its tasks on cannot be split"),
                emulators: Some("the network that the emulator puts its tasks on cannot be split"),
                aws: Some("the network of a VPC cannot be split for a moment"),
            },
        ),
        Scenario::DeadNode => local(
            |sandbox, record, nodes| Box::pin(dead_node::show(sandbox, record, nodes)),
            LISTS_WHAT_RUNS,
        ),
        Scenario::StuckTask => local(
            |sandbox, record, nodes| Box::pin(stuck_task::show(sandbox, record, nodes)),
            LISTS_WHAT_RUNS,
        ),
        Scenario::WrongClock => local(
            |sandbox, record, nodes| Box::pin(wrong_clock::show(sandbox, record, nodes)),
            NotOn {
                containers: Some("containers have the clock of this machine"),
                ministack: Some("the tasks of MiniStack have the clock of this machine"),
                emulators: Some("tasks of an emulator have the clock of its machine"),
                aws: Some("the clock of a Fargate task cannot be set"),
            },
        ),
        Scenario::Ipv6 => local(
            |sandbox, record, nodes| Box::pin(ipv6::show(sandbox, record, nodes)),
            NotOn {
                containers: Some("the networks of the containers have IPv4 addresses only"),
                ministack: Some("MiniStack gives its tasks IPv4 addresses only"),
                emulators: Some("emulators give their tasks IPv4 addresses only"),
                aws: Some("the network of the stack has IPv4 addresses only"),
            },
        ),
        Scenario::Merge => Row {
            show: |sandbox, record, nodes| Box::pin(merge::show(sandbox, record, nodes)),
            is_long: true,
            on_instances: None,
            on_stack: None,
            not_on: LISTS_WHAT_RUNS,
        },
    }
}

const NO_ECS: &str = "LocalStack's open edition has no ECS";

const BY_STACK_ONLY: &str =
    "the service's stack has one group of tasks, not two with different tags";

const ONE_SERVICE: &str =
    "each service's stack has its own key and security group; no stack here shares them";

const NO_TASK_SETS: &str =
    "its stack, cloudformation/ecs-task-set.yaml, is not deployed by this command";

const ALWAYS_LEAST: &str =
    "every task here has the stack's policy; the simulated region shows what fails without it";

const LISTS_WHAT_RUNS: NotOn = NotOn {
    containers: None,
    ministack: Some("MiniStack lists only what runs"),
    emulators: Some("an emulator lists only what runs"),
    aws: Some("AWS lists only what runs"),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_stack_shows_a_scenario_the_reason_is_said() {
        for &scenario in Scenario::all() {
            let Row {
                on_stack, not_on, ..
            } = row(scenario);
            let reasons = [not_on.ministack, not_on.emulators, not_on.aws];
            let everywhere = reasons.iter().all(Option::is_some);
            assert_eq!(everywhere, on_stack.is_none(), "{}", scenario.name());
        }
    }

    #[test]
    fn an_emulator_with_ec2_alone_shows_the_scenarios_of_instances() {
        for &scenario in Scenario::all() {
            let name = scenario.name();
            let shown = row(scenario).on_instances.is_some();
            assert_eq!(shown, name.starts_with("ec2-"), "{name}");
        }
    }
}
