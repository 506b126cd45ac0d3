//! A browser without a window, controlled by WebDriver: a little JSON over HTTP.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use aws_smithy_types::base64;
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
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A browser and its page. Dropping it ends the browser and deletes what it has stored.
#[derive(Debug)]
pub struct Session {
    driver: SocketAddr,
    path: String,
    _process: Process,
    _group: Group,
    _folder: TempDir,
}

impl Session {
    /// Starts a browser.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn open() -> anyhow::Result<Self> {
        let group = Group::start()?;
        let folder = TempDir::new()?;
        let mut command = Command::new("chromedriver");
        command
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .env("HOME", folder.path());
        let process = Process::start(&group, command, folder.path().join("driver.log"))
            .context("there is no `chromedriver`: Debian has it as chromium-driver")?;
        let port = eventually(PATIENCE, async || {
            let log = process.log();
            let port = log.split("successfully on port ").nth(1);
            let port = port.and_then(|rest| rest.split_once('.')?.0.parse().ok());
            port.ok_or(log)
        });
        let mut session = Self {
            driver: SocketAddr::from((Ipv4Addr::LOCALHOST, port.await?)),
            path: String::new(),
            _process: process,
            _group: group,
            _folder: folder,
        };
        // Containers have little shared memory, and no sandbox for root; the pages here are our own.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let opened = session.post("/session", &wanted).await?;
        let id = opened["sessionId"].as_str().context("no session came")?;
        session.path = format!("/session/{id}");
        Ok(session)
    }

    /// Opens an address.
    ///
    /// # Errors
    ///
    /// If there is nothing.
    pub async fn visit(&self, url: &str) -> anyhow::Result<()> {
        self.tell("/url", &json!({ "url": url })).await?;
        Ok(())
    }

    /// Runs a script in the page and returns its result.
    ///
    /// # Errors
    ///
    /// If the script fails.
    pub async fn run(&self, script: &str) -> anyhow::Result<Value> {
        let script = json!({ "script": script, "args": [] });
        self.tell("/execute/sync", &script).await
    }

    /// Waits until an expression is true in the page.
    ///
    /// # Errors
    ///
    /// If it does not become true: with all text of the page.
    pub async fn shows_within(&self, limit: Duration, what: &str) -> anyhow::Result<()> {
        let script = format!("return [Boolean({what}), document.body.innerText]");
        let shown = eventually(limit, async || {
            let seen = self.run(&script).await.map_err(|e| format!("{e:#}"))?;
            if seen[0] == json!(true) {
                Ok(())
            } else {
                Err(seen[1].as_str().unwrap_or_default().to_owned())
            }
        });
        let missed = |missed| anyhow!("the page does not show `{what}`: {missed}");
        shown.await.map_err(missed)
    }

    /// The browser's complaints: errors, and what the page's policy forbids.
    ///
    /// # Errors
    ///
    /// If the browser has gone.
    pub async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let log = self.tell("/se/log", &json!({ "type": "browser" })).await?;
        let entries = log.as_array().context("the browser's log is no list")?;
        Ok(entries.iter().map(ToString::to_string).collect())
    }

    /// Sets the window's width and the colour scheme.
    ///
    /// # Errors
    ///
    /// If the browser has gone.
    pub async fn looks(&self, width: u32, scheme: &str) -> anyhow::Result<()> {
        let size =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await?;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features)
            .await?;
        Ok(())
    }

    /// The upper part of the page as PNG, with this width and at most this height, scaled by `scale`.
    ///
    /// # Errors
    ///
    /// If the browser has gone.
    pub async fn picture(
        &self,
        width: u32,
        most_height: u32,
        scale: f64,
    ) -> anyhow::Result<Vec<u8>> {
        let height = self
            .run("return document.documentElement.scrollHeight")
            .await?;
        let height = height.as_u64().context("the page has no height")?;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height.min(most_height.into()), "scale": scale });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.devtools("Page.captureScreenshot", wanted).await?;
        let data = taken["data"].as_str().context("no picture came")?;
        base64::decode(data).context("the picture cannot be read")
    }

    async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        let command = json!({ "cmd": command, "params": parameters });
        self.tell("/goog/cdp/execute", &command).await
    }

    async fn tell(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.post(&format!("{}{path}", self.path), body).await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = Ask {
            method: Method::POST,
            body: Some(("application/json", body.to_string().into())),
            ..Ask::get(path)
        };
        let (status, answer) = ask(&Tcp, self.driver, request, PATIENCE).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        ensure!(status.is_success(), "{path}: {answer}");
        Ok(answer["value"].clone())
    }
}
