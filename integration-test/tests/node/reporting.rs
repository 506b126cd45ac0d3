//! Metrics of the stacks are made of the log: each filter of the templates takes a line that a node writes when that happens.

use std::{collections::BTreeMap, time::Duration};

use deploy::templates::Template;
use e2e::nodes::{node::Node, settings::Settings};
use observe::eventually::eventually;
use region::{Action, Fault, Task};
use serde_json::Value;
use tokio::net::UdpSocket;

use crate::support::{CLUSTER, ORDERS, Site, hasty};

/// Long enough for a busy machine: a dead member is removed within 10 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// A filter of a template, as far as it is used there: one comparison of one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Filter {
    field: String,
    is: Comparison,
    /// A number, or the field that has it.
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Comparison {
    Text(String),
    MoreThan(u64),
}

#[tokio::test]
async fn each_metric_of_the_stacks_is_made_of_lines_that_nodes_write() {
    let filters = filters();
    assert_eq!(filters.len(), 5, "{filters:#?}");
    let mut unmet = filters.clone();

    let site = Site::new().await;
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let node = site.start(&task, address, reporting());
    eventually(PATIENCE, async || node.ready().await)
        .await
        .unwrap();
    // As long as all is well, there are members and nothing else.
    takes(&node, &mut unmet, &["Members"]).await;

    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let mut dies = site.start(&task, address, reporting());
    eventually(PATIENCE, async || are(&node, 2).await)
        .await
        .unwrap();
    dies.kill().await.unwrap();

    // One that knows of nobody founds a cluster of its own, and is then seen.
    let (task, address) = site.run_task(Task::of_service(CLUSTER, ORDERS));
    let alone = reporting()
        .with("DISCOVERY_METHOD", "config")
        .with("DISCOVERY_CONFIG_ADDRESSES", &address)
        .with("BOOTSTRAP_FALLBACK_PORT", "7626")
        .with("BOOTSTRAP_ON_RIVAL_CLUSTER", "alarm");
    let rival = site.start(&task, address, alone);
    eventually(PATIENCE, async || rival.ready().await)
        .await
        .unwrap();
    takes(&node, &mut unmet, &["TwoClusters"]).await;

    let stranger = UdpSocket::bind((site.addresses.next().unwrap(), 0))
        .await
        .unwrap();
    let gossip = (node.management().ip(), 7355);
    stranger.send_to(&[7; 200], gossip).await.unwrap();
    takes(&node, &mut unmet, &["DatagramsRejected"]).await;

    takes(&node, &mut unmet, &["MembersLost"]).await;

    let broken = Fault::Throttle.on([Action::ListTasks]);
    site.region.faults().add(broken);
    takes(&node, &mut unmet, &["LookupsFailed"]).await;
    assert!(unmet.is_empty(), "{unmet:#?}");
}

#[test]
fn a_filter_takes_what_it_says_and_nothing_else() {
    let filter = |pattern: &str| Filter::read(pattern, "$.members").unwrap();
    let line = serde_json::json!({"message": "cluster report", "members": 3, "lookups_failed": 0});

    assert_eq!(
        filter(r#"{ $.message = "cluster report" }"#).takes(&line),
        Some(3)
    );
    assert_eq!(filter("{ $.members > 2 }").takes(&line), Some(3));
    for other in [
        r#"{ $.message = "cluster" }"#,
        r#"{ $.text = "cluster report" }"#,
        "{ $.members > 3 }",
        "{ $.lookups_failed > 0 }",
    ] {
        assert_eq!(filter(other).takes(&line), None, "{other}");
    }
    assert_eq!(Filter::read("lookup failed", "1"), None);
}

/// Waits until each of these metrics is made of some line of the node, while none of the others was before.
async fn takes(node: &Node, unmet: &mut BTreeMap<String, Vec<Filter>>, metrics: &[&str]) {
    let unexpected: Vec<_> = unmet
        .iter()
        .filter(|(name, _)| !metrics.contains(&name.as_str()))
        .filter(|(_, filters)| filters.iter().any(|filter| filter.taken(&node.log())))
        .map(|(name, _)| name.clone())
        .collect();
    // What happens by itself may come early.
    assert!(
        unexpected
            .iter()
            .all(|name| name == "MembersLost" || name == "TwoClusters"),
        "{unexpected:?}: {}",
        node.log()
    );
    for metric in metrics {
        let filters = unmet.remove(*metric).unwrap();
        eventually(PATIENCE, async || {
            let log = node.log();
            match filters.iter().all(|filter| filter.taken(&log)) {
                true => Ok(()),
                false => Err(format!("{filters:?} takes nothing of {log}")),
            }
        })
        .await
        .unwrap();
    }
}

async fn are(node: &Node, members: usize) -> Result<(), String> {
    let seen = node.members().await.map_err(|error| error.to_string())?;
    match seen.members.len() == members {
        true => Ok(()),
        false => Err(format!("{seen:?}")),
    }
}

/// Those of a node that logs as nodes of the stacks do, and more often.
fn reporting() -> Settings {
    hasty()
        .with("LOG_FORMAT", "json")
        .with("NODE_REPORT_INTERVAL", "200ms")
        .with("BOOTSTRAP_WATCH_INTERVAL", "500ms")
}

/// Those of all templates, by their metrics.
fn filters() -> BTreeMap<String, Vec<Filter>> {
    let mut filters: BTreeMap<String, Vec<Filter>> = BTreeMap::new();
    for template in Template::all().unwrap() {
        for filter in template.of_kind("AWS::Logs::MetricFilter") {
            let pattern = filter.properties["FilterPattern"].as_str().unwrap();
            let metric = &filter.properties["MetricTransformations"][0];
            let value = metric["MetricValue"].as_str().unwrap();
            let read = Filter::read(pattern, value);
            let read = read.unwrap_or_else(|| panic!("{pattern} is not understood"));
            let name = metric["MetricName"].as_str().unwrap();
            // Of two clusters, each has its own number of members.
            let name = name.trim_start_matches("Blue").trim_start_matches("Green");
            filters.entry(name.to_owned()).or_default().push(read);
        }
    }
    filters
}

impl Filter {
    /// As CloudWatch Logs has them: `{ $.FIELD = "TEXT" }` or `{ $.FIELD > NUMBER }`.
    fn read(pattern: &str, value: &str) -> Option<Self> {
        let pattern = pattern.strip_prefix("{ $.")?.strip_suffix(" }")?;
        let mut parts = pattern.splitn(3, ' ');
        let (field, operator, operand) = (parts.next()?, parts.next()?, parts.next()?);
        let is = match operator {
            "=" => Comparison::Text(operand.strip_prefix('"')?.strip_suffix('"')?.to_owned()),
            ">" => Comparison::MoreThan(operand.parse().ok()?),
            _ => return None,
        };
        Some(Self {
            field: field.to_owned(),
            is,
            value: value.to_owned(),
        })
    }

    /// What the metric gets of a line, if it is one for it.
    fn takes(&self, line: &Value) -> Option<u64> {
        let field = &line[&self.field];
        let fits = match &self.is {
            Comparison::Text(text) => field == text,
            Comparison::MoreThan(least) => field.as_u64().is_some_and(|number| *least < number),
        };
        let number = match self.value.strip_prefix("$.") {
            Some(field) => line[field].as_u64(),
            None => self.value.parse().ok(),
        };
        number.filter(|_| fits)
    }

    fn taken(&self, log: &str) -> bool {
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines.any(|line| self.takes(&line).is_some())
    }
}
