//! What the other services answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::aws::{Account, element, refusal, xml};

/// Of whatever image.
pub(crate) const DIGEST: &str =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// What they know.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// What ECS says has happened to the service, the newest first.
    pub(crate) events: Vec<String>,
    /// How many tasks there should be, where that is not three.
    pub(crate) desired: Option<u32>,
    /// As ECS describes them, the stopped ones included.
    pub(crate) tasks: Vec<Value>,
    /// Their ids and states.
    pub(crate) instances: Vec<(&'static str, &'static str)>,
    /// How often IAM does not know the roles of services, first before they are made and then after that.
    pub(crate) roles_unknown: (u32, u32),
    /// Whether the credentials have expired.
    pub(crate) is_logged_out: bool,
    /// The ARNs of task definitions that are deregistered.
    pub(crate) definitions: Vec<String>,
    /// The tags of the repository.
    pub(crate) tags: Vec<String>,
    /// The lines of streams of logs, by their names.
    pub(crate) logs: BTreeMap<String, Vec<String>>,
}

/// As IAM calls the service of this protocol.
pub(crate) fn prefix(protocol: &str) -> &str {
    match protocol {
        "AmazonEC2ContainerServiceV20141113" => "ecs",
        "AmazonEC2ContainerRegistry_V20150921" => "ecr",
        "Logs_20140328" => "logs",
        "ServiceQuotasV20190624" => "servicequotas",
        "2010-05-08" => "iam",
        "2010-05-15" => "cloudformation",
        "2011-01-01" => "autoscaling",
        "2011-06-15" => "sts",
        "2016-11-15" => "ec2",
        other => other,
    }
}

/// To a question in a JSON protocol.
pub(crate) fn json(account: &mut Account, target: &str, question: &Value) -> ResponseTemplate {
    let (service, action) = target.split_once('.').unwrap_or((target, ""));
    match (service, action) {
        ("AmazonEC2ContainerServiceV20141113", action) => ecs(account, action, question),
        ("AmazonEC2ContainerRegistry_V20150921", "DescribeImages") => images(account, question),
        ("ServiceQuotasV20190624", "GetServiceQuota")
            if question["QuotaCode"] == "L-3032A538" && question["ServiceCode"] == "fargate" =>
        {
            ResponseTemplate::new(200).set_body_json(json!({"Quota": {"Value": 6.0}}))
        }
        ("Logs_20140328", "GetLogEvents") => logs(account, question),
        _ => refused("UnknownOperationException", target),
    }
}

/// To a question in the Query protocol.
pub(crate) fn query(
    account: &mut Account,
    question: &BTreeMap<String, String>,
) -> ResponseTemplate {
    let action = question.get("Action").map_or("", String::as_str);
    match action {
        "DescribeVpcs" => ec2(action, "<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>"),
        "DescribeInstances" => ec2(action, &instances(account)),
        "GetCallerIdentity" => match account.services.is_logged_out {
            true => refusal(
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            false => xml(
                action,
                "<Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>me</UserId><Account>123456789012</Account>",
            ),
        },
        "DescribeSubnets" => ec2(
            action,
            "<subnetSet><item><subnetId>subnet-1</subnetId><availabilityZone>eu-west-1a</availabilityZone></item><item><subnetId>subnet-2</subnetId><availabilityZone>eu-west-1b</availabilityZone></item></subnetSet>",
        ),
        "DescribeAutoScalingGroups" => {
            let mut group = element("AutoScalingGroupName", "orders-instances-Group-1");
            group += &element("MinSize", "1");
            group += &element("MaxSize", "9");
            group += &element("DefaultCooldown", "0");
            group += &element("HealthCheckType", "EC2");
            group += &element("CreatedTime", "2026-11-28T10:00:00Z");
            let desired = account.services.desired.unwrap_or(3).to_string();
            group += &element("DesiredCapacity", &desired);
            xml(
                action,
                &format!("<AutoScalingGroups><member>{group}</member></AutoScalingGroups>"),
            )
        }
        "GetRole" => {
            let unknown = &mut account.services.roles_unknown;
            let made = account
                .calls
                .iter()
                .any(|call| call.starts_with("CreateServiceLinkedRole"));
            let left = if made { &mut unknown.1 } else { &mut unknown.0 };
            if *left == 0 {
                return xml(action, "");
            }
            *left -= 1;
            refusal("NoSuchEntity", "The role cannot be found.")
        }
        "CreateServiceLinkedRole" => {
            let service = question.get("AWSServiceName").map_or("", String::as_str);
            account.calls.push(format!("{action} {service}"));
            let name = match service {
                "ecs.amazonaws.com" => "AWSServiceRoleForECS",
                _ => "AWSServiceRoleForAutoScaling",
            };
            let name = element("RoleName", name);
            xml(action, &format!("<Role>{name}</Role>"))
        }
        _ => refusal("InvalidAction", action),
    }
}

fn ecs(account: &mut Account, action: &str, question: &Value) -> ResponseTemplate {
    if action == "DeleteTaskDefinitions" {
        let gone = question["taskDefinitions"].as_array().unwrap();
        let definitions = &mut account.services.definitions;
        definitions.retain(|arn| !gone.iter().any(|it| it == arn));
        return ResponseTemplate::new(200).set_body_json(json!({"taskDefinitions": []}));
    }
    let services = &account.services;
    let is_wanted = |task: &&Value| {
        let stopped = task["lastStatus"] == "STOPPED";
        stopped == (question["desiredStatus"] == "STOPPED")
    };
    let answer = match action {
        "DescribeServices" => {
            let events = services
                .events
                .iter()
                .map(|event| json!({"message": event}));
            let events: Vec<_> = events.collect();
            json!({"services": [{
                "serviceName": "orders", "status": "ACTIVE", "desiredCount": services.desired.unwrap_or(3),
                "runningCount": services.tasks.iter().filter(|task| task["lastStatus"] == "RUNNING").count(),
                "events": events,
            }]})
        }
        "ListTaskDefinitions" => {
            assert_eq!(question["status"], "INACTIVE");
            json!({"taskDefinitionArns": services.definitions})
        }
        "ListTasks" => {
            let tasks = services.tasks.iter().filter(is_wanted);
            let arns: Vec<_> = tasks.map(|task| task["taskArn"].clone()).collect();
            json!({"taskArns": arns})
        }
        "DescribeTasks" => {
            let asked = question["tasks"].as_array().cloned().unwrap_or_default();
            let tasks = services.tasks.iter();
            let tasks: Vec<_> = tasks
                .filter(|task| asked.contains(&task["taskArn"]))
                .collect();
            json!({"tasks": tasks})
        }
        other => return refused("UnknownOperationException", other),
    };
    ResponseTemplate::new(200).set_body_json(answer)
}

fn instances(account: &Account) -> String {
    let instances = account.services.instances.iter().map(|(id, state)| {
        let state = element("name", state);
        format!(
            "<item>{}<instanceState>{state}</instanceState></item>",
            element("instanceId", id)
        )
    });
    let instances: String = instances.collect();
    format!(
        "<reservationSet><item><instancesSet>{instances}</instancesSet></item></reservationSet>"
    )
}

fn images(account: &Account, question: &Value) -> ResponseTemplate {
    let tag = question["imageIds"][0]["imageTag"]
        .as_str()
        .unwrap_or_default();
    if question["repositoryName"] != "orders-repository"
        || !account.services.tags.iter().any(|known| known == tag)
    {
        return refused("ImageNotFoundException", "The image does not exist.");
    }
    ResponseTemplate::new(200)
        .set_body_json(json!({"imageDetails": [{"imageDigest": DIGEST, "imageTags": [tag]}]}))
}

fn logs(account: &Account, question: &Value) -> ResponseTemplate {
    let stream = question["logStreamName"].as_str().unwrap_or_default();
    let Some(lines) = account.services.logs.get(stream) else {
        return refused(
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
        );
    };
    let limit = question["limit"]
        .as_u64()
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let events = lines.iter().skip(lines.len().saturating_sub(limit));
    let events: Vec<_> = events.map(|line| json!({"message": line})).collect();
    ResponseTemplate::new(200).set_body_json(json!({"events": events, "nextForwardToken": "1"}))
}

/// Such answers have no element for the result.
fn ec2(action: &str, content: &str) -> ResponseTemplate {
    let body = format!("<{action}Response>{content}</{action}Response>");
    ResponseTemplate::new(200).set_body_raw(body, "text/xml")
}

fn refused(code: &str, message: &str) -> ResponseTemplate {
    let body = json!({"__type": code, "message": message});
    ResponseTemplate::new(400).set_body_json(body)
}

/// A task that was stopped.
pub(crate) fn stopped(id: &str, reason: &str, container: &Value) -> Value {
    json!({
        "taskArn": format!("arn:aws:ecs:eu-west-1:123456789012:task/orders-service-Cluster-1/{id}"),
        "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "healthStatus": "UNKNOWN",
        "stoppedAt": 1_795_860_000, "stoppedReason": reason, "containers": [container],
    })
}
