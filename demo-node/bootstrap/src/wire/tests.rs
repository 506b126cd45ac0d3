//! What counts as an answer, and what does not.

use super::*;
use crate::founding::{Ballot, Voter};

const KEY: &str = "a secret that only these tests have";

fn sealer(secrets: &[&str]) -> Sealer {
    Sealer {
        keyring: Keyring::from_secrets(secrets).unwrap(),
        cluster: "orders".parse().unwrap(),
        fresh: || (1_800_000_000_000, Nonce::random()),
    }
}

fn point(last: u8) -> ContactPoint {
    ContactPoint(([10, 0, 0, last], 7626).into())
}

fn node(name: &str, last: u8) -> NodeAddress {
    format!("cluster://{name}@10.0.0.{last}:7355")
        .parse()
        .unwrap()
}

fn formation() -> Formation {
    Formation {
        id: ClusterId(0x2a),
        founded_at: 7,
    }
}

/// What the member at 10.0.0.2 says to everyone.
fn said(name: &str) -> SeedNodes {
    SeedNodes {
        self_node: node(name, 2),
        self_uid: NodeUid(2),
        cluster: Some(formation()),
        seed_nodes: vec![SeedNode {
            node: node(name, 3),
            node_uid: NodeUid(3),
            status: "Up".to_owned(),
            roles: BTreeSet::new(),
        }],
        expected_nodes: Some(5),
        proof: None,
    }
}

fn body(said: &SeedNodes) -> Vec<u8> {
    serde_json::to_vec(said).unwrap()
}

#[test]
fn a_members_answer_names_its_cluster_and_whom_to_join() {
    let sealer = sealer(&[KEY]);
    let probe = sealer.probe(point(2));
    let said = said("orders").proven(point(2), probe.challenge, &sealer);
    let answer = probe.read(&body(&said), &sealer).unwrap();
    let cluster = KnownCluster {
        formation: formation(),
        seeds: BTreeSet::from([node("orders", 3).socket]),
    };
    assert_eq!(
        answer,
        Answer {
            uid: NodeUid(2),
            contact_point: point(2),
            cluster: Some(cluster),
            expected: Some(5),
            skew: Skew(0),
        }
    );
}

#[test]
fn a_node_that_is_no_member_yet_names_no_cluster() {
    let sealer = sealer(&[KEY]);
    let probe = sealer.probe(point(2));
    let outside = SeedNodes {
        cluster: None,
        seed_nodes: Vec::new(),
        ..said("orders")
    };
    let said = outside.proven(point(2), probe.challenge, &sealer);
    let answer = probe.read(&body(&said), &sealer).unwrap();
    assert_eq!((answer.uid, answer.cluster), (NodeUid(2), None));
}

#[test]
fn a_challenge_survives_the_path() {
    let probe = sealer(&[KEY]).probe(point(2));
    let path = probe.path();
    let (_, digits) = path.split_once("?challenge=").unwrap();
    assert_eq!(digits.parse(), Ok(probe.challenge));
    for wrong in ["", "00", "zz", &digits[1..], &format!("{digits}00")] {
        let error = wrong.parse::<Challenge>().unwrap_err();
        assert!(error.to_string().contains("48 hexadecimal digits"));
    }
}

#[test]
fn what_is_said_without_proof_does_not_count() {
    let sealer = sealer(&[KEY]);
    let probe = sealer.probe(point(2));
    for proof in [
        None,
        Some(String::new()),
        Some("not hexadecimal".to_owned()),
    ] {
        let said = SeedNodes {
            proof,
            ..said("orders")
        };
        let error = probe.read(&body(&said), &sealer).unwrap_err();
        assert_eq!(error.claims_cluster(), Some(formation().id));
        assert!(
            matches!(error, Rejected::NoProof { .. } | Rejected::Unproven { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn what_is_said_beside_the_proof_does_not_count() {
    let sealer = sealer(&[KEY]);
    let probe = sealer.probe(point(2));
    let honest = said("orders").proven(point(2), probe.challenge, &sealer);
    let altered = SeedNodes {
        self_uid: NodeUid(9),
        cluster: Some(Formation {
            founded_at: 1,
            ..formation()
        }),
        seed_nodes: Vec::new(),
        ..honest.clone()
    };
    assert_eq!(
        probe.read(&body(&altered), &sealer).unwrap(),
        probe.read(&body(&honest), &sealer).unwrap()
    );
}

#[test]
fn a_proof_by_another_key_or_of_something_else_is_none() {
    let ours = sealer(&[KEY]);
    let probe = ours.probe(point(2));
    let stranger = sealer(&["another secret, of a stranger's own"]);
    let unsealed = Sealer {
        keyring: Keyring::unsealed(),
        ..ours.clone()
    };
    let (_, request) = ours.request(&FoundingRequest {
        to: NodeUid(2),
        message: prepare(),
    });
    let of_something_else = SeedNodes {
        proof: Some(hex::encode(request)),
        ..said("orders")
    };
    for said in [
        said("orders").proven(point(2), probe.challenge, &stranger),
        said("orders").proven(point(2), probe.challenge, &unsealed),
        of_something_else,
    ] {
        let error = probe.read(&body(&said), &ours).unwrap_err();
        assert!(matches!(error, Rejected::Unproven { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            "it does not have the cluster's key, and says that it is in the cluster \
             0000000000000000000000000000002a"
        );
    }
}

#[test]
fn a_recorded_proof_is_of_no_use_later() {
    let sealer = sealer(&[KEY]);
    let earlier = sealer.probe(point(2));
    let recorded = body(&said("orders").proven(point(2), earlier.challenge, &sealer));
    let now = sealer.probe(point(2));
    let error = now.read(&recorded, &sealer).unwrap_err();
    assert!(matches!(error, Rejected::OtherQuestion), "{error:?}");
}

/// Or somebody at 10.0.0.1 hands the question on to the member at 10.0.0.2: it is that one's answer.
#[test]
fn a_node_that_is_listed_under_another_address_says_where_it_answers() {
    let sealer = sealer(&[KEY]);
    let elsewhere = sealer.probe(point(1));
    let said = body(&said("orders").proven(point(2), elsewhere.challenge, &sealer));
    let answer = elsewhere.read(&said, &sealer).unwrap();
    assert_eq!((answer.uid, answer.contact_point), (NodeUid(2), point(2)));
}

#[test]
fn a_key_that_is_being_changed_proves_as_much() {
    const NEXT: &str = "the next secret that only these tests have";
    let (old, both) = (sealer(&[KEY]), sealer(&[NEXT, KEY]));
    for (asks, answers) in [(&both, &old), (&both, &both)] {
        let probe = asks.probe(point(2));
        let said = said("orders").proven(point(2), probe.challenge, answers);
        probe.read(&body(&said), asks).unwrap();
    }
}

#[test]
fn a_node_of_another_cluster_name_is_no_contact_point() {
    let sealer = sealer(&[KEY]);
    let probe = sealer.probe(point(2));
    let said = said("billing").proven(point(2), probe.challenge, &sealer);
    let error = probe.read(&body(&said), &sealer).unwrap_err();
    assert!(matches!(error, Rejected::OtherName { .. }), "{error}");
}

#[test]
fn anything_else_is_refused() {
    let sealer = sealer(&[KEY]);
    let probe = sealer.probe(point(2));
    for body in ["", "{}", "<html>", "[]", r#"{"selfNode": 7}"#] {
        let error = probe.read(body.as_bytes(), &sealer).unwrap_err();
        assert!(
            matches!(error, Rejected::NotSeedNodes(_)),
            "{body}: {error}"
        );
    }
}

fn prepare() -> Request {
    Request::Prepare(Ballot {
        round: 1,
        proposer: NodeUid(1),
    })
}

#[test]
fn a_founding_reply_fits_its_own_question_only() {
    let sealer = sealer(&[KEY]);
    let request = FoundingRequest {
        to: NodeUid(2),
        message: prepare(),
    };
    let (question, sealed) = sealer.request(&request);
    let (asked, opened) = sealer.requested(&sealed).unwrap();
    assert_eq!((asked, opened), (question, request.clone()));

    let promise = Reply::Promised {
        ballot: Ballot {
            round: 1,
            proposer: NodeUid(1),
        },
        accepted: None,
        voter: Voter {
            expected: Some(5),
            untold: false,
            clock: 7,
        },
    };
    let reply = sealer.reply(question, promise);
    assert_eq!(sealer.replied(question, &reply).unwrap(), promise);
    let (another, _) = sealer.request(&request);
    let error = sealer.replied(another, &reply).unwrap_err();
    assert!(matches!(error, NotOpened::OtherQuestion), "{error:?}");
    // Neither passes for the other.
    assert!(sealer.requested(&reply).is_err());
    assert!(sealer.replied(question, &sealed).is_err());
}

/// The stamp is inside the seal: nobody without the key can make a clock look wrong.
#[test]
fn an_answer_tells_how_far_the_clock_is_of_who_gives_it() {
    let ours = sealer(&[KEY]);
    let theirs = Sealer {
        fresh: || (1_800_003_600_000, Nonce::random()),
        ..sealer(&[KEY])
    };
    let probe = ours.probe(point(2));
    let mut said = said("orders").proven(point(2), probe.challenge, &theirs);
    let answer = probe.read(&body(&said), &ours).unwrap();
    assert_eq!(answer.skew, Skew(3_600_000));

    let mut proof = said.proof.take().unwrap();
    // One of the digits of the stamp.
    let other = if proof.as_bytes()[40] == b'0' {
        "1"
    } else {
        "0"
    };
    proof.replace_range(40..41, other);
    said.proof = Some(proof);
    let error = probe.read(&body(&said), &ours).unwrap_err();
    assert!(matches!(error, Rejected::Unproven { .. }), "{error}");
}
