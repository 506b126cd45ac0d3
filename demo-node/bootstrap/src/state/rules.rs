//! The settings of the rules.

use std::{str::FromStr, time::Duration};

use crate::Process;

/// What the rules need to know, fixed for the life of the node.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rules {
    /// This node.
    pub me: Process,
    /// Whether this node may ever found a cluster.
    pub new_cluster_enabled: bool,
    /// How many processes may take part in one formation, if configured; more if more are expected or listed.
    pub participants: Option<usize>,
    /// Whether every contact point must have answered, if the expected nodes are unknown.
    pub contact_with_all_contact_points: bool,
    /// How long the contact points must not have changed, if the expected nodes are unknown.
    pub stable_margin: Duration,
    /// How long an answer is valid, and how long a contact point may fail before it is dropped.
    pub probing_failure_timeout: Duration,
    /// What to do about several clusters with the same name.
    pub on_rival: OnRival,
}

impl Rules {
    /// The defaults.
    #[must_use]
    pub fn defaults(me: Process) -> Self {
        Self {
            me,
            new_cluster_enabled: true,
            participants: None,
            contact_with_all_contact_points: true,
            stable_margin: Duration::from_secs(5),
            probing_failure_timeout: Duration::from_secs(3),
            on_rival: OnRival::Merge,
        }
    }
}

/// What a node does about several clusters with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRival {
    /// A member only raises the alarm. A new node joins the cluster with the most contact points, so that a stray one
    /// does not attract new nodes.
    Alarm,
    /// A member raises the alarm; the younger cluster joins the older, and new nodes join the older, too.
    Merge,
}

impl FromStr for OnRival {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "merge" => Ok(Self::Merge),
            "alarm" => Ok(Self::Alarm),
            _ => Err("expected `merge` or `alarm`".to_owned()),
        }
    }
}

/// How many processes may take part if nothing else is known. Of three, two must consent, so that no node founds a
/// cluster alone.
pub const DEFAULT_PARTICIPANTS: usize = 3;

/// How long only the lowest address that answers may propose, if the number of expected nodes is known. After that
/// the next may, too; then twice as many each time.
pub const HEAD_START: Duration = Duration::from_secs(3);

/// How long a cluster that did not let this node in is ignored, if there is another way.
pub const PASSED_OVER_FOR: Duration = Duration::from_secs(60);
