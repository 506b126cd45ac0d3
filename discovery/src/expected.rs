//! How many peers the deployment should run, as far as a method can know it. Values only.

use std::num::NonZeroU32;

use crate::{config::MethodName, excerpt};

/// How many peers the deployment should run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedNodes {
    /// This many.
    Known(NonZeroU32),
    /// It is not known, and why.
    Unknown(WhyUnknown),
}

/// Why the number of expected nodes is not known, although no call has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyUnknown {
    /// The method has no way to know.
    #[error("the method {0} cannot know it")]
    Method(MethodName),
    /// This build cannot ask.
    #[error("this build lacks the cargo feature `{0}`")]
    NotBuilt(&'static str),
    /// Tags select some of the service's tasks, but its desired count is for all of them.
    #[error("tags select some of the service's tasks, but its desired count is for all of them")]
    TagsChoose,
    /// There is no such service, or it does not have the own task set or deployment.
    #[error(
        "ECS knows no service `{}`, or the service does not have this task's task set or deployment",
        short(.0)
    )]
    NoSuchService(String),
    /// No instance of this service is listed, so their group is not known.
    #[error(
        "no instance of the service `{}` is listed yet, so its Auto Scaling group is not known",
        short(.0)
    )]
    NobodyListed(String),
    /// Not all instances of the service are known, so not all of their groups.
    #[error(
        "the list of the service's instances is not complete, so not all of their Auto Scaling groups are known"
    )]
    PartialList,
    /// No instance of the service belongs to an Auto Scaling group, so there is no desired capacity.
    #[error(
        "no instance of the service belongs to an Auto Scaling group: none has the tag `aws:autoscaling:groupName`"
    )]
    NoGroups,
    /// An instance of the service belongs to no Auto Scaling group, although others do.
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
    /// The group has a warm pool: its instances may run and have the tag, but the desired capacity does not count them.
    #[error(
        "the Auto Scaling group `{}` has a warm pool, but its desired capacity does not count the pool's instances",
        short(.0)
    )]
    WarmPool(String),
    /// The desired count or capacity is zero, which says nothing about a cluster that is to form.
    #[error("the desired number is 0")]
    NoneWanted,
}

impl ExpectedNodes {
    /// The number, if it is known.
    #[must_use]
    pub fn number(&self) -> Option<NonZeroU32> {
        match self {
            Self::Known(number) => Some(*number),
            Self::Unknown(_) => None,
        }
    }

    /// Zero says nothing about a cluster that is to form.
    #[cfg(any(feature = "ecs", feature = "ec2-expected-nodes"))]
    pub(crate) fn of_count(count: u64) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        NonZeroU32::new(count).map_or(Self::Unknown(WhyUnknown::NoneWanted), Self::Known)
    }
}

impl WhyUnknown {
    /// Whether this will most likely not change: asking again is of no use.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            // An instance is usually in its group from the start. If you attach one later, set the number.
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

/// How much of a name from others is shown. A group's name has at most 255 characters.
fn short(text: &str) -> String {
    excerpt(text, 255)
}
