//! Where this runs, and the node that runs here.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use discovery::{config::Surroundings, excerpt};
use hyper::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;

use super::management;
use crate::{
    bootstrap::wire::Sealer,
    config::Config,
    doctor::facts::{Here, Management, Node, OwnAddress, OwnTask},
    http::{self, Ask},
    net::Tcp,
};

/// The time limit for the metadata, which is on the host itself, and for the node here.
const LIMIT: Duration = Duration::from_secs(2);

/// How much of what the node says is shown, in characters.
const LONGEST: usize = 300;

pub(super) async fn ask(config: &Config, surroundings: &Surroundings, sealer: &Sealer) -> Here {
    let family = config.discovery.address_family();
    let address = async {
        if let Some(ip) = config.node.address {
            return Ok(OwnAddress {
                ip,
                source: None,
                zone: None,
            });
        }
        let own = discovery::container_address(surroundings, family).await?;
        Ok(OwnAddress {
            ip: own.address,
            source: Some(own.source),
            zone: own.availability_zone,
        })
    };
    let task = async {
        let url = surroundings.task_metadata.as_deref()?;
        task(url).await
    };
    let (address, task) = tokio::join!(address, task);
    let listens = config
        .node
        .bind_address
        .or_else(|| Some(address.as_ref().ok()?.ip));
    let node = match listens {
        Some(ip) => Some(node(reachable(ip), config.management.bind_port(), sealer).await),
        None => None,
    };
    Here {
        address,
        task,
        node,
    }
}

/// A node that listens on all addresses is asked at the loopback address.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(it) if it.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(it) if it.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => ip,
    }
}

async fn node(ip: IpAddr, port: u16, sealer: &Sealer) -> Node {
    let at = SocketAddr::new(ip, port);
    let (management, _) = management::ask(at, sealer).await;
    let says = match management {
        Management::Proven(_) => says(at).await,
        Management::Rejected(_)
        | Management::Refused
        | Management::Silent { .. }
        | Management::Failed(_) => None,
    };
    Node {
        at,
        management,
        says,
    }
}

/// What the node says that it waits for or does.
async fn says(at: SocketAddr) -> Option<String> {
    let answer = http::ask(&Tcp, at, Ask::get("/bootstrap"), LIMIT).await;
    let (status, body) = answer.ok()?;
    let status: Value = (status == StatusCode::OK)
        .then(|| serde_json::from_slice(&body).ok())
        .flatten()?;
    Some(excerpt(status["message"].as_str()?, LONGEST))
}

/// The own task. Its metadata contains more than its address.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Metadata {
    #[serde(rename = "TaskARN")]
    task_arn: String,
    cluster: Option<String>,
    service_name: Option<String>,
    availability_zone: Option<String>,
    containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    networks: Option<Vec<Network>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Network {
    network_mode: Option<String>,
}

/// None if the metadata does not give it: then the address is not known either, and that error says why.
async fn task(url: &str) -> Option<OwnTask> {
    let url: Uri = url.parse().ok()?;
    let host: IpAddr = url.host()?.trim_matches(['[', ']']).parse().ok()?;
    let at = SocketAddr::new(host, url.port_u16().unwrap_or(80));
    let path = format!("{}/task", url.path().trim_end_matches('/'));
    let (status, body) = http::ask(&Tcp, at, Ask::get(path), LIMIT).await.ok()?;
    if status != StatusCode::OK {
        return None;
    }
    let metadata: Metadata = serde_json::from_slice(&body).ok()?;
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut networks = metadata
        .containers
        .into_iter()
        .flat_map(|container| container.networks.unwrap_or_default());
    Some(OwnTask {
        arn: metadata.task_arn,
        cluster: present(metadata.cluster),
        service: present(metadata.service_name),
        zone: present(metadata.availability_zone),
        network_mode: networks.find_map(|network| network.network_mode),
    })
    .filter(|task| !task.arn.is_empty())
}
