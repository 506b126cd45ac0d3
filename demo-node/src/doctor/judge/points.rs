//! Whether the contact points answer, with whose key, and with what clock.

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

/// Two nodes whose clocks are off by about the same have, most likely, the same right one.
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
                "{} not asked: there are many, or they answer slowly.",
                plural(facts.unasked, "contact point was", "contact points were")
            ),
            "Read the log of each node, too: it names the contact points that do not count."
                .to_owned(),
        ));
    }
    findings
}

/// What is left to say where nothing speaks against a cluster.
pub(super) fn without_a_cause(facts: &Facts, counted: &Counted) -> Option<Finding> {
    let says = facts.here.node.as_ref().and_then(|node| node.says.as_ref());
    let says = says.map_or(String::new(), |says| {
        format!(" The node on this machine says: {says}.")
    });
    let again = "Ask again in some seconds; what a node waits for is at GET /bootstrap of its \
                 management port."
        .to_owned();
    let Some((_, cluster)) = counted.clusters.first() else {
        if !facts.asked.may_found {
            return Some(warning(
                Code::NoClusterYet,
                Vec::new(),
                format!(
                    "There is no cluster, and a node of these settings founds none: \
                     bootstrap.new-cluster-enabled is off.{says}"
                ),
                "Set bootstrap.new-cluster-enabled to on for the nodes that shall found a cluster."
                    .to_owned(),
            ));
        }
        if counted.expected.is_none() && could_not_ask(facts).is_some() {
            // That is told of, and is what to mend first.
            return None;
        }
        let alive = 0 < counted.able;
        return alive.then(|| {
            warning(
                Code::NoClusterYet,
                Vec::new(),
                format!(
                    "There is no cluster yet, and nothing that can be seen from here speaks \
                     against one.{says}"
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
                "There is the cluster {cluster}, and the node on this machine is not in it yet.{says}"
            ),
            again,
        )
    })
}

/// Those of whom it matters whether they answer: all but this machine's own where no node runs on it.
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
                "silent: dropped on the way, or nobody is there"
            }
            Management::Silent { connected: true } => "connected, and silent then",
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
            " By gossip {} all the same, so a node runs there.",
            plural(gossiping.len(), "of them answers", "of them answer")
        )
    };
    let why = if failed.is_empty() {
        String::new()
    } else {
        format!(" {}.", some(&failed))
    };
    let silent = closed.keys().any(|how| how.starts_with("silent"));
    let advice = if silent {
        let port = all[0].at.0.port();
        format!(
            "Allow TCP {port} from the nodes' security group to itself, inbound and outbound, and \
             see whether the nodes run there."
        )
    } else {
        "See whether the nodes run there (their logs), and whether their management.port is the \
         port that is asked."
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

/// Where a cluster forms all the same, it is a warning.
fn severity(all_the_same: bool) -> Severity {
    if all_the_same {
        Severity::Warning
    } else {
        Severity::Failure
    }
}

/// Whoever answers and is not believed.
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
                "{} with another key than this machine's settings have: {}.",
                plural(other.len(), "contact point seals", "contact points seal"),
                some(&other)
            ),
            "Give all nodes the same membership.keys. To change it without a gap, add the new one \
             last everywhere, then put it first, then drop the old one."
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
            "Give all nodes the same membership.keys, and membership.unsealed to none.".to_owned(),
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
                "{} the cluster `{}`, and this machine's settings name `{}`: {}.",
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
                "Something else than a node answers on the management port of {}.",
                some(&no_node)
            ),
            advice: "See what listens there, and whether bootstrap.fallback-port is the nodes' \
                     management.port."
                .to_owned(),
        });
    }
    findings
}

/// A contact point's clock, by whichever port tells it.
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
    let service = "by the Amazon Time Sync Service (169.254.169.123), or another NTP server";
    let (message, advice) = if alike && wrong.len() == skews.len() && 1 < wrong.len() {
        (
            format!(
                "The clocks of all {} others are {off}: this machine's is the wrong one, most \
                 likely. More than 25 s keep nodes out of one cluster.",
                wrong.len()
            ),
            format!("Set the clock of this machine right, {service}."),
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
                "Clocks differ too much: {}. More than 25 s keep nodes out of one cluster.",
                some(&each)
            ),
            format!("Set the clocks of {whose} right, {service}."),
        )
    };
    Some(failure(Code::WrongClock, about, message, advice))
}

/// Nodes that answer by HTTP and not by gossip.
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
            "Give all nodes addresses of one family, and see that this machine has a route to \
             theirs."
                .to_owned(),
        )
    } else if refused {
        (
            "refused: nothing listens on that port",
            format!(
                "See why gossip of the nodes does not listen on UDP {port}: membership.port, and \
                 membership.bind-port with the mapping of ports where that is set."
            ),
        )
    } else {
        (
            "silent: dropped on the way, or on the way back",
            format!(
                "Allow UDP {port} from the nodes' security group to itself, inbound and outbound. \
                 Where a key is being changed: these nodes must have the first of this machine's \
                 membership.keys, too."
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
            "A node knows itself by another address than the one that it is listed under: {}.",
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
            "There are {} clusters of this name, the oldest first: {}.",
            ids.len(),
            some(&ids)
        ),
        "See that every node reaches every other one by UDP: the younger cluster joins the older \
         then, unless bootstrap.on-rival-cluster is alarm."
            .to_owned(),
    ))
}
