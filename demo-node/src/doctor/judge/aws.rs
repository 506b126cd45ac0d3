//! What AWS is asked, and whether it answers.

use discovery::{Chain, Error, Remedy, config::MethodName};

use super::words::{failure, warning};
use crate::{
    config::bootstrap::ExpectedNodes,
    doctor::{
        calls::{self, CallResult},
        facts::{Facts, Scope, Told, arn_part, short_name},
        finding::{Code, Finding, Severity},
        needs,
    },
};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = [region(facts), cluster(facts), service(facts)]
        .into_iter()
        .flatten()
        .collect();
    if let Err(error) = &facts.lookup {
        findings.extend(
            of_error(error, facts)
                .filter(|found| findings.is_empty() || !follows_from_wrong_names(found.code)),
        );
    }
    findings.extend(permissions(facts));
    findings.extend(expected(facts));
    findings.extend(facts.asked.exposed.iter().map(|exposed| {
        warning(
            Code::ExposedSecret,
            Vec::new(),
            format!("{exposed}."),
            "Keep the secret from others, and replace it in rounds where they may have seen it."
                .to_owned(),
        )
    }));
    findings
}

/// Whoever asks a wrong region, or for a wrong name, may be told anything of these.
fn follows_from_wrong_names(code: Code) -> bool {
    matches!(
        code,
        Code::WrongCluster
            | Code::WrongService
            | Code::NoCredentials
            | Code::AwsUnreachable
            | Code::LookupFailed
    )
}

/// The prefix of the method's settings.
fn setting(facts: &Facts, name: &str) -> String {
    format!("discovery.{}.{name}", facts.asked.method)
}

/// Another region is asked than this runs in.
fn region(facts: &Facts) -> Option<Finding> {
    let here = facts.here.region()?;
    let asked = facts.asked.region.as_ref()?;
    if here == *asked {
        return None;
    }
    let setting = setting(facts, "region");
    Some(failure(
        Code::WrongRegion,
        vec![asked.clone()],
        format!(
            "The region {asked} is asked, and this runs in {here}{}.",
            because(facts)
        ),
        format!("Set {setting}, or AWS_REGION where that is not set, to {here}."),
    ))
}

/// What the lookup says in the end.
fn because(facts: &Facts) -> String {
    match &facts.lookup {
        Ok(_) => String::new(),
        Err(error) => format!(" ({})", Chain(error)),
    }
}

/// The own task runs in another cluster than is asked.
fn cluster(facts: &Facts) -> Option<Finding> {
    let Scope::EcsCluster(asked) = &facts.asked.scope else {
        return None;
    };
    let here = facts.here.task.as_ref()?.cluster.as_deref()?;
    let (asked, here) = (short_name(asked), short_name(here));
    let places = facts.asked.places();
    if places.iter().any(|(cluster, _)| *cluster == here) || here.is_empty() {
        return None;
    }
    let setting = setting(facts, "cluster");
    Some(failure(
        Code::WrongCluster,
        vec![asked.to_owned()],
        format!(
            "The ECS cluster `{asked}` is asked, and this task runs in `{here}`{}.",
            because(facts)
        ),
        format!("Set {setting} to {here}."),
    ))
}

/// The own task belongs to another service than is asked.
fn service(facts: &Facts) -> Option<Finding> {
    match facts.asked.method {
        MethodName::Ecs => {}
        MethodName::Ec2TagBased | MethodName::EcsTaskSet | MethodName::Config => return None,
    }
    let here = facts.here.task.as_ref()?.service.as_ref()?;
    let places = facts.asked.places();
    if places.iter().any(|(_, service)| service == here) {
        return None;
    }
    let asked = facts.asked.looked_up();
    let (is, advice) = if facts.asked.services.is_empty() {
        let advice = format!("Set bootstrap.service-name to {here}.");
        ("The service", advice)
    } else {
        let setting = setting(facts, "services");
        ("None but", format!("Add {here} to {setting}."))
    };
    Some(failure(
        Code::WrongService,
        asked.iter().map(|name| (*name).to_owned()).collect(),
        format!(
            "{is} `{}` is looked up, and this task belongs to `{here}`{}.",
            asked.join("`, `"),
            because(facts)
        ),
        advice,
    ))
}

/// Why the lookup failed. Denials are told by [`permissions`].
fn of_error(error: &Error, facts: &Facts) -> Option<Finding> {
    let asked = &facts.asked;
    let region = asked.region.as_deref().unwrap_or("that is asked");
    let said = || match error {
        // The causes list each place where there are none.
        Error::NoCredentials { .. } => format!("The lookup failed: {error}."),
        _ => format!("The lookup failed: {}.", Chain(error)),
    };
    let (code, advice) = match error {
        Error::AccessDenied { .. } => return None,
        Error::NoRegion => (
            Code::NoRegion,
            format!("Set {} or AWS_REGION.", setting(facts, "region")),
        ),
        Error::NoSuchCluster { .. } | Error::OtherCluster { .. } => (
            Code::WrongCluster,
            format!(
                "Compare {} with the clusters of this account in the region {region}: `aws ecs \
                 list-clusters`. The account or the region may be the wrong one, too.",
                setting(facts, "cluster")
            ),
        ),
        Error::NoSuchService { .. } => (
            Code::WrongService,
            "Compare bootstrap.service-name, or discovery.aws-api-ecs.services, with the services of this ECS cluster: `aws ecs \
             list-services`."
                .to_owned(),
        ),
        Error::NoCredentials { .. } | Error::CredentialsUnavailable { .. } => (
            Code::NoCredentials,
            "Give the task or instance a role, or this shell credentials of the account."
                .to_owned(),
        ),
        Error::CredentialsRejected { .. } => (
            Code::NoCredentials,
            format!(
                "Use credentials that are valid for the region {region}. AWS refuses those that \
                 have expired, and any where this machine's clock is wrong."
            ),
        ),
        Error::Unreachable { .. } | Error::TimedOut { .. } => (
            Code::AwsUnreachable,
            format!(
                "See whether the region {region} exists, and whether there is a way to its API \
                 from here: a NAT gateway, a public address or VPC endpoints, and outbound TCP 443 \
                 in the security group."
            ),
        ),
        // Told of with the tasks that are listed.
        Error::NetworkMode { .. } => return None,
        other => (
            Code::LookupFailed,
            match other.remedy() {
                Remedy::RetryLater => "Ask again in a while: this passes as a rule.".to_owned(),
                Remedy::FixPermissions | Remedy::FixConfiguration => {
                    "Correct the setting that the message names.".to_owned()
                }
            },
        ),
    };
    Some(failure(code, Vec::new(), said(), advice))
}

/// What the role lacks.
fn permissions(facts: &Facts) -> Vec<Finding> {
    let missing = facts.calls.iter().filter_map(|call| {
        let CallResult::Denied { resource, caller } = &call.result else {
            return None;
        };
        let needed = needs::permission(call.action, facts);
        let who = caller.as_deref().map_or("The role".to_owned(), who);
        let on = resource.as_deref().unwrap_or(&needed.resource);
        let so = if call.optional {
            ", so the number of expected nodes is not known"
        } else {
            ""
        };
        let condition = needed.condition.map_or(String::new(), |condition| {
            format!(" (a condition may be that {condition})")
        });
        let instead = if call.optional {
            ", or set bootstrap.expected-nodes to the number"
        } else {
            ""
        };
        let advice = if call.action == calls::ASSUME_ROLE {
            format!(
                "Allow the role of this node {} on the resource {}, and this caller in the trust policy of that \
                 role; compare {} with the sts:ExternalId that it asks for.",
                call.action,
                needed.resource,
                setting(facts, "external-id")
            )
        } else {
            format!(
                "Allow the role {} on the resource {}{condition}{instead}.",
                call.action, needed.resource
            )
        };
        Some(Finding {
            code: Code::MissingPermission,
            severity: if call.optional {
                Severity::Warning
            } else {
                Severity::Failure
            },
            about: vec![call.action.to_owned()],
            message: format!("{who} lacks the permission {} on {on}{so}.", call.action),
            advice,
        })
    });
    missing.collect()
}

/// `The role node` of `arn:aws:sts::1:assumed-role/node/session`.
fn who(caller: &str) -> String {
    let resource = arn_part(caller, 5).unwrap_or(caller);
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["assumed-role", role, _session] => format!("The role {role}"),
        _ => caller.to_owned(),
    }
}

/// Whether the number of nodes is known.
fn expected(facts: &Facts) -> Option<Finding> {
    match facts.asked.expected {
        ExpectedNodes::Auto => {}
        ExpectedNodes::Number(_) | ExpectedNodes::Unknown => return None,
    }
    if facts.lookup.is_err() {
        return None;
    }
    let why = match facts.told.as_ref()? {
        Told::Nodes(_) | Told::Failed(Error::AccessDenied { .. }) => return None,
        Told::Failed(error) => format!(": {}", Chain(error)),
        Told::Nothing(why) => format!(": {why}"),
    };
    let number = "set bootstrap.expected-nodes to the number of nodes that are to run.";
    let advice = match could_not_ask(facts) {
        Some(_) => format!(
            "Let {} be answered, for which the endpoint of its API must be reached from here (a \
             NAT gateway, a public address or a VPC endpoint, and outbound TCP 443), or {number}",
            calls::of_expected_nodes(facts.asked.method)
        ),
        None => number.replacen('s', "S", 1),
    };
    Some(warning(
        Code::ExpectedUnknown,
        Vec::new(),
        format!(
            "The number of expected nodes is not known{why}. That a second cluster is not founded \
             rests on bootstrap.stable-margin alone."
        ),
        advice,
    ))
}

/// Why the number of nodes could not be asked for; nothing where that is forbidden, or not needed.
pub(super) fn could_not_ask(facts: &Facts) -> Option<&Error> {
    match (&facts.asked.expected, facts.told.as_ref()?) {
        (_, Told::Failed(Error::AccessDenied { .. })) => None,
        (ExpectedNodes::Auto, Told::Failed(error)) => Some(error),
        (
            ExpectedNodes::Auto | ExpectedNodes::Number(_) | ExpectedNodes::Unknown,
            Told::Nodes(_) | Told::Nothing(_) | Told::Failed(_),
        ) => None,
    }
}
