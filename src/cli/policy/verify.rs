//! `lockbox policy verify`: who signed a bundle, what is in it, what was tried; and whether that is enough.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone, instant, pairs};
use crate::clock::{Clock as _, SystemClock};
use crate::policy::bundle::{Bundle, Manifest, ProofShown, PublicKey, Require, TestsShown};
use crate::policy::{LoadError, PolicySet, Sources};
use std::path::PathBuf;

/// Say who signed a bundle, when, and what it shows; fails unless a trusted key did.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy verify policies.tar.gz --trust policies.key.pub --require-tests\n\nExit code 1 when the bundle is damaged, not signed by a trusted key, or does not show what is required; 3 when its\npolicies do not load in this version."
)]
pub(super) struct Args {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// A public key (PEM) that may have signed it; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    trust: Vec<PathBuf>,
    /// It must show that its tests passed.
    #[arg(long)]
    require_tests: bool,
    /// It must show that each of its invariants is proved.
    #[arg(long)]
    require_proof: bool,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    let Args { bundle: path, trust, require_tests, require_proof } = args;
    let keys: Result<Vec<PublicKey>, _> = trust.iter().map(|path| PublicKey::read(path)).collect();
    let keys = keys.map_err(CliError::failed)?;
    let refused = |error: LoadError| CliError::failed(error);
    let bundle = Bundle::read(&path, Some(&keys)).map_err(refused)?;
    let sources = Sources::from_bundle(&bundle).map_err(refused)?;
    bundle.shows(Require { tests: require_tests, proof: require_proof }).map_err(CliError::failed)?;
    let policies = PolicySet::from_sources(&sources)?.policies().count();
    let manifest = bundle.manifest();
    let key = bundle.signed_by().unwrap_or_default();
    let json = serde_json::json!({
        "bundle": path, "signed_by": key, "created_at": manifest.created_at.to_string(), "name": manifest.name,
        "revision": manifest.revision, "policies": policies, "files": manifest.files, "evidence": manifest.evidence,
    });
    output.answer(&json, || shown(manifest, key, policies, output))?;
    Ok(Exit::Fine)
}

fn shown(manifest: &Manifest, key: &str, policies: usize, output: &Output) -> String {
    let Manifest { revision, created_at, name, evidence, files, .. } = manifest;
    let tests = match &evidence.tests {
        Some(TestsShown { suites, passed, failed, covered, coverable }) => format!(
            "{passed} passed, {failed} failed in {suites} suites; {covered} of {coverable} policies and conditions covered"
        ),
        None => "none shown".to_owned(),
    };
    let proof = match &evidence.proof {
        Some(ProofShown { solver, holds, open, .. }) if open.is_empty() => {
            format!("{} invariants proved by {solver}: {}", holds.len(), holds.join(", "))
        }
        Some(ProofShown { solver, holds, open, .. }) => {
            format!("{} invariants proved by {solver}, {} not: {}", holds.len(), open.len(), open.join(", "))
        }
        None => "none shown".to_owned(),
    };
    let lines = pairs(&[
        ("name", name.clone()),
        ("signed by", Some(key.to_owned())),
        ("signed at", Some(instant(&created_at.to_string(), SystemClock.wall()))),
        ("revision", Some(revision.clone())),
        ("holds", Some(format!("{policies} policies, {} files", files.len()))),
        ("tests", Some(tests)),
        ("proof", Some(proof)),
    ]);
    format!("{lines}\n{}", output.paint("the bundle is as its signer made it, and the signer is trusted", Tone::Good))
}
