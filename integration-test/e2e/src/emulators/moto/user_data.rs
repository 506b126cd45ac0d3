//! The node's environment in an instance's user data.

use std::collections::BTreeMap;

use anyhow::Context;

/// The file that systemd reads for the node.
const BEGIN: &str = "cat > /etc/demo-node/environment <<END\n";
const END: &str = "\nEND\n";

/// By name, as written: shell variables are not replaced.
pub(super) fn environment(user_data: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let (_, rest) = user_data
        .split_once(BEGIN)
        .context("the user data writes no environment for the node")?;
    let (lines, _) = rest
        .split_once(END)
        .context("the user data writes no end to the node's environment")?;
    let variable = |line: &str| {
        let (name, value) = line.split_once('=').with_context(|| {
            format!("this line of the node's environment is not a variable: {line}")
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    lines.lines().map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str =
        include_str!("../../../../../cloudformation/ec2-auto-scaling-group.yaml");

    #[test]
    fn the_template_tells_the_node_its_method_and_its_key() {
        // The text of the file is indented in the template.
        let text: Vec<_> = TEMPLATE.lines().map(str::trim_start).collect();
        let environment = environment(&text.join("\n")).unwrap();

        assert_eq!(
            environment["DEMO_NODE_DISCOVERY_METHOD"],
            "aws-api-ec2-tag-based"
        );
        assert_eq!(environment["DEMO_NODE_MEMBERSHIP_KEYS"], "$key");
    }

    #[test]
    fn user_data_without_it_is_an_error() {
        assert!(environment("#!/bin/bash\n").is_err());
        assert!(environment(&format!("{BEGIN}A=1\n")).is_err());
        assert!(environment(&format!("{BEGIN}A\nEND\n")).is_err());
    }
}
