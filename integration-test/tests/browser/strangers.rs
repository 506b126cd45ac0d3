//! What others say is text, whatever it is.

use serde_json::json;

use crate::{
    driver::Browser,
    stub::{Says, Stub},
};

/// Says so where it is taken for markup, or for script.
const MARKUP: &str =
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

/// Turns the text that follows, and clears a terminal's screen.
const UNSEEN: &str = "\u{202e}turned\u{1b}[2J";

#[tokio::test]
async fn markup_from_others_is_shown_as_it_is_written() {
    let mut says = Says::member_of(5, &[3]);
    let hostile = format!("{MARKUP}{UNSEEN}");
    let node = format!("cluster://orders@{hostile}:7355");
    let member = &mut says.members["members"][3];
    member["roles"] = json!([hostile, "x".repeat(5_000)]);
    for field in ["version", "zone", "status"] {
        member[field] = json!(hostile);
    }
    member["node"] = json!(node);
    member["management"] = json!("javascript:document.title='owned'");
    says.members["unreachable"] = json!([{ "node": node, "observedBy": [hostile] }]);
    says.bootstrap["expectedNodesProblem"] = json!(hostile);
    says.bootstrap["contactPoints"][4] =
        json!({ "contactPoint": hostile, "member": false, "answered": false, "problem": hostile });
    says.bootstrap["lastLookup"]["dropped"] = json!([[hostile, hostile]]);
    says.bootstrap["calls"][&hostile] = json!({ (&hostile): 1 });
    says.events = vec![
        ("MemberUp", json!({ "node": node })),
        (
            "RivalCluster",
            json!({ "older": { "id": MARKUP }, "younger": { "id": MARKUP } }),
        ),
    ];
    let stub = Stub::start(says).await;
    let browser = Browser::open().await;
    browser.go(stub.at).await;
    browser
        .shows("document.querySelectorAll('#table tbody tr').length === 5")
        .await;
    browser
        .shows("document.querySelectorAll('#events li').length === 2")
        .await;
    for details in ["left-out", "contacts"] {
        browser
            .run(&format!("document.getElementById('{details}').open = true"))
            .await;
    }

    for place in [
        "#table .label",
        "#table .status",
        "#notes",
        "#left-out",
        "#contacts",
        "#events",
        "#calls",
    ] {
        let text = format!(
            "[...document.querySelectorAll('{place}')].map((e) => e.textContent).join().includes('<img src=x onerror=')"
        );
        browser.shows(&text).await;
    }
    for cell in ["roles", "version", "zone"] {
        // They are long: all of it is shown under the pointer.
        let cell = format!("[...document.querySelectorAll('#table td.{cell}')]");
        browser
            .shows(&format!(
                "{cell}.some((e) => e.textContent.startsWith('<img'))"
            ))
            .await;
        browser
            .shows(&format!("{cell}.some((e) => e.title.includes('<script>'))"))
            .await;
    }
    browser
        .is("document.querySelectorAll('img, iframe, object, body script').length === 0")
        .await;
    browser
        .is("document.querySelectorAll('a[href^=\"javascript\" i]').length === 0")
        .await;
    browser.is("document.title !== 'owned'").await;
    browser
        .is("!/[\\u202e\\u001b]/.test(document.body.textContent)")
        .await;
    let titles =
        "[...document.querySelectorAll('[title], [aria-label]')].map((e) => e.title + e.ariaLabel)";
    browser
        .is(&format!("!/[\\u202e\\u001b]/.test({titles}.join())"))
        .await;
    browser
        .is("document.body.innerText.includes('\\\\u{202e}')")
        .await;
    browser.looks(360, "light").await;
    browser
        .is("document.documentElement.scrollWidth <= 360")
        .await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn what_would_get_into_the_page_all_the_same_does_not_run() {
    let stub = Stub::start(Says::member_of(3, &[])).await;
    let browser = Browser::open().await;
    browser.go(stub.at).await;
    browser
        .shows("document.querySelectorAll('#table tbody tr').length === 3")
        .await;
    let title = browser.run("return document.title").await;

    for (put, directive) in [
        (
            "document.body.innerHTML += \"<img src='page/icon.svg' onload='document.title=1'>\"",
            "script-src",
        ),
        (
            "const s = document.createElement('script'); s.textContent = 'document.title=1'; document.body.append(s)",
            "script-src",
        ),
        (
            "document.body.setAttribute('style', 'color: red')",
            "style-src",
        ),
        ("fetch('http://127.0.0.1:9/').catch(() => 0)", "connect-src"),
    ] {
        browser.run(put).await;
        let forbidden = observe::eventually::eventually(crate::driver::PATIENCE, async || {
            let complaints = browser.complaints().await.join("\n");
            if complaints.contains(directive) {
                Ok(())
            } else {
                Err(complaints)
            }
        });
        forbidden.await.unwrap();
    }
    assert_eq!(browser.run("return document.title").await, title);
}
