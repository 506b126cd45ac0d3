//! What people may change, and that they may not unless it is allowed.

use super::*;

#[tokio::test]
async fn whoever_may_only_read_changes_nothing() {
    let mut rig = Rig::member().await;
    rig.sources.read_only = true;
    let me = format!("/cluster/members/{}", rig.sources.node);
    for (method, path, form) in [
        (Method::POST, "/cluster/members", "address=127.0.0.1:7355"),
        (Method::DELETE, me.as_str(), ""),
        (Method::PUT, me.as_str(), "operation=Leave"),
        (Method::PUT, me.as_str(), "operation=Down"),
        // Nor does a mistake tell more.
        (Method::PUT, "/cluster/members/nobody", "nothing"),
    ] {
        rig.ask(method, path, form).await.refuses(
            403,
            "management is read-only; set management.read-only to off",
        );
    }
    assert_eq!(rig.sources.members().me.status, Status::Up);
    rig.get("/cluster/members").await.grants();
}

#[tokio::test]
async fn a_member_that_is_told_to_leave_leaves() {
    let rigs = Rig::members(3).await;
    let path = |rig: &Rig| format!("/cluster/members/{}", rig.sources.node);
    let answer = rigs[0].ask(Method::DELETE, &path(&rigs[1]), "").await;
    assert_eq!(
        answer.grants()["message"],
        format!("leaving {}", rigs[1].sources.node)
    );
    rigs[1].becomes(Status::Removed).await;

    let answer = rigs[0]
        .ask(Method::PUT, &path(&rigs[2]), "operation=leave")
        .await;
    answer.grants();
    rigs[2].becomes(Status::Removed).await;
}

#[tokio::test]
async fn a_node_may_be_told_to_leave_by_itself() {
    let rig = Rig::member().await;
    let path = format!("/cluster/members/{}", rig.socket());
    rig.ask(Method::DELETE, &path, "").await.grants();
    rig.becomes(Status::Removed).await;
    rig.get("/cluster/state")
        .await
        .refuses(503, "node has stopped");
}

#[tokio::test]
async fn a_member_that_is_downed_is_told_to_go() {
    let rigs = Rig::members(2).await;
    let path = format!("/cluster/members/{}", rigs[1].sources.node);
    let answer = rigs[0].ask(Method::PUT, &path, "operation=Down").await;
    assert_eq!(
        answer.grants()["message"],
        format!("downing {}", rigs[1].sources.node)
    );
    rigs[1].becomes(Status::Down).await;
    rigs[0]
        .ask(Method::PUT, &path, "operation=Down")
        .await
        .refuses(404, "is not a member");
}

#[tokio::test]
async fn a_node_that_found_nobody_joins_through_whom_it_is_told() {
    let cluster = Rig::member().await;
    let lost = Rig::start().await;
    let join = format!("address={}", cluster.sources.node);
    lost.ask(Method::POST, "/cluster/members", &join)
        .await
        .refuses(409, "knows of no cluster yet");

    // It knows of the cluster, and asks at its own address, where nobody can let it in.
    let nobody = vec![lost.socket()];
    lost.sources
        .membership
        .join(FORMATION, nobody)
        .await
        .unwrap();
    let answer = lost.ask(Method::POST, "/cluster/members", &join).await;
    assert_eq!(
        answer.grants()["message"],
        format!("asking {} to join", cluster.socket())
    );
    lost.becomes(Status::Up).await;
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_the_reason() {
    let rig = Rig::member().await;
    let me = format!("/cluster/members/{}", rig.socket());
    rig.ask(Method::PUT, &me, "operation=Explode")
        .await
        .refuses(
            400,
            "`Explode` is not an operation; expected `Leave` or `Down`",
        );
    rig.ask(Method::PUT, "/cluster/members/here", "operation=Down")
        .await
        .refuses(400, "`here` is not an address");
    rig.ask(Method::DELETE, "/cluster/members/here", "")
        .await
        .refuses(400, "`here` is not an address");
    rig.ask(Method::POST, "/cluster/members", "address=here")
        .await
        .refuses(400, "`here` is not an address");
    rig.ask(
        Method::POST,
        "/cluster/members",
        "address=billing@10.0.0.9:7355",
    )
    .await
    .refuses(400, "this cluster is `orders`, not `billing`");
    for form in ["", "op=Down", "operation=Down&operation=Leave"] {
        rig.ask(Method::PUT, &me, form)
            .await
            .refuses(400, "expected a form with the field `operation`");
    }
    rig.ask(Method::POST, "/cluster/members", "node=127.0.0.1:7355")
        .await
        .refuses(400, "expected a form with the field `address`");
    let json = Request::post("/cluster/members")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"));
    rig.send(json.unwrap())
        .await
        .refuses(400, "expected a form with the field `address`");
    assert_eq!(rig.sources.members().me.status, Status::Up);
}

#[tokio::test]
async fn the_bootstrap_gives_no_order_for_what_people_do() {
    let mut rig = Rig::member().await;
    let path = format!("/cluster/members/{}", rig.socket());
    rig.ask(Method::DELETE, &path, "").await.grants();
    rig.becomes(Status::Removed).await;
    assert!(rig.orders.try_recv().is_err());
}
