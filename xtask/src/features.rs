//! What a user of the library compiles, according to cargo. Compiles nothing itself.

use anyhow::ensure;
use xshell::{Shell, cmd};

const AUTO_SCALING: &str = "aws-sdk-autoscaling";
const EC2: &str = "aws-sdk-ec2";
const ECS: &str = "aws-sdk-ecs";

/// The library's features, and the SDKs of each.
const FEATURES: [(&str, &[&str]); 5] = [
    ("", &[]),
    ("ecs", &[ECS]),
    ("ec2", &[EC2]),
    ("ec2-expected-nodes", &[AUTO_SCALING, EC2]),
    ("ecs,ec2", &[EC2, ECS]),
];

/// The packages that are often built alone, and so must not need an SDK; and the library whose users choose which
/// SDKs they need.
const WITHOUT_SDK: [&str; 3] = ["bootstrap", "region", "xtask"];

/// Users who only want ECS must not pay ten minutes and 8 GiB for `aws-sdk-ec2`, and no user the second HTTP and TLS
/// stack that is a default of AWS crates.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<()> {
    for (features, expected) in FEATURES {
        let format = "{p}";
        let tree = cmd!(sh, "cargo tree --locked --package discovery --no-default-features --features {features} --edges normal,build --prefix none --format {format}").read()?;
        let found = sdks(&tree);
        let aws = of_aws(&tree);
        ensure!(
            !expected.is_empty() || aws.is_empty(),
            "discovery without features depends on {aws:?}, but must not depend on any AWS crate"
        );
        ensure!(
            found == expected,
            "discovery with the features `{features}` depends on {found:?}, expected {expected:?}"
        );
    }
    for package in WITHOUT_SDK {
        let format = "{p}";
        let tree = cmd!(
            sh,
            "cargo tree --locked --package {package} --edges normal,build --prefix none --format {format}"
        )
        .read()?;
        let aws = of_aws(&tree);
        ensure!(
            aws.is_empty(),
            "{package} depends on {aws:?}, but must build in a minute"
        );
    }
    let manifest = sh.read_file("Cargo.toml")?;
    let with_defaults = with_defaults(&manifest);
    ensure!(
        with_defaults.is_empty(),
        "Cargo.toml: `default-features = false` is missing: {with_defaults:?}"
    );
    Ok(())
}

/// Which of the SDKs are in a tree, each line of which begins with a name.
fn sdks(tree: &str) -> Vec<&'static str> {
    [AUTO_SCALING, EC2, ECS]
        .into_iter()
        .filter(|sdk| {
            let mut names = tree.lines().filter_map(|line| line.split(' ').next());
            names.any(|name| name == *sdk)
        })
        .collect()
}

/// The crates of the AWS SDKs in such a tree.
fn of_aws(tree: &str) -> Vec<&str> {
    tree.lines()
        .filter(|line| line.starts_with("aws-"))
        .collect()
}

/// The AWS crates that a manifest uses with their default features.
fn with_defaults(manifest: &str) -> Vec<&str> {
    manifest
        .lines()
        .filter(|line| line.starts_with("aws-") && !line.contains("default-features = false"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sdk_is_found_by_its_whole_name() {
        let tree = "discovery v0.1.0 (/clone/discovery)\naws-sdk-ecs v1.157.0\naws-sdk-ec2-extra v1.0.0\nserde v1.0.0 (*)";
        assert_eq!(sdks(tree), [ECS]);
        assert_eq!(sdks(&format!("{tree}\naws-sdk-ec2 v1.274.0")), [EC2, ECS]);
        assert_eq!(sdks("discovery v0.1.0"), [""; 0]);
    }

    #[test]
    fn whatever_comes_from_aws_is_found() {
        let tree = "region v0.1.0 (/clone/region)\naws-types v1.0.0\nwiremock v0.6.5";
        assert_eq!(of_aws(tree), ["aws-types v1.0.0"]);
        assert_eq!(of_aws("region v0.1.0"), [""; 0]);
    }

    #[test]
    fn an_aws_crate_with_its_defaults_is_named() {
        let good = "aws-types = { version = \"1\", default-features = false }";
        let bad = "aws-config = \"1\"";
        assert_eq!(
            with_defaults(&format!("[dependencies]\n{good}\n{bad}")),
            [bad]
        );
    }
}
