//! How many peers the deployment means to run, as far as a method can tell. Values only.

use std::num::NonZeroU32;

use crate::{config::MethodName, excerpt};

/// How many peers the deployment means to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedNodes {
    /// This many.
    Known(NonZeroU32),
    /// It is not known, and why.
    Unknown(WhyUnknown),
}

/// Why it is not known how many peers there are to be, although no call has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyUnknown {
    /// The method has no way to know.
    #[error("the method {0} cannot tell")]
    Method(MethodName),
    /// This build cannot ask.
    #[error("this build has not the cargo feature `{0}`")]
    NotBuilt(&'static str),
    /// Tags choose some of the service's tasks, and its count is of all.
    #[error("tags choose among the tasks of the service, whose desired count is of all of them")]
    TagsChoose,
    /// There is no such service, or the own task set or deployment is none of its.
    #[error(
        "ECS knows no service `{}`, or not the own task set or deployment in it",
        short(.0)
    )]
    NoSuchService(String),
    /// No instance of this service is listed, so nothing tells their group.
    #[error(
        "no instance of the service `{}` is listed yet, so its Auto Scaling group is not known",
        short(.0)
    )]
    NobodyListed(String),
    /// Not all instances of the service are known, and so not all of their groups.
    #[error(
        "the list of the service's instances is not whole, so not all of their Auto Scaling groups are known"
    )]
    PartialList,
    /// No instance of the service belongs to an Auto Scaling group: nothing says how many there are to be.
    #[error(
        "no instance of the service belongs to an Auto Scaling group: none has the tag `aws:autoscaling:groupName`"
    )]
    NoGroups,
    /// An instance of the service belongs to no Auto Scaling group, and others do.
    #[error(
        "instance {} belongs to no Auto Scaling group: it has no tag `aws:autoscaling:groupName`",
        short(.0)
    )]
    NoGroup(String),
    /// There is no such Auto Scaling group.
    #[error("there is no Auto Scaling group `{}` in this account and region", short(.0))]
    NoSuchGroup(String),
    /// The group's capacity is not counted in instances.
    #[error(
        "the desired capacity of the Auto Scaling group `{}` is not counted in instances, but in {}",
        short(group),
        short(unit)
    )]
    OtherUnit {
        /// The group.
        group: String,
        /// What it counts.
        unit: String,
    },
    /// The group has a warm pool: its instances may run, and carry the tag, and the desired capacity does not count them.
    #[error(
        "the Auto Scaling group `{}` has a warm pool, whose instances its desired capacity does not count",
        short(.0)
    )]
    WarmPool(String),
    /// The service, or the group, is to run none, which says nothing about a cluster that is to be formed.
    #[error("none are to run")]
    NoneWanted,
}

impl ExpectedNodes {
    /// The number, where it is known.
    #[must_use]
    pub fn number(&self) -> Option<NonZeroU32> {
        match self {
            Self::Known(number) => Some(*number),
            Self::Unknown(_) => None,
        }
    }

    /// Zero is no statement about a cluster that is to be formed.
    #[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
    pub(crate) fn of_count(count: u64) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        NonZeroU32::new(count).map_or(Self::Unknown(WhyUnknown::NoneWanted), Self::Known)
    }
}

impl WhyUnknown {
    /// Whether it most likely stays so: there is no use in asking again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            // An instance is in its group from the start as a rule; who attaches one later sets the number.
            Self::Method(_) | Self::NotBuilt(_) | Self::TagsChoose | Self::NoGroups => true,
            Self::NoSuchService(_)
            | Self::NobodyListed(_)
            | Self::PartialList
            | Self::NoGroup(_)
            | Self::NoSuchGroup(_)
            | Self::OtherUnit { .. }
            | Self::WarmPool(_)
            | Self::NoneWanted => false,
        }
    }
}

/// How much of each name of others is shown. That of a group has 255 characters at most.
fn short(text: &str) -> String {
    excerpt(text, 255)
}
