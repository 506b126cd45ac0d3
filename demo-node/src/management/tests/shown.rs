//! The page: that it is served, and what it can never do, whatever it is made to show.

use std::collections::BTreeSet;

use super::{super::page::FILES, *};
use crate::{bootstrap::reason::WaitReason, membership::Event};

/// Quickly there over a slow tunnel, and little to read for whoever wants to know what it does.
const MOST_BYTES: usize = 60_000;

#[tokio::test]
async fn every_file_of_the_page_is_served_under_a_strict_policy() {
    let rig = Rig::start().await;
    for file in FILES {
        let response = rig.respond(request(file.path)).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", file.path);
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let directives: Vec<_> = policy.split(';').map(str::trim).collect();
        assert_eq!(
            directives,
            [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "connect-src 'self'",
                "img-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            ]
        );
        assert_eq!(headers[header::CONTENT_TYPE], file.media_type);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        let shares = headers
            .keys()
            .any(|name| name.as_str().starts_with("access-control-"));
        assert!(!shares, "{headers:?}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, file.text, "{}", file.path);
    }
}

#[tokio::test]
async fn there_is_no_page_where_it_is_switched_off() {
    let mut rig = Rig::start().await;
    rig.sources.page = false;
    for file in FILES {
        rig.get(file.path).await.refuses(404, "no such path");
    }
    rig.get("/alive").await.grants();
}

#[tokio::test]
async fn no_answer_is_taken_for_something_else_than_it_says() {
    let rig = Rig::start().await;
    for path in [
        "/bootstrap",
        "/cluster/members",
        "/cluster/domain-events",
        "/metrics",
        "/nowhere",
    ] {
        let response = rig.respond(request(path)).await;
        assert_eq!(
            response.headers()[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff",
            "{path}"
        );
    }
}

#[test]
fn the_page_is_small() {
    let bytes: usize = FILES.iter().map(|file| file.text.len()).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}

#[test]
fn the_page_has_all_that_it_refers_to_and_nothing_else() {
    let mut wanted = BTreeSet::from(["/".to_owned()]);
    for file in FILES {
        for (before, folder) in [("\"page/", "/page/"), ("from \"./", "/page/")] {
            let named = file.text.split(before).skip(1);
            wanted.extend(named.map(|rest| format!("{folder}{}", rest.split('"').next().unwrap())));
        }
    }
    let served: BTreeSet<_> = FILES.iter().map(|file| file.path.to_owned()).collect();
    assert_eq!(wanted, served);
}

#[test]
fn nothing_comes_from_elsewhere() {
    for file in FILES {
        // The name of SVG's vocabulary, and other nodes' pages, which are only linked.
        let text = file
            .text
            .replace("http://www.w3.org/2000/svg", "")
            .replace("`http://${address}/`", "");
        for elsewhere in [
            "http:",
            "https:",
            "\"//",
            "'//",
            "@import",
            "url(",
            "data:image",
        ] {
            assert!(!text.contains(elsewhere), "{elsewhere} in {}", file.path);
        }
    }
}

#[test]
fn what_others_say_is_never_taken_for_markup_or_script() {
    for file in FILES {
        for harmful in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "createContextualFragment",
            "DOMParser",
            "srcdoc",
            "document.write",
            "eval(",
            "Function(",
            "javascript:",
            "style=",
            "<style",
            "<script>",
            " onclick",
            " onload",
            " onerror",
        ] {
            assert!(!file.text.contains(harmful), "{harmful} in {}", file.path);
        }
    }
}

#[test]
fn the_page_only_reads() {
    for file in FILES {
        for writing in [
            "method:",
            "POST",
            "PUT",
            "DELETE",
            "sendBeacon",
            "<form",
            "Storage",
            "cookie",
        ] {
            assert!(!file.text.contains(writing), "{writing} in {}", file.path);
        }
    }
}

#[test]
fn whatever_a_node_waits_for_the_page_says_what_to_do() {
    let me = ContactPoint("10.0.0.1:7626".parse().unwrap());
    let reasons = [
        WaitReason::NoLookupYet,
        WaitReason::LookupFailed,
        WaitReason::PartialView,
        WaitReason::NewClusterDisabled,
        WaitReason::ExpectedNodesPending,
        WaitReason::TooFewContactPoints {
            found: 1,
            required: 2,
        },
        WaitReason::NotListed { me },
        WaitReason::LowerAddressAnswers { lowest: me },
        WaitReason::NotAllAnswered {
            silent: BTreeSet::new(),
            contact_points: 2,
        },
        WaitReason::NotStable {
            margin: Duration::from_secs(5),
        },
        WaitReason::Seeking { few: 4 },
        WaitReason::TooFewAnswered {
            answered: 1,
            quorum: 2,
        },
        WaitReason::ClocksApart {
            answered: 1,
            quorum: 2,
            apart: std::collections::BTreeMap::new(),
        },
    ];
    let advice = words().split("const ADVICE = {").nth(1).unwrap();
    let advice = advice.split("};").next().unwrap();
    for reason in &reasons {
        match reason {
            // One more here is one more above.
            WaitReason::NoLookupYet
            | WaitReason::LookupFailed
            | WaitReason::PartialView
            | WaitReason::NewClusterDisabled
            | WaitReason::ExpectedNodesPending
            | WaitReason::TooFewContactPoints { .. }
            | WaitReason::NotListed { .. }
            | WaitReason::LowerAddressAnswers { .. }
            | WaitReason::NotAllAnswered { .. }
            | WaitReason::NotStable { .. }
            | WaitReason::Seeking { .. }
            | WaitReason::TooFewAnswered { .. }
            | WaitReason::ClocksApart { .. } => {}
        }
        let rule = serde_json::to_value(reason).unwrap()["rule"].to_string();
        let mut lines = advice.lines().map(str::trim_start);
        let advised = lines.any(|line| line.starts_with(&format!("{rule}:")));
        assert!(advised, "{rule}");
    }
}

#[test]
fn every_event_has_its_words() {
    for name in Event::NAMES
        .into_iter()
        .chain(["RivalCluster", "MinorityChanged"])
    {
        assert!(words().contains(&format!("case \"{name}\":")), "{name}");
    }
}

fn words() -> &'static str {
    let words = FILES.iter().find(|file| file.path == "/page/words.js");
    words.unwrap().text
}
