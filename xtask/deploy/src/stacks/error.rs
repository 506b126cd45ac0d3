//! What can go wrong with a stack.

use std::error::Error;

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

use super::{
    history::{Cause, Failure},
    pace::Look,
};
use crate::step::Refusal;

/// A stack is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A call did not succeed. Whether it took effect is for AWS to say.
    #[error("{attempted} the stack {stack}")]
    Call {
        /// What was attempted.
        attempted: &'static str,
        /// With which stack.
        stack: String,
        /// Whether the same call may succeed later.
        passing: Passing,
        /// What came back.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// Nobody answers, or not in time.
    #[error("{place} does not answer")]
    Silent {
        /// Who was asked.
        place: String,
        /// What was seen of it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// CloudFormation could not make it so.
    #[error("the stack {} ended as {}{}", .0.stack, .0.status, causes(&.0.causes))]
    Failed(Box<Failure>),

    /// Somebody else's stack has the name. It was not touched.
    #[error("the stack {stack} was not made by this program; choose another name")]
    Foreign {
        /// Its name.
        stack: String,
    },

    /// CloudFormation finds that what is wanted cannot be done. Nothing was changed.
    #[error("CloudFormation refuses the change of the stack {stack}: {reason}")]
    Refused {
        /// Its name.
        stack: String,
        /// In the words of CloudFormation.
        reason: String,
    },

    /// What was shown cannot be done any more. Nothing was changed.
    #[error(
        "the stack {stack} was changed, or another run prepared a change, after its changes were shown here; run the same command again"
    )]
    Outdated {
        /// Its name.
        stack: String,
    },

    /// CloudFormation has taken an operation, and shows nothing of it.
    #[error(
        "CloudFormation accepted the request for the stack {stack}, but does not show its effect yet; see `cargo xtask status` later, and run the same command again"
    )]
    NotBegun {
        /// Its id.
        stack: String,
    },

    /// It is in a state that this program knows no way out of. It was not touched.
    #[error(
        "the stack {stack} is {status}, so nothing was done with it: look at it in the CloudFormation console"
    )]
    Unknown {
        /// Its name.
        stack: String,
        /// Its state.
        status: String,
    },
}

/// Whether a failure may pass by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// It will not.
    No,
    /// Too much was asked, and by others too.
    Throttled,
    /// AWS has trouble of its own.
    Trouble,
}

impl StackError {
    /// What a look came to that failed so; none where the next one would fail as well.
    pub(super) fn look(&self) -> Option<Look> {
        match self {
            Self::Call { passing, .. } => match passing {
                Passing::No => None,
                Passing::Throttled => Some(Look::Throttled),
                Passing::Trouble => Some(Look::Silent),
            },
            Self::Silent { .. } => Some(Look::Silent),
            Self::Failed(_)
            | Self::Foreign { .. }
            | Self::NotBegun { .. }
            | Self::Outdated { .. }
            | Self::Refused { .. }
            | Self::Unknown { .. } => None,
        }
    }

    /// Whether somebody answers, and the same question may have another answer soon.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Call { passing, .. } if *passing != Passing::No)
    }
}

/// Why the stack is left alone, as an error.
pub(crate) fn refused(name: &str, refusal: Refusal) -> StackError {
    let stack = name.to_owned();
    match refusal {
        Refusal::Foreign => StackError::Foreign { stack },
        Refusal::Unknown(status) => StackError::Unknown {
            stack,
            status: status.as_str().to_owned(),
        },
    }
}

/// Whether there was no answer at all, not even a refusal.
pub(super) fn is_silence<E>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        // What is no HTTP, or breaks off, is no CloudFormation either; but somebody is there.
        _ => false,
    }
}

/// Whether an answer that was a refusal may become another.
pub(super) fn passing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Passing {
    const THROTTLED: [&str; 4] = [
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ];
    if error.code().is_some_and(|code| THROTTLED.contains(&code)) {
        return Passing::Throttled;
    }
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match status {
        Some(500..) => Passing::Trouble,
        Some(_) | None => Passing::No,
    }
}

/// Whether there is no such change set.
pub(super) fn is_without_change_set(error: &impl ProvideErrorMetadata) -> bool {
    has_code(error, "ChangeSetNotFound")
}

/// Whether something goes on with the change set, or it was executed.
pub(super) fn is_busy(error: &impl ProvideErrorMetadata) -> bool {
    has_code(error, "InvalidChangeSetStatus")
}

/// Whether what was shown cannot be done any more: it is gone, or its stack is, or something else goes on with that.
pub(super) fn is_outdated(error: &impl ProvideErrorMetadata) -> bool {
    // These have no codes of their own.
    let text = error.message().unwrap_or_default();
    is_without_change_set(error)
        || is_busy(error)
        || text.contains("does not exist")
        || (text.contains(" is in ") && text.contains(" state"))
}

/// Some end in `Exception`, and some do not.
fn has_code(error: &impl ProvideErrorMetadata, start: &str) -> bool {
    error.code().is_some_and(|code| code.starts_with(start))
}

fn causes(causes: &[Cause]) -> String {
    let causes: Vec<_> = causes.iter().map(Cause::to_string).collect();
    match causes.is_empty() {
        true => String::new(),
        false => format!(": {}", causes.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::error::ErrorMetadata;

    use super::*;

    #[test]
    fn what_was_shown_is_outdated_by_whatever_became_of_it() {
        for (code, message, expected) in [
            ("ChangeSetNotFound", "ChangeSet [it] does not exist", true),
            ("InvalidChangeSetStatus", "it is OBSOLETE", true),
            (
                "ValidationError",
                "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.",
                true,
            ),
            ("ValidationError", "Stack [it] does not exist", true),
            (
                "AccessDenied",
                "you are not authorized to perform: it",
                false,
            ),
        ] {
            let error = ErrorMetadata::builder().code(code).message(message).build();
            assert_eq!(is_outdated(&error), expected, "{code} {message}");
        }
    }
}
