//! What the coordinator asks of its shell. How it forms clusters is shown by simulation, in
//! `integration-test/simulation/src/formations`.

use rand::{SeedableRng, rngs::SmallRng};

use super::*;
use crate::{
    bootstrap::{Process, clocks::Skew},
    clock,
};

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
        rules: Rules {
            me,
            new_cluster_enabled: true,
            participants: None,
            contact_with_all_contact_points: true,
            stable_margin: 5 * SECOND,
            probing_failure_timeout: 3 * SECOND,
        },
        expectation: Expectation::Known(3),
        interval: SECOND,
        random_factor: 0.2,
        backoff_max: 15 * SECOND,
        probe_interval: SECOND,
        probe_interval_jitter: 0.2,
        watch_interval: 4 * SECOND,
        on_rival: OnRival::Merge,
        minority_after: 5 * SECOND,
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
    let alone = View::Complete(BTreeSet::from([point(1)]));
    coordinator.handle(began, 0, Input::Looked(alone), &mut rng);
    let mut asked = Vec::new();
    for tenths in 0..1200 {
        let now = began + SECOND / 10 * tenths;
        if asks(&coordinator.handle(now, 0, Input::Tick, &mut rng)) {
            asked.push(now);
            // Throttled.
            let again = Input::Told(Told::Failed);
            assert!(!asks(&coordinator.handle(now, 0, again, &mut rng)));
        }
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, secs) in pauses.iter().zip([2, 4, 8, 15, 15, 15]) {
        let least = SECOND * secs;
        assert!((least..=least.mul_f64(1.3)).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() < 12, "{pauses:?}");
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
    }
}

/// What a member of the cluster of moment 5 does about another one, met at two of its nodes.
fn meets(on_rival: OnRival, rival: Formation) -> Vec<Output> {
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let mut settings = coordinator(now).settings;
    settings.on_rival = on_rival;
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

#[test]
fn a_member_joins_an_older_cluster_and_raises_the_alarm_once() {
    let (older, mine, younger) = (cluster(4), cluster(5), cluster(6));
    let joins = |last| Output::Join(known(older, last));
    let alarm = |older, younger| Output::Alarm { older, younger };
    assert_eq!(
        meets(OnRival::Merge, older),
        [alarm(older, mine), joins(2), joins(3)]
    );
    assert_eq!(meets(OnRival::Alarm, older), [alarm(older, mine)]);
    let tells = |last| {
        let decided = Decided {
            formation: mine,
            seed: ([10, 0, 0, 1], 7355).into(),
        };
        Output::Send(point(last), NodeUid(last.into()), Request::Decided(decided))
    };
    for on_rival in [OnRival::Merge, OnRival::Alarm] {
        assert_eq!(
            meets(on_rival, younger),
            [alarm(mine, younger), tells(2), tells(3)]
        );
    }
}

/// In a large cluster each looks seldom.
#[test]
fn who_meets_an_older_cluster_tells_its_fellows_and_they_join_it_too() {
    let (older, mine) = (cluster(4), cluster(5));
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut coordinator = coordinator(now);
    let list = (1..=9).map(point).collect();
    for input in [reaching(5, false, 5), Input::Looked(View::Complete(list))] {
        coordinator.handle(now, 0, input, &mut rng);
    }
    let decided = Decided {
        formation: older,
        seed: ([10, 0, 0, 9], 7355).into(),
    };
    let mut told = Vec::new();
    for _ in 0..3 {
        let met = Input::Probed(point(9), Some(answers(9, Some(known(older, 9)))));
        let outputs = coordinator.handle(now, 0, met, &mut rng);
        told.extend(outputs.into_iter().filter_map(|output| match output {
            Output::Send(to, _, request) if request == Request::Decided(decided) => Some(to),
            _ => None,
        }));
        now += SECOND;
    }
    assert_eq!(told, [2, 3, 4, 5].map(point));

    let mut fellow = self::coordinator(now);
    fellow.handle(now, 0, Input::Standing(member_of(mine)), &mut rng);
    let outputs = fellow.handle(now, 0, Input::Request(Request::Decided(decided)), &mut rng);
    assert!(
        outputs.contains(&Output::Join(known(older, 9))),
        "{outputs:?}"
    );
}

/// The whole cluster looks once in four seconds, whoever it is that does.
#[test]
fn members_take_turns_to_look() {
    for members in [1_u8, 5, 50] {
        let mut rng = SmallRng::seed_from_u64(members.into());
        let began = clock::now();
        let mut looks = Vec::new();
        let mut lookers = BTreeSet::new();
        for member in 1..=members {
            let mut coordinator = coordinator(began);
            // The others become known within seconds.
            for (after, known) in [(0, 1), (2, members)] {
                let standing = reaching(known.into(), false, known);
                coordinator.handle(began + after * SECOND, 0, standing, &mut rng);
            }
            let mut now = began + 2 * SECOND;
            loop {
                now = coordinator.next_wakeup(now).max(now + SECOND / 10);
                if began + 600 * SECOND < now {
                    break;
                }
                let outputs = coordinator.handle(now, 0, Input::Tick, &mut rng);
                if outputs.contains(&Output::Lookup(Extent::Whole)) {
                    looks.push(now);
                    lookers.insert(member);
                    let list = (1..=members).map(point).collect();
                    let looked = Input::Looked(View::Complete(list));
                    coordinator.handle(now, 0, looked, &mut rng);
                }
            }
        }
        looks.sort_unstable();
        let gap = looks.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(
            (120..=180).contains(&looks.len()),
            "{members}: {}",
            looks.len()
        );
        assert!(gap.unwrap() < 30 * SECOND, "{members}: {gap:?}");
        assert_eq!(lookers.len(), usize::from(members));
    }
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
    let page = (2..=100).map(point).collect();
    let mut inputs = vec![Input::Looked(View::Page(page))];
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

/// It goes over to the older one, and there meets a node that has not done so yet.
#[test]
fn a_member_that_has_gone_over_does_not_raise_the_alarm_again() {
    let (older, younger) = (cluster(4), cluster(5));
    let mut rng = SmallRng::seed_from_u64(1);
    let now = clock::now();
    let mut coordinator = coordinator(now);
    let list = BTreeSet::from([point(1), point(2), point(3)]);
    let mut alarms = 0;
    for (mine, met) in [(younger, older), (older, younger)] {
        let answer = answers(2, Some(known(met, 2)));
        for input in [
            Input::Standing(member_of(mine)),
            Input::Looked(View::Complete(list.clone())),
            Input::Probed(point(2), Some(answer)),
        ] {
            let outputs = coordinator.handle(now, 0, input, &mut rng);
            alarms += outputs
                .iter()
                .filter(|output| **output == Output::Alarm { older, younger })
                .count();
        }
    }
    assert_eq!(alarms, 1);
}

#[test]
fn a_member_that_meets_its_own_cluster_at_a_stranger_joins_that_half_without_alarm() {
    let mine = cluster(5);
    let joins = |last| Output::Join(known(mine, last));
    for on_rival in [OnRival::Merge, OnRival::Alarm] {
        assert_eq!(meets(on_rival, mine), [joins(2), joins(3)]);
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

/// Gossip between them would not count. That there are two is said all the same.
#[test]
fn a_member_does_not_go_over_to_an_older_cluster_of_a_wrong_clock() {
    let (older, mine) = (cluster(4), cluster(5));
    for met in [older, mine] {
        let mut rng = SmallRng::seed_from_u64(1);
        let now = clock::now();
        let mut coordinator = coordinator(now);
        let list = BTreeSet::from([point(1), point(2), point(3)]);
        let answer = Answer {
            skew: Skew(-3_600_000),
            ..answers(2, Some(known(met, 2)))
        };
        let mut outputs = Vec::new();
        for input in [
            Input::Standing(member_of(mine)),
            Input::Looked(View::Complete(list)),
            Input::Probed(point(2), Some(answer)),
        ] {
            outputs.extend(coordinator.handle(now, 0, input, &mut rng));
        }
        let alarm = Output::Alarm {
            older,
            younger: mine,
        };
        assert_eq!(outputs.contains(&alarm), met == older);
        let joins = |output: &Output| matches!(output, Output::Join(_));
        assert!(!outputs.iter().any(joins), "{outputs:?}");
    }
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
    })
}

fn minority(coordinator: &Coordinator) -> Option<Minority> {
    match coordinator.phase() {
        Phase::Member { minority, .. } => minority,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_member_that_reaches_too_few_for_long_says_so_and_asks_how_many_there_should_be() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut coordinator = asking(now);
    for input in [Input::Told(Told::Nodes(5)), reaching(5, false, 5)] {
        assert!(!asks(&coordinator.handle(now, 0, input, &mut rng)));
    }
    assert!(asks(&coordinator.handle(
        now,
        0,
        reaching(2, true, 5),
        &mut rng
    )));
    assert_eq!(minority(&coordinator), None);
    assert!(coordinator.next_wakeup(now) <= now + 5 * SECOND);

    now += 5 * SECOND;
    coordinator.handle(now, 0, Input::Tick, &mut rng);
    let smaller = Minority {
        reachable: 2,
        majority: 3,
    };
    assert_eq!(minority(&coordinator), Some(smaller));
    assert!(
        coordinator
            .phase()
            .to_string()
            .contains("smaller side of a split")
    );

    coordinator.handle(now, 0, reaching(5, true, 5), &mut rng);
    assert_eq!(minority(&coordinator), None);
}

/// A lower number counts when it has been told for a while, as in founding.
#[test]
fn a_service_that_was_scaled_in_has_no_smaller_side() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut coordinator = asking(now);
    coordinator.handle(now, 0, Input::Told(Told::Nodes(5)), &mut rng);
    assert!(asks(&coordinator.handle(
        now,
        0,
        reaching(2, true, 2),
        &mut rng
    )));
    coordinator.handle(now, 0, Input::Told(Told::Nodes(2)), &mut rng);
    let mut said_so = Duration::ZERO;
    for _ in 0..600 {
        now += SECOND / 10;
        let outputs = coordinator.handle(now, 0, Input::Tick, &mut rng);
        if asks(&outputs) {
            coordinator.handle(now, 0, Input::Told(Told::Nodes(2)), &mut rng);
        }
        if minority(&coordinator).is_some() {
            said_so += SECOND / 10;
        }
    }
    // Told twice, half a minute and its jitter apart.
    assert!(said_so <= 32 * SECOND, "{said_so:?}");
    assert_eq!(minority(&coordinator), None);
}

#[test]
fn who_joined_without_the_number_asks_for_it_when_it_looks_or_misses_somebody() {
    for misses in [false, true] {
        let mut rng = SmallRng::seed_from_u64(1);
        let began = clock::now();
        let mut coordinator = asking(began);
        coordinator.handle(began, 0, reaching(5, false, 5), &mut rng);
        let mut now = began;
        let outputs = loop {
            let input = if misses {
                reaching(2, true, 5)
            } else {
                Input::Tick
            };
            let outputs = coordinator.handle(now, 0, input, &mut rng);
            if asks(&outputs) {
                break outputs;
            }
            now += SECOND / 10;
            assert!(now < began + 60 * SECOND);
        };
        let looks = outputs.contains(&Output::Lookup(Extent::Whole));
        assert_eq!((looks, now == began), (!misses, misses));
        // It reaches all, is told, and asks no more.
        for input in [reaching(5, false, 5), Input::Told(Told::Nodes(5))] {
            assert!(!asks(&coordinator.handle(now, 0, input, &mut rng)));
        }
        for _ in 0..1_000 {
            now += SECOND / 10;
            assert!(!asks(&coordinator.handle(now, 0, Input::Tick, &mut rng)));
        }
    }
}

/// The service was scaled out since. It may be that nobody can be asked now, either.
#[test]
fn as_many_count_as_a_member_has_seen_until_it_is_told() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut now = clock::now();
    let mut coordinator = asking(now);
    for input in [Input::Told(Told::Nodes(3)), reaching(9, false, 9)] {
        assert!(!asks(&coordinator.handle(now, 0, input, &mut rng)));
    }
    // The half of three would do; that of nine does not.
    now += SECOND;
    let outputs = coordinator.handle(now, 0, reaching(4, true, 4), &mut rng);
    assert!(asks(&outputs));
    for _ in 0..600 {
        now += SECOND;
        let outputs = coordinator.handle(now, 0, Input::Tick, &mut rng);
        if asks(&outputs) {
            coordinator.handle(now, 0, Input::Told(Told::Failed), &mut rng);
        }
        coordinator.handle(now, 0, reaching(4, true, 4), &mut rng);
    }
    let smaller = Minority {
        reachable: 4,
        majority: 5,
    };
    assert_eq!(minority(&coordinator), Some(smaller));

    // It was scaled in, and is told so for a while.
    for _ in 0..60 {
        now += SECOND;
        coordinator.handle(now, 0, Input::Told(Told::Nodes(4)), &mut rng);
    }
    assert_eq!(minority(&coordinator), None);
}
