//! Asks all questions. It only reads and does not bind a node's ports, and every question has a time limit: together
//! they take at most a minute with the default settings, however few are answered.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use discovery::config::{Settings, Surroundings};
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::facts::{Asked, Facts, Here, Management, Point, Scope};
use crate::{
    bootstrap::{
        ContactPoint,
        contact::{Selected, Selection},
        wire::Sealer,
    },
    clock,
    config::Config,
    seal::Nonce,
};

mod aws;
mod datagram;
mod here;
mod management;

/// How many contact points are asked; more usually add no information.
const MOST_POINTS: usize = 1000;

/// How many contact points are asked at a time.
const AT_A_TIME: usize = 64;

/// How long all of them may take together.
const POINTS_LIMIT: Duration = Duration::from_secs(15);

/// What is being done, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The own address, task and node.
    Here,
    /// AWS.
    Aws,
    /// Contact points, with progress.
    Points {
        /// So many.
        asked: usize,
        /// Of so many.
        of: usize,
    },
}

/// Asks all questions. `exposed` says which secrets other users can read.
pub async fn gather(
    config: &Config,
    exposed: Vec<String>,
    surroundings: &Surroundings,
    progress: impl Fn(Step),
) -> Facts {
    let began = clock::now();
    let sealer = Sealer {
        keyring: config.membership.keyring.clone(),
        cluster: config.bootstrap.service_name.clone(),
        fresh: || (clock::unix_millis(), Nonce::random()),
    };
    progress(Step::Here);
    let here = Box::pin(here::ask(config, surroundings, &sealer)).await;
    progress(Step::Aws);
    let aws = Box::pin(aws::ask(config, surroundings, here.task.as_ref())).await;
    let targets = aws
        .lookup
        .as_ref()
        .map_or(&[][..], |found| &found.targets[..]);
    let mut selected = selection(config, &here).select(targets);
    if selected.skipped_own_gossip
        && let Ok(own) = &here.address
    {
        selected.filtered_hosts.insert(own.ip);
    }
    let asked = asked(config, aws.region, exposed);
    let (points, unasked) = points(&selected, config, &here, &sealer, &progress).await;
    Facts {
        asked,
        calls: aws.calls,
        lookup: aws.lookup,
        told: aws.told,
        filtered_hosts: selected.filtered_hosts.into_iter().collect(),
        points,
        unasked,
        here,
        took: clock::now().saturating_duration_since(began),
    }
}

fn asked(config: &Config, region: Option<String>, exposed: Vec<String>) -> Asked {
    let (mut tags, mut services) = (Vec::new(), Vec::new());
    let scope = match &config.discovery {
        Settings::Ec2TagBased(ec2) => {
            services.extend(ec2.tag_values.iter().cloned());
            Scope::TagKey(ec2.tag_key.clone())
        }
        Settings::Ecs(ecs) => {
            tags.extend(ecs.tags.iter().map(|(key, value)| format!("{key}={value}")));
            services.extend(ecs.services.iter().map(|(cluster, name)| match cluster {
                Some(cluster) => format!("{cluster}/{name}"),
                None => name.to_owned(),
            }));
            Scope::EcsCluster(ecs.cluster.clone())
        }
        Settings::EcsTaskSet(ecs) => Scope::EcsCluster(ecs.cluster.clone()),
        Settings::Config(_) => Scope::List,
    };
    let mut discovery = config.discovery.clone();
    let role = discovery.client_mut().and_then(|client| client.role.take());
    Asked {
        method: config.discovery.method(),
        service: config.bootstrap.service_name.to_string(),
        services,
        scope,
        tags,
        role: role.map(|role| role.arn.to_string()),
        family: config.discovery.address_family(),
        region,
        expected: config.bootstrap.expected_nodes,
        participants: config.bootstrap.participants().map(Into::into),
        may_found: config.bootstrap.new_cluster_enabled,
        management_port: config.management.port,
        fallback_port: config.bootstrap.fallback_port,
        gossip_port: config.membership.port,
        exposed,
    }
}

/// The selection that a node here would make.
fn selection(config: &Config, here: &Here) -> Selection {
    let own = here.address.as_ref().map(|own| own.ip);
    let own = own.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let gossip = SocketAddr::new(own, config.membership.port);
    let mut selection = Selection::new(config.bootstrap.fallback_port, gossip);
    selection.filter_on_fallback_port = config.bootstrap.filter_on_fallback_port;
    selection.port_name.clone_from(&config.bootstrap.port_name);
    selection
}

/// Asks the contact points, the own one first; also returns how many were not asked.
async fn points(
    selected: &Selected,
    config: &Config,
    here: &Here,
    sealer: &Sealer,
    progress: &impl Fn(Step),
) -> (Vec<Point>, usize) {
    let own = here.address.as_ref().ok();
    let own = own.map(|own| ContactPoint(SocketAddr::new(own.ip, config.management.port)));
    let mut order: Vec<ContactPoint> = selected.contact_points.iter().copied().collect();
    order.sort_by_key(|point| Some(*point) != own);
    let listed = order.len();
    order.truncate(MOST_POINTS);
    let of = order.len();
    progress(Step::Points { asked: 0, of });
    let from = config
        .node
        .bind_address
        .or_else(|| here.address.as_ref().ok().map(|own| own.ip));
    let each = order.into_iter().map(|at| async move {
        let (management, gossip_port) = management::ask(at.0, sealer).await;
        let port = gossip_port.unwrap_or(config.membership.port);
        let gossip_at = SocketAddr::new(at.ip(), port);
        let gossip = datagram::ask(from, gossip_at, sealer).await;
        Point {
            at,
            own: Some(at) == own || is_node(here, &management),
            management,
            gossip_at,
            gossip,
        }
    });
    let mut asking = stream::iter(each).buffer_unordered(AT_A_TIME);
    let until = Instant::now() + POINTS_LIMIT;
    let mut points = Vec::new();
    while let Ok(Some(point)) = timeout_at(until, asking.next()).await {
        points.push(point);
        progress(Step::Points {
            asked: points.len(),
            of,
        });
    }
    points.sort_by_key(|point| point.at);
    let unasked = listed - points.len();
    (points, unasked)
}

/// Whether it is the node on this machine, with any of its addresses.
fn is_node(here: &Here, management: &Management) -> bool {
    match management {
        Management::Proven(proven) => here.uid() == Some(proven.uid),
        Management::Rejected(_)
        | Management::Refused
        | Management::Silent { .. }
        | Management::Failed(_) => false,
    }
}
