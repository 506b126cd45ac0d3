use std::net::SocketAddr;

use discovery::{
    Discovery,
    config::{Addresses, Fixed},
};
use serde_json::Value;

use super::*;
use crate::{
    Bootstrap, Service, Settings, StdRng,
    cluster::{ClusterId, NodeUid},
    founding::Ballot,
    net::Tcp,
    seal::{Keyring, Nonce},
    wire::FoundingRequest,
};

const FORMATION: Formation = Formation {
    id: ClusterId(0x2a),
    founded_at: 7,
};

fn process(last: u8) -> Process {
    let at = |port| SocketAddr::from(([10, 0, 0, last], port));
    Process::new(at(7626), at(7355))
}

/// A bootstrap that does not run.
async fn bootstrap() -> (Bootstrap<Tcp, StdRng>, Service, Process) {
    let me = process(1);
    let listed = Addresses::new([(me.contact_point.ip(), None)]).unwrap();
    let listed = discovery::config::Settings::Config(Fixed::new(listed));
    let discovery = Discovery::new(listed).await.unwrap();
    let keyring = Keyring::from_secrets(&["a secret that only the tests have"]).unwrap();
    let settings = Settings::new("orders".parse().unwrap(), me);
    let (bootstrap, service) = Bootstrap::new(settings, discovery, keyring);
    (bootstrap, service, me)
}

async fn get(handle: &Handle, path: &str) -> Response<Vec<u8>> {
    handle
        .answer(&Method::GET, &path.parse().unwrap(), &[])
        .await
}

fn prepare(to: NodeUid) -> FoundingRequest {
    FoundingRequest {
        to,
        message: Request::Prepare(Ballot {
            round: 1,
            proposer: NodeUid(9),
        }),
    }
}

#[tokio::test]
async fn a_member_names_itself_first_and_a_few_others_and_proves_it() {
    let (_bootstrap, service, me) = bootstrap().await;
    let others: Vec<_> = (2..=9).map(process).collect();
    let standing = Standing::member(FORMATION, me, others.clone(), false);
    service.standing.send_replace(standing);

    let probe = service.handle.sealer.probe(me.contact_point);
    let answer = get(&service.handle, &probe.path()).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    let said: SeedNodes = serde_json::from_slice(answer.body()).unwrap();
    let named: Vec<_> = said.seed_nodes.iter().map(|seed| seed.node_uid).collect();
    let expected: Vec<_> = [me].iter().chain(&others[..4]).map(|it| it.uid).collect();
    assert_eq!(named, expected);
    let proven = probe.read(answer.body(), &service.handle.sealer).unwrap();
    assert_eq!(proven.uid, me.uid);
    assert_eq!(proven.cluster.unwrap().formation, FORMATION);
}

#[tokio::test]
async fn who_is_outside_or_lets_nobody_in_names_no_cluster() {
    let (_bootstrap, service, me) = bootstrap().await;
    let mut closed = Standing::member(FORMATION, me, [process(2)], false);
    if let Standing::Member { seeds, .. } = &mut closed {
        seeds.clear();
    }
    for standing in [Standing::Outside, closed] {
        service.standing.send_replace(standing);
        let said = service.handle.seed_nodes(None);
        assert_eq!((said.cluster, said.seed_nodes), (None, Vec::new()));
        assert_eq!(said.self_uid, me.uid);
    }
}

#[tokio::test]
async fn a_founding_message_that_does_not_count_is_refused_with_the_reason() {
    let (bootstrap, service, me) = bootstrap().await;
    drop(bootstrap);
    let handle = &service.handle;
    let of_a_stranger = Sealer {
        keyring: Keyring::from_secrets(&["another secret that only tests have"]).unwrap(),
        cluster: handle.sealer.cluster.clone(),
        fresh: || (0, Nonce::random()),
    };
    for (sealed, status, why) in [
        (Vec::new(), 403, "too short to be sealed"),
        (
            of_a_stranger.request(&prepare(me.uid)).1,
            403,
            "unknown key",
        ),
        (
            handle.sealer.request(&prepare(NodeUid(me.uid.0 + 1))).1,
            421,
            "for an earlier process",
        ),
        (handle.sealer.request(&prepare(me.uid)).1, 503, "has ended"),
    ] {
        let path = Uri::from_static(FOUNDING_PATH);
        let answer = handle.answer(&Method::POST, &path, &sealed).await;
        assert_eq!(answer.status(), status);
        let said: Value = serde_json::from_slice(answer.body()).unwrap();
        let error = said["error"].as_str().unwrap();
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn each_path_takes_its_method_and_no_other() {
    let (_bootstrap, service, _) = bootstrap().await;
    for (method, path, status) in [
        (Method::GET, "/bootstrap", 200),
        (Method::HEAD, "/bootstrap/seed-nodes", 200),
        (Method::GET, "/bootstrap/seed-nodes?challenge=00", 400),
        (
            Method::GET,
            "/bootstrap/seed-nodes?challenge=1&challenge=2",
            400,
        ),
        (Method::POST, "/bootstrap", 405),
        (Method::DELETE, "/bootstrap/seed-nodes", 405),
        (Method::GET, "/bootstrap/founding", 405),
        (Method::GET, "/bootstrap/", 404),
        (Method::GET, "/", 404),
    ] {
        let uri = path.parse().unwrap();
        let answer = service.handle.answer(&method, &uri, &[]).await;
        assert_eq!(answer.status(), status, "{method} {path}");
    }
}
