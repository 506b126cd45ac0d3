//! What can go wrong with a stack.

use std::error::Error;

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

pub(super) fn call(
    attempted: &'static str,
    stack: &str,
    source: impl Error + Send + Sync + 'static,
) -> StackError {
    StackError::Call {
        attempted,
        stack: stack.to_owned(),
        source: Box::new(source),
    }
}
