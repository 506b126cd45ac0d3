//! What happens in the cluster, as a stream of server-sent events.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response, Sse, sse},
};
use futures::stream;
use serde_json::{Value, json};

use super::{Problem, Sources};
use crate::{
    cluster::NodeAddress,
    membership::{Event, Member, Members, events},
};

/// `GET /cluster/domain-events?type=…`; `type` may be given several times, and none means all.
///
/// The stream starts with the members that are there: as if each had come just now.
pub(super) async fn stream(
    State(sources): State<Sources>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let wanted = wanted(query.as_deref().unwrap_or_default())?;
    let receiver = sources.membership.members();
    let mut nobody = (*receiver.borrow()).as_ref().clone();
    nobody.members.clear();
    let state = (sources, receiver, Arc::new(nobody), true, wanted);
    let batches = stream::unfold(
        state,
        |(sources, mut receiver, seen, first, wanted)| async move {
            if !first && receiver.changed().await.is_err() {
                return None;
            }
            let now = receiver.borrow_and_update().clone();
            let batch = batch(&sources, &seen, &now, &wanted);
            Some((stream::iter(batch), (sources, receiver, now, false, wanted)))
        },
    );
    let events = futures::StreamExt::flatten(batches);
    Ok(Sse::new(events)
        .keep_alive(sse::KeepAlive::default())
        .into_response())
}

fn batch(
    sources: &Sources,
    before: &Members,
    after: &Members,
    wanted: &BTreeSet<&'static str>,
) -> Vec<Result<sse::Event, Infallible>> {
    events(before, after)
        .into_iter()
        .filter(|event| wanted.is_empty() || wanted.contains(event.name()))
        .map(|event| {
            let data = json!({ "type": event.name(), "event": body(sources, &event) });
            Ok(sse::Event::default()
                .event(event.name())
                .data(data.to_string()))
        })
        .collect()
}

fn body(sources: &Sources, event: &Event) -> Value {
    let node = |socket| NodeAddress {
        cluster: sources.node.cluster.clone(),
        socket,
    };
    let member = |member: &Member| {
        json!({
            "node": node(member.node),
            "nodeUid": member.uid,
            "status": member.status.as_str(),
            "roles": member.roles,
        })
    };
    match event {
        Event::MemberJoined(m)
        | Event::MemberUp(m)
        | Event::MemberLeft(m)
        | Event::UnreachableMember(m)
        | Event::ReachableMember(m) => member(m),
        Event::MemberRemoved { member: m, removal } => {
            let mut body = member(m);
            body["removal"] = json!(removal.as_str());
            body
        }
        Event::LeaderChanged(leader) => json!({ "leader": leader.map(node) }),
    }
}

/// The kinds asked for; an unknown one is an error that lists the valid ones.
fn wanted(query: &str) -> Result<BTreeSet<&'static str>, Problem> {
    let mut wanted = BTreeSet::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key != "type" {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!("`{key}` is not a parameter; expected `type`"),
            ));
        }
        let Some(name) = Event::NAMES.iter().find(|name| **name == value) else {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "`{value}` is not a type; expected one of {}",
                    Event::NAMES.join(", ")
                ),
            ));
        };
        wanted.insert(*name);
    }
    Ok(wanted)
}
