//! What an error of the AWS SDK means.
//!
//! EC2 models no errors and ECS only few. So the error's code decides, then the HTTP status, never the type.

use std::{error::Error as StdError, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{ASSUME_ROLE, Attempt, Cause, Error};
use crate::{
    Chain,
    client::{ATTEMPT_TIMEOUT, NotAssumed, TooLarge, find},
};

const THROTTLED: [&str; 9] = [
    "EC2ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

const DENIED: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "NotAuthorized",
    "UnauthorizedOperation",
];

const CREDENTIALS: [&str; 13] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

const FAULT: [&str; 7] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "ServerException",
    "ServiceUnavailable",
    "Unavailable",
];

/// How much is shown of an answer that is not from AWS.
const SHOWN: usize = 80;

/// AWS's message. The SDK's own errors repeat it, or say `unhandled`.
#[derive(Debug, thiserror::Error)]
#[error("{code}{}{message}", if message.is_empty() { "" } else { ": " })]
struct Words {
    code: String,
    message: String,
}

/// The message of something other than AWS.
#[derive(Debug, thiserror::Error)]
#[error("the answer has HTTP status {status} and {body}")]
struct Strange {
    status: u16,
    body: String,
}

/// `limit` is how long a call may take, for calls that took longer; `endpoint` is what was called.
pub(crate) fn classify<E>(
    attempt: Attempt,
    endpoint: &str,
    limit: Duration,
    error: SdkError<E, HttpResponse>,
) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        SdkError::TimeoutError(_) => Error::TimedOut {
            attempt,
            after: limit,
        },
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            // `com.amazonaws.ecs#ClusterNotFoundException` in some dialects.
            let code = answer.err().code().and_then(|code| code.rsplit('#').next());
            match code {
                Some(code) if !code.is_empty() => {
                    let message = answer.err().message().unwrap_or_default();
                    answered(attempt, status, code, message)
                }
                Some(_) | None => strange(attempt, answer.raw()),
            }
        }
        SdkError::ResponseError(ref answer) => match find(&error) {
            Some(TooLarge { most }) => Error::TooLarge {
                attempt,
                most: *most,
            },
            None => strange(attempt, answer.raw()),
        },
        SdkError::DispatchFailure(ref failure) => {
            let timeout = failure.is_timeout();
            let source = error.into_source().unwrap_or_else(|error| Box::new(error));
            // Only useful inside the SDK: it says `io error`.
            let source = match source.downcast::<ConnectorError>() {
                Ok(connector) => connector.into_source(),
                Err(source) => source,
            };
            unsent(attempt, endpoint, timeout.then_some(limit), source)
        }
        SdkError::ConstructionFailure(_) => {
            let source = error.into_source().unwrap_or_else(|error| Box::new(error));
            Error::Unbuildable { attempt, source }
        }
        // The SDK's enum is open. Unknown cases are worth another try.
        error => Error::Unreachable {
            attempt,
            endpoint: endpoint.to_owned(),
            source: Box::new(error),
        },
    }
}

/// There is an answer, but not from AWS: from a proxy, or damaged on its way.
fn strange(attempt: Attempt, answer: &HttpResponse) -> Error {
    let status = answer.status().as_u16();
    let body = answer.body().bytes().unwrap_or_default();
    let source = Box::new(Strange {
        status,
        body: beginning(body),
    });
    if status == 429 {
        Error::Throttled { attempt, source }
    } else if status >= 500 {
        Error::ServerFault {
            attempt,
            status,
            source,
        }
    } else {
        Error::Undecodable { attempt, source }
    }
}

/// In one line.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ");
    let shown: String = line.chars().take(SHOWN).collect();
    if shown.is_empty() {
        "no body".to_owned()
    } else {
        format!("a body that begins `{}`", shown.escape_debug())
    }
}

/// There is an answer from AWS, but not the wanted one.
fn answered(attempt: Attempt, status: u16, code: &str, message: &str) -> Error {
    let source = Box::new(Words {
        code: code.to_owned(),
        message: message.to_owned(),
    });
    if THROTTLED.contains(&code) || status == 429 {
        Error::Throttled { attempt, source }
    } else if DENIED.contains(&code) {
        let (action, resource) = denied(message);
        Error::AccessDenied {
            action: action.unwrap_or(attempt.action).to_owned(),
            resource: resource.map(str::to_owned),
            attempt,
            source,
        }
    } else if CREDENTIALS.contains(&code) {
        Error::CredentialsRejected {
            attempt,
            code: code.to_owned(),
            source,
        }
    } else if code == "ClusterNotFoundException" {
        Error::NoSuchCluster { attempt, source }
    } else if code == "ServiceNotFoundException" {
        Error::NoSuchService { attempt, source }
    } else if FAULT.contains(&code) || status >= 500 {
        Error::ServerFault {
            attempt,
            status,
            source,
        }
    } else {
        Error::Rejected {
            attempt,
            code: code.to_owned(),
            source,
        }
    }
}

/// The request was not sent, or nothing came back.
fn unsent(attempt: Attempt, endpoint: &str, timed_out: Option<Duration>, source: Cause) -> Error {
    if let Some(failed) = find::<NotAssumed>(&*source) {
        return not_assumed(failed);
    }
    if let Some(credentials) = find::<CredentialsError>(&*source) {
        return match credentials {
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_) => Error::NoCredentials { attempt, source },
            _ => Error::CredentialsUnavailable { attempt, source },
        };
    }
    match timed_out {
        Some(after) => Error::TimedOut { attempt, after },
        None => Error::Unreachable {
            attempt,
            endpoint: endpoint.to_owned(),
            source,
        },
    }
}

/// The role whose credentials the request needs could not be assumed: then that is what failed.
fn not_assumed(failed: &NotAssumed) -> Error {
    let attempt = Attempt {
        action: ASSUME_ROLE,
        what: failed.what.to_string(),
    };
    let words = || Cause::from(Chain(&failed.source).to_string());
    let source = match find::<SdkError<AssumeRoleError, HttpResponse>>(&failed.source) {
        Some(SdkError::ServiceError(answer)) => {
            let said = answer.err();
            let status = answer.raw().status().as_u16();
            return match said.code().filter(|code| !code.is_empty()) {
                Some(code) => answered(attempt, status, code, said.message().unwrap_or_default()),
                None => strange(attempt, answer.raw()),
            };
        }
        Some(SdkError::ResponseError(answer)) => return strange(attempt, answer.raw()),
        Some(SdkError::TimeoutError(_)) => {
            return Error::TimedOut {
                attempt,
                after: ATTEMPT_TIMEOUT,
            };
        }
        // The credentials for assuming it failed, or there was no connection.
        Some(_) | None => words(),
    };
    match innermost(&failed.source) {
        Some(
            CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_),
        ) => Error::NoCredentials { attempt, source },
        Some(_) => Error::CredentialsUnavailable { attempt, source },
        None => Error::Unreachable {
            attempt,
            endpoint: failed.endpoint.to_string(),
            source,
        },
    }
}

/// The error of the credentials for assuming a role, if they are the cause.
fn innermost(failed: &CredentialsError) -> Option<&CredentialsError> {
    find(failed.source()?)
}

/// The action and the resource in `User: … is not authorized to perform: ecs:ListTasks on resource: * because …`. EC2
/// does not give the resource.
fn denied(message: &str) -> (Option<&str>, Option<&str>) {
    let word_after = |text: &str| {
        let (_, rest) = message.split_once(text)?;
        rest.split_whitespace().next()
    };
    let action = word_after("authorized to perform: ")
        .map(|action| action.trim_end_matches(['.', ',']))
        .filter(|action| action.contains(':'));
    (action, word_after("on resource: "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Remedy;

    fn attempt() -> Attempt {
        Attempt {
            action: "ecs:ListTasks",
            what: "listing".to_owned(),
        }
    }

    fn error(status: u16, code: &str, message: &str) -> Error {
        answered(attempt(), status, code, message)
    }

    fn answer(status: u16, body: &'static str) -> Error {
        let answer = HttpResponse::new(status.try_into().unwrap(), body.into());
        strange(attempt(), &answer)
    }

    #[test]
    fn codes_decide_what_can_be_done() {
        use Remedy::{FixConfiguration, FixPermissions, RetryLater};
        for (status, code, remedy) in [
            (400, "ThrottlingException", RetryLater),
            (503, "RequestLimitExceeded", RetryLater),
            (503, "EC2ThrottledException", RetryLater),
            (500, "ServerException", RetryLater),
            (503, "Unavailable", RetryLater),
            (400, "AccessDeniedException", FixPermissions),
            (403, "UnauthorizedOperation", FixPermissions),
            (400, "ClusterNotFoundException", FixConfiguration),
            (400, "ServiceNotFoundException", FixConfiguration),
            (400, "InvalidParameterException", FixConfiguration),
            (400, "InvalidParameterValue", FixConfiguration),
            (400, "ClientException", FixConfiguration),
            (401, "AuthFailure", FixConfiguration),
            (400, "ExpiredTokenException", FixConfiguration),
        ] {
            assert_eq!(error(status, code, "").remedy(), remedy, "{status} {code}");
        }
    }

    #[test]
    fn what_aws_says_is_said_once() {
        let error = |message| error(400, "ThrottlingException", message).chain();
        assert_eq!(
            error("Rate exceeded"),
            "listing: throttled: ThrottlingException: Rate exceeded"
        );
        assert_eq!(error(""), "listing: throttled: ThrottlingException");
    }

    #[test]
    fn an_answer_that_is_not_of_aws_is_shown() {
        assert_eq!(
            answer(403, "<html>\n  <body>Forbidden</body>").chain(),
            "listing: the answer could not be understood: \
             the answer has HTTP status 403 and a body that begins `<html> <body>Forbidden</body>`"
        );
        assert_eq!(
            answer(502, " \n").chain(),
            "listing: the service failed with HTTP status 502: \
             the answer has HTTP status 502 and no body"
        );
        let long = answer(
            200,
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        );
        assert!(long.chain().ends_with("0123456789`"), "{}", long.chain());
        assert!(long.chain().len() < 200, "{}", long.chain());
        for status in [200, 403, 429, 502] {
            assert_eq!(answer(status, "").remedy(), Remedy::RetryLater);
        }
    }

    #[test]
    fn a_denial_names_the_action_and_the_resource() {
        let message = "User: arn:aws:sts::111122223333:assumed-role/task/1 is not authorized to \
             perform: ecs:DescribeTasks on resource: arn:aws:ecs:eu-central-1:111122223333:task/prod/1 \
             because no identity-based policy allows the ecs:DescribeTasks action";
        assert_eq!(
            error(400, "AccessDeniedException", message).to_string(),
            "listing: not authorized to perform ecs:DescribeTasks \
             on arn:aws:ecs:eu-central-1:111122223333:task/prod/1"
        );
    }

    #[test]
    fn a_denial_of_ec2_has_no_resource() {
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/x \
             is not authorized to perform: ec2:DescribeInstances because no identity-based policy \
             allows the ec2:DescribeInstances action";
        assert_eq!(denied(message), (Some("ec2:DescribeInstances"), None));
    }

    #[test]
    fn a_denial_without_words_names_the_action_of_the_call() {
        for message in [
            "",
            "You are not authorized to perform this operation.",
            "denied",
        ] {
            assert_eq!(
                error(403, "UnauthorizedOperation", message).to_string(),
                "listing: not authorized to perform ecs:ListTasks"
            );
        }
    }

    #[test]
    fn missing_credentials_are_told_from_credentials_that_cannot_be_had_now() {
        let missing = CredentialsError::not_loaded("nowhere");
        let failed = CredentialsError::provider_error("500");
        assert_eq!(
            unsent(attempt(), "it", None, Box::new(missing)).remedy(),
            Remedy::FixConfiguration
        );
        assert_eq!(
            unsent(attempt(), "it", None, Box::new(failed)).remedy(),
            Remedy::RetryLater
        );
    }
}
