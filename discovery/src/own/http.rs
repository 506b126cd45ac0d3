//! One small HTTP request to a metadata endpoint, limited in time and size. No TLS and no proxy: these endpoints are
//! on the host itself.

use std::{fmt, time::Duration};

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{Method, Request, StatusCode, Uri, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::error::{Cause, Error, MetadataProblem};

/// The endpoint is on the host: it answers at once or not at all.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The metadata of a task with ten containers and labels has about 20 KiB.
const MAX_BODY: usize = 1 << 20;

/// One endpoint. Connections are kept between requests.
pub(crate) struct Endpoint {
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(TIMEOUT));
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// The body of an answer with status 200.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        header: Option<(&str, &str)>,
    ) -> Result<Bytes, Error> {
        let uri: Uri = url
            .parse()
            .map_err(|error| failed(url, MetadataProblem::Unreachable, Some(Box::new(error))))?;
        let mut request = Request::builder().method(method).uri(uri);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request
            .body(Empty::new())
            .map_err(|error| failed(url, MetadataProblem::Unreachable, Some(Box::new(error))))?;

        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| {
                failed(url, MetadataProblem::Unreachable, Some(Box::new(error)))
            })?;
            let status = answer.status();
            if status != StatusCode::OK {
                let problem = MetadataProblem::Status(status.as_u16());
                return Err(failed(url, problem, None));
            }
            let body = Limited::new(answer.into_body(), MAX_BODY).collect().await;
            let body = body.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    failed(url, MetadataProblem::TooLarge, None)
                } else {
                    failed(url, MetadataProblem::Undecodable, Some(error))
                }
            })?;
            Ok(body.to_bytes())
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(body) => body,
            Err(_) => Err(failed(url, MetadataProblem::TimedOut, None)),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").finish_non_exhaustive()
    }
}

pub(crate) fn failed(url: &str, problem: MetadataProblem, source: Option<Cause>) -> Error {
    Error::Metadata {
        url: url.to_owned(),
        problem,
        source,
    }
}
