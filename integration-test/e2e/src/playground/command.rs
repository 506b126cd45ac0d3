//! The commands of a person, as the page sends them, and why one is not possible.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{story::Story, trouble::Trouble};

/// More would crowd the picture, and load a laptop.
pub const MOST_NODES: usize = 12;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Sets how many tasks the service is to have; ECS starts or stops some.
    Scale {
        /// How many.
        desired: usize,
        /// ECS starts the next one after so long.
        #[serde(default)]
        seconds_apart: u8,
    },
    /// Whether ECS replaces ended tasks.
    Replace {
        /// Whether it does.
        on: bool,
    },
    /// Every task is replaced by one of a new revision, one after the other.
    Deploy,
    /// Asks a node to end, as ECS does: it leaves the cluster first.
    Stop {
        /// Which.
        node: String,
    },
    /// Ends a node without warning.
    Kill {
        /// Which.
        node: String,
    },
    /// A node is frozen, and does not know it.
    Freeze {
        /// Which.
        node: String,
    },
    /// It continues.
    Thaw {
        /// Which.
        node: String,
    },
    /// These nodes and the others no longer reach each other.
    Split {
        /// One side.
        nodes: BTreeSet<String>,
    },
    /// All reach each other again.
    Heal,
    /// AWS begins to do something wrong, or stops doing it.
    Trouble {
        /// What.
        trouble: Trouble,
        /// Whether it does.
        on: bool,
    },
    /// More tasks start, which AWS lists separately from the others: they found a second cluster.
    SecondCluster,
    /// AWS lists all nodes to each other.
    Meet,
    /// Everything ends, and nodes start again in a region where nothing is wrong.
    Afresh {
        /// How many; if none, as many as at first.
        #[serde(default)]
        nodes: Option<usize>,
    },
    /// A story runs by itself.
    Tell {
        /// Which.
        story: Story,
    },
    /// The story ends where it is.
    Hush,
}

/// Why a command is not possible. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It names something that does not exist.
    #[error("{0}")]
    NotThere(String),
    /// It is not possible in the current state.
    #[error("{0}")]
    NotNow(String),
    /// It is never possible.
    #[error("{0}")]
    Never(String),
}

impl Command {
    /// Whether it is about telling a story, not about the cluster.
    #[must_use]
    pub fn is_about_stories(&self) -> bool {
        matches!(self, Self::Tell { .. } | Self::Hush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_the_page_sends_them() {
        for (sent, read) in [
            (
                r#"{"do":"scale","desired":7}"#,
                Command::Scale {
                    desired: 7,
                    seconds_apart: 0,
                },
            ),
            (r#"{"do":"heal"}"#, Command::Heal),
            (
                r#"{"do":"split","nodes":["orders-1"]}"#,
                Command::Split {
                    nodes: BTreeSet::from(["orders-1".to_owned()]),
                },
            ),
            (
                r#"{"do":"trouble","trouble":"too-little","on":true}"#,
                Command::Trouble {
                    trouble: Trouble::TooLittle,
                    on: true,
                },
            ),
            (
                r#"{"do":"tell","story":"cold-start"}"#,
                Command::Tell {
                    story: Story::ColdStart,
                },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Command>(sent).unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_is_wrong() {
        for (sent, told) in [
            (r#"{"do":"explode"}"#, "unknown variant `explode`"),
            (r#"{"node":"orders-1"}"#, "missing field `do`"),
            (r#"{"do":"kill"}"#, "missing field `node`"),
            (r#"{"do":"scale","desired":-1}"#, "invalid value"),
            (
                r#"{"do":"kill","node":"a","force":1}"#,
                "unknown field `force`",
            ),
            (r#"{"do":"trouble","trouble":"rain","on":true}"#, "`rain`"),
        ] {
            let error = serde_json::from_str::<Command>(sent).unwrap_err();
            assert!(error.to_string().contains(told), "{sent}: {error}");
        }
    }
}
