//! Who a signed request comes from, and whether they may do what they ask for.
//!
//! The credential scope of a signature is checked, the signature itself is not:
//! only the SDKs sign here, and they are not what is under test.

use std::collections::BTreeMap;

use wiremock::http::HeaderMap;

use super::account::Account;
use super::account::identity::Caller;
use super::reply::ApiError;

/// A service that takes signed requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    Ecs,
    Ec2,
}

/// What a caller wants to do to what.
#[derive(Debug)]
pub(super) struct Access<'a> {
    /// As in a policy, for example `ecs:ListTasks`.
    pub(super) action: &'a str,
    /// An ARN, or `*` for an action without resources.
    pub(super) resource: &'a str,
    /// The values of the condition keys that the service supplies.
    #[expect(dead_code, reason = "a policy has no conditions yet")]
    pub(super) context: BTreeMap<&'static str, String>,
}

/// No policy allows it.
#[derive(Debug)]
pub(super) struct Denied {
    /// AWS's own words, without those that some services put around them.
    pub(super) message: String,
}

/// Why a request is not believed to come from anybody.
enum Unbelieved {
    Unsigned,
    Malformed,
    WrongRegion,
    WrongService,
    Unknown,
    Expired,
}

/// The caller of a request to a service.
pub(super) fn caller(
    account: &Account,
    service: Service,
    headers: &HeaderMap,
) -> Result<Caller, ApiError> {
    identify(account, service, headers).map_err(|reason| service.unbelieved(&reason))
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
    if policy.is_none_or(|policy| !policy.denied.contains(access.action)) {
        return Ok(());
    }
    let user = caller.arn();
    let Access {
        action, resource, ..
    } = access;
    let on = match action.split_once(':') {
        // EC2 names the resource only where the action has any.
        Some(("ec2", _)) if *resource == "*" => String::new(),
        Some(_) | None => format!(" on resource: {resource}"),
    };
    Err(Denied {
        message: format!(
            "User: {user} is not authorized to perform: {action}{on} \
             because no identity-based policy allows the {action} action"
        ),
    })
}

fn identify(
    account: &Account,
    service: Service,
    headers: &HeaderMap,
) -> Result<Caller, Unbelieved> {
    let authorization = header(headers, "authorization").ok_or(Unbelieved::Unsigned)?;
    let scope = authorization
        .strip_prefix("AWS4-HMAC-SHA256 Credential=")
        .and_then(|rest| rest.split_once(','))
        .map(|(scope, _)| scope.split('/').collect::<Vec<_>>());
    let Some([access_key, _date, region, name, "aws4_request"]) = scope.as_deref() else {
        return Err(Unbelieved::Malformed);
    };
    if *region != account.region {
        return Err(Unbelieved::WrongRegion);
    }
    if *name != service.signing_name() {
        return Err(Unbelieved::WrongService);
    }
    let (caller, credentials) = account
        .sessions
        .find(access_key)
        .ok_or(Unbelieved::Unknown)?;
    if header(headers, "x-amz-security-token") != Some(&credentials.session_token) {
        return Err(Unbelieved::Unknown);
    }
    if credentials.expires_at <= account.now {
        return Err(Unbelieved::Expired);
    }
    Ok(caller.clone())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Service {
    fn signing_name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ec2 => "ec2",
        }
    }

    fn unbelieved(self, reason: &Unbelieved) -> ApiError {
        match self {
            Self::Ecs => Self::unbelieved_by_ecs(reason),
            Self::Ec2 => match reason {
                Unbelieved::Expired => ApiError::new(400, "RequestExpired", "Request has expired."),
                Unbelieved::Unsigned
                | Unbelieved::Malformed
                | Unbelieved::WrongRegion
                | Unbelieved::WrongService
                | Unbelieved::Unknown => ApiError::new(
                    401,
                    "AuthFailure",
                    "AWS was not able to validate the provided access credentials",
                ),
            },
        }
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
            Unbelieved::Expired => (
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
        };
        ApiError::new(400, code, message)
    }
}
