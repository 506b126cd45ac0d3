//! The settings of the node itself.

use std::{net::IpAddr, time::Duration};

use crate::config::{declare::settings, parse, raw::Raw, setting::optional};

settings! {
    /// Where this node is, what it reports, and how it leaves.
    pub struct Settings {
        /// Where peers reach it; found out if it is not given.
        address: Option<IpAddr> = optional(
            "node.address",
            "IP",
            ip,
            "Address at which peers reach this node [default: from task metadata, IMDSv2 or the \
             network interfaces]",
        );
        /// Where it listens; its own address if it is not given.
        bind_address: Option<IpAddr> = optional(
            "node.bind-address",
            "IP",
            ip,
            "Address to listen on, if it is not node.address (Docker on an EC2 host) [default: the \
             container's own address]",
        );
        /// How long leaving may take.
        grace_period: Duration = optional(
            "node.grace-period",
            "DURATION",
            parse::duration,
            "How long leaving may take after SIGTERM, SIGINT or SIGHUP",
        ).or("10s");
        /// How often it reports in the log.
        report_interval: Option<Duration> = optional(
            "node.report-interval",
            "DURATION",
            parse::duration,
            "How often the log reports the number of members and what went wrong since the last \
             report (line `cluster report`), as a source for metrics [default: never]",
        );
    }
}

fn ip(raw: &Raw) -> Result<IpAddr, String> {
    parse::number(raw, "an IP address, for example `10.0.1.7`")
}
