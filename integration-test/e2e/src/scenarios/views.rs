//! Lists that look complete and show a part of the tasks only.

use region::{Action, Fault, Region, Rule, Snapshot, TaskArn};

use crate::local::fleet::ECS_CLUSTER;

/// One rule for each of `tasks`, by which it is shown these tasks and no other.
pub(super) fn see_only_each_other(region: &Region, tasks: &[TaskArn]) -> Vec<Rule> {
    let view = view_of(region, tasks);
    let rules = tasks.iter().map(|task| {
        let stale = Fault::Stale(view.clone()).on([Action::ListTasks]);
        stale.for_caller(task.id())
    });
    rules.collect()
}

/// The account as if only these tasks had been started.
fn view_of(region: &Region, tasks: &[TaskArn]) -> Snapshot {
    let all = region.edit(|account| {
        let cluster = account.put_cluster(ECS_CLUSTER);
        let all = cluster.tasks.clone();
        let shown = |id: &String| tasks.iter().any(|task| task.id() == id);
        cluster.tasks.retain(|id, _| shown(id));
        all
    });
    let view = region.snapshot();
    region.edit(|account| account.put_cluster(ECS_CLUSTER).tasks = all);
    view
}
