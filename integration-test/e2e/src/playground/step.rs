//! What stories are made of.

use super::trouble::Trouble;

/// One step of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The caption from here on. `{leader}` is the current leader, and `{killed}` the node that was killed last.
    Say(&'static str),
    /// Something is done.
    Do(Deed),
    /// The story continues when this is true. If that takes longer than this many seconds, the story ends.
    Until(State, u16),
    /// Time to look and read, in seconds.
    Look(u8),
}

/// Something that a story does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Starts again with this many nodes, unless exactly so many are one cluster and nothing is wrong.
    Ensure(usize),
    /// Starts again with this many nodes.
    Afresh(usize),
    /// Makes ECS start tasks, with this many seconds between them.
    Scale(usize, u8),
    /// Kills the leader.
    KillLeader,
    /// Splits the last nodes, this many, from the others.
    SplitLast(usize),
    /// Heals the network.
    Heal,
    /// AWS begins to do something wrong.
    Begin(Trouble),
    /// It ends it.
    End(Trouble),
    /// A deployment.
    Deploy,
    /// A second cluster.
    SecondCluster,
    /// The two clusters meet.
    Meet,
}

/// What a story waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// So many nodes answer.
    Answering(usize),
    /// Some node is a member.
    AnyMember,
    /// All nodes, this many, are one cluster, and each says so.
    OneCluster(usize),
    /// So many clusters.
    Clusters(usize),
    /// Some node says that a member does not answer.
    Lost,
    /// No node says that, and no member lists a node that has ended.
    NobodyLost,
    /// This many nodes say that they are on the smaller side of a split.
    Minority(usize),
    /// No deployment is running.
    Rolled,
}
