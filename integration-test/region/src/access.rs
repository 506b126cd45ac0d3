//! Who a signed request comes from, and whether they may do what they ask for.

use std::collections::BTreeMap;

use wiremock::Request;

use super::account::Account;
use super::account::identity::{Caller, Policy};
use super::reply::ApiError;
use super::signature::Authorization;

/// A service that takes signed requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    Ecs,
    Ec2,
    AutoScaling,
    Sts,
}

/// What a caller wants to do to what.
#[derive(Debug)]
pub(super) struct Access<'a> {
    /// As in a policy, for example `ecs:ListTasks`.
    pub(super) action: &'a str,
    /// An ARN, or `*` for an action without resources.
    pub(super) resource: &'a str,
    /// The values of the condition keys that the service supplies.
    pub(super) context: &'a BTreeMap<&'static str, String>,
}

/// No policy allows it.
#[derive(Debug)]
pub(super) struct Denied {
    /// AWS's own words, without those that some services put around them.
    pub(super) message: String,
}

/// Why the sender of a request is not known.
enum Unbelieved {
    Unsigned,
    Malformed,
    WrongRegion,
    WrongService,
    Unknown,
    WrongSignature,
    Expired,
}

/// The caller of a request to a service.
pub(super) fn caller(
    account: &Account,
    service: Service,
    request: &Request,
) -> Result<Caller, ApiError> {
    identify(account, service, request).map_err(|reason| service.unbelieved(&reason))
}

/// Whether the caller's role allows this.
pub(super) fn authorise(
    account: &Account,
    caller: &Caller,
    access: &Access<'_>,
) -> Result<(), Denied> {
    let policy = account
        .roles
        .get(&caller.role)
        .and_then(|role| role.policy.as_ref());
    if policy.is_none_or(|policy| policy.allows(access)) {
        return Ok(());
    }
    let user = caller.arn();
    let Access {
        action, resource, ..
    } = access;
    let on = match action.split_once(':') {
        // These name the resource only if the action has one.
        Some(("ec2" | "autoscaling", _)) if *resource == "*" => String::new(),
        Some(_) | None => format!(" on resource: {resource}"),
    };
    Err(Denied {
        message: format!(
            "User: {user} is not authorized to perform: {action}{on} \
             because no identity-based policy allows the {action} action"
        ),
    })
}

impl Policy {
    fn allows(&self, access: &Access<'_>) -> bool {
        let allowed = self.allowed.as_ref().is_none_or(|statements| {
            statements.allow(access.action, access.resource, access.context)
        });
        allowed && !self.denied.contains(access.action)
    }
}

fn identify(account: &Account, service: Service, request: &Request) -> Result<Caller, Unbelieved> {
    let authorization = header(request, "authorization").ok_or(Unbelieved::Unsigned)?;
    let authorization = Authorization::parse(authorization).ok_or(Unbelieved::Malformed)?;
    if authorization.region != account.region {
        return Err(Unbelieved::WrongRegion);
    }
    if authorization.service != service.signing_name() {
        return Err(Unbelieved::WrongService);
    }
    let (caller, credentials) = account
        .sessions
        .find(authorization.access_key_id)
        .ok_or(Unbelieved::Unknown)?;
    if header(request, "x-amz-security-token") != Some(&credentials.session_token) {
        return Err(Unbelieved::Unknown);
    }
    if !authorization.holds(request, &credentials.secret_access_key) {
        return Err(Unbelieved::WrongSignature);
    }
    if credentials.expires_at <= account.now {
        return Err(Unbelieved::Expired);
    }
    Ok(caller.clone())
}

/// A header of a request, if it exists and is text.
pub(super) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

impl Service {
    fn signing_name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Sts => "sts",
        }
    }

    fn unbelieved(self, reason: &Unbelieved) -> ApiError {
        match self {
            Self::Ecs => Self::unbelieved_by_ecs(reason),
            Self::AutoScaling | Self::Sts => self.unbelieved_by_query(reason),
            Self::Ec2 => match reason {
                Unbelieved::Expired => ApiError::new(400, "RequestExpired", "Request has expired."),
                Unbelieved::Unsigned
                | Unbelieved::Malformed
                | Unbelieved::WrongRegion
                | Unbelieved::WrongService
                | Unbelieved::Unknown
                | Unbelieved::WrongSignature => ApiError::new(
                    401,
                    "AuthFailure",
                    "AWS was not able to validate the provided access credentials",
                ),
            },
        }
    }

    fn unbelieved_by_query(self, reason: &Unbelieved) -> ApiError {
        let scope = format!(
            "Credential should be scoped to a valid region and to correct service: '{}'.",
            self.signing_name()
        );
        let (code, message) = match reason {
            Unbelieved::Unsigned => (
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Unbelieved::Malformed => (
                "IncompleteSignature",
                "Authorization header is not a complete version 4 signature",
            ),
            Unbelieved::WrongRegion | Unbelieved::WrongService => {
                ("SignatureDoesNotMatch", scope.as_str())
            }
            Unbelieved::Unknown => (
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            Unbelieved::WrongSignature => (
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            ),
            Unbelieved::Expired => (
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
        };
        ApiError::new(403, code, message)
    }

    fn unbelieved_by_ecs(reason: &Unbelieved) -> ApiError {
        let (code, message) = match reason {
            Unbelieved::Unsigned => (
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            Unbelieved::Malformed => (
                "IncompleteSignatureException",
                "Authorization header is not a complete version 4 signature",
            ),
            Unbelieved::WrongRegion => (
                "InvalidSignatureException",
                "Credential should be scoped to a valid region.",
            ),
            Unbelieved::WrongService => (
                "InvalidSignatureException",
                "Credential should be scoped to correct service: 'ecs'.",
            ),
            Unbelieved::Unknown => (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Unbelieved::WrongSignature => (
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
            ),
            Unbelieved::Expired => (
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
        };
        ApiError::new(400, code, message)
    }
}
