//! Follows the events that a node reports about its cluster.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::join;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{net::TcpStream, sync::oneshot, task::JoinSet, time::timeout};

use crate::http::PATIENCE;

/// An event, as a node reports it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// `MemberUp`, for example.
    #[serde(rename = "type")]
    pub name: String,
    /// The member that it is about.
    #[serde(rename = "event")]
    pub about: About,
}

/// The member of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct About {
    /// The member's address; none where the event is about the whole cluster.
    pub node: Option<String>,
}

/// A stream of events, followed until this is dropped.
#[derive(Debug)]
pub struct Events {
    text: Arc<Mutex<String>>,
    _following: JoinSet<()>,
}

/// The stream did not start.
#[derive(Debug, thiserror::Error)]
#[error("{to} gives no events")]
pub struct NoEvents {
    /// The node that was asked.
    to: SocketAddr,
}

impl Events {
    /// Follows a node's events with these names. When this returns, the stream has started.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn follow(to: SocketAddr, names: &[&str]) -> Result<Self, NoEvents> {
        let text = Arc::<Mutex<String>>::default();
        let (begun, has_begun) = oneshot::channel();
        let query: Vec<_> = names.iter().map(|name| format!("type={name}")).collect();
        let path = format!("/cluster/domain-events?{}", query.join("&"));
        let mut following = JoinSet::new();
        let told = Arc::clone(&text);
        following.spawn(async move {
            // An error ends the stream; the events until then count.
            let _ended = read(to, &path, begun, &told).await;
        });
        match timeout(PATIENCE, has_begun).await {
            Ok(Ok(())) => Ok(Self {
                text,
                _following: following,
            }),
            Ok(Err(_)) | Err(_) => Err(NoEvents { to }),
        }
    }

    /// The events so far.
    ///
    /// # Errors
    ///
    /// If the node sends something else.
    pub fn so_far(&self) -> Result<Vec<Event>, serde_json::Error> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        // The last line may be incomplete.
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        whole
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(serde_json::from_str)
            .collect()
    }
}

async fn read(
    to: SocketAddr,
    path: &str,
    begun: oneshot::Sender<()>,
    told: &Mutex<String>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(HOST, to.to_string())
        .body(Empty::<Bytes>::new())?;
    let reading = async move {
        let mut answer = sender.send_request(request).await?;
        if answer.status().is_success() {
            let _gone = begun.send(());
        } else {
            drop(begun);
            return Ok(());
        }
        while let Some(frame) = answer.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        Ok(())
    };
    let (read, _) = join(reading, connection).await;
    read
}
