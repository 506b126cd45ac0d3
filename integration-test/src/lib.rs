//! What the tests in `tests/` share: the AWS SDK pointed at the simulated region, the programs that cargo has built, the
//! commands in the documents, and a browser to drive. The program `pictures` makes the pictures of the README with it.
//!
//! The parts that they test with are crates of their own, beside this one:
//! `region` simulates an AWS account, `observe` waits and asks nodes, `simulation` runs clusters in virtual time,
//! and `e2e` runs real nodes.
//! Each folder in `tests/` is a tier; CONTRIBUTING.md lists them.

pub mod documents;
pub mod webdriver;

use std::{env, path::PathBuf};

use anyhow::{Context, ensure};
use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::Builder as HttpClient;
use region::Region;

/// A configuration with the credentials of a role, for a session with this name. It does not retry: the result is the
/// region's first answer.
#[must_use]
pub fn sdk_config(region: &Region, role: &str, session: &str) -> SdkConfig {
    let credentials = region.credentials(role, session);
    let credentials = Credentials::new(
        credentials.access_key_id,
        credentials.secret_access_key,
        Some(credentials.session_token),
        Some(credentials.expires_at),
        "region",
    );
    let name = region.edit(|account| account.region.clone());
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(aws_config::Region::new(name))
        .endpoint_url(region.endpoint())
        .http_client(HttpClient::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build()
}

/// A program of another package, for example `demo-node`.
///
/// Cargo builds it for the tests, since its package has a test that runs it, too.
///
/// # Errors
///
/// If it has not been built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = env::current_exe()?;
    let folder = test.parent().and_then(|deps| deps.parent());
    let program = folder.context("tests lie in `deps`")?.join(name);
    ensure!(
        program.exists(),
        "there is no {}: build it with `cargo build --workspace`",
        program.display()
    );
    Ok(program)
}
