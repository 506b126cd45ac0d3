//! What the deletion of a stack leaves behind: CloudFormation only deregisters task definitions, and they stay
//! INACTIVE for ever.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use aws_sdk_ecs::{
    Client,
    types::{Failure, TaskDefinitionStatus},
};

use discovery::excerpt;

use crate::{
    account::Account,
    stacks::{Stack, StackError},
};

/// CloudFormation deregisters them, but deletes none.
const TASK_DEFINITION: &str = "AWS::ECS::TaskDefinition";

/// How much of an error is shown, in characters.
const LONGEST: usize = 300;

/// ECS takes no more at once.
const AT_ONCE: usize = 10;

/// Deletes this particular stack, and then the task definitions that it leaves behind.
pub async fn delete(
    account: &Account,
    stack: &Stack,
    tell: &mut dyn FnMut(&str),
) -> Result<(), StackError> {
    let mut definitions = account.stacks.names_of(stack, TASK_DEFINITION).await?;
    // By its id: a stack that is created with this name later is not the one that was shown.
    account.stacks.delete(&stack.id, tell).await?;
    // An earlier operation may have made more of them.
    match account.stacks.names_of(stack, TASK_DEFINITION).await {
        Ok(more) => definitions.extend(more),
        Err(error) => tell(&format!(
            "task definitions may be left; they cost nothing: {}",
            excerpt(&format!("{:#}", anyhow::Error::from(error)), LONGEST)
        )),
    }
    for family in families(&definitions) {
        // They cost nothing, so a missing permission is only reported.
        match delete_family(account, &family).await {
            Ok(0) => {}
            Ok(count) => tell(&format!(
                "its remaining task definitions are deleted: {count}"
            )),
            Err(error) => tell(&format!(
                "task definitions of {family} are left; they cost nothing: {}",
                excerpt(&format!("{error:#}"), LONGEST)
            )),
        }
    }
    Ok(())
}

/// The families of task definitions among the physical names of a stack's resources.
fn families(arns: &BTreeSet<String>) -> BTreeSet<String> {
    let family = |arn: &String| {
        let (_, name) = arn.split_once(":task-definition/")?;
        let (family, _) = name.rsplit_once(':')?;
        Some(family.to_owned())
    };
    arns.iter().filter_map(family).collect()
}

/// Deletes all revisions of a family that are deregistered, and gives how many those were.
async fn delete_family(account: &Account, family: &str) -> anyhow::Result<usize> {
    let ecs = Client::new(&account.config);
    let mut pages = ecs
        .list_task_definitions()
        .family_prefix(family)
        .status(TaskDefinitionStatus::Inactive)
        .into_paginator()
        .send();
    let mut arns = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.context("listing the task definitions")?;
        arns.extend(page.task_definition_arns.unwrap_or_default());
    }
    // A prefix also matches longer names.
    let of_family = format!(":task-definition/{family}:");
    arns.retain(|arn| arn.contains(&of_family));
    for some in arns.chunks(AT_ONCE) {
        let deleted = ecs
            .delete_task_definitions()
            .set_task_definitions(Some(some.to_vec()))
            .send();
        let deleted = deleted.await.context("deleting the task definitions")?;
        let reasons = deleted.failures().iter().filter_map(Failure::reason);
        let reasons: Vec<_> = reasons.collect();
        ensure!(
            reasons.is_empty(),
            "ECS does not delete all task definitions: {}",
            reasons.join("; ")
        );
    }
    Ok(arns.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_what_stands_before_the_revision() {
        let arns = [
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders-service-TaskDefinition-1:1",
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders-service-TaskDefinition-1:2",
            "orders-service-Cluster-1",
        ];

        let families = families(&arns.map(str::to_owned).into());

        assert_eq!(
            families.into_iter().collect::<Vec<_>>(),
            ["orders-service-TaskDefinition-1"]
        );
    }
}
