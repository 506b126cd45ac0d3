//! Who may call: roles, their policies, and the sessions whose credentials requests are signed with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::ids::{hexadecimal, scatter};
use crate::policy::Statements;

/// How long new credentials last, as with a task role in AWS.
const SESSION_LIFETIME: Duration = Duration::from_hours(6);

/// Credentials are renewed this long before they expire, so that nobody gets ones that are about to expire.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);

/// A role.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// What it may do; everything if `None`.
    pub policy: Option<Policy>,
    /// Who may assume it; nobody if `None`.
    pub trust: Option<Trust>,
    /// How long a session that assumes it may last; no limit if `None`.
    pub session_lifetime: Option<Duration>,
}

/// Who may assume a role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    account: String,
    external_id: Option<String>,
}

/// What a role may do.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The actions that it allows; everything if `None`.
    pub allowed: Option<Statements>,
    /// IAM actions that it does not allow, for example `ecs:ListTasks`.
    pub denied: BTreeSet<String>,
}

/// Who made a request.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Caller {
    /// The account's number.
    pub account: String,
    /// The name of the role.
    pub role: String,
    /// The id of the task or instance, or a name chosen for a session.
    pub session: String,
}

/// Temporary credentials of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credentials {
    /// Unique to the session.
    pub access_key_id: String,
    /// What requests are signed with.
    pub secret_access_key: String,
    /// Sent with every request.
    pub session_token: String,
    /// After that they are refused.
    pub expires_at: SystemTime,
}

/// Every session, also expired ones: their credentials must still be recognised as expired.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    by_access_key: BTreeMap<String, (Caller, Credentials)>,
    current: BTreeMap<Caller, String>,
}

impl Role {
    /// Allows what these statements allow, and nothing else.
    pub fn allow_only(&mut self, statements: Statements) {
        self.policy.get_or_insert_default().allowed = Some(statements);
    }

    /// Withdraws an IAM action, for example `ecs:ListTasks`.
    pub fn deny(&mut self, action: &str) {
        self.policy
            .get_or_insert_default()
            .denied
            .insert(action.to_owned());
    }
}

impl Trust {
    /// Callers of this account.
    #[must_use]
    pub fn of_account(id: &str) -> Self {
        Self {
            account: id.to_owned(),
            external_id: None,
        }
    }

    /// Those of them that send this external id.
    #[must_use]
    pub fn with_external_id(mut self, id: &str) -> Self {
        self.external_id = Some(id.to_owned());
        self
    }

    /// Whether this caller may assume the role. If no external id is required, AWS accepts any.
    pub(crate) fn lets_in(&self, caller: &Caller, external_id: Option<&str>) -> bool {
        let known = self.external_id.as_deref();
        caller.account == self.account && known.is_none_or(|known| external_id == Some(known))
    }
}

impl Caller {
    /// As AWS names it in its refusals.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self {
            account,
            role,
            session,
        } = self;
        format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
    }
}

impl Credentials {
    /// New credentials from a serial number.
    pub(super) fn issued(serial: u64, now: SystemTime) -> Self {
        Self::lasting(serial, now, SESSION_LIFETIME)
    }

    /// The same, with another lifetime.
    pub(super) fn lasting(serial: u64, now: SystemTime, lifetime: Duration) -> Self {
        Self {
            access_key_id: format!("ASIA{:016X}", scatter(serial)),
            secret_access_key: hexadecimal(serial.wrapping_add(1 << 62)),
            session_token: hexadecimal(serial.wrapping_add(1 << 63)),
            expires_at: now + lifetime,
        }
    }
}

impl Sessions {
    /// The session an access key belongs to.
    pub(crate) fn find(&self, access_key_id: &str) -> Option<&(Caller, Credentials)> {
        self.by_access_key.get(access_key_id)
    }

    /// Ends all sessions.
    pub(super) fn expire(&mut self, now: SystemTime) {
        for (_, credentials) in self.by_access_key.values_mut() {
            credentials.expires_at = credentials.expires_at.min(now);
        }
    }

    pub(super) fn lasting(&self, caller: &Caller, now: SystemTime) -> Option<Credentials> {
        let (_, credentials) = self.find(self.current.get(caller)?)?;
        (now + RENEWED_BEFORE < credentials.expires_at).then(|| credentials.clone())
    }

    pub(super) fn add(&mut self, caller: Caller, credentials: Credentials) {
        let key = credentials.access_key_id.clone();
        self.current.insert(caller.clone(), key.clone());
        self.by_access_key.insert(key, (caller, credentials));
    }
}
