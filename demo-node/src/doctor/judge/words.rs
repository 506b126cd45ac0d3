//! How findings are put into words.

use crate::doctor::{
    facts::Point,
    finding::{Code, Finding, Severity},
};

/// Names the first few of a list that may have hundreds.
pub(super) fn some(names: &[String]) -> String {
    const MOST: usize = 5;
    let shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    match names.len().checked_sub(MOST) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// One of these.
pub(super) fn either(names: &[&str]) -> String {
    format!("`{}`", names.join("` or `"))
}

pub(super) fn plural(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

pub(super) fn names<'a>(points: impl IntoIterator<Item = &'a Point>) -> Vec<String> {
    points
        .into_iter()
        .map(|point| point.at.to_string())
        .collect()
}

pub(super) fn failure(code: Code, about: Vec<String>, message: String, advice: String) -> Finding {
    Finding {
        code,
        severity: Severity::Failure,
        about,
        message,
        advice,
    }
}

pub(super) fn warning(code: Code, about: Vec<String>, message: String, advice: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        ..failure(code, about, message, advice)
    }
}
