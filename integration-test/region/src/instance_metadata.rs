//! The instance metadata service, version 2 only: a session token first, then the data.
//!
//! In AWS the address 169.254.169.254 belongs to each instance; here a path in front of the usual one tells instances
//! apart.

use std::ops::RangeInclusive;

use serde_json::json;

use super::account::Account;
use super::account::ids::scatter;
use super::account::instance::Instance;
use super::reply::{ApiError, Reply, iso_8601};

/// How long a session may be, in seconds.
const TTL: RangeInclusive<u32> = 1..=21_600;

/// Answers `PUT /latest/api/token`.
pub(super) fn token(
    account: &Account,
    instance_id: &str,
    ttl: Option<&str>,
) -> Result<Reply, ApiError> {
    find(account, instance_id)?;
    match ttl.and_then(|ttl| ttl.parse().ok()) {
        Some(ttl) if TTL.contains(&ttl) => Ok(Reply {
            header: Some(("x-aws-ec2-metadata-token-ttl-seconds", ttl.to_string())),
            ..Reply::text(session(instance_id))
        }),
        Some(_) | None => Err(ApiError::new(400, "BadRequest", "Bad Request")),
    }
}

/// Answers a path below `/latest`, for example `/meta-data/local-ipv4`.
pub(super) fn answer(
    account: &mut Account,
    instance_id: &str,
    path: &str,
    token: Option<&str>,
) -> Result<Reply, ApiError> {
    let instance = find(account, instance_id)?.clone();
    if token != Some(&session(instance_id)) {
        return Err(ApiError::new(401, "Unauthorized", "Unauthorized"));
    }
    if path == "/dynamic/instance-identity/document" {
        return Ok(identity_document(account, instance_id, &instance));
    }
    let path = path
        .strip_prefix("/meta-data/")
        .ok_or_else(|| not_found(path))?;
    if let Some(rest) = path.strip_prefix("iam/security-credentials/") {
        return credentials(account, instance_id, &instance, rest);
    }
    let value = match path {
        "instance-id" => Some(instance_id.to_owned()),
        "instance-type" => Some(instance.instance_type.clone()),
        "local-ipv4" => instance.primary_ipv4().map(|address| address.to_string()),
        "ipv6" => instance.primary_ipv6().map(|address| address.to_string()),
        "placement/region" => Some(account.region.clone()),
        "placement/availability-zone" => Some(instance.availability_zone.clone()),
        _ => None,
    };
    value.map(Reply::text).ok_or_else(|| not_found(path))
}

fn find<'a>(account: &'a Account, instance_id: &str) -> Result<&'a Instance, ApiError> {
    account
        .find_instance(instance_id)
        .ok_or_else(|| not_found(instance_id))
}

/// Sessions do not end here, so one token for each instance is enough.
fn session(instance_id: &str) -> String {
    let number = instance_id.bytes().fold(0_u64, |sum, byte| {
        scatter(sum.wrapping_add(u64::from(byte)))
    });
    format!("AQAE{number:016x}==")
}

fn credentials(
    account: &mut Account,
    instance_id: &str,
    instance: &Instance,
    role: &str,
) -> Result<Reply, ApiError> {
    match &instance.role {
        Some(own) if role.is_empty() => Ok(Reply::text(own.as_str())),
        Some(own) if own == role => {
            let credentials = account.credentials(role, instance_id);
            Ok(Reply::json(&json!({
                "Code": "Success",
                "LastUpdated": iso_8601(account.now),
                "Type": "AWS-HMAC",
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret_access_key,
                "Token": credentials.session_token,
                "Expiration": iso_8601(credentials.expires_at),
            })))
        }
        Some(_) | None => Err(not_found(role)),
    }
}

fn identity_document(account: &Account, instance_id: &str, instance: &Instance) -> Reply {
    Reply::json(&json!({
        "accountId": account.id,
        "architecture": "arm64",
        "availabilityZone": instance.availability_zone,
        "instanceId": instance_id,
        "instanceType": instance.instance_type,
        "privateIp": instance.primary_ipv4(),
        "region": account.region,
        "version": "2017-09-30",
    }))
}

fn not_found(what: &str) -> ApiError {
    ApiError::new(404, "NotFound", format!("Not Found: {what}"))
}
