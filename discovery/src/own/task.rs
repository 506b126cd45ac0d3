//! The task metadata endpoint of ECS, version 3 or 4.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    time::Duration,
};

use hyper::Method;
use serde::Deserialize;

use super::http::{Endpoint, failed};
use crate::{
    config::AddressFamily,
    error::{Error, MetadataProblem},
};

/// While a container starts, the agent may answer 404 or 500 for a moment.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// The caller's own task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    url: String,
    pub(crate) arn: String,
    pub(crate) cluster: Option<String>,
    pub(crate) availability_zone: Option<String>,
    networks: Vec<ContainerNetwork>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerNetwork {
    network_mode: Option<String>,
    #[serde(rename = "IPv4Addresses")]
    ipv4: Option<Vec<String>>,
    #[serde(rename = "IPv6Addresses")]
    ipv6: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    #[serde(rename = "TaskARN")]
    task_arn: Option<String>,
    cluster: Option<String>,
    availability_zone: Option<String>,
    containers: Option<Vec<Container>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    networks: Option<Vec<ContainerNetwork>>,
}

/// `url` is the container's own; the task's URL is next to it. Tries a few times.
pub(crate) async fn read(url: &str) -> Result<Task, Error> {
    let url = format!("{url}/task");
    let endpoint = Endpoint::new();
    let mut attempt = 1;
    loop {
        let answer = match endpoint.send(Method::GET, &url, None).await {
            Ok(body) => parse(&url, &body),
            Err(error) => Err(error),
        };
        match answer {
            Err(error) if attempt < ATTEMPTS => {
                tracing::debug!(attempt, error = error.chain(), "task metadata");
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

impl Task {
    #[cfg(all(test, feature = "ecs"))]
    pub(crate) fn in_cluster(cluster: Option<&str>) -> Self {
        Self {
            url: "url".to_owned(),
            arn: "task/1".to_owned(),
            cluster: cluster.map(str::to_owned),
            availability_zone: None,
            networks: Vec::new(),
        }
    }

    /// The region in the ARN: `arn:aws:ecs:eu-central-1:…`
    pub(crate) fn region(&self) -> Option<&str> {
        self.arn
            .split(':')
            .nth(3)
            .filter(|region| !region.is_empty())
    }

    /// The address, or none if the endpoint does not describe networks, as with some emulators.
    pub(crate) fn address(&self, family: AddressFamily) -> Result<Option<IpAddr>, Error> {
        let mode = |network: &ContainerNetwork| network.network_mode.clone().unwrap_or_default();
        let Some(first) = self.networks.first() else {
            return Ok(None);
        };
        // All containers of a task share one interface, so the first one is enough.
        let Some(network) = self
            .networks
            .iter()
            .find(|network| mode(network) == "awsvpc")
        else {
            return Err(Error::NetworkMode {
                task: self.arn.clone(),
                mode: mode(first),
            });
        };
        let ipv4 = first_of::<Ipv4Addr>(network.ipv4.as_deref());
        let ipv6 = first_of::<Ipv6Addr>(network.ipv6.as_deref());
        match family.choose(ipv4, ipv6) {
            Ok(address) => Ok(Some(address)),
            Err(instead) => {
                let problem = instead.map_or(MetadataProblem::NoAddress, MetadataProblem::Only);
                Err(failed(&self.url, problem, None))
            }
        }
    }
}

/// The first readable one.
fn first_of<T: FromStr + Into<IpAddr>>(addresses: Option<&[String]>) -> Option<IpAddr> {
    let mut addresses = addresses.into_iter().flatten();
    addresses.find_map(|address| Some(address.parse::<T>().ok()?.into()))
}

fn parse(url: &str, body: &[u8]) -> Result<Task, Error> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| failed(url, MetadataProblem::Undecodable, Some(Box::new(error))))?;
    let Some(arn) = answer.task_arn.filter(|arn| !arn.is_empty()) else {
        return Err(failed(url, MetadataProblem::NoTask, None));
    };
    let containers = answer.containers.into_iter().flatten();
    Ok(Task {
        url: url.to_owned(),
        arn,
        cluster: answer.cluster,
        availability_zone: answer.availability_zone,
        networks: containers
            .flat_map(|container| container.networks.unwrap_or_default())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Remedy;

    const ARN: &str = "arn:aws:ecs:eu-central-1:111122223333:task/prod/0123456789abcdef";

    fn task(networks: &str) -> Task {
        let body = format!(
            r#"{{"Cluster":"prod","TaskARN":"{ARN}","AvailabilityZone":"eu-central-1a",
                "Containers":[{{"Name":"web","Networks":{networks}}},{{"Name":"sidecar"}}]}}"#
        );
        parse("url", body.as_bytes()).unwrap()
    }

    #[test]
    fn the_address_is_that_of_the_awsvpc_network() {
        let task = task(
            r#"[{"NetworkMode":"awsvpc","IPv4Addresses":["10.0.1.7"],"IPv6Addresses":["2001:db8::7"]}]"#,
        );
        let address = |family| task.address(family).unwrap().unwrap().to_string();
        assert_eq!(address(AddressFamily::Auto), "10.0.1.7");
        assert_eq!(address(AddressFamily::Ipv4), "10.0.1.7");
        assert_eq!(address(AddressFamily::Ipv6), "2001:db8::7");
        assert_eq!(task.region(), Some("eu-central-1"));
        assert_eq!(task.availability_zone.as_deref(), Some("eu-central-1a"));
    }

    #[test]
    fn in_a_vpc_without_ipv4_the_address_is_ipv6() {
        let task = task(r#"[{"NetworkMode":"awsvpc","IPv6Addresses":["2001:db8::7"]}]"#);
        let address = task.address(AddressFamily::Auto).unwrap().unwrap();
        assert_eq!(address.to_string(), "2001:db8::7");
        let error = task.address(AddressFamily::Ipv4).unwrap_err();
        assert_eq!(
            error.to_string(),
            "reading the metadata at url: it has only 2001:db8::7; set address-family to auto or ipv6"
        );
        assert_eq!(error.remedy(), Remedy::FixConfiguration);
    }

    #[test]
    fn an_address_from_metadata_is_not_judged() {
        let task = task(r#"[{"NetworkMode":"awsvpc","IPv4Addresses":["127.0.3.4"]}]"#);
        let address = task.address(AddressFamily::Ipv4).unwrap().unwrap();
        assert_eq!(address.to_string(), "127.0.3.4");
    }

    #[test]
    fn a_bridge_network_is_an_error_that_says_so() {
        let task = task(r#"[{"NetworkMode":"bridge","IPv4Addresses":["172.17.0.2"]}]"#);
        let error = task.address(AddressFamily::Ipv4).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{ARN} has no own address: its network mode is `bridge`, expected `awsvpc`")
        );
        assert_eq!(error.remedy(), Remedy::FixConfiguration);
    }

    #[test]
    fn without_networks_nothing_is_said_about_the_address() {
        for networks in ["null", "[]"] {
            assert_eq!(task(networks).address(AddressFamily::Ipv4).unwrap(), None);
        }
    }

    #[test]
    fn an_awsvpc_network_without_a_usable_address_is_worth_another_try() {
        for networks in [
            r#"[{"NetworkMode":"awsvpc"}]"#,
            r#"[{"NetworkMode":"awsvpc","IPv4Addresses":["","x"]}]"#,
        ] {
            let error = task(networks).address(AddressFamily::Ipv4).unwrap_err();
            assert_eq!(error.remedy(), Remedy::RetryLater);
        }
    }

    #[test]
    fn an_answer_that_names_no_task_is_an_error() {
        for body in ["{}", r#"{"TaskARN":""}"#, r#"{"TaskARN":null}"#] {
            let error = parse("url", body.as_bytes()).unwrap_err().to_string();
            assert_eq!(
                error,
                "reading the metadata at url: the answer names no task"
            );
        }
        for body in ["", "[]x", "<html>", r#"{"TaskARN":7}"#] {
            let error = parse("url", body.as_bytes()).unwrap_err().to_string();
            assert_eq!(
                error,
                "reading the metadata at url: the answer could not be understood"
            );
        }
    }
}
