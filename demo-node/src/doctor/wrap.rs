//! Text in lines of limited width.

/// The usual width of a terminal.
pub(super) const COLUMNS: usize = 80;

/// Breaks a text at white space, and within words that are too long for a line. `first` is in front of the first
/// line, and as many spaces in front of the others.
pub(super) fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let room = COLUMNS.saturating_sub(indent).max(8);
    let mut lines: Vec<String> = vec![String::new()];
    let mut width = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (n, piece) in letters.chunks(room).enumerate() {
            let gap = usize::from(0 < width && n == 0);
            if room < width + gap + piece.len() {
                lines.push(String::new());
                width = 0;
            }
            let line = lines.last_mut().expect("there is always one");
            if 0 < width && n == 0 {
                line.push(' ');
                width += 1;
            }
            line.extend(piece);
            width += piece.len();
        }
    }
    let separator = format!("\n{}", " ".repeat(indent));
    format!("{first}{}", lines.join(&separator))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_a_terminal_is_wide_and_no_word_is_lost() {
        let arn = format!(
            "arn:aws:ecs:eu-west-1:123456789012:task/{}/0123",
            "x".repeat(255)
        );
        let text =
            format!("The role lacks something on {arn}, and so it goes on and on and on and on.");
        let shown = wrapped("  failure  ", &text);
        for line in shown.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        let joined: String = shown.split_whitespace().skip(1).collect();
        assert_eq!(joined, text.split_whitespace().collect::<String>());
        assert!(
            shown
                .lines()
                .skip(1)
                .all(|line| line.starts_with("           "))
        );
    }
}
