//! What is deployed, as a table for people.

use demo_node::cli::terminal::Looks;
use discovery::excerpt;

/// The usual width of a terminal.
const COLUMNS: usize = 80;

/// How much of a text is shown elsewhere, in characters.
const LONGEST: usize = 300;

/// The column of what something is.
const KIND: usize = 8;

/// The least room for names. Of longer ones as much is shown as leaves room for the state.
const NAME: usize = 24;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// What it is; empty where it is the same as in the line before.
    pub(super) kind: &'static str,
    /// Which one.
    pub(super) name: String,
    /// How it is.
    pub(super) state: String,
    /// Whether that is bad. The state says it, too.
    pub(super) is_bad: bool,
}

impl Row {
    /// One with nothing bad about it.
    pub(super) fn new(kind: &'static str, name: &str, state: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            state: state.to_owned(),
            is_bad: false,
        }
    }
}

/// The lines, one below the other. On a terminal each fits it, and what is bad has a colour where there are any.
pub(super) fn table(rows: &[Row], looks: Looks) -> String {
    let longest = |text: &dyn Fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let (names, states) = (
        longest(&|row| row.name.chars().count()),
        longest(&|row| row.state.chars().count()),
    );
    let name = if looks.on_terminal {
        // And a sign where something is left out.
        let room = COLUMNS.saturating_sub(KIND + 1 + 1 + states + 1);
        names.min(room).max(NAME)
    } else {
        names.clamp(NAME, LONGEST)
    };
    let state = if looks.on_terminal {
        COLUMNS.saturating_sub(KIND + 1 + name + 1 + 1)
    } else {
        LONGEST
    };
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            let line = format!(
                "{:<KIND$} {:<name$} {}",
                row.kind,
                fitting(&row.name, name),
                excerpt(&row.state, state)
            );
            let line = line.trim_end();
            if row.is_bad {
                looks.alarming(line)
            } else {
                line.to_owned()
            }
        })
        .collect();
    lines.join("\n")
}

/// As much of a text as there is room for, with the sign that something is left out.
fn fitting(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        excerpt(text, room)
    } else {
        excerpt(text, room.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Looks = Looks {
        on_terminal: false,
        coloured: false,
    };
    const TERMINAL: Looks = Looks {
        on_terminal: true,
        coloured: false,
    };
    const COLOURED: Looks = Looks {
        on_terminal: true,
        coloured: true,
    };

    fn rows() -> Vec<Row> {
        let long = "a-rather-long-name-for-a-cluster-of-nodes-which-is-still-allowed";
        let mut failed = Row::new(
            "stack",
            long,
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        );
        failed.is_bad = true;
        vec![
            failed,
            Row::new("task", "10.76.0.4", "RUNNING HEALTHY"),
            Row::new(
                "",
                &format!("cluster://{long}@10.76.0.4:7355"),
                "Up, leader",
            ),
            Row::new("members", "1", ""),
        ]
    }

    #[test]
    fn a_table_fits_a_terminal_and_keeps_all_elsewhere() {
        let on_terminal = table(&rows(), TERMINAL);
        for line in on_terminal.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(on_terminal.contains("CLEANUP_IN_PROGRESS"), "{on_terminal}");
        assert!(on_terminal.contains("a-rather-long"), "{on_terminal}");
        let elsewhere = table(&rows(), PLAIN);
        assert!(
            elsewhere.contains("still-allowed@10.76.0.4:7355"),
            "{elsewhere}"
        );
    }

    #[test]
    fn states_stand_below_each_other() {
        let rows = [
            Row::new("stack", "orders-service", "CREATE_COMPLETE"),
            Row::new("task", "10.76.0.4", "RUNNING HEALTHY"),
            Row::new("members", "3", ""),
        ];

        assert_eq!(
            table(&rows, TERMINAL),
            "stack    orders-service           CREATE_COMPLETE\n\
             task     10.76.0.4                RUNNING HEALTHY\n\
             members  3"
        );
    }

    #[test]
    fn colours_are_added_to_what_is_said_and_say_nothing_alone() {
        let coloured = table(&rows(), COLOURED);

        assert!(coloured.starts_with("\u{1b}[31mstack"), "{coloured}");
        let without = coloured.replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        assert_eq!(without, table(&rows(), TERMINAL));
        assert!(!without.contains('\u{1b}'));
    }
}
