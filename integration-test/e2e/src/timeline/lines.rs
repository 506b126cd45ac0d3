//! A node's log, line by line.

use std::fmt::Write as _;

use aws_smithy_types::date_time::{DateTime, Format};
use serde_json::{Map, Value};

/// How much of a line is kept, in characters.
const LONGEST: usize = 600;

/// Fields that say where a line comes from, not what it says.
const ABOUT: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];

/// A line of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When, by the node's clock: milliseconds since 1970. None before the first line that says.
    pub at: Option<u64>,
    /// How much it matters.
    pub level: Level,
    /// What it says, without its details.
    pub message: String,
    /// Its details.
    pub fields: Map<String, Value>,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For who looks for something.
    Debug,
    /// What happens.
    Info,
    /// What may need somebody.
    Warn,
    /// What does.
    Error,
    /// What is no line of the log: a program's last words, a line that was cut off.
    Said,
}

/// All lines of a JSON log. Other text is kept unchanged, with the time of the line before.
#[must_use]
pub fn read(log: &str) -> Vec<Line> {
    let mut last = None;
    let lines = log.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|text| {
            let line = logged(text).unwrap_or_else(|| Line {
                at: last,
                level: Level::Said,
                message: start_of(text),
                fields: Map::new(),
            });
            last = line.at;
            line
        })
        .collect()
}

fn logged(text: &str) -> Option<Line> {
    let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let at = DateTime::from_str(fields.get("timestamp")?.as_str()?, Format::DateTime).ok()?;
    let at = u64::try_from(at.to_millis().ok()?).ok()?;
    let level = match fields.get("level")?.as_str()? {
        "ERROR" => Level::Error,
        "WARN" => Level::Warn,
        "INFO" => Level::Info,
        "DEBUG" | "TRACE" => Level::Debug,
        _ => return None,
    };
    let message = start_of(fields.get("message")?.as_str()?);
    fields.retain(|name, _| !ABOUT.contains(&name.as_str()));
    Some(Line {
        at: Some(at),
        level,
        message,
        fields,
    })
}

impl Line {
    /// A detail that is text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    /// With its details, as people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            let _ = match value {
                Value::String(value) => write!(text, " {name}={value}"),
                other => write!(text, " {name}={other}"),
            };
        }
        start_of(&text)
    }
}

fn start_of(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_time_its_level_and_its_details() {
        let log = r#"{"timestamp":"2026-11-28T22:17:22.123456Z","level":"WARN","message":"member does not answer","node":"127.1.0.2:7355","reachable":2,"target":"demo_node::membership"}"#;

        let [line] = read(log).try_into().unwrap();

        assert_eq!(line.at, Some(1_795_904_242_123));
        assert_eq!(line.level, Level::Warn);
        assert_eq!(line.field("node"), Some("127.1.0.2:7355"));
        assert_eq!(
            line.text(),
            "member does not answer node=127.1.0.2:7355 reachable=2"
        );
    }

    #[test]
    fn what_is_cut_off_and_what_is_no_log_stays_to_be_read_at_its_place() {
        let whole =
            r#"{"timestamp":"1970-01-01T00:00:01Z","level":"INFO","message":"node started"}"#;
        let log = format!("before all\n{whole}\n\nerror: told to go\n{}", &whole[..40]);

        let lines = read(&log);

        let seen: Vec<_> = lines.iter().map(|line| (line.at, line.level)).collect();
        assert_eq!(
            seen,
            [
                (None, Level::Said),
                (Some(1000), Level::Info),
                (Some(1000), Level::Said),
                (Some(1000), Level::Said),
            ]
        );
        assert_eq!(lines[2].text(), "error: told to go");
        assert_eq!(lines[3].text(), &whole[..40]);
    }

    #[test]
    fn json_that_is_no_line_of_a_log_is_text() {
        for text in [
            "[1]",
            "{}",
            r#"{"timestamp":"yesterday","level":"INFO","message":"x"}"#,
            r#"{"timestamp":"1900-01-01T00:00:01Z","level":"INFO","message":"x"}"#,
            r#"{"timestamp":"1970-01-01T00:00:01Z","level":"LOUD","message":"x"}"#,
            r#"{"timestamp":"1970-01-01T00:00:01Z","level":"INFO","message":7}"#,
        ] {
            let [line] = read(text).try_into().unwrap();
            assert_eq!((line.level, line.text().as_str()), (Level::Said, text));
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let [line] = read(&"ä".repeat(5_000)).try_into().unwrap();

        assert_eq!(line.text().chars().count(), LONGEST + 1);
    }
}
