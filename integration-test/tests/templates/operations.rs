//! What watches the nodes, and how instances come and go.

use deploy::templates::{Stack, Template};
use serde_json::{Value, json};

use crate::support::{all_keep, breaks, choices, texts};

const SERVICE: &str = "ecs-service.yaml";
const INSTANCES: &str = "ec2-auto-scaling-group.yaml";
const TASK_SETS: &str = "ecs-task-set.yaml";

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
    let key = "/Parameters/Encryption/Default";
    breaks(extras_are_off, TASK_SETS, key, json!("OWN_KEY"));
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
    let place = "/Resources/GreenMembersMissing/Properties/Metrics/1/MetricStat/Metric/MetricName";
    breaks(
        metrics_are_made_and_shown,
        TASK_SETS,
        place,
        json!("Members"),
    );
    for (template, expected) in [(SERVICE, (5, 2)), (INSTANCES, (5, 2)), (TASK_SETS, (10, 3))] {
        let template = Template::read(template).unwrap();
        let filters = template.of_kind("AWS::Logs::MetricFilter");
        let alarms = template.of_kind("AWS::CloudWatch::Alarm");
        assert_eq!(
            (filters.count(), alarms.count()),
            expected,
            "{}",
            template.name
        );
    }
}

/// Whoever has a log has a key for it, and for the gossip key, where that is asked for.
#[test]
fn a_key_of_ones_own_is_for_the_secret_and_for_each_log() {
    all_keep(own_key_is_for_all);

    for place in ["GossipKey", "BlueLogGroup", "GreenLogGroup"] {
        let place = format!("/Resources/{place}/Properties/KmsKeyId");
        breaks(own_key_is_for_all, TASK_SETS, &place, Value::Null);
    }
    let log = "/Resources/LogGroup/Properties/KmsKeyId";
    breaks(own_key_is_for_all, INSTANCES, log, json!("alias/other"));
}

/// What runs none of its nodes misses none of them.
#[test]
fn members_of_a_task_set_are_missed_only_while_it_is_to_have_some() {
    let template = Template::read(TASK_SETS).unwrap();
    for (blue, green, expected) in [
        ("100", "0", vec!["BlueMembersMissing"]),
        (
            "50",
            "50",
            vec!["BlueMembersMissing", "GreenMembersMissing"],
        ),
        ("0", "100", vec!["GreenMembersMissing"]),
    ] {
        let mut stack = Stack::of(&template, "eu-west-1", "123456789012").with_names_standing_in();
        for (name, value) in [
            ("BlueImageUri", "demo-node:1"),
            ("GreenImageUri", "demo-node:2"),
            ("SubnetIds", "subnet-1,subnet-2"),
            ("VpcId", "vpc-1"),
            ("Monitoring", "ENABLED"),
            ("BluePercent", blue),
            ("GreenPercent", green),
        ] {
            stack = stack.with(name, value);
        }
        let resources = stack.resources().unwrap();
        let missing = resources.keys().filter(|id| id.ends_with("MembersMissing"));
        assert_eq!(missing.copied().collect::<Vec<_>>(), expected);
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
        let calculated = choices(&alarm.properties["Metrics"]).into_iter();
        let metrics: Vec<_> = calculated
            .map(|metric| &metric["MetricStat"]["Metric"])
            .chain([alarm.properties])
            .filter(|metric| metric["MetricName"].is_string())
            .collect();
        let is_made = |metric: &&Value| {
            metric["Namespace"] == namespace
                && made.iter().any(|made| metric["MetricName"] == *made)
        };
        if metrics.is_empty() || !metrics.iter().all(is_made) {
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

fn own_key_is_for_all(template: &Template) -> Vec<String> {
    let key = json!({"Fn::GetAtt": ["EncryptionKey", "Arn"]});
    let sealed = ["AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"];
    let open = template.resources().filter(|it| {
        let keys = choices(&it.properties["KmsKeyId"]);
        sealed.contains(&it.kind) && (keys.len() != 1 || !is_attribute(keys[0], &key))
    });
    open.map(|it| format!("{} has no key of one's own", it.id))
        .collect()
}

/// `!GetAtt A.B` may stand there in either way.
fn is_attribute(value: &Value, expected: &Value) -> bool {
    let of = |value: &Value| match &value["Fn::GetAtt"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Vec<_> = parts.iter().filter_map(Value::as_str).collect();
            parts.join(".")
        }
        _ => String::new(),
    };
    of(value) == of(expected)
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
