//! The tasks as ECS describes them, with the nodes in them.

use std::time::Duration;

use region::Region;

use super::{picture::Task, scene::Scene};
use crate::local::fleet::ECS_CLUSTER;

/// How long ECS describes a stopped task: an hour in AWS.
const DESCRIBED: Duration = Duration::from_secs(30);

/// All described tasks, in the order of their start. Tasks that stopped long ago are forgotten.
pub(super) fn listed(region: &Region, scene: &Scene) -> Vec<Task> {
    region.edit(|account| {
        let now = account.now;
        let tasks = &mut account.put_cluster(ECS_CLUSTER).tasks;
        tasks.retain(|_, task| {
            let age = |at| now.duration_since(at).unwrap_or_default();
            task.stopped_at.is_none_or(|at| age(at) < DESCRIBED)
        });
        let mut tasks: Vec<_> = tasks.values().collect();
        tasks.sort_by_key(|task| task.created_at);
        let shown = tasks.into_iter().map(|task| {
            let node = scene.nodes.iter().find(|node| node.task == task.id);
            Task {
                id: task.id.chars().take(8).collect(),
                node: node.map(|node| node.name.clone()).unwrap_or_default(),
                status: task.last_status.as_str(),
                desired: task.desired_status.as_str(),
                address: task.ipv4.map(|at| at.to_string()).unwrap_or_default(),
                revision: task.revision,
            }
        });
        shown.collect()
    })
}
