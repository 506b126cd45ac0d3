//! What an error of the AWS SDK means.
//!
//! EC2 models no errors at all and ECS few, so the code counts, then the HTTP status, never a type.

use std::{error::Error as StdError, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Attempt, Cause, Error};

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

/// `limit` is how long a call may take, for those that took longer.
pub(crate) fn classify<E>(
    attempt: Attempt,
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
            let error = answer.into_err();
            let code = error.code().map(str::to_owned);
            let message = error.message().unwrap_or_default().to_owned();
            answered(attempt, status, code, &message, Box::new(error))
        }
        SdkError::ResponseError(ref answer) => {
            let status = answer.raw().status().as_u16();
            match error.into_source() {
                Ok(source) => answered(attempt, status, None, "", source),
                Err(error) => answered(attempt, status, None, "", Box::new(error)),
            }
        }
        SdkError::DispatchFailure(ref failure) => {
            let timeout = failure.is_timeout();
            let source = error.into_source().unwrap_or_else(|error| Box::new(error));
            unsent(attempt, timeout.then_some(limit), source)
        }
        SdkError::ConstructionFailure(_) => {
            let source = error.into_source().unwrap_or_else(|error| Box::new(error));
            Error::Unbuildable { attempt, source }
        }
        // The SDK's enum is open. What it does not tell apart is worth another try.
        error => Error::Unreachable {
            attempt,
            source: Box::new(error),
        },
    }
}

/// There is an answer, and it is not the wanted one.
fn answered(
    attempt: Attempt,
    status: u16,
    code: Option<String>,
    message: &str,
    source: Cause,
) -> Error {
    // `com.amazonaws.ecs#ClusterNotFoundException` in some dialects.
    let code = code.map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
    let named = code.as_deref().unwrap_or_default();
    if THROTTLED.contains(&named) || status == 429 {
        Error::Throttled { attempt, source }
    } else if DENIED.contains(&named) {
        let (action, resource) = denied(message);
        Error::AccessDenied {
            action: action.unwrap_or(attempt.action).to_owned(),
            resource: resource.map(str::to_owned),
            attempt,
            source,
        }
    } else if CREDENTIALS.contains(&named) {
        Error::CredentialsRejected {
            attempt,
            code: named.to_owned(),
            source,
        }
    } else if named == "ClusterNotFoundException" {
        Error::NoSuchCluster { attempt, source }
    } else if named == "ServiceNotFoundException" {
        Error::NoSuchService { attempt, source }
    } else if FAULT.contains(&named) || status >= 500 {
        Error::ServerFault {
            attempt,
            status,
            source,
        }
    } else if named.is_empty() {
        Error::Undecodable { attempt, source }
    } else {
        Error::Rejected {
            attempt,
            code: named.to_owned(),
            source,
        }
    }
}

/// The request was not sent, or nothing came back.
fn unsent(attempt: Attempt, timed_out: Option<Duration>, source: Cause) -> Error {
    if let Some(credentials) = find::<CredentialsError>(&*source) {
        return match credentials {
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_) => Error::NoCredentials { attempt, source },
            _ => Error::CredentialsUnavailable { attempt, source },
        };
    }
    match timed_out {
        Some(after) => Error::TimedOut { attempt, after },
        None => Error::Unreachable { attempt, source },
    }
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut error = Some(error);
    while let Some(here) = error {
        if let Some(found) = here.downcast_ref() {
            return Some(found);
        }
        error = here.source();
    }
    None
}

/// The action and the resource in `User: … is not authorized to perform: ecs:ListTasks on resource:
/// * because …`. EC2 leaves the resource out.
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
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        answered(attempt(), status, code, message, "cause".into())
    }

    #[test]
    fn codes_decide_what_can_be_done() {
        use Remedy::{FixConfiguration, FixPermissions, RetryLater};
        for (status, code, remedy) in [
            (400, "ThrottlingException", RetryLater),
            (503, "RequestLimitExceeded", RetryLater),
            (503, "EC2ThrottledException", RetryLater),
            (429, "", RetryLater),
            (500, "ServerException", RetryLater),
            (503, "Unavailable", RetryLater),
            (502, "", RetryLater),
            (200, "", RetryLater),
            (403, "", RetryLater),
            (400, "AccessDeniedException", FixPermissions),
            (403, "UnauthorizedOperation", FixPermissions),
            (400, "ClusterNotFoundException", FixConfiguration),
            (
                400,
                "com.amazonaws.ecs#ClusterNotFoundException",
                FixConfiguration,
            ),
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
            unsent(attempt(), None, Box::new(missing)).remedy(),
            Remedy::FixConfiguration
        );
        assert_eq!(
            unsent(attempt(), None, Box::new(failed)).remedy(),
            Remedy::RetryLater
        );
    }
}
