//! One HTTP request to a URL, with or without TLS, for what no SDK here does.

use anyhow::Context;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use deploy::signed::{Answer, send};

/// `GET` of a URL.
pub async fn get(url: &str) -> anyhow::Result<Answer> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request
        .set_uri(url)
        .with_context(|| format!("{url} is not a URL"))?;
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build();
    send(&connector, request).await
}
