//! What watches the nodes, and how instances come and go.

use deploy::templates::{Stack, Template};
use serde_json::{Value, json};

use crate::support::{all_keep, breaks, choices, texts};

const SERVICE: &str = "ecs-service.yaml";
const INSTANCES: &str = "ec2-auto-scaling-group.yaml";

/// What costs money beside the nodes, or watches them.
const OPTIONAL: [&str; 6] = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::KMS::Key",
    "AWS::Logs::MetricFilter",
];

#[test]
fn what_is_not_asked_for_is_not_made() {
    all_keep(extras_are_off);

    for resource in [
        "EncryptionKey",
        "ScaleByLoad",
        "MembersMissing",
        "Dashboard",
    ] {
        let condition = format!("/Resources/{resource}/Condition");
        breaks(extras_are_off, SERVICE, &condition, Value::Null);
    }
    let monitoring = "/Parameters/Monitoring/Default";
    breaks(extras_are_off, INSTANCES, monitoring, json!("ENABLED"));
}

#[test]
fn alarms_and_the_dashboard_show_metrics_that_there_are() {
    all_keep(metrics_are_made_and_shown);

    for (place, value) in [
        ("MembersMissing/Properties/MetricName", json!("Member")),
        ("TwoClusters/Properties/Namespace", json!("demo-node")),
        (
            "LookupsFailedFilter/Properties/MetricTransformations/0/MetricName",
            json!("LookupFailures"),
        ),
        ("Dashboard/Properties/DashboardBody/Fn::Sub", json!("{}")),
    ] {
        let place = format!("/Resources/{place}");
        breaks(metrics_are_made_and_shown, SERVICE, &place, value);
    }
    for template in [SERVICE, INSTANCES] {
        let template = Template::read(template).unwrap();
        let filters = template.of_kind("AWS::Logs::MetricFilter");
        let alarms = template.of_kind("AWS::CloudWatch::Alarm");
        assert_eq!((filters.count(), alarms.count()), (5, 2));
    }
}

/// Else neither could be created before the other.
#[test]
fn alarms_that_a_deployment_heeds_do_not_need_the_service() {
    all_keep(alarms_need_no_service);

    breaks(
        alarms_need_no_service,
        SERVICE,
        "/Resources/MembersMissing/Properties/AlarmName",
        json!({"Fn::Sub": "${Service.Name}-members-missing"}),
    );
    breaks(
        alarms_need_no_service,
        SERVICE,
        "/Resources/Service/Properties/DeploymentConfiguration/Alarms/Fn::If/1/AlarmNames",
        json!(["orders-service-members-missing"]),
    );
}

#[test]
fn old_nodes_stay_a_while_only_where_that_is_chosen() {
    let service = Template::read(SERVICE).unwrap();
    let it = service.resources().find(|it| it.id == "Service").unwrap();
    let configuration = &it.properties["DeploymentConfiguration"];
    for (strategy, bakes) in [("ROLLING", Value::Null), ("BLUE_GREEN", json!(10))] {
        let stack = Stack::of(&service, "eu-west-1", "123456789012")
            .with("DeploymentStrategy", strategy)
            .with_names_standing_in();
        let configuration = stack.resolve(configuration).unwrap();

        assert_eq!(configuration["Strategy"], strategy);
        assert_eq!(configuration["BakeTimeInMinutes"], bakes);
    }
    let default = &service.document()["Parameters"]["DeploymentStrategy"]["Default"];
    assert_eq!(default, "ROLLING");
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

fn extras_are_off(template: &Template) -> Vec<String> {
    let stack = Stack::of(template, "eu-west-1", "123456789012").with_names_standing_in();
    let extras = template.section("Resources").filter(|(_, it)| {
        let kind = it["Type"].as_str().unwrap_or_default();
        OPTIONAL.contains(&kind)
    });
    let made = extras.filter(|(_, it)| {
        let condition = &it["Condition"];
        let off = json!(false);
        condition.is_null() || stack.resolve(&json!({"Condition": condition})).ok() != Some(off)
    });
    made.map(|(id, _)| format!("{id} is made unasked"))
        .collect()
}

fn metrics_are_made_and_shown(template: &Template) -> Vec<String> {
    let namespace = json!({"Fn::Sub": "demo-node/${AWS::StackName}"});
    let made: Vec<_> = template
        .of_kind("AWS::Logs::MetricFilter")
        .flat_map(|filter| choices(&filter.properties["MetricTransformations"]))
        .filter(|metric| metric["MetricNamespace"] == namespace)
        .filter_map(|metric| metric["MetricName"].as_str())
        .collect();
    let mut findings = Vec::new();
    for alarm in template.of_kind("AWS::CloudWatch::Alarm") {
        let metric = alarm.properties["MetricName"].as_str().unwrap_or_default();
        if alarm.properties["Namespace"] != namespace || !made.contains(&metric) {
            findings.push(format!("{} never sees anything", alarm.id));
        }
    }
    for dashboard in template.of_kind("AWS::CloudWatch::Dashboard") {
        let body = &dashboard.properties["DashboardBody"]["Fn::Sub"];
        let body: Value = serde_json::from_str(body.as_str().unwrap_or_default()).unwrap();
        let shown = body.to_string();
        let hidden = made
            .iter()
            .filter(|name| !shown.contains(&format!("\"{name}\"")));
        findings.extend(hidden.map(|name| format!("{name} is not shown")));
        let widgets = choices(&body["widgets"]).len();
        if widgets != 4 {
            findings.push(format!("the dashboard has {widgets} parts"));
        }
    }
    findings
}

fn alarms_need_no_service(template: &Template) -> Vec<String> {
    let alarms: Vec<_> = template.of_kind("AWS::CloudWatch::Alarm").collect();
    let needy = alarms.iter().filter(|alarm| {
        texts(alarm.properties).iter().any(|(_, text)| {
            *text == "Service" || text.contains("${Service}") || text.contains("${Service.")
        })
    });
    let needy = needy.map(|alarm| format!("{} needs the service", alarm.id));
    // By reference, so that they are there first.
    let heeded = template
        .of_kind("AWS::ECS::Service")
        .flat_map(|service| choices(&service.properties["DeploymentConfiguration"]["Alarms"]))
        .flat_map(|heeded| choices(&heeded["AlarmNames"]));
    let unknown = heeded.filter(|name| !alarms.iter().any(|alarm| name["Ref"] == alarm.id));
    let unknown = unknown.map(|name| format!("there is no alarm {name}"));
    needy.chain(unknown).collect()
}
