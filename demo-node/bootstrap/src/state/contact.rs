//! What is known about one contact point.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Instant,
};

use super::Answer;
use crate::{ContactPoint, Process, cluster::NodeUid};

#[derive(Debug, Clone, Default)]
pub(super) struct Contact {
    pub(super) heard: Option<Heard>,
    /// Since when every probe has failed.
    pub(super) failing_since: Option<Instant>,
    /// Dropped until discovery lists it again.
    pub(super) dropped: bool,
}

/// The latest answer of a contact point.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) answer: Answer,
}

/// A process that can consent.
#[derive(Debug)]
pub(super) struct Voter {
    pub(super) uid: NodeUid,
    /// Where it answered.
    pub(super) asked_at: ContactPoint,
    /// Where it says that it answers.
    pub(super) itself: ContactPoint,
}

/// Which process answers at a contact point, as far as is known.
pub(super) fn process_at(me: Process, point: &ContactPoint, contact: &Contact) -> Option<NodeUid> {
    if *point == me.contact_point {
        return Some(me.uid);
    }
    contact.heard.as_ref().map(|heard| heard.answer.uid)
}

/// At how many contact points each process answers, by their last answers. This node answers at its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Processes {
    points: BTreeMap<NodeUid, usize>,
    /// How many contact points are further addresses of a process.
    again: usize,
}

impl Processes {
    /// A contact point of one process now belongs to another.
    pub(super) fn moved(&mut self, before: Option<NodeUid>, after: Option<NodeUid>) {
        if let Some(Entry::Occupied(mut points)) = before.map(|uid| self.points.entry(uid)) {
            *points.get_mut() -= 1;
            if *points.get() == 0 {
                points.remove();
            } else {
                self.again -= 1;
            }
        }
        if let Some(uid) = after {
            let points = self.points.entry(uid).or_default();
            *points += 1;
            self.again += usize::from(1 < *points);
        }
    }

    /// How many contact points are further addresses of a process.
    pub(super) fn again(&self) -> usize {
        self.again
    }

    pub(super) fn contains(&self, uid: NodeUid) -> bool {
        self.points.contains_key(&uid)
    }
}
