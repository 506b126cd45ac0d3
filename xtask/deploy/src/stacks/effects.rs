//! What CloudFormation would do to the resources of a stack, and what that means for its nodes. Asks nobody.

use std::{collections::BTreeSet, fmt};

use aws_sdk_cloudformation::types::{
    Change, ChangeAction, Replacement, ResourceAttribute, ResourceChange,
};

/// What would be done to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What.
    pub action: Action,
    /// Its name in the template.
    pub resource: String,
    /// For example `AWS::ECS::Service`.
    pub kind: String,
    /// Which properties differ, as far as CloudFormation says.
    pub properties: BTreeSet<String>,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Add,
    /// It stays, and is another one in some properties.
    Change,
    /// A new one comes in its place.
    Replace,
    /// Likewise, unless it turns out that it need not.
    MayReplace,
    /// It is deleted.
    Remove,
    /// In a word of CloudFormation's.
    Other(String),
}

/// Those of an ECS service whose change starts a deployment: each task is replaced.
const DEPLOYED: [&str; 7] = [
    "CapacityProviderStrategy",
    "LaunchType",
    "LoadBalancers",
    "NetworkConfiguration",
    "PlatformVersion",
    "ServiceConnectConfiguration",
    "TaskDefinition",
];

/// Those of an auto-scaling group whose change replaces its instances.
const ROLLED: [&str; 3] = [
    "LaunchTemplate",
    "MixedInstancesPolicy",
    "VPCZoneIdentifier",
];

/// A service or group that is another one has other nodes.
const WHERE_NODES_RUN: [&str; 3] = [
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
];

impl Effect {
    /// None for what is no resource.
    pub(super) fn read(change: &Change) -> Option<Self> {
        let change = change.resource_change()?;
        Some(Self {
            action: Action::read(change),
            resource: change.logical_resource_id().unwrap_or("?").to_owned(),
            kind: change.resource_type().unwrap_or_default().to_owned(),
            properties: properties(change),
        })
    }

    fn touches(&self, properties: &[&str]) -> bool {
        let touched = |name: &&str| self.properties.contains(*name);
        matches!(self.action, Action::Change | Action::MayReplace) && properties.iter().any(touched)
    }
}

impl Action {
    fn read(change: &ResourceChange) -> Self {
        match (change.action(), change.replacement()) {
            (Some(ChangeAction::Add), _) => Self::Add,
            (Some(ChangeAction::Remove), _) => Self::Remove,
            (Some(ChangeAction::Modify), Some(Replacement::True)) => Self::Replace,
            (Some(ChangeAction::Modify), Some(Replacement::Conditional)) => Self::MayReplace,
            (Some(ChangeAction::Modify), _) => Self::Change,
            (Some(other), _) => Self::Other(other.as_str().to_lowercase()),
            (None, _) => Self::Other("touches".to_owned()),
        }
    }
}

fn properties(change: &ResourceChange) -> BTreeSet<String> {
    let targets = change.details().iter().filter_map(|it| it.target());
    targets
        .filter_map(|target| match (target.attribute()?, target.name()) {
            (ResourceAttribute::Properties, Some(name)) => Some(name.to_owned()),
            (ResourceAttribute::Properties, None) => None,
            (other, _) => Some(other.as_str().to_owned()),
        })
        .collect()
}

/// One line for each resource, for people; those that are all new are only counted.
pub fn lines(effects: &[Effect]) -> Vec<String> {
    if effects.iter().all(|effect| effect.action == Action::Add) {
        return vec![format!("adds {} resources", effects.len())];
    }
    let line = |effect: &Effect| effect.to_string();
    effects.iter().map(line).collect()
}

/// What the effects together mean for nodes that run; empty where they notice nothing.
pub fn consequences(effects: &[Effect]) -> Vec<&'static str> {
    let mut told = Vec::new();
    let any = |kinds: &[&str], is_so: &dyn Fn(&Effect) -> bool| {
        let mut of_kinds = effects
            .iter()
            .filter(|it| kinds.contains(&it.kind.as_str()));
        of_kinds.any(is_so)
    };
    let another = |it: &Effect| matches!(it.action, Action::Replace | Action::Remove);
    let perhaps = |it: &Effect| it.action == Action::MayReplace;
    let is_deployed = |it: &Effect| it.touches(&DEPLOYED) || it.touches(&ROLLED);
    if any(&WHERE_NODES_RUN, &another) {
        told.push(
            "ALL NODES END, and others form a new cluster: what they run in is replaced or removed",
        );
    } else if any(&WHERE_NODES_RUN, &perhaps) {
        told.push(
            "all nodes may end, and others form a new cluster: whether what they run in is replaced is not known before",
        );
    }
    if any(&WHERE_NODES_RUN, &is_deployed) {
        told.push("every node is replaced, one after the other; the cluster goes on");
    }
    let another = |it: &Effect| another(it) || perhaps(it);
    if any(&["AWS::SecretsManager::Secret"], &another) {
        told.push("the gossip key may be another one: nodes with the old one and with the new one cannot talk to each other");
    }
    if any(&["AWS::EC2::VPC", "AWS::EC2::Subnet"], &another) {
        told.push("what is in the network has to move: nodes, and their addresses");
    }
    if any(&["AWS::ECR::Repository"], &another) {
        told.push("the images in the repository are gone");
    }
    told
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.action {
            Action::Add => "adds",
            Action::Change => "changes",
            Action::Replace => "REPLACES",
            Action::MayReplace => "MAY REPLACE",
            Action::Remove => "REMOVES",
            Action::Other(other) => other,
        };
        write!(f, "{what:<11} {} ({})", self.resource, self.kind)?;
        let names: Vec<_> = self.properties.iter().map(String::as_str).collect();
        match names.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ResourceChangeDetail, ResourceTargetDefinition};

    use super::*;

    #[test]
    fn what_cloudformation_says_of_a_resource_is_told_in_a_line() {
        for (action, replacement, expected) in [
            (
                "Add",
                None,
                "adds        Service (AWS::ECS::Service): DesiredCount, Tags",
            ),
            (
                "Modify",
                Some("False"),
                "changes     Service (AWS::ECS::Service): DesiredCount, Tags",
            ),
            (
                "Modify",
                Some("True"),
                "REPLACES    Service (AWS::ECS::Service): DesiredCount, Tags",
            ),
            (
                "Modify",
                Some("Conditional"),
                "MAY REPLACE Service (AWS::ECS::Service): DesiredCount, Tags",
            ),
            (
                "Remove",
                None,
                "REMOVES     Service (AWS::ECS::Service): DesiredCount, Tags",
            ),
            (
                "Dynamic",
                None,
                "dynamic     Service (AWS::ECS::Service): DesiredCount, Tags",
            ),
        ] {
            let target = |attribute: &str, name: Option<&str>| {
                let target = ResourceTargetDefinition::builder()
                    .attribute(attribute.into())
                    .set_name(name.map(str::to_owned));
                ResourceChangeDetail::builder()
                    .target(target.build())
                    .build()
            };
            let change = ResourceChange::builder()
                .action(action.into())
                .set_replacement(replacement.map(Replacement::from))
                .logical_resource_id("Service")
                .resource_type("AWS::ECS::Service")
                // Once for the value, and once for the parameter that it comes from.
                .details(target("Properties", Some("DesiredCount")))
                .details(target("Properties", Some("DesiredCount")))
                .details(target("Tags", None));
            let change = Change::builder().resource_change(change.build()).build();

            assert_eq!(Effect::read(&change).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_all_new_is_counted() {
        let new = [
            effect(Action::Add, "Cluster", &[]),
            effect(Action::Add, "Service", &[]),
        ];
        assert_eq!(lines(&new), ["adds 2 resources"]);

        let mixed = [new[0].clone(), effect(Action::Remove, "Service", &[])];
        assert_eq!(lines(&mixed).len(), 2);
    }

    #[test]
    fn what_it_means_for_nodes_is_told() {
        const REPLACED: &str = "every node is replaced";
        const ENDED: &str = "ALL NODES END";
        for (action, kind, properties, expected) in [
            (
                Action::Change,
                "ECS::Service",
                &["TaskDefinition"][..],
                Some(REPLACED),
            ),
            (
                Action::Change,
                "ECS::Service",
                &["NetworkConfiguration"],
                Some(REPLACED),
            ),
            (Action::Change, "ECS::Service", &["DesiredCount"], None),
            (
                Action::Replace,
                "ECS::Service",
                &["ServiceName"],
                Some(ENDED),
            ),
            (
                Action::MayReplace,
                "ECS::Cluster",
                &[],
                Some("all nodes may end"),
            ),
            (Action::Remove, "ECS::Service", &[], Some(ENDED)),
            (
                Action::Replace,
                "ECS::TaskDefinition",
                &["ContainerDefinitions"],
                None,
            ),
            (
                Action::Change,
                "AutoScaling::AutoScalingGroup",
                &["LaunchTemplate"],
                Some(REPLACED),
            ),
            (
                Action::Change,
                "AutoScaling::AutoScalingGroup",
                &["DesiredCapacity"],
                None,
            ),
            (
                Action::Replace,
                "SecretsManager::Secret",
                &["Name"],
                Some("the gossip key"),
            ),
            (
                Action::Replace,
                "EC2::Subnet",
                &["CidrBlock"],
                Some("what is in the network"),
            ),
            (
                Action::Replace,
                "ECR::Repository",
                &["RepositoryName"],
                Some("the images"),
            ),
            (Action::Add, "ECS::Service", &[], None),
        ] {
            let told = consequences(&[effect(action, kind, properties)]);
            match expected {
                Some(start) => assert!(told[0].starts_with(start), "{told:?}"),
                None => assert!(told.is_empty(), "{kind} {told:?}"),
            }
        }
    }

    fn effect(action: Action, kind: &str, properties: &[&str]) -> Effect {
        Effect {
            action,
            resource: "It".to_owned(),
            kind: format!("AWS::{kind}"),
            properties: properties.iter().map(|it| (*it).to_owned()).collect(),
        }
    }
}
