//! Who is listed, and who counts.

use super::*;

#[test]
fn bridge_mode_here_or_elsewhere() {
    let mode = || Error::NetworkMode {
        task: arn(1),
        mode: "bridge".to_owned(),
    };
    let awsvpc = "network mode awsvpc";
    check(
        |facts| facts.lookup = Err(mode()),
        Code::BridgeMode,
        Failure,
        awsvpc,
    );
    check(
        |facts| facts.here.address = Err(mode()),
        Code::BridgeMode,
        Failure,
        awsvpc,
    );
    check(
        |facts| drop_as(facts, 3, no_address(Missing::NoInterface)),
        Code::BridgeMode,
        Failure,
        awsvpc,
    );
}

#[test]
fn one_of_several_services_that_cannot_be_looked_up() {
    let advice = |remedy| {
        let mut facts = forming();
        let reason = PartialReason::ServiceFailed {
            service: "demo/batch".to_owned(),
            error: "there is no such service".to_owned(),
            remedy,
        };
        listing(&mut facts).completeness = Completeness::Partial(vec![reason]);
        let findings = judge(&facts).findings;
        let partial = findings.iter().find(|it| it.code == Code::PartialList);
        partial.unwrap().advice.clone()
    };
    let stays = advice(Remedy::FixConfiguration);
    assert!(stays.ends_with("it does not pass by itself."), "{stays}");
    assert!(advice(Remedy::RetryLater).starts_with("Try again later"));
}

#[test]
fn addresses_of_the_other_family() {
    let only = Missing::Only("fd00::3".parse().unwrap());
    let change = |facts: &mut Facts| drop_as(facts, 3, no_address(only));
    let set = "Set discovery.aws-api-ecs.address-family to ipv6 on every node";
    let diagnosis = check(change, Code::AddressFamily, Failure, set);
    assert!(diagnosis.findings[0].message.contains("fd00::3"));
}

#[test]
fn an_own_address_of_the_other_family() {
    let change = |facts: &mut Facts| {
        facts.asked.family = AddressFamily::Ipv6;
        facts.here.address = Err(Error::Metadata {
            url: "http://169.254.170.2/v4/1/task".to_owned(),
            problem: MetadataProblem::Only(at(1).ip()),
            source: None,
        });
    };
    let set = "Set discovery.aws-api-ecs.address-family to ipv4";
    let diagnosis = check(change, Code::AddressFamily, Failure, set);
    assert_eq!(diagnosis.findings[0].about, ["this machine (10.0.0.1)"]);
}

#[test]
fn an_own_address_that_cannot_be_told_matters_where_a_node_is_to_run() {
    let unknown = |facts: &mut Facts| {
        facts.here.address = Err(Error::OwnAddress {
            found: Vec::new(),
            instance_metadata: None,
        });
        facts.here.node = None;
    };
    check(unknown, Code::NoOwnAddress, Failure, "Set node.address");
    let laptop = |facts: &mut Facts| {
        unknown(facts);
        facts.here.task = None;
    };
    let diagnosis = check(laptop, Code::NoOwnAddress, Warning, "Set node.address");
    assert!(
        diagnosis.findings[0]
            .message
            .contains("no network interface")
    );
}

#[test]
fn tags_that_nobody_has() {
    let change = |facts: &mut Facts| {
        facts.asked.tags = vec!["colour=blue".to_owned()];
        for n in 1..=3 {
            drop_as(facts, n, DropReason::TagMismatch("colour".to_owned()));
        }
    };
    let diagnosis = check(change, Code::WrongTags, Failure, "Compare");
    assert!(diagnosis.findings[0].advice.contains("propagateTags"));
    assert!(diagnosis.findings[0].message.contains("colour=blue"));
    // Others of the service may lack them.
    let one = |facts: &mut Facts| drop_as(facts, 3, DropReason::TagMismatch("colour".to_owned()));
    check(one, Code::NoClusterYet, Warning, "Try again");
}

#[test]
fn a_node_that_is_not_listed() {
    let gone = |facts: &mut Facts| {
        listing(facts).targets.remove(0);
        facts.points.remove(0);
    };
    let diagnosis = check(gone, Code::NotListed, Failure, "service `orders`");
    assert_eq!(diagnosis.findings[0].about, ["10.0.0.1"]);
    // Nor is it a fault that a task which only runs the doctor is not listed.
    let alone = |facts: &mut Facts| {
        gone(facts);
        facts.here.task.as_mut().unwrap().service = None;
    };
    check(alone, Code::NotListed, Failure, "service `orders`");
    let only_the_doctor = |facts: &mut Facts| {
        alone(facts);
        facts.here.node.as_mut().unwrap().management = Management::Refused;
    };
    check(
        only_the_doctor,
        Code::NotListed,
        Warning,
        "only runs the doctor",
    );
    // A laptop is not to be listed.
    let laptop = |facts: &mut Facts| {
        gone(facts);
        facts.here.task = None;
        facts.here.node = None;
        let own = facts.here.address.as_mut().unwrap();
        own.source = Some(AddressSource::Interface("eth0".to_owned()));
        own.zone = None;
    };
    check(laptop, Code::NoClusterYet, Warning, "Try again");
    // A task that stops is dropped, with the reason.
    let stopping = |facts: &mut Facts| {
        let (desired, last) = ("STOPPED".to_owned(), "RUNNING".to_owned());
        drop_as(facts, 1, DropReason::Stopping { desired, last });
    };
    let diagnosis = check(stopping, Code::NotListed, Failure, "why it was dropped");
    assert!(
        diagnosis.findings[0]
            .message
            .contains("desired status STOPPED")
    );
}

#[test]
fn nobody_is_listed() {
    let nobody = |facts: &mut Facts| {
        listing(facts).targets.clear();
        facts.points.clear();
    };
    check(nobody, Code::NobodyListed, Failure, "desired count");
    let by_tag = |facts: &mut Facts| {
        nobody(facts);
        facts.asked.method = MethodName::Ec2TagBased;
        facts.asked.scope = Scope::TagKey("service".to_owned());
        facts.here.task = None;
    };
    check(
        by_tag,
        Code::NobodyListed,
        Failure,
        "the tag service=orders",
    );
}

#[test]
fn a_port_that_peers_do_not_ask() {
    let change = |facts: &mut Facts| facts.asked.management_port = 8558;
    let diagnosis = check(
        change,
        Code::WrongPort,
        Failure,
        "bootstrap.fallback-port (now 7626)",
    );
    assert!(
        diagnosis.findings[0]
            .message
            .contains("Peers ask 10.0.0.1 on port 7626")
    );
}

#[test]
fn fewer_nodes_than_must_consent() {
    let few = |facts: &mut Facts| {
        facts.told = Some(Told::Nodes(5));
        listing(facts).targets.truncate(2);
        facts.points.truncate(2);
    };
    let fewer = "fewer tasks than its desired count";
    let diagnosis = check(few, Code::TooFewNodes, Failure, fewer);
    let message = &diagnosis.findings[0].message;
    assert!(
        message.contains("2 nodes are listed, but 3 must consent"),
        "{message}"
    );
    assert!(message.contains("5 nodes are expected"), "{message}");
    // As many as must consent are enough, and so is a cluster to join.
    check(
        |facts| facts.told = Some(Told::Nodes(5)),
        Code::NoClusterYet,
        Warning,
        "",
    );
    let mut joins = well();
    few(&mut joins);
    assert_eq!(judge(&joins).findings, []);
}

#[test]
fn what_is_less_well_known_is_a_warning() {
    check(
        |facts| {
            let starting = PartialReason::NoAddress {
                id: arn(4),
                wanted: "IPv4 address".to_owned(),
                missing: Missing::Yet,
            };
            listing(facts).completeness = Completeness::Partial(vec![starting]);
        },
        Code::NoClusterYet,
        Warning,
        "",
    );
    let mut partial = well();
    listing(&mut partial).completeness = Completeness::Partial(vec![PartialReason::MorePages]);
    assert_eq!(judge(&partial).findings[0].code, Code::PartialList);
    let mut unknown = well();
    unknown.told = Some(Told::Nothing(discovery::WhyUnknown::NoneWanted));
    assert_eq!(judge(&unknown).findings[0].code, Code::ExpectedUnknown);
    let mut exposed = well();
    exposed.asked.exposed = vec!["membership.keys is on the command line".to_owned()];
    assert_eq!(judge(&exposed).findings[0].code, Code::ExposedSecret);
    let mut many = well();
    many.unasked = 40;
    assert_eq!(judge(&many).findings[0].code, Code::NotAllAsked);
    assert_eq!(judge(&many).worst(), Some(Warning));
}

#[test]
fn a_list_that_lacks_some_does_not_speak_against_the_number() {
    let change = |facts: &mut Facts| {
        facts.told = Some(Told::Nodes(5));
        listing(facts).targets.truncate(2);
        facts.points.truncate(2);
        let error = "throttled".to_owned();
        listing(facts).completeness =
            Completeness::Partial(vec![PartialReason::ListingEnded { error }]);
    };
    let diagnosis = check(
        change,
        Code::TooFewNodes,
        Warning,
        "until the list is complete",
    );
    for finding in &diagnosis.findings {
        assert!(!finding.advice.contains("expected-nodes"), "{finding:?}");
    }
}

#[test]
fn nodes_of_both_families_do_not_reach_each_other() {
    let both = |facts: &mut Facts| {
        facts.asked.family = AddressFamily::Auto;
        listing(facts).targets[2].address = "fd00::3".parse().unwrap();
    };
    let set = "discovery.aws-api-ecs.address-family to the family that all nodes have";
    let diagnosis = check(both, Code::AddressFamily, Failure, set);
    let message = &diagnosis.findings[0].message;
    assert!(message.contains("with IPv6 (fd00::3)"), "{message}");
    let listed = |facts: &mut Facts| {
        both(facts);
        facts.asked.method = MethodName::Config;
    };
    check(
        listed,
        Code::AddressFamily,
        Failure,
        "discovery.config.addresses",
    );
    let mut one = well();
    one.asked.family = AddressFamily::Auto;
    assert_eq!(judge(&one).findings, []);
}
