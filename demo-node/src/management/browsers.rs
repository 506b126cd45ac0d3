//! Protects the node from pages of other sites: such a page can make a browser send requests to any address, and can
//! make one of its own names point to this node's address (DNS rebinding). Such a page cannot write anything, and no
//! browser takes an answer for another type than it has. Programs send neither `Origin` nor `Sec-Fetch-Site`.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode, Uri,
        header::{self, HeaderMap},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use discovery::excerpt;

use super::problem::{LONGEST_SHOWN, Problem};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests that pages of other sites make a browser send, and requests to a name that is not this node's.
pub(super) async fn guarded(
    State(names): State<Arc<BTreeSet<String>>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match problem(request.uri(), request.headers(), &names) {
        Some(problem) => Problem::new(StatusCode::FORBIDDEN, problem).into_response(),
        None => next.run(request).await,
    }
}

/// Makes browsers use the declared type of an answer: parts of its content come from others.
pub(super) async fn plain(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

fn problem(uri: &Uri, headers: &HeaderMap, names: &BTreeSet<String>) -> Option<String> {
    let host = match (uri.authority(), headers.get(header::HOST)) {
        (Some(authority), _) => Some(authority.clone()),
        (None, Some(host)) => match Authority::try_from(host.as_bytes()) {
            Ok(authority) => Some(authority),
            Err(_unreadable) => return Some(unknown(&shown(host))),
        },
        // HTTP/1.0, which no browser uses.
        (None, None) => None,
    };
    if let Some(host) = &host
        && !is_known(host, names)
    {
        return Some(unknown(host.as_str()));
    }
    let other_site = headers
        .get_all(SEC_FETCH_SITE)
        .into_iter()
        .find(|site| *site != "same-origin" && *site != "none");
    if let Some(site) = other_site {
        return Some(format!(
            "this request comes from a page of another site: its `Sec-Fetch-Site` is `{}`",
            shown(site)
        ));
    }
    let other_origin = headers
        .get_all(header::ORIGIN)
        .into_iter()
        .find(|origin| !host.as_ref().is_some_and(|host| is_origin_of(origin, host)));
    other_origin.map(|origin| {
        format!(
            "this request comes from a page of another site: its `Origin` is `{}`",
            shown(origin)
        )
    })
}

/// Addresses need no name, so nobody can make them point elsewhere.
fn is_known(host: &Authority, names: &BTreeSet<String>) -> bool {
    let name = host.host().to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let name = name.trim_end_matches('.');
    bare.parse::<IpAddr>().is_ok() || name == "localhost" || names.contains(name)
}

/// Whether a page with this origin came from that host.
fn is_origin_of(origin: &HeaderValue, host: &Authority) -> bool {
    let Ok(origin) = Uri::try_from(origin.as_bytes()) else {
        return false;
    };
    let usual_port = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some(_) | None => return false,
    };
    let port = |of: &Authority| of.port_u16().unwrap_or(usual_port);
    origin.authority().is_some_and(|origin| {
        origin.host().eq_ignore_ascii_case(host.host()) && port(origin) == port(host)
    })
}

fn unknown(host: &str) -> String {
    format!(
        "`{}` is not known as a name of this node: use its IP address or `localhost`, or add the name \
         to management.host-names",
        excerpt(host, LONGEST_SHOWN)
    )
}

fn shown(value: &HeaderValue) -> String {
    excerpt(&String::from_utf8_lossy(value.as_bytes()), LONGEST_SHOWN)
}
