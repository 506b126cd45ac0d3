//! The `Host` that a request must name, once and well formed: proxies between nodes and clients use it, and two of
//! them would have two meanings.

use axum::http::{Request, Version, header, uri::Authority};

/// What is wrong with the request's `Host`.
pub(super) fn problem<B>(request: &Request<B>) -> Option<&'static str> {
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (None, _) => Some("the header `Host` is missing"),
        (Some(_), Some(_)) => Some("there is more than one header `Host`"),
        (Some(host), None) => match Authority::try_from(host.as_bytes()) {
            Ok(authority) if !authority.as_str().contains('@') => None,
            _ => Some("the header `Host` is not a host with an optional port"),
        },
    }
}
