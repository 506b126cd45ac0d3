//! What a document calls a file or a folder of this repository is there.

use integration_test::documents::{DOCUMENTS, mentioned, root};

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
