//! The browser of a test, which fails where the browser does not do what it should.

use std::{net::SocketAddr, time::Duration};

use integration_test::webdriver::Session;
use serde_json::{Value, json};

pub(crate) use integration_test::webdriver::PATIENCE;

/// A browser, and the page that it shows. Gone when this is dropped, with all that it has stored.
#[derive(Debug)]
pub(crate) struct Browser(Session);

impl Browser {
    pub(crate) async fn open() -> Self {
        Self(Session::open().await.unwrap())
    }

    /// Shows a page.
    pub(crate) async fn go(&self, to: SocketAddr) {
        self.visit(&format!("http://{to}/")).await;
    }

    /// Shows whatever is there.
    pub(crate) async fn visit(&self, url: &str) {
        self.0.visit(url).await.unwrap();
    }

    /// What a script gives that runs in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.0.run(script).await.unwrap()
    }

    /// Waits until an expression is true in the page; tells all that the page says where it does not become so.
    pub(crate) async fn shows(&self, what: &str) {
        self.shows_within(PATIENCE, what).await;
    }

    /// The same for what must be so now: of what must never be, it does not help that it is so once.
    pub(crate) async fn is(&self, what: &str) {
        let seen = self.run(&format!("return Boolean({what})")).await;
        assert_eq!(seen, json!(true), "{what}");
    }

    pub(crate) async fn shows_within(&self, limit: Duration, what: &str) {
        if let Err(missed) = self.0.shows_within(limit, what).await {
            panic!("{missed}");
        }
    }

    /// What the browser finds fault with: errors, and what the page's policy forbids.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        self.0.complaints().await.unwrap()
    }

    /// Makes the window so wide, and the scheme of colours this one.
    pub(crate) async fn looks(&self, width: u32, scheme: &str) {
        self.0.looks(width, scheme).await.unwrap();
    }
}
