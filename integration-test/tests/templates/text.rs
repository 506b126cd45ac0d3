//! What people read.

use deploy::templates::Template;
use serde_json::{Value, json};

use crate::support::{all_keep, breaks};

const SERVICE: &str = "ecs-service.yaml";

#[test]
fn everything_that_people_fill_in_is_explained_and_checked() {
    all_keep(inputs_and_outputs_are_described);

    breaks(
        inputs_and_outputs_are_described,
        SERVICE,
        "/Description",
        Value::Null,
    );
    breaks(
        inputs_and_outputs_are_described,
        SERVICE,
        "/Parameters/ServiceName/Description",
        Value::Null,
    );
    breaks(
        inputs_and_outputs_are_described,
        SERVICE,
        "/Parameters/ServiceName/AllowedPattern",
        Value::Null,
    );
    breaks(
        inputs_and_outputs_are_described,
        SERVICE,
        "/Parameters/DesiredCount/MinValue",
        Value::Null,
    );
    breaks(
        inputs_and_outputs_are_described,
        SERVICE,
        "/Outputs/ClusterName/Description",
        Value::Null,
    );
    let rule = "/Resources/GossipIn/Properties/Description";
    breaks(inputs_and_outputs_are_described, SERVICE, rule, Value::Null);
}

#[test]
fn what_holds_data_says_what_becomes_of_it() {
    all_keep(data_has_a_deletion_policy);

    breaks(
        data_has_a_deletion_policy,
        SERVICE,
        "/Resources/GossipKey/DeletionPolicy",
        Value::Null,
    );
    breaks(
        data_has_a_deletion_policy,
        SERVICE,
        "/Resources/LogGroup/UpdateReplacePolicy",
        Value::Null,
    );
}

#[test]
fn images_keep_their_names() {
    all_keep(images_cannot_be_replaced);

    let repository = "/Resources/Repository/Properties";
    breaks(
        images_cannot_be_replaced,
        "image-repository.yaml",
        &format!("{repository}/ImageTagMutability"),
        json!("MUTABLE"),
    );
    breaks(
        images_cannot_be_replaced,
        "image-repository.yaml",
        &format!("{repository}/ImageScanningConfiguration"),
        Value::Null,
    );
    breaks(
        images_cannot_be_replaced,
        "image-repository.yaml",
        &format!("{repository}/LifecyclePolicy"),
        Value::Null,
    );
}

fn inputs_and_outputs_are_described(template: &Template) -> Vec<String> {
    let mut findings = Vec::new();
    if !template.document()["Description"].is_string() {
        findings.push("it has no description".to_owned());
    }
    for (name, parameter) in template.section("Parameters") {
        let checked = match parameter["Type"].as_str() {
            Some("String") => {
                parameter["AllowedPattern"].is_string() || parameter["AllowedValues"].is_array()
            }
            Some("Number") => {
                (parameter["MinValue"].is_number() && parameter["MaxValue"].is_number())
                    || parameter["AllowedValues"].is_array()
            }
            // AWS itself knows which there are.
            Some(kind) => kind.contains("AWS::"),
            None => false,
        };
        if !checked {
            findings.push(format!("any value will do for {name}"));
        }
    }
    let rules = template.resources().filter(|resource| {
        [
            "AWS::EC2::SecurityGroupIngress",
            "AWS::EC2::SecurityGroupEgress",
        ]
        .contains(&resource.kind)
    });
    let rules = rules.map(|rule| (rule.id, rule.properties));
    let described = template
        .section("Parameters")
        .chain(template.section("Outputs"))
        .chain(rules);
    for (name, described) in described {
        if !described["Description"].is_string() {
            findings.push(format!("{name} has no description"));
        }
    }
    findings
}

fn data_has_a_deletion_policy(template: &Template) -> Vec<String> {
    let holding = [
        "AWS::ECR::Repository",
        "AWS::Logs::LogGroup",
        "AWS::SecretsManager::Secret",
    ];
    let silent = template.section("Resources").filter(|(_, resource)| {
        let kind = resource["Type"].as_str().unwrap_or_default();
        holding.contains(&kind)
            && (resource["DeletionPolicy"].is_null() || resource["UpdateReplacePolicy"].is_null())
    });
    silent
        .map(|(id, _)| format!("{id} leaves open what becomes of it"))
        .collect()
}

fn images_cannot_be_replaced(template: &Template) -> Vec<String> {
    let loose = template
        .of_kind("AWS::ECR::Repository")
        .filter(|repository| {
            let properties = repository.properties;
            properties["ImageTagMutability"] != "IMMUTABLE"
                || properties["ImageScanningConfiguration"]["ScanOnPush"] != true
                || properties["LifecyclePolicy"]["LifecyclePolicyText"].is_null()
        });
    loose
        .map(|repository| format!("{} is loosely kept", repository.id))
        .collect()
}
