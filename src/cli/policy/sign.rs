//! `lockbox policy sign`: a set that loads and whose tests pass becomes a signed bundle; nothing else does.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use super::prove::{self, MeansArgs};
use crate::clock::{Clock as _, SystemClock, SystemIds};
use crate::policy::bundle::{
    BundleError, Contents, Evidence, PrivateKey, TestsShown, put_whole, read_evidence, read_suites, sign,
};
use crate::policy::cases::{CaseReport, Cases, run_cases};
use crate::policy::{Layout, PolicySet, Sources};
use std::path::{Path, PathBuf};

/// Sign a policy set that loads and whose tests pass, as a bundle.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy sign --generate-key policies.key\n  lockbox policy sign . --key policies.key --name 2026.11.1 --out policies.tar.gz\n  lockbox policy sign . --key policies.key --prove\n\nA key of `openssl genpkey -algorithm ed25519` will do as well. Exit code 3 when policies or suites do not load, 4 when a\ntest fails an invariant is broken, or the evidence is of another revision."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/`, `schemas/` and `tests/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The private key (Ed25519, PKCS#8, PEM), readable for its owner only.
    #[arg(long, value_name = "FILE", required_unless_present = "generate_key")]
    key: Option<PathBuf>,
    /// Where to put the bundle.
    #[arg(long, value_name = "FILE", default_value = "policies.tar.gz")]
    out: PathBuf,
    /// What `lockbox policy prove --evidence DIR` has left, to go in.
    #[arg(long, value_name = "DIR", conflicts_with = "prove")]
    evidence: Option<PathBuf>,
    /// Prove the invariants now, and put the evidence in; nothing is signed when one is not proved.
    #[arg(long)]
    prove: bool,
    #[command(flatten)]
    means: MeansArgs,
    /// What to call the bundle, such as a version.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Make a new key in FILE and its public half in FILE.pub, and sign nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "out", "evidence", "prove", "name"])]
    generate_key: Option<PathBuf>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    let Args { dir, key, out, evidence, prove, means, name, generate_key } = args;
    if let Some(path) = generate_key {
        return generate(&path, output);
    }
    let key = key.ok_or_else(|| CliError::Usage("name the private key with `--key FILE`".to_owned()))?;
    let key = PrivateKey::read(&key).map_err(CliError::failed)?;
    let layout = Layout::find(&dir);
    let sources = Sources::read(&layout.policies, &layout.schema)?;
    let set = PolicySet::from_sources(&sources)?;
    let tried = match try_suites(&set, &layout.tests)? {
        Ok(tried) => tried,
        Err(report) => {
            output.note(&super::test::shown(&report, false, output));
            output.note("nothing was signed: policies whose tests fail are not");
            return Ok(Exit::ProofFailed);
        }
    };
    let (suites, tests) = tried;
    let evidence = match evidence {
        Some(dir) => read_evidence(&dir).map(Some),
        None if prove => {
            let (exit, evidence) = proved_now(&dir, &out, means, output)?;
            if exit != Exit::Fine {
                output.note("nothing was signed: an invariant is not proved");
                return Ok(exit);
            }
            evidence.map(Some)
        }
        None => Ok(None),
    };
    let evidence = match evidence {
        Err(error @ BundleError::Evidence(_)) => return Ok(not_shown(&error, output)),
        read => read.map_err(CliError::failed)?,
    };
    let proved = evidence.as_ref().map(|evidence| evidence.proof.holds.len());
    let contents = Contents {
        sources: &sources,
        suites,
        tests: Some(tests.clone()),
        evidence,
        name,
        created_at: SystemClock.wall(),
    };
    let bytes = match sign(contents, &key) {
        Err(error @ BundleError::Evidence(_)) => return Ok(not_shown(&error, output)),
        signed => signed.map_err(CliError::failed)?,
    };
    put(&out, &bytes, 0o644)?;
    let (digest, id) = (sources.digest(), key.public().id());
    let json = serde_json::json!({
        "bundle": out, "revision": digest, "key_id": id, "bytes": bytes.len(), "tests": tests, "invariants_proved": proved,
    });
    output.answer(&json, || {
        let proved = match proved {
            Some(proved) => format!("{proved} invariants proved"),
            None => "no proofs".to_owned(),
        };
        let signed = output.paint("signed", Tone::Good);
        format!(
            "{signed}: `{}`, {} bytes\nrevision {digest}\nby the key {id}; {} tests passed, {proved}",
            out.display(),
            bytes.len(),
            tests.passed
        )
    })?;
    Ok(Exit::Fine)
}

fn not_shown(error: &BundleError, output: &Output) -> Exit {
    output.note(&format!("nothing was signed: {error}"));
    Exit::ProofFailed
}

/// Proves into a folder beside the bundle, which is gone afterwards.
fn proved_now(
    dir: &Path,
    out: &Path,
    means: MeansArgs,
    output: &Output,
) -> Result<(Exit, Result<Evidence, BundleError>), CliError> {
    let beside = out.with_extension(format!("proof-{}", std::process::id()));
    let exit = prove::prove_into(dir, &beside, means, output);
    let evidence = read_evidence(&beside);
    // Nothing rests on what is left behind; the evidence is in memory.
    let _left_behind = std::fs::remove_dir_all(&beside);
    Ok((exit?, evidence))
}

type Suites = Vec<(String, Vec<u8>)>;

/// The suites and what they say; the report alone when they fail.
fn try_suites(set: &PolicySet, dir: &Path) -> Result<Result<(Suites, TestsShown), CaseReport>, CliError> {
    let read = || read_suites(dir).map_err(CliError::failed);
    let suites = read()?;
    let cases = Cases::read(set, dir)?;
    let report = run_cases(set, &cases, &|_| true);
    if !report.is_good() {
        return Ok(Err(report));
    }
    // What was tried is what is shipped, also when somebody edits meanwhile.
    if read()? != suites {
        return Err(CliError::failed("the suites change while they are tried: nothing was signed"));
    }
    let coverable = report.coverage.total();
    let tests = TestsShown {
        suites: report.suites.len(),
        passed: report.passed,
        failed: report.failed,
        covered: coverable.saturating_sub(report.coverage.missing().len()),
        coverable,
    };
    Ok(Ok((suites, tests)))
}

fn generate(path: &Path, output: &Output) -> Result<Exit, CliError> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    for path in [path, &public] {
        if path.exists() {
            let why = format!("`{}` is there already: a key is never overwritten", path.display());
            return Err(CliError::failed(why));
        }
    }
    let key = PrivateKey::generate(&SystemIds).map_err(CliError::failed)?;
    put(path, key.to_pem().map_err(CliError::failed)?.as_bytes(), 0o600)?;
    put(&public, key.public().to_pem().map_err(CliError::failed)?.as_bytes(), 0o644)?;
    let id = key.public().id();
    let json = serde_json::json!({ "private_key": path, "public_key": public, "key_id": id });
    output.answer(&json, || {
        format!(
            "the private key is in `{}`: keep it where bundles are signed, and nowhere else\nthe public key is in `{}`: \
             for `policies.trusted_keys`\nkey id {id}",
            path.display(),
            public.display()
        )
    })?;
    Ok(Exit::Fine)
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    put_whole(path, bytes, mode)
        .map_err(|error| CliError::Failed(format!("cannot write `{}`: {error}", path.display())))
}
