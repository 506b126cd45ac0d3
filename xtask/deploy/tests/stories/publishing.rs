//! Stories of an image that is built and pushed.

use std::{path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    aws::{Account, Aws},
    formation::Stack,
    program::run_in,
    services::{DIGEST, Services},
};

const REPOSITORY: &str = include_str!("../../../../cloudformation/image-repository.yaml");

const URI: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders-repository";

#[tokio::test]
async fn what_is_pushed_already_is_neither_built_nor_pushed_again() {
    let source = TempDir::new().unwrap();
    let tag = committed(source.path());
    let services = Services {
        tags: vec![tag.clone()],
        ..Services::default()
    };
    let aws = Aws::start(account(services)).await;

    let said = run_in(source.path(), &aws, &["deploy", "--yes"]).await;

    let image = format!("image {tag}");
    said.is(
        0,
        &format!(
            "\
in eu-west-1:
  orders-repository        stays as it is
  {image:<24} is published already
  orders-service           is created
      adds 2 resources

==> orders-service
    CREATE_IN_PROGRESS   orders-service           AWS::CloudFormation::Stack User Initiated
    CREATE_COMPLETE      Cluster                  AWS::ECS::Cluster
    CREATE_COMPLETE      Service                  AWS::ECS::Service
    CREATE_COMPLETE      orders-service           AWS::CloudFormation::Stack

stack    orders-repository        CREATE_COMPLETE
stack    orders-service           CREATE_COMPLETE
service  orders                   0 of 3 tasks run

next: cargo xtask status --name orders --region eu-west-1
to remove everything: cargo xtask destroy --name orders --region eu-west-1"
        ),
    );
    // A tag is a name; what runs is this.
    assert_eq!(aws.parameter("ImageUri"), Some(format!("{URI}@{DIGEST}")));
}

#[tokio::test]
async fn what_is_not_pushed_yet_is_built_before_anything_else_is_created() {
    let source = TempDir::new().unwrap();
    let tag = committed(source.path());
    let aws = Aws::start(account(Services::default())).await;

    // Here is neither Docker nor the source.
    let said = run_in(source.path(), &aws, &["deploy", "--yes"]).await;

    assert_eq!(said.status, Some(1), "{}", said.text);
    let planned = format!("  {:<24} is built and pushed", format!("image {tag}"));
    assert!(said.text.contains(&planned), "{}", said.text);
    assert_eq!(aws.calls(), [""; 0]);
}

#[tokio::test]
async fn an_image_for_another_processor_is_another_image() {
    let source = TempDir::new().unwrap();
    let tag = committed(source.path());
    let (commit, _) = tag.rsplit_once('-').unwrap();
    let other = match machine() {
        "arm64" => "x86_64",
        _ => "arm64",
    };
    let services = Services {
        tags: vec![commit.to_owned(), format!("{commit}-{other}")],
        ..Services::default()
    };
    let aws = Aws::start(account(services)).await;

    let said = run_in(source.path(), &aws, &["deploy", "--yes"]).await;

    let planned = format!("  {:<24} is built and pushed", format!("image {tag}"));
    assert!(said.text.contains(&planned), "{}", said.text);
}

#[tokio::test]
async fn a_look_before_needs_docker_only_for_an_image_that_is_not_pushed_yet() {
    let source = TempDir::new().unwrap();
    let tag = committed(source.path());
    let services = Services {
        tags: vec![tag.clone()],
        ..Services::default()
    };
    let aws = Aws::start(account(services)).await;
    let said = run_in(source.path(), &aws, &["deploy", "--check"]).await;

    let finding = format!("ok       image    {tag} is published already");
    assert_eq!(said.status, Some(0), "{}", said.text);
    assert!(said.text.contains(&finding), "{}", said.text);
    assert!(!said.text.contains("ocker"), "{}", said.text);

    let aws = Aws::start(account(Services::default())).await;
    let said = run_in(source.path(), &aws, &["deploy", "--check"]).await;

    // Where there is Docker on this machine, it is looked at, too.
    assert!(said.text.contains(" docker   "), "{}", said.text);
}

/// One with the repository, as an earlier run has left it.
pub(crate) fn account(services: Services) -> Account {
    let repository = Stack::new("orders-repository", "CREATE_COMPLETE")
        .with_template(REPOSITORY)
        .with_parameter("RepositoryName", "orders-repository")
        .with_output("RepositoryUri", URI)
        .with_output(
            "RepositoryArn",
            "arn:aws:ecr:eu-west-1:123456789012:repository/orders-repository",
        );
    let account = Account {
        services,
        ..Account::default()
    };
    account.with(repository)
}

/// Makes a clone of the folder, and gives the tag of what is in it.
pub(crate) fn committed(folder: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
    format!("{}-{}", git(&["describe", "--always"]), machine())
}

/// What images are built for here.
fn machine() -> &'static str {
    match cfg!(target_arch = "aarch64") {
        true => "arm64",
        false => "x86_64",
    }
}
