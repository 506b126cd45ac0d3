//! Runs scenarios side by side and gathers what they saw.

use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::{
    deployment::Deployment,
    options::{Options, Scenario, Target},
    record::Record,
    report::{Outcome, Report, Told},
    stage::Stage,
};
use crate::scenarios;

/// Scenarios mostly wait. More of them at once would slow each other down on a small machine.
const SIDE_BY_SIDE: usize = 6;

/// Runs what `options` ask for, several at once: each scenario has an account and addresses of its own.
pub async fn run(options: &Options, stage: &Stage) -> Report {
    let started = Instant::now();
    let chosen = Scenario::all()
        .iter()
        .filter(|scenario| options.scenarios.is_empty() || options.scenarios.contains(scenario));

    let scenarios = stream::iter(chosen)
        .map(|&scenario| show(scenario, options, stage, started))
        .buffered(SIDE_BY_SIDE)
        .collect()
        .await;
    Report {
        target: options.target,
        scenarios,
        took: started.elapsed(),
    }
}

async fn show(scenario: Scenario, options: &Options, stage: &Stage, run_started: Instant) -> Told {
    let name = scenario.name();
    let started = Instant::now();
    let record = Record::new(name.clone(), run_started);

    let outcome = match cannot_show(options.target, scenario) {
        Some(reason) => Outcome::Skipped { reason },
        None => match attempt(scenario, options, stage, &record).await {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed {
                error,
                logs: stage.logs_of(&name),
            },
        },
    };
    Told {
        name,
        outcome,
        steps: record.into_steps(),
        took: started.elapsed(),
    }
}

/// Why a target cannot show a scenario, where that is so.
fn cannot_show(target: Target, scenario: Scenario) -> Option<&'static str> {
    match target {
        Target::Embedded | Target::Docker => None,
        Target::Ministack => match scenario {
            Scenario::EcsService | Scenario::Scale | Scenario::Failure | Scenario::Rolling => None,
            Scenario::Ec2Tag | Scenario::Ec2Ports => {
                Some("MiniStack runs nothing for an EC2 instance")
            }
            Scenario::EcsTags => {
                Some("MiniStack does not propagate the tags of a service to its tasks")
            }
            Scenario::EcsTaskSet => Some("MiniStack has no task sets"),
            Scenario::LeastPrivilege => Some("MiniStack judges no conditions of policies"),
            Scenario::FlakyApi => Some("MiniStack cannot be made to fail"),
            Scenario::DeadNode | Scenario::Merge => {
                Some("MiniStack lists what runs, and nothing else")
            }
            Scenario::Partition => {
                Some("a Docker network has no sides: it can only lose containers")
            }
        },
    }
}

async fn attempt(
    scenario: Scenario,
    options: &Options,
    stage: &Stage,
    record: &Record,
) -> anyhow::Result<()> {
    let nodes = usize::from(options.nodes);
    let host = match stage {
        Stage::Pretended(host) => host,
        Stage::Emulated(emulator) => {
            return scenarios::stack::show(emulator, scenario, record, nodes).await;
        }
    };
    let deployment = Deployment::create(host, &scenario.name()).await?;
    match scenario {
        Scenario::EcsService => scenarios::ecs_service::show(&deployment, record, nodes).await,
        Scenario::Ec2Tag => scenarios::ec2_tag::show(&deployment, record, nodes).await,
        Scenario::Ec2Ports => scenarios::ec2_ports::show(&deployment, record, nodes).await,
        Scenario::EcsTags => scenarios::ecs_tags::show(&deployment, record, nodes).await,
        Scenario::EcsTaskSet => scenarios::ecs_task_set::show(&deployment, record, nodes).await,
        Scenario::Scale => scenarios::scale::show(&deployment, record, nodes).await,
        Scenario::Failure => scenarios::failure::show(&deployment, record, nodes).await,
        Scenario::Rolling => scenarios::rolling::show(&deployment, record, nodes).await,
        Scenario::LeastPrivilege => {
            scenarios::least_privilege::show(&deployment, record, nodes).await
        }
        Scenario::Partition => scenarios::partition::show(&deployment, record, nodes).await,
        Scenario::FlakyApi => scenarios::flaky_api::show(&deployment, record, nodes).await,
        Scenario::DeadNode => scenarios::dead_node::show(&deployment, record, nodes).await,
        Scenario::Merge => scenarios::merge::show(&deployment, record, nodes).await,
    }
}
