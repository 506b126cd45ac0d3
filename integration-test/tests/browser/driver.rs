//! A browser without a window, driven by WebDriver: a little JSON over HTTP.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use demo_node::{
    http::{Ask, ask},
    net::Tcp,
};
use e2e::nodes::{group::Group, process::Process};
use hyper::Method;
use observe::eventually::eventually;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A browser, and the page that it shows. Gone when this is dropped, with all that it has stored.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: SocketAddr,
    session: String,
    _process: Process,
    _group: Group,
    _folder: TempDir,
}

impl Browser {
    pub(crate) async fn open() -> Self {
        let group = Group::start().unwrap();
        let folder = TempDir::new().unwrap();
        let mut command = Command::new("chromedriver");
        command
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .env("HOME", folder.path());
        let process = Process::start(&group, command, folder.path().join("driver.log"))
            .expect("there is no `chromedriver`: Debian has it as chromium-driver");
        let port = eventually(PATIENCE, async || {
            let log = process.log();
            let port = log.split("successfully on port ").nth(1);
            let port = port.and_then(|rest| rest.split_once('.')?.0.parse().ok());
            port.ok_or(log)
        });
        let mut browser = Self {
            driver: SocketAddr::from((Ipv4Addr::LOCALHOST, port.await.unwrap())),
            session: String::new(),
            _process: process,
            _group: group,
            _folder: folder,
        };
        // Containers have little shared memory, and their root no sandbox; the pages here are our own.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--window-size=1280,900",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.post("/session", &wanted).await;
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("/session/{id}");
        browser
    }

    /// Shows a page.
    pub(crate) async fn go(&self, to: SocketAddr) {
        self.go_to(&format!("http://{to}/")).await;
    }

    /// The same for one that is not at the top.
    pub(crate) async fn go_to(&self, url: &str) {
        self.tell("/url", &json!({ "url": url })).await;
    }

    /// What a script gives that runs in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.tell("/execute/sync", &script).await
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
        let script = format!("return [Boolean({what}), document.body.innerText]");
        let shown = eventually(limit, async || {
            let seen = self.run(&script).await;
            if seen[0] == json!(true) {
                Ok(())
            } else {
                Err(seen[1].as_str().unwrap_or_default().to_owned())
            }
        });
        if let Err(missed) = shown.await {
            panic!("the page does not show `{what}`: {missed}");
        }
    }

    /// What the browser finds fault with: errors, and what the page's policy forbids.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.tell("/se/log", &json!({ "type": "browser" })).await;
        let entries = log.as_array().unwrap().iter();
        entries.map(ToString::to_string).collect()
    }

    /// Makes the window so wide, and the scheme of colours this one.
    pub(crate) async fn looks(&self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let command = json!({ "cmd": command, "params": parameters });
        self.tell("/goog/cdp/execute", &command).await;
    }

    async fn tell(&self, path: &str, body: &Value) -> Value {
        self.post(&format!("{}{path}", self.session), body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = Ask {
            method: Method::POST,
            body: Some(("application/json", body.to_string().into())),
            ..Ask::get(path)
        };
        let (status, answer) = ask(&Tcp, self.driver, request, PATIENCE).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer["value"].clone()
    }
}
