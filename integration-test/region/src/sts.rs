//! AWS Security Token Service: the Query protocol, one operation.
//!
//! Both sides decide whether a role may be assumed: the caller's own policy, if this account has it, and the role's
//! trust policy. AWS gives the same error whichever refuses, and also for a role that does not exist.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use quick_xml::escape::escape;

use super::access::{Access, authorise};
use super::account::Account;
use super::account::identity::{Caller, Credentials};
use super::calls::Action;
use super::reply::{ApiError, REQUEST_ID, iso_8601};

/// The only version of the API.
const VERSION: &str = "2011-06-15";

/// The default lifetime.
const USUAL_SECONDS: u64 = 3600;

/// The limits of a session's lifetime, if the role allows it.
const SECONDS: RangeInclusive<u64> = 900..=43_200;

/// The fields of a form.
type Form = BTreeMap<String, String>;

/// Whether a form is for this service.
pub(super) fn is_for(form: &Form) -> bool {
    form.get("Version")
        .is_some_and(|version| version == VERSION)
}

/// The operation that a form asks for.
pub(super) fn action(form: &Form) -> Action {
    match form.get("Action").map(String::as_str) {
        Some("AssumeRole") => Action::AssumeRole,
        Some(_) | None => Action::Unknown,
    }
}

/// Answers one operation.
pub(super) fn answer(
    account: &mut Account,
    caller: &Caller,
    action: Action,
    form: &Form,
) -> Result<String, ApiError> {
    match action {
        Action::AssumeRole => assume_role(account, caller, &Input::parse(form)?),
        Action::ListTasks
        | Action::DescribeTasks
        | Action::DescribeServices
        | Action::DescribeInstances
        | Action::DescribeAutoScalingGroups
        | Action::TaskMetadata
        | Action::TaskCredentials
        | Action::InstanceToken
        | Action::InstanceMetadata
        | Action::Unknown => {
            let name = form.get("Action").map_or("", String::as_str);
            let message = format!("Could not find operation {name} for version {VERSION}");
            Err(ApiError::new(400, "InvalidAction", message))
        }
    }
}

/// A parsed AssumeRole.
#[derive(Debug)]
struct Input<'a> {
    role_arn: &'a str,
    session: &'a str,
    external_id: Option<&'a str>,
    seconds: u64,
}

impl<'a> Input<'a> {
    fn parse(form: &'a Form) -> Result<Self, ApiError> {
        let known = [
            "Action",
            "DurationSeconds",
            "ExternalId",
            "RoleArn",
            "RoleSessionName",
            "Version",
        ];
        if let Some(unknown) = form.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(invalid(format!(
                "The parameter {unknown} is not known here"
            )));
        }
        let field = |name: &str| form.get(name).map(String::as_str);
        let seconds = match field("DurationSeconds").map(str::parse) {
            None => USUAL_SECONDS,
            Some(Ok(seconds)) if SECONDS.contains(&seconds) => seconds,
            Some(_) => {
                return Err(invalid(format!(
                    "DurationSeconds must be within {SECONDS:?}"
                )));
            }
        };
        let external_id = field("ExternalId");
        if external_id.is_some_and(|id| !is_word(id, ":/", 2..=1224)) {
            return Err(invalid(
                "ExternalId does not satisfy its pattern".to_owned(),
            ));
        }
        let session = field("RoleSessionName").unwrap_or_default();
        if !is_word(session, "", 2..=64) {
            let message = "RoleSessionName does not satisfy its pattern".to_owned();
            return Err(invalid(message));
        }
        Ok(Self {
            role_arn: field("RoleArn").unwrap_or_default(),
            session,
            external_id,
            seconds,
        })
    }
}

fn assume_role(
    account: &mut Account,
    caller: &Caller,
    input: &Input<'_>,
) -> Result<String, ApiError> {
    let Input {
        role_arn, session, ..
    } = *input;
    let prefix = format!("arn:aws:iam::{}:role/", account.id);
    let role = role_arn.strip_prefix(&prefix).unwrap_or_default();
    let trusted = account.roles.get(role).and_then(|role| role.trust.as_ref());
    let trusted = trusted.is_some_and(|trust| trust.lets_in(caller, input.external_id));
    let access = Access {
        action: "sts:AssumeRole",
        resource: role_arn,
        context: &BTreeMap::new(),
    };
    // This account does not know what roles of other accounts may do.
    let allowed = caller.account != account.id || authorise(account, caller, &access).is_ok();
    if !trusted || !allowed {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            caller.arn()
        );
        return Err(ApiError::new(403, "AccessDenied", message));
    }
    let lifetime = account
        .roles
        .get(role)
        .and_then(|role| role.session_lifetime)
        .unwrap_or(Duration::from_secs(input.seconds));
    let credentials = account.assume(role, session, lifetime);
    Ok(assumed(account, role, session, &credentials))
}

fn assumed(account: &Account, role: &str, session: &str, credentials: &Credentials) -> String {
    let Credentials {
        access_key_id,
        secret_access_key,
        session_token,
        expires_at,
    } = credentials;
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/{VERSION}/\">\
         <AssumeRoleResult>\
         <AssumedRoleUser>\
         <AssumedRoleId>AROA0123456789EXAMPLE:{session}</AssumedRoleId>\
         <Arn>arn:aws:sts::{}:assumed-role/{}/{session}</Arn>\
         </AssumedRoleUser>\
         <Credentials>\
         <AccessKeyId>{access_key_id}</AccessKeyId>\
         <SecretAccessKey>{secret_access_key}</SecretAccessKey>\
         <SessionToken>{session_token}</SessionToken>\
         <Expiration>{}</Expiration>\
         </Credentials>\
         </AssumeRoleResult>\
         <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>\
         </AssumeRoleResponse>",
        account.id,
        escape(role),
        iso_8601(*expires_at),
    )
}

fn is_word(text: &str, more: &str, length: RangeInclusive<usize>) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) || more.contains(c);
    length.contains(&text.len()) && text.chars().all(allowed)
}

fn invalid(message: String) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::account::identity::Trust;
    use super::super::account::{ACCOUNT_ID, REGION, TASK_ROLE};
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

    fn account() -> Account {
        let mut account = Account::new(ACCOUNT_ID, REGION, SystemTime::UNIX_EPOCH);
        let trust = Trust::of_account("111122223333").with_external_id("shop");
        account.role_mut("reader").trust = Some(trust);
        account
    }

    fn assume(account: &mut Account, from: &str, more: &str) -> Result<String, ApiError> {
        let caller = Caller {
            account: from.to_owned(),
            role: TASK_ROLE.to_owned(),
            session: "session".to_owned(),
        };
        let body = format!("Action=AssumeRole&Version={VERSION}{more}");
        let form = form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        answer(account, &caller, Action::AssumeRole, &form)
    }

    #[test]
    fn a_role_is_assumed_from_a_trusted_account_with_its_external_id() {
        let ask = format!("&RoleArn={ROLE}&RoleSessionName=orders&ExternalId=shop");
        let answer = assume(&mut account(), "111122223333", &ask).unwrap();
        assert!(answer.contains("assumed-role/reader/orders"), "{answer}");
        assert!(answer.contains("1970-01-01T01:00:00Z"), "{answer}");
        assert_eq!(
            assume(&mut account(), ACCOUNT_ID, &ask).unwrap_err().code,
            "AccessDenied"
        );
    }

    #[test]
    fn who_is_not_trusted_and_what_is_not_there_are_refused_alike() {
        let refused = |ask: &str| {
            let error = assume(&mut account(), "111122223333", ask).unwrap_err();
            (error.status, error.code)
        };
        let denied = (403, "AccessDenied".to_owned());
        let session = "&RoleSessionName=orders";
        let wrong = format!("&RoleArn={ROLE}{session}&ExternalId=other");
        assert_eq!(refused(&wrong), denied);
        assert_eq!(refused(&format!("&RoleArn={ROLE}{session}")), denied);
        let nobody = "&RoleArn=arn:aws:iam::123456789012:role/nobody";
        assert_eq!(
            refused(&format!("{nobody}{session}&ExternalId=shop")),
            denied
        );
    }

    #[test]
    fn what_sts_does_not_take_is_refused() {
        for wrong in [
            format!("&RoleArn={ROLE}"),
            format!("&RoleArn={ROLE}&RoleSessionName=a:b"),
            format!("&RoleArn={ROLE}&RoleSessionName=orders&ExternalId=x"),
            format!("&RoleArn={ROLE}&RoleSessionName=orders&DurationSeconds=1"),
            format!("&RoleArn={ROLE}&RoleSessionName=orders&Policy=x"),
        ] {
            let error = assume(&mut account(), "111122223333", &wrong).unwrap_err();
            assert_eq!(error.code, "ValidationError", "{wrong}");
        }
    }
}
