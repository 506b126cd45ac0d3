//! The files, folders and headings that documents name or link to exist.

use std::fs;

use integration_test::documents::{DOCUMENTS, mentioned, root, text};

/// The folders at the root.
const FOLDERS: [&str; 8] = [
    ".ci",
    ".github",
    "cloudformation",
    "demo-node",
    "discovery",
    "docker",
    "integration-test",
    "xtask",
];

#[test]
fn every_file_that_a_document_names_is_there() {
    let mut found = 0;
    for document in DOCUMENTS {
        for word in mentioned(document) {
            let Some((folder, rest)) = word.split_once('/') else {
                continue;
            };
            if !FOLDERS.contains(&folder) || rest.contains([' ', '*']) {
                continue;
            }
            for path in alternatives(&word) {
                assert!(root().join(&path).exists(), "{document} names `{path}`");
                found += 1;
            }
        }
    }
    assert!(40 < found, "only {found}");
}

/// `a/{b,c}` is `a/b` and `a/c`.
fn alternatives(path: &str) -> Vec<String> {
    match path
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        Some((before, (inside, after))) => inside
            .split(',')
            .map(|one| format!("{before}{one}{after}"))
            .collect(),
        None => vec![path.to_owned()],
    }
}

#[test]
fn every_link_within_the_documents_leads_somewhere() {
    let root = root();
    let mut followed = 0;
    for document in DOCUMENTS {
        let text = text(document);
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
