//! How many files and connections the process may have open at once.

use discovery::Chain;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to the highest that the system allows this process, and returns it.
///
/// Sessions and containers often start with a low limit, because some programs cannot work with a higher one.
#[must_use]
pub fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let current = match setrlimit(Resource::Nofile, highest) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the limit of open files could not be raised");
            limit.current
        }
    };
    // None means that there is no limit.
    let current = current.and_then(|current| usize::try_from(current).ok());
    current.unwrap_or(usize::MAX)
}
