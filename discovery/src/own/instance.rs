//! The instance metadata service of EC2, version 2 only.

use std::{net::IpAddr, time::Duration};

use hyper::Method;

use super::http::{Endpoint, failed};
use crate::{
    config::AddressFamily,
    error::{Error, MetadataProblem},
};

/// For all requests together. Where there is no such service, this is what finding out costs.
const TIMEOUT: Duration = Duration::from_secs(2);

/// As long as a session may be short: it is used at once.
const TOKEN_LIFETIME: (&str, &str) = ("X-aws-ec2-metadata-token-ttl-seconds", "60");

/// The caller's own instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) address: IpAddr,
    pub(crate) availability_zone: Option<String>,
}

/// None where the instance has no such address.
///
/// # Errors
///
/// Where there is no such service, or it is blocked.
pub(crate) async fn read(url: &str, family: AddressFamily) -> Result<Option<Instance>, Error> {
    match tokio::time::timeout(TIMEOUT, ask(url, family)).await {
        Ok(answer) => answer,
        Err(_) => Err(failed(url, MetadataProblem::TimedOut, None)),
    }
}

async fn ask(url: &str, family: AddressFamily) -> Result<Option<Instance>, Error> {
    let endpoint = Endpoint::new();
    let token = endpoint
        .send(
            Method::PUT,
            &format!("{url}/latest/api/token"),
            Some(TOKEN_LIFETIME),
        )
        .await?;
    let token = String::from_utf8_lossy(&token);
    let get = async |path: &str| {
        let url = format!("{url}/latest/meta-data/{path}");
        let header = Some(("X-aws-ec2-metadata-token", &*token));
        let body = endpoint.send(Method::GET, &url, header).await?;
        Ok::<String, Error>(String::from_utf8_lossy(&body).trim().to_owned())
    };
    let address = async |path: &str| get(path).await.ok()?.parse().ok();

    // 404 for the family that the instance lacks.
    let address = match family {
        AddressFamily::Ipv4 => match address("local-ipv4").await {
            Some(address) => Some(address),
            None => address("ipv6").await,
        },
        AddressFamily::Ipv6 => address("ipv6").await,
    };
    let Some(address) = address else {
        return Ok(None);
    };
    Ok(Some(Instance {
        address,
        availability_zone: get("placement/availability-zone").await.ok(),
    }))
}
