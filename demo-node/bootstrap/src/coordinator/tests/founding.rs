//! What the votes rest on, of one node: its own vote, what it remembers, and how many must consent.

use super::*;
use crate::founding::{Ballot, Proposer, Step, TOLD, Voter};

const VOTER: Voter = Voter {
    expected: None,
    untold: false,
    clock: 0,
};

/// The first of five expected nodes, which asks those others for their consent that it has heard.
struct Founder {
    coordinator: Coordinator,
    ballot: Ballot,
    now: Instant,
    rng: SmallRng,
}

impl Founder {
    /// It has heard this many others.
    fn of_five(heard: u8) -> Self {
        Self::among(None, heard)
    }

    /// So many processes may take part, where that is configured.
    fn among(participants: Option<usize>, heard: u8) -> Self {
        let now = clock::now();
        let mut rng = SmallRng::seed_from_u64(1);
        let mut settings = coordinator(now).settings;
        settings.rules.participants = participants;
        settings.expectation = Expectation::Known(5);
        let mut coordinator = Coordinator::new(settings, now);
        let list = Input::Looked(View::Complete((1..=5).map(point).collect()));
        let heard =
            (2..2 + heard).map(|last| Input::Probed(point(last), Some(answers(last, None))));
        let mut ballot = None;
        for input in std::iter::once(list).chain(heard) {
            for output in coordinator.handle(now, 0, input, &mut rng) {
                if let Output::Send(_, _, Request::Prepare(prepared)) = output {
                    ballot = Some(prepared);
                }
            }
        }
        Self {
            coordinator,
            ballot: ballot.unwrap(),
            now,
            rng,
        }
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.coordinator.handle(self.now, 0, input, &mut self.rng)
    }

    fn hears(&mut self, reply: Reply, from: u8) -> Vec<Output> {
        self.handle(Input::Reply(NodeUid(from.into()), reply))
    }

    /// Another promises. The cluster that it asks to accept then, if it does.
    fn is_promised(&mut self, from: u8) -> Option<Formation> {
        self.is_promised_by(from, VOTER)
    }

    fn is_promised_by(&mut self, from: u8, voter: Voter) -> Option<Formation> {
        let promised = Reply::Promised {
            ballot: self.ballot,
            accepted: None,
            voter,
        };
        let outputs = self.hears(promised, from);
        outputs.iter().find_map(|output| match output {
            Output::Send(_, _, Request::Accept(_, formation)) => Some(*formation),
            _ => None,
        })
    }

    fn asked(&mut self, request: Request) -> Reply {
        let outputs = self.handle(Input::Request(request));
        let reply = outputs.into_iter().find_map(|output| match output {
            Output::Reply(reply) => Some(reply),
            _ => None,
        });
        reply.unwrap()
    }

    /// A ballot of another node, so many rounds above its own.
    fn above(&self, rounds: u64) -> Ballot {
        Ballot {
            round: self.ballot.round + rounds,
            proposer: NodeUid(9),
        }
    }

    /// What it says that it has accepted, to another who asks for a higher promise.
    fn says_it_accepted(&mut self, rounds: u64) -> Option<(Ballot, Formation)> {
        match self.asked(Request::Prepare(self.above(rounds))) {
            Reply::Promised { accepted, .. } => accepted,
            other => panic!("{other:?}"),
        }
    }
}

/// A node's own vote is a vote like any other: it binds this node, too.
#[test]
fn who_proposes_has_promised_and_accepted_itself() {
    let mut founder = Founder::of_five(2);
    let lower = Ballot {
        round: 0,
        proposer: NodeUid(9),
    };
    let refused = Reply::Refused {
        ballot: lower,
        promised: founder.ballot,
    };
    assert_eq!(founder.asked(Request::Prepare(lower)), refused);

    founder.is_promised(2);
    let formation = founder.is_promised(3).unwrap();
    let accepted = Some((founder.ballot, formation));
    assert_eq!(founder.says_it_accepted(1), accepted);
}

#[test]
fn who_has_promised_a_higher_ballot_to_another_does_not_vote_for_itself() {
    let mut founder = Founder::of_five(2);
    founder.asked(Request::Prepare(founder.above(1)));
    let accepted = Reply::Accepted {
        ballot: founder.ballot,
        voter: VOTER,
    };
    let mut outputs = Vec::new();
    for from in [2, 3] {
        founder.is_promised(from);
    }
    // Two others are not three.
    for from in [2, 3] {
        outputs.extend(founder.hears(accepted, from));
    }
    let starts = |output: &Output| matches!(output, Output::Start(_));
    assert!(!outputs.iter().any(starts), "{outputs:?}");
}

/// Of nine, five must: however few are expected or were asked.
#[test]
fn a_majority_of_the_participants_must_consent_not_of_those_that_are_asked() {
    let mut founder = Founder::among(Some(9), 4);
    for from in [2, 3, 4] {
        assert_eq!(founder.is_promised(from), None);
    }
    assert!(founder.is_promised(5).is_some());
}

#[test]
fn the_highest_number_that_a_voter_was_told_counts() {
    for (expected, asks) in [(None, true), (Some(4), true), (Some(9), false)] {
        let mut founder = Founder::of_five(2);
        let voter = Voter { expected, ..VOTER };
        assert_eq!(founder.is_promised_by(2, voter), None);
        assert_eq!(founder.is_promised(3).is_some(), asks, "{expected:?}");
    }
}

/// It may be told a higher number than anyone else: then others may be a majority of that without it.
#[test]
fn who_may_still_be_told_the_number_does_not_count_and_is_asked_again() {
    let mut founder = Founder::of_five(2);
    let untold = Voter {
        untold: true,
        ..VOTER
    };
    assert_eq!(founder.is_promised_by(2, untold), None);
    assert_eq!(founder.is_promised(3), None);
    founder.now += SECOND / 8;
    let again = Output::Send(point(2), NodeUid(2), Request::Prepare(founder.ballot));
    let asks = |output: &Output| matches!(output, Output::Send(..));
    let outputs = founder.handle(Input::Tick);
    let asked: Vec<_> = outputs.iter().filter(|output| asks(output)).collect();
    assert_eq!(asked, [&again]);
    assert!(founder.is_promised(2).is_some());
}

#[test]
fn who_has_been_told_counts_though_what_it_said_before_arrives_later() {
    let mut founder = Founder::of_five(2);
    let untold = Voter {
        untold: true,
        ..VOTER
    };
    assert_eq!(founder.is_promised(2), None);
    assert_eq!(founder.is_promised_by(2, untold), None);
    assert!(founder.is_promised(3).is_some());
}

/// Also one that cannot list anybody: a proposer may be waiting for it.
#[test]
fn who_is_asked_for_its_consent_again_asks_for_the_number() {
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let mut coordinator = asking(now);
    coordinator.handle(now, 0, Input::Looked(View::Failed), &mut rng);
    let ballot = Ballot {
        round: 1,
        proposer: NodeUid(9),
    };
    for (is_asked, request) in [
        (false, Request::Prepare(ballot)),
        (false, Request::Accept(ballot, cluster(1))),
        (true, Request::Accept(ballot, cluster(1))),
    ] {
        let outputs = coordinator.handle(now, 0, Input::Request(request), &mut rng);
        assert_eq!(asks(&outputs), is_asked, "{request:?}");
    }
    for told in [Told::Throttled, Told::Nodes(3)] {
        coordinator.handle(now, 0, Input::Told(told), &mut rng);
    }
    let again = Input::Request(Request::Accept(ballot, cluster(1)));
    let later = now + 60 * SECOND;
    assert!(!asks(&coordinator.handle(later, 0, again, &mut rng)));
}

#[test]
fn of_many_who_consent_so_many_must_have_been_told_and_there_may_be_one_more() {
    // Of 101 a majority is 51, and so it is of 102, plus one.
    for (told, untold, is_enough) in [
        (51, 0, true),
        (50, 0, false),
        (TOLD, 101 - TOLD, true),
        (TOLD - 1, 102 - TOLD, false),
        (TOLD, 51 - TOLD, false),
        (TOLD, 52 - TOLD, true),
    ] {
        let ballot = Ballot {
            round: 1,
            proposer: NodeUid(0),
        };
        let (mut proposer, _) = Proposer::start(ballot, 101, ClusterId(1));
        let mut step = Step::Wait;
        for number in 0..told + untold {
            let voter = Voter {
                untold: told <= number,
                ..VOTER
            };
            let promised = Reply::Promised {
                ballot,
                accepted: None,
                voter,
            };
            step = proposer.observe(NodeUid(number as u64), promised);
        }
        let asks = matches!(step, Step::Send(Request::Accept(..)));
        let has_asked = matches!(proposer.request(), Some(Request::Accept(..)));
        assert!(!asks || has_asked);
        assert_eq!(has_asked, is_enough, "{told} told, {untold} not");
    }
}

#[test]
fn what_was_promised_and_accepted_outlives_an_attempt_that_fails() {
    let mut founder = Founder::of_five(2);
    founder.is_promised(2);
    let formation = founder.is_promised(3).unwrap();
    let accepted = Some((founder.ballot, formation));
    let overruled = Reply::Refused {
        ballot: founder.ballot,
        promised: founder.above(1),
    };
    founder.hears(overruled, 2);
    founder.now += SECOND / 100;
    assert_eq!(founder.says_it_accepted(7), accepted);
}

/// Whoever gathered the votes has five seconds to let this node in.
#[test]
fn whose_cluster_was_decided_on_is_left_to_start_it() {
    let mut founder = Founder::of_five(4);
    let began = founder.now;
    founder.asked(Request::Decided(Decided {
        formation: cluster(1),
        seed: ([10, 0, 0, 2], 7355).into(),
    }));
    loop {
        founder.now += SECOND / 10;
        let mut outputs = founder.handle(Input::Tick);
        for last in 2..=5 {
            let answer = Input::Probed(point(last), Some(answers(last, None)));
            outputs.extend(founder.handle(answer));
        }
        if outputs.contains(&Output::Start(cluster(1))) {
            break;
        }
        assert!(founder.now < began + 60 * SECOND);
    }
    let after = founder.now - began;
    assert!(5 * SECOND <= after, "{after:?}");
}
