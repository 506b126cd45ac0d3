//! The HTTP client for calls to AWS: whom it trusts, and which calls go through a proxy.

use std::{fs::File, io::Read as _, path::Path};

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode::Ring},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::routed::routed;
use crate::config::{CA_BUNDLE, Egress, Invalid, check_environment, invalid_variable};

/// An HTTP client for AWS SDKs that goes through the proxy that the environment names (`HTTPS_PROXY`,
/// `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, as `curl` and the AWS CLI read them), never to metadata or
/// to what gives a container or an instance its credentials; and that trusts the certificate
/// authorities of the file in `AWS_CA_BUNDLE`, or else those of this host.
///
/// TLS is by rustls with ring, which needs a C compiler to build, and no `CMake` as aws-lc does.
///
/// # Errors
///
/// When one of these variables cannot work; it is named.
pub fn http_client() -> Result<SharedHttpClient, Invalid> {
    let egress = egress()?;
    let tls = trust(&egress)?;
    let [direct, proxied] = [ProxyConfig::disabled(), ProxyConfig::from_env()].map(|proxy| {
        let tls = tls.clone();
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(proxy.clone());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector
                .tls_provider(Provider::Rustls(Ring))
                .tls_context(tls.clone())
                .build()
        })
    });
    Ok(routed(direct, proxied, egress.beside))
}

/// Likewise for a single call to AWS that no SDK makes. Not for metadata and credentials, which have no proxy.
///
/// # Errors
///
/// When one of these variables cannot work; it is named.
pub fn http_connector() -> Result<Connector, Invalid> {
    let tls = trust(&egress()?)?;
    Ok(Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(Ring))
        .tls_context(tls)
        .build())
}

/// What the environment says of the network, if that can work.
fn egress() -> Result<Egress, Invalid> {
    let of_network = std::env::vars_os().filter(|(name, _)| Egress::reads(name));
    check_environment(of_network)?;
    Ok(Egress::from_env())
}

fn trust(egress: &Egress) -> Result<TlsContext, Invalid> {
    let store = match &egress.ca_bundle {
        Some(path) => bundle(path)?,
        None => authorities_of_this_host(),
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    Ok(context.expect("a context of a trust store has nothing to get wrong"))
}

fn authorities_of_this_host() -> TrustStore {
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found.certs);
    if usable != 0 {
        return TrustStore::default();
    }
    // An endpoint without TLS still works; in a debug build the client would panic over this.
    let problems: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    tracing::warn!(
        ?problems,
        "this host has no CA certificates, so no HTTPS endpoint will be trusted: install them, or \
         set {CA_BUNDLE} to a file with CA certificates"
    );
    TrustStore::empty()
}

/// The largest file of certificates, in bytes. All those that browsers trust take some 250 kB.
const LARGEST_BUNDLE: u64 = 16 << 20;

/// Likewise what the client would panic over is found here.
fn bundle(path: &Path) -> Result<TrustStore, Invalid> {
    let wrong = |problem: String| {
        let path = path.display();
        invalid_variable(CA_BUNDLE, &format!("{path}: {problem}"))
    };
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_BUNDLE).read_to_end(&mut pem))
        .map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(&pem)) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(format!("certificate {number} cannot be trusted: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong(
            "it contains no certificate; expected one or more in PEM format".to_owned(),
        ));
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}
