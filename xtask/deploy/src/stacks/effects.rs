//! What CloudFormation would do to the resources of a stack, and what that means for its nodes. Makes no calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use aws_sdk_cloudformation::types::{
    Change, ChangeAction, EvaluationType, Replacement, ResourceAttribute, ResourceChange,
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
    /// Those of them that may turn out to be as they were, each with the resources that this depends on.
    pub doubtful: BTreeMap<String, BTreeSet<String>>,
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
    /// The same, unless it turns out not to be necessary.
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

/// A changed service or group has other nodes.
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
            doubtful: doubtful(change),
        })
    }

    /// Whether some of these properties will be others for certain, where that is so, and otherwise whether they may be;
    /// none where they stay. `replaced` are the resources that are others themselves.
    fn touches(&self, properties: &[&str], replaced: &BTreeSet<&str>) -> Option<bool> {
        let is_certain = |name: &&&str| match self.doubtful.get(**name) {
            None => true,
            Some(causes) => causes.iter().any(|cause| replaced.contains(cause.as_str())),
        };
        let mut touched = properties
            .iter()
            .filter(|name| self.properties.contains(**name))
            .peekable();
        touched.peek()?;
        matches!(self.action, Action::Change | Action::MayReplace)
            .then(|| touched.any(|name| is_certain(&name)))
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

/// A static evaluation knows the new value, a dynamic one only its source.
fn doubtful(change: &ResourceChange) -> BTreeMap<String, BTreeSet<String>> {
    let mut certain = BTreeSet::new();
    let mut doubtful = BTreeMap::<_, BTreeSet<_>>::new();
    for detail in change.details() {
        let Some(name) = detail.target().and_then(|target| target.name()) else {
            continue;
        };
        if detail.evaluation() == Some(&EvaluationType::Dynamic) {
            // Perhaps with an attribute after it.
            let cause = detail.causing_entity().and_then(|it| it.split('.').next());
            let causes = doubtful.entry(name.to_owned()).or_default();
            causes.extend(cause.map(str::to_owned));
        } else {
            certain.insert(name);
        }
    }
    doubtful.retain(|name, _| !certain.contains(name.as_str()));
    doubtful
}

/// One line for each resource, for people; those that are all new are only counted.
pub fn lines(effects: &[Effect]) -> Vec<String> {
    if effects.iter().all(|effect| effect.action == Action::Add) {
        return vec![format!("adds {} resources", effects.len())];
    }
    let line = |effect: &Effect| effect.to_string();
    effects.iter().map(line).collect()
}

/// What the effects together mean for running nodes; empty if they are not affected.
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
    let replaced = effects.iter().filter(|it| it.action == Action::Replace);
    let replaced: BTreeSet<_> = replaced.map(|it| it.resource.as_str()).collect();
    let deployed = |it: &Effect| {
        let touched = [&DEPLOYED[..], &ROLLED].map(|of| it.touches(of, &replaced));
        touched.into_iter().flatten().max()
    };
    if any(&WHERE_NODES_RUN, &another) {
        told.push(
            "ALL NODES END, and new ones form a new cluster: what they run in is replaced or removed",
        );
    } else if any(&WHERE_NODES_RUN, &perhaps) {
        told.push(
            "all nodes may end, and new ones form a new cluster: it is not known in advance whether what they run in is replaced",
        );
    }
    if any(&WHERE_NODES_RUN, &|it| deployed(it) == Some(true)) {
        told.push("every node is replaced, one after the other; the cluster continues");
    } else if any(&WHERE_NODES_RUN, &|it| deployed(it) == Some(false)) {
        told.push(
            "every node may be replaced, one after the other (not known in advance); the cluster continues",
        );
    }
    let another = |it: &Effect| another(it) || perhaps(it);
    if any(&["AWS::SecretsManager::Secret"], &another) {
        told.push("the gossip key may change: nodes with the old key and nodes with the new key cannot talk to each other");
    }
    if any(&["AWS::EC2::VPC", "AWS::EC2::Subnet"], &another) {
        told.push("everything in the network must move: the nodes, and their addresses");
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
                Some("everything in the network"),
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

    #[test]
    fn what_depends_on_another_resource_is_certain_where_that_is_replaced() {
        let detail = |evaluation: &str, cause: Option<&str>| {
            let target = ResourceTargetDefinition::builder()
                .attribute(ResourceAttribute::Properties)
                .name("TaskDefinition");
            ResourceChangeDetail::builder()
                .target(target.build())
                .evaluation(evaluation.into())
                .set_causing_entity(cause.map(str::to_owned))
                .build()
        };
        let read = |details: Vec<ResourceChangeDetail>| {
            let change = ResourceChange::builder()
                .action(ChangeAction::Modify)
                .replacement(Replacement::False)
                .logical_resource_id("Service")
                .resource_type("AWS::ECS::Service")
                .set_details(Some(details));
            let change = Change::builder().resource_change(change.build()).build();
            Effect::read(&change).unwrap()
        };
        let definition = |action| Effect {
            resource: "Definition".to_owned(),
            ..effect(action, "ECS::TaskDefinition", &[])
        };
        let dynamic = || detail("Dynamic", Some("Definition.Arn"));
        for (details, action, expected) in [
            (
                vec![dynamic()],
                Action::Change,
                "every node may be replaced",
            ),
            (
                vec![dynamic()],
                Action::MayReplace,
                "every node may be replaced",
            ),
            (vec![dynamic()], Action::Replace, "every node is replaced"),
            (
                vec![dynamic(), detail("Static", None)],
                Action::Change,
                "every node is replaced",
            ),
        ] {
            let told = consequences(&[definition(action), read(details)]);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(expected), "{told:?}");
        }
    }

    fn effect(action: Action, kind: &str, properties: &[&str]) -> Effect {
        Effect {
            action,
            resource: "It".to_owned(),
            kind: format!("AWS::{kind}"),
            properties: properties.iter().map(|it| (*it).to_owned()).collect(),
            doubtful: BTreeMap::new(),
        }
    }
}
