//! What differs where a command's answer is shown on a terminal.

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal as _},
};

use rustix::termios::tcgetwinsize;

/// How text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// Whether a person sees it at once, on a screen of bounded width.
    pub on_terminal: bool,
    /// Whether it may have colours.
    pub coloured: bool,
}

/// On standard output.
#[must_use]
pub fn looks() -> Looks {
    let on_terminal = io::stdout().is_terminal();
    Looks {
        on_terminal,
        coloured: colours(on_terminal),
    }
}

/// Whether there may be colours on an output: on terminals, unless `NO_COLOR` is set (<https://no-color.org>).
#[must_use]
pub fn colours(on_terminal: bool) -> bool {
    on_terminal && !refused(env::var_os("NO_COLOR").as_deref())
}

fn refused(no_color: Option<&OsStr>) -> bool {
    no_color.is_some_and(|value| !value.is_empty())
}

/// A text that changes: on a terminal in the place of the one before.
pub(super) fn in_place(text: &str, again: bool) -> String {
    if looks().on_terminal {
        let size = tcgetwinsize(io::stdout());
        over(text, size.map_or(0, |size| size.ws_row.into()))
    } else if again {
        format!("\n{text}")
    } else {
        text.to_owned()
    }
}

/// From the upper left corner: each line in the place of what was there, then nothing. What does not fit on the rows of
/// the screen would scroll, so it is counted instead; 0 rows are an unknown number.
fn over(text: &str, rows: usize) -> String {
    // The text ends with a line of its own, which the cursor is on.
    let rows = rows.saturating_sub(1);
    let all: Vec<_> = text.lines().collect();
    let cut = 1 < rows && rows < all.len();
    let fit = if cut { rows - 1 } else { all.len() };
    let more = cut.then(|| format!("… {} more lines", all.len() - fit));
    let lines = all.iter().take(fit).copied().chain(more.as_deref());
    let lines: Vec<_> = lines.map(|line| format!("{line}\u{1b}[K")).collect();
    format!("\u{1b}[H{}\u{1b}[J", lines.join("\n"))
}

impl Looks {
    /// So that it stands out.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.styled("1", text)
    }

    /// For what is bad. The text says so, too: colours may be missing.
    #[must_use]
    pub fn alarming(self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(self, code: &str, text: &str) -> String {
        if self.coloured {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_on_the_screen_is_counted() {
        let shown = |rows| over("a\nb\nc\nd", rows).replace("\u{1b}[K", "");
        assert_eq!(shown(5), "\u{1b}[Ha\nb\nc\nd\u{1b}[J");
        assert_eq!(shown(4), "\u{1b}[Ha\nb\n… 2 more lines\u{1b}[J");
        assert_eq!(shown(3), "\u{1b}[Ha\n… 3 more lines\u{1b}[J");
    }

    #[test]
    fn a_variable_that_is_not_empty_refuses_colours() {
        assert!(!refused(None));
        assert!(!refused(Some(OsStr::new(""))));
        assert!(refused(Some(OsStr::new("1"))));
        assert!(!colours(false));
    }

    #[test]
    fn nothing_of_what_was_there_is_left() {
        // Longer lines are cleared to their ends, and more lines below.
        assert_eq!(over("a\nbc", 0), "\u{1b}[Ha\u{1b}[K\nbc\u{1b}[K\u{1b}[J");
    }
}
