//! A cluster's life as the page of one of its nodes shows it.

use std::time::Duration;

use crate::{
    driver::Browser,
    nodes::{Places, answers},
};

/// How many rows of the table, and shapes of the picture, are of such members.
fn both(members: usize, which: &str) -> String {
    format!(
        "document.querySelectorAll('#table tbody tr{which}').length === {members} \
         && document.querySelectorAll('#ring g.node{which}').length === {members}"
    )
}

fn says(text: &str) -> String {
    format!("document.body.innerText.includes({text:?})")
}

#[tokio::test]
async fn people_see_a_cluster_form_fail_and_come_back() {
    let places = Places::new(3);
    let [watched, doomed, _] = places.addresses[..] else {
        panic!("three addresses");
    };
    let mut nodes = vec![places.start(0)];
    let browser = Browser::open().await;
    answers(&nodes[0]).await;
    browser.go(nodes[0].management()).await;

    // What it waits for, what to do, and where on the way that is.
    browser.shows(&says("Waiting")).await;
    browser.shows(&says("2 needed")).await;
    browser
        .shows("document.getElementById('doing-advice').innerText !== ''")
        .await;
    browser
        .shows("document.querySelector('#way [aria-current]').innerText.includes('Contact points')")
        .await;
    browser
        .shows("document.querySelectorAll('#contacts tbody tr').length === 3")
        .await;
    browser.shows(&says("This node is in no cluster yet")).await;
    browser
        .shows("document.getElementById('link').dataset.state === 'live'")
        .await;

    // Formed: everyone is there, once as a row and once as a shape.
    nodes.push(places.start(1));
    nodes.push(places.start(2));
    browser.shows(&both(3, "")).await;
    browser.shows(&both(0, ".lost")).await;
    browser.shows(&says("so are 2 others. All answer.")).await;
    browser
        .shows("document.querySelector('#way [aria-current]') === null")
        .await;
    let marks = "[...document.querySelectorAll('#table .badge')].map((mark) => mark.innerText).sort().join()";
    browser
        .shows(&format!("{marks} === 'leader,oldest,this node'"))
        .await;
    browser
        .shows("document.querySelectorAll('#ring polygon').length === 1")
        .await;
    // Of it came an event, too.
    browser
        .shows(&says(&format!("{watched} is a member")))
        .await;
    assert_eq!(browser.complaints().await, [""; 0]);

    // The page asks by itself every ten seconds only: this comes by events.
    nodes[1].kill().await.unwrap();
    let seen = both(1, ".lost");
    browser.shows_within(Duration::from_secs(3), &seen).await;
    browser
        .shows(&format!(
            "document.querySelector('#table tr.lost').innerText.includes('{doomed}')"
        ))
        .await;
    browser
        .shows("document.querySelector('#table tr.lost .reach').innerText.startsWith('no')")
        .await;
    browser
        .shows("document.querySelector('#ring g.node.lost .cross') !== null")
        .await;
    browser.shows(&says("One of them does not answer.")).await;
    browser.shows(&both(2, "")).await;
    browser.shows(&says(&format!("{doomed} was removed"))).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_page_says_that_it_is_old_and_goes_on_when_the_node_is_back() {
    let places = Places::new(1);
    let mut node = places.start(0);
    let browser = Browser::open().await;
    answers(&node).await;
    browser.go(node.management()).await;
    browser.shows(&both(1, "")).await;
    let life = "document.querySelector('#table tbody tr').dataset.key";
    let before = browser.run(&format!("return {life}")).await;
    browser.run("window.sameDocument = true").await;

    node.kill().await.unwrap();
    browser
        .shows("document.getElementById('link').dataset.state === 'old'")
        .await;
    browser.shows(&says("Not connected")).await;
    browser
        .shows("/last heard [0-9]+ s ago, trying again/.test(document.getElementById('link').innerText)")
        .await;
    // What was seen last stays to be seen.
    browser.shows(&both(1, "")).await;

    let _again = places.start(0);
    browser
        .shows("document.getElementById('link').dataset.state === 'live'")
        .await;
    browser.shows(&format!("{life} !== {before}")).await;
    browser
        .shows(&says("the node answers this page again"))
        .await;
    browser.shows("window.sameDocument").await;
}

#[tokio::test]
async fn a_page_says_when_the_node_falls_silent() {
    let places = Places::new(1);
    let mut node = places.start(0);
    let browser = Browser::open().await;
    answers(&node).await;
    browser.go(node.management()).await;
    browser.shows(&both(1, "")).await;

    // Connections stay open, and nothing comes.
    node.signal(rustix::process::Signal::STOP).unwrap();
    // Before the page gives the stream up, four seconds later.
    browser.shows(&says("Silent")).await;
    browser.shows(&says("last heard")).await;
    node.signal(rustix::process::Signal::CONT).unwrap();
    browser
        .shows("document.getElementById('link').dataset.state === 'live'")
        .await;
}
