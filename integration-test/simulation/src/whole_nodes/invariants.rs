//! What must hold for a cluster, each in its own function: named in the failure, and by the tests that plant a bug to
//! be found.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use demo_node::{
    cluster::{ClusterId, NodeUid},
    membership::{Members, Status},
};

use super::plan::Host;
use crate::stranger;

/// A node that is running, and what it sees.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) node: SocketAddr,
    pub(super) uid: NodeUid,
    pub(super) members: Arc<Members>,
}

/// All that are running.
pub(super) type Cluster = BTreeMap<Host, Running>;

/// An invariant's name, and how it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: &'static str,
    /// How.
    pub how: String,
}

/// Status and body of what a node answered over HTTP, or why there was no answer.
pub(super) type Answer = Result<(u16, String), String>;

type Holds = Result<(), Broken>;

fn broken(invariant: &'static str, how: String) -> Holds {
    Err(Broken { invariant, how })
}

/// At any time: all nodes that ever became members did so in the same cluster.
pub(super) fn invariant_one_cluster_ever(clusters: &BTreeMap<ClusterId, Host>) -> Holds {
    if clusters.len() < 2 {
        return Ok(());
    }
    broken(
        "invariant_one_cluster_ever",
        format!("clusters by who was first seen in them: {clusters:?}"),
    )
}

/// At rest: all invariants for a cluster at rest.
pub(super) fn at_rest(cluster: &Cluster) -> Holds {
    invariant_nobody_is_in_a_strangers_cluster(cluster)?;
    invariant_everyone_is_in_the_same_cluster(cluster)?;
    invariant_everyone_lists_exactly_the_running(cluster)?;
    invariant_no_former_process_is_listed(cluster)?;
    invariant_everyone_sees_the_same_leader(cluster)
}

fn invariant_nobody_is_in_a_strangers_cluster(cluster: &Cluster) -> Holds {
    for (host, running) in cluster {
        if running.members.formation == Some(stranger::FORMATION) {
            return broken(
                "invariant_nobody_is_in_a_strangers_cluster",
                format!("{host} is in the cluster that the stranger says it is in"),
            );
        }
    }
    Ok(())
}

fn invariant_everyone_is_in_the_same_cluster(cluster: &Cluster) -> Holds {
    let mut first = None;
    for (host, running) in cluster {
        let me = &running.members;
        let (Status::Up, Some(formation)) = (me.me.status, me.formation) else {
            return broken(
                "invariant_everyone_is_in_the_same_cluster",
                format!("{host} is {}", me.me.status),
            );
        };
        if *first.get_or_insert(formation) != formation {
            return broken(
                "invariant_everyone_is_in_the_same_cluster",
                format!("{host} is in {formation:?}, others in {first:?}"),
            );
        }
    }
    Ok(())
}

/// After two clusters have met: no member has reported them twice, and at least one has.
pub(super) fn invariant_the_alarm_is_raised_once(answers: &BTreeMap<Host, [Answer; 1]>) -> Holds {
    const NAME: &str = "invariant_the_alarm_is_raised_once";
    let mut all = 0;
    for (host, [answer]) in answers {
        let alarms = match answer {
            Ok((200, body)) => alarms(body),
            Ok(_) | Err(_) => None,
        };
        match alarms {
            Some(alarms) if alarms < 2 => all += alarms,
            other => return broken(NAME, format!("{host} has {other:?} alarms: {answer:?}")),
        }
    }
    if all == 0 {
        return broken(NAME, "nobody has".to_owned());
    }
    Ok(())
}

fn alarms(body: &str) -> Option<usize> {
    let json: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(json["alarms"].as_array()?.len())
}

/// After two clusters have met: all nodes are in the older one.
pub(super) fn invariant_all_are_in_one_of(
    cluster: &Cluster,
    before: &BTreeMap<ClusterId, Host>,
) -> Holds {
    for (host, running) in cluster {
        let formation = running.members.formation;
        if !formation.is_some_and(|formation| before.contains_key(&formation.id)) {
            return broken(
                "invariant_all_are_in_one_of",
                format!("{host} is in {formation:?}, before there was {before:?}"),
            );
        }
    }
    Ok(())
}

fn invariant_everyone_lists_exactly_the_running(cluster: &Cluster) -> Holds {
    for (host, running) in cluster {
        let listed: Vec<SocketAddr> = running
            .members
            .members
            .values()
            .filter(|member| member.reachable && member.status == Status::Up)
            .map(|member| member.gossip)
            .collect();
        let all = running.members.members.len();
        let expected = cluster.values().map(|running| running.node);
        if all != listed.len() || !expected.eq(listed.iter().copied()) {
            return broken(
                "invariant_everyone_lists_exactly_the_running",
                format!(
                    "{host} lists {all} members, of which up and reachable {listed:?}; running are {:?}",
                    cluster.keys()
                ),
            );
        }
    }
    Ok(())
}

fn invariant_no_former_process_is_listed(cluster: &Cluster) -> Holds {
    for (host, running) in cluster {
        for (other, present) in cluster {
            let listed = running.members.members.get(&present.node);
            if let Some(listed) = listed
                && listed.uid != present.uid
            {
                return broken(
                    "invariant_no_former_process_is_listed",
                    format!(
                        "{host} lists process {} at {other}, where {} is running",
                        listed.uid, present.uid
                    ),
                );
            }
        }
    }
    Ok(())
}

fn invariant_everyone_sees_the_same_leader(cluster: &Cluster) -> Holds {
    let lowest = cluster.values().next().map(|running| running.node);
    for (host, running) in cluster {
        let leader = running.members.leader().map(|leader| leader.gossip);
        if leader != lowest {
            return broken(
                "invariant_everyone_sees_the_same_leader",
                format!("{host} sees {leader:?}, the lowest of all is {lowest:?}"),
            );
        }
    }
    Ok(())
}

/// After the death of a process in a network without faults: no member sees it as reachable.
pub(super) fn invariant_the_dead_are_not_reachable(cluster: &Cluster, dead: SocketAddr) -> Holds {
    for (host, running) in cluster {
        let listed = running.members.members.get(&dead);
        if listed.is_some_and(|member| member.reachable) {
            return broken(
                "invariant_the_dead_are_not_reachable",
                format!("{host} takes {dead} for reachable"),
            );
        }
    }
    Ok(())
}

/// After a node was asked to stop.
pub(super) fn invariant_who_was_asked_to_stop_has_stopped(cluster: &Cluster, host: Host) -> Holds {
    if cluster.contains_key(&host) {
        return broken(
            "invariant_who_was_asked_to_stop_has_stopped",
            format!("{host} is running"),
        );
    }
    Ok(())
}

/// Over HTTP, at rest: every node is ready, and gives the same answers as the others.
pub(super) fn invariant_everyone_is_ready_and_says_the_same(
    answers: &BTreeMap<Host, [Answer; 2]>,
    running: &Cluster,
) -> Holds {
    const NAME: &str = "invariant_everyone_is_ready_and_says_the_same";
    let mut first = None;
    for host in running.keys() {
        let Some([ready, members]) = answers.get(host) else {
            return broken(NAME, format!("{host} was not asked"));
        };
        match ready {
            Ok((200, _)) => {}
            other => return broken(NAME, format!("/ready of {host}: {other:?}")),
        }
        let said = match members {
            Ok((200, body)) => said(body),
            other => return broken(NAME, format!("/cluster/members of {host}: {other:?}")),
        };
        let Some(said) = said else {
            return broken(NAME, format!("/cluster/members of {host}: {members:?}"));
        };
        if said.listed != running.len() || said.unreachable != 0 {
            return broken(NAME, format!("/cluster/members of {host}: {members:?}"));
        }
        if first.get_or_insert_with(|| said.clone()) != &said {
            return broken(NAME, format!("{host} says {said:?}, others {first:?}"));
        }
    }
    Ok(())
}

/// The part in which all members' answers must agree.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    listed: usize,
    unreachable: usize,
    cluster: serde_json::Value,
    leader: serde_json::Value,
    oldest: serde_json::Value,
    members: serde_json::Value,
}

fn said(body: &str) -> Option<Said> {
    let json: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(Said {
        listed: json["members"].as_array()?.len(),
        unreachable: json["unreachable"].as_array()?.len(),
        cluster: json["cluster"].clone(),
        leader: json["leader"].clone(),
        oldest: json["oldest"].clone(),
        members: json["members"].clone(),
    })
}
