//! Asks a node's management endpoint. One connection for each question: a node that was replaced shall not answer from a pool.

use std::{fmt, net::SocketAddr, time::Duration};

use futures::future::join;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// A healthy node answers at once; one that is stopped or overwhelmed counts as silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What came back.
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

/// No answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody listens there.
    #[error("connecting to {to}")]
    Connect {
        /// Where to.
        to: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },

    /// The conversation broke off.
    #[error("asking {to} for {path}")]
    Exchange {
        /// Who was asked.
        to: SocketAddr,
        /// For what.
        path: String,
        /// What went wrong.
        #[source]
        source: hyper::Error,
    },

    /// Nothing came within two seconds.
    #[error("{to} does not answer for {path}")]
    Silent {
        /// Who was asked.
        to: SocketAddr,
        /// For what.
        path: String,
    },
}

/// `GET` of a path.
pub async fn get(to: SocketAddr, path: &str) -> Result<Answer, HttpError> {
    timeout(PATIENCE, exchange(to, path))
        .await
        .unwrap_or_else(|_elapsed| {
            Err(HttpError::Silent {
                to,
                path: path.to_owned(),
            })
        })
}

async fn exchange(to: SocketAddr, path: &str) -> Result<Answer, HttpError> {
    let stream = TcpStream::connect(to)
        .await
        .map_err(|source| HttpError::Connect { to, source })?;
    let failed = |source| HttpError::Exchange {
        to,
        path: path.to_owned(),
        source,
    };

    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let request = Request::get(path)
        .header(HOST, to.to_string())
        .body(Empty::<Bytes>::new())
        .expect("the path is one of this crate's own");

    // Takes the sender with it: the connection ends when that is dropped.
    let answer = async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    // The connection must be polled for the answer to come; what breaks it fails the answer too.
    let (answer, _) = join(answer, connection).await;
    answer.map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::JoinSet,
    };

    use super::*;

    #[tokio::test]
    async fn an_answer_is_handed_out_though_the_connection_stays_open() {
        let server = Server::start(|mut stream| async move {
            let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 7\r\n\r\nwaiting";
            stream.write_all(answer.as_bytes()).await.unwrap();
            pending::<()>().await;
        })
        .await;

        let answer = get(server.address, "/ready").await.unwrap();

        assert_eq!(answer.to_string(), "503 waiting");
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        let server = Server::start(|mut stream| async move {
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nwai";
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;

        let failure = get(server.address, "/ready").await.unwrap_err();

        assert!(matches!(failure, HttpError::Exchange { .. }), "{failure:?}");
    }

    #[tokio::test]
    async fn silence_is_not_waited_for_forever() {
        let server = Server::start(|stream| async move {
            pending::<()>().await;
            drop(stream);
        })
        .await;

        let failure = get(server.address, "/ready").await.unwrap_err();

        assert!(matches!(failure, HttpError::Silent { .. }), "{failure:?}");
    }

    struct Server {
        address: SocketAddr,
        _running: JoinSet<()>,
    }

    impl Server {
        /// Reads one request and has `answer` deal with it.
        async fn start<F>(answer: impl FnOnce(TcpStream) -> F + Send + 'static) -> Self
        where
            F: Future<Output = ()> + Send,
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut running = JoinSet::new();
            running.spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _length = stream.read(&mut [0; 1024]).await.unwrap();
                answer(stream).await;
            });
            Self {
                address,
                _running: running,
            }
        }
    }
}
