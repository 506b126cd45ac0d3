//! What the texts of a failure most likely mean, and what to do. Makes no calls.

/// A guess, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The most likely cause.
    pub(super) what: String,
    /// What to do.
    pub(super) remedy: &'static str,
}

/// A text that contains all of `all` and one of `any` means this. Case is ignored.
struct Rule {
    all: &'static [&'static str],
    any: &'static [&'static str],
    what: &'static str,
    /// Whether the text itself says more than we can.
    quotes: bool,
    remedy: &'static str,
}

const NO_ANSWER: &[&str] = &[
    "i/o timeout",
    "context deadline exceeded",
    "timeout exceeded",
    "timed out",
    "no route to host",
    "no such host",
    "connection refused",
    "network is unreachable",
];

const NO_ROUTE: &str = "the tasks cannot reach AWS from their subnets";
const NO_ROUTE_REMEDY: &str = "give subnets with a route to an internet gateway or a NAT gateway, or deploy with --network private, which has endpoints";

const DENIED: &[&str] = &[
    "accessdenied",
    "access denied",
    "not authorized",
    "forbidden",
    "403",
];

/// More specific rules come first.
const RULES: &[Rule] = &[
    Rule {
        all: &["unable to assume the service linked role"],
        any: &[],
        what: "ECS could not use its own role in this account yet",
        quotes: false,
        remedy: "run the same command again after a minute",
    },
    Rule {
        all: &["cannotpullcontainer"],
        any: NO_ANSWER,
        what: NO_ROUTE,
        quotes: false,
        remedy: NO_ROUTE_REMEDY,
    },
    Rule {
        all: &["resourceinitializationerror"],
        any: NO_ANSWER,
        what: NO_ROUTE,
        quotes: false,
        remedy: NO_ROUTE_REMEDY,
    },
    // ECS begins all of the following texts with "unable to pull secrets or registry auth".
    Rule {
        all: &["resourceinitializationerror"],
        any: &[
            "ecr:getauthorizationtoken",
            "ecr registry auth",
            "registry auth from amazon ecr",
        ],
        what: "the image cannot be pulled: the tasks lack the permission to log in to the registry",
        quotes: false,
        remedy: "check that no permissions boundary or organisation policy forbids ecr:GetAuthorizationToken",
    },
    Rule {
        all: &["resourceinitializationerror", "secret", "resourcenotfound"],
        any: &[],
        what: "the secret with the gossip key does not exist",
        quotes: false,
        remedy: "was it deleted by hand? Remove the stack and deploy again: that creates a new secret",
    },
    Rule {
        all: &["resourceinitializationerror", "secret"],
        any: DENIED,
        what: "the secret with the gossip key cannot be read: the tasks' execution role lacks the permission",
        quotes: false,
        remedy: "check that no permissions boundary or organisation policy forbids secretsmanager:GetSecretValue, or kms:Decrypt if the key is your own",
    },
    Rule {
        all: &["resourceinitializationerror", "secret"],
        any: &[],
        what: "the secret with the gossip key cannot be read",
        quotes: false,
        remedy: "see the reason above; the secret is in the stack, as GossipKey",
    },
    Rule {
        all: &["resourceinitializationerror"],
        any: &["log stream", "log group", "logging driver"],
        what: "the log cannot be written",
        quotes: false,
        remedy: "check that the execution role may call logs:CreateLogStream, and that the log group exists",
    },
    Rule {
        all: &["cannotpullcontainer"],
        any: &["platform", "architecture"],
        what: "the image is for another processor type than the tasks",
        quotes: false,
        remedy: "build it on a machine with the tasks' processor type (X86_64 unless the image is built here)",
    },
    Rule {
        all: &["cannotpullcontainer"],
        any: &[
            "not found",
            "manifest unknown",
            "does not exist",
            "notfound",
        ],
        what: "the image cannot be pulled: there is no image with that name and tag",
        quotes: false,
        remedy: "check --image, and that the image was pushed to the same region; without --image it is built and pushed",
    },
    Rule {
        all: &["cannotpullcontainer", "toomanyrequests"],
        any: &[],
        what: "the image cannot be pulled: its registry limits pulls without a login",
        quotes: false,
        remedy: "copy it to an ECR repository; without --image this is done for you",
    },
    Rule {
        all: &["cannotpullcontainer"],
        any: &[
            "denied",
            "not authorized",
            "forbidden",
            "403",
            "no basic auth",
        ],
        what: "the image cannot be pulled: the tasks lack the permission",
        quotes: false,
        remedy: "check that the repository is in this account, or that its policy lets this account pull",
    },
    Rule {
        all: &["cannotpullcontainer"],
        any: &[],
        what: "the image cannot be pulled",
        quotes: false,
        remedy: "see the reason above, and check --image",
    },
    Rule {
        all: &["exec format error"],
        any: &[],
        what: "the image is for another processor type than the tasks",
        quotes: false,
        remedy: "build it on a machine with the tasks' processor type (X86_64 unless the image is built here)",
    },
    Rule {
        all: &["outofmemory"],
        any: &[],
        what: "the program needed more memory than its task has",
        quotes: false,
        remedy: "raise Memory in cloudformation/ecs-service.yaml",
    },
    Rule {
        all: &["capacity is unavailable"],
        any: &[],
        what: "Fargate has no capacity for these tasks now",
        quotes: false,
        remedy: "try again later, or in another region or zone",
    },
    Rule {
        all: &["limit on the number of"],
        any: &["vcpu", "tasks"],
        what: "the account's quota does not allow so many tasks at once: new accounts have a small quota",
        quotes: false,
        remedy: "ask for more under Service Quotas (Fargate On-Demand vCPU resource count), or deploy with fewer --nodes",
    },
    Rule {
        all: &["not supported in your requested availability zone"],
        any: &[],
        what: "a zone has no instances of this type",
        quotes: false,
        remedy: "do not use that zone: see cloudformation/README.md, \"Places\"",
    },
    Rule {
        all: &["vcpu"],
        any: &["limit"],
        what: "the account's quota does not allow so many instances at once",
        quotes: false,
        remedy: "ask for more under Service Quotas, or deploy with fewer --nodes",
    },
    Rule {
        all: &["lookup failed"],
        any: DENIED,
        what: "the nodes lack the permission to look each other up in AWS",
        quotes: false,
        remedy: "check that no permissions boundary or organisation policy forbids the action that the log names",
    },
    Rule {
        all: &["lookup failed"],
        any: NO_ANSWER,
        what: "the nodes cannot reach AWS from their subnets",
        quotes: false,
        remedy: NO_ROUTE_REMEDY,
    },
    Rule {
        all: &["is not authorized to perform"],
        any: &[],
        what: "the deploying user lacks a permission",
        quotes: true,
        remedy: "grant it to the deploying user; the reason names the action",
    },
    Rule {
        all: &["already exists"],
        any: &[],
        what: "another resource already has a name that the stack needs",
        quotes: false,
        remedy: "remove that resource, or choose another --name",
    },
    Rule {
        all: &[],
        any: &[
            "waiting for the first lookup",
            "waiting for contact points",
            "have not answered with the cluster's key",
            "discovery does not list this node",
            "waiting for the number of expected nodes",
            "the last lookup failed",
            "the last lookup was partial",
            "waiting until the list of contact points",
            "the lowest address that answers, to found the cluster",
            "looking for a cluster to join",
            "new-cluster-enabled is off",
        ],
        what: "the nodes run, but they are not a cluster yet; this is what they wait for",
        quotes: true,
        remedy: "look for these words in the table \"When something is wrong\" of README.md, and check that the nodes can reach each other on the ports 7626 and 7355",
    },
    Rule {
        all: &["resource signal"],
        any: &[],
        what: "the instances were started, but their nodes did not become members in time",
        quotes: false,
        remedy: "see the last lines of their logs; if there are none, check that the program is in the bucket, and that the instances can reach AWS",
    },
    Rule {
        all: &["failure signal"],
        any: &[],
        what: "the instances were started, but report that their nodes did not become members",
        quotes: false,
        remedy: "see the last lines of their logs",
    },
    Rule {
        all: &["failed container health checks"],
        any: &[],
        what: "the nodes run, but were not members of a cluster within the time that a start may take",
        quotes: false,
        remedy: "see the last lines of their log, and check that they can reach each other on the ports 7626 and 7355",
    },
    Rule {
        all: &["essential container in task exited"],
        any: &[],
        what: "the program ends soon after its start",
        quotes: false,
        remedy: "see the last lines of its log, and try the image here: docker run --rm IMAGE run",
    },
    Rule {
        all: &["circuit breaker was triggered"],
        any: &[],
        what: "the tasks of the service did not become healthy",
        quotes: false,
        remedy: "find out why they were stopped: see the tab Deployments of the service in the console",
    },
];

/// The meaning of the texts together: the first rule that one of them matches.
pub(super) fn meaning(texts: &[&str]) -> Option<Meaning> {
    RULES.iter().find_map(|rule| {
        let text = texts.iter().find(|text| rule.holds_for(text))?;
        let what = match rule.quotes {
            true => format!("{}: {text}", rule.what),
            false => rule.what.to_owned(),
        };
        let remedy = rule.remedy;
        Some(Meaning { what, remedy })
    })
}

impl Rule {
    fn holds_for(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let all = self.all.iter().all(|word| text.contains(word));
        let any = self.any.is_empty() || self.any.iter().any(|word| text.contains(word));
        all && any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_and_the_nodes_say_is_understood() {
        for (text, expected) in [
            (
                "Invalid Request: Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
                "ECS could not use its own role in this account yet",
            ),
            (
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
                 123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1: dial tcp 10.0.3.17:443: i/o timeout",
                "the tasks cannot reach AWS from their subnets",
            ),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth \
                 from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network \
                 configuration. RequestError: send request failed caused by: Post: dial tcp: i/o timeout",
                "the tasks cannot reach AWS from their subnets",
            ),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
                 unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
                 arn:aws:secretsmanager:eu-west-1:123456789012:secret:GossipKey-1 from secrets manager: AccessDeniedException: \
                 User is not authorized to perform: secretsmanager:GetSecretValue",
                "the secret with the gossip key cannot be read: the tasks' execution role lacks the permission",
            ),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: \
                 ResourceNotFoundException: Secrets Manager can't find the specified secret.",
                "the secret with the gossip key does not exist",
            ),
            (
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to \
                 create Cloudwatch log stream: AccessDeniedException",
                "the log cannot be written",
            ),
            (
                "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
                "the image is for another processor type than the tasks",
            ),
            (
                "CannotPullContainerError: failed to resolve ref example.com/orders:2: not found",
                "the image cannot be pulled: there is no image with that name and tag",
            ),
            (
                "CannotPullContainerError: toomanyrequests: You have reached your unauthenticated pull rate limit",
                "the image cannot be pulled: its registry limits pulls without a login",
            ),
            (
                "CannotPullContainerError: pull access denied, repository does not exist or may require authorization",
                "the image cannot be pulled: there is no image with that name and tag",
            ),
            (
                "CannotPullContainerError: unexpected status: 403 Forbidden",
                "the image cannot be pulled: the tasks lack the permission",
            ),
            (
                "CannotPullContainerError: something else",
                "the image cannot be pulled",
            ),
            (
                "exec /demo-node: exec format error",
                "the image is for another processor type than the tasks",
            ),
            (
                "OutOfMemoryError: Container killed due to memory usage",
                "the program needed more memory than its task has",
            ),
            (
                "(service orders) was unable to place a task. Reason: Capacity is unavailable at this time.",
                "Fargate has no capacity for these tasks now",
            ),
            (
                "You've reached the limit on the number of vCPUs you can run concurrently.",
                "the account's quota does not allow so many tasks at once: new accounts have a small quota",
            ),
            (
                "Your requested instance type (t3.micro) is not supported in your requested Availability Zone (us-east-1e).",
                "a zone has no instances of this type",
            ),
            (
                "WARN lookup failed error=list the tasks: AccessDeniedException",
                "the nodes lack the permission to look each other up in AWS",
            ),
            (
                "WARN lookup failed error=list the tasks: no answer: operation timed out",
                "the nodes cannot reach AWS from their subnets",
            ),
            (
                "INFO waiting for contact points: 1 found, 2 needed",
                "the nodes run, but they are not a cluster yet; this is what they wait for: \
                 INFO waiting for contact points: 1 found, 2 needed",
            ),
            (
                "User: me is not authorized to perform: iam:CreateRole",
                "the deploying user lacks a permission: User: me is not authorized to perform: iam:CreateRole",
            ),
            (
                "orders already exists in stack other",
                "another resource already has a name that the stack needs",
            ),
            (
                "Failed to receive 3 resource signal(s) within the specified duration",
                "the instances were started, but their nodes did not become members in time",
            ),
            (
                "Received 1 FAILURE signal(s) out of 3.",
                "the instances were started, but report that their nodes did not become members",
            ),
            (
                "Task failed container health checks",
                "the nodes run, but were not members of a cluster within the time that a start may take",
            ),
            (
                "Essential container in task exited",
                "the program ends soon after its start",
            ),
            (
                "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
                "the tasks of the service did not become healthy",
            ),
        ] {
            let meaning = meaning(&[text]).map(|meaning| meaning.what);
            assert_eq!(meaning.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_rule_is_the_one_for_something() {
        // Otherwise an earlier rule would match everything.
        for rule in RULES {
            let words = rule.all.iter().chain(rule.any.first());
            let text = words.copied().collect::<Vec<_>>().join(" ");
            let found = meaning(&[text.as_str()]).unwrap();
            assert_eq!(found.remedy, rule.remedy, "{text}");
        }
    }

    #[test]
    fn the_text_that_says_most_counts_wherever_it_stands() {
        let texts = [
            "ECS Deployment Circuit Breaker was triggered",
            "Essential container in task exited",
            "exec /demo-node: exec format error",
        ];

        let meaning = meaning(&texts).unwrap();

        assert!(meaning.what.contains("processor"), "{meaning:?}");
    }

    #[test]
    fn what_nobody_knows_means_nothing() {
        assert_eq!(meaning(&["the moon is full"]), None);
        assert_eq!(meaning(&[]), None);
    }
}
