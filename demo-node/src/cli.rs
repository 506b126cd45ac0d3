//! The command line: commands, flags and exit statuses.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::{
    config::{
        self,
        setting::Setting,
        values::{self, FILE_VARIABLE, Values},
    },
    log::Queue,
    telemetry,
};

mod doctor;
mod environment;
mod exit;
mod local;
mod lookup;
mod members;
mod output;
mod place;
mod run;
mod signals;
pub mod terminal;
mod watch;

use self::signals::Signals;
pub use self::{
    environment::{tidy as tidy_environment, worker_threads},
    exit::{Exit, Failure},
    output::print,
    terminal::colours,
    watch::Screen,
};

const EXIT_STATUS: &str = "\
Exit status:
  0  all is well; lookup: the view is complete
  1  failed; doctor: something keeps nodes out of a cluster
  2  wrong usage or configuration
  3  lookup: the view is partial, peers may be missing; doctor: warnings only
A command other than run that a signal ends: 128 plus the signal's number";

const SETTINGS_HELP: &str = "\
Every setting can be given as a flag, as an environment variable, or in a TOML file (--config), in
this order of precedence. In the file, `bootstrap.stable-margin` is the key `stable-margin` of the
table [bootstrap]. Durations read `5s` or `250ms`, lists `7625,7626`, tags `key=value;key=value`.";

/// The settings that a first node needs, in the order in which `--help` shows them.
const FIRST: [&str; 5] = [
    "bootstrap.service-name",
    "discovery.method",
    "discovery.aws-api-ecs.cluster",
    "membership.keys",
    "bootstrap.expected-nodes",
];

const RUN_HELP: &str = "\
A cluster of one node on this machine, without AWS:
  DEMO_NODE_MEMBERSHIP_KEYS=$(openssl rand -hex 32) demo-node run \\
    --bootstrap-service-name demo --bootstrap-expected-nodes 1 --node-address 127.0.0.1 \\
    --discovery-method config --discovery-config-addresses 127.0.0.1";

const LOCAL_HELP: &str = "\
The command finds the local node's address in the same way as the node does.
So it needs the node's settings; in the node's container it has them already.
`demo-node run --help` lists all settings.";

/// The commands and their flags, made from the table of settings.
#[must_use]
pub fn command() -> Command {
    Command::new("demo-node")
        .about("A node that forms a cluster with the peers that AWS lists")
        .long_about(
            "A node that forms a cluster with the peers that AWS lists.\n\n\
             It asks the AWS API who runs the same service, asks those peers over HTTP which cluster they \
             belong to, and joins it. If there is no cluster, the nodes vote to found one.",
        )
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXIT_STATUS)
        .subcommand(
            with_settings(
                Command::new("run").about("Runs the node until SIGTERM, SIGINT or SIGHUP"),
                ALL,
            )
            .after_help(format!("`--help` shows all settings.\n\n{RUN_HELP}"))
            .after_long_help(format!("{SETTINGS_HELP}\n\n{RUN_HELP}")),
        )
        .subcommand(
            with_settings(
                Command::new("lookup")
                    .about("Looks the service up once, and shows what it found, what it dropped and why"),
                ALL,
            )
            .arg(
                Arg::new("service")
                    .value_name("SERVICE")
                    .help("The service to look up [default: bootstrap.service-name]"),
            )
            .arg(switch("json", "Print JSON"))
            .arg(watch::option(
                "5s",
                "Repeat the lookup after this pause, and show what changes",
            ))
            .after_help(EXIT_STATUS),
        )
        .subcommand(
            with_settings(doctor::command(), ALL)
                .arg(switch("json", "Print JSON"))
                .after_help(EXIT_STATUS),
        )
        .subcommand(
            with_settings(
                Command::new("members").about("Shows the members as the local node sees them"),
                WHERE_IT_IS,
            )
            .after_help(LOCAL_HELP)
            .arg(
                url()
                    .action(ArgAction::Append)
                    .help("Address of a node's management HTTP; can be given several times [default: this container's own address]"),
            )
            .arg(
                switch("json", "Print each node's answer unchanged, one line for each node")
                    .conflicts_with("watch"),
            )
            .arg(watch::option("1s", "Ask again after this pause, and redraw what changes")),
        )
        .subcommand(
            with_settings(
                Command::new("healthcheck")
                    .about("Asks the local node whether it is ready; exit status 0 if it is")
                    .long_about(
                        "Asks the local node whether it is ready; exit status 0 if it is.\n\n\
                         For a container's health check, in an image without a shell:\n  \
                         [\"CMD\", \"/demo-node\", \"healthcheck\"]",
                    ),
                WHERE_IT_IS,
            )
            .after_help(LOCAL_HELP)
            .arg(url())
            .arg(
                Arg::new("probe")
                    .long("probe")
                    .value_name("ready|alive|startup")
                    .value_parser(["ready", "alive", "startup"])
                    .default_value("ready")
                    .help("What to ask"),
            ),
        )
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn url() -> Arg {
    Arg::new("url")
        .long("url")
        .value_name("IP:PORT")
        .help("Address of the node's management HTTP [default: this container's own address]")
}

/// Whether a new user needs the setting for a first node.
fn is_first(setting: &Setting) -> bool {
    FIRST.contains(&setting.name)
}

/// Whether a setting decides at which address the local node answers.
fn tells_where_it_is(setting: &Setting) -> bool {
    ["node.address", "node.bind-address", "management.bind-port"].contains(&setting.name)
}

/// Which settings a command's help lists: `--help`, and `-h`.
type Listed = [fn(&Setting) -> bool; 2];

const ALL: Listed = [|_| true, is_first];
const WHERE_IT_IS: Listed = [tells_where_it_is; 2];

/// Adds all settings to a command, so that it accepts the same ones as the node; its help lists some of them.
fn with_settings(command: Command, [in_help, in_short_help]: Listed) -> Command {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!("Configuration file (TOML) [env: {FILE_VARIABLE}]"));
    let first = FIRST
        .iter()
        .filter_map(|name| config::settings().find(|setting| setting.name == *name));
    let rest = config::settings().filter(|setting| !is_first(setting));
    first
        .chain(rest)
        .fold(command.arg(file), |command, setting| {
            let heading = if is_first(setting) {
                "Settings to begin with".to_owned()
            } else {
                format!("Settings: {}", setting.section())
            };
            let default = setting
                .default
                .map_or_else(String::new, |d| format!(" [default: {d}]"));
            command.arg(
                Arg::new(setting.name)
                    .long(setting.flag())
                    .value_name(setting.shape)
                    .help(format!(
                        "{}{default} [env: {}]",
                        setting.help,
                        setting.env()
                    ))
                    .help_heading(heading)
                    .hide(!in_help(setting))
                    .hide_short_help(!in_short_help(setting)),
            )
        })
}

/// Runs the command of these arguments. The log goes to the queue.
///
/// # Errors
///
/// When the command fails. The failure says why, and with which exit status to end.
pub async fn execute(mut matches: ArgMatches, log: &Queue) -> Result<Exit, Failure> {
    // Before anything that can take long.
    let mut signals = Signals::watch().map_err(|error| Failure::failed(&error))?;
    let Some((name, matches)) = matches.remove_subcommand() else {
        return Ok(Exit::Usage);
    };
    let values = values(&matches).map_err(|error| Failure::usage(&error))?;
    let mut logging = telemetry::Settings::read(&values).map_err(|error| Failure::usage(&error))?;
    if name == "doctor" {
        logging = doctor::log(logging);
    }
    telemetry::start(&logging, log, colours(io::stderr().is_terminal()));
    for (setting, exposure) in values.exposed_secrets() {
        tracing::warn!("{setting} {exposure}");
    }
    if name == "run" {
        // A node runs for a long time, and its command line may contain a secret.
        drop(matches);
        return run::run(values, signals, log.lines_lost()).await;
    }
    let answer = async {
        match name.as_str() {
            "lookup" => lookup::lookup(&values, &matches).await,
            "doctor" => doctor::doctor(&values, &matches).await,
            "members" => local::members(&values, &matches).await,
            "healthcheck" => local::healthcheck(&values, &matches).await,
            _ => unreachable!("clap knows only the commands above"),
        }
    };
    tokio::select! {
        biased;
        (_, number) = signals.asked() => Ok(Exit::Signal(number)),
        ended = answer => ended,
    }
}

fn values(matches: &ArgMatches) -> Result<Values, values::Error> {
    let flags: BTreeMap<_, _> = config::settings()
        .filter_map(|setting| {
            let value = matches.get_one::<String>(setting.name)?;
            Some((setting.name, value.clone()))
        })
        .collect();
    let file = matches.get_one::<PathBuf>("config");
    config::gather(&flags, file.map(PathBuf::as_path), &config::environment())
}
