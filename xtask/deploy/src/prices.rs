//! What nodes cost, for an estimate. Makes no calls.

use options::deploy::{Deploy, Network, Workload};

use crate::plan;

/// The date and region of the prices.
pub const OF: &str = "the prices of us-east-1 as of March 2026";

/// In US dollars an hour. Current prices are at <https://aws.amazon.com/fargate/pricing/>,
/// <https://aws.amazon.com/vpc/pricing/>, <https://aws.amazon.com/privatelink/pricing/>,
/// <https://aws.amazon.com/ec2/pricing/> and <https://aws.amazon.com/ebs/pricing/>.
#[derive(Debug, Clone, Copy)]
struct Prices {
    virtual_cpu: f64,
    gigabyte: f64,
}

const X86_64: Prices = Prices {
    virtual_cpu: 0.04048,
    gigabyte: 0.004_445,
};

const ARM64: Prices = Prices {
    virtual_cpu: 0.03238,
    gigabyte: 0.003_56,
};

const PUBLIC_ADDRESS: f64 = 0.005;

/// Of a t3.micro.
const INSTANCE: f64 = 0.0104;

/// Of a month, for the root volume of an instance (gp3).
const GIGABYTE_OF_VOLUME: f64 = 0.08;

/// Of that volume, as the template of the group has it.
const GIGABYTES_OF_VOLUME: f64 = 8.0;

/// In each zone.
const ENDPOINT: f64 = 0.01;

/// Of each task, as the template of the service has it.
pub const VIRTUAL_CPUS: f64 = 0.25;
/// Likewise, of memory.
pub const GIGABYTES: f64 = 0.5;

/// Those of a private network that are paid for, for tasks and for instances.
const ENDPOINTS_OF_TASKS: u8 = 5;
const ENDPOINTS_OF_INSTANCES: u8 = 5;

/// The zones of a private network where none are named.
const ZONES: usize = 2;

const HOURS_OF_A_MONTH: f64 = 730.0;

/// A Fargate task of the stack, for this processor, without an address.
fn of_task(architecture: &str) -> f64 {
    let prices = match architecture {
        "ARM64" => ARM64,
        _ => X86_64,
    };
    VIRTUAL_CPUS * prices.virtual_cpu + GIGABYTES * prices.gigabyte
}

/// The cost per hour of this many Fargate tasks of the stack with public addresses.
pub fn of_public_tasks(tasks: usize, architecture: &str) -> f64 {
    let tasks = f64::from(u32::try_from(tasks).unwrap_or(u32::MAX));
    tasks * (of_task(architecture) + PUBLIC_ADDRESS)
}

/// The cost per hour of everything that runs.
pub fn per_hour(options: &Deploy) -> f64 {
    let mut node = match options.workload {
        Workload::Ecs => of_task(plan::architecture(options)),
        Workload::Ec2 => INSTANCE + GIGABYTES_OF_VOLUME * GIGABYTE_OF_VOLUME / HOURS_OF_A_MONTH,
    };
    let mut network = 0.0;
    match options.network {
        Network::DefaultVpc => node += PUBLIC_ADDRESS,
        Network::Private => {
            let endpoints = match options.workload {
                Workload::Ecs => ENDPOINTS_OF_TASKS,
                Workload::Ec2 => ENDPOINTS_OF_INSTANCES,
            };
            let zones = match options.zones.len() {
                0 => ZONES,
                zones => zones,
            };
            let zones = u32::try_from(zones).unwrap_or(u32::MAX);
            network = f64::from(endpoints) * f64::from(zones) * ENDPOINT;
        }
    }
    f64::from(options.nodes) * node + network
}

/// The cost as a text.
pub fn told(options: &Deploy) -> String {
    let hour = per_hour(options);
    let besides = match options.parameters.is_empty() {
        true => "",
        false => ", and what --parameter adds (see cloudformation/README.md)",
    };
    format!(
        "about ${hour:.2} an hour, ${:.0} a month, by {OF}; plus logs, the secret and traffic{besides}",
        hour * HOURS_OF_A_MONTH
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use options::deploy::{Command, Options};

    use super::*;
    use crate::templates::Template;

    #[test]
    fn the_estimate_is_for_what_the_templates_make() {
        let service = include_str!("../../../cloudformation/ecs-service.yaml");
        assert!(service.contains("      Cpu: \"256\"\n      Memory: \"512\"\n"));
        let instances = include_str!("../../../cloudformation/ec2-auto-scaling-group.yaml");
        assert!(instances.contains("    Default: t3.micro\n"));
        assert!(instances.contains("VolumeType: gp3\n              VolumeSize: 8\n"));

        let network = Template::read("network.yaml").unwrap();
        let resources = network.document()["Resources"].as_object().unwrap();
        for (condition, count) in [
            ("ByTasks", ENDPOINTS_OF_TASKS),
            ("ByInstances", ENDPOINTS_OF_INSTANCES),
        ] {
            let paid = resources.values().filter(|it| {
                it["Properties"]["VpcEndpointType"] == "Interface"
                    && (it["Condition"].is_null() || it["Condition"] == condition)
            });
            assert_eq!(paid.count(), usize::from(count), "{condition}");
        }
    }

    #[test]
    fn tasks_cost_as_much_each_and_less_on_arm() {
        let cents = 100.0 * of_public_tasks(10, "X86_64");
        assert!((cents - 17.3425).abs() < 1e-6, "{cents}");
        assert!(of_public_tasks(10, "ARM64") < of_public_tasks(10, "X86_64"));
    }

    #[test]
    fn what_is_told_is_of_what_is_deployed() {
        for (options, expected) in [
            ("--image it", "about $0.05 an hour, $38 a month"),
            (
                "--image it --architecture arm64",
                "about $0.04 an hour, $33 a month",
            ),
            // At 1.5 cents, and a volume of 64 cents a month.
            (
                "--workload ec2 --program s3://bucket/demo-node --program-sha256 \
                 0000000000000000000000000000000000000000000000000000000000000000",
                "about $0.05 an hour, $36 a month",
            ),
            ("--image it --nodes 10", "about $0.17 an hour, $127 a month"),
            // Three nodes at 1.2 cents, five endpoints in two zones at one cent.
            (
                "--image it --network private",
                "about $0.14 an hour, $100 a month",
            ),
            (
                "--image it --network private --zones eu-west-1a,eu-west-1b,eu-west-1c",
                "about $0.19 an hour, $137 a month",
            ),
        ] {
            let arguments = ["deploy", "deploy"].into_iter();
            let options = Options::parse_from(arguments.chain(options.split_whitespace()));
            let Command::Deploy(options) = options.command else {
                panic!("another command");
            };
            let told = told(&options);
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
