//! What is planned for an account, and what is said of it before anything is done.

use aws_sdk_cloudformation::types::StackStatus;
use options::deploy::Place;

use super::*;

const LATEST: &str = "demo-node:latest";

#[test]
fn without_options_the_image_has_a_repository_and_tasks_the_default_network() {
    let plan = plan(&tasks(), Some(vpc())).unwrap();

    assert_eq!(names(&plan), ["orders-repository", "orders-service"]);
    let outputs = outputs(
        "orders-repository",
        &[(IMAGE, "ecr/orders@sha256:00"), ("RepositoryArn", "arn")],
    );
    let wanted = plan[1].wanted(&outputs).unwrap().parameters;
    assert_eq!(wanted["ImageUri"], "ecr/orders@sha256:00");
    assert_eq!(wanted["RepositoryArn"], "arn");
    assert_eq!(wanted["AssignPublicIp"], "ENABLED");
    assert_eq!(wanted["DesiredCount"], "3");
    assert_eq!(wanted["SubnetIds"], "subnet-1,subnet-2");
}

#[test]
fn an_image_that_is_there_needs_no_repository() {
    let deploy = Deploy {
        image: Some(LATEST.to_owned()),
        ..tasks()
    };

    assert!(!publishes(&deploy));
    let plan = plan(&deploy, Some(vpc())).unwrap();

    assert_eq!(names(&plan), ["orders-service"]);
    let wanted = plan[0].wanted(&Outputs::new()).unwrap().parameters;
    assert_eq!(wanted["ImageUri"], LATEST);
    assert!(!wanted.contains_key("RepositoryArn"));
}

#[test]
fn parameters_that_are_given_by_name_are_those_of_the_nodes() {
    let deploy = Deploy {
        parameters: vec![("Monitoring".to_owned(), "ENABLED".to_owned())],
        ..tasks()
    };
    check(&deploy).unwrap();

    let plan = plan(&deploy, Some(vpc())).unwrap();

    let outputs = outputs(
        "orders-repository",
        &[(IMAGE, "ecr/orders"), ("RepositoryArn", "arn")],
    );
    let [repository, nodes] = [0, 1].map(|at| plan[at].wanted(&outputs).unwrap().parameters);
    assert!(!repository.contains_key("Monitoring"));
    assert_eq!(nodes["Monitoring"], "ENABLED");
}

#[test]
fn tasks_may_pull_a_private_image_that_is_there() {
    let deploy = Deploy {
        image: Some("1.dkr.ecr.eu-west-1.amazonaws.com/demo-node:1".to_owned()),
        ..tasks()
    };

    let plan = plan(&deploy, Some(vpc())).unwrap();

    let wanted = plan[0].wanted(&Outputs::new()).unwrap().parameters;
    let arn = "arn:aws:ecr:eu-west-1:1:repository/demo-node";
    assert_eq!(wanted["RepositoryArn"], arn);
}

#[test]
fn a_network_of_its_own_comes_before_those_who_are_in_it() {
    let deploy = Deploy {
        network: Network::Private,
        vpc_cidr: Some("10.9.0.0/16".to_owned()),
        ..instances_of_three()
    };
    let plan = plan(&deploy, None).unwrap();

    assert_eq!(names(&plan), ["orders-network", "orders-instances"]);
    let network = plan[0].wanted(&Outputs::new()).unwrap().parameters;
    // Which endpoints there are depends on what nodes are.
    assert_eq!(network["Method"], "ec2");
    assert_eq!(network["ProgramBucket"], "bucket");
    assert_eq!(network["VpcCidr"], "10.9.0.0/16");

    let outputs = outputs(
        "orders-network",
        &[
            ("VpcId", "vpc-1"),
            ("SubnetIds", "subnet-1"),
            ("EndpointClientSecurityGroupId", "sg-1"),
        ],
    );
    let instances = plan[1].wanted(&outputs).unwrap().parameters;
    assert_eq!(instances["EndpointClientSecurityGroupId"], "sg-1");
    assert_eq!(instances["ProgramKey"], "demo-node");
    // Endpoints and public addresses exclude each other.
    assert!(!instances.contains_key("AssignPublicIp"));
}

#[test]
fn what_no_stack_gives_is_named() {
    let deploy = Deploy {
        network: Network::Private,
        ..instances_of_three()
    };
    let plan = plan(&deploy, None).unwrap();

    let refusal = plan[1].wanted(&Outputs::new()).unwrap_err().to_string();
    assert!(refusal.contains("orders-instances"), "{refusal}");
    assert!(
        refusal.contains("EndpointClientSecurityGroupId"),
        "{refusal}"
    );
}

#[test]
fn for_an_emulator_the_templates_are_adapted() {
    let mut deploy = Deploy {
        image: Some(LATEST.to_owned()),
        ..tasks()
    };
    let for_aws = plan(&deploy, Some(vpc())).unwrap();
    deploy.place.endpoint_url = Some("http://127.0.0.1:4566".to_owned());
    let for_emulator = plan(&deploy, Some(vpc())).unwrap();

    assert_eq!(for_aws[0].template, SERVICE);
    assert_ne!(for_emulator[0].template, SERVICE);
}

#[test]
fn options_that_do_not_go_together_are_refused_with_what_to_do() {
    let cases = [
        (
            Deploy {
                program: instances_of_three().program,
                ..tasks()
            },
            "--workload ec2",
        ),
        (
            Deploy {
                vpc_cidr: Some("10.9.0.0/16".to_owned()),
                ..tasks()
            },
            "--network private",
        ),
        (
            Deploy {
                place: Place {
                    endpoint_url: Some("http://127.0.0.1:4566".to_owned()),
                    ..tasks().place
                },
                ..tasks()
            },
            "--image demo-node:latest",
        ),
    ];
    for (deploy, remedy) in cases {
        let refusal = check(&deploy).unwrap_err().to_string();
        assert!(refusal.contains(remedy), "{refusal}");
    }
    check(&tasks()).unwrap();
    check(&instances_of_three()).unwrap();
}

#[test]
fn zones_are_two_or_three_and_each_another_one() {
    let zones = |names: &str, network| Deploy {
        zones: names.split(',').map(str::to_owned).collect(),
        network,
        ..tasks()
    };
    for (names, network, remedy) in [
        ("eu-west-1a", Network::DefaultVpc, "at least two"),
        ("eu-west-1a,eu-west-1a", Network::DefaultVpc, "twice"),
        ("a,b,c,d", Network::Private, "at most 3"),
    ] {
        let refusal = check(&zones(names, network)).unwrap_err().to_string();
        assert!(refusal.contains(remedy), "{refusal}");
    }
    check(&zones("a,b,c,d", Network::DefaultVpc)).unwrap();

    let deploy = zones("eu-west-1c,eu-west-1a", Network::Private);
    check(&deploy).unwrap();
    let network = plan(&deploy, None).unwrap().remove(1);
    let wanted = network.wanted(&Outputs::new()).unwrap().parameters;
    assert_eq!(wanted["Zones"], "2");
    assert_eq!(wanted["FirstZone"], "eu-west-1c");
    assert_eq!(wanted["SecondZone"], "eu-west-1a");
    assert!(!wanted.contains_key("ThirdZone"));
}

#[test]
fn the_processor_is_that_of_the_image() {
    let given = |architecture| Deploy {
        image: Some(LATEST.to_owned()),
        architecture,
        ..tasks()
    };
    for (deploy, expected) in [
        (given(None), "X86_64"),
        (given(Some(Architecture::Arm64)), "ARM64"),
        (tasks(), image::architecture()),
    ] {
        check(&deploy).unwrap();
        assert_eq!(architecture(&deploy), expected);
        let service = plan(&deploy, Some(vpc())).unwrap().pop().unwrap();
        let parameter = service.parameter("Architecture", &Outputs::new());
        assert_eq!(parameter.as_deref(), Some(expected));
    }

    let other = match image::architecture() {
        "ARM64" => Architecture::X86_64,
        _ => Architecture::Arm64,
    };
    let elsewhere = Deploy {
        architecture: Some(other),
        ..tasks()
    };
    assert!(
        check(&elsewhere)
            .unwrap_err()
            .to_string()
            .contains("--image")
    );
    let instances = Deploy {
        architecture: Some(Architecture::Arm64),
        ..instances_of_three()
    };
    assert!(check(&instances).is_err());
}

#[test]
fn a_name_must_do_for_the_repository_where_there_is_one() {
    let named = |name: &str, image: Option<&str>| Deploy {
        place: Place {
            name: name.to_owned(),
            ..tasks().place
        },
        image: image.map(str::to_owned),
        ..tasks()
    };
    for name in ["Orders", "orders--2", "orders-", &"a".repeat(54)] {
        let refusal = check(&named(name, None)).unwrap_err().to_string();
        assert!(refusal.contains(name), "{refusal}");
        check(&named(name, Some(LATEST))).unwrap();
    }
    check(&named(&"a".repeat(53), None)).unwrap();
}

#[test]
fn roles_have_the_bounds_that_are_given() {
    let boundary = "arn:aws:iam::123456789012:policy/Boundary";
    for deploy in [tasks(), instances_of_three()] {
        let bounded = Deploy {
            permissions_boundary: Some(boundary.to_owned()),
            ..deploy
        };
        let workload = plan(&bounded, Some(vpc())).unwrap().pop().unwrap();
        let parameter = workload.parameter("PermissionsBoundaryArn", &Outputs::new());
        assert_eq!(parameter.as_deref(), Some(boundary));
    }
}

#[test]
fn what_goes_back_to_its_default_is_told() {
    let service = service();
    let mut existing = existing(&service, StackStatus::CreateComplete);
    let parameters = &mut existing.stack.parameters;
    parameters.insert("Monitoring".to_owned(), "ENABLED".to_owned());
    parameters.insert("LogRetentionDays".to_owned(), "14".to_owned());

    let step = service.step(Some(&existing), &Outputs::new());

    assert_eq!(
        step.to_string(),
        "is changed: Monitoring ENABLED -> \"DISABLED\", the default"
    );
}

#[test]
fn a_stack_that_is_not_there_is_created() {
    let step = service().step(None, &Outputs::new());

    assert_eq!(step.to_string(), "is created");
}

#[test]
fn a_stack_that_is_as_it_should_be_stays_so() {
    let service = service();
    let existing = existing(&service, StackStatus::UpdateComplete);

    let step = service.step(Some(&existing), &Outputs::new());

    assert_eq!(step, Step::Keep);
    assert_eq!(step.to_string(), "stays as it is");
}

#[test]
fn what_differs_is_told_with_its_old_and_its_new_value() {
    let service = service();
    let mut existing = existing(&service, StackStatus::CreateComplete);
    let parameters = &mut existing.stack.parameters;
    parameters.insert("DesiredCount".to_owned(), "5".to_owned());
    parameters.remove("VpcId");
    existing.template.push_str("# changed by hand\n");

    let step = service.step(Some(&existing), &Outputs::new());

    assert_eq!(
        step.to_string(),
        "is changed: DesiredCount 5 -> 3; VpcId nothing -> vpc-1; its template"
    );
}

#[test]
fn a_value_that_is_not_known_yet_counts_as_another() {
    let deploy = Deploy {
        network: Network::Private,
        ..instances_of_three()
    };
    let instances = plan(&deploy, None).unwrap().remove(1);
    let existing = existing(&instances, StackStatus::CreateComplete);

    let step = instances.step(Some(&existing), &Outputs::new());

    assert_eq!(
        step.to_string(),
        "is changed: EndpointClientSecurityGroupId; SubnetIds; VpcId"
    );
}

fn tasks() -> Deploy {
    Deploy {
        place: Place {
            name: "orders".to_owned(),
            region: None,
            endpoint_url: None,
        },
        nodes: 3,
        workload: Workload::Ecs,
        image: None,
        program: None,
        program_sha256: None,
        network: Network::DefaultVpc,
        vpc_cidr: None,
        architecture: None,
        zones: Vec::new(),
        role_arn: None,
        permissions_boundary: None,
        tags: Vec::new(),
        parameters: Vec::new(),
        check: false,
        rollback: false,
        yes: true,
    }
}

fn instances_of_three() -> Deploy {
    Deploy {
        workload: Workload::Ec2,
        program: Some("s3://bucket/demo-node".parse().unwrap()),
        program_sha256: Some("0".repeat(64)),
        ..tasks()
    }
}

fn service() -> Planned {
    let deploy = Deploy {
        image: Some(LATEST.to_owned()),
        ..tasks()
    };
    plan(&deploy, Some(vpc())).unwrap().remove(0)
}

fn vpc() -> Vpc {
    Vpc {
        id: "vpc-1".to_owned(),
        subnets: "subnet-1,subnet-2".to_owned(),
        zones: Vec::new(),
    }
}

/// As it would be after this plan.
fn existing(planned: &Planned, status: StackStatus) -> Existing {
    let outputs = Outputs::new();
    let given = planned.parameters.iter();
    let given = given.filter_map(|(key, value)| Some((key.clone(), value.known(&outputs)?)));
    let mut parameters: BTreeMap<_, _> = given.collect();
    parameters.insert("PermissionsBoundaryArn".to_owned(), String::new());
    Existing {
        stack: Stack {
            name: planned.name.clone(),
            status,
            outputs: BTreeMap::new(),
            parameters,
            id: "arn".to_owned(),
            is_ours: true,
            role_arn: None,
        },
        template: planned.template.clone(),
    }
}

fn outputs(stack: &str, values: &[(&str, &str)]) -> Outputs {
    let values = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Outputs::from([(stack.to_owned(), values.collect())])
}

fn names(plan: &[Planned]) -> Vec<&str> {
    plan.iter().map(|planned| planned.name.as_str()).collect()
}
