//! `cargo xtask deploy`.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use super::{
    account::{Account, Vpc},
    image,
    options::{Deploy, Network, Place},
    status,
    terminal::{agreed, say},
};
use crate::{
    e2e::ministack::differences,
    stacks::{Stack, Wanted},
};

const REPOSITORY: &str = include_str!("../../../cloudformation/image-repository.yaml");
const NETWORK: &str = include_str!("../../../cloudformation/network.yaml");
const SERVICE: &str = include_str!("../../../cloudformation/ecs-service.yaml");

/// Creates or changes the stacks, in the order in which they need each other.
pub async fn deploy(options: &Deploy) -> anyhow::Result<()> {
    let place = &options.place;
    let account = Account::open(place).await?;
    let service = service_template(options)?;
    let names = stacks(options);

    say(&format!("in {}:", account.region()));
    for name in &names {
        let plan = match account.stacks.find(name).await? {
            None => "is created".to_owned(),
            Some(stack) => format!("is changed where it differs ({})", stack.status),
        };
        say(&format!("  {name:<24} {plan}"));
    }
    if !options.yes && !agreed("go on?")? {
        say("nothing was done");
        return Ok(());
    }

    let mut parameters = BTreeMap::from([
        ("DesiredCount", options.nodes.to_string()),
        ("ServiceName", place.name.clone()),
    ]);
    match &options.image {
        Some(image) => {
            parameters.insert("ImageUri", image.clone());
        }
        None => {
            let repository = [("RepositoryName", place.repository_stack())];
            let stack = put(&account, place.repository_stack(), REPOSITORY, repository).await?;
            let uri = output(&stack, "RepositoryUri")?;
            parameters.insert("ImageUri", image::publish(&account, &uri).await?);
            parameters.insert("RepositoryArn", output(&stack, "RepositoryArn")?);
            parameters.insert("Architecture", image::architecture().to_owned());
        }
    }
    match options.network {
        Network::DefaultVpc => {
            let Vpc { id, subnets } = account.default_vpc().await?;
            parameters.insert("VpcId", id);
            parameters.insert("SubnetIds", subnets);
            parameters.insert("AssignPublicIp", "ENABLED".to_owned());
        }
        Network::Private => {
            let stack = put(&account, place.network_stack(), NETWORK, []).await?;
            for key in ["VpcId", "SubnetIds", "EndpointClientSecurityGroupId"] {
                parameters.insert(key, output(&stack, key)?);
            }
        }
    }
    put(&account, place.service_stack(), &service, parameters).await?;

    say("");
    status::show(place, &account).await?;
    say(&format!(
        "\nnext: {}\nto remove it all: {}",
        command("status", place),
        command("destroy", place)
    ));
    Ok(())
}

/// In the order in which they are put.
fn stacks(options: &Deploy) -> Vec<String> {
    let place = &options.place;
    let repository = options.image.is_none().then(|| place.repository_stack());
    let network = match options.network {
        Network::DefaultVpc => None,
        Network::Private => Some(place.network_stack()),
    };
    let all = [repository, network, Some(place.service_stack())];
    all.into_iter().flatten().collect()
}

async fn put(
    account: &Account,
    name: String,
    template: &str,
    parameters: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Stack> {
    say(&format!("\n==> {name}"));
    let wanted = Wanted {
        name,
        template: template.to_owned(),
        parameters: parameters
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    };
    let stack = account
        .stacks
        .put(&wanted, &mut |line| say(&format!("    {line}")))
        .await?;
    Ok(stack)
}

fn output(stack: &Stack, key: &str) -> anyhow::Result<String> {
    let value = stack.outputs.get(key).cloned();
    value.with_context(|| format!("a stack has no output {key}"))
}

fn service_template(options: &Deploy) -> anyhow::Result<String> {
    if options.place.endpoint_url.is_none() {
        return Ok(SERVICE.to_owned());
    }
    ensure!(
        options.image.is_some(),
        "an emulator has no repository that Docker can push to: give --image demo-node:latest"
    );
    differences::adapt(SERVICE, usize::from(options.nodes))
}

/// The command that does `what` in the same place.
pub(super) fn command(what: &str, place: &Place) -> String {
    let Place {
        name,
        region,
        endpoint_url,
    } = place;
    let mut command = format!("cargo xtask {what} --name {name}");
    if let Some(region) = region {
        command.push_str(&format!(" --region {region}"));
    }
    if let Some(url) = endpoint_url {
        command.push_str(&format!(" --endpoint-url {url}"));
    }
    command
}
