//! A record skimmed: its head read, question and facts left as the bytes they are. For going through
//! millions of records, most of which say again what another has said.

use super::record::{FactsRead, QuestionPart, RECORD_VERSION, RecordError, Recorded};
use crate::domain::{Evaluation, Timestamp};
use crate::policy::Now;
use crate::state::Known;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A recorded Decision without question and facts, which are there as bytes.
#[derive(Debug, Deserialize)]
pub struct Skimmed<'a> {
    v: u64,
    /// The decision id.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// When it was made, RFC 3339 in UTC.
    #[serde(borrow)]
    pub at: Cow<'a, str>,
    #[serde(borrow)]
    decision: Cow<'a, str>,
    /// The reason.
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    now_ms: Option<(i64, i64)>,
    #[serde(borrow)]
    question: Option<&'a RawValue>,
    #[serde(borrow)]
    policies: Option<&'a RawValue>,
    #[serde(borrow)]
    facts: Option<&'a RawValue>,
}

impl<'a> Skimmed<'a> {
    /// Reads the head of a record.
    ///
    /// # Errors
    /// [`RecordError`], as [`Recorded::parse`] has it; a record of another version is told as such.
    pub fn parse(payload: &'a [u8]) -> Result<Self, RecordError> {
        match serde_json::from_slice::<Self>(payload) {
            Ok(skimmed) if skimmed.v == u64::from(RECORD_VERSION) => Ok(skimmed),
            Ok(skimmed) => Err(RecordError::Version(skimmed.v)),
            // Another version may have other fields: the slow way knows to ask for the version first.
            Err(error) => Err(Recorded::parse(payload).err().unwrap_or(RecordError::Form(error))),
        }
    }

    /// The bounds of the authority's time it was judged at; `None` where there was no lease.
    pub fn now(&self) -> Option<Now> {
        let (earliest, latest) = self.now_ms?;
        Some(Now { earliest: Timestamp::from_ms(earliest), latest: Timestamp::from_ms(latest) })
    }

    /// Whether it allowed.
    pub fn allowed(&self) -> bool {
        self.decision == "allow"
    }

    /// The bytes of the question; `None` for one that could not be asked.
    pub fn question_bytes(&self) -> Option<&'a [u8]> {
        self.question.map(|raw| raw.get().as_bytes())
    }

    /// The bytes of what was known; `None` where nothing was looked up.
    pub fn facts_bytes(&self) -> Option<&'a [u8]> {
        self.facts.map(|raw| raw.get().as_bytes())
    }

    /// The question, read from its bytes.
    ///
    /// # Errors
    /// [`RecordError`] when it is none.
    pub fn question(&self) -> Result<Option<Evaluation>, RecordError> {
        let Some(raw) = self.question else { return Ok(None) };
        let part: QuestionPart = serde_json::from_str(raw.get())?;
        Ok(Some(part.into_question()?))
    }

    /// What was known for the question, read from its bytes.
    ///
    /// # Errors
    /// [`RecordError`] when a fact cannot be read.
    pub fn known(&self, question: &Evaluation) -> Result<Option<Known>, RecordError> {
        let Some(raw) = self.facts else { return Ok(None) };
        let part: FactsRead<'_> = serde_json::from_str(raw.get())?;
        Ok(Some(part.into_known(question)?))
    }

    /// The policies that decided.
    ///
    /// # Errors
    /// [`RecordError`] when they are not a list of names.
    pub fn policies(&self) -> Result<Vec<String>, RecordError> {
        Ok(self.policies.map(|raw| serde_json::from_str(raw.get())).transpose()?.unwrap_or_default())
    }
}
