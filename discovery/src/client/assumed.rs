//! Credentials of an assumed role: the SDK's provider, and what its failures mean.

use std::{error::Error as StdError, fmt, sync::Arc};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};

use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::config::AssumedRole;

/// A role could not be assumed. The source is the SDK's error.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct NotAssumed {
    /// What was attempted, in words.
    pub(crate) what: Arc<str>,
    /// What was called, in words.
    pub(crate) endpoint: Arc<str>,
    #[source]
    pub(crate) source: CredentialsError,
}

/// Wraps the SDK's provider, whose own errors do not say which role failed.
#[derive(Debug)]
struct Assumed {
    provider: AssumeRoleProvider,
    what: Arc<str>,
    endpoint: Arc<str>,
}

/// Credentials of the role, which the client renews before they expire. The configuration's own credentials assume
/// it; `endpoint` is where, in words.
pub(super) async fn assumed(
    role: &AssumedRole,
    config: &SdkConfig,
    endpoint: String,
) -> SharedCredentialsProvider {
    let mut provider = AssumeRoleProvider::builder(role.arn.as_str()).configure(config);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id.as_str());
    }
    if let Some(name) = &role.session_name {
        provider = provider.session_name(name.as_str());
    }
    SharedCredentialsProvider::new(Assumed {
        provider: provider.build().await,
        what: Attempted(role).to_string().into(),
        endpoint: endpoint.into(),
    })
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            // The SDK logs each refusal as a warning; the error says all of it.
            let quietly = NoSubscriber::default();
            let credentials = self.provider.provide_credentials();
            let credentials = credentials.with_subscriber(quietly).await;
            credentials.map_err(|source| {
                CredentialsError::provider_error(NotAssumed {
                    what: Arc::clone(&self.what),
                    endpoint: Arc::clone(&self.endpoint),
                    source,
                })
            })
        })
    }
}

/// STS does not say whether the role's trust policy does not allow the caller, or the external id is wrong: so the
/// text names both.
struct Attempted<'a>(&'a AssumedRole);

impl fmt::Display for Attempted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AssumedRole {
            arn, external_id, ..
        } = self.0;
        match external_id {
            Some(id) => write!(f, "assuming the role {arn} with the external id `{id}`"),
            None => write!(f, "assuming the role {arn} without an external id"),
        }
    }
}

/// The first of this type among the causes of an error.
pub(crate) fn find<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    let mut error = Some(error);
    while let Some(here) = error {
        if let Some(found) = here.downcast_ref() {
            return Some(found);
        }
        error = here.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attempted_names_the_role_and_the_external_id() {
        let mut role = AssumedRole::new("arn:aws:iam::123456789012:role/orders".parse().unwrap());
        let attempted = |role: &AssumedRole| Attempted(role).to_string();
        assert_eq!(
            attempted(&role),
            "assuming the role arn:aws:iam::123456789012:role/orders without an external id"
        );
        role.external_id = Some("shop".parse().unwrap());
        assert_eq!(
            attempted(&role),
            "assuming the role arn:aws:iam::123456789012:role/orders with the external id `shop`"
        );
    }
}
