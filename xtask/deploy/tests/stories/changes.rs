//! Stories of what is shown before anybody is asked, and what becomes of it.

use std::collections::BTreeMap;

use crate::{
    aws::{Account, Aws},
    change_sets::ChangeSet,
    formation::{Event, Script, Stack},
    program::run,
    services::Services,
};

const DEPLOY: [&str; 3] = ["deploy", "--image", "demo-node:latest"];
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
      -> every node is replaced, one after the other; the cluster goes on

error: nobody can be asked here: give --yes";
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

        let told = "      -> the service is set to 5 nodes: it should have 7 now, which somebody has set, and not by this stack (3)";
        assert_eq!(said.text.contains(told), expected, "{}", said.text);
    }
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
    let error = "error: the stack orders-service was changed by somebody else after its changes were shown here";
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
            vec![Event::new(
                "Service",
                "AWS::ECS::Service",
                "UPDATE_COMPLETE",
            )],
        ),
    ])
}
