//! What nodes have said, from CloudWatch Logs.

use anyhow::{Context, ensure};
use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use crate::signed::{self, Call};

const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/x-amz-json-1.1"),
    ("x-amz-target", "Logs_20140328.GetLogEvents"),
];

/// Which part of a stream.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// All of it.
    All,
    /// So many lines at its end.
    Last(u32),
}

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
pub async fn read(
    config: &SdkConfig,
    group: &str,
    stream: &str,
    part: Part,
) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut question = json!({
            "logGroupName": group,
            "logStreamName": stream,
            "startFromHead": matches!(part, Part::All),
        });
        if let Part::Last(limit) = part {
            question["limit"] = json!(limit);
        }
        if let Some(token) = &token {
            question["nextToken"] = json!(token);
        }
        let Some(page) = page(config, question.to_string()).await? else {
            return Ok(lines);
        };
        lines.extend(page.events.into_iter().map(|event| event.message));
        // The end is where the token does not change.
        let is_end = page.next_forward_token.is_none() || page.next_forward_token == token;
        if is_end || matches!(part, Part::Last(_)) {
            return Ok(lines);
        }
        token = page.next_forward_token;
    }
}

async fn page(config: &SdkConfig, question: String) -> anyhow::Result<Option<Page>> {
    let region = config.region().context("no region is set")?.as_ref();
    let call = Call {
        service: "logs",
        region,
        url: format!("https://logs.{region}.{}", signed::suffix(region)),
        headers: &HEADERS,
        body: question,
    };
    let answer = signed::post(config, &call).await?;
    if answer.body.contains("ResourceNotFoundException") {
        return Ok(None);
    }
    ensure!(
        answer.status == 200,
        "CloudWatch Logs answers {} {}: may this principal call logs:GetLogEvents?",
        answer.status,
        discovery::excerpt(&answer.body, 300)
    );
    let page = serde_json::from_str(&answer.body);
    Ok(Some(page.context("reading the answer of CloudWatch Logs")?))
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
                .and(header(HEADERS[1].0, HEADERS[1].1))
                .and(header_regex("authorization", signed))
                .and(body_partial_json(asked))
                .respond_with(answer)
                .expect(1)
                .mount(&server)
                .await;
        }

        let lines = read(&config(&server), "group", "stream", Part::All)
            .await
            .unwrap();

        assert_eq!(lines, ["first", "second", "third"]);
    }

    #[tokio::test]
    async fn only_the_end_is_asked_for_where_that_does() {
        let server = MockServer::start().await;
        let asked = json!({"logStreamName": "stream", "startFromHead": false, "limit": 5});
        let page = json!({"events": [{"message": "last"}], "nextForwardToken": "1"});
        Mock::given(path("/"))
            .and(body_partial_json(asked))
            .respond_with(ResponseTemplate::new(200).set_body_json(page))
            .expect(1)
            .mount(&server)
            .await;

        let lines = read(&config(&server), "group", "stream", Part::Last(5)).await;

        assert_eq!(lines.unwrap(), ["last"]);
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
        read(&config(&server), "group", "stream", Part::All).await
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
