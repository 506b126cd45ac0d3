//! Makes the page's data from a report and the logs of its nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use options::e2e::Scenario as Name;
use region::{Calls as Log, Outcome};

use super::{
    lanes::{Known, lanes},
    lines,
    model::{Calls, Run, Scenario, Step, Trouble},
};
use crate::{
    local::chronicle::Kept,
    record::Waited,
    report::{Conclusion, Report, Shown},
};

/// Reads the logs in `folder`, where each scenario has its own folder. What cannot be read is omitted: the page
/// should explain a run, and a run must not fail because of it.
#[must_use]
pub fn gather(report: &Report, folder: &Path) -> Run {
    let begins = report.scenarios.iter().map(|shown| shown.trace.began);
    let began = begins.min().unwrap_or(0);
    Run {
        target: report.target.to_string(),
        began,
        took: millis(report.took),
        scenarios: report
            .scenarios
            .iter()
            .map(|shown| scenario(shown, began, &folder.join(&shown.name)))
            .collect(),
    }
}

fn scenario(shown: &Shown, run_began: u64, folder: &Path) -> Scenario {
    let Shown {
        name,
        outcome,
        steps: _,
        trace,
        took,
    } = shown;
    let took = millis(*took);
    let (outcome, why, logs) = match outcome {
        Conclusion::Passed => ("passed", None, None),
        Conclusion::Skipped { reason } => ("skipped", Some((*reason).to_owned()), None),
        Conclusion::Interrupted => ("interrupted", None, None),
        Conclusion::Failed { error, logs } => (
            "failed",
            Some(format!("{error:#}")),
            Some(logs.display().to_string()),
        ),
    };
    let kept = trace.chronicle.so_far();
    let steps = trace.waited.iter().map(|waited| step(waited, took));
    Scenario {
        name: name.clone(),
        about: about(name),
        outcome,
        why,
        logs,
        began: trace.began.saturating_sub(run_began),
        took,
        steps: steps.collect(),
        troubles: troubles(&kept, trace.began, took),
        lanes: lanes(&known(&kept, folder), trace.began, took),
        calls: calls(&kept, trace.began),
    }
}

/// What the command line says that a scenario shows.
fn about(name: &str) -> String {
    let named = Name::all().iter().find(|scenario| scenario.name() == name);
    named.map(|scenario| scenario.about()).unwrap_or_default()
}

fn step(waited: &Waited, took: u64) -> Step {
    let Waited { what, from, ended } = waited;
    let (to, outcome, instead) = match ended {
        None => (took, "given-up", None),
        Some((to, None)) => (millis(*to), "seen", None),
        Some((to, instead)) => (millis(*to), "missed", instead.clone()),
    };
    Step {
        what: what.clone(),
        from: millis(*from),
        to,
        outcome,
        instead,
    }
}

/// The recorded nodes, and those of which there is only a log.
fn known(kept: &Kept, folder: &Path) -> Vec<Known> {
    let mut logs = BTreeMap::new();
    collect_logs(folder, "", &mut logs);
    let mut nodes: Vec<_> = kept
        .nodes
        .iter()
        .map(|(name, noted)| Known {
            name: name.clone(),
            uri: Some(noted.uri.clone()),
            life: noted.life.so_far(),
            lines: lines::read(&logs.remove(name).unwrap_or_default()),
        })
        .collect();
    nodes.extend(logs.into_iter().map(|(name, log)| Known {
        name,
        uri: None,
        life: Vec::new(),
        lines: lines::read(&log),
    }));
    nodes
}

/// All that lie in a folder and in those in it, by their names without their ending.
fn collect_logs(folder: &Path, prefix: &str, logs: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            collect_logs(&path, &format!("{prefix}{name}/"), logs);
        } else if let Some(name) = name.strip_suffix(".log")
            && let Ok(log) = fs::read(&path)
        {
            let log = String::from_utf8_lossy(&log).into_owned();
            logs.insert(format!("{prefix}{name}"), log);
        }
    }
}

/// What was wrong with the network and with AWS.
fn troubles(kept: &Kept, began: u64, took: u64) -> Vec<Trouble> {
    let end = i64::try_from(took).unwrap_or(i64::MAX);
    let splits = kept.splits.iter().map(|split| Trouble {
        of: "network",
        name: format!("split: {} | all others", split.side.join(", ")),
        struck: None,
        account: String::new(),
        from: apart(split.from, began),
        to: split.to.map_or(end, |to| apart(to, began)),
    });
    let of_aws = kept.troubles.iter().flat_map(|(account, troubles)| {
        let same = |one: &region::Trouble, other: &region::Trouble| {
            one.rule.to_string() == other.rule.to_string() && is_soon(one.from, other.from)
        };
        let groups = troubles.chunk_by(same);
        groups.map(|group| of_account_at_once(group, account, &kept.names, began, end))
    });
    let mut troubles: Vec<_> = splits.chain(of_aws).collect();
    troubles.sort_by_key(|trouble| trouble.from);
    troubles
}

/// The same fault for one node and for the next is shown as one.
fn of_account_at_once(
    group: &[region::Trouble],
    account: &str,
    names: &BTreeMap<String, String>,
    began: u64,
    end: i64,
) -> Trouble {
    let rules = group.iter().map(|trouble| &trouble.rule);
    let callers: BTreeSet<_> = rules
        .flat_map(region::Rule::callers)
        .map(|caller| names.get(caller).unwrap_or(caller).as_str())
        .collect();
    let mut name = group[0].rule.to_string();
    if !callers.is_empty() {
        let callers: Vec<_> = callers.into_iter().collect();
        name += &format!(", for {}", callers.join(", "));
    }
    let ends = group.iter().map(|trouble| trouble.to);
    Trouble {
        of: "aws",
        name,
        struck: Some(group.iter().map(|trouble| trouble.struck).sum()),
        account: account.to_owned(),
        from: since(group[0].from, began),
        to: ends
            .map(|to| to.map_or(end, |to| since(to, began)))
            .max()
            .unwrap_or(end),
    }
}

/// Whether two moments are the same for people.
fn is_soon(one: SystemTime, other: SystemTime) -> bool {
    let apart = other.duration_since(one).unwrap_or_default();
    apart < Duration::from_secs(1)
}

fn calls(kept: &Kept, began: u64) -> Vec<Calls> {
    let accounts = kept.calls.iter();
    accounts
        .flat_map(|(account, log)| of_account(account, log, began))
        .collect()
}

fn of_account(account: &str, log: &Log, began: u64) -> Vec<Calls> {
    let mut groups: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for call in log.log() {
        let group = groups.entry((call.action, call.outcome.clone()));
        group.or_default().push(since(call.at, began));
    }
    let calls = groups.into_iter().map(|((action, outcome), at)| Calls {
        action: action.to_string(),
        answered: outcome == Outcome::Answered,
        outcome: match outcome {
            Outcome::Answered => "answered".to_owned(),
            Outcome::Refused(code) => code,
            Outcome::Garbled => "garbled".to_owned(),
            Outcome::Unanswered => "unanswered".to_owned(),
        },
        account: account.to_owned(),
        at,
    });
    calls.collect()
}

fn since(at: SystemTime, began: u64) -> i64 {
    apart(at.duration_since(UNIX_EPOCH).map_or(0, millis), began)
}

fn apart(at: u64, began: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX) - i64::try_from(began).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use options::e2e::Target;
    use region::{Fault, Rule};
    use tempfile::tempdir;

    use super::*;
    use crate::{local::chronicle::Chronicle, nodes::life::Happening, record::Trace};

    #[test]
    fn logs_and_notes_of_one_node_come_together_and_a_log_alone_is_a_node_too() {
        let folder = tempdir().unwrap();
        let logs = folder.path().join("failure");
        fs::create_dir_all(logs.join("without-X")).unwrap();
        fs::write(logs.join("orders-1.log"), "words\n").unwrap();
        fs::write(logs.join("without-X/orders-1.log"), [0xff, b'\n']).unwrap();
        fs::write(logs.join("clock.c"), "int x;").unwrap();
        let chronicle = Chronicle::default();
        let uri = "cluster://orders@127.1.0.2:7355".to_owned();
        let life = chronicle.started("orders-1".to_owned(), uri.clone());
        life.note(Happening::Killed);
        let _silent = chronicle.started("orders-2".to_owned(), uri);
        let began = life.so_far()[0].0 - 100;

        let run = gather(&report(chronicle, began), folder.path());

        let [scenario] = &run.scenarios[..] else {
            panic!("{run:?}");
        };
        let lanes: Vec<_> = scenario
            .lanes
            .iter()
            .map(|lane| (lane.name.as_str(), lane.said.len(), lane.marks.len()))
            .collect();
        assert_eq!(
            lanes,
            [
                // What it said, whoever ended it.
                ("without-X/orders-1", 1, 1),
                ("orders-1", 1, 2),
                ("orders-2", 0, 0),
            ]
        );
        assert!(scenario.about.contains("is killed"), "{}", scenario.about);
        assert_eq!(scenario.why.as_deref(), Some("orders-1 lacks something"));
    }

    #[test]
    fn steps_that_were_missed_say_what_was_seen_instead() {
        let run = gather(&report(Chronicle::default(), 7), Path::new("/nowhere"));

        let steps = &run.scenarios[0].steps;
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.outcome, step.from, step.to, step.instead.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("seen", 0, 1_000, None),
                ("missed", 1_000, 3_000, Some("orders-1 lacks something")),
                ("given-up", 1_000, 4_000, None),
            ]
        );
    }

    #[test]
    fn what_was_wrong_has_its_time_and_what_was_wrong_for_several_nodes_is_one() {
        let chronicle = Chronicle::default();
        chronicle.split(vec!["orders-1".to_owned(), "orders-2".to_owned()]);
        chronicle.split(Vec::new());
        chronicle.split(vec!["orders-3".to_owned()]);
        let splits = chronicle.so_far().splits;
        let began = splits[0].from - 100;
        chronicle.named("06c4".to_owned(), "orders-1".to_owned());
        let throttled = |caller: &str, struck, lasted: Option<u64>| region::Trouble {
            rule: Rule::from(Fault::Throttle).for_caller(caller),
            from: UNIX_EPOCH + Duration::from_millis(began),
            to: lasted.map(|lasted| UNIX_EPOCH + Duration::from_millis(began + lasted)),
            struck,
        };
        let troubles = vec![
            throttled("06c4", 3, Some(50)),
            throttled("f88b", 4, Some(70)),
        ];
        chronicle.closed(String::new(), Log::default(), troubles);

        let run = gather(&report(chronicle, began), Path::new("/nowhere"));

        let troubles = &run.scenarios[0].troubles;
        let told: Vec<_> = troubles
            .iter()
            .map(|one| (one.of, one.name.as_str(), one.from, one.to, one.struck))
            .collect();
        let healed = apart(splits[0].to.unwrap(), began);
        let again = apart(splits[1].from, began);
        assert_eq!(
            told,
            [
                (
                    "aws",
                    "every call: throttled, for f88b, orders-1",
                    0,
                    70,
                    Some(7)
                ),
                (
                    "network",
                    "split: orders-1, orders-2 | all others",
                    100,
                    healed,
                    None
                ),
                (
                    "network",
                    "split: orders-3 | all others",
                    again,
                    4_000,
                    None
                ),
            ]
        );
    }

    fn report(chronicle: Chronicle, began: u64) -> Report {
        let second = Duration::from_secs(1);
        let instead = || Some("orders-1 lacks something".to_owned());
        let waited = |what: &str, from, ended| Waited {
            what: what.to_owned(),
            from,
            ended,
        };
        Report {
            target: Target::Embedded,
            scenarios: vec![Shown {
                name: "failure".to_owned(),
                outcome: Conclusion::Failed {
                    error: anyhow!("orders-1 lacks something"),
                    logs: "/tmp/run/failure".into(),
                },
                steps: Vec::new(),
                trace: Trace {
                    began,
                    waited: vec![
                        waited("a", Duration::ZERO, Some((second, None))),
                        waited("b", second, Some((3 * second, instead()))),
                        waited("c", second, None),
                    ],
                    chronicle,
                },
                took: 4 * second,
            }],
            took: 4 * second,
        }
    }
}
