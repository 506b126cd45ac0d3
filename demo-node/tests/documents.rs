//! The table of settings in this crate's README, made from the code.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

use std::{env, fmt::Write as _, fs, path::Path};

use demo_node::config::settings;

/// With this set, the tables are written anew rather than compared.
const WRITE: &str = "SETTINGS_TABLE";

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->\n";

/// Headings, in the order of the tables.
const SECTIONS: [(&str, &str); 6] = [
    ("discovery", "How peers are found"),
    ("bootstrap", "How a cluster is formed"),
    ("node", "What this node is"),
    ("membership", "Who is in the cluster"),
    ("management", "HTTP for people, peers and probes"),
    ("log", "The log"),
];

#[test]
fn the_settings_table_is_made_from_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (there, after) = rest.split_once(END).unwrap();
    let now = tables();
    if env::var_os(WRITE).is_some() {
        fs::write(&file, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        there, now,
        "the settings have changed: run this test once with {WRITE}=write in the environment"
    );
}

fn tables() -> String {
    let mut text = String::new();
    let known = settings().all(|setting| {
        let mut sections = SECTIONS.iter();
        sections.any(|(section, _)| *section == setting.section())
    });
    assert!(known, "a section has no heading");
    for (section, heading) in SECTIONS {
        writeln!(text, "\n### {heading}: `{section}`\n").unwrap();
        writeln!(text, "| setting | value | default | meaning |").unwrap();
        writeln!(text, "|---|---|---|---|").unwrap();
        for setting in settings().filter(|setting| setting.section() == section) {
            writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                setting.name,
                cell(setting.shape),
                setting
                    .default
                    .map_or_else(String::new, |default| format!("`{default}`")),
                cell(setting.help)
            )
            .unwrap();
        }
    }
    text.push('\n');
    text
}

/// What would end a cell, or be taken for an element, does not.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
