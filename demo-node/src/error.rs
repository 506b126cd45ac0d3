//! How errors are shown: each says what was attempted, and its causes follow.

use std::{error::Error, fmt};

/// Shows an error with all its causes, outermost first: `look up the service: no answer: ...`.
///
/// In one line, also where a cause from elsewhere takes several.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            f.write_str(": ")?;
            write_line(f, error)?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The beginning of a text that others have written, and so may be of any length.
#[must_use]
pub fn excerpt(text: &str, most_chars: usize) -> String {
    match text.char_indices().nth(most_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, error: &dyn Error) -> fmt::Result {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    f.write_str(lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| write!(f, " {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("look up the service")]
    struct Lookup(#[source] Cause);

    #[derive(Debug, thiserror::Error)]
    #[error("no credentials; tried:\n  a profile\n\n  a role\n")]
    struct Cause;

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        assert_eq!(excerpt("Grüße", 5), "Grüße");
        assert_eq!(excerpt("Grüße", 4), "Grüß…");
        assert_eq!(excerpt("Grüße", 0), "…");
    }

    #[test]
    fn causes_follow_in_one_line() {
        assert_eq!(
            Chain(&Lookup(Cause)).to_string(),
            "look up the service: no credentials; tried: a profile a role"
        );
    }
}
