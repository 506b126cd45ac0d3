//! The program as a process: what it says of a wrong command line or configuration, and with which
//! exit status it ends. Nothing here reaches a network.

use std::process::{Command, Stdio};

use demo_node::config::settings;

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

/// The least that a node must be told.
const LEAST: [(&str, &str); 4] = [
    ("DEMO_NODE_DISCOVERY_METHOD", "config"),
    ("DEMO_NODE_DISCOVERY_CONFIG_ADDRESSES", "127.0.0.1"),
    ("DEMO_NODE_BOOTSTRAP_SERVICE_NAME", "orders"),
    ("DEMO_NODE_MEMBERSHIP_KEYS", SECRET),
];

#[test]
fn a_wrong_configuration_ends_with_one_line_that_names_it_and_status_2() {
    let ec2 = ("DEMO_NODE_DISCOVERY_METHOD", "aws-api-ec2-tag-based");
    let filters = "DEMO_NODE_DISCOVERY_AWS_API_EC2_TAG_BASED_FILTERS";
    for (wrong, expected) in [
        (
            vec![("DEMO_NODE_DISCOVERY_METHOD", "ecs")],
            "`ecs` is not a method; expected one of",
        ),
        (
            vec![("DEMO_NODE_DISCOVERY_METHOD", "")],
            "discovery.method is not set: give --discovery-method",
        ),
        (
            vec![ec2, (filters, "m1.small")],
            "`m1.small` is not a pair; expected name=value",
        ),
        (
            vec![("DEMO_NODE_BOOTSTRAP_INTERVAL", "5")],
            "expected a duration with its unit",
        ),
        (
            vec![("DEMO_NODE_MEMBERSHIP_KEYS", "")],
            "membership.keys is not set",
        ),
        (
            vec![("DEMO_NODE_MEMBERSHIP_KEYS", "hunter2")],
            "expected at least 32",
        ),
        (
            vec![("DEMO_NODE_MEMBERSHIP_UNSEALED", "on")],
            "are both set",
        ),
        (vec![("DEMO_NODE_MEMBERSHIP_PORT", "7626")], "are both 7626"),
        (
            vec![("DEMO_NODE_BOOTSTRAP_INTERVALL", "5s")],
            "did you mean `DEMO_NODE_BOOTSTRAP_INTERVAL`?",
        ),
        (
            vec![("DEMO_NODE_CONFIG", "/no/such.toml")],
            "read the configuration file /no/such.toml: ",
        ),
        (
            vec![("DEMO_NODE_LOG_FORMAT", "yaml")],
            "expected `text` or `json`",
        ),
    ] {
        let said = Said::by(&["run"], &wrong);
        assert_eq!(said.status, Some(2), "{}", said.error);
        assert!(said.error.starts_with("demo-node: "), "{}", said.error);
        assert!(said.error.contains(expected), "{}", said.error);
        assert_eq!(said.error.lines().count(), 1, "{}", said.error);
        assert_eq!(said.output, "");
    }
}

#[test]
fn two_secrets_that_are_the_same_are_refused_without_being_shown() {
    let twice = format!("{SECRET},{SECRET}");
    let said = Said::by(&["run"], &[("DEMO_NODE_MEMBERSHIP_KEYS", &twice)]);
    assert_eq!(said.status, Some(2));
    assert_eq!(
        said.error,
        "demo-node: membership.keys = (not shown) (from the environment variable \
         DEMO_NODE_MEMBERSHIP_KEYS): secrets 1 and 2 are the same\n"
    );
}

#[test]
fn a_wrong_flag_ends_with_status_2_and_does_not_show_its_value() {
    for flag in ["--membership-key", "--membership-keyz"] {
        let said = Said::by(&["run", &format!("{flag}={SECRET}")], &[]);
        assert_eq!(said.status, Some(2));
        assert!(said.error.contains("--membership-keys"), "{}", said.error);
        assert!(!said.error.contains("hunter2"), "{}", said.error);
    }
    assert_eq!(Said::by(&["dance"], &[]).status, Some(2));
    assert_eq!(Said::by(&[], &[]).status, Some(2));
}

#[test]
fn help_names_every_setting_by_flag_variable_and_default() {
    let said = Said::by(&["run", "--help"], &[]);
    assert_eq!(said.status, Some(0));
    // Without regard to where lines are broken.
    let help = said.output.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in settings() {
        assert!(
            help.contains(&format!("--{} <", setting.flag())),
            "{}",
            setting.name
        );
        assert!(
            help.contains(&format!("[env: {}]", setting.env())),
            "{}",
            setting.name
        );
        if let Some(default) = setting.default {
            assert!(help.contains(&format!("[default: {default}] [env: {}]", setting.env())));
        }
    }
}

#[test]
fn lookup_prints_the_table_or_json_and_nothing_else() {
    let json = Said::by(&["lookup", "--json"], &[]);
    assert_eq!(json.status, Some(0), "{}", json.error);
    assert!(
        json.output.starts_with('{') && json.output.ends_with("}\n"),
        "{}",
        json.output
    );
    let table = Said::by(&["lookup", "billing"], &[]);
    assert!(
        table
            .output
            .starts_with("billing by config: complete, 1 target, 0 dropped (no calls in "),
        "{}",
        table.output
    );
    assert_eq!(json.error + &table.error, "");
}

#[test]
fn a_node_that_is_not_there_is_not_healthy() {
    // Nobody listens on port 0, so nobody answers.
    for command in ["healthcheck", "members"] {
        let said = Said::by(&[command, "--url", "127.0.0.1:0"], &[]);
        assert_eq!(said.status, Some(1), "{}", said.error);
        assert!(
            said.error
                .starts_with("demo-node: connect to 127.0.0.1:0: "),
            "{}",
            said.error
        );
        let said = Said::by(&[command, "--url", "here"], &[]);
        assert_eq!(said.status, Some(2));
        assert!(
            said.error
                .contains("--url here: expected an address and port"),
            "{}",
            said.error
        );
    }
}

struct Said {
    status: Option<i32>,
    output: String,
    error: String,
}

impl Said {
    /// Runs the program with the least that it must be told, unless `variables` say otherwise.
    fn by(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let ended = Command::new(env!("CARGO_BIN_EXE_demo-node"))
            .args(arguments)
            .env_clear()
            .envs(LEAST)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("the program was built with this test");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            status: ended.status.code(),
            output: text(ended.stdout),
            error: text(ended.stderr),
        }
    }
}
