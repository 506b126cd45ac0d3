//! What the README says that a program says, it does say.

use std::{fs, path::Path};

use integration_test::documents::{root, text};

/// Where the programs' own messages stand.
const FOLDERS: [&str; 5] = [
    "demo-node/src",
    "demo-node/bootstrap/src",
    "discovery/src",
    "xtask/options/src",
    "xtask/src",
];

/// What libraries and the compiler say.
const OF_OTHERS: [&str; 2] = [
    "invalid peer certificate: UnknownIssuer",
    "linker `cc` not found",
];

/// Shorter pieces could be anywhere.
const TELLING: usize = 8;

#[test]
fn every_message_among_the_symptoms_stands_in_the_code() {
    let mut code = String::new();
    for folder in FOLDERS {
        gather(&root().join(folder), &mut code);
    }
    // A string that goes on in the next line of the code is one line for its reader.
    let code = code.split("\\\n").map(str::trim_start).collect::<String>();
    let readme = text("README.md");
    let (_, table) = readme.split_once("| symptom | look at |\n").unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let symptoms = rows.map(|row| row.split('|').nth(1).unwrap());
    let messages: Vec<_> = symptoms
        // `reason="expired"` is no message.
        .filter(|symptom| !symptom.contains("=\""))
        .flat_map(|symptom| symptom.split('"').skip(1).step_by(2))
        .collect();
    for message in &messages {
        // Numbers and what stands for anything are put in when the program runs.
        let pieces = message.split(|c: char| c.is_ascii_digit() || c == '…');
        let longest = pieces.max_by_key(|piece| piece.len()).unwrap().trim();
        let longest = longest.trim_matches([' ', ',', ':', '.']);
        assert!(TELLING <= longest.len(), "\"{message}\" tells too little");
        assert!(
            code.contains(longest) || OF_OTHERS.contains(message),
            "nothing says \"{longest}\", which the README has as a symptom"
        );
    }
    assert!(8 < messages.len(), "{messages:?}");
}

fn gather(folder: &Path, code: &mut String) {
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.is_dir() {
            gather(&file, code);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&file).unwrap());
        }
    }
}
