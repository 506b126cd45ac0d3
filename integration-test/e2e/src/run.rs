//! Runs scenarios in parallel and gathers what they saw.

use anyhow::Context;
use futures::{StreamExt, stream};
use options::e2e::{Options, Scenario};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    local::sandbox::Sandbox,
    platform::Platform,
    record::Record,
    report::{Conclusion, Report, Shown},
    scenarios::{not_shown::NotShown, row, stack},
};

/// Scenarios mostly wait. More of them in parallel would slow each other down on a small machine.
const SIDE_BY_SIDE: usize = 6;

/// Runs the selected scenarios, several in parallel: each has its own account and addresses.
///
/// When `stop` is cancelled, running scenarios are ended, others are not begun, and the report says what was seen
/// until then.
pub async fn run(options: &Options, platform: &Platform, stop: &CancellationToken) -> Report {
    let started = Instant::now();
    // The long ones first, so that nobody waits for them at the end.
    let mut chosen: Vec<_> = options.chosen().enumerate().collect();
    chosen.sort_by_key(|(_, scenario)| !row(*scenario).is_long);

    let mut told: Vec<_> = stream::iter(chosen)
        .map(|(place, scenario)| async move {
            (
                place,
                show(scenario, options, platform, stop, started).await,
            )
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

async fn show(
    scenario: Scenario,
    options: &Options,
    platform: &Platform,
    stop: &CancellationToken,
    run_started: Instant,
) -> Shown {
    let name = scenario.name();
    let started = Instant::now();
    let record = Record::new(name.clone(), run_started);

    let interrupted = stop.is_cancelled().then_some("interrupted before it began");
    let outcome = match row(scenario).not_on(platform).or(interrupted) {
        Some(reason) => Conclusion::Skipped { reason },
        None => {
            let attempt = Box::pin(attempt(scenario, options, platform, &record));
            match stop.run_until_cancelled(attempt).await {
                None => Conclusion::Interrupted,
                Some(Ok(())) => Conclusion::Passed,
                Some(Err(error)) => match error.downcast_ref() {
                    Some(&NotShown(reason)) => Conclusion::Skipped { reason },
                    None => Conclusion::Failed {
                        error,
                        logs: platform.logs_of(&name),
                    },
                },
            }
        }
    };
    let (steps, trace) = record.into_parts();
    Shown {
        name,
        outcome,
        steps,
        trace,
        took: started.elapsed(),
    }
}

async fn attempt(
    scenario: Scenario,
    options: &Options,
    platform: &Platform,
    record: &Record,
) -> anyhow::Result<()> {
    let (name, row) = (scenario.name(), row(scenario));
    let nodes = usize::from(options.nodes);
    match platform {
        Platform::Local(runtime) => {
            let sandbox = Sandbox::create(runtime, &name).await?;
            record.keep(sandbox.chronicle());
            (row.show)(&sandbox, record, nodes).await
        }
        Platform::Instances {
            nodes: runtime,
            localstack,
        } => {
            let show = row.on_instances.context("cannot be shown with instances")?;
            let account = localstack.account(&runtime.cidr()).await?;
            let sandbox = Sandbox::of(runtime, &name, account)?;
            record.keep(sandbox.chronicle());
            show(&sandbox, record, nodes).await
        }
        Platform::Cloud(cloud) => {
            let on_stack = row.on_stack.context("cannot be shown with a stack")?;
            Box::pin(stack::show(cloud, &name, on_stack, record, nodes)).await
        }
    }
}
