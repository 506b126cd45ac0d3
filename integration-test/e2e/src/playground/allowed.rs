//! Whether a command is possible in the current state.

use std::collections::BTreeSet;

use super::{
    command::{Command, MOST_NODES, Refusal},
    scene::{Life, Scene, Seen},
    scheduler::Scheduler,
};

/// How many tasks a second cluster begins with.
pub(super) const SECOND: usize = 2;

/// Whether a command can be carried out now.
///
/// # Errors
///
/// If it cannot.
pub(super) fn check(command: &Command, scene: &Scene, ecs: &Scheduler) -> Result<(), Refusal> {
    match command {
        Command::Scale { desired, .. } => at_most(*desired),
        Command::Afresh { nodes } => nodes.map_or(Ok(()), at_most),
        Command::Deploy if ecs.is_rolling() => not_now("a deployment is already running"),
        Command::Deploy if scene.counted().next().is_none() => {
            not_now("no task is running that could be replaced: scale the service up first")
        }
        Command::Stop { node } => match find(scene, node)?.life {
            Life::Running => Ok(()),
            Life::Frozen => not_now(format!(
                "{node} is frozen and would not notice: resume it first, or kill it"
            )),
            Life::Stopping => not_now(format!("{node} is already stopping")),
            Life::Ended => gone(node),
        },
        Command::Kill { node } => match find(scene, node)?.life {
            Life::Running | Life::Frozen => Ok(()),
            Life::Stopping => not_now(format!("{node} is already stopping")),
            Life::Ended => gone(node),
        },
        Command::Freeze { node } => match find(scene, node)?.life {
            Life::Running => Ok(()),
            Life::Frozen => not_now(format!("{node} is already frozen")),
            Life::Stopping => not_now(format!("{node} is already stopping")),
            Life::Ended => gone(node),
        },
        Command::Thaw { node } => match find(scene, node)?.life {
            Life::Frozen => Ok(()),
            Life::Running | Life::Stopping => not_now(format!("{node} is not frozen")),
            Life::Ended => gone(node),
        },
        Command::Split { nodes } => split(scene, nodes),
        Command::Heal if scene.split.is_empty() => not_now("the network is not split"),
        Command::SecondCluster => second(scene, ecs),
        Command::Meet if !scene.apart => {
            not_now("there are no two clusters that AWS lists separately: start a second one first")
        }
        Command::Replace { .. }
        | Command::Deploy
        | Command::Heal
        | Command::Trouble { .. }
        | Command::Meet
        | Command::Tell { .. }
        | Command::Hush => Ok(()),
    }
}

fn at_most(nodes: usize) -> Result<(), Refusal> {
    if MOST_NODES < nodes {
        return Err(Refusal::Never(format!(
            "{nodes} nodes are too many: the playground runs at most {MOST_NODES}"
        )));
    }
    Ok(())
}

fn split(scene: &Scene, nodes: &BTreeSet<String>) -> Result<(), Refusal> {
    for node in nodes {
        if !find(scene, node)?.counts() {
            return gone(node);
        }
    }
    let others = scene.counted().filter(|node| !nodes.contains(&node.name));
    match (nodes.is_empty(), others.count()) {
        (true, _) => Err(Refusal::Never(
            "one side of a split has no node: name some in `nodes`".to_owned(),
        )),
        (false, 0) => Err(Refusal::Never(
            "the other side of a split has no node: name fewer in `nodes`".to_owned(),
        )),
        (false, _) => Ok(()),
    }
}

fn second(scene: &Scene, ecs: &Scheduler) -> Result<(), Refusal> {
    if scene.apart || 1 < scene.clusters().len() {
        return not_now("there are already two clusters: let them meet first");
    }
    if scene.clusters().is_empty() {
        return not_now("there is no first cluster yet");
    }
    if !scene.split.is_empty() {
        return not_now("the network is split: heal it first");
    }
    if MOST_NODES < ecs.desired() + SECOND {
        return not_now(format!(
            "{SECOND} more nodes are too many: the playground runs at most {MOST_NODES}, so \
             scale the service down first"
        ));
    }
    Ok(())
}

fn find<'a>(scene: &'a Scene, name: &str) -> Result<&'a Seen, Refusal> {
    scene.node(name).ok_or_else(|| {
        let there = scene.counted().map(|node| node.name.as_str());
        let there: Vec<_> = there.collect();
        let name: String = name.chars().take(60).collect();
        Refusal::NotThere(if there.is_empty() {
            format!("there is no node `{name}`: none runs")
        } else {
            format!("there is no node `{name}`: there are {}", there.join(", "))
        })
    })
}

fn not_now<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::NotNow(why.into()))
}

fn gone<T>(node: &str) -> Result<T, Refusal> {
    not_now(format!("{node} has ended"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::playground::{
        story::Story,
        testing::{member, outside, scene, whole},
    };

    fn refusal(command: &str, scene: &Scene) -> Option<Refusal> {
        let command = serde_json::from_str(command).unwrap();
        check(&command, scene, &Scheduler::new(5)).err()
    }

    fn not_now(text: &str) -> Option<Refusal> {
        Some(Refusal::NotNow(text.to_owned()))
    }

    #[test]
    fn a_node_that_is_not_there_is_refused_with_those_that_are() {
        for deed in ["stop", "kill", "freeze", "thaw"] {
            let command = format!(r#"{{"do":"{deed}","node":"orders-9"}}"#);
            let there = "there is no node `orders-9`: there are orders-1, orders-2";
            let expected = Some(Refusal::NotThere(there.to_owned()));
            assert_eq!(refusal(&command, &whole(2)), expected);
            let none = "there is no node `orders-9`: none runs";
            let expected = Some(Refusal::NotThere(none.to_owned()));
            assert_eq!(refusal(&command, &Scene::default()), expected);
        }
    }

    #[test]
    fn what_can_be_done_to_a_node_depends_on_its_life() {
        let deeds = ["stop", "kill", "freeze", "thaw"];
        for (life, can) in [
            (Life::Running, [true, true, true, false]),
            (Life::Frozen, [false, true, false, true]),
            (Life::Stopping, [false; 4]),
            (Life::Ended, [false; 4]),
        ] {
            let mut scene = whole(2);
            scene.lives(Duration::ZERO, "orders-1", life);
            let may = deeds.map(|deed| {
                let command = format!(r#"{{"do":"{deed}","node":"orders-1"}}"#);
                refusal(&command, &scene).is_none()
            });
            assert_eq!(may, can, "{life:?}");
        }
    }

    #[test]
    fn a_split_has_two_sides() {
        let scene = whole(2);
        assert_eq!(
            refusal(r#"{"do":"split","nodes":["orders-2"]}"#, &scene),
            None
        );
        for (nodes, told) in [
            ("[]", "name some"),
            (r#"["orders-1","orders-2"]"#, "name fewer"),
            (r#"["orders-7"]"#, "no node `orders-7`"),
        ] {
            let command = format!(r#"{{"do":"split","nodes":{nodes}}}"#);
            let refusal = refusal(&command, &scene).unwrap().to_string();
            assert!(refusal.contains(told), "{refusal}");
        }
        let heal = r#"{"do":"heal"}"#;
        assert_eq!(refusal(heal, &scene), not_now("the network is not split"));
    }

    #[test]
    fn there_are_at_most_two_clusters_and_twelve_nodes() {
        let second = r#"{"do":"second-cluster"}"#;
        assert_eq!(refusal(second, &whole(5)), None);
        assert!(refusal(second, &scene(&[Some(outside("it waits"))])).is_some());
        let two = scene(&[Some(member('a', &[1], &[])), Some(member('b', &[2], &[]))]);
        assert!(refusal(second, &two).is_some());
        let command = Command::SecondCluster;
        assert!(check(&command, &whole(5), &Scheduler::new(11)).is_err());
        assert!(refusal(r#"{"do":"meet"}"#, &whole(5)).is_some());

        assert_eq!(refusal(r#"{"do":"scale","desired":12}"#, &whole(5)), None);
        let many = refusal(r#"{"do":"scale","desired":13}"#, &whole(5));
        let text = "13 nodes are too many: the playground runs at most 12";
        assert_eq!(many, Some(Refusal::Never(text.to_owned())));
        assert!(refusal(r#"{"do":"afresh","nodes":13}"#, &whole(5)).is_some());
    }

    #[test]
    fn stories_can_always_be_told() {
        for story in Story::ALL {
            let tell = Command::Tell { story };
            assert_eq!(check(&tell, &Scene::default(), &Scheduler::new(0)), Ok(()));
        }
    }
}
