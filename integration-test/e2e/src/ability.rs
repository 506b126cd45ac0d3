//! Which scenarios can be shown where, and why others cannot.

use options::e2e::Scenario;

use super::{estate::Kind, stage::Stage};

/// Why a scenario cannot be shown there, where that is so.
pub fn cannot_show(stage: &Stage, scenario: Scenario) -> Option<&'static str> {
    match stage {
        Stage::Pretended(_) => None,
        Stage::Deployed(estate) => match estate.kind() {
            Kind::Ministack(_) => ministack_cannot(scenario),
            Kind::Emulator => emulators_cannot(scenario),
            Kind::Aws => aws_cannot(scenario),
        },
    }
}

fn ministack_cannot(scenario: Scenario) -> Option<&'static str> {
    match scenario {
        Scenario::EcsService | Scenario::Scale | Scenario::Failure | Scenario::Rolling => None,
        Scenario::Ec2Tag | Scenario::Ec2Ports => Some("MiniStack runs nothing for an EC2 instance"),
        Scenario::EcsTags => {
            Some("MiniStack does not propagate the tags of a service to its tasks")
        }
        Scenario::EcsTaskSet => Some("MiniStack has no task sets"),
        Scenario::LeastPrivilege => Some("MiniStack judges no conditions of policies"),
        Scenario::FlakyApi => Some("MiniStack cannot be made to fail"),
        Scenario::DeadNode | Scenario::Merge => Some("MiniStack lists what runs, and nothing else"),
        Scenario::Partition => Some("the network that MiniStack puts its tasks on cannot be split"),
    }
}

fn emulators_cannot(scenario: Scenario) -> Option<&'static str> {
    match scenario {
        Scenario::EcsService | Scenario::Scale | Scenario::Rolling => None,
        Scenario::Failure => Some(
            "it is not known how this emulator marks the containers of a task: none can be killed",
        ),
        Scenario::Ec2Tag | Scenario::Ec2Ports => {
            Some("emulators run nothing that could be reached for an EC2 instance")
        }
        Scenario::EcsTags => Some(BY_STACK_ONLY),
        Scenario::EcsTaskSet => Some(NO_TASK_SETS),
        Scenario::LeastPrivilege => Some(ALWAYS_LEAST),
        Scenario::FlakyApi => Some("an emulator cannot be made to fail"),
        Scenario::DeadNode | Scenario::Merge => {
            Some("an emulator lists what runs, and nothing else")
        }
        Scenario::Partition => {
            Some("the network that the emulator puts its tasks on cannot be split")
        }
    }
}

/// The first of these that cost money: `ecs-service`, `scale` and `rolling`.
pub fn aws_cannot(scenario: Scenario) -> Option<&'static str> {
    match scenario {
        Scenario::EcsService | Scenario::Scale | Scenario::Rolling => None,
        Scenario::Failure => Some("Fargate warns a task before it ends it: nobody can kill one"),
        Scenario::Ec2Tag => Some(
            "its stack takes the program from a bucket of yours: cargo xtask deploy --workload ec2",
        ),
        Scenario::Ec2Ports => Some("no stack here runs several nodes on an instance"),
        Scenario::EcsTags => Some(BY_STACK_ONLY),
        Scenario::EcsTaskSet => Some(NO_TASK_SETS),
        Scenario::LeastPrivilege => Some(ALWAYS_LEAST),
        Scenario::FlakyApi => Some("AWS cannot be made to fail"),
        Scenario::DeadNode | Scenario::Merge => Some("AWS lists what runs, and nothing else"),
        Scenario::Partition => Some("nobody can split the network of a VPC for a moment"),
    }
}

const BY_STACK_ONLY: &str =
    "the stack of the service knows one group of tasks, not two told apart by tag";

const NO_TASK_SETS: &str =
    "its stack, cloudformation/ecs-task-set.yaml, is not deployed by this command";

const ALWAYS_LEAST: &str = "every task here has the policy of the stack; what fails without it is shown by the pretended region";
