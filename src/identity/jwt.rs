//! JSON Web Tokens of one pinned issuer, for people. The algorithm is chosen by the configuration and
//! the key, never by the token: its header may only pick among them.
//!
//! Invariant: times are judged by the Clock that is handed in, not by the library's; `kid` is a key
//! of a map and nothing else; no claim is believed before the signature holds.

use super::keys::{KeySource, Keys};
use super::{Tended, Unauthenticated, refused};
use crate::clock::Boot;
use crate::domain::{Authentication, Person, PersonId, Role, TenantId, Timestamp};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use jsonwebtoken::Algorithm;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The `typ` of tokens that come with a call.
const CALL_KINDS: &[&str] = &["jwt", "at+jwt", "application/at+jwt"];
/// The widest tolerance for clocks that differ.
pub const LEEWAY_S_MAX: u64 = 60;

/// What is pinned about the issuer, and how its claims name people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSettings {
    /// `iss` must be exactly this.
    pub issuer: String,
    /// `aud` must be or contain exactly this.
    pub audience: String,
    /// The algorithms taken; asymmetric only.
    pub algorithms: Vec<Algorithm>,
    /// The `typ` a header may have, in lower case; one without `typ` is taken.
    pub kinds: &'static [&'static str],
    /// The claim with the person's id, such as `sub`. A name that begins with `/` is a path
    /// (`/realm_access/roles`).
    pub person_claim: String,
    /// The claim with the roles: a list of texts, or one text with roles between spaces.
    pub roles_claim: String,
    /// The issuer's role names to ours. What is not named here is nothing; if the map is empty, our
    /// own names are taken.
    pub roles: BTreeMap<String, Role>,
    /// The claim with the tenant; a token without it is of the provider's side. `None`: this issuer
    /// is the provider's own.
    pub tenant_claim: Option<String>,
    /// How far clocks may differ, in seconds; [`LEEWAY_S_MAX`] at most.
    pub leeway_s: u64,
    /// How often the keys are fetched anew.
    pub refresh: Duration,
    /// The least time between two fetches, whatever tokens ask for.
    pub refresh_min: Duration,
    /// How long keys stay in force when they cannot be fetched any more.
    pub keep: Duration,
}

impl JwtSettings {
    /// Settings for this issuer and audience, with ES256 and RS256, the claims `sub` and `roles`, no
    /// tenants, 30 s of leeway, keys fetched every 5 min (30 s at the least) and kept for an hour.
    pub fn of(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            kinds: CALL_KINDS,
            person_claim: "sub".to_owned(),
            roles_claim: "roles".to_owned(),
            roles: BTreeMap::new(),
            tenant_claim: None,
            leeway_s: 30,
            refresh: Duration::from_secs(300),
            refresh_min: Duration::from_secs(30),
            keep: Duration::from_secs(3600),
        }
    }
}

/// Settings that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtSettingsError {
    /// HMAC: whoever can verify could sign.
    #[error("`{0:?}` is not an asymmetric algorithm: take RS256, PS256, ES256, EdDSA or one of their longer kin")]
    Algorithm(Algorithm),
    /// Nothing is pinned.
    #[error("`{0}` must not be empty")]
    Empty(&'static str),
    /// Too lenient.
    #[error("`leeway_s` must be {LEEWAY_S_MAX} at most")]
    Leeway,
    /// Times that contradict each other.
    #[error(
        "`refresh_min` must be a second at least, and no longer than `refresh`, which must be no longer than `keep`"
    )]
    Refresh,
}

/// Verifies the tokens of one issuer.
pub struct Jwts {
    settings: JwtSettings,
    source: Box<dyn KeySource>,
    keys: ArcSwap<Held>,
    /// A token named a key that is not there: fetch, if it is not too soon.
    wanted: AtomicBool,
    tried: Mutex<Option<Boot>>,
}

/// Keys and when they were fetched; none before the first time.
#[derive(Default)]
struct Held {
    keys: Keys,
    fetched: Option<Boot>,
}

impl Held {
    fn is_usable(&self, boot: Boot, keep: Duration) -> bool {
        self.fetched.is_some_and(|at| boot.since(at) < keep)
    }
}

impl Jwts {
    /// A verifier without keys: it refuses everything until it was tended once.
    ///
    /// # Errors
    /// [`JwtSettingsError`].
    pub fn new(settings: JwtSettings, source: Box<dyn KeySource>) -> Result<Self, JwtSettingsError> {
        if let Some(wrong) = settings.algorithms.iter().find(|algorithm| !super::keys::ALGORITHMS.contains(algorithm)) {
            return Err(JwtSettingsError::Algorithm(*wrong));
        }
        for (name, empty) in [
            ("issuer", settings.issuer.is_empty()),
            ("audience", settings.audience.is_empty()),
            ("algorithms", settings.algorithms.is_empty()),
            ("person_claim", settings.person_claim.is_empty()),
            ("roles_claim", settings.roles_claim.is_empty()),
        ] {
            if empty {
                return Err(JwtSettingsError::Empty(name));
            }
        }
        if settings.leeway_s > LEEWAY_S_MAX {
            return Err(JwtSettingsError::Leeway);
        }
        let ordered = settings.refresh_min <= settings.refresh && settings.refresh <= settings.keep;
        if settings.refresh_min < Duration::from_secs(1) || !ordered {
            return Err(JwtSettingsError::Refresh);
        }
        let (wanted, tried) = (AtomicBool::new(false), Mutex::new(None));
        Ok(Self { settings, source, keys: ArcSwap::default(), wanted, tried })
    }

    /// Fetches keys if they are due or wanted, and not too soon after the last attempt. Blocks.
    pub(super) fn tend(&self, boot: Boot) -> Option<Tended> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let since_try = tried.map(|at| boot.since(at));
        let age = self.keys.load().fetched.map(|at| boot.since(at));
        let due = age.is_none_or(|age| age >= self.settings.refresh) || self.wanted.load(Ordering::Relaxed);
        if !due || since_try.is_some_and(|since| since < self.settings.refresh_min) {
            return None;
        }
        *tried = Some(boot);
        self.wanted.store(false, Ordering::Relaxed);
        match self.source.fetch().and_then(|bytes| Keys::parse(&bytes)) {
            Ok(keys) => {
                let count = keys.len();
                self.keys.store(Arc::new(Held { keys, fetched: Some(boot) }));
                Some(Tended::KeysLoaded(count))
            }
            Err(error) => Some(Tended::KeysKept(error.to_string())),
        }
    }

    /// Whether keys are known and not too old.
    pub(super) fn has_keys(&self, boot: Boot) -> bool {
        self.keys.load().is_usable(boot, self.settings.keep)
    }

    /// The person a token speaks for, at `now`.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub(super) fn verify(&self, token: &str, now: Timestamp, boot: Boot) -> Result<Person, Unauthenticated> {
        self.person(&self.claims(token, now, boot)?)
    }

    /// The claims of a token that is signed by the issuer, for this audience, and in its time.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub(super) fn claims(&self, token: &str, now: Timestamp, boot: Boot) -> Result<Value, Unauthenticated> {
        let held = self.keys.load();
        if !held.is_usable(boot, self.settings.keep) {
            return Err(refused("the issuer's keys are not known or too old"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refused("the token is not known"));
        };
        let (algorithm, kid) = self.header(header)?;
        let Some(key) = held.keys.find(kid.as_deref()) else {
            self.wanted.store(true, Ordering::Relaxed);
            return Err(refused("the token is signed with a key that the issuer does not publish"));
        };
        if !key.verifies(algorithm) {
            return Err(refused("the token's algorithm is not the key's"));
        }
        if key.is_out_of_time(now) {
            return Err(refused("the token is signed with a key that is not valid now"));
        }
        let signed = token.get(..header.len().saturating_add(1).saturating_add(payload.len())).unwrap_or_default();
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key.decoding, algorithm) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(refused("the token's signature does not hold")),
        }
        let claims = part(payload)?;
        self.is_ours(&claims)?;
        check_times(&claims, now, self.settings.leeway_s)?;
        Ok(claims)
    }

    fn header(&self, header: &str) -> Result<(Algorithm, Option<String>), Unauthenticated> {
        let header = part(header)?;
        if header.get("crit").is_some() {
            return Err(refused("the token's header demands extensions (`crit`)"));
        }
        let kinds = self.settings.kinds;
        let known = |kind: &Value| kind.as_str().is_some_and(|kind| kinds.iter().any(|k| k.eq_ignore_ascii_case(kind)));
        if !header.get("typ").is_none_or(known) {
            return Err(refused("the token's `typ` is of another kind of token"));
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(super::keys::algorithm);
        let Some(algorithm) = algorithm.filter(|algorithm| self.settings.algorithms.contains(algorithm)) else {
            return Err(refused("the token's algorithm is not taken"));
        };
        match header.get("kid") {
            None => Ok((algorithm, None)),
            Some(Value::String(kid)) => Ok((algorithm, Some(kid.clone()))),
            Some(_) => Err(refused("the token's `kid` is not a string")),
        }
    }

    fn is_ours(&self, claims: &Value) -> Result<(), Unauthenticated> {
        let settings = &self.settings;
        if claims.get("iss").and_then(Value::as_str) != Some(&settings.issuer) {
            return Err(refused("the token is of another issuer"));
        }
        let is_ours = |audience: &Value| audience.as_str() == Some(&settings.audience);
        let for_us = match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        };
        if for_us { Ok(()) } else { Err(refused("the token is for another audience")) }
    }

    /// The person that verified claims name.
    ///
    /// # Errors
    /// [`Unauthenticated`] when id or tenant are not canonical.
    pub(super) fn person(&self, claims: &Value) -> Result<Person, Unauthenticated> {
        let settings = &self.settings;
        let id = claim(claims, &settings.person_claim).and_then(Value::as_str).map(PersonId::parse);
        let Some(Ok(id)) = id else {
            return Err(refused("the token names no person by a canonical id"));
        };
        let tenant = match settings.tenant_claim.as_ref().and_then(|name| claim(claims, name)) {
            None => None,
            Some(tenant) => match tenant.as_str().map(TenantId::parse) {
                Some(Ok(tenant)) => Some(tenant),
                _ => return Err(refused("the token's tenant is not a canonical name")),
            },
        };
        let strength = claims.get("acr").and_then(Value::as_str).map(str::to_owned);
        let authentication = Authentication { method: "jwt", strength, address: None };
        Ok(Person { id, roles: self.roles(claims).into_iter().collect(), tenant, authentication })
    }

    fn roles(&self, claims: &Value) -> Vec<Role> {
        let names: Vec<&str> = match claim(claims, &self.settings.roles_claim) {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(names)) => names.split(' ').collect(),
            _ => Vec::new(),
        };
        let map = &self.settings.roles;
        let role = |name: &str| {
            if map.is_empty() { Role::parse(name) } else { map.get(name).copied() }
        };
        names.into_iter().filter_map(role).collect()
    }
}

/// `exp` must be there; it and `nbf` must be whole seconds: a text or a fraction is not a time.
fn check_times(claims: &Value, now: Timestamp, leeway_s: u64) -> Result<(), Unauthenticated> {
    let leeway = Duration::from_secs(leeway_s);
    let time = |name: &str| claims.get(name).map(|value| value.as_u64().and_then(|s| i64::try_from(s).ok()));
    let instant = |seconds: i64| Timestamp::from_ms(seconds.saturating_mul(1000));
    match time("exp") {
        Some(Some(expires)) if now < instant(expires).plus(leeway) => {}
        Some(Some(_)) => return Err(refused("the token has expired")),
        Some(None) => return Err(refused("the token's `exp` is not a whole number of seconds")),
        None => return Err(refused("the token has no `exp`")),
    }
    match time("nbf") {
        None => Ok(()),
        Some(Some(begins)) if now.plus(leeway) >= instant(begins) => Ok(()),
        Some(Some(_)) => Err(refused("the token is not valid yet")),
        Some(None) => Err(refused("the token's `nbf` is not a whole number of seconds")),
    }
}

fn claim<'c>(claims: &'c Value, name: &str) -> Option<&'c Value> {
    if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) }
}

/// A part of the token: base64url without padding, and a JSON object.
fn part(text: &str) -> Result<Value, Unauthenticated> {
    let read = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    read.filter(Value::is_object).ok_or(refused("the token is not known"))
}

#[cfg(test)]
pub(super) mod tests;
