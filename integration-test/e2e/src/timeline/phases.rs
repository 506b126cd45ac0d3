//! What a line of a node's log says about its way into a cluster and out of it.

use super::lines::{Level, Line};

/// What a node does for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Which kind.
    pub kind: Kind,
    /// What distinguishes it from others of the kind, in a word or two.
    pub name: String,
    /// A sentence.
    pub text: String,
}

/// The kinds of phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The process runs, but the node does not yet.
    Starting,
    /// A rule is not met.
    Waiting,
    /// It asks others to consent to a new cluster.
    Founding,
    /// It asks to be let in, or starts a cluster.
    Joining,
    /// It is a member.
    Member,
    /// It is a member, on the smaller side of a split.
    Minority,
    /// It leaves.
    Leaving,
}

/// What a line says of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// It is a member.
    Up,
    /// It is no longer a member.
    Gone,
    /// It does not answer.
    Lost,
    /// It answers again.
    Back,
}

/// A part of each rule's text that identifies it, and what the rule is about.
const RULES: [(&str, &str); 13] = [
    ("waiting for the first lookup", "first lookup"),
    ("the last lookup failed", "lookup failed"),
    ("the last lookup was partial", "partial list"),
    ("new-cluster-enabled is off", "may not found"),
    ("waiting for the number of expected nodes", "expected nodes"),
    ("waiting for contact points: ", "contact points"),
    ("this node's own contact point", "not listed"),
    ("the lowest address that answers", "lowest address"),
    ("have not answered with the cluster's key", "answers of all"),
    ("the list of contact points has not changed", "stable list"),
    ("looking for a cluster to join", "seeking"),
    ("waiting for contact points to answer", "answers"),
    ("contact points with a correct clock", "clocks"),
];

/// The first thing that a process says.
const FIRST_WORDS: &str = "listening";

/// Whether a process has just begun to talk.
#[must_use]
pub fn begins(line: &Line) -> bool {
    line.level == Level::Info && line.message == FIRST_WORDS
}

/// The phase that begins with a line, if any.
#[must_use]
pub fn phase(line: &Line) -> Option<Phase> {
    match line.level {
        Level::Info | Level::Warn => {}
        Level::Debug | Level::Error | Level::Said => return None,
    }
    let (kind, name) = match line.message.as_str() {
        FIRST_WORDS => (Kind::Starting, "starting"),
        "node started" => (Kind::Waiting, "first lookup"),
        "asking the contact points to consent to a new cluster" => (Kind::Founding, "founding"),
        "founding the cluster" => (Kind::Joining, "starts the cluster"),
        "joining the cluster" | "the older cluster lets this node in: joining it" => {
            (Kind::Joining, "joining")
        }
        "this node is a member" => return Some(member(line, cluster(line).as_deref())),
        "this node is on the smaller side of a split" => (Kind::Minority, "smaller side"),
        "left the cluster" => (Kind::Leaving, "leaving"),
        message
            if message.starts_with("leaving the cluster") || message.ends_with(": stopping") =>
        {
            (Kind::Leaving, "leaving")
        }
        message => {
            let rule = RULES.iter().find(|(part, _)| message.contains(part));
            let (_, name) = rule.filter(|_| line.level == Level::Info)?;
            (Kind::Waiting, *name)
        }
    };
    Some(Phase {
        kind,
        name: name.to_owned(),
        text: line.text(),
    })
}

/// The phase of a member of this cluster, which the line tells of.
#[must_use]
pub fn member(line: &Line, cluster: Option<&str>) -> Phase {
    Phase {
        kind: Kind::Member,
        name: match cluster {
            Some(cluster) => format!("member of {cluster}"),
            None => "member".to_owned(),
        },
        text: line.text(),
    }
}

/// The cluster that a line is about, by the beginning of its id.
#[must_use]
pub fn cluster(line: &Line) -> Option<String> {
    Some(line.field("cluster.id")?.chars().take(8).collect())
}

/// What a line says of a member, and of which: its gossip address.
#[must_use]
pub fn about(line: &Line) -> Option<(&str, About)> {
    let about = match line.message.as_str() {
        "member is up" => About::Up,
        "member has left"
        | "member was removed as dead"
        | "member was replaced by a newer process" => About::Gone,
        "member does not answer" => About::Lost,
        "member answers again" => About::Back,
        _ => return None,
    };
    Some((line.field("node")?, about))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

    use demo_node::bootstrap::{ContactPoint, reason::WaitReason};
    use serde_json::{Map, json};

    use super::*;

    fn line(message: &str, fields: &serde_json::Value) -> Line {
        Line {
            at: Some(0),
            level: Level::Info,
            message: message.to_owned(),
            fields: fields.as_object().cloned().unwrap_or_else(Map::new),
        }
    }

    /// A new rule must be added to those below, and to [`RULES`].
    fn name(reason: &WaitReason) -> &'static str {
        match reason {
            WaitReason::NoLookupYet => "first lookup",
            WaitReason::LookupFailed => "lookup failed",
            WaitReason::PartialView => "partial list",
            WaitReason::NewClusterDisabled => "may not found",
            WaitReason::ExpectedNodesPending => "expected nodes",
            WaitReason::TooFewContactPoints { .. } => "contact points",
            WaitReason::NotListed { .. } => "not listed",
            WaitReason::LowerAddressAnswers { .. } => "lowest address",
            WaitReason::NotAllAnswered { .. } => "answers of all",
            WaitReason::NotStable { .. } => "stable list",
            WaitReason::Seeking { .. } => "seeking",
            WaitReason::TooFewAnswered { .. } => "answers",
            WaitReason::ClocksApart { .. } => "clocks",
        }
    }

    #[test]
    fn every_rule_that_a_node_may_wait_for_is_known_by_its_text() {
        let point = ContactPoint(SocketAddr::from(([127, 1, 0, 2], 7626)));
        let reasons = [
            WaitReason::NoLookupYet,
            WaitReason::LookupFailed,
            WaitReason::PartialView,
            WaitReason::NewClusterDisabled,
            WaitReason::ExpectedNodesPending,
            WaitReason::TooFewContactPoints {
                found: 1,
                required: 2,
            },
            WaitReason::NotListed { me: point },
            WaitReason::LowerAddressAnswers { lowest: point },
            WaitReason::NotAllAnswered {
                silent: BTreeSet::from([point]),
                contact_points: 3,
            },
            WaitReason::NotStable {
                margin: Duration::from_secs(5),
            },
            WaitReason::Seeking { few: 3 },
            WaitReason::TooFewAnswered {
                answered: 1,
                quorum: 2,
            },
            WaitReason::ClocksApart {
                answered: 1,
                quorum: 2,
                apart: [].into(),
            },
        ];
        assert_eq!(reasons.len(), RULES.len());
        for reason in &reasons {
            let phase = phase(&line(&reason.to_string(), &json!({}))).unwrap();
            assert_eq!(
                (phase.kind, phase.name.as_str()),
                (Kind::Waiting, name(reason))
            );
        }
    }

    #[test]
    fn the_way_into_a_cluster_and_out_of_it_is_known_by_what_is_said_there() {
        let cluster = json!({ "cluster.id": "1262fb594e2d9a1173f9d8b1535b23b4" });
        for (message, kind, name) in [
            ("listening", Kind::Starting, "starting"),
            ("founding the cluster", Kind::Joining, "starts the cluster"),
            ("joining the cluster", Kind::Joining, "joining"),
            (
                "the older cluster lets this node in: joining it",
                Kind::Joining,
                "joining",
            ),
            ("this node is a member", Kind::Member, "member of 1262fb59"),
            ("SIGTERM: stopping", Kind::Leaving, "leaving"),
            ("leaving the cluster", Kind::Leaving, "leaving"),
        ] {
            let phase = phase(&line(message, &cluster)).unwrap();
            assert_eq!((phase.kind, phase.name.as_str()), (kind, name));
        }
        for message in ["discovered", "this many nodes are expected", ""] {
            assert_eq!(phase(&line(message, &cluster)), None, "{message}");
        }
    }

    #[test]
    fn what_strangers_wrote_into_a_line_begins_no_phase() {
        let mut said = line("waiting for the first lookup", &json!({}));
        said.level = Level::Said;

        assert_eq!(phase(&said), None);
        assert_eq!(about(&line("member is up", &json!({ "node": 7 }))), None);
    }
}
