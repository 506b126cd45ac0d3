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
