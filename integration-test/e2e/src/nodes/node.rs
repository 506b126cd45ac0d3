//! One running node: what it says about itself and its cluster, and the ways to end it.

use std::{net::SocketAddr, process::ExitStatus};

use anyhow::{Context, bail};
use hyper::StatusCode;
use observe::{
    http,
    members::{self, Members},
};
use rustix::process::Signal;

use super::{
    life::{Happening, Life},
    process::{Ended, Process},
};

/// A node, asked at its management endpoint like an operator would.
///
/// Dropping it kills it.
#[derive(Debug)]
pub struct Node {
    name: String,
    uri: String,
    management: SocketAddr,
    /// None if something else runs it.
    process: Option<Process>,
    /// What is done to it.
    life: Life,
}

/// What one node says, and which node that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The node's name.
    pub name: String,
    /// What its peers call it.
    pub uri: String,
    /// What it says of its cluster.
    pub members: Members,
}

impl Node {
    /// A node that `process` runs, which its peers know as `uri`.
    pub fn new(name: String, uri: String, management: SocketAddr, process: Process) -> Self {
        Self {
            name,
            uri,
            management,
            process: Some(process),
            life: Life::default(),
        }
    }

    /// A node that something else runs and ends.
    pub fn of_others(name: String, uri: String, management: SocketAddr) -> Self {
        Self {
            name,
            uri,
            management,
            process: None,
            life: Life::default(),
        }
    }

    /// Records there what is done to it.
    #[must_use]
    pub fn noted_in(mut self, life: Life) -> Self {
        self.life = life;
        self
    }

    /// For people, for example `orders-1`; also the name of its log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its peers call it, for example `cluster://orders@127.1.2.3:7355`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Where its management endpoint is.
    pub fn management(&self) -> SocketAddr {
        self.management
    }

    /// The id of its process, if that runs here.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref()?.id()
    }

    /// What it says of its cluster, and who that is.
    pub async fn view(&self) -> anyhow::Result<View> {
        Ok(View {
            name: self.name.clone(),
            uri: self.uri.clone(),
            members: self.members().await?,
        })
    }

    /// What it says of its cluster.
    pub async fn members(&self) -> anyhow::Result<Members> {
        let answer = self.get(members::PATH).await?;
        Members::read(&answer)
            .with_context(|| format!("{} answers {answer} when asked for its members", self.name))
    }

    /// An error with the node's own reason unless it is ready.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let answer = self.get("/ready").await?;
        if answer.status != StatusCode::OK {
            bail!("{} is not ready: {answer}", self.name);
        }
        Ok(())
    }

    /// Any path's answer. Fails with [`Ended`] if the node has ended.
    pub async fn get(&self, path: &str) -> anyhow::Result<http::Answer> {
        let silence = match http::get(self.management, path).await {
            Ok(answer) => return Ok(answer),
            Err(silence) => silence,
        };
        if let Some(process) = &self.process
            && let Some(status) = process.ended()
        {
            return Err(Ended {
                name: self.name.clone(),
                status,
                last_words: process.last_words(),
            }
            .into());
        }
        Err(silence).with_context(|| format!("{} says nothing", self.name))
    }

    /// Its log so far; empty if something else runs it.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Asks it to leave the cluster and end, and waits until it has ended.
    pub async fn leave(&mut self) -> anyhow::Result<ExitStatus> {
        self.life.note(Happening::Asked);
        let ended = self.process()?.terminate().await;
        let status = ended.with_context(|| format!("{} cannot be told to leave", self.name))?;
        self.life.note_end(status);
        Ok(status)
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        let sent = self.process()?.signal(signal);
        sent.with_context(|| format!("{} cannot be sent a signal", self.name))
    }

    /// How it ended, if it has, and the last line that it logged.
    pub fn has_ended(&self) -> Option<(ExitStatus, String)> {
        let process = self.process.as_ref()?;
        Some((process.ended()?, process.last_words()))
    }

    /// Waits until it has ended without being asked.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let ended = self.process()?.wait().await;
        let status = ended.with_context(|| format!("{} cannot be waited for", self.name))?;
        self.life.note_end(status);
        Ok(status)
    }

    /// Ends it like a power failure.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let ended = self.process()?.kill().await;
        ended.with_context(|| format!("{} cannot be killed", self.name))?;
        self.life.note(Happening::Killed);
        Ok(())
    }

    fn process(&mut self) -> anyhow::Result<&mut Process> {
        let process = self.process.as_mut();
        process.with_context(|| format!("{} is run by something else", self.name))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let ended = self.process.as_ref().and_then(Process::ended);
        self.life.note(match ended {
            Some(status) => Happening::FoundEnded(status.to_string()),
            None => Happening::LetGo,
        });
    }
}
