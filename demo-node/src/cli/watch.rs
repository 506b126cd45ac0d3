//! `--watch[=PAUSE]`: does what the command does again and again.

use std::time::Duration;

use clap::{Arg, ArgMatches};

use super::{
    exit::{Exit, Failure},
    output::print,
    terminal::in_place,
};

const NAME: &str = "watch";

/// What is looked at again and again: shown whenever it has changed, on a terminal in the place of what was there before.
#[derive(Debug, Default)]
pub struct Screen {
    before: Option<String>,
}

impl Screen {
    /// Shows it as it is now.
    ///
    /// # Errors
    ///
    /// When standard output is closed or full.
    pub fn show(&mut self, now: String) -> Result<(), Failure> {
        if self.before.as_ref() != Some(&now) {
            print(&in_place(&now, self.before.is_some()))?;
            self.before = Some(now);
        }
        Ok(())
    }
}

/// The option; `pause` is what it means where no pause is given.
pub(super) fn option(pause: &'static str, help: &'static str) -> Arg {
    Arg::new(NAME)
        .long(NAME)
        .value_name("PAUSE")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(pause)
        .help(help)
}

/// The pause, where it is to be done again.
pub(super) fn pause(matches: &ArgMatches) -> Result<Option<Duration>, Failure> {
    matches
        .get_one::<String>(NAME)
        .map(|text| humantime::parse_duration(text))
        .transpose()
        .map_err(|error| Failure {
            exit: Exit::Usage,
            message: format!("--{NAME}: {error}; expected a duration such as `5s`"),
        })
}
