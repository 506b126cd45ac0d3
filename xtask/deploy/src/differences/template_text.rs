//! Changes to a template's text, for emulators that cannot use it unchanged.
//!
//! It changes the text, not the meaning: what is deployed stays readable, and is mostly what the file contains. If
//! the template has changed so that a change here no longer applies, that is an error.

use anyhow::{Context, ensure};

/// Removes a resource. Its text reaches from its name to the next line that is not indented deeper.
pub(super) fn without_resource(template: &str, name: &str) -> anyhow::Result<String> {
    let heading = format!("\n  {name}:\n");
    let (before, rest) = template
        .split_once(&heading)
        .with_context(|| format!("the template has no resource {name}"))?;
    let length = rest
        .split_inclusive('\n')
        .take_while(|line| line.trim().is_empty() || line.starts_with("   "))
        .map(str::len)
        .sum();
    Ok(format!("{before}\n{}", &rest[length..]))
}

/// Removes an item of a list. Its text reaches from its beginning to the next line that is not indented deeper.
pub(super) fn without_item(template: &str, beginning: &str) -> anyhow::Result<String> {
    let (before, rest) = template
        .split_once(beginning)
        .with_context(|| format!("the template has no item {beginning}"))?;
    let depth = beginning.len() - beginning.trim_start().len();
    let deeper = |line: &str| depth < line.len() - line.trim_start().len();
    let length = rest
        .split_inclusive('\n')
        .take_while(|line| deeper(line))
        .map(str::len)
        .sum();
    Ok(format!("{before}{}", &rest[length..]))
}

/// Replaces a text that occurs exactly once with `by`.
pub(super) fn replaced(template: &str, text: &str, by: &str) -> anyhow::Result<String> {
    let found = template.matches(text).count();
    ensure!(
        found == 1,
        "the template has {found} times, and not once: {text}"
    );
    Ok(template.replace(text, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
Resources:
  First:
    Type: A

    Properties: {}
  Second:
    Type: B
Outputs:
  One: 1
";

    #[test]
    fn a_resource_goes_with_all_that_is_indented_below_it() {
        assert_eq!(
            without_resource(TEMPLATE, "First").unwrap(),
            "Resources:\n  Second:\n    Type: B\nOutputs:\n  One: 1\n"
        );
        assert_eq!(
            without_resource(TEMPLATE, "Second").unwrap(),
            "Resources:\n  First:\n    Type: A\n\n    Properties: {}\nOutputs:\n  One: 1\n"
        );
    }

    #[test]
    fn an_item_goes_with_all_that_is_indented_below_it() {
        let two = "List:\n  - One:\n      A: 1\n    B: 2\n  - Two: 2\n";
        assert_eq!(
            without_item(two, "  - One:\n").unwrap(),
            "List:\n  - Two: 2\n"
        );
        assert!(without_item(two, "  - Three:\n").is_err());
    }

    #[test]
    fn what_is_not_there_or_there_twice_is_an_error() {
        assert!(without_resource(TEMPLATE, "Third").is_err());
        assert!(replaced(TEMPLATE, "Type: C", "").is_err());
        assert!(replaced(TEMPLATE, "Type: ", "").is_err());
        assert!(
            replaced(TEMPLATE, "Type: A", "Type: C")
                .unwrap()
                .contains("Type: C\n")
        );
    }
}
