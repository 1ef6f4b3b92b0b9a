//! What an auditor needs to repeat a proof without this program: one SMT-LIB script for each promise
//! and environment, which a solver must answer with `unsat`, and the report beside them.

use super::super::symbolic::{Environment, Prover, script};
use super::super::{LoadError, PolicySet, Sources};
use super::ProofReport;
use super::invariant::{Direction, Invariant};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::Path;

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// The policy revision that was proved.
    pub policy_revision: String,
    /// What decided, in words.
    pub means: String,
    /// The scripts.
    pub scripts: Vec<Script>,
}

/// One script.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    /// The invariant.
    pub invariant: String,
    /// The kind of question.
    pub environment: String,
    /// The file; absent when the symbolic compiler settles it without a solver.
    pub file: Option<String>,
    /// The digest of the file, `sha256:…`.
    pub digest: Option<String>,
    /// What a solver must answer.
    pub expected: &'static str,
}

/// Writes the scripts of all invariants and the report into `dir`, which is made when it is missing.
///
/// # Errors
/// The system's; and as an error of kind `Other` what the symbolic compiler cannot say.
pub fn write_evidence(
    dir: &Path,
    set: &PolicySet,
    sources: &Sources,
    prover: &Prover,
    report: &ProofReport,
) -> io::Result<Evidence> {
    let unreadable = |error: LoadError| io::Error::other(error.to_string());
    let invariants = Invariant::all(sources, set).map_err(unreadable)?;
    std::fs::create_dir_all(dir)?;
    let mut evidence =
        Evidence { policy_revision: set.digest().to_owned(), means: prover.means().to_string(), scripts: Vec::new() };
    for invariant in &invariants {
        for at in &invariant.environments {
            evidence.scripts.push(one(dir, set, invariant, at)?);
        }
    }
    std::fs::write(dir.join("proof.json"), serde_json::to_string_pretty(report)?)?;
    std::fs::write(dir.join("evidence.json"), serde_json::to_string_pretty(&evidence)?)?;
    Ok(evidence)
}

fn one(dir: &Path, set: &PolicySet, invariant: &Invariant, at: &Environment) -> io::Result<Script> {
    let (lower, upper) = match invariant.direction {
        Direction::AtMost => (set.cedar(), &invariant.policies),
        Direction::AtLeast => (&invariant.policies, set.cedar()),
    };
    let text = script(set, at, lower, upper).map_err(io::Error::other)?;
    let mut written = Script {
        invariant: invariant.id.clone(),
        environment: at.to_string(),
        file: None,
        digest: None,
        expected: "unsat",
    };
    if let Some(text) = text {
        let name = format!("{}--{}.smt2", invariant.id, at.to_string().replace(' ', "-"));
        let head = format!(
            "; {}\n; for {at}, policies {}\n; `cvc5 {name}` must answer: unsat\n",
            invariant.sentence,
            set.digest()
        );
        let text = format!("{head}{text}");
        let digest: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(dir.join(&name), text)?;
        written.digest = Some(format!("sha256:{digest}"));
        written.file = Some(name);
    }
    Ok(written)
}
