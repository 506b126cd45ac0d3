//! How AWS is called: the SDK's usual chain for credentials, region and endpoint, with a limit on everything that can
//! take long, and without retries. Callers ask again anyway. Retries below them would multiply the calls just when
//! AWS asks for fewer, and the whole account shares the limits.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, default_provider::credentials::DefaultCredentialsChain,
    environment::region::EnvironmentVariableRegionProvider, imds, meta::region::ProvideRegion,
    profile::ProfileFileRegionProvider, provider_config::ProviderConfig,
};
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::{SharedTimeSource, SystemTimeSource},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{origin::Origin, service_config::ServiceConfigKey};

use crate::{
    Error,
    config::{Client, Invalid, Surroundings, check_environment, check_region},
    excerpt,
    own::{instance, task},
};

mod assumed;
mod bounded;
mod http;
mod routed;

pub use self::http::{http_client, http_connector};
use self::{assumed::assumed, bounded::bounded};
pub(crate) use self::{
    assumed::{NotAssumed, find},
    bounded::TooLarge,
};

/// Within a region, a connection takes milliseconds or fails.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Only a backstop: a lookup has its own, shorter timeout. In large accounts EC2 took up to 20 s.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer of EC2 that is read, in bytes. A page of 1,000 instances with all their tags and interfaces has
/// about 10 MiB.
#[cfg(feature = "ec2")]
pub(crate) const LARGEST_OF_EC2: usize = 16 << 20;

/// The largest answer of ECS. A hundred tasks with fifty long tags each have about 2 MiB.
#[cfg(feature = "ecs")]
pub(crate) const LARGEST_OF_ECS: usize = 8 << 20;

/// The largest answer of a source of credentials; usually a few hundred bytes.
const LARGEST_OF_CREDENTIALS: usize = 1 << 20;

/// The limit for all attempts of one call together, for callers who turn retries on.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The instance metadata service is on the same host. If there is none, nothing answers, and a laptop without
/// credentials waits this long.
const IMDS_TIMEOUT: Duration = Duration::from_secs(1);

/// Pinned: new defaults of the SDK are adopted only after reading what they change.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The configuration for the method's client. Its answers may have at most `largest` bytes.
pub(crate) async fn sdk_config(
    client: &Client,
    surroundings: &Surroundings,
    largest: usize,
) -> Result<SdkConfig, Error> {
    let config = match &client.sdk_config {
        Some(config) => handed_over(config.clone())?,
        None => load(client, surroundings).await?,
    };
    let mut builder = config.clone().into_builder();
    if let Some(region) = &client.region {
        builder.set_region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &client.endpoint {
        builder.set_endpoint_url(Some(endpoint.clone()));
        // Otherwise AWS_ENDPOINT_URL_ECS would win over the method's own setting.
        builder.insert_origin("endpoint_url", Origin::shared_config());
    }
    let http = config.http_client();
    builder.set_http_client(http.clone().map(|http| bounded(http, largest)));
    let config = builder.build();
    let region = config.region().ok_or(Error::NoRegion)?;
    check_region(region.as_ref())?;
    if config.credentials_provider().is_none() {
        return Err(Invalid::new("sdk-config", "has no credentials provider").into());
    }
    let Some(role) = &client.role else {
        return Ok(config);
    };
    let to_assume = config.clone().into_builder();
    let to_assume = match http {
        Some(http) => to_assume.http_client(bounded(http, LARGEST_OF_CREDENTIALS)),
        None => to_assume,
    };
    let to_assume = to_assume.build();
    let credentials = assumed(role, &to_assume, endpoint(&to_assume, "STS")).await;
    Ok(config
        .into_builder()
        .credentials_provider(credentials)
        .build())
}

/// How much of an endpoint's URL is shown, in characters.
const LONGEST_URL: usize = 200;

/// What is called, for messages. A mistyped region makes a host name that does not exist.
pub(crate) fn endpoint(config: &SdkConfig, service_id: &str) -> String {
    // In the same order as the client: an endpoint for this service overrides the one for all, unless the caller gave
    // that one.
    let variable = ServiceConfigKey::builder()
        .service_id(service_id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    let own = config
        .get_origin("endpoint_url")
        .is_client_config()
        .then(|| config.endpoint_url().map(str::to_owned))
        .flatten();
    let of_service = || config.service_config()?.load_config(variable?);
    let url = own
        .or_else(of_service)
        .or_else(|| config.endpoint_url().map(str::to_owned));
    match (url, config.region()) {
        (Some(url), _) => format!("the endpoint {}", excerpt(&url, LONGEST_URL)),
        (None, Some(region)) => format!("the endpoint of region `{region}`"),
        (None, None) => "the endpoint".to_owned(),
    }
}

async fn load(client: &Client, surroundings: &Surroundings) -> Result<SdkConfig, Error> {
    check_environment(std::env::vars_os())?;
    let http = http_client()?;
    let region = match &client.region {
        Some(region) => Region::new(region.clone()),
        // The SDK's chain would search again, and for longer.
        None => region(surroundings).await?.ok_or(Error::NoRegion)?,
    };

    let of_credentials = bounded(http.clone(), LARGEST_OF_CREDENTIALS);
    let provider = ProviderConfig::without_region()
        .with_http_client(of_credentials.clone())
        .with_region(Some(region.clone()))
        .with_behavior_version(Some(behavior()));
    let mut credentials = DefaultCredentialsChain::builder()
        .imds_client(imds_client(&of_credentials))
        .configure(provider);
    credentials.set_region(Some(region.clone()));

    let config = aws_config::defaults(behavior())
        .credentials_provider(credentials.build().await)
        .http_client(http)
        .region(region)
        // Set explicitly: otherwise the loader reads AWS_MAX_ATTEMPTS and AWS_RETRY_MODE, and panics if they are
        // wrong.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .load();
    Ok(config.await)
}

/// A configuration that the user made: whatever it sets is kept.
fn handed_over(config: SdkConfig) -> Result<SdkConfig, Error> {
    let retries = config.retry_config().cloned();
    if let Some(retries) = &retries
        && 1 < retries.max_attempts()
    {
        tracing::warn!(
            max_attempts = retries.max_attempts(),
            "the AWS SDK retries each call of a lookup, and the lookup is repeated besides: \
             many nodes together can get the whole account throttled"
        );
    }
    let mut timeout_config = config.timeout_config().cloned().unwrap_or_else(timeouts);
    timeout_config.take_defaults_from(&timeouts());

    let http_client = match config.http_client() {
        Some(http_client) => http_client,
        None => http_client()?,
    };
    let sleep = config
        .sleep_impl()
        .unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new()));
    // The provider of an assumed role panics without a region.
    let time = config
        .time_source()
        .unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()));
    let version = config.behavior_version().unwrap_or_else(behavior);
    let config = config
        .into_builder()
        .http_client(http_client)
        .sleep_impl(sleep)
        .time_source(time)
        .timeout_config(timeout_config)
        .retry_config(retries.unwrap_or_else(RetryConfig::disabled))
        .behavior_version(version)
        .build();
    Ok(config)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

fn imds_client(http: &SharedHttpClient) -> imds::Client {
    imds::Client::builder()
        .configure(&ProviderConfig::without_region().with_http_client(http.clone()))
        .max_attempts(1)
        .connect_timeout(IMDS_TIMEOUT)
        .read_timeout(IMDS_TIMEOUT)
        .build()
}

/// The SDK's chain, with the task's own ARN between the profile and the instance: on EC2, agents before 1.104.0 give
/// their tasks no region otherwise.
///
/// # Errors
///
/// When the metadata with the region fails: the region may be known a moment later.
async fn region(surroundings: &Surroundings) -> Result<Option<Region>, Error> {
    let named = |region: &Region| !region.as_ref().trim().is_empty();
    let environment = EnvironmentVariableRegionProvider::new();
    if let Some(region) = environment.region().await.filter(named) {
        return Ok(Some(region));
    }
    let profile = ProfileFileRegionProvider::new();
    if let Some(region) = profile.region().await.filter(named) {
        return Ok(Some(region));
    }
    let region = match &surroundings.task_metadata {
        Some(url) => task::read(url).await?.region().map(str::to_owned),
        None => instance::region(surroundings).await?,
    };
    Ok(region.map(Region::new))
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

    use super::*;

    fn own() -> SdkConfig {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    async fn made(own: Option<SdkConfig>) -> SdkConfig {
        let client = Client {
            region: Some("eu-west-1".to_owned()),
            endpoint: None,
            role: None,
            sdk_config: own,
        };
        Box::pin(sdk_config(&client, &Surroundings::default(), 1 << 20))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn every_call_has_timeouts_no_retries_and_a_pinned_behaviour() {
        for config in [made(None).await, made(Some(own())).await] {
            let timeouts = config.timeout_config().unwrap();
            assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
            assert_eq!(timeouts.operation_attempt_timeout(), Some(ATTEMPT_TIMEOUT));
            assert_eq!(timeouts.operation_timeout(), Some(OPERATION_TIMEOUT));
            assert_eq!(config.retry_config().unwrap().max_attempts(), 1);
            assert_eq!(
                format!("{:?}", config.behavior_version()),
                format!("{:?}", Some(BehaviorVersion::v2026_01_12()))
            );
        }
    }

    #[tokio::test]
    async fn who_is_called_is_the_endpoint_or_that_of_the_region() {
        let config = made(Some(own())).await;
        assert_eq!(
            endpoint(&config, "ECS"),
            "the endpoint of region `eu-west-1`"
        );
        let config = config.into_builder().endpoint_url("http://127.0.0.1:1");
        let config = config.build();
        assert_eq!(endpoint(&config, "ECS"), "the endpoint http://127.0.0.1:1");
    }

    #[tokio::test]
    async fn what_an_own_configuration_says_is_kept() {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_millis(5));
        let own = own()
            .into_builder()
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .build();
        let config = made(Some(own)).await;
        let timeouts = config.timeout_config().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(Duration::from_millis(5)));
        assert_eq!(timeouts.operation_timeout(), Some(OPERATION_TIMEOUT));
        assert_eq!(config.retry_config().unwrap().max_attempts(), 4);
    }
}
