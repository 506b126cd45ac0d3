//! What watches the nodes, and how instances come and go.

use std::{fs, path::Path};

use deploy::templates::Template;
use serde_json::{Value, json};

use crate::support::{all_keep, breaks, choices};

const SERVICE: &str = "ecs-service.yaml";
const INSTANCES: &str = "ec2-auto-scaling-group.yaml";

#[test]
fn metrics_are_made_of_what_nodes_say() {
    let said = sources("../demo-node/src") + &sources("../demo-node/bootstrap/src");
    let service = Template::read(SERVICE).unwrap();
    let filters: Vec<_> = service.of_kind("AWS::Logs::MetricFilter").collect();
    assert_eq!(filters.len(), 5);
    for filter in filters {
        let pattern = filter.properties["FilterPattern"].as_str().unwrap();
        // Nodes log JSON, flat, with the text as `message`.
        let message = pattern
            .strip_prefix("{ $.message = \"")
            .and_then(|rest| rest.strip_suffix("\" }"));
        let message = message.unwrap_or_else(|| panic!("{pattern} asks for no message"));
        let literal = match message.strip_suffix('*') {
            Some(start) => format!("\"{start}"),
            None => format!("\"{message}\""),
        };
        assert!(said.contains(&literal), "no node says {message:?}");
    }
}

#[test]
fn alarms_and_the_dashboard_show_metrics_that_there_are() {
    let service = Template::read(SERVICE).unwrap();
    let made: Vec<_> = service
        .of_kind("AWS::Logs::MetricFilter")
        .map(|filter| filter.properties["MetricTransformations"][0].clone())
        .collect();
    let namespace = json!({"Fn::Sub": "demo-node/${AWS::StackName}"});
    assert!(
        made.iter()
            .all(|metric| metric["MetricNamespace"] == namespace)
    );
    let names: Vec<_> = made
        .iter()
        .map(|metric| metric["MetricName"].as_str().unwrap())
        .collect();

    let dashboard = service.resources().find(|it| it.id == "Dashboard").unwrap();
    let body = dashboard.properties["DashboardBody"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["widgets"].as_array().unwrap().len(), 4);
    for name in &names {
        assert!(body.to_string().contains(name), "{name} is not shown");
    }
    let alarm = service
        .resources()
        .find(|it| it.id == "TwoClusters")
        .unwrap();
    assert_eq!(alarm.properties["Namespace"], namespace);
    assert!(names.contains(&alarm.properties["MetricName"].as_str().unwrap()));
}

#[test]
fn a_service_that_scales_by_itself_is_never_smaller_than_what_founds_its_cluster() {
    let service = Template::read(SERVICE).unwrap();
    let desired = json!({"Ref": "DesiredCount"});

    let target = service
        .resources()
        .find(|it| it.id == "ScalableCount")
        .unwrap();
    assert_eq!(target.properties["MinCapacity"], desired);
    let it = service.resources().find(|it| it.id == "Service").unwrap();
    assert_eq!(it.properties["DesiredCount"], desired);
}

#[test]
fn instances_count_when_their_nodes_are_members() {
    all_keep(groups_wait_for_members);

    let group = "/Resources/AutoScalingGroup";
    for (place, value) in [
        ("CreationPolicy", Value::Null),
        ("CreationPolicy/ResourceSignal/Count", json!(1)),
        (
            "UpdatePolicy/AutoScalingRollingUpdate/WaitOnResourceSignals",
            json!(false),
        ),
        (
            "UpdatePolicy/AutoScalingRollingUpdate/MaxBatchSize",
            json!(2),
        ),
        (
            "UpdatePolicy/AutoScalingRollingUpdate/SuspendProcesses",
            json!(["AZRebalance"]),
        ),
    ] {
        breaks(
            groups_wait_for_members,
            INSTANCES,
            &format!("{group}/{place}"),
            value,
        );
    }
}

fn groups_wait_for_members(template: &Template) -> Vec<String> {
    let groups = template.section("Resources");
    let groups = groups.filter(|(_, it)| it["Type"] == "AWS::AutoScaling::AutoScalingGroup");
    let mut findings = Vec::new();
    for (id, group) in groups {
        let signal = &group["CreationPolicy"]["ResourceSignal"];
        let rolling = &group["UpdatePolicy"]["AutoScalingRollingUpdate"];
        let suspended = choices(&rolling["SuspendProcesses"]);
        for (broken, what) in [
            (
                signal["Count"] != group["Properties"]["DesiredCapacity"],
                "it is complete before its nodes are members",
            ),
            (
                signal["Timeout"] != rolling["PauseTime"],
                "an update has another patience than a creation",
            ),
            (
                rolling["WaitOnResourceSignals"] != true,
                "an update goes on whether or not nodes are members",
            ),
            (rolling["MaxBatchSize"] != 1, "several go at once"),
            (
                !["AZRebalance", "HealthCheck", "ReplaceUnhealthy"]
                    .iter()
                    .all(|it| suspended.contains(&&json!(it))),
                "others replace instances while an update does",
            ),
        ] {
            if broken {
                findings.push(format!("{id}: {what}"));
            }
        }
    }
    findings
}

/// All source files below a folder, as one text.
fn sources(folder: &str) -> String {
    fn read(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut text,
    );
    text
}
