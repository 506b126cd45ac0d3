//! What AWS must allow according to the settings: the role's permissions and the security group's rules. This asks no
//! questions.

use std::collections::BTreeSet;

use discovery::config::MethodName;

use super::{
    calls::{self, CallResult},
    facts::{Asked, Facts, arn_part},
};

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The action: `ecs:ListTasks`.
    pub action: &'static str,
    /// The resource to allow it on.
    pub resource: String,
    /// The condition that limits it further, if there is one.
    pub condition: Option<String>,
}

/// A rule of the nodes' security group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether it is for incoming or outgoing connections.
    pub direction: Direction,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// The other side.
    pub peer: &'static str,
    /// The purpose.
    pub purpose: &'static str,
}

/// The direction of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of security groups")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// The protocol of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of security groups")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// The port of the AWS API.
const HTTPS: u16 = 443;

/// What the role must allow for this action.
#[must_use]
pub fn permission(action: &'static str, facts: &Facts) -> Permission {
    let place = Place::of(facts);
    let asked = &facts.asked;
    let places = asked.places();
    let of_each = |resource: &dyn Fn((&str, &str)) -> String| {
        let each: BTreeSet<String> = places.iter().map(|it| place.ecs(&resource(*it))).collect();
        each.into_iter().collect::<Vec<_>>()
    };
    let in_cluster = || {
        let clusters = of_each(&|(cluster, _)| format!("cluster/{cluster}"));
        Some(format!("ecs:cluster is {}", clusters.join(" or ")))
    };
    let (resource, condition) = match action {
        "ecs:ListTasks" => ("*".to_owned(), in_cluster()),
        "ecs:DescribeTasks" => {
            let tasks = of_each(&|(cluster, _)| format!("task/{cluster}/*"));
            (tasks.join(", "), in_cluster())
        }
        "ecs:DescribeServices" => {
            let services = of_each(&|(cluster, service)| format!("service/{cluster}/{service}"));
            (services.join(", "), in_cluster())
        }
        calls::ASSUME_ROLE => (asked.role.clone().unwrap_or_default(), None),
        _ => {
            let region = asked.region.as_ref();
            let of_region = region.map(|region| format!("aws:RequestedRegion is {region}"));
            ("*".to_owned(), of_region)
        }
    };
    Permission {
        action,
        resource,
        condition,
    }
}

/// What the security group of the nodes must allow.
#[must_use]
pub fn rules(asked: &Asked) -> Vec<Rule> {
    const GROUP: &str = "the same group";
    let rule = |direction, protocol, port, peer, purpose| Rule {
        direction,
        protocol,
        port,
        peer,
        purpose,
    };
    let mut rules = Vec::new();
    for direction in [Direction::Inbound, Direction::Outbound] {
        rules.extend([
            rule(
                direction,
                Protocol::Tcp,
                asked.management_port,
                GROUP,
                "management",
            ),
            rule(direction, Protocol::Udp, asked.gossip_port, GROUP, "gossip"),
        ]);
    }
    match asked.method {
        MethodName::Ec2TagBased | MethodName::Ecs | MethodName::EcsTaskSet => rules.push(rule(
            Direction::Outbound,
            Protocol::Tcp,
            HTTPS,
            "the AWS API",
            "discovery",
        )),
        MethodName::Config => {}
    }
    rules
}

/// The owner in an ARN: its parts, as far as they are known.
struct Place {
    partition: String,
    region: String,
    account: String,
}

impl Place {
    fn of(facts: &Facts) -> Self {
        let task = facts.here.task.as_ref().map(|task| task.arn.as_str());
        let caller = facts.calls.iter().find_map(|call| match &call.result {
            CallResult::Denied { caller, .. } => caller.as_deref(),
            CallResult::Allowed | CallResult::Failed(_) | CallResult::NotMade(_) => None,
        });
        let part = |part| {
            let known = task.or(caller).and_then(|arn| arn_part(arn, part));
            known.unwrap_or("*").to_owned()
        };
        let partition = match part(1).as_str() {
            "*" => "aws".to_owned(),
            known => known.to_owned(),
        };
        Self {
            partition,
            region: facts.asked.region.clone().unwrap_or_else(|| part(3)),
            account: part(4),
        }
    }

    fn ecs(&self, resource: &str) -> String {
        let Self {
            partition,
            region,
            account,
        } = self;
        format!("arn:{partition}:ecs:{region}:{account}:{resource}")
    }
}

impl Direction {
    /// For programs and people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl Protocol {
    /// For programs and people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}
