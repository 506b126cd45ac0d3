//! The commands in this repository's documents, and the output that the documents show.

use std::{fs, path::PathBuf};

/// The documents, from the root of the repository.
pub const DOCUMENTS: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "cloudformation/README.md",
    "demo-node/README.md",
    "demo-node/bootstrap/README.md",
    "discovery/README.md",
];

/// A command in a block of commands: what follows a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The document and the section.
    pub place: String,
    /// The command as it is typed, on one line or several, without a comment at its end.
    pub command: String,
    /// The lines of output that the document shows below it.
    pub shown: Vec<String>,
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The text of a document.
///
/// # Panics
///
/// If it cannot be read.
#[must_use]
pub fn text(document: &str) -> String {
    let read = fs::read_to_string(root().join(document));
    read.unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// Every command in the blocks of a document, in order.
#[must_use]
pub fn typed(document: &str) -> Vec<Typed> {
    let text = text(document);
    let mut all = Vec::<Typed>::new();
    let (mut section, mut language, mut goes_on) = ("", None, false);
    for line in text.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(opened), None) => language = Some(opened),
            (Some(_), Some(_)) => language = None,
            (None, None) if line.starts_with('#') => {
                section = line.trim_start_matches('#').trim();
            }
            (None, Some("console")) => {
                let typed = line.strip_prefix("$ ");
                match (typed.or(goes_on.then_some(line)), all.last_mut()) {
                    (Some(rest), Some(last)) if goes_on => {
                        last.command.push('\n');
                        last.command.push_str(rest);
                    }
                    (Some(command), _) => all.push(Typed {
                        place: format!("{document}, {section}"),
                        command: command
                            .split("  #")
                            .next()
                            .unwrap_or(command)
                            .trim()
                            .to_owned(),
                        shown: Vec::new(),
                    }),
                    (None, Some(last)) => last.shown.push(line.to_owned()),
                    (None, None) => (),
                }
                goes_on = line.ends_with('\\');
            }
            (None, _) => (),
        }
    }
    all
}

/// The commands of one section of a document.
#[must_use]
pub fn section(document: &str, section: &str) -> Vec<Typed> {
    let place = format!("{document}, {section}");
    let mut typed = typed(document);
    typed.retain(|typed| typed.place == place);
    typed
}

/// The texts between two backticks in a document, outside of its blocks.
#[must_use]
pub fn mentioned(document: &str) -> Vec<String> {
    let text = text(document);
    let outside = text.split("\n```").step_by(2);
    let words = outside.flat_map(|part| part.split('`').skip(1).step_by(2));
    words.map(str::to_owned).collect()
}

/// Replaces what differs each time (ids, addresses, names of nodes and times) by words of the same kind.
#[must_use]
pub fn shape(line: &str) -> Vec<String> {
    let kind = |word: &str| {
        let bare = word.trim_matches(['(', ')', ',', '"']);
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        if bare.len() == 32 && bare.chars().all(|c| c.is_ascii_hexdigit()) {
            "ID".to_owned()
        } else if bare.starts_with("cluster://") {
            "NODE".to_owned()
        } else if bare.starts_with("http://") {
            "ADDRESS".to_owned()
        } else if bare.starts_with("arn:") {
            "ARN".to_owned()
        } else if is_number(bare) || bare.strip_suffix("ms").is_some_and(is_number) {
            "NUMBER".to_owned()
        } else {
            word.to_owned()
        }
    };
    line.split_whitespace().map(kind).collect()
}
