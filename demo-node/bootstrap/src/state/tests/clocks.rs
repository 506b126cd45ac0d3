//! Whose clock is too far from this node's is not waited for, founds nothing with it, and is joined by nobody.

use super::*;

const HOUR: i64 = 3_600_000;

fn off(last: u8, cluster: Option<KnownCluster>, ahead: i64) -> Answer {
    Answer {
        skew: Skew(ahead),
        ..answer(last, cluster)
    }
}

fn apart(all: &[(u8, i64)]) -> BTreeMap<ContactPoint, Skew> {
    all.iter()
        .map(|(last, ahead)| (point(*last), Skew(*ahead)))
        .collect()
}

#[test]
fn the_others_found_without_it_and_in_their_turn() {
    for ahead in [HOUR, -HOUR] {
        let node = Node::new(rules(2), Expectation::Known(3))
            .complete(&[1, 2, 3])
            .hears(1, off(1, None, ahead))
            .answers(&[3]);
        assert_eq!(node.decides(), Decision::Propose);
        let among = node.state.among(node.now);
        assert_eq!(among, BTreeMap::from([(uid(3), point(3))]));
    }
}

#[test]
fn it_counts_as_a_process_all_the_same() {
    Node::new(rules(2), Expectation::Unknown)
        .complete(&[1, 2, 3, 4, 5])
        .after(5 * SECOND)
        .complete(&[1, 2, 3, 4, 5])
        .hears(1, off(1, None, HOUR))
        .answers(&[3, 4, 5])
        .founds(3);
}

#[test]
fn where_too_few_are_left_the_reason_names_them_and_how_far_they_are() {
    let reason = WaitReason::ClocksApart {
        answered: 1,
        quorum: 2,
        apart: apart(&[(1, HOUR), (3, -HOUR)]),
    };
    Node::new(rules(2), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .hears(1, off(1, None, HOUR))
        .hears(3, off(3, None, -HOUR))
        .waits(reason.clone());
    assert_eq!(
        reason.to_string(),
        "waiting for contact points with a correct clock: 1 found, 2 needed; the clock of 10.0.0.1:7626 is 1h ahead \
         of this node's, the clock of 10.0.0.3:7626 is 1h behind this node's. Correct the clocks, \
         first this node's: it is far from all others"
    );
}

#[test]
fn its_cluster_is_not_joined_whatever_its_age() {
    let node = Node::new(rules(2), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .hears(1, off(1, Some(known(1, 1, 1)), HOUR))
        .knows(3, known(9, 9, 3));
    assert_eq!(
        node.decides(),
        Decision::Join {
            cluster: known(9, 9, 3),
            rivals: Vec::new(),
        }
    );
}

#[test]
fn a_clock_within_the_tolerance_is_as_good_as_any() {
    Node::new(rules(1), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .hears(2, off(2, None, 24_000))
        .hears(3, off(3, None, -24_000))
        .founds(2);
}

/// Each probe measures a little otherwise.
#[test]
fn the_reason_does_not_change_with_every_answer() {
    let hears = |node: Node, ahead| node.hears(1, off(1, None, ahead));
    let node = Node::new(rules(2), Expectation::Known(2)).complete(&[1, 2]);
    let node = hears(node, HOUR);
    let first = node.decides();
    let node = hears(node.after(SECOND), HOUR + 700);
    assert_eq!(node.decides(), first);
    let node = hears(node.after(SECOND), HOUR + 9_000);
    assert_ne!(node.decides(), first);
}

/// A member asks seldom, and people look when they like.
#[test]
fn a_wrong_clock_is_known_until_its_node_answers_otherwise_or_no_more() {
    let node = Node::new(rules(2), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .hears(1, off(1, None, HOUR))
        .answers(&[3])
        .after(Duration::from_secs(3_600));
    assert_eq!(node.state.wrong_clocks(), apart(&[(1, HOUR)]));
    assert!(node.state.clocks_apart(node.now).is_empty());
    let silent = node.silent(1);
    assert!(silent.state.wrong_clocks().is_empty());
    let again = silent.hears(1, off(1, None, HOUR));
    assert_eq!(again.state.wrong_clocks(), apart(&[(1, HOUR)]));
    assert!(again.answers(&[1]).state.wrong_clocks().is_empty());
}
