//! What other nodes ask while a cluster forms.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{Problem, Sources};
use crate::{
    bootstrap::wire::{self, FoundingRequest, SeedNode, SeedNodes, Signed},
    cluster::NodeAddress,
    error::Chain,
    membership::{Member, Members, Status},
};

/// `GET /bootstrap/seed-nodes`
pub(super) async fn seed_nodes(State(sources): State<Sources>) -> Json<SeedNodes> {
    Json(answer(&sources, &sources.members()))
}

/// This node comes first: whoever asks can reach it.
fn answer(sources: &Sources, members: &Members) -> SeedNodes {
    let me = std::iter::once(&members.me);
    let others = members
        .up()
        .filter(|member| member.reachable && member.node != members.me.node);
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
    }
}

fn seed_node(sources: &Sources, member: &Member) -> SeedNode {
    SeedNode {
        node: NodeAddress {
            cluster: sources.node.cluster.clone(),
            socket: member.node,
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
pub(super) async fn founding(
    State(sources): State<Sources>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            return Problem::new(rejection.status(), rejection.body_text()).into_response();
        }
    };
    let request: FoundingRequest = match sources.sealer.open(&body) {
        Ok(request) => request,
        Err(error) => {
            tracing::debug!(error = %Chain(&error), "refused a founding message");
            return Problem::new(StatusCode::FORBIDDEN, Chain(&error).to_string()).into_response();
        }
    };
    match sources.bootstrap.founding(request.message).await {
        Ok(message) => sources
            .sealer
            .seal(&Signed {
                from: sources.uid,
                message,
            })
            .into_response(),
        Err(ended) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, ended.to_string()).into_response()
        }
    }
}
