//! Answers as sent: JSON, XML or text, and errors in the format of each service.

use std::time::SystemTime;

use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::faults::{Damage, Refusal};

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) header: Option<(&'static str, String)>,
    pub(super) body: String,
}

/// An error, before it is in the format of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

/// A service's protocol.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire {
    /// ECS: JSON 1.1.
    Json,
    /// EC2: forms in, XML out.
    Query,
    /// EC2 Auto Scaling: the same, with other element names.
    AutoScaling,
    /// STS: like EC2 Auto Scaling.
    Sts,
    /// Metadata: plain HTTP.
    Plain,
}

impl ApiError {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

impl Wire {
    pub(super) fn error(self, error: &ApiError) -> Reply {
        let ApiError {
            status,
            code,
            message,
        } = error;
        let (content_type, body) = match self {
            Self::Json => (
                ECS_JSON,
                json!({"__type": code, "message": message}).to_string(),
            ),
            Self::Query => (
                EC2_XML,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                     <Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
                     <RequestID>{REQUEST_ID}</RequestID></Response>",
                    escape(code),
                    escape(message),
                ),
            ),
            Self::AutoScaling | Self::Sts => (
                EC2_XML,
                format!(
                    "<ErrorResponse xmlns=\"{}\">\
                     <Error><Type>{}</Type><Code>{}</Code><Message>{}</Message></Error>\
                     <RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
                    self.namespace(),
                    if *status < 500 { "Sender" } else { "Receiver" },
                    escape(code),
                    escape(message),
                ),
            ),
            Self::Plain => (
                "application/json",
                json!({"code": code, "message": message}).to_string(),
            ),
        };
        Reply {
            status: *status,
            ..Reply::new(content_type, body)
        }
    }

    /// For an answer in XML.
    fn namespace(self) -> &'static str {
        match self {
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Json | Self::Query | Self::Plain => "",
        }
    }

    /// The error that a fault asks for.
    pub(super) fn refusal(self, refusal: Refusal) -> ApiError {
        match (refusal, self) {
            (Refusal::Error { status, code }, _) => {
                ApiError::new(status, code, "The request could not be served.")
            }
            (Refusal::Throttled, Self::Json) => {
                ApiError::new(400, "ThrottlingException", "Rate exceeded")
            }
            (Refusal::Throttled, Self::Query) => {
                ApiError::new(503, "RequestLimitExceeded", "Request limit exceeded.")
            }
            (Refusal::Throttled, Self::AutoScaling | Self::Sts) => {
                ApiError::new(400, "Throttling", "Rate exceeded")
            }
            (Refusal::Throttled, Self::Plain) => {
                ApiError::new(429, "TooManyRequests", "Too many requests")
            }
        }
    }
}

impl Reply {
    pub(super) fn new(content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type,
            header: None,
            body: body.into(),
        }
    }

    pub(super) fn json(value: &Value) -> Self {
        Self::new("application/json", value.to_string())
    }

    pub(super) fn text(body: impl Into<String>) -> Self {
        Self::new("text/plain", body)
    }

    /// Removes members from the outermost object, if the body is one.
    pub(super) fn omit(&mut self, members: &[&str]) {
        if members.is_empty() {
            return;
        }
        if let Ok(Value::Object(mut object)) = serde_json::from_str(&self.body) {
            object.retain(|name, _| !members.contains(&name.as_str()));
            self.body = Value::Object(object).to_string();
        }
    }

    pub(super) fn damage(&mut self, damage: Damage) {
        match damage {
            Damage::Truncated => {
                let half = self.body.len() / 2;
                self.body.truncate(self.body.floor_char_boundary(half));
            }
            Damage::Emptied => self.body.clear(),
        }
    }
}

/// The content type of ECS's answers.
pub(super) const ECS_JSON: &str = "application/x-amz-json-1.1";

/// The content type of EC2's answers.
pub(super) const EC2_XML: &str = "text/xml;charset=UTF-8";

/// No client reads it, but the services always send one.
pub(super) const REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Seconds since 1970 with their fraction, as ECS writes times.
pub(super) fn epoch_seconds(time: SystemTime) -> f64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("no scenario plays before 1970");
    // AWS gives milliseconds only.
    since.as_secs_f64().mul_add(1000.0, 0.5).floor() / 1000.0
}

/// For example `2026-01-31T12:34:56Z`.
pub(super) fn iso_8601(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
