//! The promise that the rules make together, where all see the same.

use proptest::prelude::*;

use super::*;

/// What happens to a set of nodes that all see the same.
#[derive(Debug, Clone)]
enum Happening {
    Complete(BTreeSet<u8>),
    Partial(BTreeSet<u8>),
    Failed,
    /// Everyone probes everyone: these answer.
    Answers(BTreeSet<u8>),
    Passes(u64),
}

fn happenings(nodes: u8) -> impl Strategy<Value = Vec<Happening>> {
    let some = prop::collection::btree_set(1..=nodes, 0..=usize::from(nodes));
    let happening = prop_oneof![
        some.clone().prop_map(Happening::Complete),
        some.clone().prop_map(Happening::Partial),
        Just(Happening::Failed),
        some.prop_map(Happening::Answers),
        (0..4000_u64).prop_map(Happening::Passes),
    ];
    prop::collection::vec(happening, 0..40)
}

/// Applies what happens to every node; those that may found then do, and are counted.
/// `decide` is the rule under test, so that a broken one can be shown to be caught.
fn clusters_founded(
    nodes: u8,
    happenings: Vec<Happening>,
    decide: impl Fn(&State, Instant, u8) -> bool,
) -> usize {
    let mut now = start();
    let mut states: Vec<_> = (1..=nodes)
        .map(|me| (me, State::new(rules(me), Expectation::Unknown)))
        .collect();
    let mut cluster: Option<u8> = None;
    let mut founded = 0;
    // At the end all is well for long enough, so that a cluster must come into being.
    let everyone: BTreeSet<u8> = (1..=nodes).collect();
    let well = [
        Happening::Complete(everyone.clone()),
        Happening::Passes(6000),
        Happening::Complete(everyone.clone()),
        Happening::Answers(everyone),
    ];
    for happening in happenings.into_iter().chain(well) {
        if let Happening::Passes(millis) = happening {
            now += Duration::from_millis(millis);
        }
        for (me, state) in &mut states {
            let named = |lasts: &BTreeSet<u8>| lasts.iter().map(|last| point(*last)).collect();
            let view = match &happening {
                Happening::Complete(lasts) => View::Complete(named(lasts)),
                Happening::Partial(lasts) => View::Partial {
                    contact_points: named(lasts),
                    hindered: false,
                    more_pages: false,
                },
                Happening::Failed => View::Failed,
                Happening::Passes(_) => continue,
                Happening::Answers(lasts) => {
                    for last in lasts.iter().filter(|last| *last != me) {
                        let cluster = cluster
                            .filter(|founder| founder == last)
                            .map(|f| known(1, 1, f));
                        let answer = answer(*last, cluster);
                        let from = point(*last);
                        state.observe(now, Event::Answered { from, answer });
                    }
                    continue;
                }
            };
            state.observe(now, Event::Looked(view));
        }
        let may: Vec<u8> = states
            .iter()
            .filter(|(me, _)| cluster != Some(*me))
            .filter(|(me, state)| decide(state, now, *me))
            .map(|(me, _)| *me)
            .collect();
        // Those who see a founder's answer join from then on; who founds at the same moment does not.
        if cluster.is_none() && !may.is_empty() {
            founded += may.len();
            cluster = Some(may[0]);
            states.retain(|(me, _)| !may.contains(me));
            if !states.is_empty() {
                return founded;
            }
        }
    }
    founded
}

fn may_found(state: &State, now: Instant, _me: u8) -> bool {
    matches!(state.clone().decide(now, None, false), Decision::Propose)
}

/// The rule of the lowest address left out.
fn may_found_regardless_of_address(state: &State, now: Instant, me: u8) -> bool {
    let lowest = ContactPoint(SocketAddr::from(([0, 0, 0, 0], 1)));
    let mut blind = state.clone();
    let contact = blind.contacts.remove(&point(me)).unwrap_or_default();
    blind.contacts.insert(lowest, contact);
    blind.rules.me.contact_point = lowest;
    may_found(&blind, now, me)
}

proptest! {
    // Where the expected nodes are known several may try at once, and consensus chooses.
    #[test]
    fn nodes_with_equal_views_found_exactly_one_cluster(
        nodes in 2..6_u8,
        happenings in happenings(5),
    ) {
        prop_assert_eq!(clusters_founded(nodes, happenings, may_found), 1);
    }
}

#[test]
fn without_the_rule_of_the_lowest_address_equal_views_found_several() {
    assert_eq!(
        clusters_founded(3, vec![], may_found_regardless_of_address),
        3
    );
}
