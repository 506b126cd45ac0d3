//! The page: one file that loads nothing else. It looks like a node's page, with the same style sheet.
//!
//! Its policy allows only its script and its style sheet, by their hashes. What nodes have said is data, from which
//! no script can start, and is shown as text.

use aws_smithy_types::base64;
use sha2::{Digest as _, Sha256};

use super::model::Run;

/// The parts of the page besides the run.
const FRAME: &str = include_str!("page/index.html");
const OWN_STYLE: &str = include_str!("page/page.css");
const OWN_SCRIPT: [&str; 4] = [
    include_str!("page/words.js"),
    include_str!("page/chart.js"),
    include_str!("page/said.js"),
    include_str!("page/main.js"),
];

/// From a node's page: its colours and fonts, its icon, and how text becomes elements.
const STYLE: &str = include_str!("../../../../demo-node/src/management/page/page.css");
const ICON: &str = include_str!("../../../../demo-node/src/management/page/icon.svg");
const DRAW: &str = include_str!("../../../../demo-node/src/management/page/draw.js");

/// The run as a page.
#[must_use]
pub fn page(run: &Run) -> String {
    let style = format!("\n{STYLE}\n{OWN_STYLE}");
    let script = script();
    let data = serde_json::to_string(run).expect("it is texts and numbers");
    fill(
        FRAME,
        &[
            ("policy", &policy(&style, &script)),
            ("icon", &base64::encode(ICON)),
            ("style", &style),
            ("data", &harmless(&data)),
            ("script", &script),
        ],
    )
}

/// One script from the modules of a node's page, which would need separate files.
fn script() -> String {
    let draw = DRAW.replace("\nexport ", "\n");
    format!("\n\"use strict\";\n{draw}\n{}", OWN_SCRIPT.join("\n"))
}

/// Nothing is loaded, sent anywhere, or run except the page's own script.
fn policy(style: &str, script: &str) -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        sum(script),
        sum(style)
    )
}

/// The hash of a part of a page, as policies name it.
fn sum(text: &str) -> String {
    format!("sha256-{}", base64::encode(Sha256::digest(text)))
}

/// JSON that cannot end the element in which it is, nor begin another.
fn harmless(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// Replaces the places named `{{so}}` with texts. Such places within these texts are not replaced.
fn fill(frame: &str, texts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = frame;
    while let Some((before, (name, after))) = rest
        .split_once("{{")
        .and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        page.push_str(before);
        let text = texts.iter().find(|(place, _)| *place == name);
        page.push_str(text.map_or("", |(_, text)| text));
        rest = after;
    }
    page.push_str(rest);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::model::Scenario;

    fn run_of(name: &str) -> Run {
        Run {
            target: "embedded".to_owned(),
            began: 0,
            took: 1,
            scenarios: vec![Scenario {
                name: name.to_owned(),
                about: "{{script}} \u{2028}".to_owned(),
                outcome: "failed",
                why: Some("<!--<script>".to_owned()),
                logs: None,
                began: 0,
                took: 1,
                steps: Vec::new(),
                troubles: Vec::new(),
                lanes: Vec::new(),
                calls: Vec::new(),
            }],
        }
    }

    /// The text between two texts, and how often there is one.
    fn between<'a>(page: &'a str, from: &str, to: &str) -> Vec<&'a str> {
        let parts = page.split(from).skip(1);
        parts.map(|part| part.split(to).next().unwrap()).collect()
    }

    #[test]
    fn what_others_said_ends_no_element_and_fills_no_place() {
        let hostile = "</script><script>alert(1)</script>";
        let page = page(&run_of(hostile));

        let scripts = between(&page, "<script", "</script");
        let [data, _own] = scripts[..] else {
            panic!("{} scripts", scripts.len());
        };
        assert!(!page.contains("<!--"));
        let (_, data) = data.split_once('>').unwrap();
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(read["scenarios"][0]["name"], hostile);
        assert_eq!(read["scenarios"][0]["about"], "{{script}} \u{2028}");
        assert!(!data.contains('\u{2028}'));
    }

    #[test]
    fn the_policy_is_about_what_stands_in_the_page() {
        let page = page(&run_of("scale"));

        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"")[0];
        let style = between(&page, "<style>", "</style>")[0];
        let script = between(&page, "<script>", "</script>")[0];
        for text in [style, script] {
            let sum = sum(text);
            assert!(policy.contains(&format!("'{sum}'")), "{policy}: {sum}");
        }
        for loose in ["unsafe", "http:", "*", "'self'"] {
            assert!(!policy.contains(loose), "{policy}");
        }
    }

    #[test]
    fn the_page_asks_for_nothing_and_is_one_script() {
        let page = page(&run_of("scale"));

        for asking in ["src=", "@import", "url(", "import ", "export ", "fetch("] {
            assert!(!page.contains(asking), "{asking}");
        }
        for link in between(&page, "href=\"", "\"") {
            let inside = link.starts_with('#') || link.starts_with("data:");
            assert!(inside, "{link}");
        }
    }
}
