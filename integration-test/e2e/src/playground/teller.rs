//! Tells a story: which step it is at, and what comes next.

use std::time::Duration;

use serde::Serialize;

use super::{
    command::Command,
    scene::{Life, Scene, Seen},
    scheduler::Scheduler,
    step::{Deed, State, Step},
    story::Story,
};

/// A story that is being told.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    story: Story,
    at: usize,
    /// When the step began.
    since: Option<Duration>,
    caption: String,
    killed: String,
    /// A factor for the times in which people can look.
    pace: f64,
}

/// What the page shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Telling {
    /// Which.
    pub(super) story: Story,
    /// What it is called.
    pub(super) title: &'static str,
    /// What it says now.
    pub(super) caption: String,
    /// Which of its captions that is, from 1.
    pub(super) caption_number: usize,
    /// How many it has.
    pub(super) captions: usize,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing yet.
    Wait,
    /// A new caption.
    Say(String),
    /// Something is to be done.
    Do(Command),
    /// The story has ended.
    Over,
    /// What it waited for did not happen.
    GaveUp,
}

impl Teller {
    /// Begins. `pace` is a factor for the times in which people can look.
    #[must_use]
    pub(super) fn begin(story: Story, pace: f64) -> Self {
        Self {
            story,
            at: 0,
            since: None,
            caption: String::new(),
            killed: String::new(),
            pace,
        }
    }

    /// What the page shows.
    #[must_use]
    pub(super) fn telling(&self) -> Telling {
        let captions = |steps: &[Step]| {
            let says = steps.iter().filter(|step| matches!(step, Step::Say(_)));
            says.count()
        };
        let steps = self.story.steps();
        Telling {
            story: self.story,
            title: self.story.title(),
            caption: self.caption.clone(),
            caption_number: captions(&steps[..self.at.min(steps.len())]),
            captions: captions(steps),
        }
    }

    /// What comes next. Ask again until it says to wait, or that the story has ended.
    pub(super) fn next(&mut self, now: Duration, scene: &Scene, ecs: &Scheduler) -> Next {
        let since = *self.since.get_or_insert(now);
        let Some(step) = self.story.steps().get(self.at) else {
            return Next::Over;
        };
        let waited = now.saturating_sub(since);
        let next = match step {
            Step::Say(caption) => {
                let leader = scene.leader().map_or("nobody", |leader| &leader.name);
                self.caption = caption
                    .replace("{leader}", leader)
                    .replace("{killed}", &self.killed);
                Next::Say(self.caption.clone())
            }
            Step::Do(deed) => match self.command(*deed, scene, ecs) {
                Some(command) => Next::Do(command),
                None => {
                    self.step();
                    return self.next(now, scene, ecs);
                }
            },
            Step::Until(state, limit) => {
                if !holds(*state, scene, ecs) {
                    let limit = Duration::from_secs((*limit).into());
                    return if limit < waited {
                        Next::GaveUp
                    } else {
                        Next::Wait
                    };
                }
                self.step();
                return self.next(now, scene, ecs);
            }
            Step::Look(seconds) => {
                if waited < Duration::from_secs((*seconds).into()).mul_f64(self.pace) {
                    return Next::Wait;
                }
                self.step();
                return self.next(now, scene, ecs);
            }
        };
        self.step();
        next
    }

    fn step(&mut self) {
        self.at += 1;
        self.since = None;
    }

    /// None if nothing needs to be done.
    fn command(&mut self, deed: Deed, scene: &Scene, ecs: &Scheduler) -> Option<Command> {
        Some(match deed {
            Deed::Ensure(nodes) => {
                let nothing_is_wrong =
                    scene.troubles.is_empty() && scene.split.is_empty() && !scene.apart;
                let is_steady = ecs.desired() == nodes && ecs.replaces() && !ecs.is_rolling();
                if scene.is_one_cluster_of(nodes) && nothing_is_wrong && is_steady {
                    return None;
                }
                Command::Afresh { nodes: Some(nodes) }
            }
            Deed::Afresh(nodes) => Command::Afresh { nodes: Some(nodes) },
            Deed::Scale(desired, seconds_apart) => Command::Scale {
                desired,
                // So that a story with a pace of 0 does not wait here either.
                seconds_apart: if self.pace == 0.0 { 0 } else { seconds_apart },
            },
            Deed::KillLeader => {
                self.killed = scene.leader()?.name.clone();
                Command::Kill {
                    node: self.killed.clone(),
                }
            }
            Deed::SplitLast(nodes) => {
                let counted: Vec<_> = scene.counted().collect();
                let last = counted.iter().rev().take(nodes);
                Command::Split {
                    nodes: last.map(|node| node.name.clone()).collect(),
                }
            }
            Deed::Heal => Command::Heal,
            Deed::Begin(trouble) => Command::Trouble { trouble, on: true },
            Deed::End(trouble) => Command::Trouble { trouble, on: false },
            Deed::Deploy => Command::Deploy,
            Deed::SecondCluster => Command::SecondCluster,
            Deed::Meet => Command::Meet,
        })
    }
}

fn holds(state: State, scene: &Scene, ecs: &Scheduler) -> bool {
    let lost = || {
        let nodes = scene.nodes.iter();
        let lost = nodes.filter(|node| scene.nodes.iter().any(|by| by.sees(node) == Some(false)));
        lost.count()
    };
    match state {
        State::Answering(nodes) => {
            let answering = scene.counted().filter(|node| node.says().is_some());
            nodes <= answering.count()
        }
        State::AnyMember => scene.nodes.iter().any(|node| node.cluster().is_some()),
        State::OneCluster(nodes) => scene.is_one_cluster_of(nodes),
        State::Clusters(clusters) => scene.clusters().len() == clusters,
        State::Lost => 0 < lost(),
        State::NobodyLost => {
            let ended = |node: &&Seen| node.life == Life::Ended;
            let listed = |node: &Seen| scene.nodes.iter().any(|by| by.sees(node).is_some());
            lost() == 0 && !scene.nodes.iter().filter(ended).any(listed)
        }
        State::Minority(nodes) => {
            let small = |node: &&Seen| {
                let says = node.says();
                says.is_some_and(|voice| voice.members.minority.is_some())
            };
            scene.nodes.iter().filter(small).count() == nodes
        }
        State::Rolled => !ecs.is_rolling(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playground::testing::{member, scene, whole};

    const S: Duration = Duration::from_secs(1);

    /// Goes on until the story waits or is over.
    fn go_on(teller: &mut Teller, now: Duration, scene: &Scene) -> (Vec<Command>, Next) {
        go_on_with(teller, now, scene, &Scheduler::new(5))
    }

    fn go_on_with(
        teller: &mut Teller,
        now: Duration,
        scene: &Scene,
        ecs: &Scheduler,
    ) -> (Vec<Command>, Next) {
        let mut done = Vec::new();
        loop {
            match teller.next(now, scene, ecs) {
                Next::Say(_) => {}
                Next::Do(command) => done.push(command),
                end @ (Next::Wait | Next::Over | Next::GaveUp) => return (done, end),
            }
        }
    }

    #[test]
    fn a_story_goes_on_when_what_it_waits_for_has_come_about() {
        let mut teller = Teller::begin(Story::LostNode, 0.0);
        // Five are one cluster: nothing has to be started afresh.
        let kill = Command::Kill {
            node: "orders-1".to_owned(),
        };
        let (done, next) = go_on(&mut teller, S, &whole(5));
        assert_eq!((done, next), (vec![kill], Next::Wait));
        assert!(teller.telling().caption.starts_with("orders-1 is gone"));

        let lost = Some(member('a', &[2, 3, 4, 5], &[1]));
        let noticed = scene(&[None, lost.clone(), lost.clone(), lost.clone(), lost]);
        assert_eq!(go_on(&mut teller, 2 * S, &noticed), (vec![], Next::Wait));
        assert!(
            teller
                .telling()
                .caption
                .contains("orders-1 does not answer")
        );

        // Whole again: the rest is told to the end.
        assert_eq!(go_on(&mut teller, 3 * S, &whole(5)), (vec![], Next::Over));
        let telling = teller.telling();
        assert_eq!(telling.caption_number, telling.captions);
    }

    #[test]
    fn a_story_starts_afresh_where_something_is_wrong() {
        let mut troubled = whole(5);
        troubled.apart = true;
        for scene in [whole(4), troubled] {
            let mut teller = Teller::begin(Story::Partition, 0.0);
            let (done, _) = go_on(&mut teller, S, &scene);
            assert_eq!(done[0], Command::Afresh { nodes: Some(5) });
        }
    }

    #[test]
    fn a_story_starts_afresh_where_ecs_would_do_otherwise_than_it_tells() {
        let mut keeps_none = Scheduler::new(5);
        keeps_none.replace(false);
        let mut rolling = Scheduler::new(5);
        rolling.deploy(2);
        for ecs in [Scheduler::new(6), keeps_none, rolling] {
            let mut teller = Teller::begin(Story::LostNode, 0.0);
            let (done, _) = go_on_with(&mut teller, S, &whole(5), &ecs);
            assert_eq!(done[0], Command::Afresh { nodes: Some(5) }, "{ecs:?}");
        }
    }

    #[test]
    fn a_story_gives_up_when_nothing_comes_of_it() {
        let mut teller = Teller::begin(Story::LostNode, 0.0);
        go_on(&mut teller, S, &whole(5));
        assert_eq!(go_on(&mut teller, 16 * S, &whole(5)).1, Next::Wait);
        assert_eq!(go_on(&mut teller, 17 * S, &whole(5)).1, Next::GaveUp);
    }

    #[test]
    fn there_is_time_to_look() {
        let mut teller = Teller::begin(Story::LostNode, 1.0);
        assert_eq!(go_on(&mut teller, S, &whole(5)), (vec![], Next::Wait));
        let first = teller.telling().caption;
        go_on(&mut teller, 2 * S, &whole(5));
        assert_eq!(teller.telling().caption, first);
        go_on(&mut teller, 4 * S, &whole(5));
        assert_ne!(teller.telling().caption, first);
    }
}
