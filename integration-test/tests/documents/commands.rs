//! No command stands in a document that nothing runs, or that its program refuses.

use std::{collections::BTreeSet, fs, process::Command};

use integration_test::{
    documents::{DOCUMENTS, mentioned, root, text, typed},
    program,
};

/// What shows that a command does what its document says.
#[derive(Debug, Clone, Copy)]
enum Shown {
    /// `.ci/run` has this step.
    Step(&'static str),
    /// A test runs it, or the program behind it: file and name.
    Test(&'static str, &'static str),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

use Shown::{Nothing, Step, Test};

const NODE: Shown = Test(
    "integration-test/tests/documents/typed.rs",
    "a_node_is_looked_at_as_the_readme_has_it",
);
const REGION: Shown = Test(
    "integration-test/tests/documents/typed.rs",
    "the_library_is_tried_without_aws_as_its_readme_has_it",
);
const COMPOSE: Shown = Test(
    "integration-test/tests/container/compose.rs",
    "three_containers_lose_and_regain_a_node_as_the_readme_has_it",
);
const TASKS: Shown = Test(
    "integration-test/tests/container/tasks.rs",
    "a_service_is_deployed_shown_changed_and_destroyed",
);
const INSTANCES: Shown = Test(
    "integration-test/tests/container/instances.rs",
    "instances_are_deployed_shown_and_destroyed",
);

/// The beginnings of all commands in blocks. Of those that fit a command, the longest counts.
const COMMANDS: &[(&str, Shown)] = &[
    ("git clone REPOSITORY", Nothing("the reader has done it")),
    (
        "cargo xtask demo",
        Test(
            "integration-test/tests/documents/typed.rs",
            "the_playground_opens_as_the_readme_shows",
        ),
    ),
    ("cargo xtask e2e", Step("cargo xtask e2e")),
    ("cargo xtask test", Step("cargo xtask test")),
    ("cargo xtask image", Step("cargo xtask test")),
    ("cargo xtask image --files", INSTANCES),
    ("docker compose --file docker/compose.yaml", COMPOSE),
    ("curl -s http://127.0.0.1:7626/cluster/members", COMPOSE),
    (
        "cargo xtask e2e --target docker",
        Test(
            "integration-test/tests/container/runs.rs",
            "a_scenario_passes_in_containers",
        ),
    ),
    (
        "cargo xtask e2e --target ministack",
        Test(
            "integration-test/tests/container/runs.rs",
            "nodes_are_asked_by_a_task_among_them_as_on_aws",
        ),
    ),
    (
        "cargo xtask e2e --target aws",
        Test(
            "integration-test/tests/container/runs.rs",
            "an_account_is_told_of_and_left_alone_where_nobody_agrees",
        ),
    ),
    (
        "cargo xtask deploy --check",
        Test(
            "xtask/deploy/tests/stories/check.rs",
            "what_a_deployment_needs_is_looked_at_and_nothing_is_created",
        ),
    ),
    ("cargo xtask deploy", TASKS),
    ("cargo xtask status", TASKS),
    ("cargo xtask destroy", TASKS),
    ("cargo xtask deploy --workload ec2", INSTANCES),
    ("cargo build --workspace", Step("cargo xtask e2e")),
    ("export DEMO_NODE_MEMBERSHIP_KEYS", NODE),
    ("target/debug/demo-node run", NODE),
    ("target/debug/demo-node members", NODE),
    ("curl -s http://127.0.0.1:7626/bootstrap", NODE),
    ("kill %1", NODE),
    (
        "target/debug/demo-node lookup my-service",
        Test(
            "integration-test/tests/node/looking.rs",
            "a_complete_view_is_json_with_these_keys_and_status_0",
        ),
    ),
    (
        "docker exec CONTAINER /demo-node doctor",
        Test(
            "integration-test/tests/container/compose.rs",
            "three_containers_lose_and_regain_a_node_as_the_readme_has_it",
        ),
    ),
    ("aws ", Nothing("it needs an account")),
    ("target/debug/region", REGION),
    ("export AWS_ENDPOINT_URL", REGION),
    ("target/debug/demo-node lookup orders", REGION),
    (
        "cargo bench --workspace --bench lookup",
        Nothing("it compiles aws-sdk-ec2 once more, with optimisations"),
    ),
];

#[test]
fn every_command_in_a_block_is_run_by_something() {
    let mut used = BTreeSet::new();
    for document in DOCUMENTS {
        for typed in typed(document) {
            let fit = COMMANDS
                .iter()
                .filter(|(beginning, _)| typed.command.starts_with(beginning));
            let Some((beginning, _)) = fit.max_by_key(|(beginning, _)| beginning.len()) else {
                panic!(
                    "nothing runs `{}` ({}): write a test, and its name into COMMANDS",
                    typed.command, typed.place
                );
            };
            used.insert(*beginning);
        }
    }
    let steps = fs::read_to_string(root().join(".ci/run")).unwrap();
    for (beginning, shown) in COMMANDS {
        assert!(used.contains(beginning), "no document has `{beginning}`");
        match shown {
            Step(step) => assert!(
                steps
                    .lines()
                    .any(|line| line.starts_with(&format!("step {step}"))),
                ".ci/run has no step `{step}`"
            ),
            Test(file, name) => assert!(
                text(file).contains(&format!("fn {name}()")),
                "{file} has no test `{name}`"
            ),
            Nothing(reason) => assert!(!reason.is_empty()),
        }
    }
}

#[test]
fn every_command_line_in_a_document_is_one_that_its_program_takes() {
    let mut asked = BTreeSet::new();
    for document in DOCUMENTS {
        let blocks = typed(document).into_iter().map(|typed| typed.command);
        for text in blocks.chain(mentioned(document)) {
            let Some((name, arguments)) = command_line(&text) else {
                continue;
            };
            // `test` hands on to nextest all that follows.
            if (name, arguments[0].as_str()) == ("xtask", "test") {
                continue;
            }
            // Help comes after what stands before it was taken.
            let ended = Command::new(program(name).unwrap())
                .args(&arguments)
                .arg("--help")
                .env_clear()
                .output()
                .unwrap();
            assert!(
                ended.status.success(),
                "{document} has `{text}`, and {name} says of {arguments:?}:\n{}",
                String::from_utf8_lossy(&ended.stderr)
            );
            asked.insert((name, arguments));
        }
    }
    assert!(30 < asked.len(), "only {}: {asked:?}", asked.len());
}

/// The program and its arguments, where it is one of ours; something that fits in the place of what the reader puts in.
fn command_line(text: &str) -> Option<(&'static str, Vec<String>)> {
    let text = text.split(" && ").next()?;
    let text = text.replace("\\\n", " ");
    let text = match (text.find("$("), text.rfind(')')) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{}{}", &text[..from], "0".repeat(64), &text[to + 1..])
        }
        _ => text,
    };
    let ours = [
        ("cargo xtask simulate", "simulate"),
        ("cargo xtask measure", "measure"),
        ("cargo xtask", "xtask"),
        ("target/debug/demo-node", "demo-node"),
        ("docker exec CONTAINER /demo-node", "demo-node"),
        ("demo-node", "demo-node"),
        ("target/debug/region", "region"),
    ];
    // What follows is neither the rest of a folder's name nor nothing.
    let (name, arguments) = ours.into_iter().find_map(|(written, name)| {
        let rest = text.strip_prefix(written)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some((name, rest))
    })?;
    if arguments.is_empty() {
        return None;
    }
    let arguments = arguments.split_whitespace().map(|word| match word {
        "NAME" => "failure".to_owned(),
        "N" => "3".to_owned(),
        "--adverse" => "--adverse=clocks".to_owned(),
        word => word.trim_matches('\'').to_owned(),
    });
    let arguments = arguments.filter(|word| word != "…" && word != "&");
    Some((name, arguments.collect()))
}

#[test]
fn a_command_of_a_document_is_read_as_a_shell_reads_it() {
    let read = |text| command_line(text).unwrap();
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        read("cargo xtask deploy --program-sha256 $(sha256sum a | cut -d' ' -f1)").1,
        words(&["deploy", "--program-sha256", &"0".repeat(64)])
    );
    assert_eq!(
        read("cargo xtask image --files /tmp/image && aws s3 cp a b"),
        ("xtask", words(&["image", "--files", "/tmp/image"]))
    );
    assert_eq!(
        read("target/debug/region --task \\\n 10.0.0.1 &"),
        ("region", words(&["--task", "10.0.0.1"]))
    );
    assert_eq!(command_line("demo-node/src/config.rs"), None);
    assert_eq!(command_line("cargo tree"), None);
}
