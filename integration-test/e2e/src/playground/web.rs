//! The page of the playground over HTTP, for holders of the token, at the printed address.
//!
//! | path, after the token | method | answer |
//! |---|---|---|
//! | `/` | GET | the page, with its files at `/page/…` |
//! | `/picture` | GET | everything that the page shows, as JSON |
//! | `/changes` | GET | the same whenever it has changed, as server-sent events |
//! | `/commands` | POST | a command as JSON, which is carried out |
//! | `/nodes/{name}/log` | GET | what a node has logged, as text |
//!
//! The token is in the path, so that every request has it and no cookie is needed, which would also be sent to other
//! programs on 127.0.0.1. `Host` must be the address, so that no site can make its own name point to it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response, Sse, sse},
    routing::{get, post},
};
use demo_node::management::{PAGE_FILES, PageFile};
use futures::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    command::{Command, Refusal},
    stage::Order,
};

/// The largest command. No real command has a tenth of it.
const LARGEST_BODY: usize = 16 * 1024;

/// A stream is silent for at most this long: a page that hears nothing for longer knows that its content is old.
const SILENCE: Duration = Duration::from_secs(3);

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($path:literal, $media_type:expr, $name:literal) => {
        PageFile {
            path: $path,
            media_type: $media_type,
            text: include_str!(concat!("page/", $name)),
        }
    };
}

/// The playground's own files; the others are those of a node's page.
const FILES: [PageFile; 8] = [
    file!("/", "text/html; charset=utf-8", "index.html"),
    file!("/page/play.css", "text/css; charset=utf-8", "play.css"),
    file!("/page/play.js", SCRIPT, "play.js"),
    file!("/page/link.js", SCRIPT, "link.js"),
    file!("/page/picture.js", SCRIPT, "picture.js"),
    file!("/page/nodes.js", SCRIPT, "nodes.js"),
    file!("/page/controls.js", SCRIPT, "controls.js"),
    file!("/page/timeline.js", SCRIPT, "timeline.js"),
];

/// What decides who may come in, and the way to the stage.
#[derive(Debug, Clone)]
pub struct Door {
    /// What the address must carry.
    pub token: Arc<str>,
    /// The port of 127.0.0.1.
    pub port: u16,
    /// To the stage.
    pub orders: mpsc::Sender<Order>,
    /// From the stage. Each page holds a receiver.
    pub shown: Arc<watch::Sender<Arc<str>>>,
}

/// An answer that says what is wrong.
struct Problem(StatusCode, String);

impl Door {
    /// The address to print.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/{}/", self.port, self.token)
    }
}

/// A token that cannot be guessed.
///
/// # Errors
///
/// When the system gives no random bytes.
pub fn token() -> Result<Arc<str>, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(hex::encode(random).into())
}

/// Every path.
pub fn router(door: Door) -> Router {
    Router::new()
        .route("/{token}", get(slash))
        .route("/{token}/", get(async || file("/")))
        .route("/{token}/page/{name}", get(named_file))
        .route("/{token}/picture", get(picture))
        .route("/{token}/changes", get(changes))
        .route("/{token}/commands", post(command))
        .route("/{token}/nodes/{name}/log", get(log))
        .fallback(async || Problem(StatusCode::NOT_FOUND, "no such path".to_owned()))
        .method_not_allowed_fallback(async || {
            let text = "this path does not allow that method";
            Problem(StatusCode::METHOD_NOT_ALLOWED, text.to_owned())
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(door.clone(), guarded))
        .with_state(door)
}

/// Lets requests in that have the right host and token.
async fn guarded(State(door): State<Door>, request: Request, next: Next) -> Response {
    let mut answer = match problem(&door, request.headers(), request.uri().path()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let headers = answer.headers_mut();
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let private = HeaderValue::from_static("no-referrer");
    headers.insert(header::REFERRER_POLICY, private);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn problem(door: &Door, headers: &HeaderMap, path: &str) -> Option<Problem> {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let names = ["127.0.0.1", "localhost"];
    let known = names.map(|name| format!("{name}:{}", door.port));
    if !known.iter().any(|known| Some(known.as_bytes()) == host) {
        return Some(Problem(
            StatusCode::FORBIDDEN,
            format!(
                "`Host` must be {}: open the address that was printed",
                known[0]
            ),
        ));
    }
    let given = path.split('/').nth(1).unwrap_or_default();
    if !is_same(given.as_bytes(), door.token.as_bytes()) {
        return Some(Problem(
            StatusCode::FORBIDDEN,
            "the token is missing or wrong: open the address that `cargo xtask demo` has printed; \
             the token is its last part"
                .to_owned(),
        ));
    }
    None
}

/// Compares in a time that does not show how much of it is right.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let differences = given.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == token.len() && differences == 0
}

async fn slash(State(door): State<Door>) -> Redirect {
    Redirect::permanent(&format!("/{}/", door.token))
}

async fn named_file(Path((_, name)): Path<(String, String)>) -> Response {
    file(&format!("/page/{name}"))
}

fn file(path: &str) -> Response {
    // The start page of a node is not that of the playground.
    let shared = PAGE_FILES.iter().filter(|file| file.path != "/");
    let found = FILES.iter().chain(shared).find(|file| file.path == path);
    match found {
        Some(file) => file.answer(),
        None => Problem(StatusCode::NOT_FOUND, "no such file".to_owned()).into_response(),
    }
}

async fn picture(State(door): State<Door>) -> Response {
    let picture = door.shown.borrow().to_string();
    ([(header::CONTENT_TYPE, "application/json")], picture).into_response()
}

async fn changes(State(door): State<Door>) -> Response {
    let mut shown = door.shown.subscribe();
    // The current picture is news to a new client.
    shown.mark_changed();
    let changes = stream::unfold(shown, async |mut shown| {
        shown.changed().await.ok()?;
        let picture = shown.borrow_and_update().to_string();
        Some((sse::Event::default().data(picture), shown))
    });
    let alive = sse::KeepAlive::default().interval(SILENCE);
    Sse::new(changes.map(Ok::<_, Infallible>))
        .keep_alive(alive)
        .into_response()
}

async fn command(
    State(door): State<Door>,
    command: Result<Json<Command>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(command) =
        command.map_err(|rejection| Problem(rejection.status(), rejection.body_text()))?;
    let (reply, answer) = oneshot::channel();
    let ends = || {
        let text = "the playground is ending";
        Problem(StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
    };
    let sent = door.orders.send(Order::Do(command, reply)).await;
    sent.map_err(|_ended| ends())?;
    let done = answer.await.map_err(|_ended| ends())?;
    let done = done.map_err(Problem::from)?;
    Ok(Json(json!({ "done": done })).into_response())
}

async fn log(
    State(door): State<Door>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (reply, answer) = oneshot::channel();
    // If the playground ends, there is no log either.
    let _gone = door.orders.send(Order::Log(name, reply)).await;
    let log = answer.await.unwrap_or_default();
    let nobody = || Problem(StatusCode::NOT_FOUND, "there is no such node".to_owned());
    log.map(IntoResponse::into_response).ok_or_else(nobody)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::NotThere(_) => StatusCode::NOT_FOUND,
            Refusal::NotNow(_) => StatusCode::CONFLICT,
            Refusal::Never(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, refusal.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, Json(json!({ "error": error }))).into_response()
    }
}

#[cfg(test)]
mod tests;
