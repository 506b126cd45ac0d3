//! How nodes run.

use demo_node::config::settings;
use deploy::templates::Template;
use serde_json::{Value, json};

use crate::support::{all_keep, breaks, choices, texts};

const SERVICE: &str = "ecs-service.yaml";
const TASK_SETS: &str = "ecs-task-set.yaml";
const INSTANCES: &str = "ec2-auto-scaling-group.yaml";

const CONTAINER: &str = "/Resources/TaskDefinition/Properties/ContainerDefinitions/0";

#[test]
fn containers_have_no_rights_that_they_do_not_need() {
    all_keep(containers_are_confined);

    let container = |field: &str| format!("{CONTAINER}/{field}");
    for (field, value) in [
        ("ReadonlyRootFilesystem", json!(false)),
        ("ReadonlyRootFilesystem", Value::Null),
        ("User", Value::Null),
        ("User", json!("root")),
        ("User", json!("0:0")),
        ("User", json!("65532:0")),
        ("Privileged", json!(true)),
        ("LinuxParameters", Value::Null),
        ("LinuxParameters/Capabilities/Drop", json!(["NET_RAW"])),
        ("LinuxParameters/Capabilities/Add", json!(["SYS_PTRACE"])),
    ] {
        breaks(containers_are_confined, SERVICE, &container(field), value);
    }
    let exec = "/Resources/Service/Properties/EnableExecuteCommand";
    breaks(containers_are_confined, TASK_SETS, exec, json!(true));
}

#[test]
fn a_container_is_watched_stopped_and_logged() {
    all_keep(containers_are_looked_after);

    for field in [
        "HealthCheck",
        "StopTimeout",
        "LogConfiguration/Options/mode",
    ] {
        breaks(
            containers_are_looked_after,
            SERVICE,
            &format!("{CONTAINER}/{field}"),
            Value::Null,
        );
    }
    let soon = format!("{CONTAINER}/StopTimeout");
    breaks(containers_are_looked_after, SERVICE, &soon, json!(5));
    let shell = format!("{CONTAINER}/HealthCheck/Command/0");
    breaks(
        containers_are_looked_after,
        SERVICE,
        &shell,
        json!("CMD-SHELL"),
    );
    let service = "/Resources/Service/Properties";
    for template in [SERVICE, TASK_SETS] {
        breaks(
            containers_are_looked_after,
            template,
            &format!("{service}/AvailabilityZoneRebalancing"),
            Value::Null,
        );
    }
    breaks(
        containers_are_looked_after,
        SERVICE,
        &format!("{service}/DeploymentConfiguration/DeploymentCircuitBreaker"),
        Value::Null,
    );
    let retention = "/Resources/LogGroup/Properties/RetentionInDays";
    breaks(containers_are_looked_after, SERVICE, retention, Value::Null);
}

#[test]
fn instances_give_credentials_by_session_only() {
    all_keep(instances_have_imds_v2_only);

    let options = "/Resources/LaunchTemplate/Properties/LaunchTemplateData/MetadataOptions";
    breaks(instances_have_imds_v2_only, INSTANCES, options, Value::Null);
    breaks(
        instances_have_imds_v2_only,
        INSTANCES,
        &format!("{options}/HttpTokens"),
        json!("optional"),
    );
    breaks(
        instances_have_imds_v2_only,
        INSTANCES,
        &format!("{options}/HttpPutResponseHopLimit"),
        json!(2),
    );
    breaks(
        instances_have_imds_v2_only,
        INSTANCES,
        "/Resources/Old",
        json!({"Type": "AWS::AutoScaling::LaunchConfiguration"}),
    );
}

#[test]
fn secrets_are_generated_and_stay_out_of_the_text() {
    all_keep(secrets_are_not_written_down);

    let known = json!({"Name": "DEMO_NODE_MEMBERSHIP_KEYS", "Value": "correct horse battery staple, and more"});
    breaks(
        secrets_are_not_written_down,
        SERVICE,
        &format!("{CONTAINER}/Environment/0"),
        known,
    );
    breaks(
        secrets_are_not_written_down,
        SERVICE,
        &format!("{CONTAINER}/Secrets"),
        json!([]),
    );
    let secret = "/Resources/GossipKey/Properties";
    breaks(
        secrets_are_not_written_down,
        SERVICE,
        &format!("{secret}/SecretString"),
        json!("hush"),
    );
    breaks(
        secrets_are_not_written_down,
        SERVICE,
        &format!("{secret}/GenerateSecretString/PasswordLength"),
        json!(16),
    );
    breaks(
        secrets_are_not_written_down,
        INSTANCES,
        &format!("{secret}/GenerateSecretString"),
        Value::Null,
    );
    breaks(
        secrets_are_not_written_down,
        SERVICE,
        "/Parameters/GossipPassword",
        json!({"Type": "String"}),
    );
}

#[test]
fn nodes_know_every_setting_that_they_are_given() {
    all_keep(settings_are_known);

    let mistyped = json!({"Name": "DEMO_NODE_DISCOVERY_METHODS", "Value": "aws-api-ecs"});
    breaks(
        settings_are_known,
        SERVICE,
        &format!("{CONTAINER}/Environment/0"),
        mistyped,
    );
    let data = "/Resources/LaunchTemplate/Properties/LaunchTemplateData/UserData";
    breaks(
        settings_are_known,
        INSTANCES,
        data,
        json!({"Fn::Base64": "DEMO_NODE_NO_SUCH_THING=1"}),
    );
}

fn containers(template: &Template) -> Vec<&Value> {
    let definitions = template.of_kind("AWS::ECS::TaskDefinition");
    definitions
        .flat_map(|definition| choices(&definition.properties["ContainerDefinitions"]))
        .collect()
}

fn containers_are_confined(template: &Template) -> Vec<String> {
    let rooted = |user: &Value| {
        let ids: Vec<_> = user.as_str().unwrap_or_default().split(':').collect();
        let numbers: Vec<u32> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        ids.len() != 2 || numbers.len() != 2 || numbers.contains(&0)
    };
    let mut findings = Vec::new();
    for container in containers(template) {
        let capabilities = &container["LinuxParameters"]["Capabilities"];
        for (broken, what) in [
            (
                container["ReadonlyRootFilesystem"] != true,
                "its root can be written",
            ),
            (
                rooted(&container["User"]),
                "it runs as root, or as who knows whom",
            ),
            (container["Privileged"] == true, "it is privileged"),
            (
                capabilities["Drop"] != json!(["ALL"]),
                "it keeps capabilities",
            ),
            (!capabilities["Add"].is_null(), "it gets capabilities"),
        ] {
            if broken {
                findings.push(format!("{}: {what}", container["Name"]));
            }
        }
    }
    let opened = template
        .of_kind("AWS::ECS::Service")
        .filter(|service| service.properties["EnableExecuteCommand"] != false);
    findings.extend(opened.map(|service| format!("{} lets people in", service.id)));
    findings
}

fn containers_are_looked_after(template: &Template) -> Vec<String> {
    let mut findings = Vec::new();
    for container in containers(template) {
        let check = &container["HealthCheck"]["Command"];
        let options = &container["LogConfiguration"]["Options"];
        for (broken, what) in [
            (
                *check != json!(["CMD", "/demo-node", "healthcheck"]),
                "nobody asks how it is",
            ),
            // The grace period is 10 s by default.
            (
                container["StopTimeout"]
                    .as_u64()
                    .is_none_or(|seconds| seconds <= 10),
                "it has no time to leave",
            ),
            (
                !options["mode"].is_string(),
                "whether its log may stall it is left open",
            ),
        ] {
            if broken {
                findings.push(format!("{}: {what}", container["Name"]));
            }
        }
    }
    for service in template.of_kind("AWS::ECS::Service") {
        let properties = service.properties;
        let breaker = &properties["DeploymentConfiguration"]["DeploymentCircuitBreaker"];
        let rolling = properties["DeploymentController"]["Type"] == "ECS";
        for (broken, what) in [
            (
                rolling && *breaker != json!({"Enable": true, "Rollback": true}),
                "a failed deployment stays",
            ),
            (
                !properties["AvailabilityZoneRebalancing"].is_string(),
                "whether it rebalances is left open",
            ),
            (
                properties["PropagateTags"] != "SERVICE",
                "its tasks have no tags",
            ),
            (
                properties["EnableECSManagedTags"] != true,
                "its tasks do not say whose they are",
            ),
        ] {
            if broken {
                findings.push(format!("{}: {what}", service.id));
            }
        }
    }
    let kept = template.of_kind("AWS::Logs::LogGroup");
    let kept = kept.filter(|group| group.properties["RetentionInDays"].is_null());
    findings.extend(kept.map(|group| format!("{} is kept for ever", group.id)));
    findings
}

fn instances_have_imds_v2_only(template: &Template) -> Vec<String> {
    let old = template.resources().filter(|resource| {
        [
            "AWS::AutoScaling::LaunchConfiguration",
            "AWS::EC2::Instance",
        ]
        .contains(&resource.kind)
    });
    let old = old.map(|resource| format!("{} is not launched by template", resource.id));
    let open = template
        .of_kind("AWS::EC2::LaunchTemplate")
        .filter(|launch| {
            let options = &launch.properties["LaunchTemplateData"]["MetadataOptions"];
            options["HttpTokens"] != "required" || options["HttpPutResponseHopLimit"] != 1
        });
    let open = open.map(|launch| format!("{} gives credentials to whoever asks once", launch.id));
    old.chain(open).collect()
}

fn secrets_are_not_written_down(template: &Template) -> Vec<String> {
    let mut findings = Vec::new();
    let secret = |name: &str| settings().any(|setting| setting.secret && setting.env() == name);
    for container in containers(template) {
        let environment = choices(&container["Environment"]);
        let told = environment
            .iter()
            .filter_map(|variable| variable["Name"].as_str());
        findings.extend(
            told.filter(|name| secret(name))
                .map(|name| format!("{name} can be read by all")),
        );
        let sealed = choices(&container["Secrets"]).iter().any(|variable| {
            variable["Name"] == "DEMO_NODE_MEMBERSHIP_KEYS"
                && variable["ValueFrom"]["Ref"] == "GossipKey"
        });
        if !sealed {
            findings.push(format!("{} has no gossip key", container["Name"]));
        }
    }
    for secret in template.of_kind("AWS::SecretsManager::Secret") {
        let generated = &secret.properties["GenerateSecretString"];
        let long = generated["PasswordLength"]
            .as_u64()
            .is_some_and(|length| 48 <= length);
        if !secret.properties["SecretString"].is_null()
            || !long
            || generated["ExcludePunctuation"] != true
        {
            findings.push(format!("{} is not a long generated one", secret.id));
        }
    }
    let telling = template.section("Parameters").filter(|(name, parameter)| {
        let name = name.to_ascii_lowercase();
        let told = ["password", "secret", "token"]
            .iter()
            .any(|word| name.contains(word));
        told && parameter["NoEcho"] != true
    });
    findings.extend(telling.map(|(name, _)| format!("the parameter {name} can be read by all")));
    findings
}

fn settings_are_known(template: &Template) -> Vec<String> {
    let named = template
        .resources()
        .flat_map(|resource| texts(resource.properties))
        .flat_map(|(_, text)| {
            text.match_indices("DEMO_NODE_").map(move |(at, _)| {
                let rest = &text[at..];
                let end =
                    rest.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
                &rest[..end.unwrap_or(rest.len())]
            })
        });
    let unknown = named.filter(|name| !settings().any(|setting| setting.env() == *name));
    unknown
        .map(|name| format!("there is no setting {name}"))
        .collect()
}
