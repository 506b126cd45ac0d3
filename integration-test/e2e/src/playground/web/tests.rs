use axum::{body::Body, http::Method};
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const HOST: &str = "127.0.0.1:7700";

/// The playground's door, behind which somebody gives this answer to every command.
struct House {
    router: Router,
    shown: Arc<watch::Sender<Arc<str>>>,
    _behind: JoinSet<()>,
}

impl House {
    fn answering(answer: Result<String, Refusal>) -> Self {
        let (orders, mut ordered) = mpsc::channel(1);
        let shown = Arc::new(watch::Sender::new(Arc::from(r#"{"now":1}"#)));
        let mut behind = JoinSet::new();
        behind.spawn(async move {
            while let Some(order) = ordered.recv().await {
                match order {
                    Order::Do(command, reply) => {
                        let answer = answer.clone().map(|done| format!("{done}: {command:?}"));
                        reply.send(answer).unwrap();
                    }
                    Order::Log(name, reply) => {
                        let log = (name == "orders-1").then(|| "<b>a log</b>".to_owned());
                        reply.send(log).unwrap();
                    }
                }
            }
        });
        let door = Door {
            token: TOKEN.into(),
            port: 7700,
            orders,
            shown: Arc::clone(&shown),
        };
        Self {
            router: router(door),
            shown,
            _behind: behind,
        }
    }

    async fn send(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(request(Method::GET, path, HOST, "")).await
    }

    async fn post(&self, body: &str) -> (StatusCode, String) {
        let path = format!("/{TOKEN}/commands");
        let answer = self.send(request(Method::POST, &path, HOST, body)).await;
        (answer.status(), text(answer).await)
    }
}

fn request(method: Method, path: &str, host: &str, body: &str) -> Request {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn text(answer: Response) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn done() -> House {
    House::answering(Ok("done".to_owned()))
}

#[tokio::test]
async fn nothing_is_told_or_done_without_the_token() {
    let house = done();
    let wrong = TOKEN.replace('f', "e");
    for path in [
        "/".to_owned(),
        "/picture".to_owned(),
        format!("/{wrong}/"),
        format!("/{}/picture", &TOKEN[1..]),
        format!("/{TOKEN}0/changes"),
        format!("//{TOKEN}/picture"),
        format!("/page/{TOKEN}"),
    ] {
        let answer = house.get(&path).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let told = text(answer).await;
        assert!(told.contains("token"), "{told}");
        assert!(!told.contains(TOKEN), "{told}");
    }
    for path in ["/commands".to_owned(), format!("/{wrong}/commands")] {
        let command = request(Method::POST, &path, HOST, r#"{"do":"heal"}"#);
        let answer = house.send(command).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_name_that_a_site_has_made_mean_this_address_is_refused() {
    let house = done();
    let path = format!("/{TOKEN}/picture");
    for host in ["127.0.0.1:7700", "localhost:7700"] {
        let answer = house.send(request(Method::GET, &path, host, "")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
    for host in [
        "evil.example:7700",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:7700.evil.example",
        "",
    ] {
        let answer = house.send(request(Method::GET, &path, host, "")).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{host}");
        assert!(text(answer).await.contains("`Host` must be 127.0.0.1:7700"));
    }
    let mut without = request(Method::GET, &path, HOST, "");
    without.headers_mut().remove(header::HOST);
    assert_eq!(house.send(without).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there_under_a_strict_policy() {
    let house = done();
    let page = house.get(&format!("/{TOKEN}/")).await;
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    assert_eq!(page.headers()[header::REFERRER_POLICY], "no-referrer");
    let mut wanted: Vec<String> = named(&text(page).await, "page/");
    assert!(wanted.contains(&"play.js".to_owned()), "{wanted:?}");
    let mut seen = Vec::new();
    while let Some(name) = wanted.pop() {
        let answer = house.get(&format!("/{TOKEN}/page/{name}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let found = named(&text(answer).await, "\"./");
        seen.push(name);
        wanted.extend(found.into_iter().filter(|name| !seen.contains(name)));
    }
    assert!(seen.contains(&"words.js".to_owned()), "{seen:?}");

    let slash = house.get(&format!("/{TOKEN}")).await;
    assert_eq!(slash.headers()[header::LOCATION], format!("/{TOKEN}/"));
    // Nor is there anything but these.
    for path in ["page/index.html", "page/", "page/../picture", "bootstrap"] {
        let answer = house.get(&format!("/{TOKEN}/{path}")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// What follows `before` in a text, to the end of the name.
fn named(text: &str, before: &str) -> Vec<String> {
    let parts = text.split(before).skip(1);
    parts
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_command_is_carried_out_and_the_answer_says_so() {
    let (status, told) = done().post(r#"{"do":"kill","node":"orders-1"}"#).await;
    assert_eq!(status, StatusCode::OK);
    assert!(told.contains("done") && told.contains("Kill"), "{told}");
}

#[tokio::test]
async fn a_bad_command_is_refused_with_what_is_wrong() {
    let house = done();
    for (body, status, told) in [
        ("", 400, "EOF"),
        ("kill orders-1", 400, "expected"),
        (r#"{"do":"explode"}"#, 422, "unknown variant `explode`"),
        (r#"{"do":"kill"}"#, 422, "missing field `node`"),
        (r#"{"do":"scale","desired":"many"}"#, 422, "invalid type"),
        (
            r#"{"do":"stop","node":"a","now":1}"#,
            422,
            "unknown field `now`",
        ),
    ] {
        let (given, text) = house.post(body).await;
        assert_eq!(given.as_u16(), status, "{body}: {text}");
        assert!(text.contains(told), "{body}: {text}");
    }
    let path = format!("/{TOKEN}/commands");
    let mut form = request(Method::POST, &path, HOST, "do=heal");
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    form.headers_mut().insert(header::CONTENT_TYPE, kind);
    let answer = house.send(form).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = format!(r#"{{"do":"kill","node":"{}"}}"#, "x".repeat(LARGEST_BODY));
    assert_eq!(house.post(&large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = house.get(&path).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn what_cannot_be_done_now_is_told_apart_from_what_never_can() {
    let text = "orders-1 has ended".to_owned();
    for (refusal, status) in [
        (Refusal::NotThere(text.clone()), StatusCode::NOT_FOUND),
        (Refusal::NotNow(text.clone()), StatusCode::CONFLICT),
        (
            Refusal::Never(text.clone()),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let house = House::answering(Err(refusal));
        let (given, told) = house.post(r#"{"do":"heal"}"#).await;
        assert_eq!(given, status);
        assert_eq!(told, json!({ "error": text }).to_string());
    }
}

#[tokio::test]
async fn the_stream_begins_with_how_things_are_and_goes_on_with_what_changes() {
    let house = done();
    let answer = house.get(&format!("/{TOKEN}/changes")).await;
    let mut stream = answer.into_body().into_data_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first, "data: {\"now\":1}\n\n");
    house.shown.send_replace(r#"{"now":2}"#.into());
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!(second, "data: {\"now\":2}\n\n");
    let now = text(house.get(&format!("/{TOKEN}/picture")).await).await;
    assert_eq!(now, r#"{"now":2}"#);
}

#[tokio::test]
async fn a_log_is_text_and_nothing_else() {
    let house = done();
    let answer = house.get(&format!("/{TOKEN}/nodes/orders-1/log")).await;
    let kind = &answer.headers()[header::CONTENT_TYPE];
    assert_eq!(kind, "text/plain; charset=utf-8");
    assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(text(answer).await, "<b>a log</b>");
    let nobody = house.get(&format!("/{TOKEN}/nodes/orders-9/log")).await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
}

#[test]
fn no_two_tokens_are_the_same() {
    let (one, other) = (token().unwrap(), token().unwrap());
    assert_eq!(one.len(), 32);
    assert_ne!(one, other);
}
