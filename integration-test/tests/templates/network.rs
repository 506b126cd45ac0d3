//! Who can reach whom.

use deploy::templates::Template;
use serde_json::{Value, json};

use crate::support::{all_keep, breaks, choices};

const SERVICE: &str = "ecs-service.yaml";
const INSTANCES: &str = "ec2-auto-scaling-group.yaml";
const NETWORK: &str = "network.yaml";

/// What nothing at all can be sent to.
const NOBODY: &str = "127.0.0.1/32";

#[test]
fn nobody_outside_the_groups_of_a_stack_reaches_anything() {
    all_keep(ingress_comes_from_own_groups);

    let open =
        json!({"IpProtocol": "tcp", "FromPort": 7626, "ToPort": 7626, "CidrIp": "0.0.0.0/0"});
    let inline = "/Resources/NodeSecurityGroup/Properties/SecurityGroupIngress";
    breaks(
        ingress_comes_from_own_groups,
        SERVICE,
        inline,
        json!([open]),
    );
    let rule = "/Resources/ManagementIn/Properties";
    breaks(ingress_comes_from_own_groups, SERVICE, rule, open);
    let six = format!("{rule}/CidrIpv6");
    breaks(
        ingress_comes_from_own_groups,
        INSTANCES,
        &six,
        json!("::/0"),
    );
    let list = format!("{rule}/SourcePrefixListId");
    breaks(ingress_comes_from_own_groups, SERVICE, &list, json!("pl-1"));
    let source = "/Resources/GossipIn/Properties/SourceSecurityGroupId";
    breaks(
        ingress_comes_from_own_groups,
        SERVICE,
        source,
        json!("sg-1"),
    );
    breaks(
        ingress_comes_from_own_groups,
        SERVICE,
        source,
        json!({"Ref": "EndpointClientSecurityGroupId"}),
    );
}

#[test]
fn what_is_sent_where_is_written_down() {
    all_keep(egress_is_explicit);

    let inline = "/Resources/NodeSecurityGroup/Properties/SecurityGroupEgress";
    breaks(egress_is_explicit, SERVICE, inline, Value::Null);
    breaks(egress_is_explicit, SERVICE, inline, json!([]));
    breaks(
        egress_is_explicit,
        SERVICE,
        inline,
        json!([{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]),
    );
    breaks(
        egress_is_explicit,
        SERVICE,
        inline,
        json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "CidrIp": "0.0.0.0/0"}]),
    );
    let group = "/Resources/GossipOut/Properties/DestinationSecurityGroupId";
    breaks(egress_is_explicit, INSTANCES, group, Value::Null);
    let to = "/Resources/GossipOut/Properties/ToPort";
    breaks(egress_is_explicit, SERVICE, to, json!(65535));
}

#[test]
fn there_is_no_public_address_but_by_choice() {
    all_keep(no_public_address_by_default);

    let task =
        "/Resources/Service/Properties/NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp";
    breaks(
        no_public_address_by_default,
        SERVICE,
        task,
        json!("ENABLED"),
    );
    breaks(no_public_address_by_default, SERVICE, task, Value::Null);
    let default = "/Parameters/AssignPublicIp/Default";
    breaks(
        no_public_address_by_default,
        SERVICE,
        default,
        json!("ENABLED"),
    );
    breaks(
        no_public_address_by_default,
        INSTANCES,
        default,
        json!("ENABLED"),
    );
    let instance = "/Resources/LaunchTemplate/Properties/LaunchTemplateData/NetworkInterfaces/0/AssociatePublicIpAddress";
    breaks(
        no_public_address_by_default,
        INSTANCES,
        instance,
        json!(true),
    );
    let subnet = "/Resources/SubnetA/Properties/MapPublicIpOnLaunch";
    breaks(no_public_address_by_default, NETWORK, subnet, json!(true));
    let gateway = "/Resources/Way";
    breaks(
        no_public_address_by_default,
        NETWORK,
        gateway,
        json!({"Type": "AWS::EC2::InternetGateway"}),
    );
}

fn ingress_comes_from_own_groups(template: &Template) -> Vec<String> {
    let rules = rules(
        template,
        "AWS::EC2::SecurityGroupIngress",
        "SecurityGroupIngress",
    );
    let from_own_group = |rule: &Value| {
        let group = rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].as_str();
        let other = ["CidrIp", "CidrIpv6", "SourcePrefixListId"]
            .iter()
            .any(|other| rule.get(other).is_some());
        !other
            && template
                .of_kind("AWS::EC2::SecurityGroup")
                .any(|own| Some(own.id) == group)
    };
    let rules = rules.into_iter().filter(|(_, rule)| !from_own_group(rule));
    rules
        .map(|(id, rule)| format!("{id} lets others in: {rule}"))
        .collect()
}

fn egress_is_explicit(template: &Template) -> Vec<String> {
    let silent = template
        .of_kind("AWS::EC2::SecurityGroup")
        .filter(|group| choices(&group.properties["SecurityGroupEgress"]).is_empty())
        .map(|group| format!("{} may send anything anywhere", group.id));
    let narrow = |rule: &Value| {
        let one_port = rule["FromPort"].is_u64() && rule["FromPort"] == rule["ToPort"];
        match rule["CidrIp"].as_str() {
            Some(NOBODY) => true,
            Some("0.0.0.0/0") => rule["IpProtocol"] == "tcp" && one_port && rule["FromPort"] == 443,
            Some(_) => false,
            None => rule["DestinationSecurityGroupId"]["Fn::GetAtt"].is_array() && one_port,
        }
    };
    let rules = rules(
        template,
        "AWS::EC2::SecurityGroupEgress",
        "SecurityGroupEgress",
    );
    let wide = rules
        .iter()
        .filter(|(_, rule)| !narrow(rule))
        .map(|(id, rule)| format!("{id} is wider than need be: {rule}"));
    silent.chain(wide).collect()
}

/// Rules are resources of their own, or properties of groups.
fn rules<'a>(template: &'a Template, kind: &'a str, property: &str) -> Vec<(&'a str, &'a Value)> {
    let own = template
        .of_kind(kind)
        .map(|rule| (rule.id, rule.properties));
    let inline = template
        .of_kind("AWS::EC2::SecurityGroup")
        .flat_map(|group| {
            let rules = choices(&group.properties[property]);
            rules.into_iter().map(move |rule| (group.id, rule))
        });
    own.chain(inline).collect()
}

fn no_public_address_by_default(template: &Template) -> Vec<String> {
    let chosen = template
        .section("Parameters")
        .any(|(name, parameter)| name == "AssignPublicIp" && parameter["Default"] == "DISABLED");
    let by_choice = json!({"Fn::Equals": [{"Ref": "AssignPublicIp"}, "ENABLED"]});
    let private = |kind: &str, properties: &Value| match kind {
        "AWS::EC2::EIP" | "AWS::EC2::InternetGateway" | "AWS::EC2::NatGateway" => false,
        "AWS::EC2::Subnet" => properties["MapPublicIpOnLaunch"] == false,
        "AWS::ECS::Service" | "AWS::ECS::TaskSet" => {
            let network = &properties["NetworkConfiguration"];
            // CloudFormation spells it in two ways.
            ["AwsvpcConfiguration", "AwsVpcConfiguration"]
                .iter()
                .all(|spelling| {
                    let network = network.get(spelling);
                    network.is_none_or(|network| match &network["AssignPublicIp"] {
                        Value::String(text) => text == "DISABLED",
                        other => chosen && *other == json!({"Ref": "AssignPublicIp"}),
                    })
                })
        }
        "AWS::EC2::LaunchTemplate" => {
            let interfaces = choices(&properties["LaunchTemplateData"]["NetworkInterfaces"]);
            !interfaces.is_empty()
                && interfaces
                    .iter()
                    .all(|interface| match &interface["AssociatePublicIpAddress"] {
                        Value::Bool(public) => !public,
                        Value::Object(function) => {
                            let condition = function["Fn::If"][0].as_str().unwrap_or_default();
                            let condition = template
                                .section("Conditions")
                                .find(|(name, _)| *name == condition);
                            chosen
                                && function["Fn::If"][2] == false
                                && condition.is_some_and(|(_, value)| *value == by_choice)
                        }
                        _ => false,
                    })
        }
        _ => true,
    };
    let resources = template.resources();
    let public = resources.filter(|resource| !private(resource.kind, resource.properties));
    public
        .map(|resource| format!("{} has or gives a public address", resource.id))
        .collect()
}
