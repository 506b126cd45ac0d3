//! What a node cannot do without ends it with one line that says so, and a signal ends it well.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket},
    time::Duration,
};

use e2e::nodes::settings::Settings;
use observe::eventually::eventually;
use region::{Action, Fault, Task};
use rustix::process::Signal;

use crate::support::{CLUSTER, ORDERS, Said, Site, bootstrap, by_service, demo_node, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_port_that_is_in_use_is_named_with_its_setting() {
    let site = Site::new().await;
    let address = site.addresses.next().unwrap();
    let fixed = fixed(address);

    let http = TcpListener::bind((address, 7626)).unwrap();
    let said = demo_node(&["run"], &fixed).await;
    said.refuses(&format!(
        "listen on {address}:7626 for management HTTP; set management.port to another port"
    ));
    drop(http);

    let _gossip = UdpSocket::bind((address, 7355)).unwrap();
    let said = demo_node(&["run"], &fixed).await;
    said.refuses(&format!(
        "listen on {address}:7355 for gossip; set membership.port to another port"
    ));
}

#[tokio::test]
async fn an_address_that_is_not_this_machines_is_named() {
    // Reserved for documentation: nobody has it.
    let said = demo_node(&["run"], &fixed([192, 0, 2, 1].into())).await;
    said.refuses(
        "listen on 192.0.2.1:7626 for management HTTP; this machine does not have the address \
         192.0.2.1: set node.bind-address to an address that it has, or to `0.0.0.0`",
    );
}

#[tokio::test]
async fn without_a_region_nothing_is_asked() {
    // Which address is its own is not the question here.
    let settings = by_service().with("NODE_ADDRESS", "127.0.0.1");
    let mut environment = settings.into_environment();
    environment.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
    for command in ["run", "lookup"] {
        let said = demo_node(&[command], &environment).await;
        said.refuses("no AWS region is known: set `region` for the method, AWS_REGION");
    }
}

#[tokio::test]
async fn without_credentials_a_lookup_says_where_to_get_some() {
    let site = Site::new().await;
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS).without_role());
    let mut environment = site.region.task_environment(&task);
    environment.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
    environment.extend(by_service().into_environment());
    let said = demo_node(&["lookup"], &environment).await;
    said.refuses("no usable AWS credentials were found; give the task or instance a role");
}

#[tokio::test]
async fn outside_a_task_the_method_of_task_sets_does_not_work() {
    let site = Site::new().await;
    let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut environment = site.region.task_environment(&task);
    environment.retain(|name, _| !name.starts_with("ECS_"));
    environment.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
    let settings = by_service()
        .with("DISCOVERY_METHOD", "aws-api-ecs-task-set")
        .with("NODE_ADDRESS", "127.0.0.1")
        // The method warns of what it does not see.
        .with("LOG_LEVEL", "error");
    environment.extend(settings.into_environment());
    let said = demo_node(&["run"], &environment).await;
    said.refuses("this process does not run in an ECS task");
}

#[tokio::test]
async fn metadata_that_is_slow_to_come_delays_a_node_and_does_not_end_it() {
    let site = Site::new().await;
    let broken = Fault::Error {
        status: 500,
        code: "InternalServerError",
    };
    // Each question is put three times.
    site.region
        .faults()
        .add(broken.on([Action::TaskMetadata]).next(4));
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let node = site.start(&task, address, hasty());
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    let log = node.log();
    let told = "the node cannot start yet";
    assert_eq!(log.matches(told).count(), 1, "{log}");
}

#[tokio::test]
async fn metadata_that_fails_while_the_region_is_looked_for_delays_a_node_and_does_not_end_it() {
    let site = Site::new().await;
    let broken = Fault::Error {
        status: 503,
        code: "InternalServerError",
    };
    // For longer than it takes to ask once, which is to ask three times.
    site.region
        .faults()
        .add(broken.on([Action::TaskMetadata]).next(7));
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut environment = site.region.task_environment(&task);
    environment.retain(|name, _| !name.contains("REGION"));
    let mut node = site.start_in(environment, address, hasty());
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    let log = node.log();
    assert_eq!(log.matches("the node cannot start yet").count(), 2, "{log}");
    node.kill().await.unwrap();
}

#[tokio::test]
async fn a_node_is_asked_for_its_health_where_it_listens_whatever_the_address_family() {
    let site = Site::new().await;
    let task = Task::of_service(CLUSTER, ORDERS).at_v6(Ipv6Addr::LOCALHOST);
    let task = site.region.edit(|account| account.run_task(task));
    let mut environment = site.region.task_environment(&task);
    // The task has no other address, and nothing says which is meant.
    environment.extend(by_service().into_environment());
    for command in ["healthcheck", "members"] {
        // Nobody answers; where it was asked is what counts.
        let said = demo_node(&[command], &environment).await;
        assert_eq!(said.status, Some(1), "{}", said.error);
        assert!(
            said.error.contains("connect to [::1]:7626"),
            "{}",
            said.error
        );
    }
}

#[tokio::test]
async fn a_member_and_a_node_that_still_waits_end_well_when_asked_to() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut member = site.start(&task, address, hasty());
    eventually(PATIENCE, async || member.ready().await)
        .await
        .unwrap();
    let status = member.leave().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", member.log());
    assert!(
        member.log().contains("left the cluster"),
        "{}",
        member.log()
    );

    site.region
        .faults()
        .add(Fault::NoAnswer.on([Action::ListTasks]));
    let mut waiting = site.start(&task, address, hasty());
    eventually(PATIENCE, async || bootstrap(&waiting).await)
        .await
        .unwrap();
    let status = waiting.leave().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", waiting.log());
}

#[tokio::test]
async fn a_terminal_that_closes_makes_a_member_leave() {
    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut member = site.start(&task, address, hasty());
    eventually(PATIENCE, async || member.ready().await)
        .await
        .unwrap();
    member.signal(Signal::HUP).unwrap();
    let status = member.ended().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", member.log());
    let log = member.log();
    assert!(log.contains("SIGHUP: stopping"), "{log}");
    assert!(log.contains("left the cluster"), "{log}");
}

#[tokio::test]
async fn a_node_that_still_looks_for_its_address_obeys_signals() {
    for (signal, name) in [
        (Signal::TERM, "SIGTERM"),
        (Signal::INT, "SIGINT"),
        (Signal::HUP, "SIGHUP"),
    ] {
        let site = Site::new().await;
        let silent = Fault::NoAnswer.on([Action::TaskMetadata]);
        site.region.faults().add(silent);
        let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
        let mut node = site.start(&task, address, hasty());
        eventually(PATIENCE, async || {
            let asked = site.region.calls().count(Action::TaskMetadata);
            (asked != 0).then_some(()).ok_or("not asked yet")
        })
        .await
        .unwrap();
        node.signal(signal).unwrap();
        let status = node.ended().await.unwrap();
        assert_eq!(status.code(), Some(0), "{}", node.log());
        let told = format!("{name}: stopping before the node has started");
        assert!(node.log().contains(&told), "{}", node.log());
    }
}

/// Those of a node at this address that knows its peers, and has nobody to ask.
fn fixed(address: Ipv4Addr) -> BTreeMap<String, String> {
    let settings = Settings::default()
        .with("DISCOVERY_METHOD", "config")
        .with("DISCOVERY_CONFIG_ADDRESSES", &address)
        .with("NODE_ADDRESS", &address);
    by_service().and(settings).into_environment()
}

impl Said {
    /// One line says what is wrong, and the status that the configuration is.
    #[track_caller]
    fn refuses(&self, why: &str) {
        assert_eq!(self.status, Some(2), "{}", self.error);
        assert_eq!(self.error.lines().count(), 1, "{}", self.error);
        assert!(self.error.starts_with("demo-node: "), "{}", self.error);
        assert!(self.error.contains(why), "{}", self.error);
        assert_eq!(self.output, "");
    }
}
