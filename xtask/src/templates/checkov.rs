//! checkov's findings in the templates, and which of them are accepted.

use anyhow::{Context, ensure};

/// A check that fails in these templates, and why that is accepted.
struct Accepted {
    check: &'static str,
    templates: &'static [&'static str],
    reason: &'static str,
}

const ACCEPTED: [Accepted; 3] = [
    Accepted {
        check: "CKV_AWS_23",
        templates: &[
            "ec2-auto-scaling-group.yaml",
            "ecs-service.yaml",
            "ecs-task-set.yaml",
        ],
        reason: "each rule of a security group has a description; checkov does not look into Fn::If",
    },
    Accepted {
        check: "CKV_AWS_65",
        templates: &["ecs-service.yaml", "ecs-task-set.yaml"],
        reason: "Container Insights costs by the metric; a parameter of the services switches it on",
    },
    Accepted {
        check: "CKV_AWS_136",
        templates: &["image-repository.yaml"],
        reason: "images are not secret, and ECR encrypts them with its own key",
    },
];

/// A check that failed.
#[derive(Debug, PartialEq, Eq)]
struct Finding<'a> {
    check: &'a str,
    what: &'a str,
    resource: &'a str,
    template: &'a str,
}

/// Evaluates checkov's output (`--compact --quiet`).
pub(super) fn judge(report: &str) -> anyhow::Result<()> {
    let sum = report
        .lines()
        .find(|line| line.starts_with("Passed checks: "));
    let sum = sum.with_context(|| format!("checkov has checked nothing: {report}"))?;
    ensure!(
        !report.contains("Parsing errors"),
        "checkov does not understand a template: {sum}"
    );
    let findings = findings(report);
    let mut wrong: Vec<_> = findings
        .iter()
        .filter(|finding| !ACCEPTED.iter().any(|accepted| accepted.is_for(finding)))
        .map(|finding| {
            let Finding {
                check,
                what,
                resource,
                template,
            } = finding;
            format!("{template}: {resource}: {check}: {what}")
        })
        .collect();
    for accepted in &ACCEPTED {
        let Accepted {
            check,
            templates,
            reason,
        } = accepted;
        let gone = templates.iter().filter(|template| {
            !findings
                .iter()
                .any(|finding| finding.check == *check && finding.template == **template)
        });
        wrong.extend(gone.map(|template| {
            format!("{template}: {check} is accepted ({reason}), but is no longer found")
        }));
    }
    ensure!(wrong.is_empty(), "checkov:\n  {}", wrong.join("\n  "));
    Ok(())
}

/// Three lines for each: `Check: ID: "what"`, `FAILED for resource: TYPE.ID`, `File: /NAME:LINES`.
fn findings(report: &str) -> Vec<Finding<'_>> {
    let mut findings = Vec::new();
    let (mut check, mut what, mut resource) = ("", "", "");
    for line in report.lines().map(str::trim) {
        if let Some((id, text)) = line
            .strip_prefix("Check: ")
            .and_then(|rest| rest.split_once(": "))
        {
            (check, what) = (id, text.trim_matches('"'));
        } else if let Some(name) = line.strip_prefix("FAILED for resource: ") {
            resource = name;
        } else if let Some((template, _)) = line
            .strip_prefix("File: /")
            .and_then(|rest| rest.rsplit_once(':'))
        {
            findings.push(Finding {
                check,
                what,
                resource,
                template,
            });
        }
    }
    findings
}

impl Accepted {
    fn is_for(&self, finding: &Finding<'_>) -> bool {
        self.check == finding.check && self.templates.contains(&finding.template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "cloudformation scan results:\n\nPassed checks: 133, Failed checks: 10, Skipped checks: 0\n\n";

    #[test]
    fn what_is_accepted_is_accepted_and_nothing_else_is() {
        let report = accepted();
        judge(&report).unwrap();

        let other = finding("CKV_AWS_24", "ecs-service.yaml");
        let refusal = judge(&(report.clone() + &other)).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "checkov:\n  ecs-service.yaml: AWS::Some::Thing.It: CKV_AWS_24: Ensure something"
        );

        // It is accepted in another template.
        let other = finding("CKV_AWS_136", "ecs-service.yaml");
        assert!(judge(&(report + &other)).is_err());
    }

    #[test]
    fn what_is_accepted_and_found_no_more_is_to_be_taken_from_the_list() {
        let report = accepted().replace("/image-repository.yaml", "/ecs-service.yaml");

        let refusal = judge(&report).unwrap_err().to_string();

        let gone = "image-repository.yaml: CKV_AWS_136 is accepted";
        assert!(refusal.contains(gone), "{refusal}");
    }

    #[test]
    fn a_report_of_nothing_is_no_good_one() {
        assert!(judge("").is_err());
        let report =
            accepted().replace("Skipped checks: 0", "Skipped checks: 0, Parsing errors: 1");
        let refusal = judge(&report).unwrap_err().to_string();
        assert!(refusal.contains("does not understand"), "{refusal}");
    }

    #[test]
    fn every_reason_is_one() {
        for accepted in &ACCEPTED {
            assert!(accepted.reason.len() > 40, "{}", accepted.check);
        }
    }

    fn accepted() -> String {
        let all = ACCEPTED.iter().flat_map(|accepted| {
            let templates = accepted.templates.iter();
            templates.map(|template| finding(accepted.check, template))
        });
        SUM.to_owned() + &all.collect::<String>()
    }

    fn finding(check: &str, template: &str) -> String {
        format!(
            "Check: {check}: \"Ensure something\"\n\tFAILED for resource: AWS::Some::Thing.It\n\tFile: /{template}:1-9\n"
        )
    }
}
