//! The membership: a node that asks a member is admitted, and all members soon know it.

use std::{collections::BTreeSet, net::SocketAddr};

use demo_node::{
    bootstrap::{Standing, coordinator::Input, minority::Reach},
    cluster::Formation,
};

use super::{Event, Node, Question, SECOND, World, contact_point, gossip, uid};

impl World {
    pub(super) fn seeds(&self, node: Node, formation: Formation) -> BTreeSet<SocketAddr> {
        let others = self.members.get(&formation).into_iter().flatten();
        let others = others
            .take(4)
            .map(|(point, _)| SocketAddr::new(point.ip(), 7355));
        std::iter::once(gossip(self.host(node)))
            .chain(others)
            .collect()
    }

    /// Asks to be admitted, and repeats it until it is.
    pub(super) fn knock(&mut self, node: Node) {
        let Some(running) = self.node(node) else {
            return;
        };
        let Some(joining) = running.joining.clone() else {
            return;
        };
        if !std::mem::replace(&mut running.knocks, true) {
            self.after(SECOND / 5, Event::Knock(node));
        }
        for seed in joining.seeds {
            let question = Question::LetMeIn(joining.formation);
            let asked = Event::Asked {
                from: node,
                at: seed,
                question,
            };
            self.after(self.way(), asked);
        }
    }

    pub(super) fn settle(&mut self, node: Node, formation: Formation) {
        let (now, point) = (self.now, contact_point(self.host(node)));
        let Some(running) = self.node(node) else {
            return;
        };
        let before = running.formation.replace(formation);
        running.joining = None;
        running.knows = 0;
        running.member_at.get_or_insert(now);
        if let Some(members) = before.and_then(|before| self.members.get_mut(&before)) {
            members.remove(&point);
        }
        self.members
            .entry(formation)
            .or_default()
            .insert(point, uid(node));
        self.tell_members(node);
    }

    /// Tells a member who else is in the cluster, if that has changed.
    pub(super) fn tell_members(&mut self, node: Node) {
        let Some(running) = &mut self.nodes[usize::from(node)] else {
            return;
        };
        let Some(formation) = running.formation else {
            return;
        };
        let members = &self.members[&formation];
        if running.knows == members.len() {
            return;
        }
        running.knows = members.len();
        let standing = Standing::Member {
            formation,
            members: members.clone(),
            reach: Reach {
                reachable: members.len(),
                missing: false,
            },
            seeds: Vec::new(),
        };
        self.feed(node, Input::Standing(standing), None);
    }
}
