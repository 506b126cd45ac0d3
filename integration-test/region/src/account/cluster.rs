//! ECS clusters and the services in them, with their deployments and task sets.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::task::Task;

/// An ECS cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// By id: this is the order in which they are listed, so that a page can continue where the last one ended.
    pub tasks: BTreeMap<String, Task>,
}

/// An ECS service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its desired count.
    pub desired_count: u32,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: &'static str,
    /// Newest first. Empty if an external controller deploys by task sets.
    pub deployments: Vec<Deployment>,
    /// In order of creation. Empty if ECS itself deploys.
    pub task_sets: Vec<TaskSet>,
    /// Shown if DescribeServices is asked for tags.
    pub tags: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: SystemTime,
}

/// One rollout of a service by ECS itself.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `ecs-svc/` and a number: the `startedBy` of its tasks.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: &'static str,
    /// Of the task definition.
    pub revision: u32,
    /// When it was created.
    pub created_at: SystemTime,
}

/// One set of tasks of a service that something other than ECS deploys.
#[derive(Clone, Debug)]
pub struct TaskSet {
    /// `ecs-svc/` and a number: the `startedBy` of its tasks.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: &'static str,
    /// When it was created.
    pub created_at: SystemTime,
}

impl Service {
    pub(super) fn new(first: Deployment, created_at: SystemTime) -> Self {
        Self {
            desired_count: 0,
            status: "ACTIVE",
            deployments: vec![first],
            task_sets: Vec::new(),
            tags: BTreeMap::new(),
            created_at,
        }
    }

    /// The first task set is the primary one.
    pub(super) fn add_task_set(&mut self, id: String, created_at: SystemTime) {
        let status = if self.task_sets.is_empty() {
            "PRIMARY"
        } else {
            "ACTIVE"
        };
        self.task_sets.push(TaskSet {
            id,
            status,
            created_at,
        });
    }

    /// The primary deployment or task set: its id and the revision of its task definition.
    pub(super) fn primary(&self) -> Option<(String, u32)> {
        let deployments = self
            .deployments
            .iter()
            .map(|d| (d.status, &d.id, d.revision));
        let task_sets = self.task_sets.iter().map(|t| (t.status, &t.id, 1));
        deployments
            .chain(task_sets)
            .find(|(status, ..)| *status == "PRIMARY")
            .map(|(_, id, revision)| (id.clone(), revision))
    }
}

impl Deployment {
    pub(super) fn primary(id: String, revision: u32, created_at: SystemTime) -> Self {
        Self {
            id,
            status: "PRIMARY",
            revision,
            created_at,
        }
    }
}
