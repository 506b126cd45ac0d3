//! DescribeInstances as a function of an account and a form.

use std::time::SystemTime;

use super::{answer, form};
use crate::account::identity::Caller;
use crate::account::instance::{Instance, InstanceId, InstanceState, Interface};
use crate::account::{ACCOUNT_ID, Account, REGION};
use crate::calls::Action;
use crate::faults::PagingFaults;

#[test]
fn filters_are_joined_by_and_their_values_by_or() {
    let mut account = account();
    let orders = || Instance::running().tag("service", "orders");
    let blue = account.run_instance(orders().tag("colour", "blue").of_type("m7g.large"));
    let green = account.run_instance(orders().tag("colour", "green").of_type("c7g.large"));
    let stopped = account.run_instance(orders().state(InstanceState::Stopped));
    let bare = account.run_instance(Instance::running().zone("eu-west-1b"));

    let finds = |filters: &[(&str, &[&str])], expected: &[&InstanceId]| {
        let mut body = String::new();
        for (n, (name, values)) in (1..).zip(filters) {
            body += &format!("&Filter.{n}.Name={name}");
            for (m, value) in (1..).zip(*values) {
                body += &format!("&Filter.{n}.Value.{m}={value}");
            }
        }
        let answer = describe(&account, &body).unwrap();
        let mut expected: Vec<_> = expected.iter().map(|id| id.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(all(&answer, "instanceId"), expected, "{body}");
    };
    finds(&[], &[&blue, &green, &stopped, &bare]);
    finds(&[("tag:service", &["orders"])], &[&blue, &green, &stopped]);
    finds(
        &[
            ("tag:service", &["orders"]),
            ("instance-state-name", &["running"]),
        ],
        &[&blue, &green],
    );
    finds(&[("tag:colour", &["blue", "green"])], &[&blue, &green]);
    finds(&[("tag:colour", &["gr*"])], &[&green]);
    finds(&[("tag:Colour", &["blue"])], &[]);
    finds(&[("tag-key", &["colour"])], &[&blue, &green]);
    finds(
        &[("instance-type", &["?7g.large"])],
        &[&blue, &green, &stopped, &bare],
    );
    finds(&[("instance-type", &["m1.small"])], &[]);
    finds(
        &[("instance-state-name", &["stopped", "stopping"])],
        &[&stopped],
    );
    finds(&[("instance-state-code", &["80"])], &[&stopped]);
    finds(&[("availability-zone", &["eu-west-1b"])], &[&bare]);
    finds(&[("instance-id", &[bare.as_str()])], &[&bare]);
}

#[test]
fn filters_look_at_every_interface_and_at_the_primary_address() {
    let mut account = account();
    let id = account.run_instance(
        Instance::running()
            .interface(
                Interface::new(1)
                    .at([10, 0, 9, 9].into())
                    .described("ECS task"),
            )
            .at([10, 0, 1, 1].into()),
    );
    let found = |body: &str| all(&describe(&account, body).unwrap(), "instanceId");
    let by = |name: &str, value: &str| format!("&Filter.1.Name={name}&Filter.1.Value.1={value}");
    let me = [id.as_str()];
    assert_eq!(found(&by("private-ip-address", "10.0.1.1")), me);
    assert!(found(&by("private-ip-address", "10.0.9.9")).is_empty());
    let interfaces = "network-interface.addresses.private-ip-address";
    assert_eq!(found(&by(interfaces, "10.0.9.9")), me);
}

#[test]
fn an_instance_shows_its_interfaces_in_their_own_order() {
    let mut account = account();
    let v6 = "2001:db8::1".parse().unwrap();
    account.run_instance(
        Instance::running()
            .interface(Interface::new(1).at([10, 0, 9, 9].into()))
            .interface(
                Interface::new(0)
                    .at([10, 0, 1, 1].into())
                    .at([10, 0, 1, 2].into())
                    .at_v6(v6),
            )
            .tag("say", "<a & b>"),
    );
    let answer = describe(&account, "").unwrap();
    assert_eq!(all(&answer, "deviceIndex"), ["1", "0"]);
    assert_eq!(all(&answer, "primary"), ["true", "true", "false"]);
    // Of the instance first, then of its interfaces: for each its own, then its list.
    assert_eq!(
        all(&answer, "privateIpAddress"),
        [
            "10.0.1.1", "10.0.9.9", "10.0.9.9", "10.0.1.1", "10.0.1.1", "10.0.1.2"
        ]
    );
    assert_eq!(all(&answer, "ipv6Address"), ["2001:db8::1", "2001:db8::1"]);
    assert_eq!(all(&answer, "value"), ["&lt;a &amp; b&gt;"]);
}

#[test]
fn a_terminated_instance_has_no_network_any_more() {
    let mut account = account();
    let id = account.run_instance(Instance::running().at([10, 0, 1, 1].into()));
    account.instance_mut(&id).state = InstanceState::Terminated;
    let answer = describe(&account, "").unwrap();
    assert_eq!(all(&answer, "instanceId"), [id.as_str()]);
    assert!(!answer.contains("10.0.1.1"), "{answer}");
    assert!(!answer.contains("vpc-"), "{answer}");
}

#[test]
fn instances_of_one_reservation_are_shown_together() {
    let mut account = account();
    for _ in 0..2 {
        account.run_instance(Instance::running().in_reservation("r-shared"));
    }
    let answer = describe(&account, "").unwrap();
    assert_eq!(all(&answer, "reservationId"), ["r-shared"]);
    assert_eq!(all(&answer, "instanceId").len(), 2);
}

#[test]
fn pages_cover_everything_once() {
    let mut account = account();
    let mut ids: Vec<_> = (0..12)
        .map(|_| account.run_instance(Instance::running()).to_string())
        .collect();
    ids.sort();
    let mut found = Vec::new();
    let mut body = "&MaxResults=5".to_owned();
    for size in [5, 5, 2] {
        let page = describe(&account, &body).unwrap();
        assert_eq!(all(&page, "instanceId").len(), size);
        found.extend(all(&page, "instanceId"));
        let token = all(&page, "nextToken");
        body = format!("&MaxResults=5&NextToken={}", token.concat());
    }
    assert_eq!(body, "&MaxResults=5&NextToken=");
    assert_eq!(found, ids);
}

#[test]
fn odd_requests_are_refused_as_ec2_refuses_them() {
    let mut account = account();
    let id = account.run_instance(Instance::running());
    let refuses = |body: &str, expected: &str| {
        let refusal = describe(&account, body).unwrap_err();
        assert!(refusal.starts_with(expected), "{refusal}");
    };
    refuses(
        "&Filter.1.Name=colour&Filter.1.Value.1=blue",
        "400 InvalidParameterValue: The filter 'colour' is invalid",
    );
    refuses("&Filter.1.Name=vpc-id", "400 InvalidParameterValue");
    refuses("&Filter.1.Value.1=x", "400 InvalidParameterValue");
    refuses("&MaxResults=4", "400 InvalidParameterValue: Value ( 4 )");
    refuses("&MaxResults=1001", "400 InvalidParameterValue");
    refuses("&MaxResults=many", "400 InvalidParameterValue");
    refuses(
        &format!("&MaxResults=5&InstanceId.1={id}"),
        "400 InvalidParameterCombination",
    );
    refuses("&InstanceId.1=i-0", "400 InvalidInstanceID.NotFound");
    refuses("&InstanceId.1=0", "400 InvalidInstanceID.Malformed");
    refuses("&NextToken=made-up", "400 InvalidNextToken");
    refuses("&Colour=blue", "400 UnknownParameter");
    refuses("&DryRun=true", "412 DryRunOperation");
    account.role_mut("task-role").deny("ec2:DescribeInstances");
    assert_eq!(
        describe(&account, "").unwrap_err(),
        "403 UnauthorizedOperation: You are not authorized to perform this operation. \
         User: arn:aws:sts::123456789012:assumed-role/task-role/session \
         is not authorized to perform: ec2:DescribeInstances \
         because no identity-based policy allows the ec2:DescribeInstances action"
    );
}

fn account() -> Account {
    Account::new(ACCOUNT_ID, REGION, SystemTime::UNIX_EPOCH)
}

fn describe(account: &Account, rest: &str) -> Result<String, String> {
    let caller = Caller {
        account: account.id.clone(),
        role: "task-role".to_owned(),
        session: "session".to_owned(),
    };
    let body = format!("Action=DescribeInstances&Version=2016-11-15{rest}");
    let form = form(body.as_bytes());
    let faults = PagingFaults::default();
    answer(account, &caller, Action::DescribeInstances, &form, &faults)
        .map_err(|error| format!("{} {}: {}", error.status, error.code, error.message))
}

/// The texts of all elements of a name, in order.
fn all(xml: &str, element: &str) -> Vec<String> {
    let opening = format!("<{element}>");
    let parts = xml.split(&opening).skip(1);
    parts
        .map(|part| part.split('<').next().unwrap_or_default().to_owned())
        .collect()
}
