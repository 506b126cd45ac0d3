//! What documents say of the program, held against the program.

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

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "cloudformation/README.md",
    "demo-node/README.md",
    "demo-node/bootstrap/README.md",
    "discovery/README.md",
];

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

#[test]
fn every_setting_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut named = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let name = word.split([' ', '=']).next().unwrap_or_default();
            let section = name.split('.').next().unwrap_or_default();
            let is_setting = SECTIONS.iter().any(|(known, _)| *known == section)
                && name.contains('.')
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
                && !name.ends_with(".rs")
                && !name.ends_with(".json");
            if is_setting {
                named += 1;
                assert!(
                    settings().any(|setting| setting.name == name),
                    "{document} names the setting `{name}`, which does not exist"
                );
            }
        }
    }
    assert!(50 < named, "only {named} settings are named");
}

#[test]
fn every_link_within_the_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut followed = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let links = text.split("](").skip(1);
        for link in links.filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root.join(document),
                file => root.join(document).parent().unwrap().join(file),
            };
            assert!(target.exists(), "{document} links to {link}");
            if !anchor.is_empty() {
                let text = fs::read_to_string(target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.any(|heading| anchor_of(heading) == anchor),
                    "{document} links to {link}, and there is no such heading"
                );
            }
            followed += 1;
        }
    }
    assert!(20 < followed, "only {followed} links are followed");
}

/// As GitHub makes it of a heading.
fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
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
