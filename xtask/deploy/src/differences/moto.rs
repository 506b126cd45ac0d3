//! How moto 5.2.5 differs from AWS, for the stacks of the network and of the instances.
//!
//! The templates stay as AWS needs them: here their text is changed for the emulator. No other code for moto may know
//! a difference. Each was seen with that version:
//!
//! - `Fn::Cidr` is unknown: CreateStack ends with an internal error.
//! - `!GetAZs ""` are the zones of us-east-1 in every region, and a subnet in one of them is refused.
//! - `AWS::NoValue` in a list stays there as an entry, and moto then fails to find what it should have removed.
//! - A route table, and so its VPC, outlives its stack, and DeleteStack fails for it.
//! - A parameter that is a list comes back in the notation of Python.
//! - A parameter that names one of Systems Manager comes back as what that one is: the id of an image.
//! - `AWS::SecretsManager::Secret` and `AWS::EC2::SecurityGroupEgress` are passed over, so the outputs that come
//!   from them are missing, and user data names the secret by `${GossipKey}`.
//! - UpdateStack finds something to change in everything, and to change the size of an auto-scaling group replaces it.
//! - A stack that comes from a change set has no outputs, so stacks are created and changed without one.
//! - Events are about the stack and not about its resources.
//! - Nothing runs for an instance, and conditions of policies are not evaluated.
//! - Instances are all in the group's first subnet.

use std::{collections::BTreeMap, net::Ipv4Addr};

use anyhow::Context;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::{
    differences::template_text::{replaced, without_item, without_resource},
    signed,
};

/// What nobody else answers.
const OWN_PAGE: &str = "/moto-api/data.json";

/// The address range that the template uses if none is given.
const CIDR: &str = "10.76.0.0/16";

const ROUTING: [&str; 5] = [
    "Routes",
    "RoutesOfSubnetA",
    "RoutesOfSubnetB",
    "RoutesOfSubnetC",
    // It needs the routes, but is never asked for anything.
    "S3Endpoint",
];

const ZONES: [char; 3] = ['a', 'b', 'c'];

/// Whether it is moto that answers at this URL.
pub async fn is_at(url: &str) -> bool {
    let asked = async {
        let mut request = HttpRequest::empty();
        request.set_uri(format!("{}{OWN_PAGE}", url.trim_end_matches('/')))?;
        signed::send(&discovery::http_connector()?, request).await
    };
    asked.await.is_ok_and(|answer| answer.status == 200)
}

/// The template of the network, for two zones, adapted to the emulator.
pub fn adapt_network(template: &str, cidr: Option<&str>) -> anyhow::Result<String> {
    let mut template = template.to_owned();
    for resource in ROUTING {
        template = without_resource(&template, resource)?;
    }
    for (n, zone) in (0..).zip(ZONES) {
        template = replaced(
            &template,
            &format!("!Select [{n}, !Cidr [!GetAtt Vpc.CidrBlock, 3, 8]]"),
            &subnet(cidr.unwrap_or(CIDR), n)?,
        )?;
        template = replaced(
            &template,
            &format!(r#"!Select [{n}, !GetAZs ""]"#),
            &format!(r#"!Sub "${{AWS::Region}}{zone}""#),
        )?;
    }
    let third = r#"!If [ThreeZones, !Ref SubnetC, !Ref "AWS::NoValue"]"#;
    let template = template.replace(&format!(", {third}"), "");
    replaced(&template, &format!("        - {third}\n"), "")
}

/// The template of the instances, on a network with its endpoints, adapted to the emulator.
pub fn adapt_instances(template: &str) -> anyhow::Result<String> {
    let template = replaced(
        template,
        r#"!If [AwsByEndpoints, !Ref EndpointClientSecurityGroupId, !Ref "AWS::NoValue"]"#,
        "!Ref EndpointClientSecurityGroupId",
    )?;
    without_item(&template, "        - !If\n          - SessionsAreAllowed\n")
}

/// Turns parameters into what AWS would have answered.
pub fn read_parameters(parameters: &mut BTreeMap<String, String>) {
    // The original value is no longer known.
    parameters.retain(|_, value| !value.starts_with("ami-"));
    for value in parameters.values_mut() {
        let list = value
            .strip_prefix("['")
            .and_then(|it| it.strip_suffix("']"));
        if let Some(list) = list {
            *value = list.replace("', '", ",");
        }
    }
}

/// A subnet has 256 addresses.
fn subnet(cidr: &str, n: u32) -> anyhow::Result<String> {
    let (first, _) = cidr.split_once('/').with_context(|| no_cidr(cidr))?;
    let first: Ipv4Addr = first.parse().with_context(|| no_cidr(cidr))?;
    let first = u32::from(first).checked_add(n << 8);
    let first = first.with_context(|| no_cidr(cidr))?;
    Ok(format!("{}/24", Ipv4Addr::from(first)))
}

fn no_cidr(cidr: &str) -> String {
    format!("{cidr} is not an address range of a network, such as {CIDR}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = include_str!("../../../../cloudformation/network.yaml");
    const INSTANCES: &str = include_str!("../../../../cloudformation/ec2-auto-scaling-group.yaml");

    #[test]
    fn of_the_network_is_gone_what_the_emulator_does_not_know() {
        let adapted = adapt_network(NETWORK, Some("10.226.4.0/22")).unwrap();

        for gone in [
            "!Cidr",
            "!GetAZs",
            "RouteTable",
            "!Ref SubnetC",
            "  S3Endpoint:",
        ] {
            assert!(!adapted.contains(gone), "{gone}");
        }
        for kept in [
            "      CidrBlock: 10.226.4.0/24\n",
            "      CidrBlock: 10.226.5.0/24\n",
            "!If [SecondZoneIsChosen, !Ref SecondZone, !Sub \"${AWS::Region}b\"]\n",
            "  Ec2Endpoint:\n",
            "Outputs:\n  VpcId:\n",
        ] {
            assert!(adapted.contains(kept), "{kept}");
        }
    }

    #[test]
    fn the_addresses_that_the_template_takes_are_known_here() {
        assert!(NETWORK.contains(&format!("    Default: {CIDR}\n")));
        let adapted = adapt_network(NETWORK, None).unwrap();
        assert!(adapted.contains("      CidrBlock: 10.76.1.0/24\n"));
    }

    #[test]
    fn what_are_no_addresses_is_named() {
        for cidr in ["10.76.0.0", "10.76/16", "255.255.255.0/24"] {
            let refusal = adapt_network(NETWORK, Some(cidr)).unwrap_err();
            assert!(refusal.to_string().contains(cidr), "{refusal}");
        }
    }

    #[test]
    fn instances_are_in_the_group_that_may_use_the_endpoints() {
        let adapted = adapt_instances(INSTANCES).unwrap();

        assert!(adapted.contains("              - !Ref EndpointClientSecurityGroupId\n"));
        assert!(!adapted.contains("ssmmessages"));
        assert!(adapted.contains("Sid: WriteTheLog"));
    }

    #[test]
    fn lists_are_read_as_aws_writes_them() {
        let mut parameters = BTreeMap::from([
            (
                "SubnetIds".to_owned(),
                "['subnet-1', 'subnet-2']".to_owned(),
            ),
            ("VpcId".to_owned(), "vpc-1".to_owned()),
            ("ImageId".to_owned(), "ami-1".to_owned()),
        ]);

        read_parameters(&mut parameters);

        assert_eq!(parameters["SubnetIds"], "subnet-1,subnet-2");
        assert_eq!(parameters["VpcId"], "vpc-1");
        assert!(!parameters.contains_key("ImageId"));
    }
}
