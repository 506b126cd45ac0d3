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

/// What is logged unless something else is asked for: what a node would say, the report says.
const QUIET: &str = "error";

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Says why there is no cluster, and what to do first")
        .long_about(
            "Says why there is no cluster, and what to do first.\n\n\
             It shows where it runs, makes each call to AWS that a node makes once, and says which are \
             allowed, what is listed and why it counts or not, and whether each contact point answers \
             on the management port and on the gossip port, with whose key and with what clock. It \
             changes nothing, needs no permission that a node does not need, and takes a minute at most with the default timeouts.\n\n\
             Give it the settings of the node. In the container of a running node they are there, and \
             the node may go on meanwhile:\n  \
             docker exec CONTAINER /demo-node doctor",
        )
}

/// The log is the report's business, unless the user wants more of it.
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

/// Asks, judges, and shows both.
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

/// Says what is being done: a line in the place of the one before, where a person sees it.
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
            Step::Here => "looking where this runs ...".to_owned(),
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
            // Whoever does not see it loses nothing.
            let _unseen = write!(io::stderr(), "\r{text}\u{1b}[K");
        }
    }
}
