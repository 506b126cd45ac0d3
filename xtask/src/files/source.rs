//! The paths in a Rust file, as far as they may lead to other files of the same crate.
//!
//! Not a parser: it skips comments and literals, and of the rest it looks only at words and a few signs. Code that is
//! compiled only for tests is skipped, because it may use everything.

/// A path as it is written, and in which module it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// The inline modules around it, from the outermost.
    pub(super) within: Vec<String>,
    /// For example `crate`, `account`, `Account`.
    pub(super) path: Vec<String>,
    /// The name under which other files find it here, if it is re-exported (`pub use`).
    pub(super) handed_on: Option<String>,
}

/// The relevant content of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// In the order in which they are written.
    pub(super) paths: Vec<Written>,
    /// The modules in other files that are compiled only for tests.
    pub(super) for_tests: Vec<String>,
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Source {
    let mut reader = Reader {
        tokens: tokens(text),
        at: 0,
        modules: Vec::new(),
        depth: 0,
        source: Source::default(),
    };
    reader.read();
    reader.source
}

#[derive(Debug)]
struct Reader {
    tokens: Vec<String>,
    at: usize,
    /// The open inline modules, and how deep in braces each is.
    modules: Vec<(String, usize)>,
    depth: usize,
    source: Source,
}

const FOR_TESTS: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

impl Reader {
    fn read(&mut self) {
        let (mut for_tests, mut public) = (false, false);
        while self.at < self.tokens.len() {
            if self.follow(&FOR_TESTS) {
                self.at += FOR_TESTS.len();
                for_tests = true;
                continue;
            }
            match self.peek(0) {
                // Attributes may come between; they belong to what follows.
                "#" => self.skip("[", "]"),
                "pub" => {
                    public = true;
                    self.at += 1;
                    if self.peek(0) == "(" {
                        self.skip("(", ")");
                    }
                    continue;
                }
                "mod" => self.module(for_tests),
                // Not the `use<'a>` of a type.
                "use" if self.peek(1) != "<" => self.import(public, for_tests),
                _ if for_tests => self.skip_item(),
                "{" => {
                    self.depth += 1;
                    self.at += 1;
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                    self.modules.retain(|(_, depth)| *depth <= self.depth);
                }
                word if is_word(word) => self.path(),
                _ => self.at += 1,
            }
            if self.tokens.get(self.at - 1).is_none_or(|last| last != "]") {
                for_tests = false;
            }
            public = false;
        }
    }

    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    fn follow(&self, expected: &[&str]) -> bool {
        (0..expected.len()).all(|n| self.peek(n) == expected[n])
    }

    /// `mod name;` or `mod name {`.
    fn module(&mut self, for_tests: bool) {
        let name = self.peek(1).to_owned();
        let opens = self.peek(2) == "{";
        if for_tests && opens {
            return self.skip("{", "}");
        }
        if for_tests {
            self.source.for_tests.push(name);
        } else if opens {
            self.depth += 1;
            self.modules.push((name, self.depth));
        }
        self.at += 3;
    }

    fn import(&mut self, public: bool, for_tests: bool) {
        self.at += 1;
        let first = self.source.paths.len();
        self.tree(&[], public);
        if for_tests {
            self.source.paths.truncate(first);
        }
    }

    /// A part of a `use`, after `before`: `a::b`, `a as b`, `a::{…}`, `*`.
    fn tree(&mut self, before: &[String], public: bool) {
        let mut path = before.to_vec();
        let mut name = None;
        loop {
            match self.peek(0) {
                "::" => {}
                "{" => {
                    self.at += 1;
                    while !matches!(self.peek(0), "}" | ";" | "") {
                        self.tree(&path, public);
                        if self.peek(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "as" => {
                    name = Some(self.peek(1).to_owned());
                    self.at += 1;
                }
                "," | "}" | ";" | "" => break,
                "self" if !before.is_empty() => {}
                word => path.push(word.to_owned()),
            }
            self.at += 1;
        }
        let name = name.or_else(|| path.last().cloned());
        self.push(path, name.filter(|_| public));
    }

    /// `a::b::c` anywhere.
    fn path(&mut self) {
        let mut path = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && is_word(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.at += 2;
        }
        if path.len() > 1 {
            self.push(path, None);
        }
    }

    fn push(&mut self, path: Vec<String>, handed_on: Option<String>) {
        let within = self.modules.iter().map(|(name, _)| name.clone()).collect();
        self.source.paths.push(Written {
            within,
            path,
            handed_on,
        });
    }

    /// To the end of the part between `open` and `close`, from the next `open` on.
    fn skip(&mut self, open: &str, close: &str) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            let closes = self.peek(0) == close;
            if self.peek(0) == open {
                depth += 1;
            } else if closes {
                depth = depth.saturating_sub(1);
            }
            self.at += 1;
            if closes && depth == 0 {
                break;
            }
        }
    }

    /// To the end of an item, for example a function or a type.
    fn skip_item(&mut self) {
        while !matches!(self.peek(0), "{" | ";" | "") {
            self.at += 1;
        }
        if self.peek(0) == "{" {
            self.skip("{", "}");
        } else {
            self.at += 1;
        }
    }
}

/// Words, `::`, and every other sign separately; without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if is_word(rest.get(..first.len_utf8()).unwrap_or_default()) {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let length = end.unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string or character that begins here; for a lifetime, the length of its sign.
fn literal(rest: &str) -> Option<usize> {
    let raw = rest.trim_start_matches('b').strip_prefix('r');
    if let Some(raw) = raw
        && let hashes = raw.len() - raw.trim_start_matches('#').len()
        && raw[hashes..].starts_with('"')
    {
        let before = rest.len() - raw.len() + hashes + 1;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = rest[before..].find(&end)?;
        return Some(before + length + end.len());
    }
    let quote = rest.strip_prefix('b').unwrap_or(rest).chars().next()?;
    let before = rest.find(quote)? + 1;
    match quote {
        '"' => {}
        '\'' => {
            let mut after = rest[before..].chars();
            let (first, second) = (after.next()?, after.next()?);
            if first != '\\' && second != '\'' {
                return Some(before);
            }
        }
        _ => return None,
    }
    let mut escaped = false;
    for (n, c) in rest[before..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(before + n + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_taken_apart() {
        assert_eq!(
            written("use crate::{a::B, c::{self, D as E, *}};"),
            ["crate::a::B", "crate::c", "crate::c::D", "crate::c::*"]
        );
    }

    #[test]
    fn paths_in_code_count_as_well() {
        assert_eq!(
            written("fn f(x: super::X<a::Y>) -> crate::b::Z { c::d(x) + e }"),
            ["super::X", "a::Y", "crate::b::Z", "c::d"]
        );
        assert_eq!(
            written("fn f<'a>() -> impl X + use<'a> { crate::b::c() }"),
            ["crate::b::c"]
        );
    }

    #[test]
    fn comments_and_literals_do_not_count() {
        let text = r##"
            // crate::a
            /* crate::b */ /// [`C`](crate::c)
            const D: &str = "use crate::d; \" crate::d";
            const E: &[u8] = br#"crate::e "quoted" crate::e"#;
            fn f<'a>(x: &'a str) { let y = ('"', '\'', b'x', 'é'); crate::f() }
        "##;
        assert_eq!(written(text), ["crate::f"]);
    }

    #[test]
    fn what_is_for_tests_does_not_count() {
        let text = "
            #[cfg(test)]
            use crate::a;
            #[cfg(test)]
            #[derive(Debug)]
            fn helper() { crate::b::c() }
            #[cfg(test)]
            mod tests { use super::*; fn f() { crate::d::e() } }
            fn f() { crate::g::h() }
            #[cfg(test)]
            mod more;
        ";
        assert_eq!(written(text), ["crate::g::h"]);
        assert_eq!(read(text).for_tests, ["more"]);
    }

    #[test]
    fn what_is_handed_on_is_known_by_its_name() {
        let source = read("pub(crate) use self::a::B; pub use a::C as D; use a::E;");
        let names: Vec<_> = source.paths.iter().map(|it| it.handed_on.clone()).collect();

        assert_eq!(names, [Some("B".to_owned()), Some("D".to_owned()), None]);
    }

    #[test]
    fn an_inline_module_is_noticed_until_it_ends() {
        let source = read("mod a { mod b { use super::X; } use super::Y; } use super::Z;");
        let within: Vec<_> = source.paths.iter().map(|it| it.within.join("::")).collect();

        assert_eq!(within, ["a::b", "a", ""]);
    }

    fn written(text: &str) -> Vec<String> {
        let source = read(text);
        source.paths.iter().map(|it| it.path.join("::")).collect()
    }
}
