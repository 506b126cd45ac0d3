//! What only reads, and what nodes ask of each other.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_node_outside_names_itself_and_no_seed_node() {
    let rig = Rig::start().await;
    let answer = rig.get("/bootstrap/seed-nodes").await;
    let expected = json!({
        "selfNode": format!("cluster://orders@{}", rig.socket()),
        "selfUid": rig.me.uid,
        "cluster": null,
        "seedNodes": [],
        "expectedNodes": 1,
    });
    assert_eq!(*answer.grants(), expected);
}

#[tokio::test]
async fn whoever_asks_with_a_challenge_gets_a_proof() {
    let rig = Rig::member().await;
    let me = ContactPoint(rig.sources.members().me.management);
    let probe = rig.sealer.probe(me);
    let answer = rig.get(&probe.path()).await;
    let said = serde_json::to_vec(answer.grants()).unwrap();
    let answer = probe.read(&said, &rig.sealer).unwrap();
    assert_eq!(answer.uid, rig.me.uid);
    let cluster = answer.cluster.unwrap();
    assert_eq!(cluster.formation, FORMATION);
    assert_eq!(cluster.seeds, BTreeSet::from([rig.socket()]));
}

#[tokio::test]
async fn a_challenge_that_is_none_is_refused() {
    let rig = Rig::start().await;
    for wrong in ["", "00", "%00", "zz"] {
        rig.get(&format!("/bootstrap/seed-nodes?challenge={wrong}"))
            .await
            .refuses(400, "is not a challenge: expected 48 hexadecimal digits");
    }
    rig.get("/bootstrap/seed-nodes?challenge=1&challenge=2")
        .await
        .refuses(400, "duplicate field `challenge`");
}

#[tokio::test]
async fn a_member_names_itself_first_and_no_more_than_five() {
    let rigs = Rig::members(7).await;
    for rig in &rigs {
        let answer = rig.get("/bootstrap/seed-nodes").await;
        let answer = answer.grants();
        assert_eq!(
            answer["cluster"],
            json!({ "id": "0000000000000000000000000000002a", "foundedAt": 7 })
        );
        let seeds = answer["seedNodes"].as_array().unwrap();
        let me = json!({
            "node": format!("cluster://orders@{}", rig.socket()),
            "nodeUid": rig.me.uid,
            "status": "Up",
            "roles": ["api"],
        });
        assert_eq!(seeds[0], me);
        let nodes: BTreeSet<_> = seeds.iter().map(|seed| seed["node"].to_string()).collect();
        assert_eq!((seeds.len(), nodes.len()), (5, 5), "{answer}");
    }
}

#[tokio::test]
async fn the_bootstrap_says_what_it_has_seen_and_waits_for() {
    let rig = Rig::start().await;
    looked_up(&rig).await;
    let answer = rig.get("/bootstrap").await;
    let bootstrap = answer.grants();
    assert_eq!(
        keys(bootstrap),
        [
            "alarms",
            "calls",
            "consents",
            "contactPoints",
            "dropped",
            "expectedNodes",
            "expectedNodesProblem",
            "lastCompleteAt",
            "lastLookup",
            "lookups",
            "message",
            "method",
            "participants",
            "phase",
            "probes",
            "quorum",
            "reason",
        ]
    );
    assert_eq!(bootstrap["phase"], "waiting");
    assert_eq!(bootstrap["reason"]["rule"], "new-cluster-disabled");
    assert_eq!(bootstrap["method"], "config");
    assert_eq!(bootstrap["expectedNodes"], 1);
    assert_eq!(
        keys(&bootstrap["lastLookup"]),
        [
            "completeness",
            "dropped",
            "droppedCount",
            "elapsedMs",
            "reasons",
            "targets"
        ]
    );
    assert_eq!(
        keys(&bootstrap["lookups"]),
        ["complete", "failed", "partial"]
    );
    assert_eq!(
        keys(&bootstrap["contactPoints"][0]),
        ["answered", "contactPoint", "member", "problem"]
    );
    assert_eq!(
        keys(&bootstrap["probes"]),
        ["answered", "rejected", "silent"]
    );
}

#[tokio::test]
async fn a_founding_message_is_answered_to_whoever_has_the_key() {
    let rig = Rig::start().await;
    let sealer = &rig.sealer;
    let (question, request) = sealer.request(&prepare_for(&rig));
    let response = rig.respond(founding(request)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let sealed = response.into_body().collect().await.unwrap().to_bytes();
    let reply = sealer.replied(question, &sealed).unwrap();
    let Reply::Promised {
        ballot: BALLOT,
        accepted: None,
        voter,
    } = reply
    else {
        panic!("{reply:?}");
    };
    assert_eq!(voter.expected, Some(1));
}

#[tokio::test]
async fn a_founding_message_for_a_former_process_is_refused_and_changes_nothing() {
    let rig = Rig::start().await;
    let sealer = &rig.sealer;
    let recorded = FoundingRequest {
        to: NodeUid(rig.me.uid.0 + 1),
        message: Message::Prepare(Ballot { round: 2, ..BALLOT }),
    };
    rig.send(founding(sealer.request(&recorded).1))
        .await
        .refuses(421, "is for an earlier process");
    // No promise was made: an earlier ballot is still free.
    let (question, request) = sealer.request(&prepare_for(&rig));
    let response = rig.respond(founding(request)).await;
    let sealed = response.into_body().collect().await.unwrap().to_bytes();
    let reply = sealer.replied(question, &sealed).unwrap();
    assert!(matches!(reply, Reply::Promised { .. }), "{reply:?}");
}

#[tokio::test]
async fn a_founding_message_without_the_key_is_refused_and_changes_nothing() {
    let rig = Rig::start().await;
    let stranger = sealer(Keyring::from_secrets(&[SECRET.to_ascii_uppercase()]).unwrap());
    let unsealed = sealer(Keyring::unsealed());
    let prepare = |sealer: &Sealer| sealer.request(&prepare_for(&rig)).1;
    let mut damaged = prepare(&rig.sealer);
    *damaged.last_mut().unwrap() ^= 1;
    for body in [
        prepare(&stranger),
        prepare(&unsealed),
        damaged,
        b"prepare!".to_vec(),
        Vec::new(),
    ] {
        rig.send(founding(body))
            .await
            .refuses(403, "open a sealed message: ");
    }
    // The ballot of the refused messages is still free.
    let response = rig.respond(founding(prepare(&rig.sealer))).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_founding_message_when_the_bootstrap_has_ended_is_not_waited_for() {
    let (rig, stages) = Rig::prepare().await;
    drop(stages);
    let (_, request) = rig.sealer.request(&prepare_for(&rig));
    rig.send(founding(request))
        .await
        .refuses(503, "the bootstrap has ended");
}

#[tokio::test]
async fn members_are_listed_with_all_that_is_known_of_them() {
    let rigs = Rig::members(2).await;
    let answer = rigs[1].get("/cluster/members").await;
    let answer = answer.grants();
    assert_eq!(
        keys(answer),
        [
            "cluster",
            "leader",
            "members",
            "minority",
            "oldest",
            "selfNode",
            "unreachable"
        ]
    );
    assert_eq!(answer["minority"], json!(null));
    let uri = |rig: &Rig| json!(format!("cluster://orders@{}", rig.socket()));
    let lowest = rigs.iter().min_by_key(|rig| rig.socket()).unwrap();
    assert_eq!(answer["selfNode"], uri(&rigs[1]));
    assert_eq!(answer["leader"], uri(lowest));
    assert_eq!(answer["unreachable"], json!([]));
    let members = answer["members"].as_array().unwrap();
    assert_eq!(members.len(), 2);
    for member in members {
        assert_eq!(
            keys(member),
            [
                "management",
                "node",
                "nodeUid",
                "roles",
                "startedAt",
                "status",
                "version",
                "zone"
            ]
        );
        assert_eq!(member["status"], "Up");
        assert_eq!(member["roles"], json!(["api"]));
        assert_eq!(member["zone"], "eu-west-1a");
        assert_eq!(member["version"], "0.1.0");
    }
}

#[tokio::test]
async fn a_node_outside_has_no_cluster_and_no_leader() {
    let rig = Rig::start().await;
    let answer = rig.get("/cluster/members").await;
    let answer = answer.grants();
    assert_eq!(answer["cluster"], Value::Null);
    assert_eq!(answer["leader"], Value::Null);
    assert_eq!(answer["oldest"], Value::Null);
}

#[tokio::test]
async fn one_member_is_found_by_its_address_in_every_spelling() {
    let rig = Rig::member().await;
    let socket = rig.socket();
    for address in [
        format!("cluster://orders@{socket}"),
        format!("orders@{socket}"),
        socket.to_string(),
        format!("cluster:%2F%2Forders%40{socket}"),
    ] {
        let answer = rig.get(&format!("/cluster/members/{address}")).await;
        let member = answer.grants();
        assert_eq!(member["node"], format!("cluster://orders@{socket}"));
        assert_eq!(member["nodeUid"], json!(rig.me.uid));
    }
    let one = async |address: &str| rig.get(&format!("/cluster/members/{address}")).await;
    one("10.0.0.9:7355").await.refuses(404, "is not a member");
    one(&format!("billing@{socket}"))
        .await
        .refuses(404, "this cluster is `orders`, not `billing`");
    for wrong in [
        "orders",
        "cluster://orders",
        "orders@localhost:7355",
        "10.0.0.9",
        "%20",
    ] {
        one(wrong)
            .await
            .refuses(400, "is not an address; expected ");
    }
    one("%ff").await.refuses(400, "Invalid UTF-8");
}

#[tokio::test]
async fn an_ipv6_address_is_an_address() {
    let rig = Rig::member().await;
    rig.get("/cluster/members/cluster://orders@[fd00::1]:7355")
        .await
        .refuses(404, "cluster://orders@[fd00::1]:7355 is not a member");
}

#[tokio::test]
async fn the_state_is_sealed_and_only_a_member_has_one() {
    let rig = Rig::start().await;
    rig.get("/cluster/state")
        .await
        .refuses(409, "not a member of a cluster");
    rig.sources.membership.found(FORMATION).await.unwrap();
    let response = rig.respond(request("/cluster/state")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let state = response.into_body().collect().await.unwrap().to_bytes();
    assert!(
        !state.windows(3).any(|part| part == b"api"),
        "a role is readable"
    );
}

#[tokio::test]
async fn a_node_is_ready_once_it_is_a_member_and_until_it_leaves() {
    let rig = Rig::start().await;
    let answer = rig.get("/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["ok"], false);

    rig.sources.membership.found(FORMATION).await.unwrap();
    rig.becomes(Status::Up).await;
    let answer = rig.get("/ready").await;
    assert_eq!(
        *answer.grants(),
        json!({ "ok": true, "message": "member of the cluster" })
    );

    rig.sources.membership.leave().await;
    let answer = rig.get("/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["message"], "has left the cluster");
}

#[tokio::test]
async fn a_node_is_started_when_it_has_looked_up_and_alive_before() {
    let (rig, stages) = Rig::prepare().await;
    let answer = rig.get("/startup").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["message"], "waiting for the first lookup");
    assert_eq!(rig.get("/alive").await.status, StatusCode::OK);
    drop(stages);

    let rig = Rig::start().await;
    looked_up(&rig).await;
    rig.get("/startup").await.grants();
}

#[tokio::test]
async fn another_path_or_method_is_refused_in_json() {
    let rig = Rig::start().await;
    for path in [
        "/page",
        "/cluster",
        "/cluster/members/",
        "/ready/",
        "/bootstrap/seed-nodes/x",
    ] {
        rig.get(path).await.refuses(404, "no such path");
    }
    for (method, path) in [
        (Method::POST, "/"),
        (Method::POST, "/page/main.js"),
        (Method::POST, "/bootstrap/seed-nodes"),
        (Method::DELETE, "/bootstrap"),
        (Method::GET, "/bootstrap/founding"),
        (Method::PUT, "/cluster/members"),
        (Method::POST, "/cluster/members/orders@10.0.0.1:7355"),
        (Method::POST, "/cluster/state"),
        (Method::POST, "/cluster/domain-events"),
        (Method::POST, "/ready"),
        (Method::DELETE, "/alive"),
        (Method::PUT, "/startup"),
        (Method::POST, "/metrics"),
    ] {
        rig.ask(method, path, "")
            .await
            .refuses(405, "does not allow that method");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_in_json() {
    let rig = Rig::start().await;
    rig.send(founding(vec![0; LARGEST_BODY + 1]))
        .await
        .refuses(413, "");
    let form = format!("address={}", "1".repeat(LARGEST_BODY));
    rig.ask(Method::POST, "/cluster/members", &form)
        .await
        .refuses(413, "");
    // What just fits is read, and refused for what it is.
    rig.send(founding(vec![0; LARGEST_BODY]))
        .await
        .refuses(403, "");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    let (rig, _stages) = Rig::prepare().await;
    let began = clock::now();
    // A membership that stands still does not answer, and this body never comes.
    rig.get("/cluster/state")
        .await
        .refuses(408, "took too long");
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = Request::post("/bootstrap/founding").body(Body::from_stream(never));
    rig.send(request.unwrap())
        .await
        .refuses(408, "took too long");
    let took = clock::now() - began;
    let both = PATIENCE + BODY_PATIENCE;
    assert!((both..2 * both).contains(&took), "{took:?}");
}

const BALLOT: Ballot = Ballot {
    round: 1,
    proposer: NodeUid(99),
};

fn founding(body: Vec<u8>) -> Request {
    let request = Request::post("/bootstrap/founding").body(Body::from(body));
    request.unwrap()
}

/// Another node's first message.
fn prepare_for(rig: &Rig) -> FoundingRequest {
    FoundingRequest {
        to: rig.me.uid,
        message: Message::Prepare(BALLOT),
    }
}
