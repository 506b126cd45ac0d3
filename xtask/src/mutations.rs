//! `cargo xtask mutations`: plants faults, one at a time, and checks that a test catches each.
//!
//! Each of these faults breaks safety or liveness, and some passed every test once. The table is for what matters most;
//! `cargo mutants` (see CONTRIBUTING.md) plants thousands, of which many are harmless.

use anyhow::{bail, ensure};
use xshell::{Shell, cmd};

use self::fault::{Browser, Fault};
use crate::{browser, tools};

mod fault;
mod pages;

/// Plants faults in the code, one at a time, and runs the tests that must catch each.
///
/// Each takes about a minute. The exit status is 1 if a fault is not caught. Faults whose names begin with `page`,
/// `playground` or `report` need a browser. At the end the code is as before; if you interrupt it, `git checkout -- .`
/// removes the planted fault.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the faults whose name contains this.
    name: Option<String>,
}

const FOUNDING: &str = "package(bootstrap) & test(coordinator::tests::founding)";
const MODEL: &str =
    "package(bootstrap) & test(at_most_one_cluster_is_started_and_whoever_lives_ends_in_it)";
const NUMBERS: &str = "package(bootstrap) & test(those_who_are_told_late_are_told_another_number)";
const WATCHING: &str = "package(bootstrap) & test(coordinator::tests::watching)";
const ADVERSE: &str = "package(simulation) & test(wrong_for_good)";
const COLD_START: &str = "package(simulation) & test(cold_start)";

const FAULTS: &[Fault] = &[
    Fault {
        name: "a node does not remember its own vote",
        file: "demo-node/bootstrap/src/coordinator/founding.rs",
        was: "let reply = self.acceptor.answer(request, voter);\n        self.count(",
        becomes: "let reply = self.acceptor.clone().answer(request, voter);\n        self.count(",
        caught_by: MODEL,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "the quorum is a majority of the nodes that were asked, not of the expected nodes",
        file: "demo-node/bootstrap/src/coordinator/founding.rs",
        was: "let participants = self.state.participants(turn.now);",
        becomes: "let participants = self.state.among(turn.now).len() + 1;",
        caught_by: FOUNDING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a node forgets its promises when its own attempt fails",
        file: "demo-node/bootstrap/src/coordinator/founding.rs",
        was: "        let failures = founding.failures.saturating_add(1).min(5);",
        becomes: "        let failures = founding.failures.saturating_add(1).min(5);\n        self.acceptor = Default::default();",
        caught_by: MODEL,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a node waits for the founder for only a moment, then tries again",
        file: "demo-node/bootstrap/src/coordinator/stage.rs",
        was: "JOIN_PATIENCE: Duration = Duration::from_secs(5)",
        becomes: "JOIN_PATIENCE: Duration = Duration::from_millis(1)",
        caught_by: FOUNDING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "an acceptor accepts a ballot below the one that it has promised",
        file: "demo-node/bootstrap/src/founding.rs",
        was: "            Request::Prepare(ballot) | Request::Accept(ballot, _)\n                if",
        becomes: "            Request::Prepare(ballot)\n                if",
        caught_by: MODEL,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "an acceptor does not store its promise",
        file: "demo-node/bootstrap/src/founding.rs",
        was: "self.promised = Some(ballot);\n                let accepted",
        becomes: "let accepted",
        caught_by: MODEL,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a proposer ignores values that were accepted before",
        file: "demo-node/bootstrap/src/founding.rs",
        was: ".filter_map(|promise| promise.accepted)",
        becomes: ".filter_map(|promise| promise.accepted.filter(|_| false))",
        caught_by: MODEL,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a proposer takes the accepted value with the lowest ballot, not the highest",
        file: "demo-node/bootstrap/src/founding.rs",
        was: ".max_by_key(|(ballot, _)| *ballot)",
        becomes: ".min_by_key(|(ballot, _)| *ballot)",
        caught_by: MODEL,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "the expected nodes of other voters are ignored",
        file: "demo-node/bootstrap/src/founding.rs",
        was: "self.participants.max(voter.expected.unwrap_or(0))",
        becomes: "self.participants.max(voter.expected.map_or(0, |_| 0))",
        caught_by: NUMBERS,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "voters whose expected nodes are not known yet are counted",
        file: "demo-node/bootstrap/src/founding.rs",
        was: "let (told, untold) = (self.consents(), self.untold().count());",
        becomes: "let (told, untold) = (self.voters().count(), 0);",
        caught_by: NUMBERS,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a node that gets another request does not ask the platform for the expected nodes",
        file: "demo-node/bootstrap/src/coordinator/founding.rs",
        was: "self.is_needed |= self.state.is_untold()",
        becomes: "self.is_needed |= self.state.own_number().is_some()",
        caught_by: FOUNDING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "only the node with the lowest address ever asks all nodes",
        file: "demo-node/bootstrap/src/survey.rs",
        was: "            Progress::From(at) if at <= now => {",
        becomes: "            Progress::From(at) if at <= now && nodes == 0 => {",
        caught_by: ADVERSE,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "each node that looks for a cluster asks all nodes",
        file: "demo-node/bootstrap/src/coordinator/looking.rs",
        was: "const FEW: usize = 4;",
        becomes: "const FEW: usize = 4_000;",
        caught_by: COLD_START,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "each member looks as often as the only member of a cluster",
        file: "demo-node/bootstrap/src/pacing.rs",
        was: "interval.saturating_mul(count(members.max(1)))",
        becomes: "interval.saturating_mul(count(members.clamp(1, 1)))",
        caught_by: WATCHING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a node that meets an older cluster does not tell the other members",
        file: "demo-node/bootstrap/src/coordinator/watching.rs",
        was: ".filter(|(_, uid)| **uid != me.uid)",
        becomes: ".filter(|(_, uid)| **uid == me.uid)",
        caught_by: WATCHING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a node that moves to an older cluster is called back",
        file: "demo-node/bootstrap/src/coordinator/joining.rs",
        was: "&& joining.formation.precedes(&formation)",
        becomes: "&& joining.formation.precedes(&formation)\n            && joining.starts()",
        caught_by: WATCHING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a node that moves to an older cluster forgets that cluster",
        file: "demo-node/bootstrap/src/coordinator/watching.rs",
        was: "going_to.filter(|going_to| going_to.is_lasting(now))",
        becomes: "going_to.filter(|_| false)",
        caught_by: WATCHING,
        browser: Browser::NotNeeded,
    },
    Fault {
        name: "a member's result of a lookup is valid for only a moment",
        file: "demo-node/bootstrap/src/coordinator/watching.rs",
        was: "if untold && let",
        becomes: "if !untold && let",
        caught_by: WATCHING,
        browser: Browser::NotNeeded,
    },
];

pub(crate) fn run(sh: &Shell, args: &Args) -> anyhow::Result<()> {
    tools::NEXTEST.ensure(sh)?;
    let wanted = |fault: &&Fault| {
        args.name
            .as_ref()
            .is_none_or(|name| fault.name.contains(name))
    };
    let faults: Vec<_> = all().filter(wanted).collect();
    ensure!(
        !faults.is_empty(),
        "no fault has this in its name: see `xtask/src/mutations.rs`"
    );
    let looks = faults.iter().any(|fault| fault.browser == Browser::Needed);
    if let Some(reason) = looks.then(browser::unusable).flatten() {
        bail!("the faults of the pages cannot be caught: {reason}");
    }
    for file in faults.iter().map(|fault| fault.file) {
        let changed = cmd!(sh, "git status --porcelain -- {file}")
            .quiet()
            .read()?;
        ensure!(
            changed.is_empty(),
            "{file} has uncommitted changes: commit them first"
        );
    }
    let mut missed = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        eprintln!("\n==> {} of {}: {}", number + 1, faults.len(), fault.name);
        if fault.is_caught(sh)? {
            eprintln!("caught");
        } else {
            eprintln!("NOT CAUGHT by {}", fault.caught_by);
            missed.push(fault.name);
        }
    }
    eprintln!(
        "\n{} of {} caught",
        faults.len() - missed.len(),
        faults.len()
    );
    ensure!(missed.is_empty(), "not caught: {}", missed.join("; "));
    Ok(())
}

fn all() -> impl Iterator<Item = &'static Fault> {
    FAULTS.iter().chain(pages::FAULTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_planted() {
        for fault in all() {
            let (planted, code) = fault.plant().unwrap();
            assert_ne!(planted, code, "{}", fault.name);
        }
    }
}
