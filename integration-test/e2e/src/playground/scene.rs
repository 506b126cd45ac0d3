//! Everything that is known about the playground's nodes at one moment: their state, and their last answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde::Serialize;

use super::{
    diary::{Diary, Lane},
    remark::{Remark, remarks},
    trouble::Trouble,
    voice::{Formation, Phase, Voice},
};

/// How long an ended node is shown if no member lists it any more.
const REMEMBERED: Duration = Duration::from_secs(4);

/// The nodes, the network between them, and AWS.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// In the order of their start.
    pub(super) nodes: Vec<Seen>,
    /// One side of a split; empty while the network is not split.
    pub(super) split: BTreeSet<String>,
    /// What AWS does wrong.
    pub(super) troubles: BTreeSet<Trouble>,
    /// Whether AWS lists the nodes of a second cluster separately.
    pub(super) apart: bool,
    /// What has happened.
    pub(super) diary: Diary,
    /// Every node that there ever was, by its address.
    names: BTreeMap<Ipv4Addr, String>,
}

/// A node.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    /// For people.
    pub(super) name: String,
    /// What its peers call it.
    #[serde(skip)]
    pub(super) uri: String,
    /// The address that AWS lists.
    pub(super) address: Ipv4Addr,
    /// Where its page is.
    pub(super) page: String,
    /// The id of its task.
    pub(super) task: String,
    /// Of the task definition.
    pub(super) revision: u32,
    /// Its state.
    pub(super) life: Life,
    /// Whether it answered when it was last asked.
    pub(super) answers: bool,
    /// What it said last.
    pub(super) voice: Option<Voice>,
    /// When it ended.
    #[serde(skip)]
    pub(super) ended_at: Option<Duration>,
}

/// The state of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Life {
    /// It runs.
    Running,
    /// It is frozen.
    Frozen,
    /// It was asked to end.
    Stopping,
    /// Its process is gone.
    Ended,
}

impl Seen {
    /// A node that has just been started.
    #[must_use]
    pub(super) fn new(
        name: &str,
        uri: &str,
        address: Ipv4Addr,
        page: SocketAddr,
        task: &str,
        revision: u32,
    ) -> Self {
        Self {
            name: name.to_owned(),
            uri: uri.to_owned(),
            address,
            page: format!("http://{page}/"),
            task: task.to_owned(),
            revision,
            life: Life::Running,
            answers: false,
            voice: None,
            ended_at: None,
        }
    }

    /// What it says now; nothing where it does not answer.
    #[must_use]
    pub(super) fn says(&self) -> Option<&Voice> {
        let speaks = self.answers && matches!(self.life, Life::Running | Life::Stopping);
        self.voice.as_ref().filter(|_| speaks)
    }

    /// The cluster that it says it is a member of.
    #[must_use]
    pub(super) fn cluster(&self) -> Option<&Formation> {
        let voice = self.says()?;
        let is_member = voice.bootstrap.phase == Phase::Member;
        voice.members.cluster.as_ref().filter(|_| is_member)
    }

    /// Whether its task counts as running.
    #[must_use]
    pub(super) fn counts(&self) -> bool {
        matches!(self.life, Life::Running | Life::Frozen)
    }

    /// Whether it says that it sees another; none if it does not list it, or says nothing.
    #[must_use]
    pub(super) fn sees(&self, other: &Self) -> Option<bool> {
        self.cluster()?;
        self.says()?.members.sees(&other.uri)
    }
}

impl Scene {
    /// A node has been started.
    pub(super) fn add(&mut self, node: Seen) {
        self.names.insert(node.address, node.name.clone());
        self.nodes.push(node);
    }

    /// The node of that name.
    #[must_use]
    pub(super) fn node(&self, name: &str) -> Option<&Seen> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// A node has answered, or has not. What is new goes into the timeline.
    pub(super) fn hear(&mut self, now: Duration, name: &str, voice: Option<Voice>) {
        let Some(node) = self.nodes.iter_mut().find(|node| node.name == name) else {
            return;
        };
        if node.life == Life::Ended {
            return;
        }
        node.answers = voice.is_some();
        let Some(voice) = voice else {
            return;
        };
        let told = remarks(node.voice.as_ref(), &voice);
        let uri = node.uri.clone();
        node.voice = Some(voice);
        for remark in told {
            // Others report that it is a member; it reports that itself in other words.
            if remark != Remark::Came(uri.clone()) {
                let text = remark.text(|text| self.named(text));
                self.diary
                    .said(now, name, text, remark.why(), remark.is_bad());
            }
        }
    }

    /// A node's life has changed.
    pub(super) fn lives(&mut self, now: Duration, name: &str, life: Life) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.name == name) {
            node.life = life;
            if life == Life::Ended {
                node.answers = false;
                node.ended_at = Some(now);
            }
        }
    }

    /// Forgets nodes that ended some time ago and that no member lists any more, and returns them.
    pub(super) fn forget(&mut self, now: Duration) -> Vec<Seen> {
        let listed: BTreeSet<String> = self
            .nodes
            .iter()
            .filter(|node| node.cluster().is_some())
            .filter_map(Seen::says)
            .flat_map(|voice| voice.members.members.iter())
            .map(|member| member.node.clone())
            .collect();
        let stays = |node: &Seen| {
            let ended_at = node.ended_at;
            ended_at.is_none_or(|at| now < at + REMEMBERED || listed.contains(&node.uri))
        };
        let (stay, gone) = self.nodes.drain(..).partition(stays);
        self.nodes = stay;
        let nodes = &self.nodes;
        self.split
            .retain(|name| nodes.iter().any(|node| node.name == *name));
        let is_outside = |node: &Seen| !self.split.contains(&node.name);
        if !self.counted().any(is_outside) {
            self.split.clear();
        }
        gone
    }

    /// Something was done or told.
    pub(super) fn note(&mut self, now: Duration, lane: Lane, text: impl Into<String>) {
        self.diary.note(now, lane, text);
    }

    /// A text with the names of nodes in place of their addresses.
    #[must_use]
    pub(super) fn named(&self, text: &str) -> String {
        let mut named = text.to_owned();
        for (address, name) in &self.names {
            for written in [
                format!("cluster://orders@{address}:7355"),
                format!("{address}:7626"),
                format!("{address}:7355"),
            ] {
                if named.contains(&written) {
                    named = named.replace(&written, name);
                }
            }
        }
        named
    }

    /// The nodes whose tasks count as running.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Seen> {
        self.nodes.iter().filter(|node| node.counts())
    }

    /// The clusters in which nodes say they are, the oldest first, each with the members that say so themselves.
    #[must_use]
    pub(super) fn clusters(&self) -> BTreeMap<Formation, Vec<&Seen>> {
        let mut clusters: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for node in &self.nodes {
            if let Some(cluster) = node.cluster() {
                clusters.entry(cluster.clone()).or_default().push(node);
            }
        }
        clusters
    }

    /// Whether a node is a member that all others see, and that sees them all.
    #[must_use]
    pub(super) fn is_settled(&self, name: &str) -> bool {
        let Some(node) = self.node(name) else {
            return false;
        };
        let mut others = self.counted().filter(|other| other.name != name);
        let both = |other: &Seen| {
            other.life == Life::Frozen
                || (node.sees(other) == Some(true) && other.sees(node) == Some(true))
        };
        node.cluster().is_some() && others.all(both)
    }

    /// Whether exactly this many nodes are one cluster, and each of them says so.
    #[must_use]
    pub(super) fn is_one_cluster_of(&self, size: usize) -> bool {
        let mut all = self.nodes.iter();
        let agree = |node: &Seen| {
            node.life == Life::Running
                && self.is_settled(&node.name)
                && node.says().is_some_and(|voice| {
                    voice.members.members.len() == size && voice.members.unreachable.is_empty()
                })
        };
        self.nodes.len() == size && self.clusters().len() == 1 && all.all(agree)
    }

    /// The leader, according to most members.
    #[must_use]
    pub(super) fn leader(&self) -> Option<&Seen> {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        let members = self.nodes.iter().filter(|node| node.cluster().is_some());
        for voice in members.filter_map(Seen::says) {
            if let Some(leader) = &voice.members.leader {
                *told.entry(leader).or_default() += 1;
            }
        }
        let (leader, _) = told.into_iter().max_by_key(|(_, times)| *times)?;
        self.nodes.iter().find(|node| node.uri == leader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playground::testing::{member, outside, scene, whole};

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn addresses_get_the_names_of_their_nodes() {
        let scene = whole(11);
        assert_eq!(
            scene.named("waiting for 127.1.0.1:7626, not for 127.1.0.11:7626"),
            "waiting for orders-1, not for orders-11"
        );
        assert_eq!(
            scene.named("cluster://orders@127.1.0.2:7355 leads"),
            "orders-2 leads"
        );
    }

    #[test]
    fn what_a_node_says_anew_goes_into_the_timeline_and_not_that_it_came_itself() {
        let mut scene = whole(3);
        scene.hear(S, "orders-1", Some(member('a', &[1, 3], &[2])));
        scene.hear(S, "orders-3", Some(member('a', &[1, 3], &[2])));
        let told: Vec<_> = scene.diary.entries().collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].text, "orders-2 does not answer");
        assert_eq!(told[0].by, ["orders-1", "orders-3"]);

        let mut scene = self::scene(&[Some(member('a', &[2], &[])), None]);
        scene.hear(S, "orders-1", Some(member('a', &[1, 2], &[])));
        let told: Vec<_> = scene.diary.entries().map(|e| e.text.as_str()).collect();
        assert_eq!(told, ["orders-1 leads"]);
    }

    #[test]
    fn one_cluster_means_that_all_say_so() {
        assert!(whole(3).is_one_cluster_of(3));
        assert!(!whole(3).is_one_cluster_of(4));
        let all = Some(member('a', &[1, 2, 3], &[]));
        for third in [
            None,
            Some(outside("it waits")),
            Some(member('b', &[1, 2, 3], &[])),
            Some(member('a', &[1, 3], &[])),
            Some(member('a', &[1, 3], &[2])),
        ] {
            let scene = scene(&[all.clone(), all.clone(), third.clone()]);
            assert!(!scene.is_one_cluster_of(3), "{third:?}");
        }
        let mut frozen = whole(3);
        frozen.lives(S, "orders-2", Life::Frozen);
        assert!(!frozen.is_one_cluster_of(3));
    }

    #[test]
    fn who_has_ended_is_shown_for_as_long_as_somebody_lists_it() {
        let mut scene = whole(3);
        scene.split.insert("orders-3".to_owned());
        scene.lives(S, "orders-3", Life::Ended);
        // What it has sent before no longer counts.
        scene.hear(2 * S, "orders-3", Some(outside("it waits")));
        assert_eq!(scene.node("orders-3").unwrap().says(), None);
        scene.forget(60 * S);
        assert!(scene.node("orders-3").is_some());

        for name in ["orders-1", "orders-2"] {
            scene.hear(60 * S, name, Some(member('a', &[1, 2], &[])));
        }
        scene.forget(60 * S);
        assert!(scene.node("orders-3").is_none());
        assert!(scene.split.is_empty());
    }

    #[test]
    fn the_leader_is_who_most_members_say_it_is() {
        let scene = scene(&[
            Some(member('a', &[1], &[])),
            Some(member('a', &[2, 3], &[1])),
            Some(member('a', &[2, 3], &[1])),
        ]);
        assert_eq!(scene.leader().unwrap().name, "orders-2");
    }
}
