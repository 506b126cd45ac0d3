//! What several templates say about the same thing.

use std::collections::BTreeSet;

use deploy::templates::{Resource, Template};
use serde_json::{Value, json};

use crate::support::{RUNNING, all_keep, breaks, choices, granted_to_nodes};

const NETWORK: &str = "network.yaml";
const DEPLOYER: &str = "deployer-role.yaml";

/// Otherwise a role could not do what it may.
#[test]
fn endpoints_let_through_what_roles_may_do_and_nothing_else() {
    let network = Template::read(NETWORK).unwrap();
    let endpoints = network.of_kind("AWS::EC2::VPCEndpoint");
    let mut let_through = actions(endpoints);

    // Instances say it by their own identity, without a role.
    assert!(let_through.remove("cloudformation:SignalResource"));
    assert_eq!(let_through, granted());
}

#[test]
fn bounds_leave_room_for_what_roles_may_do_and_nothing_else() {
    let deployer = Template::read(DEPLOYER).unwrap();
    let bounds = deployer.resources().filter(|it| it.id == "Boundary");
    let mut bounds = actions(bounds);

    // The key's own policy lets the roles use it, as far as their bounds do.
    assert!(bounds.remove("kms:Decrypt"));
    assert_eq!(bounds, granted());
}

#[test]
fn every_role_of_a_node_can_be_bounded() {
    all_keep(roles_can_be_bounded);

    let boundary = "/Resources/TaskRole/Properties/PermissionsBoundary";
    breaks(roles_can_be_bounded, RUNNING[0], boundary, Value::Null);
    breaks(
        roles_can_be_bounded,
        RUNNING[0],
        boundary,
        json!("arn:other"),
    );
}

#[test]
fn outputs_are_named_like_the_parameters_that_they_are_for() {
    let outputs = |name| {
        let template = Template::read(name).unwrap();
        let names = template.section("Outputs").map(|(name, _)| name.to_owned());
        names.collect::<BTreeSet<_>>()
    };
    let mut handed_on = outputs(NETWORK);
    handed_on.insert("PermissionsBoundaryArn".to_owned());
    assert!(outputs(DEPLOYER).contains("PermissionsBoundaryArn"));
    assert!(outputs("image-repository.yaml").contains("RepositoryArn"));

    for name in RUNNING {
        let template = Template::read(name).unwrap();
        let taken: BTreeSet<_> = template
            .section("Parameters")
            .map(|(name, _)| name)
            .collect();
        for output in &handed_on {
            assert!(taken.contains(output.as_str()), "{name} takes no {output}");
        }
    }
}

/// Each template is used by itself, so what several need stands in each. Where it is mended in one, it must be in all.
const SAME: &[&str] = &[
    "DatagramsRejectedFilter",
    "EncryptionKey",
    "GossipIn",
    "GossipKey",
    "GossipOut",
    "LogGroup",
    "LookupsFailedFilter",
    "ManagementIn",
    "ManagementOut",
    "MembersFilter",
    "MembersLostFilter",
    "NodeSecurityGroup",
    "TwoClusters",
    "TwoClustersFilter",
];

#[test]
fn what_templates_have_in_common_is_the_same_in_each() {
    assert_eq!(differences(&running()), Vec::<String>::new());

    let place = "/Resources/GreenMembersFilter/Properties/MetricTransformations/0/MetricValue";
    for (template, place, value) in [
        ("ecs-task-set.yaml", place, json!("1")),
        (
            "ec2-auto-scaling-group.yaml",
            "/Resources/EncryptionKey/Properties/EnableKeyRotation",
            json!(false),
        ),
        ("ecs-service.yaml", "/Resources/TwoClusters", Value::Null),
        (
            "ecs-task-set.yaml",
            "/Parameters/Encryption/Default",
            json!("OWN_KEY"),
        ),
    ] {
        let mut templates = running();
        let broken = templates.iter_mut().find(|it| it.name == template).unwrap();
        *broken = broken.clone().with(place, value);
        assert_eq!(differences(&templates).len(), 1, "{place}");
    }
}

fn running() -> Vec<Template> {
    RUNNING
        .map(|name| Template::read(name).unwrap())
        .into_iter()
        .collect()
}

/// Those that differ somewhere, by their names.
fn differences(templates: &[Template]) -> Vec<String> {
    let mut different = BTreeSet::new();
    for id in SAME {
        let found = templates.iter().flat_map(|template| {
            let named: Vec<_> = ["", "Blue", "Green"]
                .iter()
                .filter_map(|of| {
                    let resources = &template.document()["Resources"];
                    resources.get(format!("{of}{id}"))
                })
                .filter(|resource| !resource.is_null())
                .map(plain)
                .collect();
            match named.is_empty() {
                true => vec![Value::Null],
                false => named,
            }
        });
        let found: Vec<_> = found.collect();
        if found.iter().any(|it| *it != found[0]) {
            different.insert((*id).to_owned());
        }
    }
    let first = templates.first().unwrap();
    for (name, parameter) in first.section("Parameters") {
        let others = templates[1..].iter();
        let others = others.filter_map(|it| it.document()["Parameters"].get(name));
        if others.map(plain).any(|it| it != plain(parameter)) {
            different.insert(name.to_owned());
        }
    }
    different.into_iter().collect()
}

/// Without what people read, and without the colour of a cluster.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("Blue", "").replace("Green", "").into(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let told = fields.filter(|(name, _)| !name.ends_with("Description"));
            let told = told.map(|(name, field)| (name.clone(), plain(field)));
            Value::Object(told.collect())
        }
        other => other.clone(),
    }
}

fn roles_can_be_bounded(template: &Template) -> Vec<String> {
    let bounded = json!({"Ref": "PermissionsBoundaryArn"});
    let running = RUNNING.contains(&template.name.as_str());
    let roles = template.of_kind("AWS::IAM::Role").filter(|_| running);
    roles
        .filter(|role| choices(&role.properties["PermissionsBoundary"]) != [&bounded])
        .map(|role| format!("{} has no bounds", role.id))
        .collect()
}

fn granted() -> BTreeSet<String> {
    granted_to_nodes().into_keys().collect()
}

fn actions<'a>(resources: impl Iterator<Item = Resource<'a>>) -> BTreeSet<String> {
    resources
        .flat_map(|resource| choices(&resource.properties["PolicyDocument"]["Statement"]))
        .flat_map(|statement| choices(&statement["Action"]))
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}
