//! The stories that run by themselves, as data.

use serde::{Deserialize, Serialize};

use super::{
    step::{
        Deed::{
            Afresh, Begin, Deploy, End, Ensure, Heal, KillLeader, Meet, Scale, SecondCluster,
            SplitLast,
        },
        State::{Answering, AnyMember, Clusters, Lost, Minority, NobodyLost, OneCluster, Rolled},
        Step::{self, Do, Look, Say, Until},
    },
    trouble::Trouble,
};

/// A story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Story {
    /// Five nodes start, and become one cluster.
    ColdStart,
    /// The leader is killed.
    LostNode,
    /// AWS has problems while nodes start.
    FlakyAws,
    /// The network splits and heals.
    Partition,
    /// Every node is replaced.
    Rolling,
    /// Two clusters become one.
    Merge,
}

impl Story {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 6] = [
        Self::ColdStart,
        Self::LostNode,
        Self::FlakyAws,
        Self::Partition,
        Self::Rolling,
        Self::Merge,
    ];

    /// What it is called.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::ColdStart => "A cold start",
            Self::LostNode => "A lost node",
            Self::FlakyAws => "A flaky AWS",
            Self::Partition => "A partition",
            Self::Rolling => "A deployment",
            Self::Merge => "Two clusters",
        }
    }

    /// What it shows.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::ColdStart => "How five nodes that know nothing become one cluster, and never two",
            Self::LostNode => {
                "The leader is killed: which nodes notice, which one leads then, what ECS does"
            }
            Self::FlakyAws => "AWS throttles, is slow and lists too little while five nodes start",
            Self::Partition => "The network splits into three nodes and two, and heals",
            Self::Rolling => "Every node is replaced, one by one; the cluster stays the same",
            Self::Merge => {
                "Nodes that AWS listed separately have founded a second cluster: the two meet"
            }
        }
    }

    /// What happens in it.
    #[must_use]
    pub(super) fn steps(self) -> &'static [Step] {
        match self {
            Self::ColdStart => COLD_START,
            Self::LostNode => LOST_NODE,
            Self::FlakyAws => FLAKY_AWS,
            Self::Partition => PARTITION,
            Self::Rolling => ROLLING,
            Self::Merge => MERGE,
        }
    }
}

const COLD_START: &[Step] = &[
    Say("We begin with nothing: no task is running."),
    Do(Afresh(0)),
    Look(3),
    Say(
        "The service is told to have five tasks. Here ECS starts one every four seconds, so that there is time to \
         watch. The first node asks AWS for its peers and finds only itself: one of five is not a majority, so it waits.",
    ),
    Do(Scale(5, 4)),
    Until(Answering(1), 20),
    Look(2),
    Until(Answering(2), 20),
    Say(
        "Two of five. They have found each other through AWS, and ask each other: are you in a cluster? Neither is. \
         If each simply started one, there would be two clusters. So they wait.",
    ),
    Until(AnyMember, 20),
    Say(
        "Three of five are a majority. The one with the lowest address asked for votes and got them: \
         the cluster is founded, with an id that a majority has accepted. {leader} leads.",
    ),
    Look(3),
    Until(Answering(4), 20),
    Say("For later nodes it is easy: each finds a member, and joins. No vote is needed."),
    Until(OneCluster(5), 30),
    Look(2),
    Say("Five nodes, one cluster. It needed one list from AWS for each node, and a vote of three."),
    Look(4),
];

const LOST_NODE: &[Step] = &[
    Say("Five nodes are one cluster."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "{leader} has the lowest address, so it leads. In three seconds it is killed, without leaving, as in a power failure.",
    ),
    Look(3),
    Do(KillLeader),
    Say(
        "{killed} is gone, and nothing has told the others. They probe each other all the time, and will notice.",
    ),
    Until(Lost, 15),
    Say(
        "They get no answer, ask others to probe it, too, and report: {killed} does not answer. It is still a member: it may \
         only be slow for a moment.",
    ),
    Until(NobodyLost, 20),
    Say(
        "After some seconds of silence it is removed. {leader} has the lowest address now, so it leads. \
         No election is needed: all see the same members, so all know the leader.",
    ),
    Look(4),
    Say(
        "ECS has seen the task end. It starts another one, which asks AWS, finds a member, and joins.",
    ),
    Until(OneCluster(5), 40),
    Look(1),
    Say("Five again, and still the same cluster: its id has not changed."),
    Look(4),
];

const FLAKY_AWS: &[Step] = &[
    Say(
        "We begin with nothing, and with an AWS that has problems: it refuses every second call, is slow, and lists two tasks too few.",
    ),
    Do(Afresh(0)),
    Do(Begin(Trouble::Throttle)),
    Do(Begin(Trouble::Lag)),
    Do(Begin(Trouble::TooLittle)),
    Look(4),
    Say("Five nodes start at once. Watch how their calls end."),
    Do(Scale(5, 0)),
    Until(Answering(5), 20),
    Look(2),
    Say(
        "Each list looks complete, but is not. A node that trusted it could found a cluster of the nodes in \
         it. These nodes need a majority of five, whatever is listed. So they keep asking.",
    ),
    Until(AnyMember, 120),
    Say(
        "One node has found enough others: a majority has consented. The rest will join as soon as they find a member.",
    ),
    Until(OneCluster(5), 120),
    Say(
        "It took longer, but there is one cluster. From now on they learn about each other by gossip, so AWS hardly matters any more.",
    ),
    Look(4),
    Do(End(Trouble::TooLittle)),
    Do(End(Trouble::Lag)),
    Do(End(Trouble::Throttle)),
];

const PARTITION: &[Step] = &[
    Say("Five nodes are one cluster."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "The network splits: three nodes here, two there. All reach AWS, and this page reaches all; but the two sides do not reach each other.",
    ),
    Do(SplitLast(2)),
    Until(Lost, 15),
    Say(
        "Each side says that the other does not answer. Neither can know whether the others are gone or cut off.",
    ),
    Until(Minority(2), 30),
    Say(
        "Two of five are fewer than half: these two report it and are not \
         ready, so that a load balancer sends them no requests. The other three continue as before.",
    ),
    Look(5),
    Until(NobodyLost, 30),
    Say(
        "After some seconds of silence each side has removed the other, and continues with its own leader. No \
         node is shut down.",
    ),
    Look(5),
    Say("The network heals."),
    Do(Heal),
    Until(OneCluster(5), 40),
    Say("They have found each other again, and are the same cluster as before."),
    Look(4),
];

const ROLLING: &[Step] = &[
    Say("Five nodes are one cluster, and a new version will be deployed."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "For each old task ECS starts a new one, waits until it is a member that all see, and only then asks the old one to stop. \
         A node that is asked to stop tells the others that it leaves, so none has to find out.",
    ),
    Do(Deploy),
    Look(1),
    Until(Rolled, 120),
    Until(OneCluster(5), 30),
    Say(
        "All nodes are new, but the cluster is the same: the old nodes passed its id to the new ones.",
    ),
    Look(4),
];

const MERGE: &[Step] = &[
    Say("Five nodes are one cluster."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "Two more tasks start, and AWS is wrong for a long time: it lists to them only each other, and says that no more nodes are expected. \
         No rule can help here: they found a second cluster.",
    ),
    Do(SecondCluster),
    Until(Clusters(2), 30),
    Look(5),
    Say(
        "AWS lists all nodes to each other again. Members take turns to look for another cluster with their name.",
    ),
    Do(Meet),
    Until(OneCluster(7), 60),
    Say(
        "The two have joined the older cluster by themselves. All nodes agree which of the two clusters is older.",
    ),
    Look(4),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_story_begins_and_ends_with_a_caption() {
        for story in Story::ALL {
            let steps = story.steps();
            assert!(matches!(steps[0], Say(_)), "{story:?}");
            let last = steps.iter().rev().find(|step| !matches!(step, Do(_)));
            assert!(matches!(last, Some(Look(4..))), "{story:?}");
        }
    }

    #[test]
    fn what_a_story_breaks_it_mends() {
        for story in Story::ALL {
            for trouble in Trouble::ALL {
                let count = |deed| {
                    story
                        .steps()
                        .iter()
                        .filter(|step| **step == Do(deed))
                        .count()
                };
                assert_eq!(count(Begin(trouble)), count(End(trouble)), "{story:?}");
            }
        }
    }
}
