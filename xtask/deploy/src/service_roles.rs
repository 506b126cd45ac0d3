//! The service-linked roles of an account, created before they are needed.
//!
//! When an account's first cluster is created, ECS creates its role and uses it at once, which often fails: a new
//! role does not become known everywhere at the same time. So the role is created before, with a wait. Nothing in
//! this program deletes one, because other clusters of the account need it, too.

use std::time::Duration;

use anyhow::Context;
use aws_config::SdkConfig;
use discovery::excerpt;
use tokio::time::{Instant, sleep};

use crate::{
    differences,
    signed::{self, Answer, Call},
    stacks::Failure,
};

/// A new role can be read after some seconds. If not, the stack is tried anyway.
const LIMIT: Duration = Duration::from_secs(60);

/// How much of a refusal is shown, in characters.
const LONGEST: usize = 300;

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

/// A role that a service needs in an account, created once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRole {
    /// Its name.
    pub name: &'static str,
    /// The service that owns it.
    pub service: &'static str,
}

/// That of ECS, for the first cluster.
pub const ECS: ServiceRole = ServiceRole {
    name: "AWSServiceRoleForECS",
    service: "ecs.amazonaws.com",
};

/// That of Auto Scaling, for the first group.
pub const AUTO_SCALING: ServiceRole = ServiceRole {
    name: "AWSServiceRoleForAutoScaling",
    service: "autoscaling.amazonaws.com",
};

/// Whether the account has the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    There,
    /// It has not.
    Missing,
    /// That is not known.
    Unknown,
}

/// The result of the request to create it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Creation {
    /// Under this name, unless IAM does not say which.
    Made(Option<String>),
    /// It was there.
    Needless,
    /// In the words of IAM.
    Refused(String),
}

impl ServiceRole {
    /// Looks whether the account has it.
    pub async fn look(&self, config: &SdkConfig) -> Presence {
        look(config, self.name).await
    }

    /// Creates it, unless it exists, and waits until it can be read. If that is refused, the caller is told: the role
    /// may exist anyway.
    pub async fn ensure(&self, config: &SdkConfig, tell: &mut dyn FnMut(&str)) {
        if self.look(config).await == Presence::There {
            return;
        }
        let asked = [
            ("Action", "CreateServiceLinkedRole"),
            ("AWSServiceName", self.service),
        ];
        let created = match ask(config, &asked).await {
            Ok(answer) => creation(&answer),
            Err(error) => Creation::Refused(excerpt(&format!("{error:#}"), LONGEST)),
        };
        let made = match created {
            Creation::Needless => return,
            Creation::Made(name) => name.unwrap_or_else(|| self.name.to_owned()),
            Creation::Refused(reason) => {
                tell(&format!(
                    "{} cannot be created from here ({reason}). If the account does not have it, somebody with the \
                     permission must run: aws iam create-service-linked-role --aws-service-name {}",
                    self.name, self.service
                ));
                return;
            }
        };
        tell(&format!("created {made}: it stays in the account"));
        let pause = differences::interval(config.endpoint_url());
        let begun = Instant::now();
        while look(config, &made).await == Presence::Missing {
            if LIMIT <= begun.elapsed() {
                tell(&format!("{made} cannot be read yet; continuing anyway"));
                break;
            }
            sleep(pause).await;
        }
    }
}

/// Whether a stack has failed because a service could not use its own role yet.
pub fn was_too_new(failure: &Failure) -> bool {
    failure
        .causes
        .iter()
        .any(|cause| is_of_new_role(&cause.reason))
}

/// The same, from a service's message.
fn is_of_new_role(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    let of_role = reason.contains("service linked role")
        || reason.contains("service-linked role")
        || reason.contains("awsservicerolefor");
    of_role && reason.contains("assume")
        || reason.contains("service-linked role for") && reason.contains("could not be created")
}

async fn look(config: &SdkConfig, name: &str) -> Presence {
    match ask(config, &[("Action", "GetRole"), ("RoleName", name)]).await {
        Ok(answer) => presence(&answer),
        Err(_) => Presence::Unknown,
    }
}

async fn ask(config: &SdkConfig, pairs: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let region = config.region().map_or("", |region| region.as_ref());
    let (region, url) = endpoint(region);
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .append_pair("Version", "2010-05-08")
        .finish();
    let call = Call {
        service: "iam",
        region,
        url,
        headers: &FORM,
        body,
    };
    signed::post(config, &call).await.context("asking IAM")
}

/// IAM has one endpoint for a whole partition.
fn endpoint(region: &str) -> (&'static str, String) {
    match region {
        _ if region.starts_with("cn-") => (
            "cn-north-1",
            "https://iam.cn-north-1.amazonaws.com.cn".to_owned(),
        ),
        _ if region.starts_with("us-gov-") => (
            "us-gov-west-1",
            "https://iam.us-gov.amazonaws.com".to_owned(),
        ),
        _ => ("us-east-1", "https://iam.amazonaws.com".to_owned()),
    }
}

fn presence(answer: &Answer) -> Presence {
    if answer.status == 200 {
        Presence::There
    } else if answer.body.contains("NoSuchEntity") {
        Presence::Missing
    } else {
        Presence::Unknown
    }
}

fn creation(answer: &Answer) -> Creation {
    let body = &answer.body;
    let part = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (part, _) = rest.split_once(&format!("</{name}>"))?;
        Some(part.to_owned())
    };
    if answer.status == 200 {
        Creation::Made(part("RoleName"))
    } else if body.contains("has been taken") || body.contains("EntityAlreadyExists") {
        Creation::Needless
    } else {
        let reason = match (part("Code"), part("Message")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code,
            (None, _) => format!("status {}", answer.status),
        };
        Creation::Refused(excerpt(&reason, LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Cause;

    #[test]
    fn what_iam_says_of_a_role_is_understood() {
        for (status, body, expected) in [
            (200, "<GetRoleResponse/>", Presence::There),
            (404, "<Code>NoSuchEntity</Code>", Presence::Missing),
            (403, "<Code>AccessDenied</Code>", Presence::Unknown),
            (501, "", Presence::Unknown),
        ] {
            assert_eq!(presence(&answer(status, body)), expected, "{body}");
        }
    }

    #[test]
    fn a_role_that_is_there_is_no_failure_to_make_it() {
        for (status, body, expected) in [
            (
                200,
                "<Role><RoleName>AWSServiceRoleForECS</RoleName></Role>",
                Creation::Made(Some("AWSServiceRoleForECS".to_owned())),
            ),
            (
                400,
                "<Code>InvalidInput</Code><Message>Service role name AWSServiceRoleForECS has been taken in this account, \
                 please try a different suffix.</Message>",
                Creation::Needless,
            ),
            (
                403,
                "<Code>AccessDenied</Code><Message>User: me is not authorized</Message>",
                Creation::Refused("AccessDenied: User: me is not authorized".to_owned()),
            ),
            (
                501,
                "no such thing",
                Creation::Refused("status 501".to_owned()),
            ),
        ] {
            assert_eq!(creation(&answer(status, body)), expected, "{body}");
        }
    }

    #[test]
    fn a_failure_for_a_new_role_is_told_from_others() {
        for (reason, expected) in [
            (
                "Resource handler returned message: \"Invalid request provided: CreateCluster Invalid Request: Unable to \
                 assume the service linked role. Please verify that the ECS service linked role exists.\"",
                true,
            ),
            (
                "Access denied when attempting to assume role arn:aws:iam::123456789012:role/aws-service-role/\
                 autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling. Validating load balancer configuration failed.",
                true,
            ),
            (
                "The default Service-Linked Role for Auto Scaling could not be created.",
                true,
            ),
            (
                "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/orders-TaskRole'",
                false,
            ),
            (
                "User is not authorized to perform: iam:CreateServiceLinkedRole on the service-linked role",
                false,
            ),
        ] {
            let failure = Failure {
                stack: "orders-service".to_owned(),
                id: "arn".to_owned(),
                status: "CREATE_FAILED".to_owned(),
                causes: vec![Cause {
                    resource: "Cluster".to_owned(),
                    kind: "AWS::ECS::Cluster".to_owned(),
                    reason: reason.to_owned(),
                }],
                resources: Default::default(),
                gave_up: Default::default(),
                gap: None,
            };
            assert_eq!(was_too_new(&failure), expected, "{reason}");
        }
    }

    #[test]
    fn iam_answers_in_one_place_of_each_partition() {
        for (region, signed, url) in [
            ("eu-west-1", "us-east-1", "https://iam.amazonaws.com"),
            (
                "cn-northwest-1",
                "cn-north-1",
                "https://iam.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-gov-east-1",
                "us-gov-west-1",
                "https://iam.us-gov.amazonaws.com",
            ),
        ] {
            assert_eq!(endpoint(region), (signed, url.to_owned()));
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.to_owned(),
        }
    }
}
