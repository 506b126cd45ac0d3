//! A role to assume, for example in another account.
//!
//! The API reference of STS, at AssumeRole, says what is valid.

use std::{fmt, str::FromStr};

use super::invalid::Invalid;
use crate::excerpt;

/// A role to assume for a method's calls: `sts:AssumeRole` with the credentials from the SDK's usual chain, repeated
/// before the role's credentials expire.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssumedRole {
    /// The role.
    pub arn: RoleArn,
    /// The `sts:ExternalId` that its trust policy requires, if it does. AWS does not treat it as a secret.
    pub external_id: Option<ExternalId>,
    /// The name of the session, for example in CloudTrail; else the SDK makes one.
    pub session_name: Option<SessionName>,
}

/// The ARN of a role: `arn:aws:iam::123456789012:role/orders-discovery`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn(String);

/// An external id: 2 to 1,224 letters, digits and any of `_+=,.@:/-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId(String);

/// The name of a session: 2 to 64 letters, digits and any of `_+=,.@-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl AssumedRole {
    /// The role with this ARN; nothing else is configured.
    pub fn new(arn: RoleArn) -> Self {
        Self {
            arn,
            external_id: None,
            session_name: None,
        }
    }
}

impl RoleArn {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ExternalId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A session name from this text: other characters become `-`, a long text is cut, and a text that is too short
    /// becomes `discovery`.
    pub fn of(text: &str) -> Self {
        let may_be = |c: char| if is_allowed(c) { c } else { '-' };
        let name: String = text.chars().take(LONGEST_SESSION).map(may_be).collect();
        if name.len() < SHORTEST {
            Self("discovery".to_owned())
        } else {
            Self(name)
        }
    }
}

impl FromStr for RoleArn {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let is_role = match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource] => {
                let name = resource.strip_prefix("role/");
                let digits = |account: &str| account.chars().all(|c| c.is_ascii_digit());
                !partition.is_empty()
                    && !account.is_empty()
                    && digits(account)
                    && name.is_some_and(|name| is_word(name, "/", 1..=LONGEST_ROLE))
            }
            _ => false,
        };
        if is_role {
            return Ok(Self(text.to_owned()));
        }
        let expected =
            "the ARN of a role; expected one like arn:aws:iam::123456789012:role/orders-discovery";
        Err(is_not("role-arn", text, expected))
    }
}

impl FromStr for ExternalId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_word(text, ":/", SHORTEST..=LONGEST_EXTERNAL_ID) {
            return Ok(Self(text.to_owned()));
        }
        let expected = "an external id; expected 2 to 1224 letters, digits and any of `_+=,.@:/-`";
        Err(is_not("external-id", text, expected))
    }
}

impl FromStr for SessionName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_word(text, "", SHORTEST..=LONGEST_SESSION) {
            return Ok(Self(text.to_owned()));
        }
        let expected = "a session name; expected 2 to 64 letters, digits and any of `_+=,.@-`";
        Err(is_not("session-name", text, expected))
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The length limit of an external id and of a session's name, in characters.
const SHORTEST: usize = 2;
const LONGEST_EXTERNAL_ID: usize = 1224;
const LONGEST_SESSION: usize = 64;

/// The length limit of a role's path and name together.
const LONGEST_ROLE: usize = 576;

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn is_word(text: &str, more: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    let allowed = |c: char| is_allowed(c) || more.contains(c);
    length.contains(&text.len()) && text.chars().all(allowed)
}

fn is_not(field: &'static str, text: &str, expected: &str) -> Invalid {
    Invalid::new(field, format!("`{}` is not {expected}", excerpt(text, 200)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sts_takes_is_taken() {
        for arn in [
            "arn:aws:iam::123456789012:role/path/orders",
            "arn:aws-cn:iam::123456789012:role/a",
        ] {
            let role: RoleArn = arn.parse().unwrap();
            assert_eq!(role.to_string(), arn);
        }
        let id: ExternalId = "shop:1/2".parse().unwrap();
        assert_eq!(id.to_string(), "shop:1/2");
        let name: SessionName = "orders@10.0.1.7".parse().unwrap();
        assert_eq!(name.to_string(), "orders@10.0.1.7");
    }

    #[test]
    fn what_sts_would_refuse_is_named_with_what_is_expected() {
        let quoted = |field: &str, text: &str| format!("{field}: `{text}` is not ");
        for arn in [
            "",
            "orders",
            "arn:aws:iam::123456789012:user/orders",
            "arn:aws:iam::account:role/orders",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:sts::123456789012:assumed-role/orders/1",
        ] {
            let error = arn.parse::<RoleArn>().unwrap_err().to_string();
            assert!(error.starts_with(&quoted("role-arn", arn)), "{error}");
        }
        for id in ["", "x", "a b"] {
            let error = id.parse::<ExternalId>().unwrap_err().to_string();
            assert!(error.starts_with(&quoted("external-id", id)), "{error}");
        }
        for name in ["x", "a:b", &"x".repeat(65)] {
            let error = name.parse::<SessionName>().unwrap_err().to_string();
            assert!(error.starts_with(&quoted("session-name", name)), "{error}");
        }
    }

    #[test]
    fn any_text_makes_a_session_name() {
        let long = "x".repeat(100);
        for (text, name) in [
            ("orders@10.0.1.7", "orders@10.0.1.7"),
            ("orders@fd00::7", "orders@fd00--7"),
            ("", "discovery"),
            ("é", "discovery"),
            (&long, &long[..64]),
        ] {
            let made = SessionName::of(text);
            assert_eq!(made.as_str(), name);
            assert_eq!(made.as_str().parse(), Ok(made.clone()));
        }
    }
}
