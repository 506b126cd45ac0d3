//! The settings of gossip.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use crate::{
    config::{
        declare::settings,
        parse,
        raw::Raw,
        setting::{Setting, optional},
        values::{Error, Values},
    },
    seal::Keyring,
};

settings! {
    /// As it is given.
    struct Given {
        /// The UDP port that peers reach.
        port: u16 = optional(
            "membership.port",
            "PORT",
            parse::port,
            "UDP port of gossip, as peers reach it",
        ).or("7355");
        /// The UDP port to listen on, if it is another.
        bind_port: Option<u16> = optional(
            "membership.bind-port",
            "PORT",
            parse::port,
            "UDP port to listen on [default: membership.port]",
        );
        /// The keys made from the cluster's secrets.
        keys: Option<Keyring> = optional(
            "membership.keys",
            "SECRET,…",
            keyring,
            "Secrets of at least 32 characters that all nodes share: the first seals messages, all \
             open them. To rotate: add the new one at the end on every node, then move it to the \
             front, then remove the old one",
        ).secret();
        /// Whether the node may run without keys.
        unsealed: bool = optional(
            "membership.unsealed",
            "BOOL",
            parse::switch,
            "Run without keys. Then anybody on the network can read, join and change the cluster",
        ).or("off");
        /// This node's roles.
        roles: Option<BTreeSet<String>> = optional(
            "membership.roles",
            "ROLE,…",
            parse::words,
            "Roles of this node, shown to the others",
        );
        /// How long a member must be on the smaller side of a split before it says so.
        minority_after: Duration = optional(
            "membership.minority-after",
            "DURATION",
            parse::duration,
            "How long a member must reach fewer than a majority of the expected nodes before it \
             reports that it is on the smaller side of a split",
        ).or("5s");
        /// What it does then.
        on_minority: OnMinority = optional(
            "membership.on-minority",
            "report|unready|leave",
            parse::text::<OnMinority>,
            "What a member on the smaller side of a split does. `report`: only report it. \
             `unready`: also answer 503 at /ready, so that load balancers send it no requests. \
             `leave`: leave the cluster and end, so that the orchestrator starts another node, \
             which joins when the network has healed",
        ).or("report");
    }
}

/// What a member does on the smaller side of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMinority {
    /// It only reports it.
    Report,
    /// It is also not ready.
    Unready,
    /// It leaves the cluster and ends.
    Leave,
}

impl FromStr for OnMinority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "report" => Ok(Self::Report),
            "unready" => Ok(Self::Unready),
            "leave" => Ok(Self::Leave),
            _ => Err("expected `report`, `unready` or `leave`".to_owned()),
        }
    }
}

/// How a node gossips.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The UDP port that peers reach.
    pub port: u16,
    /// The UDP port to listen on.
    pub bind_port: u16,
    /// The keys made from the cluster's secrets; empty only if the node runs unsealed.
    pub keyring: Keyring,
    /// This node's roles.
    pub roles: BTreeSet<String>,
    /// How long a member must be on the smaller side of a split before it says so.
    pub minority_after: Duration,
    /// What it does then.
    pub on_minority: OnMinority,
}

impl Settings {
    /// All of them, in the order in which `--help` lists them.
    pub const SETTINGS: &'static [Setting] = Given::SETTINGS;

    /// Takes their values.
    ///
    /// # Errors
    ///
    /// When one is wrong, or it is not clear whether to run without keys.
    pub fn read(values: &Values) -> Result<Self, Error> {
        let given = Given::read(values)?;
        let keyring = match (given.keys, given.unsealed) {
            (Some(keyring), false) => keyring,
            (None, true) => Keyring::unsealed(),
            (Some(_), true) => {
                return Err(Error::Combination(
                    "membership.keys and membership.unsealed are both set: remove one of them"
                        .to_owned(),
                ));
            }
            (None, false) => {
                return Err(Error::Combination(
                "membership.keys is not set: without a shared secret anybody on the network could \
                 join the cluster. Set DEMO_NODE_MEMBERSHIP_KEYS (for example to the output of \
                 `openssl rand -hex 32`), or set `membership.unsealed = on` to run without keys"
                    .to_owned(),
            ));
            }
        };
        Ok(Self {
            port: given.port,
            bind_port: given.bind_port.unwrap_or(given.port),
            keyring,
            roles: given.roles.unwrap_or_default(),
            minority_after: given.minority_after,
            on_minority: given.on_minority,
        })
    }
}

fn keyring(raw: &Raw) -> Result<Keyring, String> {
    let secrets = parse::ordered_words(raw)?;
    Keyring::from_secrets(&secrets).map_err(|error| error.to_string())
}
