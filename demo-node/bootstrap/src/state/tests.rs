//! Each rule by itself.

use std::net::SocketAddr;

use super::*;
use crate::Process;
use crate::cluster::ClusterId;

mod clocks;
mod equal_views;

const SECOND: Duration = Duration::from_secs(1);

fn point(last: u8) -> ContactPoint {
    ContactPoint(SocketAddr::from(([10, 0, 0, last], 7626)))
}

/// The process at an address.
fn uid(last: u8) -> NodeUid {
    NodeUid(last.into())
}

fn points(lasts: &[u8]) -> BTreeSet<ContactPoint> {
    lasts.iter().map(|last| point(*last)).collect()
}

fn rules(me: u8) -> Rules {
    Rules {
        me: Process {
            uid: uid(me),
            contact_point: point(me),
            gossip: SocketAddr::from(([10, 0, 0, me], 7355)),
        },
        new_cluster_enabled: true,
        participants: None,
        contact_with_all_contact_points: true,
        stable_margin: 5 * SECOND,
        probing_failure_timeout: 3 * SECOND,
        on_rival: OnRival::Merge,
    }
}

fn answer(last: u8, cluster: Option<KnownCluster>) -> Answer {
    Answer {
        uid: uid(last),
        contact_point: point(last),
        cluster,
        expected: None,
        skew: Skew::default(),
    }
}

fn partial(lasts: &[u8]) -> View {
    View::Partial {
        contact_points: points(lasts),
        hindered: false,
        more_pages: false,
    }
}

fn known(id: u128, founded_at: u64, seed: u8) -> KnownCluster {
    KnownCluster {
        formation: Formation {
            id: ClusterId(id),
            founded_at,
        },
        seeds: BTreeSet::from([SocketAddr::from(([10, 0, 0, seed], 7355))]),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the beginning"
)]
fn start() -> Instant {
    Instant::now()
}

/// A node and the time, for rules to be tried one after the other.
struct Node {
    state: State,
    now: Instant,
}

impl Node {
    fn new(rules: Rules, expectation: Expectation) -> Self {
        Self {
            state: State::new(rules, expectation),
            now: start(),
        }
    }

    fn complete(mut self, lasts: &[u8]) -> Self {
        let view = View::Complete(points(lasts));
        self.state.observe(self.now, Event::Looked(view));
        self
    }

    fn partial(mut self, lasts: &[u8]) -> Self {
        self.state.observe(self.now, Event::Looked(partial(lasts)));
        self
    }

    fn failed(mut self) -> Self {
        self.state.observe(self.now, Event::Looked(View::Failed));
        self
    }

    fn answers(mut self, lasts: &[u8]) -> Self {
        for last in lasts {
            self = self.hears(*last, answer(*last, None));
        }
        self
    }

    fn knows(self, last: u8, cluster: KnownCluster) -> Self {
        self.hears(last, answer(last, Some(cluster)))
    }

    fn hears(mut self, last: u8, answer: Answer) -> Self {
        let from = point(last);
        self.state
            .observe(self.now, Event::Answered { from, answer });
        self
    }

    fn shut_out(mut self, cluster: u128) -> Self {
        self.state
            .observe(self.now, Event::ShutOut(ClusterId(cluster)));
        self
    }

    fn decides(&self) -> Decision {
        self.state.clone().decide(self.now, None, false)
    }

    fn silent(mut self, last: u8) -> Self {
        self.state
            .observe(self.now, Event::Unanswered { from: point(last) });
        self
    }

    fn after(mut self, duration: Duration) -> Self {
        self.now += duration;
        self
    }

    #[track_caller]
    fn waits(mut self, reason: WaitReason) -> Self {
        let decision = self.state.decide(self.now, None, false);
        assert_eq!(decision, Decision::Wait(reason));
        self
    }

    #[track_caller]
    fn founds(mut self, quorum: usize) -> Self {
        let decision = self.state.decide(self.now, None, false);
        assert_eq!(decision, Decision::Propose);
        assert_eq!(self.state.quorum(self.now), quorum);
        self
    }
}

/// Three nodes of which the lowest has heard all, a stable margin ago.
fn ready() -> Node {
    Node::new(rules(1), Expectation::Unknown)
        .complete(&[1, 2, 3])
        .after(5 * SECOND)
        .complete(&[1, 2, 3])
        .answers(&[2, 3])
}

#[test]
fn the_lowest_of_a_stable_complete_view_that_all_answer_may_found() {
    ready().founds(2);
}

#[test]
fn consent_is_asked_of_the_processes_that_have_answered() {
    let node = Node::new(rules(1), Expectation::Known(3))
        .complete(&[1, 2, 3, 4])
        .answers(&[2, 4]);
    let among = BTreeMap::from([(uid(2), point(2)), (uid(4), point(4))]);
    assert_eq!(node.decides(), Decision::Propose);
    assert_eq!(node.state.among(node.now), among);
    assert_eq!(node.state.participants(node.now), 4);
}

#[test]
fn nothing_is_founded_before_the_first_lookup() {
    Node::new(rules(1), Expectation::Unknown).waits(WaitReason::NoLookupYet);
}

#[test]
fn a_failed_lookup_withdraws_the_permission_until_the_next_complete_one() {
    ready()
        .failed()
        .waits(WaitReason::LookupFailed)
        .complete(&[1, 2, 3])
        .founds(2);
}

#[test]
fn a_partial_lookup_withdraws_the_permission_until_the_next_complete_one() {
    ready()
        .partial(&[1, 2, 3])
        .waits(WaitReason::PartialView)
        .complete(&[1, 2, 3])
        .founds(2);
}

#[test]
fn a_partial_view_takes_no_contact_point_away() {
    let node = ready().partial(&[1]);
    assert_eq!(node.state.contact_points(node.now).count(), 3);
}

#[test]
fn nothing_is_founded_where_that_is_switched_off() {
    let off = Rules {
        new_cluster_enabled: false,
        ..rules(1)
    };
    Node::new(off, Expectation::Known(2))
        .complete(&[1, 2])
        .answers(&[2])
        .waits(WaitReason::NewClusterDisabled);
}

#[test]
fn nothing_is_founded_while_the_expected_nodes_are_asked_for() {
    Node::new(rules(1), Expectation::Asking)
        .complete(&[1, 2])
        .answers(&[2])
        .waits(WaitReason::ExpectedNodesPending);
}

#[test]
fn one_contact_point_is_too_few() {
    Node::new(rules(1), Expectation::Unknown)
        .complete(&[1])
        .waits(WaitReason::TooFewContactPoints {
            found: 1,
            required: 2,
        });
}

#[test]
fn the_majority_of_the_expected_nodes_is_required() {
    Node::new(rules(1), Expectation::Known(5))
        .complete(&[1, 2])
        .answers(&[2])
        .waits(WaitReason::TooFewContactPoints {
            found: 2,
            required: 3,
        });
}

/// However few are required, and however few a list names.
#[test]
fn the_majority_of_the_expected_nodes_must_consent() {
    for (participants, quorum) in [(None, 3), (Some(1), 3), (Some(5), 3), (Some(7), 4)] {
        let rules = Rules {
            participants,
            ..rules(1)
        };
        Node::new(rules, Expectation::Known(5))
            .complete(&[1, 2, 3, 4])
            .answers(&[2, 3, 4])
            .founds(quorum);
    }
    let few = Rules {
        participants: Some(1),
        ..rules(1)
    };
    Node::new(few, Expectation::Known(5))
        .complete(&[1, 2, 3])
        .answers(&[2])
        .waits(WaitReason::TooFewAnswered {
            answered: 2,
            quorum: 3,
        });
}

#[test]
fn a_node_that_its_own_view_does_not_list_never_founds() {
    Node::new(rules(9), Expectation::Unknown)
        .complete(&[1, 2])
        .after(9 * SECOND)
        .answers(&[1, 2])
        .waits(WaitReason::NotListed { me: point(9) });
}

#[test]
fn a_higher_address_leaves_it_to_the_lowest_that_answers_for_a_while() {
    let everyone: Vec<u8> = (1..=9).collect();
    let lowest = point(1);
    for (me, secs) in [(2, 3), (3, 6), (4, 6), (5, 9), (8, 9), (9, 12)] {
        let others: Vec<_> = everyone
            .iter()
            .copied()
            .filter(|last| *last != me)
            .collect();
        let node = Node::new(rules(me), Expectation::Known(9))
            .complete(&everyone)
            .answers(&others)
            .waits(WaitReason::LowerAddressAnswers { lowest });
        let turn = node.now + secs * SECOND;
        let early = node
            .after(secs * SECOND - Duration::from_millis(1))
            .answers(&others);
        let early = early.waits(WaitReason::LowerAddressAnswers { lowest });
        assert_eq!(early.state.next_change(early.now), Some(turn));
        early.after(Duration::from_millis(1)).founds(5);
    }
}

#[test]
fn where_the_expected_nodes_are_unknown_the_lowest_that_answers_is_waited_for() {
    let lowest = point(1);
    Node::new(rules(2), Expectation::Unknown)
        .complete(&[1, 2])
        .answers(&[1])
        .after(60 * SECOND)
        .answers(&[1])
        .waits(WaitReason::LowerAddressAnswers { lowest });
}

/// Its second address is neither another voter nor another one to wait for.
#[test]
fn a_node_that_is_listed_twice_counts_once() {
    for expectation in [Expectation::Known(2), Expectation::Unknown] {
        let node = Node::new(rules(1), expectation)
            .complete(&[1, 2, 3, 4])
            .after(5 * SECOND)
            .hears(2, answer(2, None))
            .hears(3, answer(2, None))
            .hears(4, answer(1, None));
        assert_eq!(
            node.state.participants(node.now),
            if expectation == Expectation::Unknown {
                3
            } else {
                2
            }
        );
        node.founds(2);
    }
    let unlisted = Node::new(rules(9), Expectation::Known(2))
        .complete(&[2, 3])
        .hears(2, answer(2, None));
    unlisted
        .waits(WaitReason::NotListed { me: point(9) })
        .hears(3, answer(9, None))
        .waits(WaitReason::LowerAddressAnswers { lowest: point(2) });
}

#[test]
fn where_the_expected_nodes_are_known_a_poor_view_that_shows_enough_may_found() {
    let node = Node::new(rules(1), Expectation::Known(3)).partial(&[1, 2]);
    node.answers(&[2]).founds(2).failed().founds(2);
    Node::new(rules(1), Expectation::Known(3))
        .failed()
        .waits(WaitReason::LookupFailed);
}

#[test]
fn the_highest_number_that_anyone_was_told_counts() {
    let expects = |last, number| Answer {
        expected: Some(number),
        ..answer(last, None)
    };
    let (answered, quorum) = (3, 4);
    Node::new(rules(1), Expectation::Asking)
        .complete(&[1, 2, 3, 4])
        .answers(&[2, 3])
        .waits(WaitReason::ExpectedNodesPending)
        .hears(2, expects(2, 7))
        .hears(3, expects(3, 5))
        .waits(WaitReason::TooFewAnswered { answered, quorum });
}

/// Unless there is another, or so many others to whom it has happened that they can start it.
#[test]
fn a_cluster_that_does_not_let_this_node_in_is_tried_again() {
    let (older, younger) = (known(9, 1, 2), known(1, 2, 3));
    let joins = |node: &Node| match node.decides() {
        Decision::Join { cluster, .. } => cluster.formation.id.0,
        decision => panic!("expected to join, decided {decision:?}"),
    };
    let node = Node::new(rules(1), Expectation::Known(5))
        .complete(&[1, 2, 3, 4, 5, 6])
        .knows(2, older)
        .answers(&[4, 5])
        .shut_out(9);
    assert_eq!(joins(&node), 9);
    let node = node.knows(3, younger);
    assert_eq!(joins(&node), 1);
    let node = node.shut_out(1);
    assert_eq!(joins(&node), 9);
    let node = node.answers(&[6]).founds(4).after(PASSED_OVER_FOR);
    let node = node.knows(2, known(9, 1, 2)).answers(&[4, 5, 6]);
    assert_eq!(joins(&node), 9);
}

#[test]
fn a_lower_address_that_does_not_answer_holds_nobody_up_where_the_expected_nodes_are_known() {
    Node::new(rules(2), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .answers(&[3])
        .founds(2);
}

#[test]
fn all_must_have_answered_freshly_where_the_expected_nodes_are_unknown() {
    let reason = WaitReason::NotAllAnswered {
        silent: points(&[3]),
        contact_points: 3,
    };
    Node::new(rules(1), Expectation::Unknown)
        .complete(&[1, 2, 3])
        .answers(&[3])
        .after(5 * SECOND)
        .answers(&[2])
        .waits(reason);
}

#[test]
fn not_all_need_to_answer_where_that_is_switched_off() {
    let off = Rules {
        contact_with_all_contact_points: false,
        ..rules(1)
    };
    Node::new(off, Expectation::Unknown)
        .complete(&[1, 2, 3])
        .after(5 * SECOND)
        .answers(&[2])
        .founds(2);
}

#[test]
fn a_view_that_changed_within_the_stable_margin_is_not_stable() {
    ready()
        .complete(&[1, 2, 3, 4])
        .answers(&[2, 3, 4])
        .waits(WaitReason::NotStable { margin: 5 * SECOND })
        .after(5 * SECOND)
        .answers(&[2, 3, 4])
        .founds(3);
}

#[test]
fn nothing_waits_for_stability_where_the_expected_nodes_are_known() {
    Node::new(rules(1), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .answers(&[2])
        .founds(2);
}

#[test]
fn fewer_answers_than_the_quorum_are_too_few() {
    Node::new(rules(1), Expectation::Known(5))
        .complete(&[1, 2, 3, 4, 5])
        .answers(&[2])
        .waits(WaitReason::TooFewAnswered {
            answered: 2,
            quorum: 3,
        });
}

#[test]
fn where_more_are_listed_than_expected_a_majority_of_those_must_consent() {
    Node::new(rules(1), Expectation::Known(3))
        .complete(&[1, 2, 3, 4, 5, 6])
        .answers(&[2, 3])
        .waits(WaitReason::TooFewAnswered {
            answered: 3,
            quorum: 4,
        })
        .complete(&[1, 2, 3])
        .founds(2);
}

#[test]
fn an_answer_is_fresh_no_longer_than_the_probing_failure_timeout() {
    let node = Node::new(rules(1), Expectation::Known(3))
        .complete(&[1, 2, 3])
        .answers(&[2])
        .after(3 * SECOND);
    let (answered, quorum) = (1, 2);
    node.founds(2)
        .after(Duration::from_millis(1))
        .waits(WaitReason::TooFewAnswered { answered, quorum });
}

#[test]
fn a_contact_point_that_keeps_failing_is_dropped_until_discovery_names_it_again() {
    let probed = |node: &Node| node.state.to_probe().collect::<Vec<_>>();
    let node = Node::new(rules(1), Expectation::Unknown)
        .complete(&[1, 2, 3])
        .silent(2);
    assert_eq!(probed(&node), [point(2), point(3)]);
    let node = node.after(3 * SECOND).silent(2);
    assert_eq!(probed(&node), [point(3)]);
    let node = node.complete(&[1, 2, 3]);
    assert_eq!(probed(&node), [point(2), point(3)]);
}

#[test]
fn any_view_may_join() {
    let cluster = known(7, 1, 2);
    let join = Decision::Join {
        cluster: cluster.clone(),
        rivals: vec![],
    };
    let unlisted = Node::new(rules(9), Expectation::Asking).partial(&[2]);
    let node = unlisted.knows(2, cluster).failed();
    assert_eq!(node.decides(), join);
}

#[test]
fn a_stale_answer_is_not_joined() {
    let node = ready().knows(2, known(7, 1, 2)).after(4 * SECOND);
    assert!(!matches!(node.decides(), Decision::Join { .. }));
}

#[test]
fn of_two_clusters_the_older_is_joined_and_the_other_reported() {
    let (older, younger) = (known(9, 1, 2), known(1, 2, 3));
    let node = ready().knows(3, younger.clone()).knows(2, older.clone());
    let rivals = vec![younger.formation];
    assert_eq!(
        node.decides(),
        Decision::Join {
            cluster: older,
            rivals
        }
    );
}

/// One node with a clock of its own mind must not draw all newcomers away.
#[test]
fn where_members_only_raise_the_alarm_newcomers_join_the_cluster_that_most_are_in() {
    let rules = Rules {
        on_rival: OnRival::Alarm,
        ..rules(1)
    };
    let (stray, healthy) = (known(9, 1, 2), known(1, 2, 3));
    let node = Node::new(rules, Expectation::Known(3))
        .complete(&[1, 2, 3, 4])
        .knows(2, stray.clone());
    let joins = |node: &Node| match node.decides() {
        Decision::Join { cluster, .. } => cluster.formation,
        other => panic!("{other:?}"),
    };
    assert_eq!(joins(&node), stray.formation);
    // Of as many, the older.
    let node = node.knows(3, healthy.clone());
    assert_eq!(joins(&node), stray.formation);
    let node = node.knows(4, healthy.clone());
    assert_eq!(joins(&node), healthy.formation);
}

#[test]
fn the_seeds_of_one_cluster_are_put_together() {
    let node = ready().knows(2, known(7, 1, 2)).knows(3, known(7, 1, 3));
    let Decision::Join { cluster, rivals } = node.decides() else {
        panic!("expected to join");
    };
    assert_eq!((cluster.seeds.len(), rivals.len()), (2, 0));
}
