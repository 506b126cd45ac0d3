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
