//! The front of the region: takes each request, applies faults, has it answered, and records it.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use wiremock::http::Method;
use wiremock::{Request, ResponseTemplate};

use super::access::{Service, caller, header};
use super::account::Account;
use super::account::identity::Caller;
use super::auto_scaling;
use super::calls::{Action, Call, Calls, Outcome};
use super::ec2::{self, Form};
use super::ecs;
use super::faults::{Effects, Rules};
use super::instance_metadata;
use super::reply::{ApiError, EC2_XML, ECS_JSON, REQUEST_ID, Reply, Wire};
use super::sts;
use super::task_metadata::{self, Version};

/// Longer than any client waits: connections of requests that are never answered stay open.
const NEVER: Duration = Duration::from_hours(24);

/// All state of the region.
#[derive(Debug)]
pub(super) struct World {
    pub(super) account: Account,
    pub(super) rules: Rules,
    pub(super) calls: Calls,
}

/// A request, by the service that it is for.
enum Inquiry<'a> {
    Ecs {
        action: Action,
        body: &'a [u8],
    },
    Ec2 {
        action: Action,
        form: Form,
    },
    AutoScaling {
        action: Action,
        form: Form,
    },
    Sts {
        action: Action,
        form: Form,
    },
    Task {
        version: Version,
        id: &'a str,
        path: &'a str,
    },
    TaskCredentials {
        id: &'a str,
    },
    InstanceToken {
        id: &'a str,
    },
    Instance {
        id: &'a str,
        path: &'a str,
    },
    Unknown,
}

impl World {
    pub(super) fn new(account: Account, seed: u64) -> Self {
        Self {
            account,
            rules: Rules::seeded(seed),
            calls: Calls::default(),
        }
    }

    /// Answers a request that has just arrived.
    pub(super) fn answer(&mut self, request: &Request, now: SystemTime) -> ResponseTemplate {
        let (reply, delay) = self.serve(request, now);
        ResponseTemplate::new(reply.status)
            .append_headers(reply.header)
            .set_body_raw(reply.body, reply.content_type)
            .set_delay(delay)
    }

    /// The answer, and how long it is delayed.
    fn serve(&mut self, request: &Request, now: SystemTime) -> (Reply, Duration) {
        self.account.now = now;
        let inquiry = Inquiry::of(request);
        let caller = inquiry.caller(&self.account, request);
        let known = caller.as_ref().ok().and_then(Option::as_ref);
        let effects = self.rules.strike(inquiry.action(), known, now);

        let known = known.cloned();
        let refused = effects
            .refusal
            .map(|refusal| inquiry.wire().refusal(refusal));
        let answered = match (refused, caller) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(caller)) => self.ask(&inquiry, request, caller.as_ref(), &effects),
        };
        let (mut reply, outcome) = match answered {
            Ok(_) | Err(_) if effects.unanswered => (Reply::text(""), Outcome::Unanswered),
            Ok(reply) if effects.damage.is_some() => (reply, Outcome::Garbled),
            Ok(reply) => (reply, Outcome::Answered),
            Err(error) => (inquiry.wire().error(&error), Outcome::Refused(error.code)),
        };
        match inquiry.wire() {
            // The other services put it into the body, or have none.
            Wire::Json => reply.header = Some(("x-amzn-RequestId", REQUEST_ID.to_owned())),
            Wire::Query | Wire::AutoScaling | Wire::Sts | Wire::Plain => {}
        }
        reply.omit(&effects.omitted);
        if let Some(damage) = effects.damage {
            reply.damage(damage);
        }
        let delay = if effects.unanswered {
            NEVER
        } else {
            effects.delay
        };
        self.calls.record(Call {
            action: inquiry.action(),
            caller: known,
            parameters: inquiry.parameters(request),
            outcome,
            at: now,
            delay,
        });
        (reply, delay)
    }

    fn ask(
        &mut self,
        inquiry: &Inquiry<'_>,
        request: &Request,
        caller: Option<&Caller>,
        effects: &Effects,
    ) -> Result<Reply, ApiError> {
        let account = &mut self.account;
        // A caller from another account sees that account, which is empty.
        let elsewhere = caller
            .filter(|caller| caller.account != account.id)
            .map(|caller| Account::new(&caller.account, &account.region, account.now));
        let view = effects.view.as_ref().map(|snapshot| snapshot.0.as_ref());
        let view = elsewhere.as_ref().or(view);
        let signed = || caller.expect("only signed requests to these services get here");
        match inquiry {
            Inquiry::Ecs { action, body } => {
                let view = view.unwrap_or(account);
                ecs::answer(view, signed(), *action, body, &effects.paging)
                    .map(|body| Reply::new(ECS_JSON, body))
            }
            Inquiry::Ec2 { action, form } => {
                let view = view.unwrap_or(account);
                ec2::answer(view, signed(), *action, form, &effects.paging)
                    .map(|body| Reply::new(EC2_XML, body))
            }
            Inquiry::AutoScaling { action, form } => {
                let view = view.unwrap_or(account);
                auto_scaling::answer(view, signed(), *action, form, &effects.paging)
                    .map(|body| Reply::new(EC2_XML, body))
            }
            Inquiry::Sts { action, form } => {
                sts::answer(account, signed(), *action, form).map(|body| Reply::new(EC2_XML, body))
            }
            Inquiry::Task { version, id, path } => {
                task_metadata::answer(view.unwrap_or(account), *version, id, path)
            }
            Inquiry::TaskCredentials { id } => {
                task_metadata::credentials(account, id, header(request, "authorization"))
            }
            Inquiry::InstanceToken { id } => {
                let ttl = header(request, "x-aws-ec2-metadata-token-ttl-seconds");
                instance_metadata::token(account, id, ttl)
            }
            Inquiry::Instance { id, path } => {
                let token = header(request, "x-aws-ec2-metadata-token");
                instance_metadata::answer(account, id, path, token)
            }
            Inquiry::Unknown => Err(ApiError::new(404, "NotFound", "Not Found")),
        }
    }
}

impl<'a> Inquiry<'a> {
    fn of(request: &'a Request) -> Self {
        let path = request.url.path();
        if path == "/" && request.method == Method::POST {
            return match header(request, "x-amz-target") {
                Some(target) => Self::Ecs {
                    action: ecs::action(target),
                    body: &request.body,
                },
                None => {
                    let form = ec2::form(&request.body);
                    if auto_scaling::is_for(&form) {
                        let action = auto_scaling::action(&form);
                        Self::AutoScaling { action, form }
                    } else if sts::is_for(&form) {
                        let action = sts::action(&form);
                        Self::Sts { action, form }
                    } else {
                        let action = ec2::action(&form);
                        Self::Ec2 { action, form }
                    }
                }
            };
        }
        Self::of_metadata(&request.method, path).unwrap_or(Self::Unknown)
    }

    fn of_metadata(method: &Method, path: &'a str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix('/')?.split_once('/')?;
        // The rest starts with its slash, or is empty.
        let (id, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match (kind, method) {
            ("v4", &Method::GET) => Some(Self::Task {
                version: Version::V4,
                id,
                path: rest,
            }),
            ("v3", &Method::GET) => Some(Self::Task {
                version: Version::V3,
                id,
                path: rest,
            }),
            ("v2", &Method::GET) if id == "credentials" => Some(Self::TaskCredentials {
                id: rest.strip_prefix('/')?,
            }),
            ("instance", &Method::PUT) if rest == "/latest/api/token" => {
                Some(Self::InstanceToken { id })
            }
            ("instance", &Method::GET) => Some(Self::Instance {
                id,
                path: rest.strip_prefix("/latest")?,
            }),
            _ => None,
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Ecs { action, .. }
            | Self::Ec2 { action, .. }
            | Self::AutoScaling { action, .. }
            | Self::Sts { action, .. } => *action,
            Self::Task { .. } => Action::TaskMetadata,
            Self::TaskCredentials { .. } => Action::TaskCredentials,
            Self::InstanceToken { .. } => Action::InstanceToken,
            Self::Instance { .. } => Action::InstanceMetadata,
            Self::Unknown => Action::Unknown,
        }
    }

    fn wire(&self) -> Wire {
        match self {
            Self::Ecs { .. } => Wire::Json,
            Self::Ec2 { .. } => Wire::Query,
            Self::AutoScaling { .. } => Wire::AutoScaling,
            Self::Sts { .. } => Wire::Sts,
            Self::Task { .. }
            | Self::TaskCredentials { .. }
            | Self::InstanceToken { .. }
            | Self::Instance { .. }
            | Self::Unknown => Wire::Plain,
        }
    }

    /// The caller: known by the signature, or by the endpoint that only this caller can reach.
    fn caller(&self, account: &Account, request: &Request) -> Result<Option<Caller>, ApiError> {
        let of_session = |session: &str, role: Option<String>| Caller {
            account: account.id.clone(),
            role: role.unwrap_or_default(),
            session: session.to_owned(),
        };
        match self {
            Self::Ecs { .. } => caller(account, Service::Ecs, request).map(Some),
            Self::Ec2 { .. } => caller(account, Service::Ec2, request).map(Some),
            Self::AutoScaling { .. } => caller(account, Service::AutoScaling, request).map(Some),
            Self::Sts { .. } => caller(account, Service::Sts, request).map(Some),
            Self::Task { id, .. } | Self::TaskCredentials { id } => {
                let task = account.find_task(id);
                Ok(task.map(|(_, task)| of_session(id, task.role.clone())))
            }
            Self::InstanceToken { id } | Self::Instance { id, .. } => {
                let instance = account.find_instance(id);
                Ok(instance.map(|instance| of_session(id, instance.role.clone())))
            }
            Self::Unknown => Ok(None),
        }
    }

    fn parameters(&self, request: &Request) -> Value {
        match self {
            Self::Ecs { body, .. } => serde_json::from_slice(body).unwrap_or_default(),
            Self::Ec2 { form, .. } | Self::AutoScaling { form, .. } | Self::Sts { form, .. } => {
                json!(form)
            }
            Self::Task { .. }
            | Self::TaskCredentials { .. }
            | Self::InstanceToken { .. }
            | Self::Instance { .. }
            | Self::Unknown => json!({ "path": request.url.path() }),
        }
    }
}
