//! The settings of management HTTP.

use std::collections::BTreeSet;

use crate::config::{declare::settings, parse, setting::optional};

settings! {
    /// How a node is managed.
    pub struct Settings {
        /// The TCP port that peers reach.
        port: u16 = optional(
            "management.port",
            "PORT",
            parse::port,
            "TCP port of management HTTP, as peers reach it",
        ).or("7626");
        /// The TCP port to listen on, if it is another.
        bind_port: Option<u16> = optional(
            "management.bind-port",
            "PORT",
            parse::port,
            "TCP port to listen on [default: management.port]",
        );
        /// Whether writing is refused.
        read_only: bool = optional(
            "management.read-only",
            "BOOL",
            parse::switch,
            "Whether requests to join, leave or down over management HTTP are refused",
        ).or("on");
        /// Whether this node serves its page.
        page: bool = optional(
            "management.page",
            "BOOL",
            parse::switch,
            "Whether the management port shows, at `/`, a page of the cluster as this node sees it",
        ).or("on");
        /// Host names of this node, in lower case, that writing requests may use.
        host_names: Option<BTreeSet<String>> = optional(
            "management.host-names",
            "NAME,…",
            parse::host_names,
            "Host names that requests to join, leave or down may use, besides IP addresses and \
             localhost. Others are refused: otherwise any website could send such requests, through \
             a name that points to this node",
        );
    }
}

impl Settings {
    /// The TCP port to listen on.
    #[must_use]
    pub fn bind_port(&self) -> u16 {
        self.bind_port.unwrap_or(self.port)
    }
}
