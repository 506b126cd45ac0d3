//! Stories of what is shown before anybody is asked, and what becomes of it.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use deploy::{
    stacks::{Pending, Preparation, Stacks, Wanted},
    step::OnFailure,
};

use crate::{
    aws::{Account, Aws},
    change_sets::ChangeSet,
    formation::{Event, Script, Stack, of_stack},
    program::run,
    services::Services,
};

const DEPLOY: [&str; 3] = ["deploy", "--image", "demo-node:latest"];
const THREE_ZONES: [&str; 4] = [
    "--network",
    "private",
    "--zones",
    "eu-west-1a,eu-west-1b,eu-west-1c",
];
pub(crate) const INSTANCES: [&str; 9] = [
    "deploy",
    "--workload",
    "ec2",
    "--program",
    "s3://bucket/demo-node",
    "--program-sha256",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "--nodes",
    "5",
];
const YES: [&str; 4] = ["deploy", "--image", "demo-node:latest", "--yes"];

#[tokio::test]
async fn what_is_shown_is_what_cloudformation_will_do_and_goes_with_the_question() {
    let mut account = Account::default()
        .with(service())
        .changing("orders-service", changed());
    account.effects = vec![
        (
            "Modify",
            "True",
            "TaskDefinition",
            "AWS::ECS::TaskDefinition",
            "ContainerDefinitions",
        ),
        (
            "Modify",
            "False",
            "Service",
            "AWS::ECS::Service",
            "TaskDefinition",
        ),
        (
            "Modify",
            "Conditional",
            "GossipIn",
            "AWS::EC2::SecurityGroupIngress",
            "GroupId",
        ),
        ("Remove", "", "Alarm", "AWS::CloudWatch::Alarm", ""),
    ];
    let aws = Aws::start(account).await;

    // Nobody is there to agree.
    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let shown = "
      REPLACES    TaskDefinition (AWS::ECS::TaskDefinition): ContainerDefinitions
      changes     Service (AWS::ECS::Service): TaskDefinition
      MAY REPLACE GossipIn (AWS::EC2::SecurityGroupIngress): GroupId
      REMOVES     Alarm (AWS::CloudWatch::Alarm)
      -> every node is replaced, one after the other; the cluster continues

error: there is no terminal to ask on: give --yes";
    assert!(said.text.contains(shown), "{}", said.text);
    assert_eq!(aws.calls(), [""; 0]);
    assert_eq!(aws.change_sets(), [""; 0]);
    assert_eq!(aws.stacks(), ["orders-service UPDATE_COMPLETE"]);
}

#[tokio::test]
async fn a_stack_that_was_only_shown_is_not_left() {
    let aws = Aws::start(Account::default()).await;

    let said = run(&aws, &DEPLOY).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    assert!(
        said.text.contains("      adds 2 resources\n"),
        "{}",
        said.text
    );
    assert_eq!(aws.calls(), ["DeleteStack orders-service"]);
}

#[tokio::test]
async fn a_number_of_nodes_that_somebody_has_set_is_not_reset_in_silence() {
    for (desired, effect, expected) in [
        (7, "AWS::ECS::Service", true),
        // It is what it is to be, or nobody has changed it, or nothing does.
        (5, "AWS::ECS::Service", false),
        (3, "AWS::ECS::Service", false),
        (7, "AWS::Logs::LogGroup", false),
    ] {
        let services = Services {
            desired: Some(desired),
            ..Services::default()
        };
        let account = Account {
            services,
            effects: vec![("Modify", "False", "It", effect, "Tags")],
            ..Account::default()
        };
        let account = account
            .with(service())
            .changing("orders-service", changed());
        let aws = Aws::start(account).await;

        let said = run(&aws, &[&DEPLOY[..], &["--nodes", "5"]].concat()).await;

        let told = "      -> number of nodes: somebody set it to 7 by hand (the stack says 3); this deployment sets it to 5";
        assert_eq!(said.text.contains(told), expected, "{}", said.text);
    }
}

#[tokio::test]
async fn a_number_of_instances_that_somebody_has_set_is_not_reset_in_silence() {
    for (desired, expected) in [(7, true), (3, false)] {
        let aws = Aws::start(group_set_to(desired)).await;

        let said = run(&aws, &INSTANCES).await;

        let told = "      -> number of nodes: somebody set it to 7 by hand (the stack says 3); this deployment sets it to 5";
        assert_eq!(said.text.contains(told), expected, "{}", said.text);
    }
}

#[tokio::test]
async fn nodes_get_what_the_network_gives_after_its_change() {
    let mut account = Account::default()
        .with(network())
        .with(service().with_parameter("SubnetIds", "subnet-1,subnet-2"))
        .changing("orders-network", changed())
        .changing("orders-service", changed());
    let grown = ("SubnetIds", "subnet-1,subnet-2,subnet-3");
    account.new_outputs = BTreeMap::from([("orders-network".to_owned(), grown)]);
    let aws = Aws::start(account).await;

    let said = run(&aws, &[&YES[..], &THREE_ZONES].concat()).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(aws.parameter(grown.0).as_deref(), Some(grown.1));
    assert_eq!(aws.calls().len(), 2);
}

#[tokio::test]
async fn a_subnet_that_stands_cannot_become_another_one() {
    for effect in [
        (
            "Modify",
            "True",
            "SubnetB",
            "AWS::EC2::Subnet",
            "AvailabilityZone",
        ),
        ("Remove", "", "SubnetB", "AWS::EC2::Subnet", ""),
    ] {
        let mut account = Account::default()
            .with(network())
            .changing("orders-network", changed());
        account.effects = vec![effect];
        let aws = Aws::start(account).await;

        let said = run(&aws, &[&YES[..], &THREE_ZONES].concat()).await;

        assert_eq!(said.status, Some(1), "{}", said.text);
        let error =
            "cannot be changed, only zones added (SubnetB): choose another --name, or remove it";
        assert!(said.text.contains(error), "{}", said.text);
        assert_eq!(aws.calls(), [""; 0]);
        assert_eq!(aws.change_sets(), [""; 0]);
    }
}

#[tokio::test]
async fn a_stack_that_is_another_one_at_the_first_look_is_looked_at_again_and_shown() {
    let aws = Aws::start(Account {
        surprises: 2,
        ..Account::default()
    })
    .await;

    let said = run(&aws, &DEPLOY).await;

    assert!(said.text.contains("adds 2 resources"), "{}", said.text);
}

#[tokio::test]
async fn what_may_not_be_done_is_thrown_away() {
    let mut account = Account::default()
        .with(service())
        .changing("orders-service", changed());
    account.is_locked = true;
    let aws = Aws::start(account).await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    said.ends_with_reason("it is not allowed");
    assert_eq!(aws.change_sets(), [""; 0]);
}

#[tokio::test]
async fn who_interrupts_throws_away_what_that_run_has_prepared_and_nothing_else() {
    let failed = Stack::new("orders-network", "UPDATE_FAILED");
    let mut account = Account::default()
        .with(failed)
        .with(Stack::new("orders-repository", "CREATE_COMPLETE"))
        .changing("orders-network", changed());
    account.change_sets = vec![ChangeSet::of("orders-repository", "cluster-on-aws")];
    let aws = Aws::start(account).await;
    let credentials = Credentials::new("test", "test", None, None, "this test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .endpoint_url(aws.url())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(discovery::http_client().unwrap())
        .build();
    let pending = Pending::default();
    let stacks = Stacks::new(&config).noting(pending.clone());
    for name in ["orders-network", "orders-service"] {
        let stack = stacks.find(name).await.unwrap();
        let wanted = Wanted {
            name: name.to_owned(),
            template: String::new(),
            parameters: BTreeMap::new(),
        };
        let existing = stack.map(|stack| (stack, OnFailure::Leave));
        let prepared = stacks.prepare(&wanted, existing).await.unwrap();
        assert!(matches!(prepared, Preparation::Ready(_)), "{prepared:?}");
    }
    assert_eq!(pending.stacks().len(), 2);

    stacks.abandon().await;

    assert!(pending.stacks().is_empty());
    assert_eq!(aws.change_sets(), ["orders-repository"]);
    assert_eq!(aws.calls(), ["DeleteStack orders-service"]);
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_is_not_changed_blindly() {
    let mut account = Account::default()
        .with(service())
        .changing("orders-service", changed());
    account.is_shared = true;
    let aws = Aws::start(account).await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let error = "error: the stack orders-service was changed, or another run prepared a change, after its changes were shown here";
    assert!(said.text.contains(error), "{}", said.text);
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn what_cloudformation_refuses_is_said_before_anything_is_done() {
    let aws = Aws::start(Account {
        refusal: Some("Resource [Service] is not supported in this region"),
        ..Account::default()
    })
    .await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let error = "CloudFormation refuses the change of the stack orders-service: Resource [Service] is not supported";
    assert!(said.text.contains(error), "{}", said.text);
    // Nor is the empty stack left.
    assert_eq!(aws.calls(), ["DeleteStack orders-service"]);
}

#[tokio::test]
async fn a_stack_that_an_interrupted_run_has_left_in_review_is_cleared_away() {
    let mut account = Account::default().with(Stack::new("orders-service", "REVIEW_IN_PROGRESS"));
    account.change_sets = vec![ChangeSet::of("orders-service", "cluster-on-aws")];
    let aws = Aws::start(account).await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(
        aws.calls(),
        [
            "DeleteStack orders-service",
            "ExecuteChangeSet orders-service CREATE left where it fails"
        ]
    );
}

#[tokio::test]
async fn a_stack_that_somebody_else_has_in_review_is_left_alone() {
    let mut account = Account::default().with(Stack::new("orders-service", "REVIEW_IN_PROGRESS"));
    account.change_sets = vec![ChangeSet::of("orders-service", "mine")];
    let aws = Aws::start(account).await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    assert!(
        said.text.contains("was not made by this program"),
        "{}",
        said.text
    );
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn an_old_change_set_of_ours_gives_way_to_the_new_one() {
    let mut account = Account::default()
        .with(service())
        .changing("orders-service", changed());
    account.change_sets = vec![
        ChangeSet::of("orders-service", "cluster-on-aws"),
        ChangeSet::of("orders-service", "mine"),
    ];
    let aws = Aws::start(account).await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    // That of somebody else is CloudFormation's to delete.
    assert_eq!(aws.change_sets(), ["orders-service"]);
}

#[tokio::test]
async fn roles_bounds_tags_zones_and_the_processor_are_handed_over() {
    let role = "arn:aws:iam::123456789012:role/deployer-ServiceRole";
    let bounds = "arn:aws:iam::123456789012:policy/deployer-Boundary";
    let aws = Aws::start(Account::default()).await;
    let options = [
        "--role-arn",
        role,
        "--permissions-boundary",
        bounds,
        "--tag",
        "team=shop",
        "--tag",
        "stage=test",
        "--zones",
        "eu-west-1b,eu-west-1a",
        "--architecture",
        "arm64",
    ];

    let said = run(&aws, &[&YES[..], &options].concat()).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    let asked = aws.asked("cloudformation:CreateChangeSet").remove(0);
    assert_eq!(asked["RoleARN"], role);
    let tag = |n: u8| {
        let part = |part: &str| asked[&format!("Tags.member.{n}.{part}")].clone();
        (part("Key"), part("Value"))
    };
    let tags: BTreeMap<_, _> = (1..=3).map(tag).collect();
    assert_eq!(tags["cluster-on-aws"], "orders-service");
    assert_eq!(
        (tags["team"].as_str(), tags["stage"].as_str()),
        ("shop", "test")
    );
    for (key, value) in [
        ("PermissionsBoundaryArn", bounds),
        ("Architecture", "ARM64"),
        ("SubnetIds", "subnet-1,subnet-2"),
    ] {
        assert_eq!(aws.parameter(key).as_deref(), Some(value));
    }

    // Whoever deletes it need not know the role.
    let said = run(&aws, &["destroy", "--yes"]).await;
    assert_eq!(said.status, Some(0), "{}", said.text);
    let asked = aws.asked("cloudformation:DeleteStack").remove(0);
    assert_eq!(asked["RoleARN"], role);
}

#[tokio::test]
async fn a_zone_without_a_subnet_is_named_with_those_that_have_one() {
    let aws = Aws::start(Account::default()).await;

    let said = run(
        &aws,
        &[&YES[..], &["--zones", "eu-west-1a,eu-west-1c"]].concat(),
    )
    .await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let error = "no subnet in eu-west-1c, only in eu-west-1a, eu-west-1b";
    assert!(said.text.contains(error), "{}", said.text);
}

#[tokio::test]
async fn an_emulator_whose_change_sets_lose_outputs_is_changed_without_them() {
    let aws = Aws::start(Account {
        is_moto: true,
        ..Account::default()
    })
    .await;

    let said = run(&aws, &YES).await;

    assert_eq!(said.status, Some(0), "{}", said.text);
    assert_eq!(aws.calls(), ["CreateStack orders-service DO_NOTHING"]);
    assert!(aws.asked("cloudformation:CreateChangeSet").is_empty());
}

/// Instances, of which there should be so many now.
pub(crate) fn group_set_to(desired: u32) -> Account {
    let group = Stack::new("orders-instances", "UPDATE_COMPLETE")
        .with_output("AutoScalingGroupName", "orders-instances-Group-1")
        .with_parameter("DesiredCapacity", "3");
    let services = Services {
        desired: Some(desired),
        ..Services::default()
    };
    let account = Account {
        services,
        effects: vec![(
            "Modify",
            "False",
            "AutoScalingGroup",
            "AWS::AutoScaling::AutoScalingGroup",
            "DesiredCapacity",
        )],
        ..Account::default()
    };
    account.with(group).changing("orders-instances", changed())
}

fn network() -> Stack {
    Stack::new("orders-network", "CREATE_COMPLETE")
        .with_output("VpcId", "vpc-1")
        .with_output("SubnetIds", "subnet-1,subnet-2")
        .with_output("EndpointClientSecurityGroupId", "sg-1")
}

/// As it is after some changes.
fn service() -> Stack {
    Stack::new("orders-service", "UPDATE_COMPLETE")
        .with_output("ClusterName", "orders-service-Cluster-1")
        .with_parameter("ServiceName", "orders")
        .with_parameter("DesiredCount", "3")
}

fn changed() -> Script {
    Script::from([
        ("UPDATE_IN_PROGRESS", Vec::new()),
        (
            "UPDATE_COMPLETE",
            vec![
                Event::new("Service", "AWS::ECS::Service", "UPDATE_COMPLETE"),
                of_stack("it", "UPDATE_COMPLETE"),
            ],
        ),
    ])
}
