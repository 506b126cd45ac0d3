//! The nodes' logs, from CloudWatch Logs.

use std::time::Duration;

use anyhow::{Context, ensure};
use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    differences,
    signed::{self, Answer, Call},
};

/// At most a megabyte each. For a longer log, use another tool.
const MOST_PAGES: usize = 2_000;

/// CloudWatch Logs may return this many pages without a line, and lines after that.
const MOST_EMPTY_PAGES: usize = 50;

/// A call that is throttled or fails for a moment is repeated this many times.
const MOST_ATTEMPTS: u32 = 5;

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
    next_backward_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Event {
    message: String,
}

/// The lines of a stream of a log group, the oldest first; none if the stream does not exist (yet).
///
/// A page without lines is not the end: the end is a page whose next token is the token of the request.
pub async fn read(
    config: &SdkConfig,
    group: &str,
    stream: &str,
    part: Part,
) -> anyhow::Result<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    let mut token: Option<String> = None;
    let mut empty = 0;
    for _ in 0..MOST_PAGES {
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
        let Some(page) = page(config, &question.to_string()).await? else {
            return Ok(lines);
        };
        let mut found = page.events.into_iter().map(|event| event.message).collect();
        empty = if Vec::is_empty(&found) { empty + 1 } else { 0 };
        let next = match part {
            Part::All => {
                lines.append(&mut found);
                page.next_forward_token
            }
            Part::Last(limit) => {
                found.append(&mut lines);
                lines = found;
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                if limit <= lines.len() {
                    return Ok(lines.split_off(lines.len() - limit));
                }
                page.next_backward_token
            }
        };
        if next.is_none() || next == token || MOST_EMPTY_PAGES < empty {
            break;
        }
        token = next;
    }
    Ok(lines)
}

async fn page(config: &SdkConfig, question: &str) -> anyhow::Result<Option<Page>> {
    let answer = ask(config, question).await?;
    if answer.status == 400 && answer.body.contains("ResourceNotFoundException") {
        return Ok(None);
    }
    ensure!(
        answer.status == 200,
        "CloudWatch Logs answers {} {}: does this principal have the permission logs:GetLogEvents?",
        answer.status,
        discovery::excerpt(&answer.body, 300)
    );
    let page = serde_json::from_str(&answer.body);
    Ok(Some(page.context("reading the answer of CloudWatch Logs")?))
}

/// Repeated if the failure is temporary.
async fn ask(config: &SdkConfig, question: &str) -> anyhow::Result<Answer> {
    let region = config.region().context("no region is set")?.as_ref();
    let call = Call {
        service: "logs",
        region,
        url: format!("https://logs.{region}.{}", signed::suffix(region)),
        headers: &HEADERS,
        body: question.to_owned(),
    };
    let mut pause: Duration = differences::interval(config.endpoint_url()) / 4;
    for _ in 1..MOST_ATTEMPTS {
        let answer = signed::post(config, &call).await?;
        if !passes(&answer) {
            return Ok(answer);
        }
        sleep(pause).await;
        pause *= 2;
    }
    signed::post(config, &call).await
}

fn passes(answer: &Answer) -> bool {
    let is_throttled = answer.status == 400 && answer.body.contains("ThrottlingException");
    is_throttled || answer.status == 429 || 500 <= answer.status
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
        let events: Vec<_> = (0..5).map(|n| json!({"message": n.to_string()})).collect();
        let page = json!({"events": events, "nextForwardToken": "1", "nextBackwardToken": "2"});
        Mock::given(path("/"))
            .and(body_partial_json(asked))
            .respond_with(ResponseTemplate::new(200).set_body_json(page))
            .expect(1)
            .mount(&server)
            .await;

        let lines = read(&config(&server), "group", "stream", Part::Last(5)).await;

        assert_eq!(lines.unwrap(), ["0", "1", "2", "3", "4"]);
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

    #[tokio::test]
    async fn a_page_without_lines_is_not_the_end() {
        let server = MockServer::start().await;
        for (asked, lines, next) in [
            (json!({"nextToken": "b/2"}), &["last but one"][..], "b/3"),
            (json!({"nextToken": "b/1"}), &[], "b/2"),
            (json!({"nextToken": "b/3"}), &[], "b/3"),
            (json!({"startFromHead": false}), &["last"], "b/1"),
        ] {
            let events: Vec<_> = lines.iter().map(|line| json!({"message": line})).collect();
            let page =
                json!({"events": events, "nextForwardToken": "f/0", "nextBackwardToken": next});
            Mock::given(path("/"))
                .and(body_partial_json(asked))
                .respond_with(ResponseTemplate::new(200).set_body_json(page))
                .expect(1)
                .mount(&server)
                .await;
        }

        let lines = read(&config(&server), "group", "stream", Part::Last(5)).await;

        assert_eq!(lines.unwrap(), ["last but one", "last"]);
    }

    #[tokio::test]
    async fn pages_without_lines_are_not_read_for_ever() {
        let server = MockServer::start().await;
        let page = |request: &wiremock::Request| {
            let asked: serde_json::Value = request.body_json().unwrap();
            let next = format!("{}x", asked["nextToken"].as_str().unwrap_or_default());
            let page = json!({"events": [], "nextForwardToken": next, "nextBackwardToken": next});
            ResponseTemplate::new(200).set_body_json(page)
        };
        Mock::given(path("/"))
            .respond_with(page)
            .mount(&server)
            .await;

        for part in [Part::All, Part::Last(5)] {
            let lines = read(&config(&server), "group", "stream", part).await;
            assert_eq!(lines.unwrap(), [""; 0]);
        }
    }

    #[tokio::test]
    async fn a_line_that_names_an_error_is_a_line() {
        let server = MockServer::start().await;
        let page = json!({"events": [{"message": "ResourceNotFoundException"}]});
        Mock::given(path("/"))
            .respond_with(ResponseTemplate::new(200).set_body_json(page))
            .mount(&server)
            .await;

        let lines = read(&config(&server), "group", "stream", Part::All).await;

        assert_eq!(lines.unwrap(), ["ResourceNotFoundException"]);
    }

    #[tokio::test]
    async fn who_asks_too_often_asks_again() {
        let server = MockServer::start().await;
        let throttled = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
        for (answer, times) in [
            (ResponseTemplate::new(400).set_body_json(throttled), 2),
            (ResponseTemplate::new(503), 1),
            (
                ResponseTemplate::new(200).set_body_json(json!({"events": [{"message": "line"}]})),
                1,
            ),
        ] {
            Mock::given(path("/"))
                .respond_with(answer)
                .up_to_n_times(times)
                .expect(times)
                .mount(&server)
                .await;
        }

        let lines = read(&config(&server), "group", "stream", Part::All).await;

        assert_eq!(lines.unwrap(), ["line"]);
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
