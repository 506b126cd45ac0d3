//! The instance metadata service of EC2, version 2 only.
//!
//! Only status 404 means that an instance does not have something. Every other failure is usually temporary, and the
//! caller asks again.

use std::{net::IpAddr, time::Duration};

use hyper::Method;

use super::http::{Endpoint, failed};
use crate::{
    config::{AddressFamily, Surroundings},
    error::{Error, MetadataProblem},
};

/// For all requests of one question together.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The shortest possible session: it is used at once.
const TOKEN_LIFETIME: (&str, &str) = ("X-aws-ec2-metadata-token-ttl-seconds", "60");

/// Where its addresses are.
const IPV4: &str = "local-ipv4";
const IPV6: &str = "ipv6";

/// The caller's own instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) address: IpAddr,
    pub(crate) availability_zone: Option<String>,
}

/// The answer to whether there is an instance.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// There is, with this answer.
    Instance(T),
    /// Nothing answers at the service's address, and this need not be an instance.
    Nobody(Error),
    /// This cannot be an instance.
    NotAsked,
}

/// Its address; none if it has none.
///
/// # Errors
///
/// When the service fails, or does not answer on a host that certainly is an instance; or when one family is
/// required, and the instance only has an address of the other.
pub(crate) async fn read(
    surroundings: &Surroundings,
    family: AddressFamily,
) -> Result<Answer<Option<Instance>>, Error> {
    ask(surroundings, async |session| session.instance(family).await).await
}

/// Its region.
///
/// # Errors
///
/// As [`read`].
#[cfg(any(feature = "ec2", feature = "ecs"))]
pub(crate) async fn region(surroundings: &Surroundings) -> Result<Option<String>, Error> {
    let region = ask(surroundings, async |session| {
        session.get("placement/region").await
    });
    match region.await? {
        Answer::Instance(region) => Ok(region),
        Answer::Nobody(_) | Answer::NotAsked => Ok(None),
    }
}

async fn ask<T>(
    surroundings: &Surroundings,
    question: impl AsyncFnOnce(&Session<'_>) -> Result<T, Error>,
) -> Result<Answer<T>, Error> {
    let Some(url) = &surroundings.instance_metadata else {
        return Ok(Answer::NotAsked);
    };
    let asked = async {
        let session = match Session::open(url).await {
            Ok(session) => session,
            Err(error) if is_silence(&error) && surroundings.on_ec2 => {
                let problem = MetadataProblem::SilentOnEc2;
                return Err(failed(url, problem, Some(Box::new(error))));
            }
            Err(error) if is_silence(&error) => return Ok(Answer::Nobody(error)),
            Err(error) => return Err(error),
        };
        Ok(Answer::Instance(question(&session).await?))
    };
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answer) => answer,
        // Silence would have ended earlier: something answers, but slowly.
        Err(_) => Err(failed(url, MetadataProblem::TimedOut, None)),
    }
}

/// Whether nothing has answered at all.
fn is_silence(error: &Error) -> bool {
    matches!(
        error,
        Error::Metadata {
            problem: MetadataProblem::Unreachable | MetadataProblem::TimedOut,
            ..
        }
    )
}

/// A session with the service.
struct Session<'a> {
    url: &'a str,
    endpoint: Endpoint,
    token: String,
}

impl<'a> Session<'a> {
    async fn open(url: &'a str) -> Result<Self, Error> {
        let endpoint = Endpoint::new();
        let token = format!("{url}/latest/api/token");
        let token = endpoint
            .send(Method::PUT, &token, Some(TOKEN_LIFETIME))
            .await?;
        Ok(Self {
            url,
            endpoint,
            token: String::from_utf8_lossy(&token).trim().to_owned(),
        })
    }

    /// None if the instance does not have it.
    async fn get(&self, path: &str) -> Result<Option<String>, Error> {
        let url = format!("{}/latest/meta-data/{path}", self.url);
        let header = Some(("X-aws-ec2-metadata-token", self.token.as_str()));
        match self.endpoint.send(Method::GET, &url, header).await {
            Ok(body) => Ok(Some(String::from_utf8_lossy(&body).trim().to_owned())),
            Err(Error::Metadata {
                problem: MetadataProblem::Status(404),
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn address(&self, path: &str) -> Result<Option<IpAddr>, Error> {
        let Some(text) = self.get(path).await? else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error| {
            let url = format!("{}/latest/meta-data/{path}", self.url);
            failed(&url, MetadataProblem::Undecodable, Some(Box::new(error)))
        })
    }

    async fn instance(&self, family: AddressFamily) -> Result<Option<Instance>, Error> {
        let (first, second) = match family {
            AddressFamily::Auto | AddressFamily::Ipv4 => (IPV4, IPV6),
            AddressFamily::Ipv6 => (IPV6, IPV4),
        };
        let first = self.address(first).await?;
        let second = match first {
            Some(_) => None,
            // It may not be usable, but the error can name it.
            None => self.address(second).await?,
        };
        let (ipv4, ipv6) = match family {
            AddressFamily::Auto | AddressFamily::Ipv4 => (first, second),
            AddressFamily::Ipv6 => (second, first),
        };
        let address = match family.choose(ipv4, ipv6) {
            Ok(address) => address,
            Err(None) => return Ok(None),
            Err(Some(instead)) => {
                return Err(failed(self.url, MetadataProblem::Only(instead), None));
            }
        };
        Ok(Some(Instance {
            address,
            availability_zone: self.get("placement/availability-zone").await?,
        }))
    }
}
