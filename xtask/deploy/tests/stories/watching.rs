//! Stories of who watches what becomes of a cluster.

use crate::{
    aws::{Account, Aws},
    formation::{Script, Stack},
    program::run_until,
};

#[tokio::test]
async fn what_changes_is_shown_again_and_what_does_not_is_not() {
    let going_on = Script::from([
        ("CREATE_IN_PROGRESS", Vec::new()),
        ("CREATE_IN_PROGRESS", Vec::new()),
        ("CREATE_FAILED", Vec::new()),
        ("ROLLBACK_COMPLETE", Vec::new()),
    ]);
    let stack = Stack::new("orders-service", "CREATE_IN_PROGRESS").going_on(going_on);
    let aws = Aws::start(Account::default().with(stack)).await;

    let seen = run_until(&aws, &["status", "--watch=1s"], "ROLLBACK_COMPLETE").await;

    assert_eq!(
        seen,
        "\
stack    orders-service           CREATE_IN_PROGRESS
the cluster orders in eu-west-1 is not complete: see its stacks above

stack    orders-service           CREATE_FAILED
orders-service: the next `cargo xtask deploy` deletes it, and creates it again
the cluster orders in eu-west-1 is not complete: see its stacks above

stack    orders-service           ROLLBACK_COMPLETE
"
    );
}
