//! `--watch[=PAUSE]`: repeats the command.

use std::time::Duration;

use clap::{Arg, ArgMatches};

use super::{
    exit::{Exit, Failure},
    output::print,
    terminal::in_place,
};

const NAME: &str = "watch";

/// Shows text whenever it has changed; on a terminal it replaces the text before.
#[derive(Debug, Default)]
pub struct Screen {
    before: Option<String>,
}

impl Screen {
    /// Shows the text, if it has changed.
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

/// The option; `pause` is the default pause.
pub(super) fn option(pause: &'static str, help: &'static str) -> Arg {
    Arg::new(NAME)
        .long(NAME)
        .value_name("PAUSE")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(pause)
        .help(help)
}

/// The pause, if the command is to be repeated.
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
