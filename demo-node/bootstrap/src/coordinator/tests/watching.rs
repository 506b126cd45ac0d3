//! What a member does about other clusters, and about members that it does not reach.

use super::*;

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

/// It is on its way, and those who have not gone yet are no reason to turn back; a cluster that does not let it in is.
#[test]
fn who_goes_over_to_an_older_cluster_is_not_called_back() {
    let (older, mine) = (cluster(4), cluster(5));
    let mut rng = SmallRng::seed_from_u64(1);
    let began = clock::now();
    let mut now = began;
    let mut coordinator = coordinator(now);
    let list = View::Complete((1..=9).map(point).collect());
    let decided = Decided {
        formation: older,
        seed: ([10, 0, 0, 9], 7355).into(),
    };
    for input in [
        Input::Standing(member_of(mine)),
        Input::Looked(list.clone()),
        Input::Request(Request::Decided(decided)),
        Input::Standing(Standing::Outside),
    ] {
        coordinator.handle(now, 0, input, &mut rng);
    }
    let joining = Phase::Joining { formation: older };
    assert_eq!(coordinator.phase(), joining);

    // Each second the one that has stayed behind says so.
    let mut joins = Vec::new();
    for _ in 0..8 {
        let stayed = Input::Probed(point(2), Some(answers(2, Some(known(mine, 2)))));
        for input in [Input::Looked(list.clone()), stayed] {
            let outputs = coordinator.handle(now, 0, input, &mut rng);
            joins.extend(outputs.into_iter().filter_map(|output| match output {
                Output::Join(cluster) => Some((cluster, coordinator.phase())),
                _ => None,
            }));
        }
        now += SECOND;
        if now < began + 5 * SECOND {
            assert_eq!(coordinator.phase(), joining);
        }
    }
    let back = Phase::Joining { formation: mine };
    assert_eq!(joins, [(known(mine, 2), back)]);
}

/// The whole cluster looks once in five seconds, whoever it is that does.
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
            (95..=145).contains(&looks.len()),
            "{members}: {}",
            looks.len()
        );
        assert!(gap.unwrap() < 45 * SECOND, "{members}: {gap:?}");
        assert_eq!(lookers.len(), usize::from(members));
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
            coordinator.handle(now, 0, Input::Told(Told::Throttled), &mut rng);
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
