//! Runs scenarios side by side and gathers what they saw.

use futures::{StreamExt, stream};
use options::e2e::{Options, Scenario};
use tokio::time::Instant;

use super::{
    ability::cannot_show,
    deployment::Deployment,
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
    // The long ones first: nobody waits for them at the end.
    let mut chosen: Vec<_> = options.chosen().enumerate().collect();
    chosen.sort_by_key(|(_, scenario)| !is_long(*scenario));

    let mut told: Vec<_> =
        stream::iter(chosen)
            .map(|(place, scenario)| async move {
                (place, show(scenario, options, stage, started).await)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
    told.sort_by_key(|(place, _)| *place);
    Report {
        target: options.target.clone(),
        scenarios: told.into_iter().map(|(_, told)| told).collect(),
        took: started.elapsed(),
    }
}

/// Those that wait for more than ten seconds, mostly for a node to give up hope.
fn is_long(scenario: Scenario) -> bool {
    matches!(scenario, Scenario::LeastPrivilege | Scenario::Merge)
}

async fn show(scenario: Scenario, options: &Options, stage: &Stage, run_started: Instant) -> Told {
    let name = scenario.name();
    let started = Instant::now();
    let record = Record::new(name.clone(), run_started);

    let outcome = match cannot_show(stage, scenario) {
        Some(reason) => Outcome::Skipped { reason },
        None => match Box::pin(attempt(scenario, options, stage, &record)).await {
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

async fn attempt(
    scenario: Scenario,
    options: &Options,
    stage: &Stage,
    record: &Record,
) -> anyhow::Result<()> {
    let nodes = usize::from(options.nodes);
    let host = match stage {
        Stage::Pretended(host) => host,
        Stage::Deployed(estate) => {
            return Box::pin(scenarios::stack::show(estate, scenario, record, nodes)).await;
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
