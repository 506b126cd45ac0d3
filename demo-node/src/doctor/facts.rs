//! What was seen. Values only: nothing here judges them.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use discovery::{
    AddressSource, Resolved,
    config::{AddressFamily, MethodName},
};

use super::calls::Call;
use crate::{
    bootstrap::{ContactPoint, clocks::Skew},
    cluster::{ClusterId, Formation, NodeUid},
    config::bootstrap::ExpectedNodes,
};

/// Everything that was seen.
#[derive(Debug)]
pub struct Facts {
    /// What the settings ask for.
    pub asked: Asked,
    /// Where this runs.
    pub here: Here,
    /// The calls to AWS.
    pub calls: Vec<Call>,
    /// What the lookup found.
    pub lookup: Result<Resolved, discovery::Error>,
    /// How many nodes the platform should run, if it was asked.
    pub told: Option<Told>,
    /// Hosts on which no port is asked: they have several ports without the fallback port, or only the gossip port.
    pub filtered_hosts: Vec<IpAddr>,
    /// The contact points that discovery lists, in order, with their answers.
    pub points: Vec<Point>,
    /// How many contact points were not asked, because there are too many or time was over.
    pub unasked: usize,
    /// How long all of this took.
    pub took: Duration,
}

/// What the settings ask for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The discovery method.
    pub method: MethodName,
    /// The name of the nodes' cluster; also what is looked up, unless there are services.
    pub service: String,
    /// What is looked up instead, if the settings name several: `NAME` or `CLUSTER/NAME` of ECS services, or values
    /// of the tag.
    pub services: Vec<String>,
    /// Where it is looked for.
    pub scope: Scope,
    /// Tags that tasks must have, `key=value`.
    pub tags: Vec<String>,
    /// The ARN of the role that is assumed for the calls to AWS, if there is one.
    pub role: Option<String>,
    /// Which address of a peer is used.
    pub family: AddressFamily,
    /// The region that is asked, if known.
    pub region: Option<String>,
    /// The number of expected nodes in the settings.
    pub expected: ExpectedNodes,
    /// How many processes may take part in founding a cluster, if the settings say so.
    pub participants: Option<usize>,
    /// Whether this node may found a cluster.
    pub may_found: bool,
    /// The port on which peers reach this node's management HTTP.
    pub management_port: u16,
    /// The port on which peers are asked if discovery gives none.
    pub fallback_port: u16,
    /// The gossip port of this node and of its peers.
    pub gossip_port: u16,
    /// Secrets that other users of this host can read, as sentences.
    pub exposed: Vec<String>,
}

/// Where a service is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In this ECS cluster: a name or an ARN.
    EcsCluster(String),
    /// Among instances that have this tag.
    TagKey(String),
    /// In a fixed list.
    List,
}

/// Where this runs.
#[derive(Debug)]
pub struct Here {
    /// This machine's own address, and where it was found.
    pub address: Result<OwnAddress, discovery::Error>,
    /// This process's own task, if it runs in one.
    pub task: Option<OwnTask>,
    /// What answers where a node with these settings would listen on this machine.
    pub node: Option<Node>,
}

/// This machine's own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// The address.
    pub ip: IpAddr,
    /// Where it was found; none if it is in the settings.
    pub source: Option<AddressSource>,
    /// The availability zone, if known.
    pub zone: Option<String>,
}

/// The own task, according to its metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnTask {
    /// Its ARN.
    pub arn: String,
    /// The cluster that it runs in: a name or an ARN.
    pub cluster: Option<String>,
    /// Its service.
    pub service: Option<String>,
    /// Its availability zone.
    pub zone: Option<String>,
    /// How it is connected: `awsvpc`, `bridge`, …
    pub network_mode: Option<String>,
}

/// What answers on this machine where a node would.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it was asked.
    pub at: SocketAddr,
    /// Its answer.
    pub management: Management,
    /// What it says that it waits for or does, if it is a node.
    pub says: Option<String>,
}

/// How many nodes the platform should run.
#[derive(Debug)]
pub enum Told {
    /// So many.
    Nodes(usize),
    /// It did not tell, for this reason.
    Nothing(discovery::WhyUnknown),
    /// It could not be asked.
    Failed(discovery::Error),
}

/// A contact point, and its answers.
#[derive(Debug, Clone)]
pub struct Point {
    /// The contact point.
    pub at: ContactPoint,
    /// Whether it is this node's own.
    pub own: bool,
    /// Its answer on the management port.
    pub management: Management,
    /// Its gossip address.
    pub gossip_at: SocketAddr,
    /// Its answer on the gossip port.
    pub gossip: Gossip,
}

/// The answer on a management port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Management {
    /// A node with the cluster's key answered.
    Proven(Proven),
    /// Something answered that does not count.
    Rejected(Stranger),
    /// Nothing listens there: the host says so.
    Refused,
    /// No answer. A packet filter, such as a security group, drops packets that it does not allow.
    Silent {
        /// Whether a connection was made.
        connected: bool,
    },
    /// It could not be asked.
    Failed(String),
}

/// A node with the cluster's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Its process.
    pub uid: NodeUid,
    /// The contact point that it says is its own.
    pub contact_point: ContactPoint,
    /// The cluster that it is in.
    pub cluster: Option<Formation>,
    /// The number of expected nodes that it was told.
    pub expected: Option<usize>,
    /// How far its clock is from this one's.
    pub skew: Skew,
}

/// Something that answers, but does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stranger {
    /// A node with another key.
    OtherKey,
    /// A node without a proof: it runs without keys, or another program answers.
    NoProof,
    /// A node with another cluster name.
    OtherName(String),
    /// Not a node; this is its answer.
    NoNode(String),
}

/// The answer on a gossip port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gossip {
    /// A node with the cluster's key answered.
    Answered {
        /// Its process.
        uid: NodeUid,
        /// The cluster that it is in, or asks to be let into.
        cluster: Option<ClusterId>,
        /// How far its clock is from this one's.
        skew: Skew,
    },
    /// Nothing listens there: the host says so.
    Refused,
    /// No answer: the datagram was lost, or the receiver could not open it.
    Silent,
    /// It could not be asked.
    Failed(String),
}

// === impl Facts ===

impl Facts {
    /// The nodes with the cluster's key that answered, also the one on this machine, each process once.
    pub fn proven(&self) -> Vec<&Proven> {
        let here = self.here.node.iter().map(|node| &node.management);
        let mut proven: Vec<&Proven> = Vec::new();
        for management in self
            .points
            .iter()
            .map(|point| &point.management)
            .chain(here)
        {
            if let Management::Proven(one) = management
                && proven.iter().all(|other| other.uid != one.uid)
            {
                proven.push(one);
            }
        }
        proven
    }

    /// The contact points of other processes than the node here.
    pub fn others(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| !point.own)
    }
}

// === impl Asked ===

impl Asked {
    /// What is looked up: names of services, or values of the tag.
    #[must_use]
    pub fn looked_up(&self) -> Vec<&str> {
        if self.services.is_empty() {
            vec![&self.service]
        } else {
            self.services.iter().map(String::as_str).collect()
        }
    }

    /// The ECS services that are looked up: the name of the cluster, and that of the service.
    #[must_use]
    pub fn places(&self) -> Vec<(&str, &str)> {
        let Scope::EcsCluster(cluster) = &self.scope else {
            return Vec::new();
        };
        let place = |name| match str::split_once(name, '/') {
            Some(place) => place,
            None => (short_name(cluster), name),
        };
        self.looked_up().into_iter().map(place).collect()
    }
}

// === impl Here ===

impl Here {
    /// The region that this runs in, if known: an ARN contains it, and a zone's name begins with it.
    pub fn region(&self) -> Option<String> {
        let of_task = self.task.as_ref().and_then(|task| arn_part(&task.arn, 3));
        let zone = self
            .address
            .as_ref()
            .ok()
            .and_then(|own| own.zone.as_deref());
        of_task
            .map(str::to_owned)
            .or_else(|| zone.and_then(region_of_zone))
    }

    /// The process of the node that runs here.
    pub fn uid(&self) -> Option<NodeUid> {
        match &self.node.as_ref()?.management {
            Management::Proven(proven) => Some(proven.uid),
            Management::Rejected(_)
            | Management::Refused
            | Management::Silent { .. }
            | Management::Failed(_) => None,
        }
    }
}

// === impl Point ===

impl Point {
    /// Whether both of its ports answered, with the cluster's key.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(
            (&self.management, &self.gossip),
            (Management::Proven(_), Gossip::Answered { .. })
        )
    }
}

/// A part of an ARN, if it exists and is not empty: `arn:partition:service:region:account:resource`.
pub fn arn_part(arn: &str, part: usize) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") {
        return None;
    }
    parts
        .nth(part.checked_sub(1)?)
        .filter(|part| !part.is_empty())
}

/// The last part of a name or an ARN: `demo` of `arn:…:cluster/demo`.
pub fn short_name(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// `eu-west-1` of `eu-west-1a`, `us-west-2` of `us-west-2-lax-1a`.
fn region_of_zone(zone: &str) -> Option<String> {
    let mut region: Vec<&str> = Vec::new();
    for part in zone.split('-') {
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            let number = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            region.push(number);
            return Some(region.join("-"));
        }
        region.push(part);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_tells_its_region() {
        for (zone, region) in [
            ("eu-west-1a", Some("eu-west-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-east-1-wl1-bos-wlz-1", Some("us-east-1")),
            ("moon", None),
        ] {
            assert_eq!(region_of_zone(zone).as_deref(), region, "{zone}");
        }
    }

    #[test]
    fn an_arn_tells_region_and_account() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task/demo/0123";
        assert_eq!(arn_part(arn, 3), Some("eu-west-1"));
        assert_eq!(arn_part(arn, 4), Some("123456789012"));
        assert_eq!(arn_part("arn:aws:ecs::1:x", 3), None);
        assert_eq!(arn_part("demo", 3), None);
        assert_eq!(short_name(arn), "0123");
        assert_eq!(short_name("demo"), "demo");
    }
}
