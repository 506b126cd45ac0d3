//! What happens in the cluster, as a stream of server-sent events.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response, Sse, sse},
};
use discovery::excerpt;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    problem::{LONGEST_SHOWN, Problem},
    sources::Sources,
};
use crate::{
    bootstrap::{minority::Minority, status::Status},
    cluster::NodeAddress,
    membership::{Event, Member, Members, events},
};

/// The kinds of events that do not come from the membership: two clusters with this name exist, and this node is now
/// on the smaller side of a split, or no longer.
const RIVAL_CLUSTER: &str = "RivalCluster";
const MINORITY_CHANGED: &str = "MinorityChanged";

/// The longest silence of a stream. A client that hears nothing for longer knows that the stream is broken.
const SILENCE: Duration = Duration::from_secs(5);

/// A line that programs ignore: what comes after it has happened since the stream began.
const LIVE: &str = "live";

/// One stream, and what it has sent so far.
struct Feed {
    sources: Sources,
    wanted: BTreeSet<&'static str>,
    members: watch::Receiver<Arc<Members>>,
    bootstrap: watch::Receiver<Arc<Status>>,
    told_members: Arc<Members>,
    told_alarms: usize,
    told_minority: Option<Minority>,
    /// Returned when the stream ends.
    _slot: OwnedSemaphorePermit,
}

/// `GET /cluster/domain-events?type=…`; `type` may be given several times; without it, all types are sent.
///
/// The stream starts with the current members and the raised alarms, as if each had just happened. A comment follows,
/// and then new events.
pub(super) async fn stream(
    slots: Arc<Semaphore>,
    sources: Sources,
    query: Option<String>,
) -> Result<Response, Problem> {
    let wanted = wanted(query.as_deref().unwrap_or_default())?;
    let Ok(slot) = slots.try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "{} streams of events are open already: ask another node, or try later",
                sources.streams
            ),
        ));
    };
    let members = sources.membership.members();
    let mut nobody = members.borrow().as_ref().clone();
    nobody.members.clear();
    let mut feed = Feed {
        wanted,
        members,
        bootstrap: sources.bootstrap_status(),
        told_members: Arc::new(nobody),
        told_alarms: 0,
        told_minority: None,
        sources,
        _slot: slot,
    };
    let mut first = feed.news();
    first.push(sse::Event::default().comment(LIVE));
    let batches = stream::unfold(feed, async |mut feed: Feed| {
        let batch = feed.next().await?;
        Some((stream::iter(batch), feed))
    });
    let events = stream::iter(first).chain(batches.flatten());
    let alive = sse::KeepAlive::default().interval(SILENCE);
    let stream = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(alive);
    // Proxies pass on events immediately.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}

impl Feed {
    /// What has happened since the last time, when something has. None when the node ends.
    async fn next(&mut self) -> Option<Vec<sse::Event>> {
        loop {
            let news = self.news();
            if !news.is_empty() {
                return Some(news);
            }
            let changed = tokio::select! {
                biased;
                changed = self.members.changed() => changed,
                changed = self.bootstrap.changed() => changed,
            };
            changed.ok()?;
        }
    }

    fn news(&mut self) -> Vec<sse::Event> {
        let members = self.members.borrow_and_update().clone();
        let bootstrap = self.bootstrap.borrow_and_update().clone();
        let changes = events(&self.told_members, &members)
            .into_iter()
            .map(|event| (event.name(), body(&self.sources, &event)));
        let alarms = bootstrap.alarms[self.told_alarms..]
            .iter()
            .map(|alarm| (RIVAL_CLUSTER, json!(alarm)));
        let minority = bootstrap.minority();
        let split = (minority.is_some() != self.told_minority.is_some())
            .then(|| (MINORITY_CHANGED, json!({ "minority": minority })));
        let news = changes
            .chain(alarms)
            .chain(split)
            .filter(|(name, _)| self.wanted.is_empty() || self.wanted.contains(name))
            .map(|(name, event)| {
                let data = json!({ "type": name, "event": event });
                sse::Event::default().event(name).data(data.to_string())
            })
            .collect();
        self.told_members = members;
        self.told_alarms = bootstrap.alarms.len();
        self.told_minority = minority;
        news
    }
}

fn body(sources: &Sources, event: &Event) -> Value {
    let node = |socket| NodeAddress {
        cluster: sources.node.cluster.clone(),
        socket,
    };
    let member = |member: &Member| {
        json!({
            "node": node(member.gossip),
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

/// The requested kinds; an unknown one is an error that lists the valid ones.
fn wanted(query: &str) -> Result<BTreeSet<&'static str>, Problem> {
    let mut wanted = BTreeSet::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key != "type" {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "`{}` is not a parameter; expected `type`",
                    excerpt(key, LONGEST_SHOWN)
                ),
            ));
        }
        let names = Event::NAMES
            .into_iter()
            .chain([RIVAL_CLUSTER, MINORITY_CHANGED]);
        let Some(name) = names.clone().find(|name| *name == value) else {
            let names: Vec<_> = names.collect();
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "`{}` is not a type; expected one of {}",
                    excerpt(value, LONGEST_SHOWN),
                    names.join(", ")
                ),
            ));
        };
        wanted.insert(name);
    }
    Ok(wanted)
}
