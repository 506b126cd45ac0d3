//! `GET /metrics`: the stages' published values, as OpenMetrics or as classic Prometheus text.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use exposition::Format;
use tokio::runtime::Handle;

use super::sources::Sources;
use crate::{
    bootstrap::{coordinator::Phase, status},
    membership::{Members, Rejection, Status, Traffic},
};

mod exposition;

type Labels = Vec<(&'static str, String)>;

/// `GET /metrics`
pub(super) async fn metrics(State(sources): State<Sources>, headers: HeaderMap) -> Response {
    let traffic = sources.membership.traffic().await.unwrap_or_default();
    let status = sources.bootstrap_status().borrow().clone();
    let text = render(
        &sources.members(),
        &status,
        &traffic,
        (sources.unix_millis)(),
        sources.lines_lost.count(),
        Handle::current().metrics().num_alive_tasks(),
    );
    let format = Format::wanted(&headers);
    let headers = [
        (header::CONTENT_TYPE, format.media_type()),
        (header::VARY, "accept"),
    ];
    (headers, format.of(text)).into_response()
}

/// As OpenMetrics. Each answer has its own registry: the values live where they are made.
fn render(
    members: &Members,
    bootstrap: &status::Status,
    traffic: &Traffic,
    unix_millis: u64,
    lines_lost: u64,
    tasks: usize,
) -> String {
    let mut registry = Registry::with_prefix("demo_node");

    let by_status = Family::<Labels, Gauge>::default();
    for status in [Status::Joining, Status::Up, Status::Leaving] {
        set(&by_status, "status", status.as_str(), members.count(status));
    }
    registry.register("members", "Members by status", by_status);
    gauge(
        &mut registry,
        "unreachable_members",
        "Members that do not answer",
        members.unreachable().count(),
    );

    gauge(
        &mut registry,
        "minority",
        "1 if this node is on the smaller side of a split",
        usize::from(bootstrap.minority().is_some()),
    );

    let phases = Family::<Labels, Gauge>::default();
    for phase in ["waiting", "founding", "joining", "member"] {
        set(
            &phases,
            "phase",
            phase,
            usize::from(phase == phase_label(&bootstrap.phase)),
        );
    }
    registry.register(
        "bootstrap_phase",
        "1 for the phase that the bootstrap is in",
        phases,
    );
    gauge(
        &mut registry,
        "contact_points",
        "Contact points discovered",
        bootstrap.contact_points.len(),
    );
    gauge(
        &mut registry,
        "contact_points_with_a_problem",
        "Contact points that did not answer, or whose answer does not count",
        bootstrap
            .contact_points
            .iter()
            .filter(|point| point.problem.is_some())
            .count(),
    );
    gauge(
        &mut registry,
        "contact_points_with_a_wrong_clock",
        "Contact points whose clock is too far from this node's to be in one cluster with it",
        bootstrap
            .contact_points
            .iter()
            .filter(|point| point.clock_ahead_ms.is_some())
            .count(),
    );
    if let Some(at) = bootstrap.last_complete_at {
        let age = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        #[expect(
            clippy::cast_precision_loss,
            reason = "an age in milliseconds is far below 2^52"
        )]
        age.set(unix_millis.saturating_sub(at) as f64 / 1000.0);
        registry.register_with_unit(
            "last_complete_view_age",
            "Age of the last complete view",
            Unit::Seconds,
            age,
        );
    }

    let lookups = Family::<Labels, Counter>::default();
    for (outcome, count) in [
        ("complete", bootstrap.lookups.complete),
        ("partial", bootstrap.lookups.partial),
        ("failed", bootstrap.lookups.failed),
    ] {
        add(&lookups, &[("outcome", outcome)], count);
    }
    registry.register("lookups", "Lookups by outcome", lookups);
    let dropped = Family::<Labels, Counter>::default();
    for (reason, count) in &bootstrap.dropped {
        add(&dropped, &[("reason", reason)], *count);
    }
    registry.register(
        "dropped_targets",
        "Listed tasks or instances that were dropped, by reason",
        dropped,
    );
    let calls = Family::<Labels, Counter>::default();
    for (action, outcomes) in &bootstrap.calls {
        for (outcome, count) in outcomes {
            add(&calls, &[("action", action), ("outcome", outcome)], *count);
        }
    }
    registry.register("aws_calls", "Calls to AWS by action and outcome", calls);
    let probes = Family::<Labels, Counter>::default();
    for (outcome, count) in [
        ("answered", bootstrap.probes.answered),
        ("rejected", bootstrap.probes.rejected),
        ("silent", bootstrap.probes.silent),
    ] {
        add(&probes, &[("outcome", outcome)], count);
    }
    registry.register("probes", "Probes of contact points by outcome", probes);
    counter(
        &mut registry,
        "rival_cluster_alarms",
        "Other clusters of the same name that were seen",
        bootstrap.alarms.len() as u64,
    );

    counter(
        &mut registry,
        "datagrams_sent",
        "Gossip datagrams sent",
        traffic.sent,
    );
    bytes(
        &mut registry,
        "datagram_sent",
        "Gossip sent",
        traffic.sent_bytes,
    );
    counter(
        &mut registry,
        "datagrams_unsent",
        "Gossip datagrams that the socket did not take",
        traffic.unsent,
    );
    counter(
        &mut registry,
        "datagrams_received",
        "Gossip datagrams received",
        traffic.received,
    );
    bytes(
        &mut registry,
        "datagram_received",
        "Gossip received",
        traffic.received_bytes,
    );
    let rejected = Family::<Labels, Counter>::default();
    for reason in Rejection::ALL {
        let count = traffic.rejected.get(&reason).copied().unwrap_or(0);
        add(&rejected, &[("reason", &reason.to_string())], count);
    }
    registry.register(
        "datagrams_rejected",
        "Datagrams dropped, by reason",
        rejected,
    );

    counter(
        &mut registry,
        "log_lines_lost",
        "Log lines that were dropped: standard error was full, closed or not read",
        lines_lost,
    );
    gauge(
        &mut registry,
        "tasks",
        "Tasks of the runtime that have not ended",
        tasks,
    );

    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

fn phase_label(phase: &Phase) -> &'static str {
    match phase {
        Phase::Waiting { .. } => "waiting",
        Phase::Founding { .. } => "founding",
        Phase::Joining { .. } => "joining",
        Phase::Member { .. } => "member",
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: usize) {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn bytes(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register_with_unit(name, help, Unit::Bytes, counter);
}

fn set(family: &Family<Labels, Gauge>, label: &'static str, value: &str, count: usize) {
    family
        .get_or_create(&vec![(label, value.to_owned())])
        .set(i64::try_from(count).unwrap_or(i64::MAX));
}

fn add(family: &Family<Labels, Counter>, labels: &[(&'static str, &str)], count: u64) {
    let labels = labels
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    family.get_or_create(&labels).inc_by(count);
}
