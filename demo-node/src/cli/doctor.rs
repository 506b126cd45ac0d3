//! `demo-node doctor`: why is there no cluster?

use std::io::{self, IsTerminal as _, Write as _};

use clap::{ArgMatches, Command};
use discovery::config::Surroundings;

use super::{
    exit::{Exit, Failure},
    output::print,
    terminal,
};
use crate::{
    config::{Config, values::Values},
    doctor::{
        finding::Severity,
        gather::{Step, gather},
        json::json,
        judge::judge,
        report::report,
    },
    telemetry,
};

/// The default log level: the report already says what a node would log.
const QUIET: &str = "error";

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Says why there is no cluster, and what to do first")
        .long_about(
            "Says why there is no cluster, and what to do first.\n\n\
             It shows where it runs, and makes each AWS call that a node makes, once. It shows which calls \
             are allowed, which peers AWS lists and why each counts or not, and whether each contact point answers \
             on the management port and on the gossip port, with which key and which clock. It \
             changes nothing, needs only a node's permissions, and takes at most a minute with the default \
             timeouts.\n\n\
             It needs the settings of the node. In the container of a running node it has them, and \
             the node keeps running:\n  \
             docker exec CONTAINER /demo-node doctor",
        )
}

/// Only errors are logged, unless the user asks for more: the report says the rest.
pub(super) fn log(asked: telemetry::Settings) -> telemetry::Settings {
    if asked.filter == "info" {
        telemetry::Settings {
            filter: QUIET.to_owned(),
            ..asked
        }
    } else {
        asked
    }
}

/// Gathers the facts, judges them, and shows both.
pub(super) async fn doctor(values: &Values, matches: &ArgMatches) -> Result<Exit, Failure> {
    let config = Config::read(values).map_err(|error| Failure::usage(&error))?;
    let exposed = values
        .exposed_secrets()
        .map(|(setting, exposure)| format!("{setting} {exposure}"))
        .collect();
    let progress = Progress::on_stderr();
    let surroundings = Surroundings::from_env();
    let gathering = gather(&config, exposed, &surroundings, |step| progress.show(step));
    let facts = Box::pin(gathering).await;
    progress.clear();
    let diagnosis = judge(&facts);
    if matches.get_flag("json") {
        print(&json(&facts, &diagnosis).to_string())?;
    } else {
        print(&report(&facts, &diagnosis, terminal::looks().coloured))?;
    }
    Ok(match diagnosis.worst() {
        None => Exit::Complete,
        Some(Severity::Warning) => Exit::Partial,
        Some(Severity::Failure) => Exit::Failed,
    })
}

/// Shows what is being done on a terminal: each line replaces the one before.
struct Progress {
    seen: bool,
}

impl Progress {
    fn on_stderr() -> Self {
        Self {
            seen: io::stderr().is_terminal(),
        }
    }

    fn show(&self, step: Step) {
        let text = match step {
            Step::Here => "finding out where this runs ...".to_owned(),
            Step::Aws => "asking AWS ...".to_owned(),
            Step::Points { asked, of } => format!("asking the contact points: {asked} of {of} ..."),
        };
        self.write(&text);
    }

    fn clear(&self) {
        self.write("");
    }

    fn write(&self, text: &str) {
        if self.seen {
            // Progress that cannot be shown is no loss.
            let _unseen = write!(io::stderr(), "\r{text}\u{1b}[K");
        }
    }
}
