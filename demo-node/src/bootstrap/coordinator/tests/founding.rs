//! What the votes rest on, of one node: its own vote, what it remembers, and how many must consent.

use super::*;
use crate::bootstrap::founding::{Ballot, Voter};

const VOTER: Voter = Voter {
    expected: None,
    clock: 0,
};

/// The first of five expected nodes, of which it has heard as many others as it says. It asks those for their consent.
fn founding(now: Instant, others: u8, rng: &mut SmallRng) -> (Coordinator, Ballot) {
    let mut settings = coordinator(now).settings;
    settings.expectation = Expectation::Known(5);
    let mut coordinator = Coordinator::new(settings, now);
    let list = Input::Looked(View::Complete((1..=5).map(point).collect()));
    let mut outputs = coordinator.handle(now, 0, list, rng);
    for last in 2..2 + others {
        let answer = Input::Probed(point(last), Some(answers(last, None)));
        outputs.extend(coordinator.handle(now, 0, answer, rng));
    }
    let prepared = outputs.iter().find_map(|output| match output {
        Output::Send(_, _, Request::Prepare(ballot)) => Some(*ballot),
        _ => None,
    });
    (coordinator, prepared.unwrap())
}

fn replies(
    coordinator: &mut Coordinator,
    now: Instant,
    rng: &mut SmallRng,
    reply: Reply,
    from: u8,
) -> Vec<Output> {
    coordinator.handle(now, 0, Input::Reply(NodeUid(from.into()), reply), rng)
}

fn asked(
    coordinator: &mut Coordinator,
    now: Instant,
    rng: &mut SmallRng,
    request: Request,
) -> Reply {
    let outputs = coordinator.handle(now, 0, Input::Request(request), rng);
    let reply = outputs.into_iter().find_map(|output| match output {
        Output::Reply(reply) => Some(reply),
        _ => None,
    });
    reply.unwrap()
}

fn promised(ballot: Ballot) -> Reply {
    Reply::Promised {
        ballot,
        accepted: None,
        voter: VOTER,
    }
}

fn accepting(outputs: &[Output]) -> Option<Formation> {
    outputs.iter().find_map(|output| match output {
        Output::Send(_, _, Request::Accept(_, formation)) => Some(*formation),
        _ => None,
    })
}

/// A node's own vote is a vote like any other: it binds this node, too.
#[test]
fn who_proposes_has_promised_and_accepted_itself() {
    let now = clock::now();
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut coordinator, ballot) = founding(now, 2, &mut rng);
    let lower = Ballot {
        round: 0,
        proposer: NodeUid(9),
    };
    let reply = asked(&mut coordinator, now, &mut rng, Request::Prepare(lower));
    assert_eq!(
        reply,
        Reply::Refused {
            ballot: lower,
            promised: ballot
        }
    );

    let mut outputs = Vec::new();
    for from in [2, 3] {
        outputs.extend(replies(
            &mut coordinator,
            now,
            &mut rng,
            promised(ballot),
            from,
        ));
    }
    let formation = accepting(&outputs).unwrap();
    let higher = Ballot {
        round: ballot.round + 1,
        proposer: NodeUid(9),
    };
    let reply = asked(&mut coordinator, now, &mut rng, Request::Prepare(higher));
    let Reply::Promised { accepted, .. } = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(accepted, Some((ballot, formation)));
}

/// Who has promised a higher ballot does not accept its own.
#[test]
fn who_has_promised_a_higher_ballot_to_another_does_not_vote_for_itself() {
    let now = clock::now();
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut coordinator, ballot) = founding(now, 2, &mut rng);
    let higher = Ballot {
        round: ballot.round + 1,
        proposer: NodeUid(9),
    };
    asked(&mut coordinator, now, &mut rng, Request::Prepare(higher));
    let mut outputs = Vec::new();
    for from in [2, 3] {
        outputs.extend(replies(
            &mut coordinator,
            now,
            &mut rng,
            promised(ballot),
            from,
        ));
    }
    // Two others are not three.
    let accepted = Reply::Accepted {
        ballot,
        voter: VOTER,
    };
    for from in [2, 3] {
        outputs.extend(replies(&mut coordinator, now, &mut rng, accepted, from));
    }
    let starts = |output: &Output| matches!(output, Output::Start(_));
    assert!(!outputs.iter().any(starts), "{outputs:?}");
}

/// Of five, three must: however few were asked.
#[test]
fn a_majority_of_the_participants_must_consent_not_of_those_that_are_asked() {
    let now = clock::now();
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut coordinator, ballot) = founding(now, 2, &mut rng);
    let one = replies(&mut coordinator, now, &mut rng, promised(ballot), 2);
    assert_eq!(accepting(&one), None);
    let two = replies(&mut coordinator, now, &mut rng, promised(ballot), 3);
    assert!(accepting(&two).is_some());
}

#[test]
fn what_was_promised_and_accepted_outlives_an_attempt_that_fails() {
    let mut now = clock::now();
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut coordinator, ballot) = founding(now, 2, &mut rng);
    let mut outputs = Vec::new();
    for from in [2, 3] {
        outputs.extend(replies(
            &mut coordinator,
            now,
            &mut rng,
            promised(ballot),
            from,
        ));
    }
    let formation = accepting(&outputs).unwrap();
    let promised = Ballot {
        round: ballot.round + 1,
        proposer: NodeUid(9),
    };
    let overruled = Reply::Refused { ballot, promised };
    replies(&mut coordinator, now, &mut rng, overruled, 2);
    now += SECOND / 100;
    let higher = Ballot {
        round: ballot.round + 7,
        proposer: NodeUid(9),
    };
    let reply = asked(&mut coordinator, now, &mut rng, Request::Prepare(higher));
    let Reply::Promised { accepted, .. } = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(accepted, Some((ballot, formation)));
}

/// It has five seconds to let this node in.
#[test]
fn whose_cluster_was_decided_on_is_left_to_start_it() {
    let mut now = clock::now();
    let began = now;
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut coordinator, _) = founding(now, 4, &mut rng);
    let decided = Decided {
        formation: cluster(1),
        seed: ([10, 0, 0, 2], 7355).into(),
    };
    asked(&mut coordinator, now, &mut rng, Request::Decided(decided));
    loop {
        now += SECOND / 10;
        let mut outputs = coordinator.handle(now, 0, Input::Tick, &mut rng);
        for last in 2..=5 {
            let answer = Input::Probed(point(last), Some(answers(last, None)));
            outputs.extend(coordinator.handle(now, 0, answer, &mut rng));
        }
        if outputs.contains(&Output::Start(cluster(1))) {
            break;
        }
        assert!(now < began + 60 * SECOND);
    }
    assert!(began + 5 * SECOND <= now, "{:?}", now - began);
}
