//! What is wrong, and what to do about it.

use std::fmt;

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: contact points, actions, tasks.
    pub about: Vec<String>,
    /// What was found, in one or two sentences.
    pub message: String,
    /// What to do, in one or two sentences.
    pub advice: String,
}

/// How bad a finding is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A cluster can form; something is less safe or not fully known.
    Warning,
    /// It keeps nodes out of a cluster.
    Failure,
}

macro_rules! codes {
    ($($(#[$what:meta])* $code:ident = $text:literal,)*) => {
        /// What is wrong. The names are for programs and do not change. The order: a finding that explains others comes
        /// first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$what])* $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// For programs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }
        }
    };
}

codes! {
    /// No region is known.
    NoRegion = "no-region",
    /// The settings name another region than the one this runs in.
    WrongRegion = "wrong-region",
    /// There is no such ECS cluster, or this task runs in another.
    WrongCluster = "wrong-cluster",
    /// There is no such service, or this task belongs to another.
    WrongService = "wrong-service",
    /// There are no credentials, or AWS rejects them.
    NoCredentials = "no-credentials",
    /// AWS cannot be reached.
    AwsUnreachable = "aws-unreachable",
    /// A permission is missing.
    MissingPermission = "missing-permission",
    /// The lookup failed for another reason.
    LookupFailed = "lookup-failed",
    /// A task has no own address.
    BridgeMode = "bridge-mode",
    /// The settings ask for addresses of one family, but there are only addresses of the other.
    AddressFamily = "address-family",
    /// This machine's address is not known.
    NoOwnAddress = "no-own-address",
    /// No listed task has the tags of the settings.
    WrongTags = "wrong-tags",
    /// No running task or instance is listed.
    NobodyListed = "nobody-listed",
    /// Discovery does not list this node.
    NotListed = "not-listed",
    /// Peers ask another port than the one this node listens on.
    WrongPort = "wrong-port",
    /// Fewer nodes are listed than must consent to a new cluster.
    TooFewNodes = "too-few-nodes",
    /// Management ports do not answer.
    ManagementClosed = "management-closed",
    /// Another program than a node answers.
    NoNode = "no-node",
    /// A node of another cluster name answers.
    OtherName = "other-name",
    /// A node with another key answers.
    OtherKey = "other-key",
    /// Clocks differ by more than gossip allows.
    WrongClock = "wrong-clock",
    /// Gossip ports do not answer.
    GossipClosed = "gossip-closed",
    /// A node says that it answers at another address.
    OtherAddress = "other-address",
    /// There are two clusters with this name.
    TwoClusters = "two-clusters",
    /// There is no cluster yet, and nothing prevents one.
    NoClusterYet = "no-cluster-yet",
    /// There is a cluster, but the node here is not in it yet.
    NotAMember = "not-a-member",
    /// The list may not be complete.
    PartialList = "partial-list",
    /// The number of expected nodes is not known.
    ExpectedUnknown = "expected-unknown",
    /// Not every contact point was asked.
    NotAllAsked = "not-all-asked",
    /// Other users of this host can read a secret.
    ExposedSecret = "exposed-secret",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Severity {
    /// For programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// Sorts the worst first; of equally bad ones, those that explain others first.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (b.severity, a.code, &a.about).cmp(&(a.severity, b.code, &b.about)));
}
