//! The state of the playground as a headline: one sentence, and one about the reason or the next step.

use serde::Serialize;

use super::{
    scene::{Life, Scene, Seen},
    scheduler::{REPLACED_AFTER, Scheduler},
    voice::Phase,
};

/// The state of the playground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Headline {
    /// How it looks.
    pub(super) state: Mood,
    /// In a word or two.
    pub(super) kind: &'static str,
    /// In a sentence.
    pub(super) text: String,
    /// Why, or what to do.
    pub(super) advice: String,
}

/// How a headline looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mood {
    /// All is well.
    Good,
    /// Something is under way.
    Wait,
    /// Something is wrong.
    Alarm,
}

/// The headline of a scene.
#[must_use]
pub(super) fn headline(scene: &Scene, ecs: &Scheduler) -> Headline {
    let clusters: Vec<_> = scene.clusters().into_values().collect();
    if scene.counted().next().is_none() {
        return nothing(ecs);
    }
    if !scene.split.is_empty() {
        return split(scene);
    }
    match clusters.as_slice() {
        [] => forming(scene),
        [members] => one(scene, members, ecs),
        [older, others @ ..] => several(scene, older, others),
    }
}

fn nothing(ecs: &Scheduler) -> Headline {
    let (text, advice) = if ecs.desired() == 0 {
        (
            "No node is running, and none should.",
            "Scale the service up, or start a story.",
        )
    } else {
        ("ECS starts the tasks.", "A moment.")
    };
    say(Mood::Wait, "Empty", text, advice)
}

fn split(scene: &Scene) -> Headline {
    let is_here = |node: &&Seen| scene.split.contains(&node.name);
    let (one, other): (Vec<_>, Vec<_>) = scene.counted().partition(is_here);
    let text = format!("The network is split: {} | {}.", some(&one), some(&other));
    let pairs = || one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let crosses = |seen: bool| pairs().any(|(a, b)| [a.sees(b), b.sees(a)].contains(&Some(seen)));
    let small = scene.nodes.iter().filter(|node| is_minor(node));
    let small: Vec<_> = small.collect();
    let advice = if crosses(true) {
        "Each side still considers the other reachable: it takes some seconds to notice the silence."
            .to_owned()
    } else if scene.clusters().is_empty() {
        "There is no cluster yet, and no node reaches the other side.".to_owned()
    } else if small.is_empty() && crosses(false) {
        "Each side says that the other does not answer.".to_owned()
    } else if small.is_empty() {
        "Each side has removed the other and continues by itself.".to_owned()
    } else if one.len() == other.len() {
        format!(
            "Neither side is a majority of the desired nodes: {} report it, and none of them is \
             ready. Heal the network, and they are one cluster again.",
            names(&small)
        )
    } else {
        format!(
            "The smaller side knows it: {} {} not ready, so that load balancers send no requests there. No \
             node is shut down. Heal the network, and they are one cluster again.",
            names(&small),
            is_or_are(small.len())
        )
    };
    say(Mood::Alarm, "Split", text, advice)
}

fn is_minor(node: &Seen) -> bool {
    node.says()
        .is_some_and(|voice| voice.members.minority.is_some())
}

fn forming(scene: &Scene) -> Headline {
    let voices = scene
        .counted()
        .filter_map(|node| Some((node, &node.says()?.bootstrap)));
    let voices: Vec<_> = voices.collect();
    let founder = voices
        .iter()
        .find(|(_, bootstrap)| bootstrap.phase == Phase::Founding);
    if let Some((node, bootstrap)) = founder {
        let text = format!(
            "{} asks the others to vote for a new cluster: {} of {} have.",
            node.name,
            bootstrap.consents.unwrap_or(0),
            bootstrap.quorum
        );
        let why = "Two majorities always have a node in common, so there can be only one cluster.";
        return say(Mood::Wait, "Voting", text, why);
    }
    let all: Vec<_> = scene.counted().collect();
    let text = match all.as_slice() {
        [only] => format!("{} is alone, and in no cluster yet.", only.name),
        _ => format!(
            "{} nodes look for each other; there is no cluster yet.",
            all.len()
        ),
    };
    let reason = voices
        .iter()
        .find(|(_, bootstrap)| bootstrap.phase == Phase::Waiting);
    let advice = reason.map_or_else(
        || "They ask AWS who the others are.".to_owned(),
        |(node, bootstrap)| format!("{}: {}.", node.name, scene.named(&bootstrap.message)),
    );
    say(Mood::Wait, "Forming", text, advice)
}

fn several(scene: &Scene, older: &[&Seen], others: &[Vec<&Seen>]) -> Headline {
    let younger: Vec<_> = others.iter().flatten().copied().collect();
    let text = format!(
        "Two clusters with the same name: {} | {}.",
        some(older),
        some(&younger)
    );
    let advice = if scene.apart {
        "AWS lists to each of them only its own nodes, so neither knows of the other. Let them meet."
    } else {
        "They have met: the members of the younger cluster join the older one by themselves, within seconds of their next look."
    };
    say(Mood::Alarm, "Two clusters", text, advice)
}

fn one(scene: &Scene, members: &[&Seen], ecs: &Scheduler) -> Headline {
    let counts = |node: &&Seen| node.life != Life::Ended;
    let sees = |seen: bool| {
        move |node: &&Seen| {
            let by = |other: &&Seen| other.name != node.name && other.sees(node) == Some(seen);
            members.iter().any(by)
        }
    };
    let lost: Vec<_> = scene.nodes.iter().filter(sees(false)).collect();
    let leader = scene
        .leader()
        .map_or("nobody", |leader| leader.name.as_str());
    if !lost.is_empty() {
        let is_lost = |node: &&&Seen| lost.iter().any(|lost| lost.name == node.name);
        let well = members.iter().filter(|node| !is_lost(node)).count();
        let leads = lost.iter().any(|node| node.name == leader);
        let text = format!(
            "{} {} not answer. {}; {leader} {}.",
            names(&lost),
            if lost.len() == 1 { "does" } else { "do" },
            going(well),
            if leads {
                "is still considered the leader"
            } else {
                "leads"
            }
        );
        let advice = format!(
            "After some more seconds of silence {} removed from the cluster.{}",
            if lost.len() == 1 { "it is" } else { "they are" },
            if leads {
                " Then the next one leads."
            } else {
                ""
            }
        );
        return say(Mood::Alarm, "A member is lost", text, advice);
    }
    let unnoticed = scene
        .nodes
        .iter()
        .filter(|node| matches!(node.life, Life::Ended | Life::Frozen))
        .filter(sees(true));
    let unnoticed: Vec<_> = unnoticed.collect();
    if !unnoticed.is_empty() {
        let (frozen, ended): (Vec<_>, Vec<_>) =
            (unnoticed.into_iter()).partition(|node| node.life == Life::Frozen);
        let gone = (!ended.is_empty())
            .then(|| format!("{} {} gone", names(&ended), is_or_are(ended.len())));
        let frozen = (!frozen.is_empty()).then(|| are_frozen(&frozen));
        let how: Vec<_> = gone.into_iter().chain(frozen).collect();
        let text = format!("{}, and the others have not noticed yet.", how.join(", "));
        let advice = "Nothing tells them: they notice by themselves, within a second or two.";
        return say(Mood::Wait, "Just now", text, advice);
    }
    let small: Vec<_> = members
        .iter()
        .copied()
        .filter(|node| is_minor(node))
        .collect();
    if !small.is_empty() {
        let text = format!(
            "Only {} {} left, fewer than half of the desired {}.",
            names(&small),
            is_or_are(small.len()),
            ecs.desired()
        );
        let advice = if small.len() == 1 {
            "It cannot know whether the others are gone or only cut off, so it reports that it is not ready."
        } else {
            "They cannot know whether the others are gone or only cut off, so they report that they are not ready."
        };
        return say(Mood::Alarm, "Too few", text, advice);
    }
    let outside = scene
        .counted()
        .filter(counts)
        .filter(|node| node.life == Life::Running && node.cluster().is_none());
    let outside: Vec<_> = outside.collect();
    if let Some(first) = outside.first() {
        let text = format!(
            "{} {}; {} {} not in it yet.",
            count(members.len()),
            if members.len() == 1 {
                "is a cluster"
            } else {
                "are one cluster"
            },
            names(&outside),
            is_or_are(outside.len())
        );
        let advice = first.says().map_or_else(
            || "It has only just started.".to_owned(),
            |voice| format!("{}: {}.", first.name, scene.named(&voice.bootstrap.message)),
        );
        return say(Mood::Wait, "Joining", text, advice);
    }
    let frozen: Vec<_> = scene
        .counted()
        .filter(|node| node.life == Life::Frozen)
        .collect();
    if !frozen.is_empty() {
        let text = format!(
            "{}; {}, and {leader} leads.",
            are_frozen(&frozen),
            going(members.len())
        );
        let advice = if frozen.len() == 1 {
            "For ECS its task is still running, so it starts no other one. Resume it, and it comes back."
        } else {
            "For ECS their tasks are still running, so it starts no others. Resume them, and they come back."
        };
        return say(Mood::Wait, "Frozen", text, advice);
    }
    let missing = ecs.desired().saturating_sub(scene.counted().count());
    let text = match members {
        [only] => format!("{} is a cluster with one member, and leads.", only.name),
        _ => format!(
            "{} nodes are one cluster, and {leader} leads.",
            members.len()
        ),
    };
    if ecs.is_rolling() {
        let advice = "A deployment is running: a new task joins, then an old one leaves. The cluster stays the same.";
        return say(Mood::Good, "Deploying", text, advice);
    }
    if missing != 0 {
        let advice = if ecs.is_starting() {
            format!("{missing} fewer than desired: ECS is starting the missing ones.")
        } else if ecs.replaces() {
            format!(
                "{missing} fewer than desired: ECS starts {} {} s after a task has ended.",
                if missing == 1 { "another" } else { "others" },
                REPLACED_AFTER.as_secs()
            )
        } else {
            format!("{missing} fewer than desired, but ECS is set not to replace tasks that end.")
        };
        return say(Mood::Good, "One cluster", text, advice);
    }
    let advice = "Kill the leader, and see which node takes over, and why.";
    say(Mood::Good, "One cluster", text, advice)
}

fn say(
    state: Mood,
    kind: &'static str,
    text: impl Into<String>,
    advice: impl Into<String>,
) -> Headline {
    Headline {
        state,
        kind,
        text: text.into(),
        advice: advice.into(),
    }
}

fn count(nodes: usize) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        more => format!("{more} nodes"),
    }
}

fn going(nodes: usize) -> String {
    let go = if nodes == 1 { "continues" } else { "continue" };
    format!("{} {go}", count(nodes))
}

fn is_or_are(nodes: usize) -> &'static str {
    if nodes == 1 { "is" } else { "are" }
}

fn are_frozen(nodes: &[&Seen]) -> String {
    format!("{} {} frozen", names(nodes), is_or_are(nodes.len()))
}

/// The names of a few, the number of many.
fn some(nodes: &[&Seen]) -> String {
    if nodes.len() <= 3 {
        names(nodes)
    } else {
        count(nodes.len())
    }
}

/// A list of names as people write it.
fn names(nodes: &[&Seen]) -> String {
    let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::playground::{
        scheduler::Counted,
        testing::{member, minor, outside, scene, whole},
        voice::Voice,
    };

    const S: Duration = Duration::from_secs(1);

    fn says(scene: &Scene, kind: &str, texts: &[&str]) {
        let mut ecs = Scheduler::new(5);
        // All have been started.
        let started = ["1", "2", "3", "4", "5"].map(|node| Counted {
            node: node.to_owned(),
            revision: 1,
            is_settled: true,
        });
        ecs.decide(S, &started);
        says_with(&ecs, scene, kind, texts);
    }

    fn says_with(ecs: &Scheduler, scene: &Scene, kind: &str, texts: &[&str]) {
        let told = headline(scene, ecs);
        assert_eq!(told.kind, kind, "{told:?}");
        let whole = format!("{} {}", told.text, told.advice);
        for text in texts {
            assert!(whole.contains(text), "{text} is not in: {whole}");
        }
    }

    #[test]
    fn a_cluster_that_is_well_names_its_leader_and_what_to_try() {
        let five = &[
            "5 nodes are one cluster, and orders-1 leads.",
            "Kill the leader",
        ];
        says(&whole(5), "One cluster", five);
        says(&whole(3), "One cluster", &["2 fewer than desired", "10 s"]);
    }

    #[test]
    fn on_the_way_into_a_cluster_it_says_what_is_waited_for() {
        says(&Scene::default(), "Empty", &[]);
        let alone = scene(&[Some(outside("1 found, 3 needed"))]);
        says(
            &alone,
            "Forming",
            &["orders-1 is alone", "orders-1: 1 found, 3 needed"],
        );
        let mut founding = outside("asking");
        founding.bootstrap.phase = Phase::Founding;
        founding.bootstrap.consents = Some(2);
        let voting = scene(&[Some(founding), Some(outside("it waits"))]);
        says(&voting, "Voting", &["orders-1 asks", "2 of 3"]);
        let joining = scene(&[
            Some(member('a', &[1], &[])),
            Some(outside("waiting for 127.1.0.1:7626")),
        ]);
        says(
            &joining,
            "Joining",
            &["orders-2 is not in it yet", "waiting for orders-1"],
        );
    }

    #[test]
    fn a_loss_is_told_before_and_after_it_is_noticed() {
        let mut killed = whole(3);
        killed.lives(S, "orders-1", Life::Ended);
        says(&killed, "Just now", &["orders-1 is gone", "not noticed"]);
        let lost = Some(member('a', &[2, 3], &[1]));
        let noticed = scene(&[None, lost.clone(), lost]);
        says(
            &noticed,
            "A member is lost",
            &[
                "orders-1 does not answer. 2 nodes continue",
                "orders-2 leads",
            ],
        );
        let mut frozen = scene(&[
            Some(member('a', &[1, 2], &[])),
            Some(member('a', &[1, 2], &[])),
            None,
        ]);
        frozen.lives(S, "orders-3", Life::Frozen);
        says(&frozen, "Frozen", &["orders-3 is frozen", "Resume it"]);
    }

    #[test]
    fn several_are_spoken_of_as_several() {
        let mut both = whole(5);
        both.lives(S, "orders-1", Life::Ended);
        both.lives(S, "orders-2", Life::Frozen);
        let text = "orders-1 is gone, orders-2 is frozen, and the others";
        says(&both, "Just now", &[text]);
        let mut two = whole(5);
        for node in ["orders-1", "orders-2"] {
            two.lives(S, node, Life::Ended);
        }
        says(&two, "Just now", &["orders-1 and orders-2 are gone, and"]);

        let lost = Some(member('a', &[3, 4, 5], &[1, 2]));
        let two = scene(&[None, None, lost.clone(), lost.clone(), lost]);
        says(&two, "A member is lost", &["they are removed"]);

        let on = Some(member('a', &[3, 4, 5], &[]));
        let mut two = scene(&[None, None, on.clone(), on.clone(), on]);
        for node in ["orders-1", "orders-2"] {
            two.lives(S, node, Life::Frozen);
        }
        let texts = ["orders-1 and orders-2 are frozen; 3 nodes", "Resume them"];
        says(&two, "Frozen", &texts);

        let alone = scene(&[Some(minor('a', &[1]))]);
        says(&alone, "Too few", &["Only orders-1 is left", "It cannot"]);
        let pair = Some(minor('a', &[1, 2]));
        let pair = scene(&[pair.clone(), pair]);
        let texts = ["Only orders-1 and orders-2 are left", "They cannot"];
        says(&pair, "Too few", &texts);
    }

    #[test]
    fn what_has_not_been_started_yet_is_not_told_as_ended() {
        let missing = "3 fewer than desired: ECS is starting";
        says_with(&Scheduler::new(5), &whole(2), "One cluster", &[missing]);
        let mut one_by_one = Scheduler::new(2);
        one_by_one.scale(5, S);
        one_by_one.decide(S, &[]);
        says_with(&one_by_one, &whole(2), "One cluster", &[missing]);
    }

    #[test]
    fn a_side_of_a_split_is_taken_out_once_nobody_lists_it() {
        let split = |one: &Option<Voice>, other: &Option<Voice>| {
            let mut split = scene(&[one.clone(), one.clone(), other.clone(), other.clone()]);
            split.split = ["orders-3", "orders-4"].map(str::to_owned).into();
            split
        };
        let [lists, forgot] = [&[3, 4][..], &[]].map(|lost| Some(member('a', &[1, 2], lost)));
        let other = Some(member('a', &[3, 4], &[]));
        let told = "Each side says that the other does not answer.";
        says(&split(&lists, &other), "Split", &[told]);
        let told = "Each side has removed the other";
        says(&split(&forgot, &other), "Split", &[told]);
        let waits = Some(outside("it waits"));
        says(
            &split(&waits, &waits),
            "Split",
            &["There is no cluster yet"],
        );
    }

    #[test]
    fn a_split_names_its_sides_and_the_smaller_one() {
        let mut split = whole(5);
        split.split = ["orders-4", "orders-5"].map(str::to_owned).into();
        says(
            &split,
            "Split",
            &[
                "orders-4 and orders-5 | orders-1, orders-2 and orders-3",
                "still considers",
            ],
        );

        let (one, other) = (
            Some(member('a', &[1, 2, 3], &[])),
            Some(minor('a', &[4, 5])),
        );
        let mut split = scene(&[one.clone(), one.clone(), one, other.clone(), other]);
        split.split = ["orders-4", "orders-5"].map(str::to_owned).into();
        says(
            &split,
            "Split",
            &[
                "The smaller side knows",
                "orders-4 and orders-5 are not ready",
            ],
        );
    }

    #[test]
    fn two_clusters_are_told_the_older_first() {
        let mut two = scene(&[
            Some(member('b', &[1], &[])),
            Some(member('a', &[2, 3], &[])),
            Some(member('a', &[2, 3], &[])),
        ]);
        says(
            &two,
            "Two clusters",
            &["orders-2 and orders-3 | orders-1", "have met"],
        );
        two.apart = true;
        says(&two, "Two clusters", &["Let them meet"]);
    }
}
