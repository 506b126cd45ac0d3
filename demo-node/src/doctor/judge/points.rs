//! Whether the contact points answer, with which key, and with which clock.

use std::collections::BTreeMap;

use super::{
    aws::could_not_ask,
    counted::Counted,
    place::runs_here,
    words::{failure, names, plural, some, warning},
};
use crate::{
    bootstrap::clocks::Skew,
    doctor::{
        facts::{Facts, Gossip, Management, Point, Stranger},
        finding::{Code, Finding, Severity},
    },
};

/// Two clocks that are off by about the same amount are most likely both right.
const ABOUT_THE_SAME_MS: u64 = 5_000;

pub(super) fn findings(facts: &Facts, counted: &Counted) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(management(facts, counted));
    findings.extend(strangers(facts, counted));
    findings.extend(clocks(facts));
    findings.extend(gossip(facts));
    findings.extend(other_addresses(facts));
    findings.extend(two_clusters(counted));
    if 0 < facts.unasked {
        findings.push(warning(
            Code::NotAllAsked,
            Vec::new(),
            format!(
                "{} not asked: there are too many, or they answer too slowly.",
                plural(facts.unasked, "contact point was", "contact points were")
            ),
            "Also read the nodes' logs: they name the contact points that do not count.".to_owned(),
        ));
    }
    findings
}

/// What remains to be said if nothing prevents a cluster.
pub(super) fn without_a_cause(facts: &Facts, counted: &Counted) -> Option<Finding> {
    let says = facts.here.node.as_ref().and_then(|node| node.says.as_ref());
    let says = says.map_or(String::new(), |says| {
        format!(" The node on this machine says: {says}.")
    });
    let again =
        "Try again in a few seconds; GET /bootstrap on a node's management port says what it \
                 waits for."
            .to_owned();
    let Some((_, cluster)) = counted.clusters.first() else {
        if !facts.asked.may_found {
            return Some(warning(
                Code::NoClusterYet,
                Vec::new(),
                format!(
                    "There is no cluster, and a node with these settings cannot found one: \
                     bootstrap.new-cluster-enabled is off.{says}"
                ),
                "Set bootstrap.new-cluster-enabled to on for the nodes that should found a cluster."
                    .to_owned(),
            ));
        }
        if counted.expected.is_none() && could_not_ask(facts).is_some() {
            // That is another finding, and must be corrected first.
            return None;
        }
        let alive = 0 < counted.able;
        return alive.then(|| {
            warning(
                Code::NoClusterYet,
                Vec::new(),
                format!(
                    "There is no cluster yet, but nothing that can be seen from here prevents \
                     one.{says}"
                ),
                again,
            )
        });
    };
    let own = facts.here.node.as_ref().map(|node| &node.management);
    let Some(Management::Proven(own)) = own else {
        return None;
    };
    own.cluster.is_none().then(|| {
        warning(
            Code::NotAMember,
            vec![own.contact_point.to_string()],
            format!(
                "The cluster {cluster} exists, but the node on this machine is not in it yet.{says}"
            ),
            again,
        )
    })
}

/// The contact points that should answer: all of them, except this machine's own if no node runs on it.
fn judged(facts: &Facts) -> impl Iterator<Item = &Point> {
    let runs_here = runs_here(facts);
    let points = facts.points.iter();
    points.filter(move |point| runs_here || !point.own)
}

fn management(facts: &Facts, counted: &Counted) -> Option<Finding> {
    let mut closed: BTreeMap<&'static str, Vec<&Point>> = BTreeMap::new();
    let mut failed: Vec<String> = Vec::new();
    for point in judged(facts) {
        let how = match &point.management {
            Management::Refused => "refused: nothing listens on that port",
            Management::Silent { connected: false } => {
                "no answer: packets are dropped, or no host has this address"
            }
            Management::Silent { connected: true } => "connected, but no answer",
            Management::Failed(why) => {
                failed.push(format!("{}: {why}", point.at));
                "failed"
            }
            Management::Proven(_) | Management::Rejected(_) => continue,
        };
        closed.entry(how).or_default().push(point);
    }
    let all: Vec<&Point> = closed.values().flatten().copied().collect();
    if all.is_empty() {
        return None;
    }
    let hows: Vec<String> = closed
        .iter()
        .map(|(how, points)| format!("{} ({how})", some(&names(points.iter().copied()))))
        .collect();
    let gossiping: Vec<&Point> = all
        .iter()
        .copied()
        .filter(|point| matches!(point.gossip, Gossip::Answered { .. }))
        .collect();
    let gossiping = if gossiping.is_empty() {
        String::new()
    } else {
        format!(
            " But {} by gossip, so a node runs there.",
            plural(gossiping.len(), "of them answers", "of them answer")
        )
    };
    let why = if failed.is_empty() {
        String::new()
    } else {
        format!(" {}.", some(&failed))
    };
    let silent = closed.keys().any(|how| how.starts_with("no answer"));
    let advice = if silent {
        let port = all[0].at.0.port();
        format!(
            "Allow TCP {port} from the nodes' security group to itself, inbound and outbound, and \
             check whether the nodes run there."
        )
    } else {
        "Check whether the nodes run there (see their logs), and whether their management.port is the \
         port that others ask."
            .to_owned()
    };
    let asked = judged(facts).count();
    Some(Finding {
        code: Code::ManagementClosed,
        severity: severity(counted.suffices()),
        about: names(all.iter().copied()),
        message: format!(
            "{} of {} not answer on the management port: {}.{gossiping}{why}",
            all.len(),
            plural(asked, "contact point does", "contact points do"),
            hows.join("; ")
        ),
        advice,
    })
}

/// A warning if a cluster can form in spite of it.
fn severity(forms: bool) -> Severity {
    if forms {
        Severity::Warning
    } else {
        Severity::Failure
    }
}

/// Contact points that answer, but whose answers do not count.
fn strangers(facts: &Facts, counted: &Counted) -> Vec<Finding> {
    let with = |is: fn(&Stranger) -> bool| -> Vec<String> {
        let points = judged(facts).filter(|point| match &point.management {
            Management::Rejected(stranger) => is(stranger),
            Management::Proven(_)
            | Management::Refused
            | Management::Silent { .. }
            | Management::Failed(_) => false,
        });
        names(points)
    };
    let mut findings = Vec::new();
    let other = with(|it| matches!(it, Stranger::OtherKey));
    if !other.is_empty() {
        findings.push(failure(
            Code::OtherKey,
            other.clone(),
            format!(
                "{} another key than this machine's settings: {}.",
                plural(other.len(), "contact point has", "contact points have"),
                some(&other)
            ),
            "Give all nodes the same membership.keys. To rotate a key without a gap: add the new one at \
             the end on every node, then move it to the front, then remove the old one."
                .to_owned(),
        ));
    }
    let unproven = with(|it| matches!(it, Stranger::NoProof));
    if !unproven.is_empty() {
        findings.push(failure(
            Code::OtherKey,
            unproven.clone(),
            format!(
                "{} no key: {}.",
                plural(
                    unproven.len(),
                    "contact point proves",
                    "contact points prove"
                ),
                some(&unproven)
            ),
            "Give all nodes the same membership.keys, and set membership.unsealed on none."
                .to_owned(),
        ));
    }
    let named = with(|it| matches!(it, Stranger::OtherName(_)));
    if !named.is_empty() {
        let theirs = facts
            .points
            .iter()
            .find_map(|point| match &point.management {
                Management::Rejected(Stranger::OtherName(name)) => Some(name.as_str()),
                _ => None,
            });
        findings.push(failure(
            Code::OtherName,
            named.clone(),
            format!(
                "{} the cluster `{}`, but this machine's settings name `{}`: {}.",
                plural(
                    named.len(),
                    "contact point belongs to",
                    "contact points belong to"
                ),
                theirs.unwrap_or_default(),
                facts.asked.service,
                some(&named)
            ),
            "Give all nodes the same bootstrap.service-name.".to_owned(),
        ));
    }
    let no_node = with(|it| matches!(it, Stranger::NoNode(_)));
    if !no_node.is_empty() {
        findings.push(Finding {
            code: Code::NoNode,
            severity: severity(counted.suffices()),
            about: no_node.clone(),
            message: format!(
                "Another program than a node answers on the management port of {}.",
                some(&no_node)
            ),
            advice: "Check what listens there, and whether bootstrap.fallback-port is the nodes' \
                     management.port."
                .to_owned(),
        });
    }
    findings
}

/// A contact point's clock, from either port.
fn skew(point: &Point) -> Option<Skew> {
    match (&point.management, &point.gossip) {
        (Management::Proven(proven), _) => Some(proven.skew),
        (_, Gossip::Answered { skew, .. }) => Some(*skew),
        _ => None,
    }
}

fn clocks(facts: &Facts) -> Option<Finding> {
    let own = facts.here.uid();
    let others = facts.others().filter(|point| match &point.management {
        Management::Proven(proven) => Some(proven.uid) != own,
        _ => true,
    });
    let skews: Vec<(&Point, Skew)> = others
        .filter_map(|point| Some((point, skew(point)?)))
        .collect();
    let wrong: Vec<_> = skews
        .iter()
        .filter(|(_, skew)| !skew.is_tolerable())
        .collect();
    let (first, off) = wrong.first()?;
    let alike = wrong
        .iter()
        .all(|(_, skew)| skew.0.abs_diff(off.0) < ABOUT_THE_SAME_MS);
    let about = names(wrong.iter().map(|(point, _)| *point));
    let service = "with the Amazon Time Sync Service (169.254.169.123) or another NTP server";
    let (message, advice) = if alike && wrong.len() == skews.len() && 1 < wrong.len() {
        (
            format!(
                "The clocks of all {} others are {off}, so most likely this machine's clock is \
                 wrong. Nodes whose clocks differ by more than 25 s cannot be in one cluster.",
                wrong.len()
            ),
            format!("Correct the clock of this machine, {service}."),
        )
    } else {
        let each: Vec<String> = wrong
            .iter()
            .map(|(point, skew)| format!("that of {} is {skew}", point.at))
            .collect();
        let whose = if skews.len() == 1 {
            format!("{} and of this machine", first.at)
        } else {
            some(&about)
        };
        (
            format!(
                "Clocks differ too much: {}. Nodes whose clocks differ by more than 25 s cannot be in one \
                 cluster.",
                some(&each)
            ),
            format!("Correct the clocks of {whose}, {service}."),
        )
    };
    Some(failure(Code::WrongClock, about, message, advice))
}

/// Nodes that answer by HTTP but not by gossip.
fn gossip(facts: &Facts) -> Option<Finding> {
    let closed = |point: &&Point| {
        let is_node = matches!(point.management, Management::Proven(_));
        match &point.gossip {
            Gossip::Refused | Gossip::Silent | Gossip::Failed(_) => is_node,
            Gossip::Answered { .. } => false,
        }
    };
    let closed: Vec<&Point> = judged(facts).filter(closed).collect();
    let first = closed.first()?;
    let places: Vec<String> = closed
        .iter()
        .map(|point| point.gossip_at.to_string())
        .collect();
    let port = first.gossip_at.port();
    let refused = closed.iter().all(|point| point.gossip == Gossip::Refused);
    let failed = closed
        .iter()
        .all(|point| matches!(point.gossip, Gossip::Failed(_)));
    let (how, advice) = if let Gossip::Failed(why) = &first.gossip
        && failed
    {
        (
            why.as_str(),
            "Give all nodes addresses of one family, and make sure that this machine has a route to \
             them."
                .to_owned(),
        )
    } else if refused {
        (
            "refused: nothing listens on that port",
            format!(
                "Find out why the nodes do not listen for gossip on UDP {port}: check membership.port, and, \
                 if set, membership.bind-port and the port mapping."
            ),
        )
    } else {
        (
            "no answer: packets are dropped on the way there or back",
            format!(
                "Allow UDP {port} from the nodes' security group to itself, inbound and outbound. \
                 If a key is being rotated: these nodes must also have the first of this machine's \
                 membership.keys."
            ),
        )
    };
    Some(failure(
        Code::GossipClosed,
        places.clone(),
        format!(
            "{} on the management port, but not on the gossip port: {} ({how}).",
            plural(closed.len(), "node answers", "nodes answer"),
            some(&places)
        ),
        advice,
    ))
}

fn other_addresses(facts: &Facts) -> Option<Finding> {
    let elsewhere: Vec<String> = facts
        .points
        .iter()
        .filter_map(|point| match &point.management {
            Management::Proven(proven) if proven.contact_point != point.at => {
                Some(format!("{} as {}", point.at, proven.contact_point))
            }
            _ => None,
        })
        .collect();
    if elsewhere.is_empty() {
        return None;
    }
    Some(warning(
        Code::OtherAddress,
        elsewhere.clone(),
        format!(
            "A node considers another address its own than the one that discovery lists: {}.",
            some(&elsewhere)
        ),
        "Set node.address and management.port of these nodes to what discovery lists.".to_owned(),
    ))
}

fn two_clusters(counted: &Counted) -> Option<Finding> {
    if counted.clusters.len() < 2 {
        return None;
    }
    let ids = counted.clusters.iter().map(|(_, id)| id.to_string());
    let ids: Vec<String> = ids.collect();
    Some(failure(
        Code::TwoClusters,
        ids.clone(),
        format!(
            "There are {} clusters with this name, the oldest first: {}.",
            ids.len(),
            some(&ids)
        ),
        "Make sure that all nodes reach each other by UDP. Then the younger cluster joins the older one, \
         unless bootstrap.on-rival-cluster is alarm."
            .to_owned(),
    ))
}
