//! Patterns with wildcards: `*` is any text, `?` any one character.

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    AnyText,
    AnyCharacter,
    This(char),
}

/// Whether a text matches; a backslash is an ordinary character, as in IAM policies.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<_> = pattern.chars().map(part).collect();
    parts_fit(&parts, text)
}

/// Whether a text matches; after a backslash the next character is literal, as in EC2 filters.
pub(crate) fn fits_escaped(pattern: &str, text: &str) -> bool {
    let mut characters = pattern.chars();
    let mut parts = Vec::new();
    while let Some(character) = characters.next() {
        parts.push(match character {
            '\\' => match characters.next() {
                Some(escaped) => Part::This(escaped),
                None => return false,
            },
            other => part(other),
        });
    }
    parts_fit(&parts, text)
}

fn part(character: char) -> Part {
    match character {
        '*' => Part::AnyText,
        '?' => Part::AnyCharacter,
        other => Part::This(other),
    }
}

fn parts_fit(parts: &[Part], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    let mut characters = text.chars();
    match first {
        Part::AnyText => {
            let ends = text.char_indices().map(|(at, _)| at);
            ends.chain([text.len()])
                .any(|at| parts_fit(rest, &text[at..]))
        }
        Part::AnyCharacter => characters.next().is_some() && parts_fit(rest, characters.as_str()),
        Part::This(wanted) => {
            characters.next() == Some(*wanted) && parts_fit(rest, characters.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_literal_but_for_its_wildcards() {
        for (pattern, text, expected) in [
            ("orders", "orders", true),
            ("orders", "Orders", false),
            ("orders", "orders2", false),
            ("ord*", "orders", true),
            ("*", "", true),
            ("*s", "orders", true),
            ("*e*r*", "orders", true),
            ("order?", "orders", true),
            ("order?", "order", false),
            ("größe", "größe", true),
            ("gr?ße", "größe", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} against {text}");
            assert_eq!(
                fits_escaped(pattern, text),
                expected,
                "{pattern} against {text}"
            );
        }
    }

    #[test]
    fn a_backslash_escapes_in_filters_and_nowhere_else() {
        assert!(fits_escaped(r"a\*b", "a*b"));
        assert!(!fits_escaped(r"a\*b", "axb"));
        assert!(!fits_escaped("a\\", "a"));
        assert!(fits(r"a\*b", r"a\xb"));
        assert!(!fits(r"a\*b", "a*b"));
    }
}
