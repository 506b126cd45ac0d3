//! How the AWS client is made, for all methods.

use std::fmt;

use super::{invalid::Invalid, role::AssumedRole};
use crate::excerpt;

/// How the AWS client is made. Empty means the SDK's usual chain.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Client {
    /// The region, for example `eu-central-1`.
    pub region: Option<String>,
    /// The endpoint's URL, for example of an emulator. The region is still needed, to sign requests.
    pub endpoint: Option<String>,
    /// A role to assume with the credentials of the chain, or of the SDK configuration below, for example for
    /// services in another account.
    pub role: Option<AssumedRole>,
    /// The user's own SDK configuration; region and endpoint above override it. Its retries are used, with a warning:
    /// a node that asks again every second and also retries can exhaust the request rate of the whole account.
    #[cfg(any(feature = "ec2", feature = "ecs"))]
    pub sdk_config: Option<aws_types::SdkConfig>,
}

/// The user's own SDK configuration; nothing else is configured.
#[cfg(any(feature = "ec2", feature = "ecs"))]
impl From<aws_types::SdkConfig> for Client {
    fn from(config: aws_types::SdkConfig) -> Self {
        Self {
            sdk_config: Some(config),
            ..Self::default()
        }
    }
}

/// Without a password in the endpoint's URL.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.as_deref();
        let mut shown = f.debug_struct("Client");
        shown
            .field("region", &self.region)
            .field("endpoint", &endpoint.map(|url| excerpt(url, 200)))
            .field("role", &self.role);
        #[cfg(any(feature = "ec2", feature = "ecs"))]
        shown.field("sdk_config", &self.sdk_config);
        shown.finish()
    }
}

impl Client {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if let Some(region) = &self.region {
            check_region(region)?;
        }
        if let Some(endpoint) = &self.endpoint
            && !is_http_url(endpoint)
        {
            return Err(Invalid::new(
                "endpoint",
                format!(
                    "`{}` is not a URL; expected one like http://localhost:4566",
                    excerpt(endpoint, 200)
                ),
            ));
        }
        Ok(())
    }
}

/// The SDK makes a host name from it.
pub(super) fn is_http_url(text: &str) -> bool {
    let url: Option<hyper::Uri> = text.parse().ok();
    url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()
    })
}

pub(crate) fn check_region(region: &str) -> Result<(), Invalid> {
    let plausible = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if region.is_empty() || !region.chars().all(plausible) {
        return Err(Invalid::new(
            "region",
            format!("`{region}` is not a region; expected one like eu-central-1"),
        ));
    }
    Ok(())
}
