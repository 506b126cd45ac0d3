//! What other nodes ask while a cluster forms.

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use serde::Deserialize;

use super::{problem::Problem, sources::Sources};
use crate::{
    bootstrap::{
        ContactPoint,
        wire::{self, SeedNode, SeedNodes},
    },
    cluster::NodeAddress,
    membership::{Member, Members, Status},
};
use discovery::Chain;

/// The query of a probe. Whoever leaves it out, a person for example, gets no proof.
#[derive(Debug, Deserialize)]
pub(super) struct Probe {
    challenge: Option<String>,
}

/// `GET /bootstrap/seed-nodes?challenge=…`
pub(super) async fn seed_nodes(
    State(sources): State<Sources>,
    query: Result<Query<Probe>, QueryRejection>,
) -> Result<Json<SeedNodes>, Problem> {
    let bad = |error: String| Problem::new(StatusCode::BAD_REQUEST, error);
    let Query(Probe { challenge }) = query.map_err(|rejection| bad(rejection.body_text()))?;
    let members = sources.members();
    let answer = answer(&sources, &members);
    let Some(challenge) = challenge else {
        return Ok(Json(answer));
    };
    let challenge = challenge
        .parse()
        .map_err(|error: wire::InvalidChallenge| bad(Chain(&error).to_string()))?;
    let me = ContactPoint(members.me.management);
    Ok(Json(answer.proven(me, challenge, &sources.sealer)))
}

/// This node comes first: whoever asks can reach it.
fn answer(sources: &Sources, members: &Members) -> SeedNodes {
    let me = std::iter::once(&members.me);
    let others = members
        .up()
        .filter(|member| member.reachable && member.gossip != members.me.gossip);
    let seed_nodes: Vec<_> = me
        .chain(others)
        .take_while(|_| members.me.status == Status::Up)
        .take(wire::MOST_SEED_NODES)
        .map(|member| seed_node(sources, member))
        .collect();
    SeedNodes {
        self_node: sources.node.clone(),
        self_uid: sources.uid,
        cluster: members.formation.filter(|_| !seed_nodes.is_empty()),
        seed_nodes,
        expected_nodes: sources.bootstrap_status().borrow().told_to_expect,
        proof: None,
    }
}

fn seed_node(sources: &Sources, member: &Member) -> SeedNode {
    SeedNode {
        node: NodeAddress {
            cluster: sources.node.cluster.clone(),
            socket: member.gossip,
        },
        node_uid: member.uid,
        status: member.status.to_string(),
        roles: member.roles.clone(),
    }
}

/// `GET /bootstrap`
pub(super) async fn status(State(sources): State<Sources>) -> Response {
    let status = sources.bootstrap_status().borrow().clone();
    Json(status.as_ref()).into_response()
}

/// `POST /bootstrap/founding`
pub(super) async fn founding(State(sources): State<Sources>, body: Bytes) -> Response {
    let (question, request) = match sources.sealer.requested(&body) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(error = %Chain(&error), "refused a founding message");
            return Problem::new(StatusCode::FORBIDDEN, Chain(&error).to_string()).into_response();
        }
    };
    if request.to != sources.uid {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this founding message is for another process, which was here before",
        )
        .into_response();
    }
    match sources.bootstrap.founding(request.message).await {
        Ok(message) => sources.sealer.reply(question, message).into_response(),
        Err(ended) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, ended.to_string()).into_response()
        }
    }
}
