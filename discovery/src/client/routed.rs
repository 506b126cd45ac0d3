//! An HTTP client that goes through a proxy if the environment says so, but never to metadata or to the credentials
//! of a container or an instance: these are on the host or next to it, no proxy reaches them, and no proxy should see
//! their answers.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::bounded::caused_by;

/// The proxy of a request that could not be sent or was not answered.
#[derive(Debug, thiserror::Error)]
#[error("through the proxy {proxy}")]
struct Through {
    proxy: Uri,
    #[source]
    source: BoxError,
}

/// Two clients, or their connectors.
#[derive(Clone)]
struct Routed<T> {
    direct: T,
    proxied: T,
    rules: Arc<Rules>,
}

struct Rules {
    matcher: Matcher,
    beside: Vec<String>,
}

/// A client that uses `proxied` for requests that need a proxy, and `direct` for all others, also for URLs that begin
/// like one of `beside`.
pub(super) fn routed(
    direct: SharedHttpClient,
    proxied: SharedHttpClient,
    beside: Vec<String>,
) -> SharedHttpClient {
    SharedHttpClient::new(Routed {
        direct,
        proxied,
        rules: Arc::new(Rules {
            // In the same way as the proxied client.
            matcher: Matcher::from_env(),
            beside,
        }),
    })
}

impl Rules {
    fn proxy(&self, url: &str) -> Option<Uri> {
        if self.beside.iter().any(|beside| url.starts_with(beside)) {
            return None;
        }
        let url: Uri = url.parse().ok()?;
        if url.host().is_some_and(is_link_local) {
            return None;
        }
        // Without a password in it.
        Some(self.matcher.intercept(&url)?.uri().clone())
    }
}

/// Whether no router forwards this address, as with those of metadata and of credentials.
fn is_link_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_unicast_link_local() || is_of_ec2(ip),
        Err(_) => false,
    }
}

/// `fd00:ec2::/32` contains the metadata of instances and the credentials of containers.
fn is_of_ec2(ip: Ipv6Addr) -> bool {
    ip.segments()[..2] == [0xfd00, 0xec2]
}

impl<T> fmt::Debug for Routed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routed")
            .field("matcher", &self.rules.matcher)
            .finish_non_exhaustive()
    }
}

impl HttpClient for Routed<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Routed {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
            rules: Arc::clone(&self.rules),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.direct.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.direct.validate_final_config(components, config)
    }
}

impl HttpConnector for Routed<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(proxy) = self.rules.proxy(request.uri()) else {
            return self.direct.call(request);
        };
        let answer = self.proxied.call(request);
        HttpConnectorFuture::new(async move {
            answer
                .await
                .map_err(|error| caused_by(error, |source| Through { proxy, source }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(url: &str) -> bool {
        let rules = Rules {
            matcher: Matcher::builder()
                .all("http://user:password@proxy.example:3128")
                .no("no.example,10.0.0.0/8")
                .build(),
            beside: vec!["http://127.0.0.1:9/credentials".to_owned()],
        };
        let proxy = rules.proxy(url);
        if let Some(proxy) = &proxy {
            assert_eq!(proxy.to_string(), "http://proxy.example:3128/");
        }
        proxy.is_some()
    }

    #[test]
    fn calls_to_aws_go_through_the_proxy() {
        assert!(proxied("https://ecs.eu-central-1.amazonaws.com/"));
        assert!(proxied("http://127.0.0.1:9/"));
        assert!(!proxied("https://ecs.no.example/"));
        assert!(!proxied("https://10.1.2.3/"));
    }

    #[test]
    fn metadata_and_credentials_never_do() {
        for url in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/1",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://[fe80::1]:80/",
            "http://127.0.0.1:9/credentials/1",
        ] {
            assert!(!proxied(url), "{url}");
        }
        assert!(proxied("http://[fd00:ec3::254]/"));
    }
}
