//! The settings of the bootstrap, and their defaults.

use std::{num::NonZeroUsize, str::FromStr, time::Duration};

use bootstrap::{Process, cluster::ClusterName, expected::Expectation, state::OnRival};

use super::{
    declare::settings,
    parse,
    raw::Raw,
    setting::{Required, optional},
    values::Error,
};

/// What is looked up.
pub const SERVICE_NAME: Required<ClusterName> = optional(
    "bootstrap.service-name",
    "NAME",
    parse::text,
    "The cluster's name. Also what is looked up (the ECS service's name or the tag's value), unless \
     the method names several services",
)
.required();

/// The limit of one lookup.
pub const RESOLVE_TIMEOUT: Required<Duration> = optional(
    "bootstrap.resolve-timeout",
    "DURATION",
    parse::duration,
    "Time limit of one lookup with all its calls; for a whole list of more than 100 other nodes, \
     the limit for each 100 of them",
)
.or("3s");

settings! {
    /// How a cluster is formed.
    pub struct Settings {
        /// What is looked up, and the cluster's name.
        service_name: ClusterName = SERVICE_NAME;
        /// The port name to ask discovery for.
        port_name: Option<String> = optional(
            "bootstrap.port-name",
            "NAME",
            parse::text::<String>,
            "Port name to ask discovery for; every port that it returns is then probed",
        );
        /// Whether this node may found a cluster.
        new_cluster_enabled: bool = optional(
            "bootstrap.new-cluster-enabled",
            "BOOL",
            parse::switch,
            "Whether this node may found a cluster; `off`: it only joins one",
        ).or("on");
        /// How long the contact points must not have changed.
        stable_margin: Duration = optional(
            "bootstrap.stable-margin",
            "DURATION",
            parse::duration,
            "How long the contact points must stay the same before a cluster is founded, if the \
             expected nodes are unknown",
        ).or("5s");
        /// The pause between two lookups.
        interval: Duration = optional(
            "bootstrap.interval",
            "DURATION",
            parse::duration,
            "Pause between two lookups",
        ).or("1s");
        /// The share that is added to it at random, at most.
        random_factor: f64 = optional(
            "bootstrap.exponential-backoff-random-factor",
            "FACTOR",
            parse::share,
            "Largest random share that is added to the pauses between lookups",
        ).or("0.2");
        /// The longest pause between lookups that fail.
        backoff_max: Duration = optional(
            "bootstrap.exponential-backoff-max",
            "DURATION",
            parse::duration,
            "Longest pause between lookups that fail",
        ).or("15s");
        /// How many processes may take part in founding a cluster.
        participants: Option<NonZeroUsize> = optional(
            "bootstrap.participants",
            "NUMBER",
            at_least_one,
            "How many processes may take part in founding a cluster, including those that restart \
             during it. More than half of them must consent. If the expected nodes or the listed \
             ones are more, that number counts [default: the expected nodes; 3 if those are \
             unknown]",
        );
        /// The older setting for the same: how many must consent.
        required_contact_points: Option<NonZeroUsize> = optional(
            "bootstrap.required-contact-points",
            "NUMBER",
            at_least_one,
            "Older setting for the same: how many must consent. N here means 2 N - 1 participants",
        );
        /// How many nodes the deployment should run.
        expected_nodes: ExpectedNodes = optional(
            "bootstrap.expected-nodes",
            "NUMBER|auto|unknown",
            parse::text::<ExpectedNodes>,
            "How many nodes the deployment should run. `auto` asks the ECS service, or the Auto \
             Scaling group of the EC2 instances (times their ports), until this node is a member",
        ).or("auto");
        /// The limit of one lookup.
        resolve_timeout: Duration = RESOLVE_TIMEOUT;
        /// Whether every contact point must have answered.
        contact_with_all_contact_points: bool = optional(
            "bootstrap.contact-with-all-contact-points",
            "BOOL",
            parse::switch,
            "Whether every contact point must have answered before a cluster is founded, if the \
             expected nodes are unknown",
        ).or("on");
        /// The management port of peers for which discovery names none.
        fallback_port: u16 = optional(
            "bootstrap.fallback-port",
            "PORT",
            parse::port,
            "Management port of peers, if discovery gives none",
        ).or("7626");
        /// Whether, of a host with several ports, only that one is probed.
        filter_on_fallback_port: bool = optional(
            "bootstrap.filter-on-fallback-port",
            "BOOL",
            parse::switch,
            "If a host has several ports: whether to probe only the fallback port",
        ).or("on");
        /// The pause between two probes, and the limit of one.
        probe_interval: Duration = optional(
            "bootstrap.probe-interval",
            "DURATION",
            parse::duration,
            "Pause between two probes of a contact point, and time limit of one probe",
        ).or("1s");
        /// The share that is added to the pause at random, at most.
        probe_interval_jitter: f64 = optional(
            "bootstrap.probe-interval-jitter",
            "FACTOR",
            parse::share,
            "Largest random share that is added to the pauses between probes",
        ).or("0.2");
        /// After how long a failing contact point is dropped.
        probing_failure_timeout: Duration = optional(
            "bootstrap.probing-failure-timeout",
            "DURATION",
            parse::duration,
            "A contact point that fails for this long is dropped until discovery lists it again. At \
             least two probe intervals plus the jitter of one",
        ).or("3s");
        /// The pause between two lookups of all members together.
        watch_interval: Duration = optional(
            "bootstrap.watch-interval",
            "DURATION",
            parse::duration,
            "How often the members look for other clusters of the same name. They take turns: each \
             of N members looks every N times this long. A look takes two AWS calls for every 100 \
             nodes",
        ).or("5s");
        /// What a member does about another cluster of the same name.
        on_rival: OnRival = optional(
            "bootstrap.on-rival-cluster",
            "merge|alarm",
            parse::text::<OnRival>,
            "What to do about another cluster of the same name. `merge`: the younger cluster joins \
             the older. `alarm`: members only report it, and new nodes join the cluster with the \
             most contact points",
        ).or("merge");
    }
}

/// How many nodes the deployment should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedNodes {
    /// Ask the platform.
    Auto,
    /// This many.
    Number(NonZeroUsize),
    /// Not known, and not asked for.
    Unknown,
}

impl Settings {
    /// How many processes may take part, from either of the two settings. More than half must consent.
    #[must_use]
    pub fn participants(&self) -> Option<NonZeroUsize> {
        let by_the_old_name = self.required_contact_points.map(|consenting| {
            let others = consenting.get() - 1;
            consenting.saturating_add(others)
        });
        self.participants.max(by_the_old_name)
    }

    /// Checks that the settings do not contradict each other.
    ///
    /// # Errors
    ///
    /// When they do.
    pub fn check(&self) -> Result<(), Error> {
        let longest_pause = self
            .probe_interval
            .mul_f64(1.0 + self.probe_interval_jitter);
        // An answer may take an interval to come.
        let least = longest_pause + self.probe_interval;
        if self.probing_failure_timeout < least {
            return Err(Error::Combination(format!(
                "bootstrap.probing-failure-timeout is {}; it must be at least {} (twice bootstrap.probe-interval, \
                 plus its bootstrap.probe-interval-jitter): otherwise an answer is out of date before the next \
                 can come",
                humantime::format_duration(self.probing_failure_timeout),
                humantime::format_duration(least),
            )));
        }
        Ok(())
    }

    /// The bootstrap's settings for this process. A member reports that it is on the smaller side of a split when it
    /// has been there for `minority_after`.
    #[must_use]
    pub fn of(&self, me: Process, minority_after: Duration) -> bootstrap::Settings {
        let mut settings = bootstrap::Settings::new(self.service_name.clone(), me);
        settings.lookup.port_name.clone_from(&self.port_name);
        settings.resolve_timeout = self.resolve_timeout;
        settings.ask_timeout = self.probe_interval;

        let selection = &mut settings.selection;
        selection.fallback_port = self.fallback_port;
        selection.filter_on_fallback_port = self.filter_on_fallback_port;
        selection.port_name.clone_from(&self.port_name);

        let pace = &mut settings.coordinator;
        pace.expectation = match self.expected_nodes {
            ExpectedNodes::Auto => Expectation::Asking,
            ExpectedNodes::Number(number) => Expectation::Known(number.into()),
            ExpectedNodes::Unknown => Expectation::Unknown,
        };
        pace.interval = self.interval;
        pace.random_factor = self.random_factor;
        pace.backoff_max = self.backoff_max;
        pace.probe_interval = self.probe_interval;
        pace.probe_interval_jitter = self.probe_interval_jitter;
        pace.watch_interval = self.watch_interval;
        pace.minority_after = minority_after;

        let rules = &mut pace.rules;
        rules.new_cluster_enabled = self.new_cluster_enabled;
        rules.participants = self.participants().map(Into::into);
        rules.contact_with_all_contact_points = self.contact_with_all_contact_points;
        rules.stable_margin = self.stable_margin;
        rules.probing_failure_timeout = self.probing_failure_timeout;
        rules.on_rival = self.on_rival;
        settings
    }
}

fn at_least_one(raw: &Raw) -> Result<NonZeroUsize, String> {
    parse::number(raw, "a number of at least 1")
}

impl FromStr for ExpectedNodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            ("unknown", _) => Ok(Self::Unknown),
            (_, Ok(number)) => Ok(Self::Number(number)),
            (_, Err(_)) => Err("expected `auto`, `unknown` or a number of at least 1".to_owned()),
        }
    }
}
