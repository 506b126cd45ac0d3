//! `GET /`: a page that shows people the cluster as this node sees it.
//!
//! The files are part of the program and the same for every client. The page gets its data from the other paths of
//! this server: nothing is served for the page alone, and it writes nothing.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse as _,
    routing::get,
};

/// One file of a page.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its path.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub text: &'static str,
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($path:literal, $media_type:expr, $name:literal) => {
        File {
            path: $path,
            media_type: $media_type,
            text: include_str!(concat!("page/", $name)),
        }
    };
}

/// All files of the page.
pub const FILES: [File; 10] = [
    file!("/", "text/html; charset=utf-8", "index.html"),
    file!("/page/page.css", "text/css; charset=utf-8", "page.css"),
    file!("/page/icon.svg", "image/svg+xml", "icon.svg"),
    file!("/page/main.js", SCRIPT, "main.js"),
    file!("/page/feed.js", SCRIPT, "feed.js"),
    file!("/page/draw.js", SCRIPT, "draw.js"),
    file!("/page/words.js", SCRIPT, "words.js"),
    file!("/page/members.js", SCRIPT, "members.js"),
    file!("/page/panels.js", SCRIPT, "panels.js"),
    file!("/page/ring.js", SCRIPT, "ring.js"),
];

/// Nothing is loaded from elsewhere, sent elsewhere, or shown within a page of somebody else, and scripts in the text
/// do not run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its files, without the data.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(async move || file.answer()))
    })
}

impl File {
    /// With headers for browsers: the media type, and that nothing from elsewhere belongs to it.
    #[must_use]
    pub fn answer(self) -> axum::response::Response {
        let headers = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "no-referrer"),
            (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
            // Another version of the node has another page.
            (header::CACHE_CONTROL, "no-store"),
        ];
        (
            headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
            self.text,
        )
            .into_response()
    }
}
