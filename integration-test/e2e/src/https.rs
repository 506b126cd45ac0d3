//! One HTTP request to a URL, with or without TLS, for what no SDK here does.

use std::time::Duration;

use anyhow::Context;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use tokio::time::timeout;

/// Who answers at all does so sooner.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// `GET` of a URL.
pub async fn get(url: &str) -> anyhow::Result<Answer> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request
        .set_uri(url)
        .with_context(|| format!("{url} is no URL"))?;
    send(request).await
}

/// Any request.
pub async fn send(request: HttpRequest) -> anyhow::Result<Answer> {
    let to = request.uri().to_owned();
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build();
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
