//! Makes text from others fit to be shown: in one line, without control characters and passwords, and of limited
//! length.
//!
//! Anything may answer at an address that AWS lists, and AWS's messages can quote what users have typed. All such
//! text goes through [`Chain`] or [`excerpt`] before it reaches a log, a terminal or an answer to people.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

/// How much of an error with all its causes is shown, in characters.
pub const LONGEST_CHAIN: usize = 1000;

/// How much is examined: passwords after this point are not shown either.
const MOST_READ: usize = 64 * 1024;

/// Shows an error with all its causes, outermost first: `look up the service: no answer: ...`.
///
/// In one line and with at most [`LONGEST_CHAIN`] characters; control characters and those that change the direction
/// of text are escaped, and the part before the `@` of a web address is `***`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Bounded(String::new());
        // It only fails if there is more than is shown.
        let _rest = write!(text, "{}", self.0);
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let _rest = write!(text, ": {error}");
            cause = error.source();
        }
        f.write_str(&excerpt(&text.0, LONGEST_CHAIN))
    }
}

/// The beginning of a text from others: in one line, with at most so many characters (and one more, `…`, if something
/// is omitted), escaped like [`Chain`].
#[must_use]
pub fn excerpt(text: &str, most_chars: usize) -> String {
    let text = without_passwords(text);
    let mut shown = String::new();
    let mut length = 0;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = !shown.is_empty();
            continue;
        }
        let escaped = is_harmful(c).then(|| c.escape_unicode().to_string());
        let takes = escaped.as_ref().map_or(1, String::len) + usize::from(gap);
        if most_chars < length + takes {
            shown.push('…');
            break;
        }
        length += takes;
        if std::mem::take(&mut gap) {
            shown.push(' ');
        }
        match escaped {
            Some(escaped) => shown.push_str(&escaped),
            None => shown.push(c),
        }
    }
    shown
}

/// Terminals interpret control characters; the others are invisible, or change the direction of text.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// The schemes of endpoints and proxies. In other URLs a name is before the `@`, as in the address of a cluster's
/// node.
const WITH_PASSWORDS: [&str; 4] = ["http", "https", "socks4", "socks5"];

/// `http://user:password@host` as `http://***@host`.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, authority) = rest.split_at(at + 3);
        shown.push_str(before);
        let mut words = before[..at].rsplit(|c: char| !c.is_ascii_alphanumeric());
        let scheme = words.next().unwrap_or_default();
        if !WITH_PASSWORDS
            .iter()
            .any(|with| with.eq_ignore_ascii_case(scheme))
        {
            rest = authority;
            continue;
        }
        let end = authority
            .find(|c: char| c.is_whitespace() || "/?#`'\"<>".contains(c))
            .unwrap_or(authority.len());
        rest = match authority[..end].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                &authority[at..]
            }
            None => authority,
        };
    }
    shown.push_str(rest);
    shown
}

/// Accepts only this many characters.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_READ.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let end = text.floor_char_boundary(room);
        self.0.push_str(&text[..end]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("look up the service")]
    struct Lookup(#[source] Cause);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Cause(String);

    fn chain(cause: &str) -> String {
        Chain(&Lookup(Cause(cause.to_owned()))).to_string()
    }

    #[test]
    fn causes_follow_in_one_line() {
        assert_eq!(
            chain("no credentials; tried:\n  a profile\n\n  a role\r\n"),
            "look up the service: no credentials; tried: a profile a role"
        );
    }

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        assert_eq!(excerpt("Grüße", 5), "Grüße");
        assert_eq!(excerpt("Grüße", 4), "Grüß…");
        assert_eq!(excerpt("Grüße", 0), "…");
        assert_eq!(
            chain(&"x".repeat(100_000)).chars().count(),
            LONGEST_CHAIN + 1
        );
        assert_eq!(chain(&"\u{1b}".repeat(100_000)).chars().count(), 1 + 999);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(
            chain("\u{1b}[2J\u{7}bell\u{9b}1m\u{202e}turned\u{feff}"),
            "look up the service: \\u{1b}[2J\\u{7}bell\\u{9b}1m\\u{202e}turned\\u{feff}"
        );
    }

    #[test]
    fn passwords_in_urls_are_not_shown() {
        for (text, shown) in [
            ("http://me:secret@host:1/x", "http://***@host:1/x"),
            ("`https://se@cret@host`", "`https://***@host`"),
            (
                "a http://me:secret@one b HTTPS://two@x c",
                "a http://***@one b HTTPS://***@x c",
            ),
            (
                "cluster://orders@10.0.0.1:7355",
                "cluster://orders@10.0.0.1:7355",
            ),
            ("x://y http://me:secret@host", "x://y http://***@host"),
            ("http://host/path@2", "http://host/path@2"),
            ("mail me@example", "mail me@example"),
            ("://", "://"),
        ] {
            assert_eq!(excerpt(text, 100), shown);
        }
        // Also if the text ends before the host.
        assert_eq!(excerpt("http://me:secret@host", 12), "http://***@h…");
    }
}
