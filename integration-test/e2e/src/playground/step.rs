//! What stories are made of.

use super::trouble::Trouble;

/// One step of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The caption from here on. `{leader}` is who leads now, and `{killed}` who was killed last.
    Say(&'static str),
    /// Something is done.
    Do(Deed),
    /// It goes on when this holds. Where that takes longer than so many seconds, the story gives up.
    Until(State, u16),
    /// Time to look and read, in seconds.
    Look(u8),
}

/// Something that a story does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Starts afresh with so many nodes, unless so many are one cluster and nothing is wrong.
    Ensure(usize),
    /// Starts afresh with so many nodes.
    Afresh(usize),
    /// Has ECS start tasks, so many seconds apart.
    Scale(usize, u8),
    /// Kills the leader.
    KillLeader,
    /// Splits the last so many nodes from the others.
    SplitLast(usize),
    /// The network is whole again.
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
    /// All nodes, so many, are one cluster, and each says so.
    OneCluster(usize),
    /// So many clusters.
    Clusters(usize),
    /// Somebody says that a member does not answer.
    Lost,
    /// Nobody says so, and nobody lists who has ended.
    NobodyLost,
    /// So many nodes say that they are on the smaller side of a split.
    Minority(usize),
    /// No deployment goes on.
    Rolled,
}
