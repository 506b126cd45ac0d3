//! What the coordinator asks of its shell. How it forms clusters is shown by simulation, in
//! `integration-test/src/formations`.

use rand::{SeedableRng, rngs::SmallRng};

use super::*;
use crate::clock;

const SECOND: Duration = Duration::from_secs(1);

fn point(last: u8) -> ContactPoint {
    ContactPoint(([10, 0, 0, last], 7626).into())
}

/// The first of three expected nodes.
fn coordinator(now: Instant) -> Coordinator {
    let me = Founder {
        uid: NodeUid(1),
        contact_point: point(1),
        node: ([10, 0, 0, 1], 7355).into(),
    };
    let settings = Settings {
        rules: Rules {
            me: me.contact_point,
            new_cluster_enabled: true,
            required_contact_points: None,
            contact_with_all_contact_points: true,
            stable_margin: 5 * SECOND,
            probing_failure_timeout: 3 * SECOND,
        },
        me,
        expectation: Expectation::Known(3),
        interval: SECOND,
        random_factor: 0.2,
        backoff_max: 15 * SECOND,
        probe_interval: SECOND,
        probe_interval_jitter: 0.2,
        on_rival: OnRival::Merge,
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
    let mut asked = Vec::new();
    for tenths in 0..1200 {
        let now = began + SECOND / 10 * tenths;
        if asks(&coordinator.handle(now, 0, Input::Tick, &mut rng)) {
            asked.push(now);
            // Throttled.
            let again = Input::Expected(Expectation::Asking);
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
    let founds_nothing = Standing::Member {
        formation: Formation {
            id: ClusterId(1),
            founded_at: 0,
        },
        contact_points: BTreeSet::new(),
    };
    coordinator.handle(now, 0, Input::Standing(founds_nothing), &mut rng);
    for _ in 0..1200 {
        now += SECOND / 10;
        assert!(!asks(&coordinator.handle(now, 0, Input::Tick, &mut rng)));
        assert!(now < coordinator.next_wakeup(now));
    }
    let outside = Input::Standing(Standing::Outside);
    assert!(asks(&coordinator.handle(now, 0, outside, &mut rng)));
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
        let probes = [point(2), point(3)].map(|point| {
            let uid = NodeUid(point.0.port().into());
            Input::Probe(point, Some(Answer { uid, cluster: None }))
        });
        let inputs = [Input::Tick, Input::Lookup(Some((list.clone(), true)))];
        for input in inputs.into_iter().chain(probes) {
            coordinator.handle(now, 0, input, &mut rng);
            assert!(
                now < coordinator.next_wakeup(now),
                "wants to be woken at once"
            );
        }
        if let Phase::Founding { round, .. } = coordinator.phase(now) {
            rounds.insert(round);
        }
        now += SECOND / 10;
    }
    assert!(2 < rounds.len(), "{rounds:?}");
}
