//! Bugs planted on purpose.

/// A bug planted on purpose, to show that the simulation finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// None.
    None,
    /// A process that starts again takes the generation of the process before it.
    GenerationNotRaised,
    /// A member writes only to members, so that it never finds lost members again.
    WritesToMembersOnly,
    /// So few must consent to a new cluster that two groups need not overlap.
    QuorumTooSmall,
    /// Nothing is sealed, so that a stranger's messages are accepted.
    Unsealed,
}
