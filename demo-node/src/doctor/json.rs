//! The report for programs. The names of its fields do not change; new ones may be added.

use discovery::Chain;
use serde_json::{Value, json};

use super::{
    calls::{self, CallResult},
    facts::{Facts, Gossip, Management, Point, Scope, Stranger, Told},
    finding::{Finding, Severity},
    judge::Diagnosis,
    needs,
};
use crate::config::bootstrap::ExpectedNodes;

/// The report.
#[must_use]
pub fn json(facts: &Facts, diagnosis: &Diagnosis) -> Value {
    json!({
        "verdict": verdict(diagnosis.worst()),
        "first": diagnosis.first,
        "findings": diagnosis.findings.iter().map(finding).collect::<Vec<_>>(),
        "here": here(facts),
        "lookup": lookup(facts),
        "calls": made(facts),
        "listed": listed(facts),
        "contact_points": facts.points.iter().map(point).collect::<Vec<_>>(),
        "contact_points_not_asked": facts.unasked,
        "security_group": rules(facts),
        "elapsed_ms": u64::try_from(facts.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The verdict in one word.
fn verdict(worst: Option<Severity>) -> &'static str {
    match worst {
        None => "fine",
        Some(Severity::Warning) => "warnings",
        Some(Severity::Failure) => "failures",
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.code.as_str(),
        "severity": finding.severity.as_str(),
        "about": finding.about,
        "message": finding.message,
        "advice": finding.advice,
    })
}

fn here(facts: &Facts) -> Value {
    let here = &facts.here;
    let own = here.address.as_ref().ok();
    let task = here.task.as_ref();
    let node = here.node.as_ref();
    json!({
        "address": own.map(|own| own.ip),
        "address_source": own.map(|own| {
            own.source.as_ref().map_or("node.address".to_owned(), ToString::to_string)
        }),
        "address_problem": here.address.as_ref().err().map(|error| Chain(error).to_string()),
        "region": here.region(),
        "zone": own.and_then(|own| own.zone.clone()).or_else(|| task?.zone.clone()),
        "task": task.map(|task| &task.arn),
        "task_cluster": task.and_then(|task| task.cluster.as_ref()),
        "task_service": task.and_then(|task| task.service.as_ref()),
        "network_mode": task.and_then(|task| task.network_mode.as_ref()),
        "caller": calls::caller(&facts.calls),
        "node_asked_at": node.map(|node| node.at),
        "node_runs": node.is_some_and(|node| matches!(node.management, Management::Proven(_))),
        "node_says": node.and_then(|node| node.says.as_ref()),
    })
}

fn lookup(facts: &Facts) -> Value {
    let asked = &facts.asked;
    let (cluster, tag_key) = match &asked.scope {
        Scope::EcsCluster(cluster) => (Some(cluster), None),
        Scope::TagKey(key) => (None, Some(key)),
        Scope::List => (None, None),
    };
    let expected = match (asked.expected, &facts.told) {
        (ExpectedNodes::Number(number), _) => Some(number.get()),
        (ExpectedNodes::Auto, Some(Told::Nodes(number))) => Some(*number),
        (ExpectedNodes::Auto | ExpectedNodes::Unknown, _) => None,
    };
    let resolved = facts.lookup.as_ref();
    let partial = resolved.map_or(&[][..], |resolved| resolved.completeness.reasons());
    json!({
        "method": asked.method.as_str(),
        "service": asked.service,
        "services": asked.looked_up(),
        "role": asked.role,
        "cluster": cluster,
        "tag_key": tag_key,
        "tags": asked.tags,
        "region": asked.region,
        "address_family": asked.family.as_str(),
        "expected_nodes": expected,
        "completeness": resolved.map_or("failed", |resolved| {
            if resolved.completeness.is_complete() { "complete" } else { "partial" }
        }),
        "partial_reasons": partial.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "error": resolved.err().map(|error| Chain(error).to_string()),
    })
}

fn made(facts: &Facts) -> Vec<Value> {
    let each = facts.calls.iter().map(|call| {
        let needed = needs::permission(call.action, facts);
        let (result, problem, denied_on) = match &call.result {
            CallResult::Allowed => ("allowed", None, None),
            CallResult::Denied { resource, .. } => ("denied", None, resource.clone()),
            CallResult::Failed(why) => ("failed", Some(why.clone()), None),
            CallResult::NotMade(why) => ("not-made", Some(why.to_string()), None),
        };
        json!({
            "action": call.action,
            "optional": call.optional,
            "result": result,
            "problem": problem,
            "denied_on": denied_on,
            "resource": needed.resource,
            "condition": needed.condition,
        })
    });
    each.collect()
}

fn listed(facts: &Facts) -> Vec<Value> {
    let Ok(resolved) = &facts.lookup else {
        return Vec::new();
    };
    let targets = resolved.targets.iter().map(|target| {
        json!({
            "id": target.id,
            "counts": true,
            "address": target.address,
            "port": target.port,
            "reason": null,
            "metadata": target.metadata,
        })
    });
    let dropped = resolved.dropped.iter().map(|dropped| {
        json!({
            "id": dropped.id,
            "counts": false,
            "address": null,
            "port": null,
            "reason": dropped.reason.to_string(),
            "metadata": {},
        })
    });
    targets.chain(dropped).collect()
}

fn point(point: &Point) -> Value {
    let proven = match &point.management {
        Management::Proven(proven) => Some(proven),
        _ => None,
    };
    let gossip_skew = match &point.gossip {
        Gossip::Answered { skew, .. } => Some(*skew),
        _ => None,
    };
    json!({
        "contact_point": point.at,
        "own": point.own,
        "management": management(&point.management),
        "management_problem": match &point.management {
            Management::Rejected(Stranger::NoNode(what)) => Some(what),
            Management::Rejected(Stranger::OtherName(name)) => Some(name),
            Management::Failed(why) => Some(why),
            _ => None,
        },
        "gossip_address": point.gossip_at,
        "gossip": match &point.gossip {
            Gossip::Answered { .. } => "our-key",
            Gossip::Refused => "refused",
            Gossip::Silent => "silent",
            Gossip::Failed(_) => "failed",
        },
        "gossip_problem": match &point.gossip {
            Gossip::Failed(why) => Some(why),
            _ => None,
        },
        "cluster": proven.and_then(|proven| proven.cluster).map(|cluster| cluster.id),
        "clock_ahead_ms": proven.map(|proven| proven.skew).or(gossip_skew),
    })
}

fn management(management: &Management) -> &'static str {
    match management {
        Management::Proven(_) => "our-key",
        Management::Rejected(Stranger::OtherKey) => "other-key",
        Management::Rejected(Stranger::NoProof) => "no-proof",
        Management::Rejected(Stranger::OtherName(_)) => "other-name",
        Management::Rejected(Stranger::NoNode(_)) => "no-node",
        Management::Refused => "refused",
        Management::Silent { .. } => "silent",
        Management::Failed(_) => "failed",
    }
}

fn rules(facts: &Facts) -> Vec<Value> {
    let rules = needs::rules(&facts.asked);
    let each = rules.iter().map(|rule| {
        json!({
            "direction": rule.direction.as_str(),
            "protocol": rule.protocol.as_str(),
            "port": rule.port,
            "peer": rule.peer,
            "purpose": rule.purpose,
        })
    });
    each.collect()
}
