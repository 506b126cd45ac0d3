//! Which peers are listed, and which of them count.

use std::net::IpAddr;

use discovery::{
    Completeness, DropReason, Dropped, Error, MetadataProblem, Missing, PartialReason, Remedy,
    Resolved,
    config::{AddressFamily, MethodName},
};

use super::{
    counted::Counted,
    place::{is_a_nodes_place, is_listed, runs_here},
    words::{either, failure, names, plural, some, warning},
};
use crate::doctor::{
    facts::{Asked, Facts, Scope, short_name},
    finding::{Code, Finding, Severity},
};

pub(super) fn findings(facts: &Facts, counted: &Counted) -> Vec<Finding> {
    let mut findings: Vec<_> = [bridge_mode(facts), family(facts), own_address(facts)]
        .into_iter()
        .flatten()
        .collect();
    let Ok(resolved) = &facts.lookup else {
        return findings;
    };
    findings.extend(tags(facts, resolved));
    let explained = !findings.is_empty();
    findings.extend(nobody(facts, resolved).filter(|_| !explained));
    findings.extend(not_listed(facts, resolved).filter(|_| !explained));
    findings.extend(wrong_port(facts));
    findings.extend(too_few(facts, counted, resolved));
    findings.extend(partial(resolved));
    findings
}

/// Tasks that have no own address.
fn bridge_mode(facts: &Facts) -> Option<Finding> {
    let mut tasks = dropped(facts, |reason| {
        matches!(
            reason,
            DropReason::NoAddress {
                missing: Missing::NoInterface,
                ..
            }
        )
    });
    for error in [
        facts.lookup.as_ref().err(),
        facts.here.address.as_ref().err(),
    ] {
        if let Some(Error::NetworkMode { task, .. }) = error
            && !tasks.contains(&short_name(task).to_owned())
        {
            tasks.push(short_name(task).to_owned());
        }
    }
    if tasks.is_empty() {
        return None;
    }
    let have = plural(tasks.len(), "task has", "tasks have");
    Some(failure(
        Code::BridgeMode,
        tasks.clone(),
        format!(
            "{have} no own address, since the network mode is bridge, host or none: {}.",
            some(&tasks)
        ),
        "Run the service in network mode awsvpc (the task definition's networkMode), so that each \
         task has an address that peers can reach."
            .to_owned(),
    ))
}

/// Addresses are of the other family.
fn family(facts: &Facts) -> Option<Finding> {
    let asked = facts.asked.family;
    if asked == AddressFamily::Auto {
        return both_families(facts);
    }
    let mut others = Vec::new();
    if let Ok(resolved) = &facts.lookup {
        others.extend(
            resolved
                .dropped
                .iter()
                .filter_map(|dropped| match dropped.reason {
                    DropReason::NoAddress {
                        missing: Missing::Only(address),
                        ..
                    } => Some(format!("{} ({address})", short_name(&dropped.id))),
                    _ => None,
                }),
        );
    }
    let own = match &facts.here.address {
        Err(Error::Metadata {
            problem: MetadataProblem::Only(own),
            ..
        }) => Some(*own),
        Ok(_) | Err(_) => None,
    };
    if others.is_empty() && own.is_none() {
        return None;
    }
    let other = match asked {
        AddressFamily::Ipv4 => "ipv6",
        AddressFamily::Ipv6 => "ipv4",
        // Either will do.
        AddressFamily::Auto => return None,
    };
    let own = own.map(|own| format!("this machine ({own})"));
    let others: Vec<_> = own.into_iter().chain(others).collect();
    let method = facts.asked.method;
    Some(failure(
        Code::AddressFamily,
        others.clone(),
        format!(
            "The settings ask for {asked} addresses, but only {other} addresses exist for {}.",
            some(&others)
        ),
        format!(
            "Set discovery.{method}.address-family to {other} on every node, or give the subnets \
             {asked} addresses."
        ),
    ))
}

/// Any family will do, but a node sends by one family only.
fn both_families(facts: &Facts) -> Option<Finding> {
    let resolved = facts.lookup.as_ref().ok()?;
    let addresses = resolved.targets.iter().map(|target| target.address);
    let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = addresses.partition(IpAddr::is_ipv4);
    if four.is_empty() || six.is_empty() {
        return None;
    }
    let [four, six] = [four, six].map(|addresses| {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        some(&addresses)
    });
    let advice = match facts.asked.method {
        MethodName::Config => {
            "Set discovery.config.addresses to addresses of one family, which all nodes have."
                .to_owned()
        }
        method @ (MethodName::Ec2TagBased | MethodName::Ecs | MethodName::EcsTaskSet) => format!(
            "Choose one family: set discovery.{method}.address-family to the family that all nodes have, on every \
             node, or give an address of it to the nodes that lack one."
        ),
    };
    Some(failure(
        Code::AddressFamily,
        Vec::new(),
        format!(
            "Some nodes are listed with IPv4 addresses ({four}) and others with IPv6 ({six}), but a node \
             sends only to nodes of its own family."
        ),
        advice,
    ))
}

/// This machine's address is not known. It need not be if no node should run here.
fn own_address(facts: &Facts) -> Option<Finding> {
    let error = match &facts.here.address {
        Ok(_)
        | Err(
            Error::NetworkMode { .. }
            | Error::Metadata {
                problem: MetadataProblem::Only(_),
                ..
            },
        ) => return None,
        Err(error) => error,
    };
    let found = Finding {
        code: Code::NoOwnAddress,
        severity: Severity::Failure,
        about: Vec::new(),
        message: format!(
            "This machine's own address is not known: {}.",
            discovery::Chain(error)
        ),
        advice: "Set node.address to the address that AWS lists for this machine.".to_owned(),
    };
    Some(if is_a_nodes_place(facts) {
        found
    } else {
        Finding {
            severity: Severity::Warning,
            ..found
        }
    })
}

/// No listed task has the tags.
fn tags(facts: &Facts, resolved: &Resolved) -> Option<Finding> {
    let without = dropped(facts, |reason| matches!(reason, DropReason::TagMismatch(_)));
    if without.is_empty() || !resolved.targets.is_empty() {
        return None;
    }
    Some(failure(
        Code::WrongTags,
        without.clone(),
        format!(
            "{} listed, but none has the tags {}: {}.",
            plural(without.len(), "task is", "tasks are"),
            facts.asked.tags.join(", "),
            some(&without)
        ),
        format!(
            "Compare discovery.{}.tags with the tags of the tasks. ECS copies the service's tags to \
             its tasks only if propagateTags says so.",
            facts.asked.method
        ),
    ))
}

/// No running task or instance is listed.
fn nobody(facts: &Facts, resolved: &Resolved) -> Option<Finding> {
    if !resolved.targets.is_empty() {
        return None;
    }
    let dropped = match resolved.dropped.len() {
        0 => String::new(),
        more => format!("; all of the {more} listed were dropped"),
    };
    let advice = match facts.asked.method {
        MethodName::Ecs => {
            "Find out why the service runs no tasks: see its desired count and its events in ECS."
                .to_owned()
        }
        MethodName::EcsTaskSet => {
            "Find out why the task set runs no tasks: see its events in ECS.".to_owned()
        }
        MethodName::Ec2TagBased => format!(
            "Start instances with the tag {}, or compare the tag's key and value, the filters and \
             the region with the instances that run.",
            whom(&facts.asked)
        ),
        MethodName::Config => "Set discovery.config.addresses.".to_owned(),
    };
    Some(failure(
        Code::NobodyListed,
        Vec::new(),
        format!(
            "Discovery lists no node of {}{dropped}.",
            whom(&facts.asked)
        ),
        advice,
    ))
}

/// What is looked up, in words.
fn whom(asked: &Asked) -> String {
    let service = asked.looked_up().join("`, `");
    match &asked.scope {
        Scope::EcsCluster(cluster) => {
            format!("`{service}` in the ECS cluster `{}`", short_name(cluster))
        }
        Scope::TagKey(key) => {
            let tags = asked.looked_up().into_iter();
            let tags: Vec<_> = tags.map(|value| format!("{key}={value}")).collect();
            tags.join(" or ")
        }
        Scope::List => format!("`{service}`"),
    }
}

/// The node that runs, or should run, on this machine is not in the list.
fn not_listed(facts: &Facts, resolved: &Resolved) -> Option<Finding> {
    let own = facts.here.address.as_ref().ok()?;
    if !is_a_nodes_place(facts) || is_listed(facts) || resolved.targets.is_empty() {
        return None;
    }
    let task = facts.here.task.as_ref();
    let own_drop = task.and_then(|task| resolved.dropped.iter().find(|it| it.id == task.arn));
    if own_drop.is_none() && !resolved.completeness.is_complete() {
        // It may be among those that are missing.
        return None;
    }
    let why = match (own_drop, task) {
        (Some(dropped), _) => format!(": it was dropped ({})", dropped.reason),
        (None, Some(task)) if task.service.is_none() => {
            ", and this task belongs to no service".to_owned()
        }
        (None, _) => String::new(),
    };
    let advice = match (facts.asked.method, own_drop) {
        (_, Some(_)) => {
            "See above why it was dropped. A task that stops is no longer listed.".to_owned()
        }
        (MethodName::Ecs, None) => format!(
            "Run this node as a task of the service {}, or set node.address to the address that \
             AWS lists for it. A task that has just started may not be listed yet.",
            either(&facts.asked.looked_up())
        ),
        (MethodName::EcsTaskSet, None) => {
            "Wait a moment: a task that has just started may not be listed yet.".to_owned()
        }
        (MethodName::Ec2TagBased, None) => format!(
            "Give this instance the tag {}, or set node.address to the address that AWS lists for \
             it.",
            whom(&facts.asked)
        ),
        (MethodName::Config, None) => format!(
            "Add {} to discovery.config.addresses, or set node.address to one of them.",
            own.ip
        ),
    };
    let found = failure(
        Code::NotListed,
        vec![own.ip.to_string()],
        format!(
            "Discovery does not list this node ({}){why}. A node that is not listed cannot found a \
             cluster, and other nodes do not find it.",
            own.ip
        ),
        advice,
    );
    let alone = task.is_some_and(|task| task.service.is_none());
    Some(if alone && !runs_here(facts) {
        Finding {
            severity: Severity::Warning,
            advice: format!(
                "Ignore this if the task only runs the doctor. {}",
                found.advice
            ),
            ..found
        }
    } else {
        found
    })
}

/// This node's address is listed, but peers ask another port than its own.
fn wrong_port(facts: &Facts) -> Option<Finding> {
    let own = facts.here.address.as_ref().ok()?;
    let port = facts.asked.management_port;
    let here: Vec<_> = facts
        .points
        .iter()
        .filter(|point| point.at.ip() == own.ip)
        .collect();
    let filtered = facts.filtered_hosts.contains(&own.ip);
    if (here.is_empty() && !filtered) || here.iter().any(|point| point.at.0.port() == port) {
        return None;
    }
    let asked = if filtered {
        "on none of the ports that discovery gives for it".to_owned()
    } else {
        format!("on port {}", some(&ports(&here)))
    };
    Some(failure(
        Code::WrongPort,
        names(here),
        format!(
            "Peers ask {} {asked}, but management.port of the node there is {port}.",
            own.ip
        ),
        format!(
            "On every node, set management.port to the port that peers ask, or bootstrap.fallback-port (now \
             {}) to management.port.",
            facts.asked.fallback_port
        ),
    ))
}

fn ports(points: &[&crate::doctor::facts::Point]) -> Vec<String> {
    points
        .iter()
        .map(|point| point.at.0.port().to_string())
        .collect()
}

/// Fewer nodes are listed than must consent.
fn too_few(facts: &Facts, counted: &Counted, resolved: &Resolved) -> Option<Finding> {
    let Counted {
        listed,
        quorum,
        participants,
        ..
    } = *counted;
    if quorum <= listed || listed == 0 || !counted.clusters.is_empty() {
        return None;
    }
    let of = match counted.expected {
        Some(expected) => format!("{expected} nodes are expected"),
        None => {
            format!("{participants} may take part (the number of expected nodes is not known)")
        }
    };
    let gone = match resolved.dropped.len() {
        0 => String::new(),
        dropped => format!(" ({} dropped)", plural(dropped, "more was", "more were")),
    };
    if !resolved.completeness.is_complete() {
        // More nodes may exist than are listed.
        return Some(warning(
            Code::TooFewNodes,
            Vec::new(),
            format!(
                "{} listed{gone}, but {quorum} must consent to a new cluster, since {of}. The list may \
                 not be complete.",
                plural(listed, "node is", "nodes are")
            ),
            "Try again until the list is complete.".to_owned(),
        ));
    }
    let advice = match facts.asked.method {
        MethodName::Ecs | MethodName::EcsTaskSet => {
            "Find out why the service runs fewer tasks than its desired count: see its events in ECS. If \
             so few should run, set bootstrap.expected-nodes to their number."
        }
        MethodName::Ec2TagBased | MethodName::Config => {
            "Start more nodes, or set bootstrap.expected-nodes to the number that should run."
        }
    };
    Some(failure(
        Code::TooFewNodes,
        Vec::new(),
        format!(
            "{} listed{gone}, but {quorum} must consent to a new cluster, since {of}.",
            plural(listed, "node is", "nodes are")
        ),
        advice.to_owned(),
    ))
}

/// The list may be incomplete, for other reasons than those above.
fn partial(resolved: &Resolved) -> Option<Finding> {
    let Completeness::Partial(reasons) = &resolved.completeness else {
        return None;
    };
    let stays = reasons.iter().any(|reason| match reason {
        PartialReason::ServiceFailed { remedy, .. } => *remedy != Remedy::RetryLater,
        _ => false,
    });
    let reasons: Vec<String> = reasons
        .iter()
        .filter(|reason| match reason {
            PartialReason::NoAddress { missing, .. } => *missing == Missing::Yet,
            _ => true,
        })
        .map(ToString::to_string)
        .collect();
    if reasons.is_empty() {
        return None;
    }
    Some(warning(
        Code::PartialList,
        reasons.clone(),
        format!("The list may not be complete: {}.", some(&reasons)),
        if stays {
            "Correct the problem of the service that could not be looked up; it does not pass by itself."
        } else {
            "Try again later: starting tasks get their addresses, and failed calls are \
             repeated."
        }
        .to_owned(),
    ))
}

fn dropped(facts: &Facts, is_so: impl Fn(&DropReason) -> bool) -> Vec<String> {
    let Ok(resolved) = &facts.lookup else {
        return Vec::new();
    };
    let of = |dropped: &Dropped| short_name(&dropped.id).to_owned();
    let dropped = resolved.dropped.iter().filter(|it| is_so(&it.reason));
    dropped.map(of).collect()
}
