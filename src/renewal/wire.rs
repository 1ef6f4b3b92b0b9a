//! A renewal on the wire: a JSON document there, lines of JSON back. Members that a reader does not know are left
//! alone, so that either side may be one version ahead.
//!
//! ```text
//! {"protocol":1,"nonce":7,"epoch":1,"received_at_ms":…,"kind":"snapshot"}
//! {"key":"tenant/contoso","payload":"{…}"}
//! {"key":"access/LBX-1001"}
//! {"end":{"revision":12,"state_hash":"…","answered_at_ms":…,"items":2}}
//! ```
//!
//! Invariant: an answer without its last line, or with another count of items than that says, is no answer.

use super::protocol::{End, RenewError, RenewRequest, WireItem};
use super::view::View;
use crate::domain::{AccessRequestId, TenantId, Timestamp, WorkloadName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The version of the protocol. A peer of another one is told so.
pub const PROTOCOL: u32 = 1;
/// The media type of an answer.
pub const MEDIA_TYPE: &str = "application/x-ndjson";
/// The longest line of an answer, in bytes; an item is some hundred.
const LINE_BYTES_MAX: usize = 4 << 20;
/// The longest digest of policies that is kept, in bytes.
const DIGEST_BYTES_MAX: usize = 128;

/// A [`RenewRequest`] as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    protocol: u32,
    /// The name the sidecar has for itself; who it is, its proof says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sidecar: Option<String>,
    incarnation: String,
    nonce: u64,
    holds: Option<Holds>,
    #[serde(default)]
    workloads: BTreeSet<String>,
    #[serde(default)]
    tenants: BTreeSet<String>,
    lease_ms: u64,
    drift_ppm_max: u32,
    #[serde(default)]
    policy_digest: String,
    #[serde(default)]
    log_sequence: Option<u64>,
    #[serde(default)]
    first_uses: Vec<(String, i64)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Holds {
    epoch: u64,
    revision: u64,
}

/// The first line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the protocol it is said in.
    pub protocol: u32,
    /// The nonce of the renewal.
    pub nonce: u64,
    /// The epoch of the record.
    pub epoch: u64,
    /// The authority's time when it had the renewal, in milliseconds since the epoch.
    pub received_at_ms: i64,
    /// What follows.
    pub kind: Kind,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What changed.
    Changes,
    /// Everything.
    Snapshot,
}

#[derive(Serialize, Deserialize)]
struct ItemLine<'l> {
    key: std::borrow::Cow<'l, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<std::borrow::Cow<'l, str>>,
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    end: Ended,
}

#[derive(Serialize, Deserialize)]
struct Ended {
    revision: u64,
    state_hash: String,
    answered_at_ms: i64,
    items: u64,
}

/// One line of an answer after the first.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// An item.
    Item(WireItem),
    /// The end, and how many items there should have been.
    End(End, u64),
}

/// A renewal that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

fn unreadable(error: impl ToString) -> Unreadable {
    Unreadable(error.to_string())
}

/// A renewal as JSON. `named` is the sidecar's own name for itself, if it has one.
///
/// # Errors
/// [`Unreadable`], which nothing a sidecar says is.
pub fn asked(request: &RenewRequest, named: Option<&str>) -> Result<Vec<u8>, Unreadable> {
    let asked = Asked {
        protocol: PROTOCOL,
        sidecar: named.map(ToOwned::to_owned),
        incarnation: request.incarnation.clone(),
        nonce: request.nonce,
        holds: request.holds.map(|(epoch, revision)| Holds { epoch, revision }),
        workloads: request.view.workloads.iter().map(ToString::to_string).collect(),
        tenants: request.view.tenants.iter().map(ToString::to_string).collect(),
        lease_ms: request.lease.0,
        drift_ppm_max: request.lease.1,
        policy_digest: request.policy_digest.clone(),
        log_sequence: request.log_sequence,
        first_uses: request.first_uses.iter().map(|(id, at)| (id.to_string(), at.as_ms())).collect(),
    };
    serde_json::to_vec(&asked).map_err(unreadable)
}

/// The renewal that a sidecar, whose name is proved, has sent.
///
/// # Errors
/// [`Unreadable`] with what is wrong.
pub fn read_asked(body: &[u8], sidecar: &str) -> Result<RenewRequest, Unreadable> {
    let asked: Asked = serde_json::from_slice(body).map_err(unreadable)?;
    if asked.protocol != PROTOCOL {
        return Err(Unreadable(format!(
            "it is said in version {} of the protocol, this authority knows {PROTOCOL}: upgrade the older of the two",
            asked.protocol
        )));
    }
    if let Some(named) = asked.sidecar.filter(|named| named != sidecar) {
        return Err(Unreadable(format!(
            "it is from a sidecar that calls itself `{named}`, with the proof of `{sidecar}`: give each its own"
        )));
    }
    if asked.incarnation.is_empty() || asked.incarnation.len() > 64 {
        return Err(Unreadable("`incarnation` must have 1 to 64 characters".to_owned()));
    }
    if asked.policy_digest.len() > DIGEST_BYTES_MAX {
        return Err(Unreadable(format!("`policy_digest` must have at most {DIGEST_BYTES_MAX} characters")));
    }
    let workloads = asked.workloads.iter().map(|name| WorkloadName::parse(name));
    let tenants = asked.tenants.iter().map(|name| TenantId::parse(name));
    let first_uses =
        asked.first_uses.iter().map(|(id, at_ms)| Ok((AccessRequestId::parse(id)?, Timestamp::from_ms(*at_ms))));
    let first_uses: Result<Vec<_>, crate::domain::NameError> = first_uses.collect();
    Ok(RenewRequest {
        sidecar: sidecar.to_owned(),
        incarnation: asked.incarnation,
        nonce: asked.nonce,
        holds: asked.holds.map(|holds| (holds.epoch, holds.revision)),
        view: View {
            workloads: workloads.collect::<Result<_, _>>().map_err(unreadable)?,
            tenants: tenants.collect::<Result<_, _>>().map_err(unreadable)?,
        },
        lease: (asked.lease_ms, asked.drift_ppm_max),
        policy_digest: asked.policy_digest,
        log_sequence: asked.log_sequence,
        first_uses: first_uses.map_err(unreadable)?,
    })
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    serde_json::to_writer(&mut *out, value).map_err(unreadable)?;
    out.push(b'\n');
    Ok(())
}

/// Writes the first line of an answer.
///
/// # Errors
/// None that can be.
pub fn write_head(head: &Head, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    line(head, out)
}

/// Writes the lines of items.
///
/// # Errors
/// [`Unreadable`] for content that is no text, which no item has.
pub fn write_items(items: &[WireItem], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    for item in items {
        let payload = item.payload.as_deref().map(str::from_utf8).transpose().map_err(unreadable)?;
        line(&ItemLine { key: (&*item.key).into(), payload: payload.map(Into::into) }, out)?;
    }
    Ok(())
}

/// Writes the last line.
///
/// # Errors
/// None that can be.
pub fn write_end(end: End, items: u64, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    let state_hash = format!("{:032x}", end.state_hash);
    let ended = Ended { revision: end.revision, state_hash, answered_at_ms: end.answered_at.as_ms(), items };
    line(&EndLine { end: ended }, out)
}

/// Reads the first line.
///
/// # Errors
/// [`RenewError::Garbled`].
pub fn read_head(line: &[u8]) -> Result<Head, RenewError> {
    let head: Head = serde_json::from_slice(line).map_err(garbled)?;
    if head.protocol == PROTOCOL {
        return Ok(head);
    }
    Err(RenewError::Garbled(format!("it is said in version {} of the protocol, not {PROTOCOL}", head.protocol)))
}

/// Reads any other line.
///
/// # Errors
/// [`RenewError::Garbled`].
pub fn read_line(line: &[u8]) -> Result<Line, RenewError> {
    if line.starts_with(br#"{"end":"#) {
        let EndLine { end } = serde_json::from_slice(line).map_err(garbled)?;
        let state_hash = u128::from_str_radix(&end.state_hash, 16).map_err(garbled)?;
        let answered_at = Timestamp::from_ms(end.answered_at_ms);
        return Ok(Line::End(End { revision: end.revision, state_hash, answered_at }, end.items));
    }
    let ItemLine { key, payload } = serde_json::from_slice(line).map_err(garbled)?;
    let payload = payload.map(|payload| Arc::from(payload.as_bytes()));
    Ok(Line::Item(WireItem { key: Arc::from(&*key), payload }))
}

pub(super) fn garbled(why: impl ToString) -> RenewError {
    RenewError::Garbled(why.to_string())
}

/// Takes bytes as they come and gives whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    pending: Vec<u8>,
    /// How much of `pending` has been given.
    given: usize,
    /// The same before the last line.
    before: usize,
}

impl Lines {
    /// Takes what has come.
    ///
    /// # Errors
    /// [`RenewError::Garbled`] for a line that does not end.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), RenewError> {
        self.pending.drain(..self.given);
        (self.given, self.before) = (0, 0);
        if self.pending.len() > LINE_BYTES_MAX {
            return Err(RenewError::Garbled(format!("a line is longer than {LINE_BYTES_MAX} bytes")));
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole line, without its end.
    pub fn whole(&mut self) -> Option<&[u8]> {
        let rest = self.pending.get(self.given..)?;
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let from = self.given;
        self.before = from;
        self.given = from.saturating_add(length).saturating_add(1);
        self.pending.get(from..from.saturating_add(length))
    }

    /// Gives the last line once more.
    pub fn put_back(&mut self) {
        self.given = self.before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RenewRequest {
        RenewRequest {
            sidecar: "beside-exchange".to_owned(),
            incarnation: "1".to_owned(),
            nonce: 7,
            holds: Some((2, 40)),
            view: View {
                workloads: [WorkloadName::parse("exchange").unwrap()].into(),
                tenants: [TenantId::parse("contoso").unwrap()].into(),
            },
            lease: (3000, 100_000),
            policy_digest: "sha256:0".to_owned(),
            log_sequence: Some(3),
            first_uses: vec![(AccessRequestId::new(1001), Timestamp::from_ms(5))],
        }
    }

    #[test]
    fn a_renewal_reads_as_it_was_written_and_only_with_its_own_proof() {
        let said = asked(&request(), Some("beside-exchange")).unwrap();
        assert_eq!(read_asked(&said, "beside-exchange").unwrap(), request());
        let foreign = read_asked(&said, "beside-sharepoint").unwrap_err().to_string();
        assert!(foreign.contains("`beside-exchange`") && foreign.contains("`beside-sharepoint`"), "{foreign}");
    }

    #[test]
    fn either_side_may_be_a_version_ahead() {
        let mut newer: serde_json::Value = serde_json::from_slice(&asked(&request(), None).unwrap()).unwrap();
        newer["checkpoint"] = "of a later version".into();
        assert_eq!(read_asked(&serde_json::to_vec(&newer).unwrap(), "beside-exchange").unwrap(), request());
        let older = br#"{"protocol":1,"incarnation":"1","nonce":1,"holds":null,"lease_ms":3000,"drift_ppm_max":1}"#;
        assert!(read_asked(older, "x").unwrap().view.is_whole());
        newer["protocol"] = 2.into();
        let other = read_asked(&serde_json::to_vec(&newer).unwrap(), "beside-exchange").unwrap_err().to_string();
        assert!(other.contains("upgrade the older"), "{other}");
        let head = br#"{"protocol":1,"nonce":7,"epoch":1,"received_at_ms":9,"kind":"changes","later":true}"#;
        assert_eq!(read_head(head).unwrap().kind, Kind::Changes);
        assert!(read_head(br#"{"protocol":9,"nonce":7,"epoch":1,"received_at_ms":9,"kind":"changes"}"#).is_err());
    }

    #[test]
    fn an_answer_reads_as_it_was_written_wherever_it_is_cut() {
        let items = [
            WireItem { key: "tenant/contoso".into(), payload: Some(Arc::from(&br#"{"a":"b\u00e9\n"}"#[..])) },
            WireItem { key: "access/LBX-1001".into(), payload: None },
        ];
        let end = End { revision: 9, state_hash: 0x0123 << 100, answered_at: Timestamp::from_ms(77) };
        let mut said = Vec::new();
        write_items(&items, &mut said).unwrap();
        write_end(end, 2, &mut said).unwrap();
        for cut in 0..said.len() {
            let (mut lines, mut read) = (Lines::default(), Vec::new());
            for part in [&said[..cut], &said[cut..]] {
                lines.take(part).unwrap();
                while let Some(line) = lines.whole() {
                    read.push(read_line(line).unwrap());
                }
            }
            let told: Vec<Line> = items.iter().cloned().map(Line::Item).chain([Line::End(end, 2)]).collect();
            assert_eq!(read, told, "cut after {cut} bytes");
        }
        for wrong in [&b"[]"[..], b"{\"end\":{}}", b"{\"payload\":\"x\"}", b"\xff"] {
            assert!(read_line(wrong).is_err(), "{wrong:?}");
        }
    }
}
