//! Figures and lists of documents that the code decides.

use std::process::Command;

use bootstrap::seal::WINDOW;
use clap::ValueEnum as _;
use demo_node::management::Limits;
use e2e::playground::story::Story;
use integration_test::{documents::text, program};
use options::e2e::Scenario;

/// In words, as the text has small numbers.
const IN_WORDS: [&str; 11] = [
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];

#[test]
fn the_scenarios_are_as_many_as_the_readme_says() {
    let scenarios = Scenario::value_variants().len();
    says(
        "README.md",
        &format!("# {scenarios} scenarios with real nodes"),
    );
    says("README.md", &format!("\n{scenarios} passed, 0 failed in "));
}

#[test]
fn the_stories_are_as_many_as_the_readme_says() {
    let stories = IN_WORDS[Story::ALL.len()];
    says("README.md", &format!("let one of {stories} stories run"));
}

#[test]
fn how_far_clocks_may_be_apart_is_as_the_readme_says() {
    let tolerance = bootstrap::clocks::TOLERANCE.as_secs();
    let window = WINDOW.as_secs();
    says(
        "README.md",
        &format!(
            "Clocks must agree to within {tolerance} s: gossip that is older than {window} s is dropped"
        ),
    );
    says(
        "README.md",
        &format!("its clock was set more than {window} s off"),
    );
}

#[test]
fn so_many_streams_can_be_held_as_the_readme_says() {
    let streams = Limits::default().streams;
    says(
        "README.md",
        &format!("use up all {streams} streams of events"),
    );
}

#[test]
fn the_settings_to_begin_with_are_those_of_the_readme() {
    let help = Command::new(program("demo-node").unwrap())
        .args(["run", "-h"])
        .env_clear()
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, first) = help.split_once("Settings to begin with:\n").unwrap();
    let (first, _) = first.split_once("\n\n").unwrap();
    let mut flags: Vec<_> = first
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    let readme = text("README.md");
    let (_, table) = readme.split_once("You will need these five:").unwrap();
    let rows = table.trim_start().lines().skip(2);
    let mut named: Vec<_> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.split('`').nth(1).unwrap().replace('.', "-"))
        .collect();
    flags.sort_unstable();
    named.sort_unstable();
    assert_eq!(flags, named);
}

fn says(document: &str, words: &str) {
    assert!(
        text(document).contains(words),
        "{document} does not say: {words}"
    );
}
