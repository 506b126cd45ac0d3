//! `demo-node doctor` names the cause in set-ups that are broken in one way each: against the simulated region, real nodes, and
//! whoever else listens at their addresses.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use e2e::nodes::{clock, node::Node, settings::Settings};
use observe::eventually::eventually;
use region::{Action, Fault, Instance, Task, TaskArn, account};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};

use crate::support::{CLUSTER, ORDERS, Said, Site, by_service, demo_node};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the doctor found.
#[derive(Debug)]
struct Found {
    status: Option<i32>,
    report: Value,
}

/// Two tasks of the service, as many as it wants; in the first the doctor is asked.
struct Pair {
    site: Site,
    own: (TaskArn, Ipv4Addr),
    other: (TaskArn, Ipv4Addr),
}

impl Pair {
    async fn new() -> Self {
        let site = Site::new().await;
        site.region
            .edit(|account| account.put_service(CLUSTER, ORDERS, 2).desired_count);
        let own = site.run_task(Task::of_service(CLUSTER, ORDERS));
        let other = site.run_task(Task::of_service(CLUSTER, ORDERS));
        Self { site, own, other }
    }

    /// A node in the first task, and one in the other with these settings.
    fn nodes(&self, settings: Settings) -> [Node; 2] {
        let (own, other) = (&self.own, &self.other);
        [
            self.site.start(&own.0, own.1, by_service()),
            self.site.start(&other.0, other.1, settings),
        ]
    }

    fn environment(&self, settings: Settings) -> BTreeMap<String, String> {
        let mut environment = self.site.region.task_environment(&self.own.0);
        environment.extend(settings.into_environment());
        environment
    }

    /// Asks in the first task, as `docker exec` does.
    async fn ask(&self, settings: Settings) -> Found {
        ask(&self.environment(settings)).await
    }

    /// The same, again and again until nodes have started and this is found first.
    async fn finds(&self, code: &str) -> Found {
        let found = eventually(PATIENCE, async || {
            let found = self.ask(by_service()).await;
            if found.first() == code {
                Ok(found)
            } else {
                Err(found.report.to_string())
            }
        });
        found.await.unwrap()
    }

    fn other_at(&self, port: u16) -> String {
        SocketAddr::from((self.other.1, port)).to_string()
    }
}

impl Found {
    fn of(said: &Said) -> Self {
        assert_eq!(said.error, "");
        Self {
            status: said.status,
            report: serde_json::from_str(&said.output).unwrap(),
        }
    }

    /// What comes first; nothing where nothing was found.
    fn first(&self) -> &str {
        self.report["findings"][0]["code"]
            .as_str()
            .unwrap_or_default()
    }

    fn codes(&self) -> Vec<&str> {
        let findings = self.report["findings"].as_array().unwrap().iter();
        findings
            .filter_map(|finding| finding["code"].as_str())
            .collect()
    }

    #[track_caller]
    fn finding(&self, code: &str) -> &Value {
        let findings = self.report["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["code"] == code)
            .unwrap_or_else(|| panic!("{}", self.report))
    }

    fn about(&self) -> &Value {
        &self.report["findings"][0]["about"]
    }

    /// This comes first, it is a failure, and what to do first says this.
    #[track_caller]
    fn fails(&self, code: &str, advice: &str) {
        assert_eq!(self.first(), code, "{}", self.report);
        assert_eq!(self.status, Some(1), "{}", self.report);
        let first = self.report["first"].as_str().unwrap();
        assert!(first.contains(advice), "{first}");
    }

    fn calls(&self) -> Vec<(&str, &str)> {
        let calls = self.report["calls"].as_array().unwrap().iter();
        calls
            .map(|call| {
                let (action, result) = (&call["action"], &call["result"]);
                (action.as_str().unwrap(), result.as_str().unwrap())
            })
            .collect()
    }

    fn point(&self, at: &str) -> &Value {
        let points = self.report["contact_points"].as_array().unwrap();
        points
            .iter()
            .find(|point| point["contact_point"] == at)
            .unwrap_or_else(|| panic!("{}", self.report))
    }
}

async fn ask(environment: &BTreeMap<String, String>) -> Found {
    Found::of(&demo_node(&["doctor", "--json"], environment).await)
}

async fn ready(nodes: &[Node]) {
    for node in nodes {
        eventually(PATIENCE, async || node.ready().await)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_cluster_that_is_well_is_fine_and_asking_beside_its_nodes_changes_nothing() {
    let pair = Pair::new().await;
    let nodes = pair.nodes(by_service());
    ready(&nodes).await;
    let before = nodes[0].members().await.unwrap();
    let found = pair.ask(by_service()).await;
    assert_eq!(found.report["verdict"], "fine", "{}", found.report);
    assert_eq!(found.status, Some(0));
    assert_eq!(found.report["findings"], json!([]));
    assert_eq!(found.report["here"]["node_runs"], true);
    for (_, address) in [&pair.own, &pair.other] {
        let at = format!("{address}:7626");
        let point = found.point(&at);
        assert_eq!(point["management"], "our-key");
        assert_eq!(point["gossip"], "our-key");
        assert_eq!(point["own"], *address == pair.own.1);
        assert_eq!(point["cluster"], before.cluster.as_ref().unwrap().id);
        assert!(point["clock_ahead_ms"].as_i64().unwrap().abs() < 5_000);
    }
    assert_eq!(nodes[0].members().await.unwrap(), before);

    let said = demo_node(&["doctor"], &pair.environment(by_service())).await;
    assert_eq!(said.status, Some(0), "{}", said.error);
    let last = said.output.lines().rev().take(2).collect::<String>();
    assert!(
        said.output.contains("WHAT TO DO FIRST\n  Nothing: 2 nodes"),
        "{last}"
    );
    for line in said.output.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!said.output.contains('\u{1b}'));
}

#[tokio::test]
async fn each_call_is_made_once_and_where_no_node_runs_none_is_started() {
    let pair = Pair::new().await;
    let found = pair.ask(by_service()).await;
    found.fails("management-closed", "whether the nodes run there");
    assert_eq!(found.report["here"]["node_runs"], false);
    assert_eq!(found.about(), &json!([pair.other_at(7626)]));
    let calls = pair.site.region.calls();
    for action in [
        Action::ListTasks,
        Action::DescribeTasks,
        Action::DescribeServices,
    ] {
        assert_eq!(calls.count(action), 1, "{action:?}");
    }
    let allowed = found.calls();
    let all = ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices"];
    assert_eq!(allowed, all.map(|action| (action, "allowed")));
    assert_eq!(found.report["lookup"]["expected_nodes"], 2);
}

#[tokio::test]
async fn a_wrong_cluster_service_or_region_is_named_with_the_right_one() {
    let pair = Pair::new().await;
    for (setting, value, code, right) in [
        (
            "DISCOVERY_AWS_API_ECS_CLUSTER",
            "nowhere",
            "wrong-cluster",
            "Set discovery.aws-api-ecs.cluster to demo.",
        ),
        (
            "BOOTSTRAP_SERVICE_NAME",
            "billing",
            "wrong-service",
            "Set bootstrap.service-name to orders.",
        ),
        (
            "DISCOVERY_AWS_API_ECS_REGION",
            "us-east-1",
            "wrong-region",
            "to eu-west-1.",
        ),
    ] {
        let found = pair.ask(by_service().with(setting, value)).await;
        found.fails(code, right);
        assert_eq!(found.about(), &json!([value]));
    }
}

#[tokio::test]
async fn each_missing_action_is_named_with_its_resource() {
    let pair = Pair::new().await;
    let task = "arn:aws:ecs:eu-west-1:123456789012:task/demo/*";
    let service = "arn:aws:ecs:eu-west-1:123456789012:service/demo/orders";
    let all = ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices"];
    for (denied, resource) in all.into_iter().zip(["*", task, service]) {
        let role = |change: &dyn Fn(&mut region::Role)| {
            pair.site
                .region
                .edit(|account| change(account.role_mut(account::TASK_ROLE)));
        };
        role(&|role| role.deny(denied));
        let found = pair.ask(by_service()).await;
        let finding = found.finding("missing-permission");
        assert_eq!(finding["about"], json!([denied]));
        let allow = format!("Allow the role {denied} on the resource {resource}");
        let advice = finding["advice"].as_str().unwrap();
        assert!(advice.starts_with(&allow), "{advice}");
        // It is optional to know how many nodes there are to be.
        let optional = denied == "ecs:DescribeServices";
        let severity = if optional { "warning" } else { "failure" };
        assert_eq!(finding["severity"], severity);
        // The others are tried all the same: where nobody is listed, on the own task.
        for (action, result) in found.calls() {
            let expected = if action == denied {
                "denied"
            } else {
                "allowed"
            };
            assert_eq!(result, expected, "{action} where {denied} is denied");
        }
        let caller = found.report["here"]["caller"].as_str().unwrap();
        assert!(caller.contains("assumed-role/task-role/"), "{caller}");
        role(&|role| role.policy = None);
    }
}

#[tokio::test]
async fn on_an_instance_the_missing_action_the_tag_and_the_region_are_named() {
    let site = Site::new().await;
    let address = site.addresses.next().unwrap();
    let instance = site.region.edit(|account| {
        account.run_instance(Instance::running().at(address).tag("service", ORDERS))
    });
    let settings = || {
        by_service()
            .with("DISCOVERY_METHOD", "aws-api-ec2-tag-based")
            .with("BOOTSTRAP_EXPECTED_NODES", "1")
    };
    let ask_with = async |settings: Settings| {
        let mut environment = site.region.instance_environment(&instance);
        environment.extend(settings.into_environment());
        ask(&environment).await
    };
    // Each call once, and a number that depends on the list is not asked for without it.
    let calls = |action| site.region.calls().count(action);
    let deny = |denied: Option<&str>| {
        site.region.edit(|account| {
            let role = account.role_mut(account::INSTANCE_ROLE);
            role.policy = None;
            if let Some(denied) = denied {
                role.deny(denied);
            }
        });
    };
    let auto = || settings().with("BOOTSTRAP_EXPECTED_NODES", "auto");
    deny(Some("ec2:DescribeInstances"));
    let found = ask_with(auto()).await;
    let number = ("autoscaling:DescribeAutoScalingGroups", "not-made");
    assert_eq!(
        found.calls(),
        [("ec2:DescribeInstances", "denied"), number],
        "{}",
        found.report
    );
    assert_eq!(calls(Action::DescribeInstances), 1);
    deny(None);
    let found = ask_with(auto()).await;
    assert_eq!(found.calls()[1], number);
    let why = found.report["calls"][1]["problem"].as_str().unwrap();
    assert!(why.contains("belongs to an Auto Scaling group"), "{why}");
    assert_eq!(calls(Action::DescribeInstances), 2);

    let billing = settings().with("BOOTSTRAP_SERVICE_NAME", "billing");
    let found = ask_with(billing).await;
    found.fails(
        "nobody-listed",
        "Start instances with the tag service=billing",
    );
    let elsewhere = settings().with("DISCOVERY_AWS_API_EC2_TAG_BASED_REGION", "us-east-1");
    let found = ask_with(elsewhere).await;
    found.fails("wrong-region", "to eu-west-1.");
    site.region.edit(|account| {
        account
            .role_mut(account::INSTANCE_ROLE)
            .deny("ec2:DescribeInstances");
    });
    let found = ask_with(settings()).await;
    found.fails(
        "missing-permission",
        "Allow the role ec2:DescribeInstances on the resource * \
         (a condition may be that aws:RequestedRegion is eu-west-1)",
    );
    assert_eq!(found.about(), &json!(["ec2:DescribeInstances"]));
}

#[tokio::test]
async fn on_an_instance_of_a_group_the_missing_action_for_its_number_is_named() {
    let denied = "autoscaling:DescribeAutoScalingGroups";
    let site = Site::new().await;
    let address = site.addresses.next().unwrap();
    let instance = site.region.edit(|account| {
        account.put_auto_scaling_group("group", 1);
        account.role_mut(account::INSTANCE_ROLE).deny(denied);
        let instance = Instance::running().at(address).tag("service", ORDERS);
        account.run_instance(instance.in_group("group"))
    });
    let mut environment = site.region.instance_environment(&instance);
    let by_tag = by_service().with("DISCOVERY_METHOD", "aws-api-ec2-tag-based");
    environment.extend(by_tag.into_environment());
    let found = ask(&environment).await;
    let calls = [("ec2:DescribeInstances", "allowed"), (denied, "denied")];
    assert_eq!(found.calls(), calls);
    let finding = found.finding("missing-permission");
    assert_eq!(finding["about"], json!([denied]));
    assert_eq!(finding["severity"], "warning");
    let advice = finding["advice"].as_str().unwrap();
    let allow = format!("Allow the role {denied} on the resource *");
    assert!(advice.starts_with(&allow), "{advice}");
}

#[tokio::test]
async fn a_closed_management_port_is_named_and_that_its_node_gossips_all_the_same() {
    let pair = Pair::new().await;
    let _nodes = pair.nodes(by_service().with("MANAGEMENT_PORT", "7700"));
    let found = eventually(PATIENCE, async || {
        let found = pair.ask(by_service()).await;
        let other = found.point(&pair.other_at(7626)).clone();
        match other["gossip"].as_str() {
            Some("our-key") => Ok(found),
            _ => Err(found.report.to_string()),
        }
    });
    let found = found.await.unwrap();
    found.fails(
        "management-closed",
        "management.port is the port that others ask",
    );
    assert_eq!(found.about(), &json!([pair.other_at(7626)]));
    let message = found.report["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("1 of them answers by gossip"), "{message}");
}

#[tokio::test]
async fn a_closed_gossip_port_is_named() {
    let pair = Pair::new().await;
    let _nodes = pair.nodes(by_service().with("MEMBERSHIP_BIND_PORT", "7400"));
    let found = pair.finds("gossip-closed").await;
    found.fails("gossip-closed", "UDP 7355");
    assert_eq!(found.about(), &json!([pair.other_at(7355)]));
    assert_eq!(found.point(&pair.other_at(7626))["gossip"], "refused");
}

#[tokio::test]
async fn a_node_with_another_key_is_named() {
    let pair = Pair::new().await;
    let other = "another key of a cluster that was set up by somebody else";
    let _nodes = pair.nodes(by_service().with("MEMBERSHIP_KEYS", other));
    let found = pair.finds("other-key").await;
    found.fails("other-key", "Give all nodes the same membership.keys");
    assert_eq!(found.about(), &json!([pair.other_at(7626)]));
    assert!(!found.report.to_string().contains(other));
}

#[tokio::test]
async fn a_wrong_clock_is_named_with_the_difference() {
    const AHEAD: i64 = 120;
    let pair = Pair::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (task, address) = &pair.other;
    let mut environment = pair.site.region.task_environment(task);
    environment.extend(clock::ahead_by(AHEAD, folder.path()).unwrap());
    let _node = pair.site.start_in(environment, *address, by_service());
    let found = pair.finds("wrong-clock").await;
    found.fails(
        "wrong-clock",
        &format!("Correct the clocks of {}", pair.other_at(7626)),
    );
    let point = found.point(&pair.other_at(7626));
    let ahead = point["clock_ahead_ms"].as_i64().unwrap();
    assert!((ahead - AHEAD * 1000).abs() < 5_000, "{ahead}");
    // It gossips with nobody, and says so all the same.
    assert_eq!(point["gossip"], "our-key");
}

#[tokio::test]
async fn a_task_in_bridge_mode_is_named_here_and_elsewhere() {
    let pair = Pair::new().await;
    let bridged = pair
        .site
        .region
        .edit(|account| account.run_task(Task::of_service(CLUSTER, ORDERS).in_bridge_mode()));
    let found = pair.ask(by_service()).await;
    found.fails("bridge-mode", "network mode awsvpc");
    assert_eq!(found.about(), &json!([bridged.id()]));
    let mut environment = pair.site.region.task_environment(&bridged);
    environment.extend(by_service().into_environment());
    let found = ask(&environment).await;
    found.fails("bridge-mode", "network mode awsvpc");
    assert_eq!(found.report["here"]["network_mode"], "bridge");
}

#[tokio::test]
async fn a_task_with_an_address_of_the_other_family_only_is_named() {
    let pair = Pair::new().await;
    let address = "2001:db8::7".parse().unwrap();
    pair.site
        .region
        .edit(|account| account.run_task(Task::of_service(CLUSTER, ORDERS).at_v6(address)));
    let insisting = by_service().with("DISCOVERY_AWS_API_ECS_ADDRESS_FAMILY", "ipv4");
    let found = pair.ask(insisting).await;
    found.fails(
        "address-family",
        "Set discovery.aws-api-ecs.address-family to ipv6",
    );
    assert!(found.about().to_string().contains("2001:db8::7"));
}

#[tokio::test]
async fn a_node_that_is_not_listed_is_told_so() {
    let pair = Pair::new().await;
    let (alone, address) = pair.site.run_task(Task::standalone(CLUSTER, ORDERS));
    let mut environment = pair.site.region.task_environment(&alone);
    environment.extend(by_service().into_environment());
    let found = ask(&environment).await;
    assert_eq!(found.codes(), ["management-closed", "not-listed"]);
    let severity = &found.report["findings"][1]["severity"];
    assert_eq!(severity, "warning", "only the doctor runs there");

    let _node = pair.site.start(&alone, address, by_service());
    let found = eventually(PATIENCE, async || {
        let found = ask(&environment).await;
        match found.first() {
            "not-listed" => Ok(found),
            _ => Err(found.report.to_string()),
        }
    });
    let found = found.await.unwrap();
    found.fails("not-listed", "as a task of the service `orders`");
    assert_eq!(found.about(), &json!([address.to_string()]));
}

#[tokio::test]
async fn too_few_tasks_are_counted() {
    let pair = Pair::new().await;
    pair.site
        .region
        .edit(|account| account.put_service(CLUSTER, ORDERS, 5).desired_count);
    let found = pair.ask(by_service()).await;
    found.fails("too-few-nodes", "fewer tasks than its desired count");
    let message = found.report["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("2 nodes are listed, but 3 must consent"),
        "{message}"
    );
}

#[tokio::test]
async fn it_waits_for_nobody_for_ever() {
    let pair = Pair::new().await;
    // The one in the list neither answers nor refuses.
    let (_, address) = pair.other;
    let _http = TcpListener::bind((address, 7626)).await.unwrap();
    let _gossip = UdpSocket::bind((address, 7355)).await.unwrap();
    let began = tokio::time::Instant::now();
    let found = pair.ask(by_service()).await;
    found.fails("management-closed", "");
    let point = found.point(&pair.other_at(7626));
    assert_eq!(
        (&point["management"], &point["gossip"]),
        (&json!("silent"), &json!("silent"))
    );
    // Neither does AWS.
    pair.site.region.faults().add(Fault::NoAnswer.on([
        Action::ListTasks,
        Action::DescribeTasks,
        Action::DescribeServices,
    ]));
    let hasty = by_service().with("BOOTSTRAP_RESOLVE_TIMEOUT", "300ms");
    let found = pair.ask(hasty).await;
    found.fails("aws-unreachable", "whether the region eu-west-1 exists");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn from_a_machine_that_is_no_nodes_place_it_asks_the_same() {
    let pair = Pair::new().await;
    let nodes = pair.nodes(by_service());
    ready(&nodes).await;
    let region = &pair.site.region;
    let credentials = region.credentials(account::TASK_ROLE, "somebody");
    let mut environment = BTreeMap::from(
        [
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key),
            ("AWS_SESSION_TOKEN", &credentials.session_token),
            ("AWS_ENDPOINT_URL", region.endpoint()),
            ("AWS_REGION", account::REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    environment.extend(by_service().into_environment());
    let found = ask(&environment).await;
    // Its own address may be uncertain, and nobody minds.
    assert_ne!(found.report["verdict"], "failures", "{}", found.report);
    for (_, address) in [&pair.own, &pair.other] {
        let point = found.point(&format!("{address}:7626"));
        assert_eq!(point["own"], false);
        assert_eq!(point["gossip"], "our-key");
    }
}

#[tokio::test]
async fn wrong_settings_are_wrong_usage() {
    let pair = Pair::new().await;
    let said = demo_node(
        &["doctor", "--json"],
        &pair.environment(by_service().with("MEMBERSHIP_KEYS", "")),
    )
    .await;
    assert_eq!(said.status, Some(2));
    assert!(
        said.error.contains("membership.keys is not set"),
        "{}",
        said.error
    );
    assert_eq!(said.output, "");
}
