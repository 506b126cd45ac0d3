//! The settings of the log.

use crate::config::{declare::settings, parse, raw::Raw, setting::optional};

settings! {
    /// How a node logs.
    #[derive(PartialEq, Eq)]
    pub struct Settings {
        /// A level or a tracing filter.
        filter: String = optional(
            "log.level",
            "FILTER",
            filter,
            "What is logged: error, warn, info, debug or trace, or a tracing filter",
        ).or("info");
        /// For people or for programs.
        format: Format = optional(
            "log.format",
            "text|json",
            format,
            "Text for people, JSON for CloudWatch",
        ).or("text");
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn filter(raw: &Raw) -> Result<String, String> {
    let filter = parse::plain(raw)?;
    match filter.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(filter.to_owned()),
        Err(_) => Err(
            "expected error, warn, info, debug, trace, or a tracing filter such as \
             `info,demo_node=debug`"
                .to_owned(),
        ),
    }
}

fn format(raw: &Raw) -> Result<Format, String> {
    match parse::plain(raw)? {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err("expected `text` or `json`".to_owned()),
    }
}
