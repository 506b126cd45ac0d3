//! What can go wrong with a stack.

use std::error::Error;

use aws_sdk_cloudformation::error::SdkError;

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

    /// CloudFormation could not make it so, and has taken back what it had done.
    #[error("the stack {stack} ended as {status}: {reasons}")]
    Failed {
        /// Which one.
        stack: String,
        /// How it ended.
        status: String,
        /// What CloudFormation said of each resource.
        reasons: String,
    },

    /// Somebody else's stack has the name. It was not touched.
    #[error("the stack {stack} was not made by this program; choose another name")]
    Foreign {
        /// Its name.
        stack: String,
    },
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
