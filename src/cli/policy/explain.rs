//! `lockbox policy explain`: one question put to a set of policies, and why it is answered so. Nothing
//! is asked of a server and nothing is recorded.

mod shown;

use super::super::Exit;
use super::super::authorize::fact;
use super::super::error::CliError;
use super::super::output::{Format, Output};
use crate::clock::{Clock as _, SystemClock};
use crate::policy::cases::{Cases, ContentName, QUESTION, QuestionCase};
use crate::policy::{Explanation, Layout, PolicySet, load};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest question, in bytes.
const QUESTION_BYTES_MAX: u64 = 1 << 20;

/// Say why one question is answered as it is: what decided, and every condition that failed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy explain --suite tests/policies/access.yaml --test 'a Grant for another workload'\n  lockbox policy explain --engineer ana@provider.example --tenant contoso --workload exchange \\\n    --action export --granted --context device_managed=false\n  lockbox policy explain policies --question question.json\n\nA question in JSON is the body of POST /v1/authorize with `facts` beside it: `now`, `engineer`, `tenant`,\n`grants`, each as in a suite. Without facts the engineer is in the directory, lockbox is on, and there is\nno Grant. Exit code 0 whatever the answer is, 3 when policies or the suite do not load."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/` and `schemas/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Ask what a test of this file asks.
    #[arg(long, value_name = "FILE", requires = "test", conflicts_with_all = ["question", "engineer", "tenant", "workload"])]
    suite: Option<PathBuf>,
    /// The test.
    #[arg(long, value_name = "NAME", requires = "suite")]
    test: Option<String>,
    /// Ask the question in this file; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["engineer", "tenant", "workload", "action"])]
    question: Option<PathBuf>,
    /// The engineer.
    #[arg(long, requires_all = ["tenant", "workload", "action"])]
    engineer: Option<String>,
    /// The tenant whose content it is.
    #[arg(long, requires = "engineer")]
    tenant: Option<String>,
    /// The workload that holds the content.
    #[arg(long, requires = "engineer")]
    workload: Option<String>,
    /// What is to be done, such as `read`; of a test, only this action.
    #[arg(long)]
    action: Option<String>,
    /// The content; without it the whole workload of the tenant.
    #[arg(long, value_name = "TYPE/ID", requires = "engineer")]
    content: Option<String>,
    /// The support case.
    #[arg(long, value_name = "SR", requires = "engineer")]
    service_request: Option<String>,
    /// A further fact that the caller states, such as `device_managed=true`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = fact, requires = "engineer")]
    context: Vec<(String, Value)>,
    /// As if a live Grant covered just this question.
    #[arg(long, conflicts_with = "suite")]
    granted: bool,
    /// Put the question to the policies by themselves, whatever the guard would say before them.
    #[arg(long, conflicts_with = "suite")]
    no_guard: bool,
    /// Show the conditions that are met, too.
    #[arg(long)]
    all: bool,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    let layout = Layout::find(&args.dir);
    let set = load(&layout.policies, &layout.schema)?;
    let explained = explained(&args, &set)?;
    let json: Vec<Value> = explained
        .iter()
        .map(|(question, explanation)| json!({ "question": question, "explanation": explanation }))
        .collect();
    let all = args.all;
    output.answer(&json!({ "revision": set.digest(), "questions": json }), || {
        let texts = explained.iter().map(|(question, explanation)| {
            let others = set.policies().count().saturating_sub(explanation.policies.len());
            shown::shown(question, explanation, shown::Extent { all, others }, output)
        });
        texts.collect::<Vec<_>>().join("\n\n")
    })?;
    Ok(Exit::Fine)
}

/// Each question that is meant, with its explanation. Never empty.
pub(super) fn explained(args: &Args, set: &PolicySet) -> Result<Vec<(String, Explanation)>, CliError> {
    if let (Some(suite), Some(test)) = (&args.suite, &args.test) {
        let cases = Cases::of_file(set, suite)?;
        let explained = cases.explain(set, test, args.action.as_deref());
        if explained.is_empty() {
            return Err(CliError::Usage(nothing_asked(&cases, suite, test, args.action.as_deref())));
        }
        return Ok(explained);
    }
    let question = question(args)?;
    let question = if args.granted { question.granted() } else { question };
    let wrong = |why: String| CliError::Usage(format!("the question cannot be asked: {why}"));
    let suite = question.suite(SystemClock.wall(), !args.no_guard).map_err(wrong)?;
    let cases = Cases::of(set, &[(QUESTION.to_owned(), suite)]).map_err(|error| {
        wrong(error.findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("; "))
    })?;
    Ok(cases.explain(set, QUESTION, None))
}

fn nothing_asked(cases: &Cases, suite: &Path, test: &str, action: Option<&str>) -> String {
    let file = suite.display();
    let names = cases.names();
    if let (true, Some(action)) =
        (names.iter().any(|name| name == test || name.ends_with(&format!(": {test}"))), action)
    {
        return format!("the test `{test}` in {file} does not ask for `{action}`");
    }
    let nearest = names.iter().map(|name| name.split_once(": ").map_or(name.as_str(), |(_, test)| test));
    let nearest = nearest.min_by_key(|name| strsim::damerau_levenshtein(name, test));
    let help = nearest.map(|name| format!("; is `{name}` meant?")).unwrap_or_default();
    format!("there is no test `{test}` in {file}{help}")
}

fn question(args: &Args) -> Result<QuestionCase, CliError> {
    if let Some(path) = &args.question {
        let text = text(path)?;
        return QuestionCase::parse(&text)
            .map_err(|why| CliError::Usage(format!("`{}` is no question: {why}", path.display())));
    }
    let (Some(engineer), Some(tenant), Some(workload), Some(action)) =
        (&args.engineer, &args.tenant, &args.workload, &args.action)
    else {
        return Err(CliError::Usage(
            "say which question: `--suite FILE --test NAME`, `--question FILE`, or `--engineer`, `--tenant`, \
             `--workload` and `--action`"
                .to_owned(),
        ));
    };
    let content = args.content.as_ref().map(|path| {
        let (kind, id) = path.split_once('/').ok_or_else(|| {
            CliError::Usage(format!("`{path}` is not `TYPE/ID`, such as `mailbox/adele@contoso.example`"))
        })?;
        Ok::<_, CliError>(ContentName { kind: kind.to_owned(), id: id.to_owned() })
    });
    Ok(QuestionCase {
        engineer: engineer.clone(),
        action: action.clone(),
        tenant: tenant.clone(),
        workload: workload.clone(),
        content: content.transpose()?,
        service_request: args.service_request.clone(),
        context: args.context.iter().cloned().collect(),
        ..QuestionCase::default()
    })
}

fn text(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(QUESTION_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(QUESTION_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| CliError::failed(format!("cannot read `{}`: {error}", path.display())))?;
    Ok(text)
}

#[cfg(test)]
mod tests;
