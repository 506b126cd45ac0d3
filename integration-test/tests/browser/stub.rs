//! A node that says what a test has it say, with the page of a real one.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Json, Router,
    response::{Sse, sse},
    routing::get,
};
use demo_node::management::{Limits, page_routes, serve};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// What the node says.
#[derive(Debug, Clone)]
pub(crate) struct Says {
    pub(crate) bootstrap: Value,
    pub(crate) members: Value,
    /// Events, each with its type.
    pub(crate) events: Vec<(&'static str, Value)>,
}

/// A node that is there until this is dropped.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) at: SocketAddr,
    _serving: JoinSet<()>,
}

impl Stub {
    pub(crate) async fn start(says: Says) -> Self {
        let Says {
            bootstrap,
            members,
            events,
        } = says;
        let events = events.into_iter().map(|(kind, event)| {
            let data = json!({ "type": kind, "event": event });
            sse::Event::default().event(kind).data(data.to_string())
        });
        let first = sse::Event::default().comment("live");
        let events: Vec<_> = std::iter::once(first).chain(events).collect();
        let stream = async move || {
            let events = stream::iter(events).map(Ok::<_, Infallible>);
            let alive = sse::KeepAlive::default().interval(Duration::from_secs(5));
            Sse::new(events.chain(stream::pending())).keep_alive(alive)
        };
        let router = Router::new()
            .merge(page_routes())
            .route("/bootstrap", get(async || Json(bootstrap)))
            .route("/cluster/members", get(async || Json(members)))
            .route("/cluster/domain-events", get(stream));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        let stop = CancellationToken::new();
        serving.spawn(serve(listener, router, Limits::default(), stop));
        Self {
            at,
            _serving: serving,
        }
    }
}

impl Says {
    /// A member of a cluster of this size, in three zones, of which some do not answer.
    pub(crate) fn member_of(size: usize, lost: &[usize]) -> Self {
        let socket = |n: usize| format!("10.0.{}.{}", n / 250, n % 250 + 1);
        let node = |n: usize| format!("cluster://orders@{}:7355", socket(n));
        let formation =
            json!({ "id": "1262fb594e2d9a1173f9d8b1535b23b4", "foundedAt": 1_790_000_000_000_u64 });
        let members: Vec<_> = (0..size)
            .map(|n| {
                json!({
                    "node": node(n),
                    "nodeUid": 1000 + n,
                    "status": "Up",
                    "roles": ["api", "worker"],
                    "management": format!("{}:7626", socket(n)),
                    "startedAt": 1_790_000_000_000_u64 + 1000 * n as u64,
                    "version": "0.1.0",
                    "zone": format!("eu-west-1{}", ["a", "b", "c"][n % 3]),
                })
            })
            .collect();
        let contact_points: Vec<_> = (0..size)
            .map(|n| {
                let at = format!("{}:7626", socket(n));
                json!({ "contactPoint": at, "member": true, "answered": true, "problem": null })
            })
            .collect();
        let unreachable: Vec<_> = lost
            .iter()
            .map(|n| json!({ "node": node(*n), "observedBy": [node(0)] }))
            .collect();
        Self {
            bootstrap: json!({
                "phase": "member",
                "formation": formation,
                "message": "member of a cluster",
                "method": "aws-api-ecs",
                "contactPoints": contact_points,
                "participants": size,
                "expectedNodes": size,
                "expectedNodesProblem": null,
                "quorum": size / 2 + 1,
                "consents": null,
                "lastLookup": {
                    "completeness": "complete", "reasons": [], "targets": size,
                    "dropped": [["task/1", "state is STOPPED"]], "droppedCount": 1, "elapsedMs": 20,
                },
                "lookups": { "complete": 3, "partial": 1, "failed": 0 },
                "lastCompleteAt": 1_790_000_000_000_u64,
                "dropped": { "not-running": 1 },
                "calls": { "ListTasks": { "answered": 4, "throttled": 2 } },
                "probes": { "answered": 9, "rejected": 0, "silent": 1 },
                "alarms": [],
            }),
            members: json!({
                "selfNode": node(1),
                "cluster": formation,
                "members": members,
                "unreachable": unreachable,
                "minority": null,
                "leader": node(0),
                "oldest": node(0),
            }),
            events: Vec::new(),
        }
    }
}
