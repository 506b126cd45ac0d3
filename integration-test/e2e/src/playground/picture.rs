//! What the page shows: everything, at one moment.

use std::{collections::BTreeMap, time::Duration};

use region::{Action, Calls, Outcome};
use serde::Serialize;

use super::{
    diary::{Entry, millis},
    headline::{Headline, headline},
    scene::{Scene, Seen},
    scheduler::Scheduler,
    story::Story,
    teller::Telling,
    trouble::Trouble,
};

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Picture<'a> {
    /// When the playground opened, in milliseconds since 1970. A time, so that the picture need not change.
    began: u64,
    headline: Headline,
    service: Service,
    tasks: &'a [Task],
    calls: Vec<Counted>,
    troubles: Vec<Offered<Trouble>>,
    stories: Vec<Offered<Story>>,
    telling: Option<Telling>,
    /// One side of a split; empty while the network is not split.
    split: Vec<&'a str>,
    /// Whether AWS lists a second cluster separately.
    apart: bool,
    clusters: Vec<Cluster<'a>>,
    nodes: Vec<Node<'a>>,
    links: Vec<Link<'a>>,
    diary: Vec<&'a Entry>,
}

/// A task, as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    /// The beginning of its id.
    pub(super) id: String,
    /// Its node, if it is still known.
    pub(super) node: String,
    /// Its last status.
    pub(super) status: &'static str,
    /// What it is wanted to be.
    pub(super) desired: &'static str,
    /// Its address.
    pub(super) address: String,
    /// Of the task definition.
    pub(super) revision: u32,
}

/// The calls that nodes have made to AWS.
#[derive(Debug, Default)]
pub(super) struct Tally {
    times: BTreeMap<(&'static str, String), u64>,
    /// By task: when, and whether it was answered.
    last: BTreeMap<String, (u64, bool)>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    name: &'static str,
    desired: usize,
    running: usize,
    replaces: bool,
    revision: u32,
    rolling: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Counted {
    call: &'static str,
    outcome: String,
    good: bool,
    times: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Offered<T> {
    name: T,
    title: &'static str,
    about: &'static str,
    on: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cluster<'a> {
    id: String,
    members: Vec<&'a str>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    #[serde(flatten)]
    seen: &'a Seen,
    /// The place of its cluster among the clusters.
    cluster: Option<usize>,
    leads: bool,
    oldest: bool,
    /// Whether a node that lists it does not reach it.
    lost: bool,
    /// Its last call to AWS: when, and whether it was answered.
    called: Option<(u64, bool)>,
}

/// What two nodes say of each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Link<'a> {
    a: &'a str,
    b: &'a str,
    state: Bond,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Bond {
    /// Each considers the other reachable.
    Both,
    /// Only one of them does.
    One,
    /// One says that the other does not answer.
    Lost,
}

impl<'a> Picture<'a> {
    /// Of all this.
    #[must_use]
    pub(super) fn of(
        began: u64,
        scene: &'a Scene,
        ecs: &Scheduler,
        tasks: &'a [Task],
        tally: &Tally,
        telling: Option<Telling>,
    ) -> Self {
        let clusters = scene.clusters();
        let ids: Vec<_> = clusters.keys().map(|cluster| cluster.id.clone()).collect();
        let nodes = scene.nodes.iter().map(|node| {
            let says_of_itself = |of: fn(&super::voice::Members) -> &Option<String>| {
                let members = node.says().map(|voice| &voice.members);
                members.and_then(|members| of(members).as_ref()) == Some(&node.uri)
            };
            let cluster = node.cluster();
            Node {
                cluster: cluster.and_then(|c| ids.iter().position(|id| *id == c.id)),
                leads: cluster.is_some() && says_of_itself(|members| &members.leader),
                oldest: cluster.is_some() && says_of_itself(|members| &members.oldest),
                lost: is_lost(node, scene),
                called: tally.last.get(&node.task).copied(),
                seen: node,
            }
        });
        Self {
            began,
            headline: headline(scene, ecs),
            service: Service {
                name: crate::local::sandbox::ORDERS,
                desired: ecs.desired(),
                running: scene.counted().count(),
                replaces: ecs.replaces(),
                revision: ecs.revision(),
                rolling: ecs.is_rolling(),
            },
            tasks,
            calls: tally.counted(),
            troubles: Trouble::ALL
                .into_iter()
                .map(|trouble| Offered {
                    name: trouble,
                    title: trouble.title(),
                    about: trouble.about(),
                    on: scene.troubles.contains(&trouble),
                })
                .collect(),
            stories: Story::ALL
                .into_iter()
                .map(|story| Offered {
                    name: story,
                    title: story.title(),
                    about: story.about(),
                    on: telling
                        .as_ref()
                        .is_some_and(|telling| telling.story == story),
                })
                .collect(),
            telling,
            split: scene.split.iter().map(String::as_str).collect(),
            apart: scene.apart,
            clusters: clusters
                .iter()
                .map(|(cluster, members)| Cluster {
                    id: cluster.id.clone(),
                    members: members.iter().map(|node| node.name.as_str()).collect(),
                })
                .collect(),
            nodes: nodes.collect(),
            links: links(&scene.nodes),
            diary: scene.diary.entries().collect(),
        }
    }
}

fn links(nodes: &[Seen]) -> Vec<Link<'_>> {
    let pairs = nodes
        .iter()
        .enumerate()
        .flat_map(|(n, a)| nodes[n + 1..].iter().map(move |b| (a, b)));
    pairs
        .filter_map(|(a, b)| {
            let state = match (a.sees(b), b.sees(a)) {
                (Some(false), _) | (_, Some(false)) => Bond::Lost,
                (Some(true), Some(true)) => Bond::Both,
                (Some(true), None) | (None, Some(true)) => Bond::One,
                (None, None) => return None,
            };
            Some(Link {
                a: &a.name,
                b: &b.name,
                state,
            })
        })
        .collect()
}

/// Whether others say that it does not answer, and none considers it reachable. In a split, each node considers those
/// on its own side.
fn is_lost(node: &Seen, scene: &Scene) -> bool {
    let others = scene.nodes.iter().filter(|other| other.name != node.name);
    let said: Vec<_> = others.filter_map(|other| other.sees(node)).collect();
    !said.is_empty() && !said.contains(&true)
}

impl Tally {
    /// Adds calls, which have just been made.
    pub(super) fn add(&mut self, now: Duration, calls: &Calls) {
        for call in calls.log() {
            let of_nodes = match call.action {
                Action::ListTasks | Action::DescribeTasks | Action::DescribeServices => true,
                Action::DescribeInstances
                | Action::DescribeAutoScalingGroups
                | Action::AssumeRole
                | Action::TaskMetadata
                | Action::TaskCredentials
                | Action::InstanceToken
                | Action::InstanceMetadata
                | Action::Unknown => false,
            };
            if !of_nodes {
                continue;
            }
            let outcome = match &call.outcome {
                Outcome::Answered => "answered".to_owned(),
                Outcome::Refused(code) => code.clone(),
                Outcome::Garbled => "garbled".to_owned(),
                Outcome::Unanswered => "unanswered".to_owned(),
            };
            if let Some(caller) = &call.caller {
                let good = call.outcome == Outcome::Answered;
                self.last
                    .insert(caller.session.clone(), (millis(now), good));
            }
            *self
                .times
                .entry((call.action.as_str(), outcome))
                .or_default() += 1;
        }
    }

    /// Forgets the counts.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn counted(&self) -> Vec<Counted> {
        let counted = self.times.iter().map(|((call, outcome), times)| Counted {
            call,
            outcome: outcome.clone(),
            good: outcome == "answered",
            times: *times,
        });
        counted.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::playground::testing::{member, outside, scene, whole};

    fn drawn(scene: &Scene) -> Value {
        let ecs = Scheduler::new(3);
        let picture = Picture::of(0, scene, &ecs, &[], &Tally::default(), None);
        serde_json::to_value(&picture).unwrap()
    }

    #[test]
    fn lines_say_what_nodes_say_of_each_other() {
        let links = |scene: &Scene| drawn(scene)["links"].clone();
        let both = |a, b, state| json!({ "a": a, "b": b, "state": state });
        assert_eq!(
            links(&whole(2)),
            json!([both("orders-1", "orders-2", "both")])
        );
        let all = Some(member('a', &[1, 2], &[]));
        let one = scene(&[all.clone(), None]);
        assert_eq!(links(&one), json!([both("orders-1", "orders-2", "one")]));
        let lost = scene(&[all, Some(member('a', &[2], &[1]))]);
        assert_eq!(links(&lost), json!([both("orders-1", "orders-2", "lost")]));
        let nothing = scene(&[Some(outside("it waits")), Some(outside("it waits"))]);
        assert_eq!(links(&nothing), json!([]));
    }

    #[test]
    fn nodes_are_told_with_their_cluster_and_who_leads_and_is_lost() {
        let usual = scene(&[
            Some(member('b', &[1], &[])),
            Some(member('a', &[2, 3], &[4])),
            Some(member('a', &[2, 3], &[4])),
            None,
        ]);
        let told = drawn(&usual);
        let of = |field: &str| {
            let nodes = told["nodes"].as_array().unwrap().iter();
            nodes.map(|node| node[field].clone()).collect::<Vec<_>>()
        };
        // The older cluster is the first.
        assert_eq!(of("cluster"), [json!(1), json!(0), json!(0), Value::Null]);
        assert_eq!(of("leads"), [true, true, false, false]);
        assert_eq!(of("lost"), [false, false, false, true]);
        let split = scene(&[
            Some(member('a', &[1, 2], &[3])),
            Some(member('a', &[1, 2], &[3])),
            Some(member('a', &[3], &[1, 2])),
        ]);
        let lost = |n: usize| drawn(&split)["nodes"][n]["lost"].clone();
        assert_eq!([lost(0), lost(1), lost(2)], [false, false, true]);
        assert_eq!(told["nodes"][0]["page"], "http://127.2.0.1:7626/");
        assert_eq!(told["nodes"][0]["voice"]["bootstrap"]["phase"], "member");
    }

    #[test]
    fn what_the_page_needs_is_under_the_names_that_it_uses() {
        let drawn = drawn(&whole(1));
        for path in [
            "/began",
            "/headline/state",
            "/service/desired",
            "/service/rolling",
            "/troubles/0/title",
            "/stories/0/name",
            "/split",
            "/apart",
            "/clusters/0/members/0",
            "/nodes/0/voice/members/unreachable",
            "/nodes/0/called",
            "/diary",
        ] {
            assert!(drawn.pointer(path).is_some(), "{path}: {drawn}");
        }
    }
}
