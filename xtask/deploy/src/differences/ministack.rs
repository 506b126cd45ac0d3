//! How MiniStack 1.5.33 differs from AWS, for the stack of an ECS service.
//!
//! The template stays as AWS needs it: here its text is changed for the emulator. No other code for an emulator may
//! know a difference. Each was seen with that version:
//!
//! - `AWS::EC2::SecurityGroupIngress` and `…Egress` are unknown, and the whole template is rejected.
//! - `DesiredCount` takes a number and no reference to a parameter.
//! - `Secrets` of a container are dropped, so the gossip key is set in the environment.
//! - Credentials are offered over plain HTTP on a host from which no AWS SDK accepts them, so they are set, too. Any
//!   credentials are accepted: permissions of roles are not evaluated.
//! - `ReadonlyRootFilesystem`, `User`, `LinuxParameters`, `HealthCheck`, `StopTimeout` and `PropagateTags` are ignored.
//! - `CREATE_COMPLETE` comes before the tasks run.
//! - The role of ECS is called `AWSServiceRoleForEcs`, so it is never found by its name.

use crate::differences::{
    ACCESS_KEY,
    template_text::{replaced, without_resource},
};

/// All nodes share it, in every cluster.
const GOSSIP_KEY: &str = "a key that only end-to-end runs use";

const UNKNOWN_RESOURCES: [&str; 4] = ["GossipIn", "GossipOut", "ManagementIn", "ManagementOut"];

/// The template of the service, adapted to the emulator.
pub fn adapt(template: &str, desired_count: usize) -> anyhow::Result<String> {
    let mut template = template.to_owned();
    for resource in UNKNOWN_RESOURCES {
        template = without_resource(&template, resource)?;
    }
    let depends = format!("    DependsOn: [{}]\n", UNKNOWN_RESOURCES.join(", "));
    template = replaced(&template, &depends, "")?;
    template = replaced(
        &template,
        "      DesiredCount: !Ref DesiredCount\n",
        &format!("      DesiredCount: {desired_count}\n"),
    )?;
    let environment = "          Environment:\n";
    let added = [
        ("DEMO_NODE_MEMBERSHIP_KEYS", GOSSIP_KEY),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY),
    ]
    .map(|(name, value)| format!("            - {{Name: {name}, Value: {value}}}\n"));
    replaced(
        &template,
        environment,
        &format!("{environment}{}", added.concat()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../../cloudformation/ecs-service.yaml");

    #[test]
    fn what_the_emulator_does_not_know_is_gone_and_nothing_else_is() {
        let adapted = adapt(TEMPLATE, 5).unwrap();

        for resource in UNKNOWN_RESOURCES {
            assert!(!adapted.contains(resource), "{resource}");
        }
        for kept in [
            "  NodeSecurityGroup:",
            "  LogGroup:",
            "Outputs:\n  ClusterName:",
        ] {
            assert!(adapted.contains(kept), "{kept}");
        }
        assert!(adapted.contains("DesiredCount: 5\n"));
    }

    #[test]
    fn a_template_that_has_changed_is_not_adapted_by_half() {
        let changed = TEMPLATE.replace("  GossipIn:\n", "  GossipInbound:\n");

        assert!(adapt(&changed, 3).is_err());
    }
}
