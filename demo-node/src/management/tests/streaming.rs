//! The stream of events.

use serde_json::json;

use super::*;

#[tokio::test]
async fn events_begin_with_who_is_there_and_go_on_with_what_happens() {
    let rig = Rig::member().await;
    let mut all = Events::of(&rig, "").await;
    let up = all.next().await;
    assert_eq!(up["type"], "MemberUp");
    assert_eq!(
        up["event"]["node"],
        format!("cluster://orders@{}", rig.socket())
    );
    assert_eq!(keys(&up["event"]), ["node", "nodeUid", "roles", "status"]);
    assert_eq!(all.next().await["type"], "LeaderChanged");

    let joining = Rig::start().await;
    let seeds = vec![rig.socket()];
    let join = joining.sources.membership.join(FORMATION, seeds);
    join.await.unwrap();
    let joined = all.next().await;
    assert_eq!(joined["type"], "MemberUp");
    assert_eq!(
        joined["event"]["node"],
        format!("cluster://orders@{}", joining.socket())
    );
}

#[tokio::test]
async fn a_comment_divides_what_was_there_from_what_happens() {
    let rig = Rig::member().await;
    let mut events = Events::of(&rig, "?type=MemberUp&type=MemberRemoved").await;
    let joining = Rig::start().await;
    let seeds = vec![rig.socket()];
    let join = joining.sources.membership.join(FORMATION, seeds);
    join.await.unwrap();
    let kind = |block: &str| block.lines().next().unwrap().to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(kind(&events.block().await));
    }
    assert_eq!(seen, ["event: MemberUp", ": live", "event: MemberUp"]);

    // At once where nobody is there, too.
    let nobody = Rig::start().await;
    let block = Events::of(&nobody, "").await.block().await;
    assert_eq!(kind(&block), ": live");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_never_silent_for_longer_than_five_seconds() {
    let rig = Rig::start().await;
    let mut events = Events::of(&rig, "").await;
    events.block().await;
    for _ in 0..3 {
        let silence = Duration::from_secs(6);
        let sign = tokio::time::timeout(silence, events.block()).await;
        assert_eq!(sign.unwrap(), ":");
    }
}

#[tokio::test]
async fn only_the_types_asked_for_are_streamed() {
    let rigs = Rig::members(2).await;
    let mut some = Events::of(&rigs[0], "?type=MemberUp&type=MemberRemoved").await;
    assert_eq!(some.next().await["type"], "MemberUp");
    assert_eq!(some.next().await["type"], "MemberUp");

    // Also leaves, and may change who leads: of neither was asked.
    rigs[1].sources.membership.leave().await;
    let removed = some.next().await;
    assert_eq!(removed["type"], "MemberRemoved");
    assert_eq!(removed["event"]["removal"], "Left");
}

#[tokio::test]
async fn two_clusters_of_one_name_are_an_alarm_in_every_form() {
    let later = Formation {
        id: ClusterId(0x2b),
        founded_at: 8,
    };
    let mut rigs = [Rig::member_of(later).await, Rig::member().await];
    for rig in &mut rigs {
        rig.serve();
    }
    let contact_points = rigs
        .each_ref()
        .map(|rig| rig.sources.members().me.management);
    let mut rig = Rig::looking_for(&contact_points).await;

    let alarm = Events::of(&rig, "?type=RivalCluster").await.next().await;
    let formation = |last: &str, at: u64| json!({ "id": format!("{last:0>32}"), "foundedAt": at });
    let both = json!({ "older": formation("2a", 7), "younger": formation("2b", 8) });
    assert_eq!(alarm, json!({ "type": "RivalCluster", "event": both }));
    // Who comes later hears of it, too.
    let mut events = Events::of(&rig, "").await;
    assert_eq!(events.next().await["type"], "RivalCluster");

    assert_eq!(
        rig.get("/bootstrap").await.grants()["alarms"],
        json!([both])
    );
    let metrics = rig.get("/metrics").await;
    let counted = "demo_node_rival_cluster_alarms_total 1\n";
    assert!(metrics.grants().as_str().unwrap().contains(counted));
    // Whichever it heard of first, it ends with the older.
    let joins_the_older = |order: &Order| match order {
        Order::Join(cluster) => cluster.formation == FORMATION,
        Order::Start(_) => false,
    };
    while !joins_the_older(&rig.orders.recv().await.unwrap()) {}
}

#[tokio::test]
async fn streams_leave_connections_to_others() {
    let rig = Rig::start().await;
    let router = router(rig.sources.clone());
    let ask = async |path| router.clone().oneshot(request(path)).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..64 {
        let stream = ask("/cluster/domain-events").await;
        assert_eq!(stream.status(), StatusCode::OK);
        streams.push(stream);
    }
    let one_more = ask("/cluster/domain-events").await;
    assert_eq!(one_more.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = one_more.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["error"].as_str().unwrap().starts_with("64 streams"));
    assert_eq!(ask("/alive").await.status(), StatusCode::OK);

    streams.pop();
    assert_eq!(ask("/cluster/domain-events").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_type_or_parameter_is_an_error_that_lists_what_there_is() {
    let rig = Rig::start().await;
    rig.get("/cluster/domain-events?type=memberup")
        .await
        .refuses(
            400,
            "`memberup` is not a type; expected one of MemberJoined, MemberUp",
        );
    rig.get("/cluster/domain-events?kind=MemberUp")
        .await
        .refuses(400, "`kind` is not a parameter; expected `type`");
}

/// The events of a node, as they come.
struct Events {
    body: Body,
    text: String,
}

impl Events {
    async fn of(rig: &Rig, query: &str) -> Self {
        let response = rig
            .respond(request(&format!("/cluster/domain-events{query}")))
            .await;
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next that has data.
    async fn next(&mut self) -> Value {
        loop {
            let block = self.block().await;
            let data = block.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The next event or comment.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return block;
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            let data = frame.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
}
