//! What a task has said, from CloudWatch Logs.
//!
//! One call, signed by hand: the SDK for CloudWatch Logs would switch on a feature
//! of what every other SDK depends on, and so compile aws-sdk-ec2 again.

use std::time::SystemTime;

use anyhow::{Context, ensure};
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::json;

use crate::https;

const TARGET: &str = "Logs_20140328.GetLogEvents";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<Event>,
    next_forward_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Event {
    message: String,
}

/// The lines of a stream of a log group, the first one first; none where the stream is not there (yet).
pub async fn read(config: &SdkConfig, group: &str, stream: &str) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut question = json!({
            "logGroupName": group,
            "logStreamName": stream,
            "startFromHead": true,
        });
        if let Some(token) = &token {
            question["nextToken"] = json!(token);
        }
        let Some(page) = page(config, &question.to_string()).await? else {
            return Ok(lines);
        };
        lines.extend(page.events.into_iter().map(|event| event.message));
        // The end is where the token does not change.
        if page.next_forward_token.is_none() || page.next_forward_token == token {
            return Ok(lines);
        }
        token = page.next_forward_token;
    }
}

async fn page(config: &SdkConfig, question: &str) -> anyhow::Result<Option<Page>> {
    let answer = https::send(signed(config, question).await?).await?;
    if answer.body.contains("ResourceNotFoundException") {
        return Ok(None);
    }
    ensure!(
        answer.status == 200,
        "CloudWatch Logs answers {} {}: may this principal call logs:GetLogEvents?",
        answer.status,
        answer.body
    );
    let page = serde_json::from_str(&answer.body);
    Ok(Some(page.context("reading the answer of CloudWatch Logs")?))
}

async fn signed(config: &SdkConfig, body: &str) -> anyhow::Result<HttpRequest> {
    let region = config.region().context("no region is set")?.as_ref();
    let url = match config.endpoint_url() {
        Some(url) => format!("{}/", url.trim_end_matches('/')),
        None => {
            let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
            format!("https://logs.{region}.amazonaws.com{suffix}/")
        }
    };
    let provider = config.credentials_provider();
    let provider = provider.context("no credentials are set")?;
    let identity = provider.provide_credentials().await;
    let identity = identity.context("asking for credentials")?.into();

    let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", TARGET)];
    let signable = SignableRequest::new(
        "POST",
        url.as_str(),
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("logs")
        .time(now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let (instructions, _signature) = sign(signable, &parameters)?.into_parts();

    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri(url)?;
    for (name, value) in headers.into_iter().chain(instructions.headers()) {
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

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_partial_json, header, header_regex, path},
    };

    use super::*;

    #[tokio::test]
    async fn every_page_is_read_with_a_signed_request() {
        let server = MockServer::start().await;
        let page = |lines: &[&str], next: &str| {
            let events: Vec<_> = lines.iter().map(|line| json!({"message": line})).collect();
            let page = json!({"events": events, "nextForwardToken": next});
            ResponseTemplate::new(200).set_body_json(page)
        };
        let signed = "^AWS4-HMAC-SHA256 Credential=key/[0-9]{8}/eu-west-1/logs/aws4_request, ";
        for (asked, answer) in [
            (json!({"nextToken": "1"}), page(&["third"], "2")),
            (json!({"nextToken": "2"}), page(&[], "2")),
            (
                json!({"logGroupName": "group", "logStreamName": "stream"}),
                page(&["first", "second"], "1"),
            ),
        ] {
            Mock::given(path("/"))
                .and(header("x-amz-target", TARGET))
                .and(header_regex("authorization", signed))
                .and(body_partial_json(asked))
                .respond_with(answer)
                .expect(1)
                .mount(&server)
                .await;
        }

        let lines = read(&config(&server), "group", "stream").await.unwrap();

        assert_eq!(lines, ["first", "second", "third"]);
    }

    #[tokio::test]
    async fn a_stream_that_is_not_there_yet_has_no_lines() {
        let lines = answered(400, "ResourceNotFoundException").await.unwrap();

        assert!(lines.is_empty());
    }

    #[tokio::test]
    async fn a_refusal_names_the_permission() {
        let refusal = answered(400, "AccessDeniedException").await.unwrap_err();

        let refusal = refusal.to_string();
        assert!(refusal.contains("logs:GetLogEvents"), "{refusal}");
    }

    async fn answered(status: u16, kind: &str) -> anyhow::Result<Vec<String>> {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_json(json!({"__type": kind}));
        Mock::given(path("/"))
            .respond_with(answer)
            .mount(&server)
            .await;
        read(&config(&server), "group", "stream").await
    }

    fn config(server: &MockServer) -> SdkConfig {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new("eu-west-1"))
            .endpoint_url(server.uri())
            .build()
    }
}
