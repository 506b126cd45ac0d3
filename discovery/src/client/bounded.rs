//! An HTTP client that reads answers up to a limit, so that neither AWS nor anything that answers in its place can
//! fill the memory. It also says which host a failed request was for: the name
//! may come from a region and settings such as FIPS.

use std::fmt;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// An answer is larger than any expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is larger than the limit of {most} bytes")]
pub(crate) struct TooLarge {
    pub(crate) most: usize,
}

/// The host of a request that could not be sent or was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{host}")]
struct At {
    host: String,
    #[source]
    source: BoxError,
}

/// Wraps another client, or its connector.
#[derive(Clone)]
struct Bounded<T> {
    inner: T,
    most: usize,
}

/// A client whose answers have `most` bytes at most. Reading more fails with [`TooLarge`].
pub(crate) fn bounded(client: SharedHttpClient, most: usize) -> SharedHttpClient {
    SharedHttpClient::new(Bounded {
        inner: client,
        most,
    })
}

impl<T> fmt::Debug for Bounded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded {
            inner: self.inner.http_connector(settings, components),
            most: self.most,
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_final_config(components, config)
    }
}

/// The same error, with a text in front of its cause.
pub(super) fn caused_by<E: Into<BoxError>>(
    error: ConnectorError,
    in_front_of: impl FnOnce(BoxError) -> E,
) -> ConnectorError {
    let (timeout, user, io) = (error.is_timeout(), error.is_user(), error.is_io());
    let source = in_front_of(error.into_source()).into();
    if timeout {
        ConnectorError::timeout(source)
    } else if user {
        ConnectorError::user(source)
    } else if io {
        ConnectorError::io(source)
    } else {
        ConnectorError::other(source, None)
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: Option<hyper::Uri> = request.uri().parse().ok();
        let host = uri.and_then(|uri| Some(uri.host()?.to_owned()));
        let answer = self.inner.call(request);
        let most = self.most;
        HttpConnectorFuture::new(async move {
            let bounded = |body: SdkBody| {
                let body = Limited::new(body, most).map_err(move |error| -> BoxError {
                    if error.is::<LengthLimitError>() {
                        Box::new(TooLarge { most })
                    } else {
                        error
                    }
                });
                SdkBody::from_body_1_x(body)
            };
            match answer.await {
                Ok(answer) => Ok(answer.map(bounded)),
                Err(error) => {
                    let host = host.unwrap_or_default();
                    Err(caused_by(error, |source| At { host, source }))
                }
            }
        })
    }
}
