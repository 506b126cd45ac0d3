//! The stories that tell themselves, as data.

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
    /// AWS misbehaves while nodes start.
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
            Self::LostNode => "The leader is killed: who notices, who leads then, what ECS does",
            Self::FlakyAws => "AWS throttles, is slow and lists too little while five nodes start",
            Self::Partition => "The network splits into three nodes and two, and heals",
            Self::Rolling => "Every node is replaced, one by one; the cluster stays the same",
            Self::Merge => "Nodes that AWS kept apart have founded a second cluster: they meet",
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
    Say("We begin with nothing: no task runs."),
    Do(Afresh(0)),
    Look(3),
    Say(
        "The service is told to have five tasks. Here ECS starts one every four seconds, so that there is time to look. \
         The first node asks AWS who is there, and finds only itself: one of five is no majority, so it waits.",
    ),
    Do(Scale(5, 4)),
    Until(Answering(1), 20),
    Look(2),
    Until(Answering(2), 20),
    Say(
        "Two of five. They have found each other through AWS, and ask each other: are you in a cluster? Neither is. \
         If each simply started one, there would be two: so they wait.",
    ),
    Until(AnyMember, 20),
    Say(
        "Three of five are a majority. The one with the lowest address asked for votes and got them: \
         the cluster is founded, under an id that a majority has agreed on. {leader} leads.",
    ),
    Look(3),
    Until(Answering(4), 20),
    Say("Whoever comes later has it easy: it finds a member, and joins. No vote is needed."),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "Five nodes, one cluster. It took one list from AWS for each of them, and a vote of three.",
    ),
    Look(4),
];

const LOST_NODE: &[Step] = &[
    Say("Five nodes are one cluster."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "{leader} has the lowest address, so it leads. In three seconds it is killed: no good-bye, as in a power failure.",
    ),
    Look(3),
    Do(KillLeader),
    Say(
        "{killed} is gone, and nobody has told the others. They try each other all the time, and will miss it.",
    ),
    Until(Lost, 15),
    Say(
        "They do not get an answer, have others try as well, and say: {killed} does not answer. It still counts as a member: \
         it could be a moment's hiccup.",
    ),
    Until(NobodyLost, 20),
    Say(
        "After some seconds of silence it is taken out. {leader} has the lowest address now, so it leads. \
         No election was held: all see the same members, so all know.",
    ),
    Look(4),
    Say("ECS has seen the task end. It starts another, which asks AWS, finds a member, and joins."),
    Until(OneCluster(5), 40),
    Look(1),
    Say("Five again, and still the same cluster: its id has not changed."),
    Look(4),
];

const FLAKY_AWS: &[Step] = &[
    Say(
        "We begin with nothing, and with an AWS on a bad day: it refuses every second call, is slow, and lists two tasks too few.",
    ),
    Do(Afresh(0)),
    Do(Begin(Trouble::Throttle)),
    Do(Begin(Trouble::Lag)),
    Do(Begin(Trouble::TooLittle)),
    Look(4),
    Say("Five nodes start at once. See how their calls end."),
    Do(Scale(5, 0)),
    Until(Answering(5), 20),
    Look(2),
    Say(
        "Each list looks complete and is not. Whoever trusted one could found a cluster for those it knows of. \
         These nodes need a majority of five instead, whatever is listed: so they keep asking.",
    ),
    Until(AnyMember, 120),
    Say(
        "Somebody has heard of enough others: a majority has consented. The rest will join as soon as they hear of a member.",
    ),
    Until(OneCluster(5), 120),
    Say(
        "It took longer, and there is one cluster. From now on they hear of each other by gossip: AWS hardly matters any more.",
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
        "The network splits: three nodes here, two there. AWS reaches them all, and so does this page; but they do not reach each other.",
    ),
    Do(SplitLast(2)),
    Until(Lost, 15),
    Say(
        "Each side says that the other does not answer. Neither can know whether the others are gone or cut off.",
    ),
    Until(Minority(2), 30),
    Say(
        "Two of five are fewer than half: these two say so, and are not ready, \
         so that a load balancer would send nobody there. The other three go on as before.",
    ),
    Look(5),
    Until(NobodyLost, 30),
    Say(
        "After some seconds of silence each side has taken the other out, and goes on with a leader of its own. \
         Nobody is shut down.",
    ),
    Look(5),
    Say("The network heals."),
    Do(Heal),
    Until(OneCluster(5), 40),
    Say("They have found each other again, and are the same cluster as before."),
    Look(4),
];

const ROLLING: &[Step] = &[
    Say("Five nodes are one cluster, and a new version is to be deployed."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "For each old task ECS starts a new one, waits until it is a member that all see, and only then asks the old one to stop. \
         Who is asked to stop says good-bye: nobody has to find out that it is gone.",
    ),
    Do(Deploy),
    Look(1),
    Until(Rolled, 120),
    Until(OneCluster(5), 30),
    Say(
        "Not one of the nodes is the same, and the cluster is: its id was handed on from the old to the new.",
    ),
    Look(4),
];

const MERGE: &[Step] = &[
    Say("Five nodes are one cluster."),
    Do(Ensure(5)),
    Until(OneCluster(5), 30),
    Look(2),
    Say(
        "Two more tasks start, and AWS is wrong for a long time: it shows them only each other, and they were told that they are all there is. \
         No rule can help them: they found a second cluster.",
    ),
    Do(SecondCluster),
    Until(Clusters(2), 30),
    Look(5),
    Say(
        "AWS lists them all to each other again. Members take turns in looking whether there is another cluster of their name.",
    ),
    Do(Meet),
    Until(OneCluster(7), 60),
    Say(
        "The two have gone over to the older cluster, by themselves. Of two clusters everybody agrees which is the older.",
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
