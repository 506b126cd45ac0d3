//! An HTTP client that reads answers up to a size, so that whoever answers in AWS's place, or a fault
//! of AWS, cannot fill the memory.

use std::fmt;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// An answer is larger than any that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer may have {most} bytes at most")]
pub(crate) struct TooLarge {
    pub(crate) most: usize,
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

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
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
            Ok(answer.await?.map(bounded))
        })
    }
}
