//! The answer of DescribeAutoScalingGroups in XML.

use serde::Serialize;

use crate::account::Account;
use crate::account::group::Group;
use crate::paging::Page;
use crate::reply::{REQUEST_ID, iso_8601};

#[derive(Serialize)]
#[serde(
    rename = "DescribeAutoScalingGroupsResponse",
    rename_all = "PascalCase"
)]
struct Answer<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    describe_auto_scaling_groups_result: Groups<'a>,
    response_metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Groups<'a> {
    auto_scaling_groups: List<GroupXml<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

/// Lists are elements called `member`.
#[derive(Serialize)]
struct List<T> {
    member: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupXml<'a> {
    auto_scaling_group_name: &'a str,
    min_size: u32,
    max_size: u32,
    desired_capacity: u32,
    default_cooldown: u32,
    availability_zones: List<String>,
    health_check_type: &'static str,
    created_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired_capacity_type: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    request_id: &'static str,
}

pub(super) fn describe_groups(account: &Account, page: &Page<(&str, &Group)>) -> String {
    let groups = page.items.iter().map(|(name, group)| GroupXml {
        auto_scaling_group_name: name,
        min_size: 0,
        max_size: group.desired_capacity,
        desired_capacity: group.desired_capacity,
        default_cooldown: 300,
        availability_zones: List {
            member: vec![format!("{}a", account.region)],
        },
        health_check_type: "EC2",
        created_time: iso_8601(account.now),
        desired_capacity_type: group.desired_capacity_type,
    });
    let answer = Answer {
        namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        describe_auto_scaling_groups_result: Groups {
            auto_scaling_groups: List {
                member: groups.collect(),
            },
            next_token: page.next_token.as_deref(),
        },
        response_metadata: Metadata {
            request_id: REQUEST_ID,
        },
    };
    quick_xml::se::to_string(&answer).expect("no map in it has a key that is not text")
}
