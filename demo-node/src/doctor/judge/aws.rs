//! Whether the right thing is asked of AWS, and whether AWS answers.

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
            "Hide the secret from other users. If they may have seen it, rotate it.".to_owned(),
        )
    }));
    findings
}

/// Whether a wrong region or a wrong name can cause this, too.
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

/// The settings name another region than the one this runs in.
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
            "The settings name the region {asked}, but this runs in {here}{}.",
            because(facts)
        ),
        format!("Set {setting}, or AWS_REGION if that is not set, to {here}."),
    ))
}

/// The error of the lookup, if it failed.
fn because(facts: &Facts) -> String {
    match &facts.lookup {
        Ok(_) => String::new(),
        Err(error) => format!(" ({})", Chain(error)),
    }
}

/// This task runs in another ECS cluster than the one in the settings.
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
            "The settings name the ECS cluster `{asked}`, but this task runs in `{here}`{}.",
            because(facts)
        ),
        format!("Set {setting} to {here}."),
    ))
}

/// This task belongs to another service than those in the settings.
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
        ("the service", advice)
    } else {
        let setting = setting(facts, "services");
        ("only", format!("Add {here} to {setting}."))
    };
    Some(failure(
        Code::WrongService,
        asked.iter().map(|name| (*name).to_owned()).collect(),
        format!(
            "The settings name {is} `{}`, but this task belongs to `{here}`{}.",
            asked.join("`, `"),
            because(facts)
        ),
        advice,
    ))
}

/// Why the lookup failed. [`permissions`] reports denied calls.
fn of_error(error: &Error, facts: &Facts) -> Option<Finding> {
    let asked = &facts.asked;
    let region = asked.region.as_deref().unwrap_or("in the settings");
    let said = || match error {
        // The causes list each place that has no credentials.
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
                 list-clusters`. The account or the region may also be wrong.",
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
            "Give the task or instance a role; in a shell, set credentials of the account."
                .to_owned(),
        ),
        Error::CredentialsRejected { .. } => (
            Code::NoCredentials,
            format!(
                "Use credentials that are valid for the region {region}. AWS refuses expired ones, \
                 and all of them if this machine's clock is wrong."
            ),
        ),
        Error::Unreachable { .. } | Error::TimedOut { .. } => (
            Code::AwsUnreachable,
            format!(
                "Check whether the region {region} exists, and whether its API can be reached \
                 from here: by a NAT gateway, a public address or VPC endpoints, and with outbound TCP 443 \
                 allowed in the security group."
            ),
        ),
        // Reported with the listed tasks.
        Error::NetworkMode { .. } => return None,
        other => (
            Code::LookupFailed,
            match other.remedy() {
                Remedy::RetryLater => "Try again later: this is usually temporary.".to_owned(),
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
                "Allow {} on the resource {} in the role of this node, and allow this caller in that role's \
                 trust policy; compare {} with the sts:ExternalId that the trust policy requires.",
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

/// Whether the number of expected nodes is known.
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
    let number = "set bootstrap.expected-nodes to the number of nodes that should run.";
    let advice = match could_not_ask(facts) {
        Some(_) => format!(
            "Make sure that {} is answered: the endpoint of its API must be reachable from here (by a \
             NAT gateway, a public address or a VPC endpoint, with outbound TCP 443), or {number}",
            calls::of_expected_nodes(facts.asked.method)
        ),
        None => number.replacen('s', "S", 1),
    };
    Some(warning(
        Code::ExpectedUnknown,
        Vec::new(),
        format!(
            "The number of expected nodes is not known{why}. Only bootstrap.stable-margin prevents \
             a second cluster."
        ),
        advice,
    ))
}

/// Why the number of expected nodes could not be asked for; nothing if the call is denied or not needed.
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
