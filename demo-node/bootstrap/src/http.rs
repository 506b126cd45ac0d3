//! A small HTTP client for asking peers: one request for each connection, limited in time and size.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use crate::net::Network;

/// The largest answer that is read unless the caller sets a lower limit. A full state of 1,000 members is about a
/// tenth of it.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Why a peer gave no answer. This changes nothing here, and each of these is normal in operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("connect to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    /// The connection broke, or what came was not HTTP.
    #[error("ask {0}")]
    Exchange(SocketAddr, #[source] hyper::Error),
    /// The answer is larger than the limit.
    #[error("read the answer of {from}: it is larger than {most} bytes")]
    TooLarge {
        /// Who answered.
        from: SocketAddr,
        /// The limit.
        most: usize,
    },
    /// The answer could not be read to its end.
    #[error("read the answer of {0}")]
    Body(
        SocketAddr,
        #[source] Box<dyn std::error::Error + Send + Sync>,
    ),
    /// It took too long.
    #[error("{to} did not answer within {limit:?}")]
    TimedOut {
        /// Who.
        to: SocketAddr,
        /// The limit.
        limit: Duration,
    },
}

/// What to send.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The body's media type and the body, where there is one.
    pub body: Option<(&'static str, Bytes)>,
    /// The largest answer that is read, in bytes.
    pub largest_answer: usize,
}

impl Ask {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            largest_answer: LARGEST_ANSWER,
        }
    }

    /// A POST of bytes.
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let body = Some(("application/octet-stream", body.into()));
        Self {
            method: Method::POST,
            path: path.into(),
            body,
            largest_answer: LARGEST_ANSWER,
        }
    }

    /// Reads at most so many bytes of an answer: for answers that may come from anyone.
    #[must_use]
    pub fn expecting_at_most(self, bytes: usize) -> Self {
        Self {
            largest_answer: bytes,
            ..self
        }
    }
}

/// Asks a peer and reads its whole answer.
///
/// # Errors
///
/// When there is no complete answer within `limit`. A status other than 200 is an answer.
pub async fn ask(
    network: &impl Network,
    to: SocketAddr,
    ask: Ask,
    limit: Duration,
) -> Result<(StatusCode, Bytes), Error> {
    match tokio::time::timeout(limit, exchange(network, to, ask)).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(Error::TimedOut { to, limit }),
    }
}

async fn exchange(
    network: &impl Network,
    to: SocketAddr,
    ask: Ask,
) -> Result<(StatusCode, Bytes), Error> {
    let stream = network
        .connect(to)
        .await
        .map_err(|error| Error::Connect(to, error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Error::Exchange(to, error))?;
    // The connection lives as long as this set, which is as long as this call.
    let mut driver = JoinSet::new();
    driver.spawn(connection);

    let mut request = Request::builder()
        .method(ask.method)
        .uri(ask.path)
        .header(header::HOST, to.to_string())
        .header(header::CONNECTION, "close");
    let body = match ask.body {
        Some((media_type, body)) => {
            request = request.header(header::CONTENT_TYPE, media_type);
            body
        }
        None => Bytes::new(),
    };
    let request = request
        .body(Full::new(body))
        .expect("paths here are constants or percent-encoded");
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| Error::Exchange(to, error))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ask.largest_answer)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                let (from, most) = (to, ask.largest_answer);
                Error::TooLarge { from, most }
            } else {
                Error::Body(to, error)
            }
        })?;
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// A peer that says something, whatever it is asked.
    #[derive(Debug, Clone)]
    struct Peer {
        says: String,
        /// Keeps the connection open then.
        stays: bool,
    }

    impl Network for Peer {
        type Stream = DuplexStream;

        async fn connect(&self, _: SocketAddr) -> io::Result<DuplexStream> {
            let (here, mut there) = duplex(64 * 1024);
            let Self { says, stays } = self.clone();
            let mut answer = JoinSet::new();
            answer.spawn(async move {
                let mut request = [0; 1024];
                let _read = there.read(&mut request).await;
                let _written = there.write_all(says.as_bytes()).await;
                if stays {
                    std::future::pending::<()>().await;
                }
            });
            answer.detach_all();
            Ok(here)
        }
    }

    impl Peer {
        async fn asked(self) -> Result<(StatusCode, Bytes), Error> {
            let to = SocketAddr::from(([10, 0, 0, 1], 7626));
            let question = Ask::get("/").expecting_at_most(1000);
            ask(&self, to, question, Duration::from_secs(1)).await
        }
    }

    fn answer_of(length: usize, sent: usize) -> String {
        let body = "x".repeat(sent);
        format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_read_up_to_what_is_expected_though_the_connection_stays_open() {
        let of = |length| Peer {
            says: answer_of(length, length),
            stays: true,
        };
        let (status, body) = of(1000).asked().await.unwrap();
        assert_eq!((status.as_u16(), body.len()), (503, 1000));
        let error = of(1001).asked().await.unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { most: 1000, .. }),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn half_an_answer_is_none() {
        let peer = Peer {
            says: answer_of(7, 3),
            stays: false,
        };
        let error = peer.asked().await.unwrap_err();
        assert!(matches!(error, Error::Body(..)), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_not_waited_for_for_ever() {
        let peer = Peer {
            says: String::new(),
            stays: true,
        };
        let error = peer.asked().await.unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    }
}
