//! Scenes for tests.

use std::net::{Ipv4Addr, SocketAddr};

use super::{
    scene::{Life, Scene, Seen},
    voice::{Bootstrap, Formation, Member, Members, Minority, Phase, Unreachable, Voice},
};

/// What peers call the node of this number.
pub(super) fn uri(n: usize) -> String {
    format!("cluster://orders@127.1.0.{n}:7355")
}

/// A cluster, told from others by a letter.
pub(super) fn cluster(letter: char) -> Formation {
    Formation {
        founded_at: u64::from(u32::from(letter)),
        id: letter.to_string().repeat(32),
    }
}

/// A node that waits.
pub(super) fn outside(message: &str) -> Voice {
    Voice {
        bootstrap: Bootstrap {
            phase: Phase::Waiting,
            message: message.to_owned(),
            reason: None,
            formation: None,
            quorum: 3,
            consents: None,
            last_lookup: None,
            alarms: Vec::new(),
        },
        members: Members {
            cluster: None,
            members: Vec::new(),
            unreachable: Vec::new(),
            minority: None,
            leader: None,
            oldest: None,
        },
    }
}

/// A member that sees these, and does not reach those; the first of the former leads.
pub(super) fn member(letter: char, sees: &[usize], lost: &[usize]) -> Voice {
    let first = sees.first().map(|n| uri(*n));
    let all = sees.iter().chain(lost);
    let mut voice = outside("a member");
    voice.bootstrap.phase = Phase::Member;
    voice.members = Members {
        cluster: Some(cluster(letter)),
        members: all
            .map(|n| Member {
                node: uri(*n),
                status: "Up".to_owned(),
            })
            .collect(),
        unreachable: lost.iter().map(|n| Unreachable { node: uri(*n) }).collect(),
        minority: None,
        leader: first.clone(),
        oldest: first,
    };
    voice
}

/// The same, on the smaller side of a split.
pub(super) fn minor(letter: char, sees: &[usize]) -> Voice {
    let mut voice = member(letter, sees, &[]);
    voice.members.minority = Some(Minority {
        reachable: sees.len(),
        majority: 3,
    });
    voice
}

/// Running nodes that say this; nothing where they do not answer.
pub(super) fn scene(voices: &[Option<Voice>]) -> Scene {
    let mut scene = Scene::default();
    for (n, voice) in voices.iter().enumerate() {
        let n = n + 1;
        let page = SocketAddr::from(([127, 2, 0, 1], 7626));
        let address = Ipv4Addr::new(127, 1, 0, u8::try_from(n).expect("few nodes"));
        let name = format!("orders-{n}");
        let task = format!("task-{n}");
        let mut node = Seen::new(&name, &uri(n), address, page, &task, 1);
        node.life = Life::Running;
        node.answers = voice.is_some();
        node.voice.clone_from(voice);
        scene.add(node);
    }
    scene
}

/// Nodes that are one cluster.
pub(super) fn whole(size: usize) -> Scene {
    let all: Vec<_> = (1..=size).collect();
    scene(&vec![Some(member('a', &all, &[])); size])
}
