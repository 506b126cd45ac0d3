//! Bugs planted on purpose.

/// A bug planted on purpose, to show that the simulation finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// None.
    None,
    /// A process that starts again takes the generation of the one before it.
    GenerationNotRaised,
    /// A member writes to none but members, so that it never finds back to those it has lost.
    WritesToMembersOnly,
    /// So few must consent to a new cluster that two groups need not have anyone in common.
    QuorumTooSmall,
    /// Nothing is sealed, so that a stranger is believed.
    Unsealed,
}
