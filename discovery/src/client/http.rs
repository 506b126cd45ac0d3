//! The HTTP client for calls to AWS: which authorities it trusts, and which calls go through a proxy.

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

/// An HTTP client for AWS SDKs. It uses the proxy of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
/// `NO_PROXY`, read as `curl` and the AWS CLI do), but never for metadata or for the credentials of a container or an
/// instance. It trusts the certificate authorities in the file of `AWS_CA_BUNDLE`, or else those of this host.
///
/// TLS is rustls with ring, which needs only a C compiler to build; aws-lc also needs `CMake`.
///
/// # Errors
///
/// When one of these variables is wrong; the error names it.
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

/// The same for a single call to AWS without an SDK. Not for metadata and credentials, which must not use a proxy.
///
/// # Errors
///
/// When one of these variables is wrong; the error names it.
pub fn http_connector() -> Result<Connector, Invalid> {
    let tls = trust(&egress()?)?;
    Ok(Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(Ring))
        .tls_context(tls)
        .build())
}

/// What the environment says about the network, if it is valid.
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
    // An endpoint without TLS still works. In a debug build the client would panic here.
    let problems: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    tracing::warn!(
        ?problems,
        "this host has no CA certificates, so no HTTPS endpoint will be trusted: install them, or \
         set {CA_BUNDLE} to a file with CA certificates"
    );
    TrustStore::empty()
}

/// The largest file of certificates, in bytes. All authorities that browsers trust take about 250 kB.
const LARGEST_BUNDLE: u64 = 16 << 20;

/// Checks here what the client would panic over.
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
