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
        .refuses(409, "knows no cluster yet");

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
    let long = format!("operation=%1B[2J{}", "x".repeat(10_000));
    let answer = rig.ask(Method::PUT, &me, &long).await;
    answer.refuses(400, "`\\u{1b}[2Jx");
    assert!(answer.body["error"].as_str().unwrap().len() < 200);
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
async fn addresses_that_no_node_can_have_are_refused_by_name() {
    let rig = Rig::member().await;
    for (address, why) in [
        ("10.0.0.9:0", "has the port 0"),
        ("224.0.0.1:7355", "is a multicast address"),
        ("239.255.255.250:7355", "is a multicast address"),
        ("[ff02::1]:7355", "is a multicast address"),
        ("[::ffff:224.0.0.1]:7355", "is a multicast address"),
        ("255.255.255.255:7355", "is the broadcast address"),
        ("0.0.0.0:7355", "is an unspecified address"),
        ("0.1.2.3:7355", "is an unspecified address"),
        ("[::]:7355", "is an unspecified address"),
        ("[::ffff:0.0.0.0]:7355", "is an unspecified address"),
        ("240.0.0.1:7355", "is a reserved address"),
    ] {
        for address in [address.to_owned(), format!("cluster://orders@{address}")] {
            let why = format!("`{address}` {why}");
            let form = format!("address={address}");
            let join = rig.ask(Method::POST, "/cluster/members", &form).await;
            join.refuses(400, &why);
            let member = format!("/cluster/members/{address}");
            let down = rig.ask(Method::PUT, &member, "operation=Down").await;
            down.refuses(400, &why);
            let leave = rig.ask(Method::DELETE, &member, "").await;
            leave.refuses(400, &why);
        }
    }
    // What is long or would be obeyed by a terminal is not sent back.
    let form = format!("address=%1B[2J{}", "x".repeat(10_000));
    let answer = rig.ask(Method::POST, "/cluster/members", &form).await;
    answer.refuses(400, "`\\u{1b}[2Jx");
    assert!(answer.body["error"].as_str().unwrap().len() < 200);
}

#[tokio::test]
async fn only_so_many_addresses_are_tried_at_a_time() {
    let rig = Rig::member().await;
    let join = async |address: String| {
        let form = format!("address={address}");
        rig.ask(Method::POST, "/cluster/members", &form).await
    };
    for port in 1..=16 {
        join(format!("127.0.0.1:{port}")).await.grants();
    }
    join("127.0.0.1:17".to_owned())
        .await
        .refuses(429, "16 addresses are being tried already");
    // One of them again is none more, and neither is a member.
    join("127.0.0.1:16".to_owned()).await.grants();
    join(rig.socket().to_string()).await.grants();
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let rig = Rig::member().await;
    let me = format!("/cluster/members/{}", rig.socket());
    let write = async |headers: &[(&str, &str)]| {
        let mut request =
            Request::put(&me).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // An operation that there is not: whoever may write is told so.
        let request = request.body(Body::from("operation=Nothing"));
        rig.send(request.unwrap()).await
    };
    let node = ("host", "10.0.0.1:7626");
    for (headers, why) in [
        (
            &[("host", "evil.example")][..],
            "`evil.example` is not known",
        ),
        (
            &[("host", "evil.example:7626")],
            "`evil.example:7626` is not",
        ),
        (&[("host", "localhost.evil.example")], "is not known"),
        (&[("host", "10.0.0.1.evil.example")], "is not known"),
        (&[("host", "10.0.0.1@evil.example")], "is not known"),
        (&[("host", "a b")], "`a b` is not known"),
        (
            &[("host", "other.internal")],
            "add the name to management.host-names",
        ),
        (&[node, ("sec-fetch-site", "cross-site")], "is `cross-site`"),
        (&[node, ("sec-fetch-site", "same-site")], "is `same-site`"),
        (
            &[
                node,
                ("sec-fetch-site", "none"),
                ("sec-fetch-site", "cross-site"),
            ],
            "is `cross-site`",
        ),
        (
            &[node, ("origin", "http://evil.example")],
            "is `http://evil.example`",
        ),
        (
            &[node, ("origin", "http://10.0.0.2:7626")],
            "is `http://10.0.0.2:7626`",
        ),
        (
            &[node, ("origin", "http://10.0.0.1:80")],
            "is `http://10.0.0.1:80`",
        ),
        (
            &[node, ("origin", "http://10.0.0.1")],
            "is `http://10.0.0.1`",
        ),
        (
            &[node, ("origin", "ftp://10.0.0.1:7626")],
            "is `ftp://10.0.0.1:7626`",
        ),
        (&[node, ("origin", "null")], "is `null`"),
        (&[node, ("origin", "")], "is ``"),
        (
            &[("origin", "http://10.0.0.1:7626")],
            "is `http://10.0.0.1:7626`",
        ),
        (
            &[node, ("origin", "http://10.0.0.1:7626"), ("origin", "null")],
            "is `null`",
        ),
    ] {
        write(headers).await.refuses(403, why);
    }
    for headers in [
        &[][..],
        &[node],
        &[("host", "[fd00::1]:7626")],
        &[("host", "localhost:9000")],
        &[("host", "LOCALHOST")],
        &[("host", "node.internal")],
        &[("host", "Node.Internal.:7626")],
        &[
            node,
            ("origin", "http://10.0.0.1:7626"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("host", "10.0.0.1"), ("origin", "http://10.0.0.1:80")],
        &[
            ("host", "node.internal"),
            ("origin", "https://NODE.internal:443"),
        ],
        &[node, ("sec-fetch-site", "none")],
    ] {
        write(headers).await.refuses(400, "is not an operation");
    }
    // Reading changes nothing.
    let read = Request::get("/alive")
        .header("host", "evil.example")
        .header("sec-fetch-site", "cross-site");
    rig.send(read.body(Body::empty()).unwrap()).await.grants();
    // Every path that writes is guarded, also that which nodes use.
    for (method, path) in [
        (Method::POST, "/cluster/members"),
        (Method::DELETE, &*me),
        (Method::POST, "/bootstrap/founding"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "evil.example");
        let answer = rig.send(request.body(Body::empty()).unwrap()).await;
        answer.refuses(403, "is not known");
    }
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
