//! Parameters of the nodes' template that are given by name: which are allowed, with which values.
//!
//! CloudFormation checks the template's patterns and rules itself, before it changes anything.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use options::deploy::Deploy;
use serde_json::Value;

use crate::templates::Template;

/// Those that another option sets.
const BY_OPTION: [(&str, &str); 14] = [
    ("Architecture", "--architecture"),
    ("AssignPublicIp", "--network"),
    ("DesiredCapacity", "--nodes"),
    ("DesiredCount", "--nodes"),
    ("EndpointClientSecurityGroupId", "--network"),
    ("ImageUri", "--image"),
    ("PermissionsBoundaryArn", "--permissions-boundary"),
    ("ProgramBucket", "--program"),
    ("ProgramKey", "--program"),
    ("ProgramSha256", "--program-sha256"),
    ("RepositoryArn", "--image"),
    ("ServiceName", "--name"),
    ("SubnetIds", "--network and --zones"),
    ("VpcId", "--network"),
];

/// Rejects what the nodes' template would not accept: `text`, of the file `name`.
pub(super) fn check(options: &Deploy, name: &str, text: &str) -> anyhow::Result<()> {
    if options.parameters.is_empty() {
        return Ok(());
    }
    let template = Template::parse(name, text).context("reading the template of the nodes")?;
    let mut seen = BTreeSet::new();
    for (key, value) in &options.parameters {
        if let Some((_, option)) = BY_OPTION.iter().find(|(set, _)| set == key) {
            bail!("--parameter {key}={value}: use {option} instead");
        }
        let parameter = template.section("Parameters").find(|(name, _)| name == key);
        let Some((_, parameter)) = parameter else {
            bail!(
                "--parameter {key}={value}: {name} has no such parameter; it has {}",
                free(&template).join(", ")
            );
        };
        ensure!(seen.insert(key), "--parameter {key} is given twice");
        ensure!(
            is_taken(parameter, value),
            "--parameter {key}={value}: expected {}",
            expected(parameter)
        );
    }
    let most = options.parameters.iter().find(|(key, _)| key == "MaxCount");
    if let Some((_, most)) = most
        && most
            .parse()
            .is_ok_and(|most: u8| 0 < most && most < options.nodes)
    {
        bail!(
            "--parameter MaxCount={most}: it must be at least the number of nodes, {}",
            options.nodes
        );
    }
    Ok(())
}

/// The names of those that no option sets.
fn free(template: &Template) -> Vec<&str> {
    let names = template.section("Parameters").map(|(name, _)| name);
    names
        .filter(|name| !BY_OPTION.iter().any(|(set, _)| set == name))
        .collect()
}

fn is_taken(parameter: &Value, value: &str) -> bool {
    if let Some(values) = allowed(parameter) {
        return values.iter().any(|it| it == value);
    }
    let bound = |name: &str| parameter[name].as_f64();
    match (bound("MinValue"), bound("MaxValue")) {
        (Some(least), Some(most)) => value
            .parse()
            .is_ok_and(|number: f64| (least..=most).contains(&number)),
        _ => true,
    }
}

fn expected(parameter: &Value) -> String {
    match allowed(parameter) {
        Some(values) => format!("one of {}", values.join(", ")),
        None => format!(
            "a number from {} to {}",
            parameter["MinValue"], parameter["MaxValue"]
        ),
    }
}

fn allowed(parameter: &Value) -> Option<Vec<String>> {
    let values = parameter["AllowedValues"].as_array()?.iter();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(values.map(text).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use options::deploy::{Command, Options};

    use super::*;

    const SERVICE: &str = include_str!("../../../../cloudformation/ecs-service.yaml");
    const INSTANCES: &str = include_str!("../../../../cloudformation/ec2-auto-scaling-group.yaml");

    #[test]
    fn what_no_option_sets_can_be_given_by_name() {
        for given in [
            "",
            "--parameter Monitoring=ENABLED --parameter ContainerInsights=enhanced",
            "--parameter AlarmTopicArn=arn:aws:sns:eu-west-1:123456789012:alarms --parameter Monitoring=ENABLED",
            "--parameter DeploymentStrategy=BLUE_GREEN --parameter BakeMinutes=30",
            "--parameter MaxCount=10 --nodes 5",
            "--parameter LogRetentionDays=90",
        ] {
            check(&deploy(given), "a", SERVICE).unwrap();
        }
    }

    #[test]
    fn what_the_template_would_not_take_is_refused_with_what_it_takes() {
        for (given, why) in [
            ("DesiredCount=5", "--nodes"),
            ("Monitorin=ENABLED", "ContainerInsights"),
            ("Monitoring=on", "DISABLED, ENABLED"),
            ("BakeMinutes=2000", "from 0 to 1440"),
            ("BakeMinutes=long", "from 0 to 1440"),
            ("LogRetentionDays=2", "1, 3, 7"),
            ("MaxCount=2", "the number of nodes, 3"),
            (
                "Monitoring=ENABLED --parameter Monitoring=DISABLED",
                "twice",
            ),
        ] {
            let deploy = deploy(&format!("--parameter {given}"));
            let refusal = check(&deploy, "a", SERVICE).unwrap_err().to_string();
            assert!(refusal.starts_with("--parameter "), "{refusal}");
            assert!(refusal.contains(why), "{refusal}");
        }
        // Instances can be given something else.
        check(
            &deploy("--parameter SessionManager=ENABLED"),
            "a",
            INSTANCES,
        )
        .unwrap();
        let refusal = check(&deploy("--parameter MaxCount=9"), "a", INSTANCES).unwrap_err();
        assert!(refusal.to_string().contains("SessionManager"), "{refusal}");
    }

    #[test]
    fn each_that_an_option_sets_is_there() {
        let templates = [SERVICE, INSTANCES].map(|text| Template::parse("a", text).unwrap());
        for (name, option) in BY_OPTION {
            let is_there = |template: &Template| {
                template
                    .section("Parameters")
                    .any(|(there, _)| there == name)
            };
            assert!(templates.iter().any(is_there), "{name}: {option}");
        }
    }

    fn deploy(given: &str) -> Deploy {
        let arguments = ["deploy", "deploy"].into_iter();
        let arguments = arguments.chain(given.split_whitespace());
        match Options::parse_from(arguments).command {
            Command::Deploy(deploy) => deploy,
            other => panic!("{other:?}"),
        }
    }
}
