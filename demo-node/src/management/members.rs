//! The members as this node sees them, and what people may do to them.

use std::{collections::BTreeSet, net::SocketAddr};

use axum::{
    Form, Json,
    extract::{
        Path, State,
        rejection::{FormRejection, PathRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use discovery::excerpt;
use serde::{Deserialize, Serialize};

use super::{
    address::socket,
    problem::{LONGEST_SHOWN, Problem},
    sources::Sources,
};
use crate::{
    bootstrap::minority::Minority,
    cluster::{Formation, NodeAddress, NodeUid},
    membership::{Member, Members, Refused},
};

/// The path of the sealed state.
pub const STATE_PATH: &str = "/cluster/state";

/// The answer to `GET /cluster/members`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MembersView {
    self_node: NodeAddress,
    cluster: Option<Formation>,
    members: Vec<MemberView>,
    unreachable: Vec<Unreachable>,
    minority: Option<Minority>,
    leader: Option<NodeAddress>,
    oldest: Option<NodeAddress>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberView {
    node: NodeAddress,
    node_uid: NodeUid,
    status: &'static str,
    roles: BTreeSet<String>,
    management: SocketAddr,
    started_at: u64,
    version: String,
    zone: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreachable {
    node: NodeAddress,
    observed_by: Vec<NodeAddress>,
}

/// The form of a join.
#[derive(Debug, Deserialize)]
pub(super) struct Join {
    address: String,
}

/// The form of a change.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    operation: String,
}

/// `GET /cluster/members`
pub(super) async fn all(State(sources): State<Sources>) -> Response {
    let members = sources.members();
    let named = |member: &Member| named(&sources, member.gossip);
    Json(MembersView {
        self_node: sources.node.clone(),
        cluster: members.formation,
        members: members
            .members
            .values()
            .map(|member| view(&sources, member))
            .collect(),
        unreachable: members
            .unreachable()
            .map(|member| Unreachable {
                node: named(member),
                observed_by: member
                    .observed_by
                    .iter()
                    .map(|observer| self::named(&sources, *observer))
                    .collect(),
            })
            .collect(),
        minority: sources.minority(),
        leader: members.leader().map(named),
        oldest: members.oldest().map(named),
    })
    .into_response()
}

/// `GET /cluster/members/{address}`
pub(super) async fn one(
    State(sources): State<Sources>,
    address: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let members = sources.members();
    let member = find(&sources, &members, address)?;
    Ok(Json(view(&sources, member)).into_response())
}

/// `POST /cluster/members`
pub(super) async fn join(
    State(sources): State<Sources>,
    form: Result<Form<Join>, FormRejection>,
) -> Result<Response, Problem> {
    may_write(&sources)?;
    let Form(Join { address }) = form.map_err(|rejection| bad_form(&rejection, "address"))?;
    let seed =
        socket(&sources, &address).map_err(|problem| problem.with(StatusCode::BAD_REQUEST))?;
    if sources.members().formation.is_none() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "this node knows no cluster yet; it joins one by itself as soon as it finds one",
        ));
    }
    sources
        .membership
        .invite(seed)
        .await
        .map_err(|error| refused(&error))?;
    Ok(done(&format!("asking {seed} to join")))
}

/// `DELETE /cluster/members/{address}`
pub(super) async fn leave(
    State(sources): State<Sources>,
    address: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    may_write(&sources)?;
    let members = sources.members();
    let node = find(&sources, &members, address)?.gossip;
    sources
        .membership
        .leave_member(node)
        .await
        .map_err(|error| refused(&error))?;
    Ok(done(&format!("leaving {}", named(&sources, node))))
}

/// `PUT /cluster/members/{address}`
pub(super) async fn change(
    State(sources): State<Sources>,
    address: Result<Path<String>, PathRejection>,
    form: Result<Form<Change>, FormRejection>,
) -> Result<Response, Problem> {
    may_write(&sources)?;
    let Form(Change { operation }) = form.map_err(|rejection| bad_form(&rejection, "operation"))?;
    let members = sources.members();
    let node = find(&sources, &members, address)?.gossip;
    match operation.to_ascii_lowercase().as_str() {
        "leave" => {
            sources
                .membership
                .leave_member(node)
                .await
                .map_err(|error| refused(&error))?;
            Ok(done(&format!("leaving {}", named(&sources, node))))
        }
        "down" => {
            sources
                .membership
                .down(node)
                .await
                .map_err(|error| refused(&error))?;
            Ok(done(&format!("downing {}", named(&sources, node))))
        }
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!(
                "`{}` is not an operation; expected `Leave` or `Down`",
                excerpt(&operation, LONGEST_SHOWN)
            ),
        )),
    }
}

/// `GET /cluster/state`
pub(super) async fn state(State(sources): State<Sources>) -> Result<Response, Problem> {
    Ok(sources
        .membership
        .state()
        .await
        .map_err(|error| refused(&error))?
        .into_response())
}

fn may_write(sources: &Sources) -> Result<(), Problem> {
    if sources.read_only {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "management is read-only; set management.read-only to off to allow this",
        ));
    }
    Ok(())
}

/// The member that the path names.
fn find<'a>(
    sources: &Sources,
    members: &'a Members,
    address: Result<Path<String>, PathRejection>,
) -> Result<&'a Member, Problem> {
    let Path(address) = address
        .map_err(|rejection| Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()))?;
    let socket = socket(sources, &address)?;
    members.members.get(&socket).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("{} is not a member", named(sources, socket)),
        )
    })
}

fn named(sources: &Sources, socket: SocketAddr) -> NodeAddress {
    NodeAddress {
        cluster: sources.node.cluster.clone(),
        socket,
    }
}

fn view(sources: &Sources, member: &Member) -> MemberView {
    MemberView {
        node: named(sources, member.gossip),
        node_uid: member.uid,
        status: member.status.as_str(),
        roles: member.roles.clone(),
        management: member.management,
        started_at: member.started_at,
        version: member.version.clone(),
        zone: member.zone.clone(),
    }
}

fn bad_form(rejection: &FormRejection, field: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        format!(
            "expected a form with the field `{field}`: {}",
            rejection.body_text()
        ),
    )
}

fn refused(refused: &Refused) -> Problem {
    let status = match refused {
        Refused::OtherCluster(_) | Refused::NotMember | Refused::Leaving => StatusCode::CONFLICT,
        Refused::Unknown(_) => StatusCode::NOT_FOUND,
        Refused::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refused::Stopped => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, refused.to_string())
}

fn done(message: &str) -> Response {
    Json(serde_json::json!({ "message": message })).into_response()
}
