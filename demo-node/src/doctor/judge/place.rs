//! Whether this is where a node runs, or is to run.

use discovery::AddressSource::InstanceMetadata;

use crate::doctor::facts::{Facts, Management};

/// Whether the node here, or the task or instance that this runs in, is among the targets.
pub(super) fn is_listed(facts: &Facts) -> bool {
    let Ok(resolved) = &facts.lookup else {
        return false;
    };
    let ip = facts.here.address.as_ref().ok().map(|own| own.ip);
    let task = facts.here.task.as_ref().map(|task| task.arn.as_str());
    resolved
        .targets
        .iter()
        .any(|target| Some(target.address) == ip || Some(target.id.as_str()) == task)
}

/// Whether a node is meant to run here: one answers, or this is a task or an instance.
pub(super) fn is_a_nodes_place(facts: &Facts) -> bool {
    let on_instance = facts
        .here
        .address
        .as_ref()
        .is_ok_and(|own| own.source == Some(InstanceMetadata));
    facts.here.task.is_some() || on_instance || runs_here(facts)
}

/// Whether anybody answers where a node of these settings would.
pub(super) fn runs_here(facts: &Facts) -> bool {
    let node = facts.here.node.as_ref();
    node.is_some_and(|node| match node.management {
        Management::Proven(_) | Management::Rejected(_) => true,
        Management::Refused | Management::Silent { .. } | Management::Failed(_) => false,
    })
}
