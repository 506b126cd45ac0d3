//! The members as a table for people.

use std::fmt::Write as _;

use discovery::excerpt;
use serde_json::Value;

use super::terminal::Looks;

/// How much is shown of a text from a node, in characters.
const LONGEST: usize = 300;

/// The usual width of a terminal.
const COLUMNS: usize = 80;

/// The least width of the column of roles.
const LEAST_FOR_ROLES: usize = 12;

/// The table of a node's answer.
pub(super) fn table(members: &Value, looks: Looks) -> String {
    let list = |key: &str| members[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| excerpt(value.as_str().unwrap_or("-"), LONGEST);
    let unreachable: Vec<_> = list("unreachable")
        .iter()
        .map(|u| text(&u["node"]))
        .collect();
    let rows: Vec<_> = list("members")
        .iter()
        .map(|member| {
            let node = text(&member["node"]);
            let reachable = !unreachable.contains(&node);
            let roles = member["roles"].as_array().into_iter().flatten().map(text);
            let roles = roles.collect::<Vec<_>>().join(",");
            (node, text(&member["status"]), reachable, roles)
        })
        .collect();
    let width =
        |texts: &mut dyn Iterator<Item = usize>, least: usize| texts.fold(least, usize::max);
    let node_width = width(&mut rows.iter().map(|row| row.0.chars().count()), 4);
    let status_width = width(&mut rows.iter().map(|row| row.1.chars().count()), 6);
    let before_roles = node_width + 2 + status_width + 2 + "REACHABLE".len() + 2;
    let for_roles = if looks.on_terminal {
        // One more for the sign that some are left out.
        COLUMNS
            .saturating_sub(before_roles + 1)
            .max(LEAST_FOR_ROLES)
    } else {
        LONGEST
    };

    let mut out = String::new();
    for (name, value) in [
        ("cluster", &members["cluster"]["id"]),
        ("leader", &members["leader"]),
        ("oldest", &members["oldest"]),
    ] {
        let _ = writeln!(out, "{name:<7}  {}", text(value));
    }
    let heading = format!(
        "{:<node_width$}  {:<status_width$}  REACHABLE  ROLES",
        "NODE", "STATUS"
    );
    let _ = writeln!(out, "\n{}", looks.bold(&heading));
    for (node, status, reachable, roles) in &rows {
        let row = format!(
            "{node:<node_width$}  {status:<status_width$}  {:<9}  {}",
            if *reachable { "yes" } else { "no" },
            excerpt(roles, for_roles)
        );
        let row = row.trim_end();
        let row = if *reachable {
            row.to_owned()
        } else {
            looks.alarming(row)
        };
        let _ = writeln!(out, "{row}");
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    fn answer() -> Value {
        let node = |n: usize| format!("cluster://orders@[fd00:ec2:1::{n:04x}]:7355");
        let roles: Vec<_> = (0..30).map(|n| format!("role-{n}")).collect();
        json!({
            "cluster": { "id": "1262fb594e2d9a1173f9d8b1535b23b4" },
            "leader": node(1),
            "oldest": node(2),
            "members": [
                { "node": node(1), "status": "Up", "roles": ["api"] },
                { "node": node(2), "status": "Leaving", "roles": roles },
            ],
            "unreachable": [{ "node": node(2) }],
        })
    }

    #[test]
    fn a_table_fits_a_terminal_and_keeps_all_elsewhere() {
        let on_terminal = table(&answer(), TERMINAL);
        for line in on_terminal.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(on_terminal.contains("role-0"), "{on_terminal}");
        let elsewhere = table(&answer(), PLAIN);
        assert!(elsewhere.contains("role-29"), "{elsewhere}");
    }

    #[test]
    fn columns_stand_below_their_names() {
        let table = table(&answer(), PLAIN);
        let lines: Vec<_> = table.lines().skip(4).collect();
        let column = |text: &str, line: &str| line.find(text).unwrap();
        assert_eq!(column("STATUS", lines[0]), column("Leaving", lines[2]));
        assert_eq!(column("REACHABLE", lines[0]), column("yes", lines[1]));
        assert_eq!(column("REACHABLE", lines[0]), column("no ", lines[2]));
        assert_eq!(column("ROLES", lines[0]), column("api", lines[1]));
    }

    #[test]
    fn colours_are_added_to_what_is_said_and_say_nothing_alone() {
        assert!(!table(&answer(), TERMINAL).contains('\u{1b}'));
        let coloured = table(&answer(), COLOURED);
        assert!(coloured.contains("\u{1b}["), "{coloured}");
        let mut without = coloured;
        for code in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[0m"] {
            without = without.replace(code, "");
        }
        assert_eq!(without, table(&answer(), TERMINAL));
    }
}
