//! The change sets that a run has not executed, so that an interrupted run can name them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What a run has requested, and neither executed nor deleted.
#[derive(Debug, Clone, Default)]
pub struct Pending(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    /// The stacks of which a change set was asked for, which AWS has not answered.
    asked: BTreeSet<String>,
    sets: Vec<Undone>,
}

/// A change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undone {
    /// The stack's name.
    pub(super) stack: String,
    /// Its ARN.
    pub(super) id: String,
    /// That of its stack.
    pub(super) stack_id: String,
    /// Whether the stack was only made for it.
    pub(super) is_new: bool,
}

impl Pending {
    /// The stacks that may have a change set, by their names.
    pub fn stacks(&self) -> BTreeSet<String> {
        let open = self.lock();
        let sets = open.sets.iter().map(|set| set.stack.clone());
        sets.chain(open.asked.iter().cloned()).collect()
    }

    pub(super) fn ask(&self, stack: &str) {
        self.lock().asked.insert(stack.to_owned());
    }

    /// AWS has answered, with this change set or with none.
    pub(super) fn answered(&self, stack: &str, set: Option<Undone>) {
        let mut open = self.lock();
        open.asked.remove(stack);
        open.sets.extend(set);
    }

    pub(super) fn sets(&self) -> Vec<Undone> {
        self.lock().sets.clone()
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.lock().sets.iter().any(|set| set.id == id)
    }

    /// It is thrown away, or to be executed.
    pub(super) fn remove(&self, id: &str) {
        self.lock().sets.retain(|set| set.id != id);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_may_be_there_until_aws_has_answered() {
        let pending = Pending::default();
        pending.ask("orders-service");
        pending.ask("orders-network");
        assert_eq!(pending.stacks().len(), 2);

        pending.answered("orders-network", None);
        let set = Undone {
            stack: "orders-service".to_owned(),
            id: "set".to_owned(),
            stack_id: "stack".to_owned(),
            is_new: true,
        };
        pending.answered("orders-service", Some(set.clone()));
        assert_eq!(pending.sets(), [set]);
        assert_eq!(pending.stacks(), ["orders-service".to_owned()].into());

        pending.remove("set");
        assert!(!pending.has("set"));
        assert!(pending.stacks().is_empty());
    }
}
