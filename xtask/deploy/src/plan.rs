//! What `deploy` would do: which stacks, in which order, with which parameters, and what that changes.
//!
//! Makes no calls: the existing stacks are an argument.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use options::deploy::{Architecture, Deploy, Network, Program, Workload};

use super::{account::Vpc, image};
use crate::{
    differences::{ministack, moto},
    stacks::{Stack, Wanted},
    step::{self, Step},
    templates::Template,
};

const REPOSITORY: &str = include_str!("../../../cloudformation/image-repository.yaml");
const NETWORK: &str = include_str!("../../../cloudformation/network.yaml");
const SERVICE: &str = include_str!("../../../cloudformation/ecs-service.yaml");
const INSTANCES: &str = include_str!("../../../cloudformation/ec2-auto-scaling-group.yaml");

/// The parameters of the network for its zones.
const ZONES: [&str; 3] = ["FirstZone", "SecondZone", "ThirdZone"];

/// The longest name that the template of the repository accepts, in characters.
const LONGEST_REPOSITORY: usize = 64;

/// A stack as it should be, as far as that is known before the other stacks exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    template: String,
    parameters: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Given(String),
    /// An output of another stack.
    Output {
        stack: String,
        key: &'static str,
    },
}

/// Once the image is published, an additional output of the repository's stack: the image, by its digest.
pub const IMAGE: &str = "ImageUri";

/// What stacks give, by their names.
pub type Outputs = BTreeMap<String, BTreeMap<String, String>>;

/// An existing stack.
#[derive(Debug, Clone)]
pub struct Existing {
    /// How it is.
    pub stack: Stack,
    /// The text of its template.
    pub template: String,
}

/// Rejects options that contradict each other, and those that no emulator supports.
pub fn check(options: &Deploy) -> anyhow::Result<()> {
    if options.workload == Workload::Ecs {
        ensure!(
            options.program.is_none(),
            "--program is only for instances: add --workload ec2"
        );
        ensure!(
            options.place.endpoint_url.is_none() || options.image.is_some(),
            "an emulator has no repository that Docker can push to: give --image demo-node:latest"
        );
    }
    ensure!(
        options.vpc_cidr.is_none() || options.network == Network::Private,
        "--vpc-cidr is only for a private network: add --network private"
    );
    zones(options)?;
    match options.workload {
        Workload::Ecs => parameters::check(options, "ecs-service.yaml", SERVICE)?,
        Workload::Ec2 => parameters::check(options, "ec2-auto-scaling-group.yaml", INSTANCES)?,
    }
    match (options.workload, options.architecture) {
        (Workload::Ec2, Some(Architecture::Arm64)) => {
            bail!("instances have the type t3.micro, which is x86_64: remove --architecture")
        }
        (Workload::Ecs, Some(wanted)) if options.image.is_none() => ensure!(
            name_of(wanted) == image::architecture(),
            "an image that is built here is for {}: build it on a machine of the other type, or give --image",
            image::architecture()
        ),
        _ => {}
    }
    if publishes(options) {
        let name = &options.place.name;
        let repository = options.place.repository_stack();
        ensure!(
            is_name_of_repository(&repository),
            "--name {name}: the image's repository would be {repository}, but ECR allows only lower-case letters, digits and \
             single dashes between them, at most {LONGEST_REPOSITORY} characters: choose another name, or give --image"
        );
    }
    Ok(())
}

/// None that is chosen is one that does not do: a network has two or three, and nodes are in two at least.
fn zones(options: &Deploy) -> anyhow::Result<()> {
    let zones = &options.zones;
    let different: BTreeSet<_> = zones.iter().collect();
    ensure!(
        different.len() == zones.len(),
        "--zones contains a zone twice: {}",
        zones.join(",")
    );
    ensure!(
        zones.len() != 1,
        "--zones {}: give at least two, so that some nodes survive the failure of a zone",
        zones.join(",")
    );
    ensure!(
        zones.len() <= ZONES.len() || options.network == Network::DefaultVpc,
        "--zones {}: a private network has at most {}",
        zones.join(","),
        ZONES.len()
    );
    Ok(())
}

fn is_name_of_repository(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    name.len() <= LONGEST_REPOSITORY && name.split('-').all(part)
}

/// What tasks run on, as ECS names it.
pub fn architecture(options: &Deploy) -> &'static str {
    match options.architecture {
        Some(architecture) => name_of(architecture),
        None if publishes(options) => image::architecture(),
        None => name_of(Architecture::X86_64),
    }
}

fn name_of(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "X86_64",
        Architecture::Arm64 => "ARM64",
    }
}

/// Whether the image must be built and pushed to its own repository.
pub fn publishes(options: &Deploy) -> bool {
    options.workload == Workload::Ecs && options.image.is_none()
}

/// The stack of the other kind of nodes, which would share the network stack with these, though that serves one of them.
pub fn other_stack(options: &Deploy) -> String {
    match options.workload {
        Workload::Ecs => options.place.instances_stack(),
        Workload::Ec2 => options.place.service_stack(),
    }
}

/// What to do where both kinds were to have one name.
pub fn one_kind(options: &Deploy) -> String {
    format!(
        "choose another --name, or remove it first with {}",
        options.place.command("destroy")
    )
}

/// The stacks in the order in which they need each other.
///
/// `vpc` is the default VPC, if nodes should be in it.
pub fn plan(options: &Deploy, vpc: Option<Vpc>) -> anyhow::Result<Vec<Planned>> {
    let repository = publishes(options).then(|| repository(options));
    let network = match options.network {
        Network::DefaultVpc => None,
        Network::Private => Some(network(options)?),
    };
    let mut workload = match options.workload {
        Workload::Ecs => service(options)?,
        Workload::Ec2 => instances(options)?,
    };
    workload.parameters.extend(named(place(options, vpc)?));
    if let Some(boundary) = &options.permissions_boundary {
        let value = Value::Given(boundary.clone());
        workload
            .parameters
            .extend(named([("PermissionsBoundaryArn", value)]));
    }
    let others = options.parameters.iter();
    let others = others.map(|(key, value)| (key.clone(), Value::Given(value.clone())));
    workload.parameters.extend(others);
    Ok([repository, network, Some(workload)]
        .into_iter()
        .flatten()
        .collect())
}

fn repository(options: &Deploy) -> Planned {
    let name = options.place.repository_stack();
    Planned {
        template: REPOSITORY.to_owned(),
        parameters: named([("RepositoryName", Value::Given(name.clone()))]).collect(),
        name,
    }
}

fn network(options: &Deploy) -> anyhow::Result<Planned> {
    let mut parameters = BTreeMap::new();
    if let Some(cidr) = &options.vpc_cidr {
        parameters.insert("VpcCidr", Value::Given(cidr.clone()));
    }
    if !options.zones.is_empty() {
        let count = options.zones.len().to_string();
        parameters.insert("Zones", Value::Given(count));
        let zones = options.zones.iter().cloned().map(Value::Given);
        parameters.extend(ZONES.into_iter().zip(zones));
    }
    let mut template = NETWORK.to_owned();
    if let Some(Program { bucket, .. }) = &options.program {
        parameters.insert("Method", Value::Given("ec2".to_owned()));
        parameters.insert("ProgramBucket", Value::Given(bucket.clone()));
        if options.place.endpoint_url.is_some() {
            template = moto::adapt_network(NETWORK, options.vpc_cidr.as_deref())?;
        }
    }
    Ok(Planned {
        name: options.place.network_stack(),
        template,
        parameters: named(parameters).collect(),
    })
}

fn service(options: &Deploy) -> anyhow::Result<Planned> {
    let place = &options.place;
    let mut parameters = BTreeMap::from([
        ("DesiredCount", Value::Given(options.nodes.to_string())),
        ("ServiceName", Value::Given(place.name.clone())),
    ]);
    match (&options.image, publishes(options)) {
        (Some(image), _) => {
            parameters.insert("ImageUri", Value::Given(image.clone()));
            // Without it the tasks might not pull the image.
            if let Some(arn) = image::repository_arn(image) {
                parameters.insert("RepositoryArn", Value::Given(arn));
            }
        }
        (None, true) => {
            let stack = place.repository_stack();
            parameters.insert("ImageUri", output(stack.clone(), IMAGE));
            parameters.insert("RepositoryArn", output(stack, "RepositoryArn"));
        }
        (None, false) => bail!("there is no image to run"),
    }
    let architecture = architecture(options).to_owned();
    parameters.insert("Architecture", Value::Given(architecture));
    let template = match &place.endpoint_url {
        None => SERVICE.to_owned(),
        Some(_) => ministack::adapt(SERVICE, usize::from(options.nodes))?,
    };
    Ok(Planned {
        name: place.service_stack(),
        template,
        parameters: named(parameters).collect(),
    })
}

fn instances(options: &Deploy) -> anyhow::Result<Planned> {
    let place = &options.place;
    let program = options.program.as_ref();
    let Program { bucket, key } = program.context("instances need a --program")?;
    let sum = options.program_sha256.as_ref();
    let sum = sum.context("instances need a --program-sha256")?;
    let parameters = [
        ("DesiredCapacity", options.nodes.to_string()),
        ("ServiceName", place.name.clone()),
        ("ProgramBucket", bucket.clone()),
        ("ProgramKey", key.clone()),
        ("ProgramSha256", sum.clone()),
    ];
    let template = match &place.endpoint_url {
        None => INSTANCES.to_owned(),
        Some(_) => moto::adapt_instances(INSTANCES)?,
    };
    Ok(Planned {
        name: place.instances_stack(),
        template,
        parameters: named(parameters.map(|(key, value)| (key, Value::Given(value)))).collect(),
    })
}

/// Where nodes run: the same parameters whatever they are.
fn place(options: &Deploy, vpc: Option<Vpc>) -> anyhow::Result<Vec<(&'static str, Value)>> {
    Ok(match options.network {
        Network::DefaultVpc => {
            let Vpc { id, subnets, .. } = vpc.context("there is no default VPC")?;
            vec![
                ("VpcId", Value::Given(id)),
                ("SubnetIds", Value::Given(subnets)),
                ("AssignPublicIp", Value::Given("ENABLED".to_owned())),
            ]
        }
        Network::Private => ["VpcId", "SubnetIds", "EndpointClientSecurityGroupId"]
            .map(|key| (key, output(options.place.network_stack(), key)))
            .into(),
    })
}

fn named(
    parameters: impl IntoIterator<Item = (&'static str, Value)>,
) -> impl Iterator<Item = (String, Value)> {
    let parameters = parameters.into_iter();
    parameters.map(|(key, value)| (key.to_owned(), value))
}

fn output(stack: String, key: &'static str) -> Value {
    Value::Output { stack, key }
}

impl Planned {
    /// What to do with the existing stack, if there is one.
    pub fn step(&self, existing: Option<&Existing>, outputs: &Outputs) -> Step {
        let points = existing.map(|existing| self.points(existing, outputs));
        let found = existing.map(|existing| existing.stack.found());
        step::next(found, points.unwrap_or_default())
    }

    /// The points in which the existing stack differs.
    fn points(&self, existing: &Existing, outputs: &Outputs) -> Vec<String> {
        let Existing { stack, template } = existing;
        let mut points = Vec::new();
        for (key, value) in &self.parameters {
            let old = stack.parameters.get(key).map_or("nothing", String::as_str);
            match value.known(outputs) {
                Some(new) if new == old => {}
                Some(new) => points.push(format!("{key} {old} -> {new}")),
                None => points.push(key.clone()),
            }
        }
        // After the change, parameters that are not given have their defaults, whatever they were before.
        for (key, default) in self.defaults() {
            if !self.parameters.contains_key(key.as_str())
                && let Some(old) = stack.parameters.get(&key)
                && *old != default
            {
                points.push(format!("{key} {old} -> {default:?}, the default"));
            }
        }
        if template.trim() != self.template.trim() {
            points.push("its template".to_owned());
        }
        points
    }

    /// Of the parameters that have one.
    fn defaults(&self) -> BTreeMap<String, String> {
        let Ok(template) = Template::parse(&self.name, &self.template) else {
            return BTreeMap::new();
        };
        let of_one = |(name, parameter): (&str, &serde_json::Value)| {
            let default = match parameter.get("Default")? {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name.to_owned(), default))
        };
        template.section("Parameters").filter_map(of_one).collect()
    }

    /// A parameter's value, as far as it is known.
    pub fn parameter(&self, key: &str, outputs: &Outputs) -> Option<String> {
        self.parameters.get(key)?.known(outputs)
    }

    /// What to request, when the needed stacks exist.
    pub fn wanted(&self, outputs: &Outputs) -> anyhow::Result<Wanted> {
        let known = |(key, value): (&String, &Value)| {
            let known = value.known(outputs);
            let known = known
                .with_context(|| format!("no stack gives the value of {key} of {}", self.name))?;
            Ok((key.clone(), known))
        };
        Ok(Wanted {
            name: self.name.clone(),
            template: self.template.clone(),
            parameters: self
                .parameters
                .iter()
                .map(known)
                .collect::<anyhow::Result<_>>()?,
        })
    }
}

impl Value {
    fn known(&self, outputs: &Outputs) -> Option<String> {
        match self {
            Self::Given(value) => Some(value.clone()),
            Self::Output { stack, key } => outputs.get(stack)?.get(*key).cloned(),
        }
    }
}

mod parameters;

#[cfg(test)]
mod tests;
