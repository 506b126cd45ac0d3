//! What the coordinator asks of its shell. How it forms clusters is shown by simulation, in
//! `integration-test/simulation/src/formations`.

use std::collections::BTreeMap;

use rand::{SeedableRng, rngs::SmallRng};

use super::*;
use crate::{Process, clock, clocks::Skew, expected::GRACE, minority::Reach, state::OnRival};

mod founding;
mod watching;

const SECOND: Duration = Duration::from_secs(1);

fn point(last: u8) -> ContactPoint {
    ContactPoint(([10, 0, 0, last], 7626).into())
}

/// What the node at that address answers.
fn answers(last: u8, cluster: Option<KnownCluster>) -> Answer {
    Answer {
        uid: NodeUid(last.into()),
        contact_point: point(last),
        cluster,
        expected: None,
        skew: Skew::default(),
    }
}

/// The first of three expected nodes.
fn coordinator(now: Instant) -> Coordinator {
    let me = Process {
        uid: NodeUid(1),
        contact_point: point(1),
        gossip: ([10, 0, 0, 1], 7355).into(),
    };
    let settings = Settings {
        expectation: Expectation::Known(3),
        ..Settings::defaults(me)
    };
    Coordinator::new(settings, now)
}

/// Whether this node asks for the number of expected nodes in this turn.
fn asks(outputs: &[Output]) -> bool {
    outputs.contains(&Output::AskExpected)
}

fn asking(now: Instant) -> Coordinator {
    let mut settings = coordinator(now).settings;
    settings.expectation = Expectation::Asking;
    Coordinator::new(settings, now)
}

#[test]
fn who_cannot_learn_the_expected_nodes_asks_ever_more_slowly() {
    let mut rng = SmallRng::seed_from_u64(1);
    let began = clock::now();
    let mut coordinator = asking(began);
    let alone = Input::Looked(View::Complete(BTreeSet::from([point(1)])));
    let ticks = std::iter::repeat_n(Input::Tick, 1200);
    let mut asked = Vec::new();
    for (input, tenths) in std::iter::once(alone).chain(ticks).zip(0..) {
        let now = began + SECOND / 10 * tenths;
        if asks(&coordinator.handle(now, 0, input, &mut rng)) {
            asked.push(now);
            // Throttled.
            let again = Input::Told(Told::Throttled);
            assert!(!asks(&coordinator.handle(now, 0, again, &mut rng)));
        }
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let growing = [2, 4, 8].map(|secs| SECOND * secs);
    for (pause, least) in pauses.iter().zip(growing) {
        assert!((least..=least.mul_f64(1.3)).contains(pause), "{pauses:?}");
    }
    // Once more as soon as it may stop waiting for the number.
    let last_chance = asked[0] + GRACE;
    let later = asked.iter().position(|at| last_chance <= *at).unwrap();
    assert!(asked[later] < last_chance + SECOND / 5, "{pauses:?}");
    for pause in &pauses[later..] {
        let least = SECOND * 15;
        assert!((least..=least.mul_f64(1.3)).contains(pause), "{pauses:?}");
    }
    assert!((9..12).contains(&pauses.len()), "{pauses:?}");
}

#[test]
fn a_member_does_not_ask_for_the_expected_nodes_until_it_is_outside_again() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut coordinator = asking(now);
    for input in [
        Input::Told(Told::Nodes(3)),
        Input::Standing(member_of(cluster(1))),
    ] {
        coordinator.handle(now, 0, input, &mut rng);
    }
    let mut asked = false;
    for _ in 0..1200 {
        now += SECOND / 10;
        assert!(!asks(&coordinator.handle(now, 0, Input::Tick, &mut rng)));
        assert!(now < coordinator.next_wakeup(now));
    }
    let outside = Input::Standing(Standing::Outside);
    let alone = View::Complete(BTreeSet::from([point(1)]));
    for input in [outside, Input::Looked(alone)] {
        asked |= asks(&coordinator.handle(now, 0, input, &mut rng));
    }
    assert!(asked);
}

#[test]
fn calls_that_fail_are_made_again_ever_more_slowly_though_the_view_is_partial() {
    let mut rng = SmallRng::seed_from_u64(1);
    let partial = |hindered| View::Partial {
        contact_points: BTreeSet::from([point(1)]),
        hindered,
        more_pages: false,
    };
    for (lookup, least) in [
        (View::Complete(BTreeSet::from([point(1)])), 1),
        (partial(false), 1),
        (partial(true), 15),
        (View::Failed, 15),
    ] {
        let mut now = clock::now();
        let mut coordinator = coordinator(now);
        let mut pause = Duration::ZERO;
        for _ in 0..8 {
            coordinator.handle(now, 0, Input::Looked(lookup.clone()), &mut rng);
            let began = now;
            let looks = |output: &Output| matches!(output, Output::Lookup(_));
            while !coordinator
                .handle(now, 0, Input::Tick, &mut rng)
                .iter()
                .any(looks)
            {
                now += SECOND / 10;
            }
            pause = now - began;
        }
        let least = SECOND * least;
        assert!(
            (least..=least.mul_f64(1.3)).contains(&pause),
            "{lookup:?}: {pause:?}"
        );
    }
}

fn cluster(founded_at: u64) -> Formation {
    Formation {
        id: ClusterId(founded_at.into()),
        founded_at,
    }
}

fn member_of(formation: Formation) -> Standing {
    Standing::Member {
        formation,
        members: BTreeMap::from([(point(1), NodeUid(1))]),
        reach: Reach {
            reachable: 1,
            missing: false,
        },
        seeds: Vec::new(),
    }
}

/// What a member of the cluster of moment 5 does about another one, met at two of its nodes.
fn meets(on_rival: OnRival, rival: Formation) -> Vec<Output> {
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let mut settings = coordinator(now).settings;
    settings.rules.on_rival = on_rival;
    let mut coordinator = Coordinator::new(settings, now);
    let list = BTreeSet::from([point(1), point(2), point(3)]);
    let found = Input::Looked(View::Complete(list));
    coordinator.handle(now, 0, Input::Standing(member_of(cluster(5))), &mut rng);
    coordinator.handle(now, 0, found, &mut rng);
    let mut outputs = Vec::new();
    for last in [2, 3] {
        let answer = answers(last, Some(known(rival, last)));
        outputs.extend(coordinator.handle(
            now,
            0,
            Input::Probed(point(last), Some(answer)),
            &mut rng,
        ));
    }
    outputs
}

fn known(formation: Formation, last: u8) -> KnownCluster {
    KnownCluster {
        formation,
        seeds: BTreeSet::from([([10, 0, 0, last], 7355).into()]),
    }
}

/// Whether or not a task on it has no address yet.
fn first_page(contact_points: BTreeSet<ContactPoint>) -> View {
    View::Partial {
        contact_points,
        hindered: false,
        more_pages: true,
    }
}

#[test]
fn who_has_its_turn_reads_the_whole_list_and_asks_everyone_on_it() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut settings = coordinator(now).settings;
    settings.rules.me.contact_point = point(90);
    settings.expectation = Expectation::Known(150);
    let mut coordinator = Coordinator::new(settings, now);
    let page = first_page((2..=100).map(point).collect());
    let mut outputs = coordinator.handle(now, 0, Input::Tick, &mut rng);
    while !outputs.contains(&Output::Lookup(Extent::Whole)) {
        let input = if outputs.contains(&Output::Lookup(Extent::FirstPage)) {
            assert!(!coordinator.surveys());
            Input::Looked(page.clone())
        } else {
            now += SECOND;
            Input::Tick
        };
        outputs = coordinator.handle(now, 0, input, &mut rng);
    }
    assert!(coordinator.surveys());
    let whole = Input::Looked(View::Complete((2..=150).map(point).collect()));
    coordinator.handle(now, 0, whole, &mut rng);
    assert_eq!(coordinator.probes.len(), 148);
}

/// Everyone else is left alone, however many there are.
#[test]
fn who_is_not_first_asks_a_few_others_each_time() {
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let mut settings = coordinator(now).settings;
    settings.rules.me.contact_point = point(90);
    let mut coordinator = Coordinator::new(settings, now);
    let mut asked = BTreeSet::new();
    let mut at_once = BTreeSet::new();
    let mut inputs = vec![Input::Looked(first_page((2..=100).map(point).collect()))];
    for _ in 0..40 {
        let mut outputs = Vec::new();
        for input in inputs.drain(..) {
            outputs.extend(coordinator.handle(now, 0, input, &mut rng));
        }
        for output in outputs {
            match output {
                Output::Probe(point) => assert!(at_once.insert(point)),
                Output::Lookup(extent) => assert_eq!(extent, Extent::FirstPage),
                other => panic!("{other:?}"),
            }
        }
        assert!(at_once.len() <= 4, "{at_once:?}");
        asked.extend(at_once.iter().copied());
        inputs.extend(at_once.pop_first().map(|point| Input::Probed(point, None)));
    }
    assert!((4..=8).contains(&asked.len()), "{asked:?}");
    assert_eq!(
        coordinator.phase(),
        Phase::Waiting {
            reason: WaitReason::Seeking { few: 4 }
        }
    );
}

/// A member tells of its own cluster; who is no member yet, of the one that was decided on.
#[test]
fn who_answers_and_is_in_no_cluster_is_told_which_one_there_is() {
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let list = BTreeSet::from([point(1), point(2), point(3)]);
    let decided = Decided {
        formation: cluster(5),
        seed: coordinator(now).settings.rules.me.gossip,
    };
    for learns in [
        Input::Standing(member_of(cluster(5))),
        Input::Request(Request::Decided(decided)),
    ] {
        let mut coordinator = coordinator(now);
        let found = Input::Looked(View::Complete(list.clone()));
        coordinator.handle(now, 0, found, &mut rng);
        coordinator.handle(now, 0, learns, &mut rng);
        let answer = answers(3, None);
        let input = Input::Probed(point(3), Some(answer));
        let outputs = coordinator.handle(now, 0, input, &mut rng);
        let told = Output::Send(point(3), NodeUid(3), Request::Decided(decided));
        assert!(outputs.contains(&told), "{outputs:?}");
    }
}

/// Who may not found asks to be let in for ever.
#[test]
fn who_may_not_found_does_not_start_what_does_not_let_it_in() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut settings = coordinator(now).settings;
    settings.rules.new_cluster_enabled = false;
    let mut coordinator = Coordinator::new(settings, now);
    let list = BTreeSet::from([point(1), point(2), point(3)]);
    let decided = Decided {
        formation: cluster(1),
        seed: ([10, 0, 0, 2], 7355).into(),
    };
    let mut outputs = Vec::new();
    for _ in 0..300 {
        for input in [
            Input::Looked(View::Complete(list.clone())),
            Input::Request(Request::Decided(decided)),
            Input::Probed(point(2), None),
        ] {
            outputs.extend(coordinator.handle(now, 0, input, &mut rng));
        }
        now += SECOND / 10;
    }
    assert!(outputs.contains(&Output::Join(known(cluster(1), 2))));
    assert!(!outputs.contains(&Output::Start(cluster(1))));
}

#[test]
fn who_tries_again_to_found_a_cluster_waits_for_the_answers_without_spinning() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut coordinator = coordinator(now);
    let list = BTreeSet::from([point(1), point(2), point(3)]);
    let mut rounds = BTreeSet::new();
    // Everyone answers to probes, and nobody to founding messages.
    for _ in 0..100 {
        let probes = [2, 3].map(|last| Input::Probed(point(last), Some(answers(last, None))));
        let inputs = [Input::Tick, Input::Looked(View::Complete(list.clone()))];
        for input in inputs.into_iter().chain(probes) {
            coordinator.handle(now, 0, input, &mut rng);
            assert!(
                now < coordinator.next_wakeup(now),
                "wants to be woken at once"
            );
        }
        if let Phase::Founding { round, .. } = coordinator.phase() {
            rounds.insert(round);
        }
        now += SECOND / 10;
    }
    assert!(2 < rounds.len(), "{rounds:?}");
}

#[test]
fn who_has_a_wrong_clock_is_not_told_of_a_cluster_that_it_cannot_join() {
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let mut told = |skew| {
        let mut coordinator = coordinator(now);
        let answer = Answer {
            skew,
            ..answers(2, None)
        };
        let mut outputs = Vec::new();
        for input in [
            Input::Standing(member_of(cluster(5))),
            Input::Probed(point(2), Some(answer)),
        ] {
            outputs.extend(coordinator.handle(now, 0, input, &mut rng));
        }
        let tells = |output: &Output| matches!(output, Output::Send(..));
        outputs.iter().any(tells)
    };
    assert!(told(Skew::default()));
    assert!(!told(Skew(60_000)));
}

fn reaching(reachable: usize, missing: bool, members: u8) -> Input {
    Input::Standing(Standing::Member {
        formation: cluster(5),
        members: (1..=members)
            .map(|last| (point(last), NodeUid(last.into())))
            .collect(),
        reach: Reach { reachable, missing },
        seeds: Vec::new(),
    })
}

fn minority(coordinator: &Coordinator) -> Option<Minority> {
    match coordinator.phase() {
        Phase::Member { minority, .. } => minority,
        other => panic!("{other:?}"),
    }
}
