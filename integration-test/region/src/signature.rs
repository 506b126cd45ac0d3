//! Version 4 signatures of requests to the service at `/`: calculated again and compared.
//!
//! Everything that identifies a request must be signed: the host and each `x-amz-` header.
//! The age of a signature is not checked here.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wiremock::Request;
use wiremock::http::{HeaderMap, HeaderName};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What an `authorization` header says.
#[derive(Debug)]
pub(super) struct Authorization<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    pub(super) fn parse(header: &'a str) -> Option<Self> {
        let parts = header.strip_prefix(ALGORITHM)?.split(',').map(str::trim);
        let parts: Vec<_> = parts.collect();
        let [credential, signed_headers, signature] = parts.as_slice() else {
            return None;
        };
        let scope = credential.strip_prefix("Credential=")?.split('/');
        let scope: Vec<_> = scope.collect();
        let [access_key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
            return None;
        };
        Some(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers: signed_headers.strip_prefix("SignedHeaders=")?,
            signature: signature.strip_prefix("Signature=")?,
        })
    }

    /// Whether the request was signed with this key, including all required parts.
    pub(super) fn holds(&self, request: &Request, secret_access_key: &str) -> bool {
        let signed: BTreeSet<_> = self.signed_headers.split(';').collect();
        let all_signed = request
            .headers
            .keys()
            .map(HeaderName::as_str)
            .filter(|name| *name == "host" || name.starts_with("x-amz-"))
            .all(|name| signed.contains(name));
        all_signed && self.calculate(request, secret_access_key) == self.signature
    }

    /// The signature of the request, calculated as this header says.
    pub(super) fn calculate(&self, request: &Request, secret_access_key: &str) -> String {
        let Self {
            date,
            region,
            service,
            ..
        } = self;
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{date}/{region}/{service}/aws4_request\n{}",
            values(&request.headers, "x-amz-date"),
            sha256(self.canonical(request).as_bytes()),
        );
        let mut key = format!("AWS4{secret_access_key}").into_bytes();
        for part in [*date, region, service, "aws4_request", &to_sign] {
            key = hmac(&key, part.as_bytes());
        }
        hex::encode(&key)
    }

    fn canonical(&self, request: &Request) -> String {
        let mut canonical = format!("{}\n{}\n\n", request.method, request.url.path());
        for name in self.signed_headers.split(';') {
            canonical += &format!("{name}:{}\n", values(&request.headers, name));
        }
        canonical + &format!("\n{}\n{}", self.signed_headers, sha256(&request.body))
    }
}

/// All values of a header, without superfluous spaces.
fn values(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter();
    let values = values.map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn sha256(message: &[u8]) -> String {
    hex::encode(Sha256::digest(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From AWS's documentation: "Deriving the signing key", with its example secret.
    #[test]
    fn keys_are_derived_as_aws_derives_them() {
        let secret = "AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let mut key = secret.as_bytes().to_vec();
        for part in ["20150830", "us-east-1", "iam", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        assert_eq!(hex::encode(&key), expected);
    }

    #[test]
    fn headers_that_are_no_signatures_are_not_taken_for_any() {
        let good = "AWS4-HMAC-SHA256 Credential=K/20260101/eu-west-1/ecs/aws4_request, \
                    SignedHeaders=host, Signature=00";
        assert!(Authorization::parse(good).is_some());
        for (from, to) in [
            ("SHA256", "SHA1"),
            ("/ecs/", "/"),
            ("aws4_request", "aws5_request"),
            ("SignedHeaders=", "Headers="),
            (", Signature=00", ""),
        ] {
            let wrong = good.replace(from, to);
            assert!(Authorization::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
