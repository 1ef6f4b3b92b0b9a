//! An approval that a passkey confirms: the statement that is signed, the evidence that is kept of it, and
//! what an auditor checks later. The page and the verifier use the same functions.
//!
//! Invariant: a statement has exactly one text, and only that text counts. Evidence proves that the holder
//! of its key agreed; whose key it is, the record says.

use super::webauthn::{Algorithm, Assertion, PublicKey, Refused, Site, asserted};
use crate::domain::{
    AccessRequest, ContentPath, ContentScope, PersonId, Scope, Terms, format_duration, parse_duration,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// What the signature is for, and for nothing else.
const PURPOSE: &str = "lockbox-approval-v1";

/// What an approver signs. Its text is its JSON with the members in this order and no space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    purpose: String,
    access_request: String,
    version: u64,
    tenant: String,
    workload: String,
    engineer: String,
    person: String,
    duration: String,
    actions: Vec<String>,
    /// `null` for the whole workload.
    content: Option<Vec<String>>,
    comment: Option<String>,
    nonce: String,
}

impl Statement {
    /// What `person` agrees to with these terms, having seen `version`; `None` if the terms leave
    /// duration or actions open.
    pub fn of(
        request: &AccessRequest,
        version: u64,
        person: &PersonId,
        terms: &Terms,
        comment: Option<&str>,
        nonce: &str,
    ) -> Option<Self> {
        let content = terms.content.as_ref().filter(|content| **content != ContentScope::Workload);
        Some(Self {
            purpose: PURPOSE.to_owned(),
            access_request: request.id.to_string(),
            version,
            tenant: request.asked.tenant.to_string(),
            workload: request.asked.workload.to_string(),
            engineer: request.engineer.to_string(),
            person: person.to_string(),
            duration: format_duration(terms.duration?),
            actions: terms.actions.as_ref()?.iter().map(ToString::to_string).collect(),
            content: content.map(|content| content.paths().map(ToString::to_string).collect()),
            comment: comment.map(str::to_owned),
            nonce: nonce.to_owned(),
        })
    }

    /// Its one text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the authenticator is asked: the SHA-256 of the text.
    pub fn challenge(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }
}

/// What is kept of a confirmed approval: all that checking it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The text that was signed.
    pub statement: String,
    /// The passkey's id, base64url.
    pub credential_id: String,
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: String,
    /// The passkey's public key: SPKI DER, base64url.
    pub public_key: String,
    /// What the authenticator stated, base64url.
    pub authenticator_data: String,
    /// What the browser asked, base64url of its JSON.
    pub client_data_json: String,
    /// The signature of both, base64url.
    pub signature: String,
    /// The page's origin.
    pub origin: String,
    /// The page's host.
    pub rp_id: String,
}

/// Why evidence proves nothing, or not this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is not in the form that the page writes.
    #[error("the evidence cannot be read: {0}")]
    Form(&'static str),
    /// The authenticator's part of it does not hold.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// What was signed is not what the record says.
    #[error("what was signed differs from the record in `{0}`")]
    Differs(&'static str),
    /// More was granted than was signed.
    #[error("more was granted than was signed: `{0}`")]
    More(&'static str),
}

/// What a record says of an approval, to be held against its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// The AccessRequest's id.
    pub access_request: &'a str,
    /// The version that the approval led to.
    pub version: u64,
    /// Whose content.
    pub tenant: &'a str,
    /// Where.
    pub workload: &'a str,
    /// Who asked.
    pub engineer: &'a str,
    /// Who approved.
    pub person: &'a str,
    /// What he said.
    pub comment: Option<&'a str>,
    /// For how long and what was granted; `None` where the quorum is not reached.
    pub granted: Option<(Duration, Scope)>,
}

impl Evidence {
    /// The evidence of this assertion.
    pub fn of(site: &Site, statement: &str, credential_id: &str, key: &PublicKey, assertion: &Assertion) -> Self {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Self {
            statement: statement.to_owned(),
            credential_id: credential_id.to_owned(),
            algorithm: key.algorithm.as_str().to_owned(),
            public_key: encoded(&key.spki),
            authenticator_data: encoded(&assertion.authenticator_data),
            client_data_json: encoded(&assertion.client_data),
            signature: encoded(&assertion.signature),
            origin: site.origin.clone(),
            rp_id: site.rp_id.clone(),
        }
    }

    /// The evidence in this text.
    ///
    /// # Errors
    /// [`Unproven::Form`].
    pub fn parse(text: &str) -> Result<Self, Unproven> {
        serde_json::from_str(text).map_err(|_| Unproven::Form("it is not the JSON that the page writes"))
    }

    /// Its text, as it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The SHA-256 of the public key in hexadecimal, by which people compare keys.
    pub fn fingerprint(&self) -> String {
        let key = URL_SAFE_NO_PAD.decode(&self.public_key).unwrap_or_default();
        super::tokens::hex(&Sha256::digest(key))
    }

    /// Checks everything: the signature, that the user was verified, that the hash of the statement was the
    /// challenge, and that the statement is what `recorded` says, with nothing granted beyond it.
    ///
    /// # Errors
    /// [`Unproven`].
    pub fn verify(&self, recorded: &Recorded<'_>) -> Result<(), Unproven> {
        let site = Site::of(&self.origin).filter(|site| site.origin == self.origin && site.rp_id == self.rp_id);
        let site = site.ok_or(Unproven::Form("origin and host do not belong together"))?;
        let algorithm = Algorithm::parse(&self.algorithm).ok_or(Unproven::Form("the algorithm is unknown"))?;
        let key = PublicKey { algorithm, spki: decoded(&self.public_key)? };
        let assertion = Assertion {
            client_data: decoded(&self.client_data_json)?,
            authenticator_data: decoded(&self.authenticator_data)?,
            signature: decoded(&self.signature)?,
        };
        decoded(&self.credential_id)?;
        asserted(&site, &Statement::challenge(&self.statement), &key, &assertion)?;
        let statement: Statement = serde_json::from_str(&self.statement)
            .map_err(|_| Unproven::Form("the statement is none of an approval"))?;
        if statement.text() != self.statement {
            return Err(Unproven::Form("the statement is not written in its one form"));
        }
        statement.is(recorded)
    }
}

impl Statement {
    fn is(&self, recorded: &Recorded<'_>) -> Result<(), Unproven> {
        let texts = [
            ("purpose", self.purpose.as_str(), PURPOSE),
            ("access_request", &self.access_request, recorded.access_request),
            ("tenant", &self.tenant, recorded.tenant),
            ("workload", &self.workload, recorded.workload),
            ("engineer", &self.engineer, recorded.engineer),
            ("person", &self.person, recorded.person),
        ];
        if let Some((name, ..)) = texts.into_iter().find(|(_, signed, said)| signed != said) {
            return Err(Unproven::Differs(name));
        }
        if self.comment.as_deref() != recorded.comment {
            return Err(Unproven::Differs("comment"));
        }
        if self.version.checked_add(1) != Some(recorded.version) {
            return Err(Unproven::Differs("version"));
        }
        match &recorded.granted {
            Some((duration, scope)) => self.allows(*duration, scope),
            None => Ok(()),
        }
    }

    fn allows(&self, duration: Duration, scope: &Scope) -> Result<(), Unproven> {
        let signed = parse_duration(&self.duration).map_err(|_| Unproven::Form("the duration is none"))?;
        if duration > signed {
            return Err(Unproven::More("duration"));
        }
        if scope.actions.iter().any(|action| !self.actions.iter().any(|signed| signed == action.as_str())) {
            return Err(Unproven::More("actions"));
        }
        let paths = self.content.as_ref().map(|paths| paths.iter().map(|path| ContentPath::parse(path)).collect());
        let content = match paths {
            None => ContentScope::Workload,
            Some(Ok(paths)) if !BTreeSet::is_empty(&paths) => ContentScope::from_paths(paths),
            Some(_) => return Err(Unproven::Form("the content is none")),
        };
        if content.contains(&scope.content) { Ok(()) } else { Err(Unproven::More("content")) }
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, Unproven> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unproven::Form("a part is not base64url"))
}
