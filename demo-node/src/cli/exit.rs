//! How a command ends: its exit status, and what went wrong.

use std::process::ExitCode;

use discovery::Chain;

/// How a command ended; decides its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well; of a lookup: the view is complete.
    Complete,
    /// It failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// A lookup: peers may be missing. The doctor: warnings only.
    Partial,
    /// A signal with this number ended it.
    Signal(u8),
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    /// What went wrong, outermost first.
    pub message: String,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Complete => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partial => 3,
            // As in shells.
            Exit::Signal(number) => 128 + number,
        })
    }
}

impl Failure {
    pub(super) fn usage(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            exit: Exit::Usage,
            message: Chain(error).to_string(),
        }
    }

    pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            exit: Exit::Failed,
            message: Chain(error).to_string(),
        }
    }

    /// A discovery error: its remedy says whether the configuration is the cause.
    pub(super) fn discovery(error: &discovery::Error) -> Self {
        match error.remedy() {
            discovery::Remedy::FixConfiguration => Self::usage(error),
            discovery::Remedy::RetryLater | discovery::Remedy::FixPermissions => {
                Self::failed(error)
            }
        }
    }
}
