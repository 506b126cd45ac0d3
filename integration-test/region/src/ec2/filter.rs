//! Filters of DescribeInstances: all must match, each by one of its values, with wildcards.

use super::refusal::invalid_value;
use crate::account::Account;
use crate::account::instance::{Instance, InstanceId};
use crate::pattern::fits_escaped;
use crate::reply::ApiError;

/// One filter. Names and values are case-sensitive.
#[derive(Debug, Hash)]
pub(super) struct Filter<'a> {
    field: Field<'a>,
    values: Vec<&'a str>,
}

/// The property that a filter compares. AWS has many more; these are the ones that can differ here.
#[derive(Clone, Copy, Debug, Hash)]
enum Field<'a> {
    AvailabilityZone,
    IamInstanceProfileArn,
    InstanceId,
    InstanceStateCode,
    InstanceStateName,
    InstanceType,
    InterfacePrivateIpAddress,
    Ipv6Address,
    OwnerId,
    PrivateIpAddress,
    ReservationId,
    SubnetId,
    Tag(&'a str),
    TagKey,
    VpcId,
}

impl<'a> Filter<'a> {
    pub(super) fn new(name: Option<&'a str>, values: Vec<&'a str>) -> Result<Self, ApiError> {
        let Some(name) = name else {
            return Err(invalid_value("A filter has no name".to_owned()));
        };
        let field = Field::named(name)
            .ok_or_else(|| invalid_value(format!("The filter '{name}' is invalid")))?;
        if values.is_empty() || 200 < values.len() {
            return Err(invalid_value(format!(
                "The filter '{name}' must have between 1 and 200 values"
            )));
        }
        Ok(Self { field, values })
    }

    pub(super) fn matches(&self, account: &Account, id: &InstanceId, instance: &Instance) -> bool {
        let actual = self.field.of(account, id, instance);
        self.values
            .iter()
            .any(|pattern| actual.iter().any(|actual| fits_escaped(pattern, actual)))
    }
}

impl<'a> Field<'a> {
    fn named(name: &'a str) -> Option<Self> {
        if let Some(key) = name.strip_prefix("tag:") {
            return Some(Self::Tag(key));
        }
        Some(match name {
            "availability-zone" => Self::AvailabilityZone,
            "iam-instance-profile.arn" => Self::IamInstanceProfileArn,
            "instance-id" => Self::InstanceId,
            "instance-state-code" => Self::InstanceStateCode,
            "instance-state-name" => Self::InstanceStateName,
            "instance-type" => Self::InstanceType,
            "ipv6-address" | "network-interface.ipv6-addresses.ipv6-address" => Self::Ipv6Address,
            "network-interface.addresses.private-ip-address" => Self::InterfacePrivateIpAddress,
            "owner-id" => Self::OwnerId,
            "private-ip-address" => Self::PrivateIpAddress,
            "reservation-id" => Self::ReservationId,
            "subnet-id" => Self::SubnetId,
            "tag-key" => Self::TagKey,
            "vpc-id" => Self::VpcId,
            _ => return None,
        })
    }

    /// All values of an instance for this property.
    fn of(self, account: &Account, id: &InstanceId, instance: &Instance) -> Vec<String> {
        match self {
            Self::AvailabilityZone => vec![instance.availability_zone.clone()],
            Self::IamInstanceProfileArn => instance.profile_arn(&account.id).into_iter().collect(),
            Self::InstanceId => vec![id.to_string()],
            Self::InstanceStateCode => vec![instance.state.code().to_string()],
            Self::InstanceStateName => vec![instance.state.as_str().to_owned()],
            Self::InstanceType => vec![instance.instance_type.clone()],
            Self::InterfacePrivateIpAddress => {
                let interfaces = instance.shown_interfaces().iter();
                let addresses = interfaces.flat_map(|interface| &interface.ipv4);
                addresses.map(ToString::to_string).collect()
            }
            Self::Ipv6Address => {
                let interfaces = instance.shown_interfaces().iter();
                let addresses = interfaces.flat_map(|interface| &interface.ipv6);
                addresses.map(ToString::to_string).collect()
            }
            Self::OwnerId => vec![account.id.clone()],
            Self::PrivateIpAddress => {
                let address = instance.primary_ipv4();
                address
                    .map(|address| address.to_string())
                    .into_iter()
                    .collect()
            }
            Self::ReservationId => instance.reservation.iter().cloned().collect(),
            Self::SubnetId => vec![instance.subnet.clone()],
            Self::Tag(key) => instance.tags.get(key).cloned().into_iter().collect(),
            Self::TagKey => instance.tags.keys().cloned().collect(),
            Self::VpcId => vec![instance.vpc.clone()],
        }
    }
}
