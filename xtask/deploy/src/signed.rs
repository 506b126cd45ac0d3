//! Calls to AWS without an SDK: signed, sent, and answered with text.
//!
//! There are only a few, to IAM, CloudWatch Logs and Service Quotas. Their SDKs would switch on a feature in a
//! dependency of every other SDK, and so compile aws-sdk-ec2 again.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use tokio::time::timeout;

/// An answer takes less than this, if there is one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom to ask, and what.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// As signatures name it, for example `logs`.
    pub service: &'static str,
    /// Likewise; not for every service that of the account.
    pub region: &'a str,
    /// Where it answers, unless an emulator does.
    pub url: String,
    /// What kind of question it is.
    pub headers: &'a [(&'static str, &'static str)],
    /// The question.
    pub body: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// Asks once.
pub async fn post(config: &SdkConfig, call: &Call<'_>) -> anyhow::Result<Answer> {
    let request = signed(config, call).await?;
    send(&discovery::http_connector()?, request).await
}

/// Sends any request, signed or not, and waits for the answer.
pub async fn send(connector: &impl HttpConnector, request: HttpRequest) -> anyhow::Result<Answer> {
    let to = request.uri().to_owned();
    let exchange = async {
        let answer = connector.call(request).await?;
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await?;
        let body = String::from_utf8_lossy(&body.into_bytes()).into_owned();
        anyhow::Ok(Answer { status, body })
    };
    timeout(PATIENCE, exchange)
        .await
        .with_context(|| format!("{to} does not answer"))?
        .with_context(|| format!("asking {to}"))
}

/// How the names of AWS's hosts end in the partition of this region.
pub fn suffix(region: &str) -> &'static str {
    match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    }
}

async fn signed(config: &SdkConfig, call: &Call<'_>) -> anyhow::Result<HttpRequest> {
    let url = config.endpoint_url().unwrap_or(&call.url);
    let url = format!("{}/", url.trim_end_matches('/'));
    let provider = config.credentials_provider();
    let provider = provider.context("no credentials are set")?;
    let identity = provider.provide_credentials().await;
    let identity = identity.context("asking for credentials")?.into();

    let headers = call.headers.iter().copied();
    let signable = SignableRequest::new(
        "POST",
        url.as_str(),
        headers.clone(),
        SignableBody::Bytes(call.body.as_bytes()),
    )?;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(call.region)
        .name(call.service)
        .time(now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let (instructions, _signature) = sign(signable, &parameters)?.into_parts();

    let mut request = HttpRequest::new(SdkBody::from(call.body.as_str()));
    request.set_method("POST")?;
    request.set_uri(url)?;
    for (name, value) in headers.chain(instructions.headers()) {
        request
            .headers_mut()
            .insert(name.to_owned(), value.to_owned());
    }
    Ok(request)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature carries the time of day"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
