use serde_json::json;

use super::{super::lines, *};

/// When the scenario began: long after 1970.
const BEGAN: u64 = 1_800_000_000_000;

/// A line of a log, so many milliseconds after the beginning.
fn logged(at: u64, level: &str, message: &str, node: Option<&str>) -> String {
    let at = std::time::Duration::from_millis(BEGAN + at);
    let at = aws_smithy_types::DateTime::from(std::time::UNIX_EPOCH + at).to_string();
    let mut line = json!({ "timestamp": at, "level": level, "message": message });
    if let Some(node) = node {
        line["node"] = json!(node);
    }
    format!("{line}\n")
}

fn info(at: u64, message: &str) -> String {
    logged(at, "INFO", message, None)
}

fn of(at: u64, message: &str, node: &str) -> String {
    logged(at, "WARN", message, Some(node))
}

fn known(name: &str, life: &[(u64, Happening)], log: &[String]) -> Known {
    Known {
        name: name.to_owned(),
        uri: None,
        life: life
            .iter()
            .map(|(at, happening)| (BEGAN + at, happening.clone()))
            .collect(),
        lines: lines::read(&log.concat()),
    }
}

fn lane(name: &str, life: &[(u64, Happening)], log: &[String]) -> Lane {
    let mut lanes = lanes(&[known(name, life, log)], BEGAN, 10_000);
    lanes.remove(0)
}

/// Kind or name, and from when to when.
fn phases(lane: &Lane) -> Vec<(&str, i64, i64)> {
    let phases = lane.phases.iter();
    phases
        .map(|phase| (phase.name.as_str(), phase.from, phase.to))
        .collect()
}

fn marks(lane: &Lane) -> Vec<(i64, &str)> {
    lane.marks.iter().map(|mark| (mark.at, mark.kind)).collect()
}

fn forming(at: u64) -> Vec<String> {
    vec![
        info(at, "listening"),
        info(at + 1, "node started"),
        info(at + 50, "waiting for the number of expected nodes"),
        // The same again is no other phase.
        info(at + 60, "waiting for the number of expected nodes"),
        info(at + 100, "waiting for contact points: 1 found, 2 needed"),
        info(at + 200, "joining the cluster"),
        info(at + 300, "this node is a member"),
    ]
}

#[test]
fn the_way_of_a_node_is_one_phase_after_the_other() {
    let log = [
        forming(500),
        vec![
            info(5_000, "SIGTERM: stopping"),
            info(5_001, "leaving the cluster"),
            info(5_500, "left the cluster"),
        ],
    ];
    let life = [
        (400, Happening::Started),
        (4_990, Happening::Asked),
        (5_600, Happening::Ended("exit status: 0".to_owned())),
        (9_000, Happening::FoundEnded("exit status: 0".to_owned())),
    ];

    let lane = lane("orders-1", &life, &log.concat());

    assert_eq!(
        phases(&lane),
        [
            ("starting", 400, 501),
            ("first lookup", 501, 550),
            ("expected nodes", 550, 600),
            ("contact points", 600, 700),
            ("joining", 700, 800),
            ("member", 800, 5_000),
            ("leaving", 5_000, 5_600),
        ]
    );
    assert_eq!(marks(&lane), [(4_990, "asked"), (5_600, "ended")]);
    assert_eq!(lane.clock_ahead, None);
}

#[test]
fn a_node_is_a_member_as_soon_as_it_sees_itself_among_them() {
    let mut log = forming(0);
    let cluster = json!({ "cluster.id": "1262fb594e2d9a1173f9d8b1535b23b4" });
    for (n, at) in [(5, 200), (6, 300)] {
        log[n] = log[n].replace("}\n", &format!(",{}\n", &cluster.to_string()[1..]));
        assert!(log[n].contains("1262fb59"), "{at}");
    }
    let own = "127.1.0.2:7355";
    log.insert(6, of(250, "member is up", "127.1.0.3:7355"));
    log.insert(7, of(260, "member is up", own));
    log.push(of(900, "member is up", own));
    let mut node = known("orders-1", &[], &log);
    node.uri = Some(format!("cluster://orders@{own}"));

    let lane = lanes(&[node], BEGAN, 1_000).remove(0);

    assert_eq!(
        phases(&lane)[3..],
        [
            ("contact points", 100, 200),
            ("joining", 200, 260),
            ("member of 1262fb59", 260, 1_000),
        ]
    );
}

#[test]
fn a_node_that_is_killed_and_comes_back_has_two_lives_in_one_lane() {
    let log = [forming(100), forming(3_000)].concat();
    let life = [
        (90, Happening::Started),
        (2_000, Happening::Killed),
        (2_900, Happening::Started),
        (9_500, Happening::LetGo),
    ];

    let noted = lane("orders-1", &life, &log);
    let unnoted = lane("task", &[], &log);

    let members = |lane: &Lane| {
        let phases = phases(lane).into_iter();
        let members = phases.filter(|(name, ..)| *name == "member");
        members.map(|(_, from, to)| (from, to)).collect::<Vec<_>>()
    };
    assert_eq!(members(&noted), [(400, 2_000), (3_300, 9_500)]);
    assert_eq!(marks(&noted), [(2_000, "killed")]);
    // Its last words are all that is known of its end.
    assert_eq!(members(&unnoted), [(400, 400), (3_300, 10_000)]);
    assert_eq!(marks(&unnoted), [(400, "killed")]);
    let starts = phases(&noted).into_iter();
    let starts: Vec<_> = starts.filter(|(name, ..)| *name == "starting").collect();
    assert_eq!(starts, [("starting", 90, 101), ("starting", 2_900, 3_001)]);
}

#[test]
fn members_are_counted_and_begin_anew_with_the_process() {
    let [one, two] = ["127.1.0.2:7355", "127.1.0.3:7355"];
    let log = [
        info(100, "listening"),
        of(200, "member is up", one),
        of(200, "member is up", two),
        of(1_000, "member does not answer", two),
        of(1_500, "member answers again", two),
        of(2_000, "member does not answer", two),
        of(2_500, "member was removed as dead", two),
        of(2_600, "member is up", "127.1.0.4:7355"),
        info(3_000, "node started"),
        info(4_000, "listening"),
        of(4_500, "member is up", one),
    ];

    let lane = lane("orders-1", &[], &log);

    let counts: Vec<_> = lane
        .members
        .iter()
        .map(|count| (count.at, count.members, count.lost))
        .collect();
    assert_eq!(
        counts,
        [
            (200, 2, 0),
            (1_000, 2, 1),
            (1_500, 2, 0),
            (2_000, 2, 1),
            (2_500, 1, 0),
            (2_600, 2, 0),
            (4_000, 0, 0),
            (4_500, 1, 0),
        ]
    );
}

#[test]
fn what_others_say_of_a_node_stands_in_its_lane() {
    let mut victim = known("orders-1", &[(0, Happening::Started)], &forming(10));
    victim.uri = Some("cluster://orders@127.1.0.2:7355".to_owned());
    victim.life.push((BEGAN + 1_000, Happening::Killed));
    let seen_by = |name: &str, removed: Option<u64>| {
        let mut log = vec![of(1_500, "member does not answer", "127.1.0.2:7355")];
        log.extend(removed.map(|at| of(at, "member was removed as dead", "127.1.0.2:7355")));
        let life = [(0, Happening::Started), (8_000, Happening::LetGo)];
        known(name, &life, &log)
    };
    let nodes = [
        seen_by("orders-2", Some(4_000)),
        seen_by("orders-3", None),
        victim,
    ];

    let lanes = lanes(&nodes, BEGAN, 9_000);

    let victim = &lanes[0];
    assert_eq!(victim.name, "orders-1");
    let lost: Vec<_> = victim
        .lost
        .iter()
        .map(|span| (span.text.as_str(), span.from, span.to))
        .collect();
    assert_eq!(
        lost,
        [
            ("does not answer, says orders-2", 1_500, 4_000),
            // Until whoever says so is gone itself.
            ("does not answer, says orders-3", 1_500, 8_000),
        ]
    );
    assert_eq!(marks(victim), [(1_000, "killed")]);
    assert!(lanes[1].lost.is_empty());
}

#[test]
fn where_nobody_noted_the_end_of_a_node_others_know_of_it() {
    let mut log = forming(10);
    log[1] = logged(
        11,
        "INFO",
        "node started",
        Some("cluster://orders@10.0.0.9:7355"),
    );
    let victim = known("task-1", &[], &log);
    let other = known(
        "task-2",
        &[],
        &[of(6_000, "member has left", "10.0.0.9:7355")],
    );

    let lanes = lanes(&[victim, other], BEGAN, 9_000);

    let victim = lanes.iter().find(|lane| lane.name == "task-1").unwrap();
    assert_eq!(victim.address.as_deref(), Some("10.0.0.9:7355"));
    assert_eq!(victim.phases.last().unwrap().to, 6_000);
    assert_eq!(marks(victim), [(6_000, "ended")]);
}

#[test]
fn a_wrong_clock_is_set_right_and_named() {
    let log = forming(120_100);
    let life = [(50, Happening::Started), (9_000, Happening::LetGo)];

    let lane = lane("orders-1", &life, &log);

    assert_eq!(lane.clock_ahead, Some(120_050));
    assert_eq!(phases(&lane).last(), Some(&("member", 350, 9_000)));
}

#[test]
fn what_is_hostile_or_cut_off_stays_text_in_its_place() {
    let hostile = "</script><script>alert(1)</script>";
    let whole = info(900, "this node is a member");
    let log = [
        info(100, "listening"),
        info(200, hostile),
        of(300, "member is up", hostile),
        whole[..whole.len() - 20].to_owned(),
    ];

    let lane = lane(hostile, &[(0, Happening::Started)], &log);

    assert_eq!(lane.name, hostile);
    assert_eq!(phases(&lane), [("starting", 0, 10_000)]);
    assert_eq!(lane.members.len(), 1);
    let last = lane.said.last().unwrap();
    assert_eq!((last.at, last.level), (300, "said"));
    assert!(last.text.contains("this node is a mem"), "{last:?}");
    assert_eq!(lane.marks.last().unwrap().kind, "error");
}

#[test]
fn a_node_that_talks_without_end_is_cut_in_the_middle() {
    let log: Vec<_> = (0..1_000).map(|n| info(n, &format!("line {n}"))).collect();

    let said = lane("orders-1", &[], &log).said;

    assert_eq!(said.len(), MOST_SAID + 1);
    assert_eq!(
        (said[0].text.as_str(), said.last().unwrap().text.as_str()),
        ("line 0", "line 999")
    );
    assert_eq!(said[MOST_SAID / 2].text, "(600 lines are omitted here)");
}

#[test]
fn a_node_that_was_started_and_said_nothing_has_a_lane_too() {
    let life = [
        (100, Happening::Started),
        (700, Happening::FoundEnded("exit status: 2".to_owned())),
    ];

    let lane = lane("orders-1", &life, &[]);

    assert_eq!(phases(&lane), [("starting", 100, 100)]);
    assert_eq!(marks(&lane), [(100, "killed")]);
    assert!(lane.marks[0].text.contains("exit status: 2"));
}
