//! The nodes' lookups, call by call.

use std::collections::BTreeSet;

use demo_node::bootstrap::{coordinator::Input, pacing, state::View};
use discovery::Extent;

use super::{Event, Node, SECOND, World, contact_point};
use crate::cold_start::lookup::{Call, Ended, Lookup};

impl World {
    pub(super) fn look_up(&mut self, node: Node, extent: Extent) {
        self.lookups += 1;
        let (number, now) = (self.lookups, self.now);
        let Some(running) = self.node(node) else {
            return;
        };
        // As `bootstrap::run` has it.
        let pages = pacing::pages(extent, running.coordinator.state().nodes(now));
        let on_throttle = running.coordinator.on_throttle(extent, now);
        let (lookup, call) = Lookup::new(number, extent, on_throttle);
        running.lookup = Some(lookup);
        self.after(self.way(), Event::Call(node, number, call));
        self.after(3 * SECOND * pages, Event::LookupTimeIsUp(node, number));
    }

    pub(super) fn goes_on(
        &mut self,
        node: Node,
        number: u64,
        call: Call,
        answer: Option<(Vec<Node>, bool)>,
    ) {
        let now = self.now;
        let Some(running) = &mut self.nodes[usize::from(node)] else {
            return;
        };
        let Some(lookup) = running
            .lookup
            .as_mut()
            .filter(|under_way| under_way.number == number)
        else {
            return;
        };
        let (mut again, mut calls) = (None, Vec::new());
        match (call, answer) {
            (Call::List { page, .. }, Some(answer)) => {
                calls = lookup.listed(page, answer, &running.settled, now);
            }
            (Call::Describe { tasks, .. }, Some(_)) => {
                let listed = tasks.len();
                let placed = self.hosts.len();
                let ready = tasks.into_iter().filter(|task| usize::from(*task) < placed);
                let ready: Vec<_> = ready.collect();
                running
                    .settled
                    .extend(ready.iter().map(|task| (*task, now)));
                let all = ready.len() == listed;
                lookup.described(ready, all);
            }
            (call, _) => (again, calls) = lookup.throttled(call),
        }
        for call in calls {
            self.after(self.way(), Event::Call(node, number, call));
        }
        if let Some((pause, call)) = again {
            self.after(self.way() + pause, Event::Call(node, number, call));
        }
        self.end_lookup(node);
    }

    pub(super) fn end_lookup(&mut self, node: Node) {
        let Some(running) = self.node(node) else {
            return;
        };
        let Some(ended) = running.lookup.as_mut().and_then(Lookup::ended) else {
            return;
        };
        running.lookup = None;
        let points = |found: BTreeSet<Node>, world: &Self| {
            let found = found.into_iter();
            found.map(|node| contact_point(world.host(node))).collect()
        };
        let view = match ended {
            Ended::Complete(found) => View::Complete(points(found, self)),
            Ended::Partial {
                found,
                failed,
                more_pages,
            } => View::Partial {
                contact_points: points(found, self),
                hindered: failed,
                more_pages,
            },
            Ended::Failed => View::Failed,
        };
        self.feed(node, Input::Looked(view), None);
    }
}
