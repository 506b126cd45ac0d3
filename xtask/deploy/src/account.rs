//! Access to the account, and to what it has besides our stacks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_ec2::types::{Filter, Subnet};
use options::deploy::Place;

use crate::stacks::{Pending, Stacks};

/// A connection takes less than this, or there is nothing to connect to.
const CONNECTING: Duration = Duration::from_secs(5);

/// No call here asks for much.
const ANSWERING: Duration = Duration::from_secs(20);

/// An account and region.
#[derive(Debug)]
pub struct Account {
    /// How to call it.
    pub config: SdkConfig,
    /// Its stacks.
    pub stacks: Stacks,
}

/// A VPC and some of its subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Their ids, separated by commas.
    pub subnets: String,
    /// Those that they are in, each once.
    pub zones: Vec<Zone>,
}

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    /// As this account calls it.
    pub name: String,
    /// As all accounts do.
    pub id: String,
}

impl Account {
    /// The one that the environment and the profile name.
    pub async fn open(place: &Place) -> anyhow::Result<Self> {
        let http = discovery::http_client()?;
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
        if let Some(region) = &place.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &place.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECTING)
            .operation_attempt_timeout(ANSWERING)
            .build();
        loader = loader.timeout_config(timeouts);
        let config = loader.load().await;
        ensure!(
            config.region().is_some(),
            "no region is set: give --region, or set AWS_REGION"
        );
        let stacks = Stacks::new(&config);
        Ok(Self { config, stacks })
    }

    /// The region's name.
    pub fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }

    /// With the role for CloudFormation, and with tags for each stack.
    #[must_use]
    pub fn with(self, role_arn: Option<String>, tags: BTreeMap<String, String>) -> Self {
        Self {
            stacks: self.stacks.with(role_arn, tags),
            ..self
        }
    }

    /// Records there what is prepared, until it is executed or deleted.
    #[must_use]
    pub fn noting(self, pending: Pending) -> Self {
        Self {
            stacks: self.stacks.noting(pending),
            ..self
        }
    }

    /// The account's default VPC, with its subnets in these zones; in all zones if none is given.
    pub async fn default_vpc(&self, zones: &[String]) -> anyhow::Result<Vpc> {
        let ec2 = aws_sdk_ec2::Client::new(&self.config);
        let is_default = Filter::builder().name("is-default").values("true").build();
        let vpcs = ec2.describe_vpcs().filters(is_default).send().await;
        let vpcs = vpcs.context("looking for the default VPC")?;
        let id = vpcs.vpcs().first().and_then(|vpc| vpc.vpc_id());
        let id =
            id.context("the account has no default VPC in this region: use --network private")?;

        let of_vpc = Filter::builder().name("vpc-id").values(id).build();
        let subnets = ec2.describe_subnets().filters(of_vpc).send().await;
        let subnets = subnets.context("looking for the subnets of the default VPC")?;
        let zone = |subnet: &Subnet| Zone {
            name: subnet.availability_zone().unwrap_or_default().to_owned(),
            id: subnet.availability_zone_id().unwrap_or_default().to_owned(),
        };
        let all: BTreeSet<_> = subnets.subnets().iter().map(zone).collect();
        if let Some(missing) = zones
            .iter()
            .find(|it| all.iter().all(|zone| zone.name != **it))
        {
            let names: Vec<_> = all.iter().map(|zone| zone.name.as_str()).collect();
            bail!(
                "the default VPC has no subnet in {missing}, only in {}: see --zones",
                names.join(", ")
            );
        }
        let is_chosen = |zone: &Zone| zones.is_empty() || zones.contains(&zone.name);
        let found: Vec<_> = subnets
            .subnets()
            .iter()
            .filter(|subnet| is_chosen(&zone(subnet)))
            .collect();
        let zones = all.into_iter().filter(is_chosen).collect();
        let mut subnets: Vec<_> = found
            .iter()
            .filter_map(|subnet| subnet.subnet_id())
            .collect();
        // A different order is not a change.
        subnets.sort_unstable();
        ensure!(
            2 <= subnets.len(),
            "the default VPC has fewer than two subnets: use --network private"
        );
        Ok(Vpc {
            id: id.to_owned(),
            subnets: subnets.join(","),
            zones,
        })
    }
}
