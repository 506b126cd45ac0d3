//! The AWS SDK pointed at the region, for tests that call it themselves.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ecs::config::{Credentials as SdkCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::Builder as HttpClient;

use super::Region;

impl Region {
    /// A configuration with the credentials of a role, for a session of this name.
    /// It tries once: what comes back is what the region answered.
    #[must_use]
    pub fn sdk_config(&self, role: &str, session: &str) -> SdkConfig {
        let credentials = self.credentials(role, session);
        let credentials = SdkCredentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            Some(credentials.expires_at),
            "region",
        );
        let name = self.edit(|account| account.region.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(aws_config::Region::new(name))
            .endpoint_url(self.endpoint())
            .http_client(HttpClient::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build()
    }
}
