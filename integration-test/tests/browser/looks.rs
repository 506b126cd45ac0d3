//! How it looks: on a narrow screen, in the dark, and with many members.

use serde_json::json;

use crate::{
    driver::Browser,
    stub::{Says, Stub},
};

/// Texts that do not stand out from what is behind them: by WCAG 2.1, AA.
pub(crate) const PALE: &str = include_str!("looks/pale.js");

/// A node that waits, with all that can be wrong with others.
pub(crate) fn in_trouble() -> Says {
    let mut says = Says::member_of(4, &[]);
    let bootstrap = says.bootstrap.as_object_mut().unwrap();
    bootstrap.remove("formation");
    bootstrap["phase"] = json!("waiting");
    bootstrap.insert(
        "reason".to_owned(),
        json!({ "rule": "lower-address-answers", "lowest": "10.0.0.1:7626" }),
    );
    bootstrap["message"] =
        json!("waiting for 10.0.0.1:7626, the lowest address that answers, to found the cluster");
    bootstrap["expectedNodesProblem"] = json!("access denied");
    let point = |n: usize, problem: &str| json!({ "contactPoint": format!("10.0.0.{n}:7626"), "member": false, "answered": false, "problem": problem });
    bootstrap["contactPoints"] =
        json!([point(1, "connection refused"), point(2, "its clock is off")]);
    bootstrap["contactPoints"][1]["clockAheadMs"] = json!(-90_000);
    bootstrap["alarms"] = json!([{ "older": { "id": "0a", "foundedAt": 1 }, "younger": { "id": "0b", "foundedAt": 2 } }]);
    for nothing in ["cluster", "leader", "oldest"] {
        says.members[nothing] = json!(null);
    }
    says.members["members"] = json!([]);
    says
}

#[tokio::test]
async fn two_hundred_members_are_all_there_and_can_be_found() {
    let stub = Stub::start(Says::member_of(200, &[7, 120])).await;
    let browser = Browser::open().await;
    browser.go(stub.at).await;
    browser
        .shows("document.querySelectorAll('#table tbody tr').length === 200")
        .await;
    browser
        .shows("document.querySelectorAll('#ring g.node').length === 200")
        .await;
    browser
        .shows("document.querySelectorAll('#ring g.node.lost .cross').length === 2")
        .await;
    browser
        .shows("document.body.innerText.includes('2 of them do not answer')")
        .await;
    // No two shapes lie on each other.
    let apart = "(() => { \
        const at = [...document.querySelectorAll('#ring g.node .body')].map((e) => e.getBoundingClientRect()) \
            .map((r) => [r.x + r.width / 2, r.y + r.height / 2, r.width / 2]); \
        return at.every(([x, y, r], n) => at.every(([a, b, s], m) => m <= n || Math.hypot(a - x, b - y) > (r + s) * 0.8)); \
    })()";
    for width in [360, 1400] {
        browser.looks(width, "light").await;
        browser
            .shows(&format!("document.documentElement.scrollWidth <= {width}"))
            .await;
        browser.shows(apart).await;
    }

    let search = |text: &str| {
        format!(
            "const f = document.getElementById('filter-text'); f.value = '{text}'; f.dispatchEvent(new Event('input'))"
        )
    };
    browser.run(&search("10.0.0.121")).await;
    browser
        .shows("document.querySelectorAll('#table tbody tr').length === 1")
        .await;
    browser.run(&search("no answer")).await;
    browser.shows("document.querySelectorAll('#table tbody tr.lost').length === 2 && document.querySelectorAll('#table tbody tr').length === 2").await;
    browser.run(&search("")).await;
    // As people count, and by another column.
    let first = "[...document.querySelectorAll('#table tbody tr')].slice(0, 2).map((tr) => tr.querySelector('.address').innerText).join()";
    browser
        .shows(&format!("{first} === '10.0.0.1,10.0.0.2'"))
        .await;
    browser.run("[...document.querySelectorAll('#table th button')].find((b) => b.innerText.startsWith('Answers')).click()").await;
    browser
        .shows(&format!("{first} === '10.0.0.8,10.0.0.121'"))
        .await;
    browser
        .shows("document.querySelector('th[aria-sort=ascending]').innerText.startsWith('Answers')")
        .await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn every_text_stands_out_and_fits_in_both_schemes_and_on_a_narrow_screen() {
    let browser = Browser::open().await;
    let well = Stub::start(Says::member_of(5, &[2])).await;
    let in_trouble = Stub::start(in_trouble()).await;
    for stub in [&well, &in_trouble] {
        browser.go(stub.at).await;
        browser
            .shows("document.getElementById('link').dataset.state === 'live'")
            .await;
        browser
            .shows("document.querySelectorAll('#way li').length === 5")
            .await;
        for (scheme, width) in [
            ("light", 1400),
            ("dark", 1400),
            ("light", 360),
            ("dark", 360),
        ] {
            browser.looks(width, scheme).await;
            browser
                .shows(&format!("document.documentElement.scrollWidth <= {width}"))
                .await;
            let pale = browser.run(PALE).await;
            assert_eq!(pale, json!([]), "{scheme}, {width}");
        }
        assert_eq!(browser.complaints().await, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let stub = Stub::start(in_trouble()).await;
    let browser = Browser::open().await;
    browser.go(stub.at).await;
    for text in [
        "Waiting for 10.0.0.1:7626, the lowest address that answers",
        "look at that node's page",
        "Another cluster of this name was seen",
        "10.0.0.2:7626 is 1 min behind",
        "A contact point does not count",
        "10.0.0.1:7626: connection refused",
        "The number of expected nodes is not known",
        "throttled",
    ] {
        browser
            .shows(&format!("document.body.innerText.includes({text:?})"))
            .await;
    }
    browser
        .shows("document.querySelector('#doing-advice a').href === 'http://10.0.0.1:7626/'")
        .await;
    browser
        .shows("document.querySelector('#way [aria-current]').innerText.includes('Votes')")
        .await;
}
