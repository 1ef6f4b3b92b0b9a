//! The ID token, beyond what every JWT is asked: that it answers this sign-in, for this client, and tells
//! when and how strongly somebody proved who he is (OpenID Connect Core 1.0 §3.1.3.7).

use super::super::{Unauthenticated, refused};
use super::{Flow, OidcError};
use crate::domain::Timestamp;
use core::time::Duration;
use serde_json::Value;

/// The longest statement of strength that is recorded, in bytes.
const STRENGTH_BYTES_MAX: usize = 256;

/// What every ID token of this flow must say; `claims` are verified ones.
pub(super) fn check(
    claims: &Value,
    client_id: &str,
    flow: &Flow,
    now: Timestamp,
    leeway: Duration,
) -> Result<(), Unauthenticated> {
    if claims.get("nonce").and_then(Value::as_str) != Some(&flow.nonce) {
        return Err(refused("its `nonce` is of another sign-in"));
    }
    let several = claims.get("aud").and_then(Value::as_array).is_some_and(|audiences| audiences.len() > 1);
    match claims.get("azp") {
        Some(party) if party.as_str() == Some(client_id) => {}
        None if !several => {}
        _ => return Err(refused("it was issued to another client (`azp`)")),
    }
    match instant(claims, "iat") {
        Some(Ok(issued)) if issued > now.plus(leeway) => Err(refused("its `iat` is in the future")),
        Some(Ok(issued)) if issued.plus(leeway) < flow.begun_at => Err(refused("it is older than this sign-in")),
        Some(Ok(_)) => Ok(()),
        Some(Err(())) | None => Err(refused("its `iat` is missing or not a whole number of seconds")),
    }
}

/// When he proved who he is, if the issuer says so. When the flow demanded a recent proof it must say so,
/// and it must be recent: reckoned from when he was sent there, for he may dawdle after signing in.
pub(super) fn authenticated_at(
    claims: &Value,
    flow: &Flow,
    now: Timestamp,
    leeway: Duration,
) -> Result<Option<Timestamp>, OidcError> {
    let at = match instant(claims, "auth_time") {
        None if flow.max_age.is_none() => return Ok(None),
        None => return Err(OidcError::NotFresh),
        Some(Err(())) => return Err(refused("its `auth_time` is not a whole number of seconds").into()),
        Some(Ok(at)) if at > now.plus(leeway) => return Err(refused("its `auth_time` is in the future").into()),
        Some(Ok(at)) => at,
    };
    match flow.max_age {
        Some(max_age) if at.plus(max_age).plus(leeway) < flow.begun_at => Err(OidcError::NotFresh),
        _ => Ok(Some(at)),
    }
}

/// `acr`, or else the methods of `amr` between spaces. What could not be shown in a record is no statement.
pub(super) fn strength(claims: &Value) -> Option<String> {
    let methods = || {
        let names: Option<Vec<&str>> = claims.get("amr")?.as_array()?.iter().map(Value::as_str).collect();
        names.map(|names| names.join(" "))
    };
    let stated = claims.get("acr").and_then(Value::as_str).map(str::to_owned).or_else(methods)?;
    let shown = !stated.is_empty() && stated.len() <= STRENGTH_BYTES_MAX && !stated.chars().any(char::is_control);
    shown.then_some(stated)
}

/// A claim in whole seconds since 1970.
fn instant(claims: &Value, name: &str) -> Option<Result<Timestamp, ()>> {
    let seconds = claims.get(name)?.as_u64().and_then(|seconds| i64::try_from(seconds).ok());
    Some(seconds.map(|seconds| Timestamp::from_ms(seconds.saturating_mul(1000))).ok_or(()))
}
