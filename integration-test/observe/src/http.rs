//! Asks a node's management endpoint as other nodes do: with a new connection for each question, so that no pool
//! keeps one to a node that was replaced.

use std::{fmt, net::SocketAddr, time::Duration};

use demo_node::{
    http::{Ask, Error, ask},
    net::Tcp,
};
use hyper::StatusCode;

/// A healthy node answers at once; one that is stopped or overloaded counts as unreachable.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, as text.
    pub body: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.body.trim())
    }
}

/// `GET` of a path.
///
/// # Errors
///
/// If there is no complete answer within two seconds.
pub async fn get(to: SocketAddr, path: &str) -> Result<Answer, Error> {
    let (status, body) = ask(&Tcp, to, Ask::get(path), PATIENCE).await?;
    Ok(Answer {
        status,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
