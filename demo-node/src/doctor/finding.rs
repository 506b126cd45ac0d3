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
    /// What is so, as a sentence or two.
    pub message: String,
    /// What to do, as a sentence or two.
    pub advice: String,
}

/// How bad it is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A cluster forms all the same; something is less safe or less well known.
    Warning,
    /// It keeps nodes out of a cluster.
    Failure,
}

macro_rules! codes {
    ($($(#[$what:meta])* $code:ident = $text:literal,)*) => {
        /// What is wrong: its names are for programs, and stay. In this order: what explains others comes first.
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
    /// Another region is asked than this runs in.
    WrongRegion = "wrong-region",
    /// There is no such ECS cluster, or this task runs in another.
    WrongCluster = "wrong-cluster",
    /// There is no such service, or this task belongs to another.
    WrongService = "wrong-service",
    /// There are no credentials, or AWS does not take them.
    NoCredentials = "no-credentials",
    /// AWS is not reached.
    AwsUnreachable = "aws-unreachable",
    /// A permission is missing.
    MissingPermission = "missing-permission",
    /// The lookup failed for another reason.
    LookupFailed = "lookup-failed",
    /// A task has no address of its own.
    BridgeMode = "bridge-mode",
    /// Addresses of one family are asked for, and there are those of the other.
    AddressFamily = "address-family",
    /// The own address is not known.
    NoOwnAddress = "no-own-address",
    /// Tasks or instances lack the tag that is asked for.
    WrongTags = "wrong-tags",
    /// Nothing that runs is listed.
    NobodyListed = "nobody-listed",
    /// Discovery does not list this node.
    NotListed = "not-listed",
    /// Peers are asked at another port than this node listens on.
    WrongPort = "wrong-port",
    /// Fewer nodes are listed than must consent to a new cluster.
    TooFewNodes = "too-few-nodes",
    /// Management ports do not answer.
    ManagementClosed = "management-closed",
    /// Something else than a node answers.
    NoNode = "no-node",
    /// A node of another cluster name answers.
    OtherName = "other-name",
    /// A node with another key answers.
    OtherKey = "other-key",
    /// Clocks differ by more than gossip bears.
    WrongClock = "wrong-clock",
    /// Gossip ports do not answer.
    GossipClosed = "gossip-closed",
    /// A node says that it answers at another address.
    OtherAddress = "other-address",
    /// There are two clusters of the name.
    TwoClusters = "two-clusters",
    /// There is no cluster yet, and nothing that speaks against one.
    NoClusterYet = "no-cluster-yet",
    /// There is a cluster, and the node here is not in it yet.
    NotAMember = "not-a-member",
    /// The list may lack some.
    PartialList = "partial-list",
    /// How many nodes there are to be is not known.
    ExpectedUnknown = "expected-unknown",
    /// Not every contact point was asked.
    NotAllAsked = "not-all-asked",
    /// Others on this host can read a secret.
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

/// The worst first; of equals, what explains others.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (b.severity, a.code, &a.about).cmp(&(a.severity, b.code, &b.about)));
}
