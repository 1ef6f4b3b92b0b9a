//! WebAuthn, as much of it as a passkey takes that confirms something: checks what an authenticator says
//! when it is registered and when it signs. Who made it is not asked: no attestation is verified.
//!
//! Invariant: no I/O, no clock, nothing remembered. The key is read from what the authenticator itself
//! states, never from what a page says of it. Whatever is not understood is refused.

mod key;
#[cfg(test)]
pub(crate) mod software;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use key::{Algorithm, PublicKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// The longest of the parts that a browser sends, in bytes; the largest known stay below 2 KiB.
const PART_BYTES_MAX: usize = 8192;
/// The longest id of a credential, in bytes (WebAuthn level 2, §4).
const CREDENTIAL_ID_BYTES_MAX: usize = 1023;

/// Somebody touched the authenticator.
const PRESENT: u8 = 0x01;
/// It made sure who: by a PIN, a finger, a face.
const VERIFIED: u8 = 0x04;
/// A new credential is described.
const ATTESTED: u8 = 0x40;
/// Extensions follow.
const EXTENDED: u8 = 0x80;

/// Why a registration or an assertion does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A part is longer than any authenticator makes it.
    #[error("a part is too long")]
    TooLong,
    /// The client data cannot be read.
    #[error("the client data is not what a browser writes")]
    ClientData,
    /// Made for something else.
    #[error("the client data is of another type")]
    Type,
    /// Made for another question.
    #[error("the challenge is another one")]
    Challenge,
    /// Made for another site.
    #[error("the origin is another one")]
    Origin,
    /// The authenticator's data cannot be read.
    #[error("the authenticator's data cannot be read")]
    AuthenticatorData,
    /// Made for another site's name.
    #[error("the site's name is another one")]
    RpId,
    /// Nobody touched the authenticator.
    #[error("nobody was present")]
    NotPresent,
    /// The authenticator did not make sure who touched it.
    #[error("the authenticator did not verify the user")]
    NotVerified,
    /// No credential is described.
    #[error("no credential is described")]
    NoCredential,
    /// The key is of a kind that cannot be checked.
    #[error("the key is none of ES256, EdDSA and RS256 with 2048 bits")]
    Key,
    /// The signature is not that key's of these data.
    #[error("the signature is wrong")]
    Signature,
    /// The counter did not go on: there may be a copy of the authenticator.
    #[error("the signature counter went back")]
    Counter,
}

/// The site that a passkey is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// As browsers write it.
    pub origin: String,
    /// The host's name.
    pub rp_id: String,
}

impl Site {
    /// The site at this address; `None` where browsers have no passkeys: at a number, or without
    /// protection (but on `localhost`).
    pub fn of(url: &str) -> Option<Self> {
        let url = url.to_ascii_lowercase();
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let default_port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "0"));
        let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if !named || host.parse::<IpAddr>().is_ok() || port.parse::<u16>().is_err() {
            return None;
        }
        let local = host == "localhost" || host.ends_with(".localhost");
        (scheme == "https" || local).then(|| Self { origin: format!("{scheme}://{authority}"), rp_id: host.to_owned() })
    }
}

/// A credential that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub credential_id: Vec<u8>,
    /// Its key.
    pub key: PublicKey,
    /// How often it has signed; 0 if it does not count.
    pub counter: u32,
}

/// What an authenticator answers a question with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// What the browser asked it, as bytes of JSON.
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// Its signature of both.
    pub signature: Vec<u8>,
}

/// Checks a registration that was asked for with `challenge`.
///
/// # Errors
/// [`Refused`].
pub fn registered(
    site: &Site,
    challenge: &[u8],
    client_data: &[u8],
    authenticator_data: &[u8],
) -> Result<Registered, Refused> {
    asked(site, "webauthn.create", challenge, client_data)?;
    let stated = stated(site, authenticator_data)?;
    if stated.flags & ATTESTED == 0 {
        return Err(Refused::NoCredential);
    }
    // The model of the authenticator (16 bytes), the length of the id, the id, the key.
    let (_, rest) = stated.rest.split_first_chunk::<16>().ok_or(Refused::NoCredential)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(Refused::NoCredential)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest.split_at_checked(length).ok_or(Refused::NoCredential)?;
    if id.is_empty() || id.len() > CREDENTIAL_ID_BYTES_MAX {
        return Err(Refused::NoCredential);
    }
    let (key, rest) = PublicKey::of_cose(rest)?;
    if !rest.is_empty() && stated.flags & EXTENDED == 0 {
        return Err(Refused::AuthenticatorData);
    }
    Ok(Registered { credential_id: id.to_vec(), key, counter: stated.counter })
}

/// Checks an assertion that was asked for with `challenge`; gives the counter after it.
///
/// # Errors
/// [`Refused`].
pub fn asserted(site: &Site, challenge: &[u8], key: &PublicKey, assertion: &Assertion) -> Result<u32, Refused> {
    asked(site, "webauthn.get", challenge, &assertion.client_data)?;
    let counter = stated(site, &assertion.authenticator_data)?.counter;
    let mut signed = assertion.authenticator_data.clone();
    signed.extend_from_slice(&Sha256::digest(&assertion.client_data));
    key.verify(&signed, &assertion.signature)?;
    Ok(counter)
}

/// Whether a counter may follow another. An authenticator that does not count says 0 always.
///
/// # Errors
/// [`Refused::Counter`].
pub fn counted(before: u32, now: u32) -> Result<(), Refused> {
    if now > before || (before == 0 && now == 0) { Ok(()) } else { Err(Refused::Counter) }
}

/// What the browser says it asked. It may write more members than these.
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

fn asked(site: &Site, kind: &str, challenge: &[u8], client_data: &[u8]) -> Result<(), Refused> {
    if client_data.len() > PART_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    let said: ClientData = serde_json::from_slice(client_data).map_err(|_| Refused::ClientData)?;
    if said.r#type != kind {
        return Err(Refused::Type);
    }
    if said.challenge != URL_SAFE_NO_PAD.encode(challenge) {
        return Err(Refused::Challenge);
    }
    if said.origin != site.origin || said.cross_origin {
        return Err(Refused::Origin);
    }
    Ok(())
}

struct Stated<'a> {
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

fn stated<'a>(site: &Site, data: &'a [u8]) -> Result<Stated<'a>, Refused> {
    if data.len() > PART_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    let (rp_id_hash, rest) = data.split_first_chunk::<32>().ok_or(Refused::AuthenticatorData)?;
    let (flags, rest) = rest.split_first().ok_or(Refused::AuthenticatorData)?;
    let (counter, rest) = rest.split_first_chunk::<4>().ok_or(Refused::AuthenticatorData)?;
    if rp_id_hash.as_slice() != Sha256::digest(site.rp_id.as_bytes()).as_slice() {
        return Err(Refused::RpId);
    }
    if flags & PRESENT == 0 {
        return Err(Refused::NotPresent);
    }
    if flags & VERIFIED == 0 {
        return Err(Refused::NotVerified);
    }
    Ok(Stated { flags: *flags, counter: u32::from_be_bytes(*counter), rest })
}
