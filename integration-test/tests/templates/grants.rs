//! Roles of nodes may do exactly what nodes do: each permission is used, and each one taken away is missed.

use std::collections::{BTreeMap, BTreeSet};

use deploy::templates::{Stack, Template};
use discovery::{
    Discovery, Error, Lookup, Remedy,
    config::{Client, Ec2TagBased, Ecs, EcsTaskSet, Settings, Surroundings},
};
use integration_test::sdk_config;
use region::{
    Instance, Outcome, Region, Task,
    account::{ACCOUNT_ID, REGION},
    policy::Statements,
};
use serde_json::Value;

use crate::support::PATIENCE;

const CLUSTER: &str = "demo";
const SERVICE: &str = "orders";
const ROLE: &str = "node";

/// Who finds peers, and so has a role to do it with.
#[derive(Clone, Copy, Debug)]
enum Node {
    /// A task of a service.
    Service,
    /// A task of a task set.
    TaskSet,
    /// A process on an instance.
    Instance,
}

#[tokio::test]
async fn a_role_allows_what_discovery_calls_and_nothing_else() {
    for node in [Node::Service, Node::TaskSet, Node::Instance] {
        let statements = node.statements();
        let region = node.region(&statements).await;

        let discovery = node.discovery(&region).await;
        let seen = look(&discovery).await.unwrap();
        assert!(seen.completeness.is_complete(), "{node:?}: {seen:?}");
        let expected = discovery.expected_nodes(SERVICE, PATIENCE).await.unwrap();
        assert!(expected.number().is_some(), "{node:?}: {expected:?}");

        assert_eq!(granted(&statements), called(&region), "{node:?}");
    }
}

#[tokio::test]
async fn what_is_taken_away_is_missed_and_named() {
    for node in [Node::Service, Node::TaskSet, Node::Instance] {
        let all = node.statements();
        for n in 0..all.len() {
            let mut rest = all.clone();
            let taken = granted(&[rest.remove(n)]);
            let taken = taken.first().unwrap();
            let region = node.region(&rest).await;

            let discovery = node.discovery(&region).await;
            let looked_up = look(&discovery).await.err();
            let expected = discovery.expected_nodes(SERVICE, PATIENCE).await.err();

            let error = looked_up.or(expected).unwrap();
            assert_eq!(error.remedy(), Remedy::FixPermissions, "{node:?}");
            assert!(
                error.to_string().contains(taken),
                "{node:?}, {taken}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn another_cluster_of_the_same_account_stays_closed() {
    for node in [Node::Service, Node::TaskSet] {
        let region = node.region(&node.statements()).await;
        let elsewhere = region.edit(|account| {
            account.put_service("payments", SERVICE, 1);
            account.run_task(Task::of_service("payments", SERVICE).role(ROLE))
        });

        let mut ecs = Ecs::in_cluster("payments");
        ecs.client = client(&region);
        let discovery = ready(Settings::Ecs(ecs), &Surroundings::default()).await;
        let denied = look(&discovery).await.unwrap_err();

        assert_eq!(
            denied.remedy(),
            Remedy::FixPermissions,
            "{node:?}: {denied}"
        );
        let name = elsewhere.cluster();
        assert_eq!(name, "payments");
        let asked = discovery
            .expected_nodes(SERVICE, PATIENCE)
            .await
            .unwrap_err();
        assert_eq!(asked.remedy(), Remedy::FixPermissions, "{node:?}: {asked}");
    }
}

impl Node {
    fn statements(self) -> Vec<Value> {
        let (template, role) = match self {
            Self::Service => ("ecs-service.yaml", "TaskRole"),
            Self::TaskSet => ("ecs-task-set.yaml", "TaskRole"),
            Self::Instance => ("ec2-auto-scaling-group.yaml", "InstanceRole"),
        };
        let template = Template::read(template).unwrap();
        let cluster = format!("arn:aws:ecs:{REGION}:{ACCOUNT_ID}:cluster/{CLUSTER}");
        let stack = Stack::of(&template, REGION, ACCOUNT_ID)
            .with("ServiceName", SERVICE)
            .with("Cluster", CLUSTER)
            .with_attribute("Cluster", "Arn", &cluster)
            .with("ProgramBucket", "programs")
            .with("ProgramKey", "demo-node")
            .with(
                "GossipKey",
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key",
            );
        stack.policy(role, "find-peers").unwrap()
    }

    /// One in which the role may do this.
    async fn region(self, statements: &[Value]) -> Region {
        let statements = Statements::read(statements).unwrap();
        let region = Region::start().await;
        region.edit(|account| {
            account.role_mut(ROLE).allow_only(statements);
            account.put_service(CLUSTER, SERVICE, 2);
            if matches!(self, Self::TaskSet) {
                account.put_task_set(CLUSTER, SERVICE);
            }
            for _ in 0..2 {
                account.run_task(Task::of_service(CLUSTER, SERVICE).role(ROLE));
                account.put_auto_scaling_group("group", 2);
                let instance = Instance::running().tag("service", SERVICE);
                account.run_instance(instance.in_group("group"));
            }
        });
        region
    }

    async fn discovery(self, region: &Region) -> Discovery {
        match self {
            Self::Service => {
                let mut ecs = Ecs::in_cluster(CLUSTER);
                ecs.client = client(region);
                ready(Settings::Ecs(ecs), &Surroundings::default()).await
            }
            Self::TaskSet => {
                let mut ecs = EcsTaskSet::in_cluster(CLUSTER);
                ecs.client = client(region);
                let task = region.edit(|account| {
                    account.run_task(Task::of_service(CLUSTER, SERVICE).role(ROLE))
                });
                let environment = region.task_environment(&task);
                let surroundings = surroundings(&environment);
                ready(Settings::EcsTaskSet(ecs), &surroundings).await
            }
            Self::Instance => {
                let mut ec2 = Ec2TagBased::by_tag("service");
                ec2.client = client(region);
                ready(Settings::Ec2TagBased(ec2), &Surroundings::default()).await
            }
        }
    }
}

fn client(region: &Region) -> Client {
    Client::from(sdk_config(region, ROLE, "test"))
}

fn surroundings(environment: &BTreeMap<String, String>) -> Surroundings {
    Surroundings::read(|name| environment.get(name).cloned(), Some("elsewhere"))
}

async fn ready(settings: Settings, surroundings: &Surroundings) -> Discovery {
    Box::pin(Discovery::in_surroundings(settings, surroundings))
        .await
        .unwrap()
}

async fn look(discovery: &Discovery) -> Result<discovery::Resolved, Error> {
    Box::pin(discovery.lookup(&Lookup::new(SERVICE), PATIENCE)).await
}

fn granted(statements: &[Value]) -> BTreeSet<String> {
    let actions = statements
        .iter()
        .flat_map(|statement| crate::support::choices(&statement["Action"]));
    actions
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

/// As IAM names it. Metadata needs no permission.
fn called(region: &Region) -> BTreeSet<String> {
    use region::Action::{
        AssumeRole, DescribeAutoScalingGroups, DescribeInstances, DescribeServices, DescribeTasks,
        InstanceMetadata, InstanceToken, ListTasks, TaskCredentials, TaskMetadata, Unknown,
    };
    let calls = region.calls();
    let answered = calls
        .log()
        .iter()
        .filter(|call| call.outcome == Outcome::Answered);
    let names = answered.filter_map(|call| match call.action {
        ListTasks | DescribeTasks | DescribeServices => Some(format!("ecs:{}", call.action)),
        DescribeInstances => Some(format!("ec2:{}", call.action)),
        DescribeAutoScalingGroups => Some(format!("autoscaling:{}", call.action)),
        AssumeRole => Some(format!("sts:{}", call.action)),
        TaskMetadata | TaskCredentials | InstanceToken | InstanceMetadata => None,
        Unknown => panic!("{call:?}"),
    });
    names.collect()
}
