//! What collectors of metrics get, each in its format.

use super::*;

const METRICS: [(&str, &str); 19] = [
    ("members", "gauge"),
    ("unreachable_members", "gauge"),
    ("minority", "gauge"),
    ("bootstrap_phase", "gauge"),
    ("contact_points", "gauge"),
    ("contact_points_with_a_problem", "gauge"),
    ("contact_points_with_a_wrong_clock", "gauge"),
    ("last_complete_view_age_seconds", "gauge"),
    ("lookups", "counter"),
    ("probes", "counter"),
    ("rival_cluster_alarms", "counter"),
    ("datagrams_sent", "counter"),
    ("datagram_sent_bytes", "counter"),
    ("datagrams_unsent", "counter"),
    ("datagrams_received", "counter"),
    ("datagram_received_bytes", "counter"),
    ("datagrams_rejected", "counter"),
    ("log_lines_lost", "counter"),
    ("tasks", "gauge"),
];

#[tokio::test]
async fn metrics_that_have_a_value_have_their_names() {
    let rig = Rig::member().await;
    looked_up(&rig).await;

    let accept = Some("application/openmetrics-text; version=1.0.0, text/plain; q=0.5");
    let text = metrics(
        &rig,
        accept,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )
    .await;
    let names = METRICS.map(|(name, kind)| format!("demo_node_{name} {kind}"));
    assert_eq!(described(&text, "TYPE"), names);
    assert!(
        text.contains("demo_node_members{status=\"Up\"} 1\n"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(
        described(&text, "UNIT"),
        [
            "demo_node_last_complete_view_age_seconds seconds",
            "demo_node_datagram_sent_bytes bytes",
            "demo_node_datagram_received_bytes bytes",
        ]
    );

    for accept in [None, Some("*/*"), Some("text/plain;version=0.0.4")] {
        let text = metrics(&rig, accept, "text/plain; version=0.0.4; charset=utf-8").await;
        let names = METRICS.map(|(name, kind)| match kind {
            "counter" => format!("demo_node_{name}_total {kind}"),
            _ => format!("demo_node_{name} {kind}"),
        });
        assert_eq!(described(&text, "TYPE"), names);
        for (type_of, help_of) in names.iter().zip(described(&text, "HELP")) {
            let (name, _) = type_of.split_once(' ').unwrap();
            let (named, help) = help_of.split_once(' ').unwrap();
            assert_eq!(named, name);
            assert!(!help.is_empty(), "{name}");
            let series = text.lines().find(|line| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with([' ', '{']))
            });
            assert!(series.is_some(), "{name}: {text}");
        }
        let comments = text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(comments, 2 * METRICS.len(), "{text}");
    }
}

async fn metrics(rig: &Rig, accept: Option<&str>, kind: &str) -> String {
    let mut request = Request::get("/metrics");
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    let response = rig.respond(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
    assert_eq!(response.headers()[header::VARY], "accept");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(text.to_vec()).unwrap()
}

/// The lines that describe metrics in this way.
fn described<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
    let start = format!("# {what} ");
    text.lines()
        .filter_map(|line| line.strip_prefix(&start))
        .collect()
}
