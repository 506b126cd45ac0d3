//! What settings become, and what is said of those that cannot work.

use std::time::Duration;

use ::discovery::{Chain, config::Settings};

use super::{discovery::discovery_settings, *};
use crate::{
    bootstrap::{self, ContactPoint, Process},
    cluster::NodeUid,
    config::bootstrap::ExpectedNodes,
    seal::Keyring,
    telemetry::{self, Format},
};

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";
const FILE: &str = "node.toml";

/// The least that a node must be told.
const LEAST: [(&str, &str); 4] = [
    ("DEMO_NODE_DISCOVERY_METHOD", "config"),
    ("DEMO_NODE_DISCOVERY_CONFIG_ADDRESSES", "10.0.0.1"),
    ("DEMO_NODE_BOOTSTRAP_SERVICE_NAME", "orders"),
    ("DEMO_NODE_MEMBERSHIP_KEYS", SECRET),
];

#[test]
fn a_flag_goes_before_the_environment_that_before_the_file_and_that_before_the_default() {
    let name = "bootstrap.interval";
    let flag = [(name, "4s")];
    let variable = [("DEMO_NODE_BOOTSTRAP_INTERVAL", "3s")];
    let file = "bootstrap.interval = '2s'";
    let interval = |flags: &[(&'static str, &str)], variables: &[(&str, &str)], file: &str| {
        let values = with_least(flags, variables, file).unwrap();
        Config::read(&values).unwrap().bootstrap.interval.as_secs()
    };
    assert_eq!(interval(&flag, &variable, file), 4);
    assert_eq!(interval(&[], &variable, file), 3);
    assert_eq!(interval(&[], &[], file), 2);
    assert_eq!(interval(&[], &[], ""), 1);
}

/// The simulations run with these, and so does any service that takes the bootstrap as it is.
#[test]
fn the_defaults_are_what_a_node_does_that_is_told_nothing_else() {
    let config = config(&[], "").unwrap();
    let me = Process {
        uid: NodeUid(1),
        contact_point: ContactPoint(([10, 0, 0, 1], 7626).into()),
        gossip: ([10, 0, 0, 1], 7355).into(),
    };
    let minority_after = config.membership.minority_after;
    let settings = config.bootstrap.of(me, minority_after);
    let defaults = bootstrap::Settings::new(config.bootstrap.service_name, me);
    assert_eq!(format!("{settings:?}"), format!("{defaults:?}"));
}

#[test]
fn an_empty_variable_is_not_set() {
    let blank = [("DEMO_NODE_BOOTSTRAP_INTERVAL", "")];
    let config = config(&blank, "bootstrap.interval = '2s'").unwrap();
    assert_eq!(config.bootstrap.interval, Duration::from_secs(2));
    let error = error_of(&[("DEMO_NODE_BOOTSTRAP_SERVICE_NAME", "")], "");
    assert_eq!(
        error,
        "bootstrap.service-name is not set: give --bootstrap-service-name, \
         DEMO_NODE_BOOTSTRAP_SERVICE_NAME, or `bootstrap.service-name` in the configuration file"
    );
}

#[test]
fn the_file_may_be_named_by_a_variable_and_a_flag_goes_first() {
    let nowhere = |flag: Option<&str>| {
        let variable = (FILE_VARIABLE.to_owned(), "/variable/node.toml".to_owned());
        let gathered = gather(
            &BTreeMap::new(),
            flag.map(Path::new),
            &BTreeMap::from([variable]),
        );
        gathered.unwrap_err().to_string()
    };
    assert_eq!(
        nowhere(None),
        "read the configuration file /variable/node.toml"
    );
    assert_eq!(
        nowhere(Some("/flag/node.toml")),
        "read the configuration file /flag/node.toml"
    );
}

#[test]
fn every_default_is_a_value_that_works() {
    let config = config(&[], "").unwrap();
    assert_eq!(config.bootstrap.interval, Duration::from_secs(1));
    assert_eq!(config.bootstrap.expected_nodes, ExpectedNodes::Auto);
    assert_eq!(config.membership.bind_port, config.membership.port);
    assert_eq!(config.management.bind_port(), config.management.port);
    assert!(config.management.read_only);
    let values = gathered(&[], &[], "").unwrap();
    assert_eq!(
        telemetry::Settings::read(&values).unwrap(),
        telemetry::Settings {
            filter: "info".to_owned(),
            format: Format::Text
        }
    );
}

#[test]
fn a_wrong_value_is_named_with_its_source_and_what_was_expected() {
    let wrong = [
        (
            "DISCOVERY_METHOD",
            "ecs",
            "discovery.method = `ecs`",
            "`ecs` is not a method; expected one of aws-api-ec2-tag-based, aws-api-ecs, \
             aws-api-ecs-task-set, config",
        ),
        (
            "DISCOVERY_CONFIG_ADDRESSES",
            "localhost",
            "discovery.config.addresses = `localhost`",
            "`localhost` is not an address; expected 10.0.0.1, 10.0.0.1:7626 or [fd00::1]:7626",
        ),
        (
            "BOOTSTRAP_SERVICE_NAME",
            "my orders",
            "bootstrap.service-name = `my orders`",
            "`my orders` is not a cluster name: expected 1 to 255 letters, digits, `-`, `_` or `.`",
        ),
        (
            "BOOTSTRAP_INTERVAL",
            "5",
            "bootstrap.interval = `5`",
            "expected a duration with its unit, for example `5s` or `250ms`",
        ),
        (
            "BOOTSTRAP_STABLE_MARGIN",
            "0s",
            "bootstrap.stable-margin = `0s`",
            "expected a duration of more than zero",
        ),
        (
            "NODE_GRACE_PERIOD",
            "500000000000years",
            "node.grace-period = `500000000000years`",
            "expected a duration of at most a day",
        ),
        (
            "BOOTSTRAP_PROBE_INTERVAL_JITTER",
            "NaN",
            "bootstrap.probe-interval-jitter = `NaN`",
            "expected a number from 0 to 1, for example `0.2`",
        ),
        (
            "BOOTSTRAP_NEW_CLUSTER_ENABLED",
            "maybe",
            "bootstrap.new-cluster-enabled = `maybe`",
            "expected `on` or `off`",
        ),
        (
            "BOOTSTRAP_REQUIRED_CONTACT_POINTS",
            "0",
            "bootstrap.required-contact-points = `0`",
            "expected a number of at least 1",
        ),
        (
            "BOOTSTRAP_EXPECTED_NODES",
            "many",
            "bootstrap.expected-nodes = `many`",
            "expected `auto`, `unknown` or a number of at least 1",
        ),
        (
            "BOOTSTRAP_FALLBACK_PORT",
            "65536",
            "bootstrap.fallback-port = `65536`",
            "expected a port from 1 to 65535",
        ),
        (
            "BOOTSTRAP_ON_RIVAL_CLUSTER",
            "fight",
            "bootstrap.on-rival-cluster = `fight`",
            "expected `merge` or `alarm`",
        ),
        (
            "NODE_ADDRESS",
            "node-1",
            "node.address = `node-1`",
            "expected an IP address, for example `10.0.1.7`",
        ),
        (
            "MANAGEMENT_PORT",
            "0",
            "management.port = `0`",
            "expected a port from 1 to 65535",
        ),
        (
            "MANAGEMENT_HOST_NAMES",
            "node.internal:7626",
            "management.host-names = `node.internal:7626`",
            "expected host names without ports, separated by commas",
        ),
        (
            "MEMBERSHIP_ROLES",
            "api,,worker",
            "membership.roles = `api,,worker`",
            "one of the items is empty; expected items separated by commas",
        ),
    ];
    for (variable, value, named, expected) in wrong {
        let variable = format!("DEMO_NODE_{variable}");
        assert_eq!(
            error_of(&[(&variable, value)], ""),
            format!("{named} (from the environment variable {variable}): {expected}")
        );
    }
}

#[test]
fn a_wrong_value_of_one_method_is_named_once() {
    let ec2 = ("DEMO_NODE_DISCOVERY_METHOD", "aws-api-ec2-tag-based");
    let ecs = ("DEMO_NODE_DISCOVERY_METHOD", "aws-api-ecs");
    for (method, name, value, expected) in [
        (
            ec2,
            "DEMO_NODE_DISCOVERY_AWS_API_EC2_TAG_BASED_FILTERS",
            "m1.small",
            "`m1.small` is not a pair; expected name=value;name=value",
        ),
        (
            ec2,
            "DEMO_NODE_DISCOVERY_AWS_API_EC2_TAG_BASED_PORTS",
            "7625;7626",
            "`7625;7626` is not a port; expected numbers from 1 to 65535, like 7625,7626",
        ),
        (
            ecs,
            "DEMO_NODE_DISCOVERY_AWS_API_ECS_TAGS",
            "a=1;a=2",
            "`a` is given twice; a task has one value per key",
        ),
        (
            ecs,
            "DEMO_NODE_DISCOVERY_AWS_API_ECS_ADDRESS_FAMILY",
            "ip",
            "`ip` is not an address family; expected auto, ipv4 or ipv6",
        ),
    ] {
        let error = error_of(&[method, (name, value)], "");
        let problem = error.split_once("): ").unwrap().1;
        assert_eq!(problem, expected, "{error}");
    }
}

#[test]
fn flag_and_file_are_named_as_sources_too() {
    let flags = [("bootstrap.interval", "soon")];
    let error = Config::read(&with_least(&flags, &[], "").unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("bootstrap.interval = `soon` (from the flag --bootstrap-interval): "),
        "{error}"
    );
    assert!(
        error_of(&[], "[bootstrap]\ninterval = 5")
            .starts_with("bootstrap.interval = `5` (from the file node.toml): expected a duration")
    );
    assert!(
        error_of(&[], "[bootstrap]\ninterval = ['5s', '6s']").ends_with("): expected one value")
    );
}

#[test]
fn what_is_logged_and_how_is_checked() {
    for (variable, value, expected) in [
        (
            "DEMO_NODE_LOG_LEVEL",
            "demo_node=loud",
            "expected error, warn, info",
        ),
        ("DEMO_NODE_LOG_FORMAT", "yaml", "expected `text` or `json`"),
    ] {
        let values = gathered(&[], &[(variable, value)], "").unwrap();
        let error = telemetry::Settings::read(&values).unwrap_err().to_string();
        assert!(
            error.contains(variable) && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_name_is_an_error_that_suggests_the_nearest() {
    assert_eq!(
        error_of(&[], "[bootstrap]\nstable-margn = '5s'"),
        "node.toml: `bootstrap.stable-margn` is not a setting; \
         did you mean `bootstrap.stable-margin`?"
    );
    assert_eq!(
        error_of(&[("DEMO_NODE_BOOTSTRAP_STABLE_MARGN", "5s")], ""),
        "the environment variable DEMO_NODE_BOOTSTRAP_STABLE_MARGN is not a setting; \
         did you mean `DEMO_NODE_BOOTSTRAP_STABLE_MARGIN`?"
    );
    assert_eq!(
        error_of(&[], "weather = 'fair'"),
        "node.toml: `weather` is not a setting"
    );
}

#[test]
fn variables_of_others_are_none_of_ours() {
    assert!(gathered(&[], &[("DEMO_NODES", "3"), ("PATH", "/bin")], "").is_ok());
}

#[test]
fn the_file_has_lists_and_tables() {
    let ec2 = "
        discovery.method = 'aws-api-ec2-tag-based'
        [discovery.aws-api-ec2-tag-based]
        ports = [7625, 7626]
        [discovery.aws-api-ec2-tag-based.filters]
        instance-type = ['m1.small', 'm1.large']
        'tag:purpose' = 'production'
    ";
    let values = gathered(&[], &[], ec2).unwrap();
    let Settings::Ec2TagBased(ec2) = discovery_settings(&values).unwrap() else {
        panic!("another method");
    };
    let filters: Vec<_> = ec2.filters.iter().collect();
    assert_eq!(
        filters,
        [
            (
                "instance-type",
                ["m1.small".to_owned(), "m1.large".to_owned()].as_slice()
            ),
            ("tag:purpose", ["production".to_owned()].as_slice()),
        ]
    );
    assert_eq!(ec2.ports.iter().collect::<Vec<_>>(), [7625, 7626]);

    let ecs = "
        discovery.method = 'aws-api-ecs-async'
        [discovery.aws-api-ecs.tags]
        stage = 'production'
        'team.name' = 'a;b=c'
    ";
    let values = gathered(&[], &[], ecs).unwrap();
    let Settings::Ecs(ecs) = discovery_settings(&values).unwrap() else {
        panic!("another method");
    };
    assert_eq!(
        ecs.tags.iter().collect::<Vec<_>>(),
        [("stage", "production"), ("team.name", "a;b=c")]
    );

    let several = "
        discovery.method = 'aws-api-ecs'
        discovery.aws-api-ecs.tags = { stage = ['a', 'b'] }
    ";
    let error = discovery_settings(&gathered(&[], &[], several).unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the tag `stage` has several values; expected one"),
        "{error}"
    );
}

#[test]
fn filters_as_text_may_repeat_a_name_and_contain_an_equals_sign() {
    let values = gathered(
        &[],
        &[
            ("DEMO_NODE_DISCOVERY_METHOD", "aws-api-ec2-tag-based"),
            (
                "DEMO_NODE_DISCOVERY_AWS_API_EC2_TAG_BASED_FILTERS",
                "tag:a=1=1;tag:a=2",
            ),
        ],
        "",
    );
    let Settings::Ec2TagBased(ec2) = discovery_settings(&values.unwrap()).unwrap() else {
        panic!("another method");
    };
    let filters: Vec<_> = ec2.filters.iter().collect();
    let both = ["1=1".to_owned(), "2".to_owned()];
    assert_eq!(filters, [("tag:a", both.as_slice())]);
}

#[test]
fn keys_stay_in_order_from_text_and_from_a_list() {
    let (one, other) = (SECRET, SECRET.to_ascii_uppercase());
    let ring = Keyring::from_secrets(&[other.as_str(), one]).unwrap();
    let text = config(
        &[("DEMO_NODE_MEMBERSHIP_KEYS", &format!("{other}, {one}"))],
        "",
    );
    assert_eq!(text.unwrap().membership.keyring, ring);
    let list = format!("membership.keys = ['{other}', '{one}']");
    let list = config(&[("DEMO_NODE_MEMBERSHIP_KEYS", "")], &list);
    assert_eq!(list.unwrap().membership.keyring, ring);
    // A secret is the same with and without white space around it, wherever it is given.
    let padded = format!("membership.keys = [' {other}\\n', \"{one}\\n\"]").replace('\'', "\"");
    let padded = config(&[("DEMO_NODE_MEMBERSHIP_KEYS", " \n")], &padded);
    assert_eq!(padded.unwrap().membership.keyring, ring);
    let padded = format!("{other},{one}\n");
    let padded = config(&[("DEMO_NODE_MEMBERSHIP_KEYS", &padded)], "");
    assert_eq!(padded.unwrap().membership.keyring, ring);
}

#[test]
fn a_node_is_sealed_or_said_not_to_be() {
    let unsealed = ("DEMO_NODE_MEMBERSHIP_UNSEALED", "on");
    let keyless = ("DEMO_NODE_MEMBERSHIP_KEYS", "");
    assert!(error_of(&[keyless], "").starts_with("membership.keys is not set: "));
    assert_eq!(
        error_of(&[unsealed], ""),
        "membership.keys and membership.unsealed are both set: remove one of them"
    );
    let config = config(&[keyless, unsealed], "").unwrap();
    assert_eq!(config.membership.keyring, Keyring::unsealed());
}

#[test]
fn a_secret_is_never_shown() {
    // Also the beginning of it would be too much.
    let hidden = |text: &str| assert!(!text.contains("hunter2"), "{text}");
    let values = with_least(&[], &[], "").unwrap();
    hidden(&format!("{values:?}"));
    hidden(&format!("{:?}", Config::read(&values).unwrap()));

    let variable = "DEMO_NODE_MEMBERSHIP_KEYS";
    for wrong in ["hunter2", "hunter2,", &format!("{SECRET},hunter2")] {
        let error = Config::read(&with_least(&[], &[(variable, wrong)], "").unwrap()).unwrap_err();
        assert!(error.to_string().contains("membership.keys"), "{error}");
        hidden(&error.to_string());
        hidden(&format!("{error:?}"));
    }
    for file in [
        "membership.keys = { hunter2 = 'hunter2' }",
        "membership.keys = ['hunter2']",
        "membership.keys = 7\n",
    ] {
        let error = error_of(&[(variable, "")], file);
        assert!(error.contains("membership.keys = (not shown)"), "{error}");
        hidden(&error);
    }
}

#[test]
fn a_file_that_is_not_toml_is_an_error_of_one_line_that_quotes_nothing() {
    let folder = std::env::temp_dir().join(format!("demo-node-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("node.toml");
    for text in [
        "[bootstrap]\n\nmembership.keys = hunter2",
        "[bootstrap]\n\nkeys = 'hunter2",
        "[bootstrap]\n\nkeys = ['hunter2' 'hunter2']",
        "[bootstrap]\n\nhunter2",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = gather(&BTreeMap::new(), Some(&path), &BTreeMap::new()).unwrap_err();
        let shown = Chain(&error).to_string();
        assert!(shown.contains("node.toml, line 3: "), "{shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
        assert!(
            !format!("{shown}{error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let zeros = Path::new("/dev/zero");
    let error = gather(&BTreeMap::new(), Some(zeros), &BTreeMap::new()).unwrap_err();
    assert_eq!(
        Chain(&error).to_string(),
        "read the configuration file /dev/zero: it has more than 1 MiB"
    );
}

#[test]
fn peers_are_never_probed_at_their_gossip_port() {
    let port = ("DEMO_NODE_MEMBERSHIP_PORT", "7626");
    assert!(error_of(&[port], "").starts_with(
        "membership.port and bootstrap.fallback-port are both 7626, so this node would probe peers at \
         their gossip port"
    ));
    assert!(config(&[port, ("DEMO_NODE_BOOTSTRAP_FALLBACK_PORT", "7627")], "").is_ok());
}

#[test]
fn an_answer_must_be_able_to_stay_fresh() {
    let interval = ("DEMO_NODE_BOOTSTRAP_PROBE_INTERVAL", "4s");
    assert_eq!(
        error_of(&[interval], ""),
        "bootstrap.probing-failure-timeout is 3s; it must be at least 8s 800ms (twice \
         bootstrap.probe-interval, plus its bootstrap.probe-interval-jitter): otherwise an answer is \
         out of date before the next can come"
    );
    let enough = ("DEMO_NODE_BOOTSTRAP_PROBING_FAILURE_TIMEOUT", "8800ms");
    assert!(config(&[interval, enough], "").is_ok());
}

fn gathered(
    flags: &[(&'static str, &str)],
    variables: &[(&str, &str)],
    file: &str,
) -> Result<Values, Error> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Values::gather(
        settings(),
        &flags
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        &variables.iter().map(owned).collect(),
        Some(ConfigFile {
            path: FILE.into(),
            table: file.parse().unwrap(),
            is_public: false,
        }),
    )
}

/// With what a node must be told, unless `variables` say otherwise.
fn with_least(
    flags: &[(&'static str, &str)],
    variables: &[(&str, &str)],
    file: &str,
) -> Result<Values, Error> {
    let all: Vec<_> = LEAST.iter().chain(variables).copied().collect();
    gathered(flags, &all, file)
}

fn config(variables: &[(&str, &str)], file: &str) -> Result<Config, Error> {
    Config::read(&with_least(&[], variables, file)?)
}

fn error_of(variables: &[(&str, &str)], file: &str) -> String {
    config(variables, file).unwrap_err().to_string()
}

#[test]
fn names_follow_from_section_and_key() {
    let setting = settings()
        .find(|setting| setting.name == "discovery.aws-api-ecs-task-set.cluster")
        .unwrap();
    assert_eq!(setting.section(), "discovery");
    assert_eq!(
        setting.env(),
        "DEMO_NODE_DISCOVERY_AWS_API_ECS_TASK_SET_CLUSTER"
    );
    assert_eq!(setting.flag(), "discovery-aws-api-ecs-task-set-cluster");
}

#[test]
fn no_two_settings_share_a_flag_or_a_variable() {
    let all: Vec<_> = settings().collect();
    for (i, one) in all.iter().enumerate() {
        for other in &all[i + 1..] {
            assert_ne!(one.env(), other.env());
            assert_ne!(one.flag(), other.flag());
        }
    }
}
