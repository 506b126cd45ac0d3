//! What to do with a stack, depending on its state. Makes no calls.
//!
//! A stack may be in any state when `deploy` starts: an earlier run was interrupted, failed, or is still running
//! elsewhere. Each state has its step here, and after each step except the last the stack is examined again.

use std::fmt;

use aws_sdk_cloudformation::types::StackStatus;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There is none: it is created.
    Create,
    /// It is as it should be.
    Keep,
    /// It differs in these points.
    Change {
        /// Each for people.
        points: Vec<String>,
        /// What happens if the change fails.
        on_failure: OnFailure,
    },
    /// An operation is running. When it is over, the stack is examined again.
    Wait {
        /// What goes on.
        status: StackStatus,
        /// Whether it is an attempt at the same change: if it fails, so does this run.
        is_attempt: bool,
    },
    /// What is left of it is useless: it is deleted, and created again.
    Replace(StackStatus),
    /// A failed change could not be rolled back. The rollback is tried again, before anything else.
    TakeBack,
    /// This program can do nothing about it.
    Refuse(Refusal),
}

/// What becomes of a change that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is rolled back: running nodes continue.
    TakeBack,
    /// It stays as it is. After an earlier failure, CloudFormation allows nothing else.
    Leave,
}

/// Why a stack is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It was not made by this program.
    Foreign,
    /// Whoever brought it into this state must correct that.
    Unknown(StackStatus),
}

/// An existing stack, as far as the step depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// As CloudFormation has it.
    pub status: &'a StackStatus,
    /// Whether this program has made it.
    pub is_ours: bool,
}

/// The step from the existing stack towards the wanted one. `points` are the differences.
pub fn next(found: Option<Found<'_>>, mut points: Vec<String>) -> Step {
    let Some(Found { status, is_ours }) = found else {
        return Step::Create;
    };
    if !is_ours && *status != StackStatus::DeleteComplete {
        return Step::Refuse(Refusal::Foreign);
    }
    match status {
        StackStatus::DeleteComplete => Step::Create,

        StackStatus::CreateInProgress | StackStatus::UpdateInProgress => Step::Wait {
            status: status.clone(),
            is_attempt: true,
        },
        // What was attempted is settled by then.
        StackStatus::UpdateCompleteCleanupInProgress
        | StackStatus::RollbackInProgress
        | StackStatus::UpdateRollbackInProgress
        | StackStatus::UpdateRollbackCompleteCleanupInProgress
        | StackStatus::DeleteInProgress
        | StackStatus::ImportInProgress
        | StackStatus::ImportRollbackInProgress => Step::Wait {
            status: status.clone(),
            is_attempt: false,
        },

        // In none of these was it ever complete. In REVIEW_IN_PROGRESS nothing goes on, in spite of the name:
        // there is a change set that nobody has executed.
        StackStatus::CreateFailed
        | StackStatus::RollbackComplete
        | StackStatus::RollbackFailed
        | StackStatus::DeleteFailed
        | StackStatus::ReviewInProgress => Step::Replace(status.clone()),

        StackStatus::UpdateRollbackFailed => Step::TakeBack,

        StackStatus::UpdateFailed => {
            points.insert(0, format!("it is {status}"));
            Step::Change {
                points,
                on_failure: OnFailure::Leave,
            }
        }
        StackStatus::CreateComplete
        | StackStatus::UpdateComplete
        | StackStatus::UpdateRollbackComplete
        | StackStatus::ImportComplete
        | StackStatus::ImportRollbackComplete => {
            if points.is_empty() {
                Step::Keep
            } else {
                Step::Change {
                    points,
                    on_failure: OnFailure::TakeBack,
                }
            }
        }
        // A failed import, and whatever CloudFormation invents.
        other if goes_on(other) => Step::Wait {
            status: other.clone(),
            is_attempt: false,
        },
        other => Step::Refuse(Refusal::Unknown(other.clone())),
    }
}

/// Whether CloudFormation is at work on a stack of this state.
pub fn goes_on(status: &StackStatus) -> bool {
    *status != StackStatus::ReviewInProgress && status.as_str().ends_with("_IN_PROGRESS")
}

/// Whether a stack in this state is as it should be.
pub fn has_succeeded(status: &StackStatus) -> bool {
    matches!(
        status,
        StackStatus::CreateComplete | StackStatus::UpdateComplete
    )
}

/// Whether a stack of this state has all that its last successful operation gave it.
pub fn is_complete(status: &StackStatus) -> bool {
    matches!(
        status,
        StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::UpdateRollbackComplete
            | StackStatus::ImportComplete
            | StackStatus::ImportRollbackComplete
    )
}

/// What to do about a state in which something has failed, or is failing; none if nothing has.
pub fn out_of(status: &StackStatus) -> Option<&'static str> {
    match status {
        StackStatus::CreateFailed | StackStatus::RollbackComplete | StackStatus::RollbackFailed => {
            Some("the next `cargo xtask deploy` deletes it, and creates it again")
        }
        StackStatus::ReviewInProgress => Some(
            "nothing was created: a change set waits to be executed. The next `cargo xtask deploy` deletes it, \
             and creates it again",
        ),
        StackStatus::DeleteFailed => {
            Some("the next `cargo xtask destroy` or `cargo xtask deploy` deletes it")
        }
        StackStatus::UpdateFailed => Some("the next `cargo xtask deploy` tries the change again"),
        StackStatus::UpdateRollbackComplete => {
            Some("the last change failed and was rolled back: what ran before keeps running")
        }
        StackStatus::UpdateRollbackFailed => {
            Some("the next `cargo xtask deploy` rolls back the failed change")
        }
        StackStatus::RollbackInProgress | StackStatus::UpdateRollbackInProgress => {
            Some("the change is being rolled back")
        }
        StackStatus::ImportRollbackFailed => Some("look at it in the CloudFormation console"),
        _ => None,
    }
}

/// Whether a stack of this state can be deleted at once. Others first come to the end of what goes on.
pub fn can_be_deleted(status: &StackStatus) -> bool {
    match status {
        StackStatus::CreateInProgress | StackStatus::DeleteInProgress => true,
        other => !goes_on(other),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => f.write_str("is created"),
            Self::Keep => f.write_str("stays as it is"),
            Self::Change { points, .. } => write!(f, "is changed: {}", points.join("; ")),
            Self::Wait { status, .. } => {
                write!(f, "is {status}: the deployment waits until that has ended, and then looks again")
            }
            Self::Replace(status) => {
                write!(f, "is {status}: it is deleted, and created again")
            }
            Self::TakeBack => f.write_str(
                "is UPDATE_ROLLBACK_FAILED: the failed change is rolled back, and then the deployment looks again",
            ),
            Self::Refuse(Refusal::Foreign) => f.write_str("does not belong to this program"),
            Self::Refuse(Refusal::Unknown(status)) => {
                write!(f, "is {status}, and is not touched")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "is created";
    const KEPT: &str = "stays as it is";
    const CHANGED: &str = "is changed: DesiredCount 5 -> 3";

    #[test]
    fn every_state_has_its_step() {
        for (status, equal, different) in [
            (None, CREATED, CREATED),
            (Some("DELETE_COMPLETE"), CREATED, CREATED),
            (Some("CREATE_COMPLETE"), KEPT, CHANGED),
            (Some("UPDATE_COMPLETE"), KEPT, CHANGED),
            (Some("UPDATE_ROLLBACK_COMPLETE"), KEPT, CHANGED),
            (Some("IMPORT_COMPLETE"), KEPT, CHANGED),
            (Some("IMPORT_ROLLBACK_COMPLETE"), KEPT, CHANGED),
            (
                Some("UPDATE_FAILED"),
                "is changed: it is UPDATE_FAILED",
                "is changed: it is UPDATE_FAILED; DesiredCount 5 -> 3",
            ),
        ] {
            let status = status.map(StackStatus::from);
            assert_eq!(ours(status.as_ref(), false), equal, "{status:?}");
            assert_eq!(ours(status.as_ref(), true), different, "{status:?}");
        }
        for (word, statuses) in [
            (
                "the deployment waits until that has ended, and then looks again",
                &[
                    "CREATE_IN_PROGRESS",
                    "UPDATE_IN_PROGRESS",
                    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                    "ROLLBACK_IN_PROGRESS",
                    "UPDATE_ROLLBACK_IN_PROGRESS",
                    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
                    "DELETE_IN_PROGRESS",
                    "IMPORT_IN_PROGRESS",
                    "IMPORT_ROLLBACK_IN_PROGRESS",
                    // None that is known.
                    "REPAIR_IN_PROGRESS",
                ][..],
            ),
            (
                "it is deleted, and created again",
                &[
                    "REVIEW_IN_PROGRESS",
                    "CREATE_FAILED",
                    "ROLLBACK_COMPLETE",
                    "ROLLBACK_FAILED",
                    "DELETE_FAILED",
                ],
            ),
            (
                "the failed change is rolled back, and then the deployment looks again",
                &["UPDATE_ROLLBACK_FAILED"],
            ),
        ] {
            for status in statuses {
                let expected = format!("is {status}: {word}");
                let status = StackStatus::from(*status);
                assert_eq!(ours(Some(&status), false), expected);
                assert_eq!(ours(Some(&status), true), expected);
            }
        }
        for status in ["IMPORT_ROLLBACK_FAILED", "MELTED"] {
            let expected = format!("is {status}, and is not touched");
            assert_eq!(ours(Some(&status.into()), true), expected);
        }
    }

    #[test]
    fn a_state_in_which_something_has_failed_has_a_way_out() {
        for status in StackStatus::values() {
            let failed = status.contains("ROLLBACK") || status.ends_with("_FAILED");
            let is_exception = ["IMPORT_ROLLBACK", "CLEANUP"]
                .iter()
                .any(|part| status.contains(part));
            let told = out_of(&(*status).into());
            if !is_exception {
                let expected = failed || *status == "REVIEW_IN_PROGRESS";
                assert_eq!(told.is_some(), expected, "{status}");
            }
        }
    }

    #[test]
    fn every_state_that_is_known_is_in_the_table() {
        for status in StackStatus::values() {
            let step = ours(Some(&(*status).into()), true);
            let refused = step.ends_with("not touched");
            assert_eq!(refused, *status == "IMPORT_ROLLBACK_FAILED", "{status}");
        }
    }

    #[test]
    fn a_stack_of_somebody_else_is_left_alone_in_whatever_state() {
        for status in StackStatus::values() {
            let status = StackStatus::from(*status);
            let found = Found {
                status: &status,
                is_ours: false,
            };
            let step = next(Some(found), Vec::new());
            // What is deleted is nobody's.
            if status == StackStatus::DeleteComplete {
                assert_eq!(step, Step::Create);
            } else {
                assert_eq!(step, Step::Refuse(Refusal::Foreign), "{status}");
            }
        }
    }

    #[test]
    fn where_an_attempt_is_waited_for_its_failure_counts() {
        for (status, counts) in [
            (StackStatus::CreateInProgress, true),
            (StackStatus::UpdateInProgress, true),
            // That one has failed before, and is cleared away.
            (StackStatus::RollbackInProgress, false),
            (StackStatus::UpdateRollbackInProgress, false),
            (StackStatus::DeleteInProgress, false),
        ] {
            let found = Found {
                status: &status,
                is_ours: true,
            };
            let wait = Step::Wait {
                status: status.clone(),
                is_attempt: counts,
            };
            assert_eq!(next(Some(found), Vec::new()), wait);
        }
    }

    #[test]
    fn a_change_is_taken_back_except_where_one_has_failed_before() {
        for (status, expected) in [
            (StackStatus::CreateComplete, OnFailure::TakeBack),
            (StackStatus::UpdateRollbackComplete, OnFailure::TakeBack),
            (StackStatus::UpdateFailed, OnFailure::Leave),
        ] {
            let found = Found {
                status: &status,
                is_ours: true,
            };
            let Step::Change { on_failure, .. } = next(Some(found), vec!["a point".to_owned()])
            else {
                panic!("{status} is not changed");
            };
            assert_eq!(on_failure, expected, "{status}");
        }
    }

    #[test]
    fn what_goes_on_comes_to_its_end_before_a_deletion_except_a_creation() {
        for status in StackStatus::values() {
            let waits = status.ends_with("_IN_PROGRESS")
                && ![
                    "CREATE_IN_PROGRESS",
                    "DELETE_IN_PROGRESS",
                    "REVIEW_IN_PROGRESS",
                ]
                .contains(status);
            assert_eq!(can_be_deleted(&(*status).into()), !waits, "{status}");
        }
    }

    fn ours(status: Option<&StackStatus>, differs: bool) -> String {
        let found = status.map(|status| Found {
            status,
            is_ours: true,
        });
        let points = differs.then(|| "DesiredCount 5 -> 3".to_owned());
        next(found, points.into_iter().collect()).to_string()
    }
}
