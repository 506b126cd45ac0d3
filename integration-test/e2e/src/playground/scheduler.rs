//! What ECS's scheduler does for a service, decided only from its tasks.

use std::time::Duration;

/// The time from a task's end until ECS starts another. In AWS it is about a minute; here it is just long enough to
/// see how the others react to the loss.
pub(super) const REPLACED_AFTER: Duration = Duration::from_secs(10);

/// Between two steps of a deployment: as long as it takes to see one.
const ROLLING: Duration = Duration::from_millis(1_500);

/// The service, as configured in ECS.
#[derive(Debug, Clone)]
pub(super) struct Scheduler {
    desired: usize,
    replaces: bool,
    revision: u32,
    is_rolling: bool,
    /// The next step of a deployment is not before.
    rolls_at: Duration,
    /// The next start is not before.
    not_before: Option<Duration>,
    /// Between two starts.
    apart: Duration,
}

/// A task that counts: it is not stopping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    /// Its node.
    pub(super) node: String,
    /// Of its task definition.
    pub(super) revision: u32,
    /// Whether its node is a member that all others see.
    pub(super) is_settled: bool,
}

/// What ECS does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Starts so many tasks.
    Start(usize),
    /// Stops the task of this node.
    Stop(String),
    /// A deployment has ended.
    Rolled,
}

impl Scheduler {
    /// A service that should have so many tasks.
    #[must_use]
    pub(super) fn new(desired: usize) -> Self {
        Self {
            desired,
            replaces: true,
            revision: 1,
            is_rolling: false,
            rolls_at: Duration::ZERO,
            not_before: Some(Duration::ZERO),
            apart: Duration::ZERO,
        }
    }

    /// How many tasks there should be.
    #[must_use]
    pub(super) fn desired(&self) -> usize {
        self.desired
    }

    /// Whether it starts another task for one that has ended.
    #[must_use]
    pub(super) fn replaces(&self) -> bool {
        self.replaces
    }

    /// The revision of the task definition.
    #[must_use]
    pub(super) fn revision(&self) -> u32 {
        self.revision
    }

    /// Whether a deployment is going on.
    #[must_use]
    pub(super) fn is_rolling(&self) -> bool {
        self.is_rolling
    }

    /// Whether requested tasks are still to be started; tasks that only replace others do not count.
    #[must_use]
    pub(super) fn is_starting(&self) -> bool {
        let is_at_once = self.not_before == Some(Duration::ZERO);
        is_at_once || (self.not_before.is_some() && self.apart != Duration::ZERO)
    }

    /// From now on there should be this many tasks; missing ones are started at once, with this pause between them.
    pub(super) fn scale(&mut self, desired: usize, apart: Duration) {
        self.desired = desired;
        self.apart = apart;
        self.not_before = Some(Duration::ZERO);
    }

    /// Nothing runs any more, and this many tasks should.
    pub(super) fn afresh(&mut self, desired: usize) {
        *self = Self {
            revision: self.revision,
            ..Self::new(desired)
        };
    }

    /// Also this many tasks, which something else has started.
    pub(super) fn allow(&mut self, more: usize) {
        self.desired += more;
    }

    /// Whether it starts another task for one that has ended.
    pub(super) fn replace(&mut self, on: bool) {
        self.replaces = on;
    }

    /// Every task is to be of a new revision.
    pub(super) fn deploy(&mut self, revision: u32) {
        self.revision = revision;
        self.is_rolling = true;
    }

    /// What to do now. Tasks in the order of their start.
    pub(super) fn decide(&mut self, now: Duration, tasks: &[Counted]) -> Vec<Act> {
        // A deployment has one more, unless there should be none.
        let most = self.desired + usize::from(self.is_rolling && self.desired != 0);
        if most < tasks.len() {
            self.not_before = None;
            // The newest tasks stop first, except that a deployment stops old ones.
            let (old, new): (Vec<_>, Vec<_>) = tasks
                .iter()
                .rev()
                .partition(|task| self.is_rolling && task.revision < self.revision);
            let surplus = old.into_iter().chain(new).take(tasks.len() - most);
            return surplus.map(|task| Act::Stop(task.node.clone())).collect();
        }
        if tasks.len() < self.desired {
            return self.start(now, self.desired - tasks.len());
        }
        self.not_before = None;
        if self.is_rolling {
            return self.roll(now, tasks);
        }
        Vec::new()
    }

    fn start(&mut self, now: Duration, missing: usize) -> Vec<Act> {
        let Some(not_before) = self.not_before else {
            // One has just ended.
            self.apart = Duration::ZERO;
            self.not_before = Some(now + REPLACED_AFTER);
            return Vec::new();
        };
        // Requested tasks are started even if ended ones are not replaced.
        let is_asked_for = not_before == Duration::ZERO || self.apart != Duration::ZERO;
        if now < not_before || !(self.replaces || is_asked_for) {
            return Vec::new();
        }
        if self.apart == Duration::ZERO {
            return vec![Act::Start(missing)];
        }
        self.not_before = Some(now + self.apart);
        vec![Act::Start(1)]
    }

    /// One more than there should be, until all are new: a new one must be a member before an old one stops.
    fn roll(&mut self, now: Duration, tasks: &[Counted]) -> Vec<Act> {
        if now < self.rolls_at {
            return Vec::new();
        }
        let old = tasks.iter().find(|task| task.revision < self.revision);
        let surplus = self.desired < tasks.len();
        let all_settled = tasks.iter().all(|task| task.is_settled);
        match (old, surplus) {
            (Some(old), true) if all_settled => {
                self.rolls_at = now + ROLLING;
                vec![Act::Stop(old.node.clone())]
            }
            (Some(_), true) => Vec::new(),
            (Some(_), false) => {
                self.rolls_at = now + ROLLING;
                vec![Act::Start(1)]
            }
            (None, _) => {
                self.is_rolling = false;
                vec![Act::Rolled]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn tasks(revisions: &[u32]) -> Vec<Counted> {
        let tasks = revisions.iter().enumerate();
        tasks
            .map(|(n, revision)| Counted {
                node: format!("orders-{}", n + 1),
                revision: *revision,
                is_settled: true,
            })
            .collect()
    }

    #[test]
    fn what_is_missing_at_first_is_started_at_once() {
        let mut ecs = Scheduler::new(3);
        assert_eq!(ecs.decide(S, &[]), [Act::Start(3)]);
        assert_eq!(ecs.decide(S, &tasks(&[1; 3])), []);
    }

    #[test]
    fn a_lost_task_is_replaced_after_a_while_if_at_all() {
        for replaces in [true, false] {
            let mut ecs = Scheduler::new(3);
            ecs.decide(S, &tasks(&[1; 3]));
            ecs.replace(replaces);

            assert_eq!(ecs.decide(2 * S, &tasks(&[1; 2])), []);
            let early = 2 * S + REPLACED_AFTER - Duration::from_millis(1);
            assert_eq!(ecs.decide(early, &tasks(&[1; 2])), []);
            let acts = ecs.decide(2 * S + REPLACED_AFTER, &tasks(&[1; 2]));
            let expected: &[Act] = if replaces { &[Act::Start(1)] } else { &[] };
            assert_eq!(acts, expected);
        }
    }

    #[test]
    fn tasks_can_be_started_one_after_the_other() {
        let mut ecs = Scheduler::new(0);
        ecs.replace(false);
        ecs.scale(3, 2 * S);
        assert_eq!(ecs.decide(10 * S, &[]), [Act::Start(1)]);
        assert_eq!(ecs.decide(11 * S, &tasks(&[1])), []);
        assert_eq!(ecs.decide(12 * S, &tasks(&[1])), [Act::Start(1)]);
        assert_eq!(ecs.decide(14 * S, &tasks(&[1; 2])), [Act::Start(1)]);
    }

    #[test]
    fn the_last_to_come_go_first() {
        let mut ecs = Scheduler::new(3);
        ecs.scale(1, Duration::ZERO);
        let acts = ecs.decide(S, &tasks(&[1; 3]));
        let stops = ["orders-3", "orders-2"].map(|node| Act::Stop(node.to_owned()));
        assert_eq!(acts, stops);
    }

    #[test]
    fn a_service_can_be_scaled_down_while_a_deployment_goes_on() {
        let rolling = |desired| {
            let mut ecs = Scheduler::new(5);
            ecs.decide(S, &tasks(&[1; 5]));
            ecs.deploy(2);
            ecs.scale(desired, Duration::ZERO);
            ecs
        };
        let stops = |nodes: &[usize]| -> Vec<_> {
            let nodes = nodes.iter();
            nodes.map(|n| Act::Stop(format!("orders-{n}"))).collect()
        };
        let six = tasks(&[1, 1, 1, 1, 1, 2]);
        assert_eq!(rolling(2).decide(S, &six), stops(&[5, 4, 3]));
        // New tasks stay as long as possible.
        let five = tasks(&[1, 1, 2, 2, 2]);
        assert_eq!(rolling(1).decide(S, &five), stops(&[2, 1, 5]));

        let mut none = rolling(0);
        assert_eq!(none.decide(S, &six), stops(&[5, 4, 3, 2, 1, 6]));
        assert_eq!(none.decide(2 * S, &[]), [Act::Rolled]);
    }

    #[test]
    fn a_deployment_stops_an_old_task_only_when_its_successor_has_settled() {
        let mut ecs = Scheduler::new(2);
        ecs.decide(S, &tasks(&[1; 2]));
        ecs.deploy(2);
        assert_eq!(ecs.decide(S, &tasks(&[1, 1])), [Act::Start(1)]);
        // There is time to look at it.
        assert_eq!(ecs.decide(2 * S, &tasks(&[1, 1, 2])), []);
        let mut three = tasks(&[1, 1, 2]);
        three[2].is_settled = false;
        assert_eq!(ecs.decide(5 * S, &three), []);
        three[2].is_settled = true;
        let stop = Act::Stop("orders-1".to_owned());
        assert_eq!(ecs.decide(5 * S, &three), [stop]);
        assert_eq!(ecs.decide(9 * S, &three[1..]), [Act::Start(1)]);

        assert_eq!(ecs.decide(13 * S, &tasks(&[2, 2])), [Act::Rolled]);
        assert_eq!(ecs.decide(13 * S, &tasks(&[2, 2])), []);
    }
}
