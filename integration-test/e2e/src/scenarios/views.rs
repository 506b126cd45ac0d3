//! Lists that look complete but have only a part of the tasks.

use region::{Action, Fault, Region, Rule, Snapshot, TaskArn};

use crate::local::fleet::ECS_CLUSTER;

/// One rule for each of `tasks`, by which it is shown these tasks and no other.
pub(crate) fn see_only_each_other(region: &Region, tasks: &[TaskArn]) -> Vec<Rule> {
    let view = view_of(region, tasks);
    let rules = tasks.iter().map(|task| {
        let stale = Fault::Stale(view.clone()).on([Action::ListTasks]);
        stale.for_caller(task.id())
    });
    rules.collect()
}

/// The account as if only these tasks had been started.
fn view_of(region: &Region, tasks: &[TaskArn]) -> Snapshot {
    region.snapshot_with(|account| {
        let shown = |id: &String| tasks.iter().any(|task| task.id() == id);
        let cluster = account.put_cluster(ECS_CLUSTER);
        cluster.tasks.retain(|id, _| shown(id));
    })
}
