//! `lockbox tenant apply`: makes the settings of tenants what a file says. Everything is read and compared
//! before anything is changed, and a change is made only of the version that was compared.

use super::super::Exit;
use super::super::client::{Client, ClientError};
use super::super::error::CliError;
use super::super::output::{Output, Tone};
use super::super::progress::Progress;
use super::diff::{Change, body, changes};
use super::file::{self, FILE_BYTES_MAX, Wanted};
use super::path;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

/// Make the settings of tenants what a file says; what it leaves out stays.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox tenant apply tenants.yaml --dry-run\n  lockbox tenant apply tenants.yaml\n\nSettings that somebody changed after they were compared are not touched; run it again. Run again, it changes\nnothing. Exit codes: 0 the settings are as the file says; 1 something could not be done; 4 with `--dry-run`, when\nsomething would change."
)]
pub(super) struct Args {
    /// The file in YAML (or JSON), as `lockbox tenant export` writes it; `-` is standard input.
    file: PathBuf,
    /// Change nothing; say what would be.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the switch is changed, an approver taken out or the quorum lowered.
    #[arg(long)]
    yes: bool,
    /// Operator: add tenants that are not there yet.
    #[arg(long)]
    create: bool,
}

/// What is to be done to one tenant.
struct Plan {
    wanted: Wanted,
    /// The version that was compared; `None` for a tenant that is not there.
    etag: Option<String>,
    there: bool,
    changes: Vec<Change>,
}

/// How it went.
enum Outcome {
    Unchanged,
    Would,
    /// As it is now.
    Done(Value),
    Refused(String),
}

/// Runs the verb.
pub(super) fn run(args: Args, client: &Client, output: &Output) -> Result<Exit, CliError> {
    let Args { file, dry_run, yes, create } = args;
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let wanted = file::read(&name, &text(&file, &name)?).map_err(CliError::Failed)?;
    let plans = planned(client, wanted, &name, create)?;
    if !output.is_json() {
        output.print(&plans.iter().map(|plan| plan.shown(output)).collect::<Vec<_>>().join("\n"))?;
    }
    let to_do = plans.iter().filter(|plan| plan.is_work()).count();
    let results: Vec<(Plan, Outcome)> = if dry_run {
        let would = |plan: Plan| if plan.is_work() { (plan, Outcome::Would) } else { (plan, Outcome::Unchanged) };
        plans.into_iter().map(would).collect()
    } else {
        let questions: Vec<String> = plans.iter().flat_map(Plan::questions).collect();
        let mut stdin = std::io::stdin().lock();
        let person = std::io::stdin().is_terminal().then_some(&mut stdin as &mut dyn BufRead);
        if !yes && !agreed(&questions, person, output)? {
            return Err(CliError::failed("nothing was changed"));
        }
        applied(client, plans)?
    };
    let refused = results.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Refused(_))).count();
    let tenants: Vec<Value> = results.iter().map(|(plan, outcome)| to_json(plan, outcome)).collect();
    let json = json!({ "dry_run": dry_run, "changes": to_do, "refused": refused, "tenants": tenants });
    output.answer(&json, || summary(&results, to_do, dry_run, output))?;
    Ok(match (refused, to_do) {
        (0, 1..) if dry_run => Exit::ProofFailed,
        (0, _) => Exit::Fine,
        _ => Exit::Failed,
    })
}

fn text(file: &Path, name: &str) -> Result<String, CliError> {
    let failed = |error: std::io::Error| CliError::failed(format!("cannot read {name}: {error}"));
    let mut text = String::new();
    let limit = FILE_BYTES_MAX.saturating_add(1);
    if name == "standard input" {
        std::io::stdin().lock().take(limit).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file).map_err(failed)?.take(limit).read_to_string(&mut text).map_err(failed)?;
    }
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(CliError::failed(format!("{name} is longer than {FILE_BYTES_MAX} bytes: split it")));
    }
    Ok(text)
}

/// Looks at every tenant of the file before any is touched.
fn planned(client: &Client, wanted: Vec<Wanted>, file: &str, create: bool) -> Result<Vec<Plan>, CliError> {
    let mut progress = Progress::through("compare", wanted.len(), "tenants");
    let (mut plans, mut missing) = (Vec::new(), Vec::new());
    for wanted in wanted {
        progress.tell(u64::try_from(plans.len()).unwrap_or(u64::MAX));
        let (tenant, etag) = match client.get(&path(wanted.id.as_str())) {
            Ok(answer) => (answer.body, answer.etag),
            Err(ClientError::Problem { status: 404, .. }) if create => (Value::Null, None),
            Err(ClientError::Problem { status: 404, .. }) => {
                missing.push(wanted);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let changes = changes(&tenant, &wanted);
        plans.push(Plan { wanted, etag, there: !tenant.is_null(), changes });
    }
    progress.end();
    if missing.is_empty() { Ok(plans) } else { Err(unknown(client, &missing, file)?) }
}

fn unknown(client: &Client, missing: &[Wanted], file: &str) -> Result<CliError, CliError> {
    let list = client.get("/v1/tenants?limit=1000")?.body;
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let known: Vec<&str> = items.iter().filter_map(|tenant| tenant.get("id").and_then(Value::as_str)).collect();
    let line = |wanted: &Wanted| {
        let id = wanted.id.as_str();
        let near = known.iter().map(|known| (strsim::damerau_levenshtein(id, known), *known)).min();
        let hint = match near.filter(|(distance, _)| *distance <= 2) {
            Some((_, near)) => format!("write `{near}`, if that is meant"),
            None => "`--create` adds it, if you are an operator".to_owned(),
        };
        format!("{file}:{}: there is no tenant `{id}` that you may see: {hint}", wanted.line)
    };
    Ok(CliError::Failed(missing.iter().take(20).map(line).collect::<Vec<_>>().join("\n")))
}

/// Whether the person who sits there agrees to what should not happen by mistake.
///
/// # Errors
/// [`CliError::Usage`] when there is something to agree to, and nobody to ask.
fn agreed(questions: &[String], person: Option<&mut dyn BufRead>, output: &Output) -> Result<bool, CliError> {
    if questions.is_empty() {
        return Ok(true);
    }
    let Some(person) = person else {
        let said = questions.join("; ");
        return Err(CliError::Usage(format!("{said}: nobody is there to ask, so nothing was changed: add `--yes`")));
    };
    for question in questions {
        output.note(&output.paint(question, Tone::Bad));
    }
    output.note("Go on? Say yes or no:");
    let mut answer = String::new();
    person.take(64).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Does it, tenant by tenant: what one is refused does not keep the next from being done.
fn applied(client: &Client, plans: Vec<Plan>) -> Result<Vec<(Plan, Outcome)>, CliError> {
    let mut progress = Progress::through("apply", plans.len(), "tenants");
    let mut results = Vec::new();
    for plan in plans {
        progress.tell(u64::try_from(results.len()).unwrap_or(u64::MAX));
        let outcome = if plan.is_work() { plan.apply(client)? } else { Outcome::Unchanged };
        results.push((plan, outcome));
    }
    progress.end();
    Ok(results)
}

impl Plan {
    fn is_work(&self) -> bool {
        !self.there || !self.changes.is_empty()
    }

    /// What a person should confirm; of a tenant that is not there yet nothing, as it has nothing to lose.
    fn questions(&self) -> Vec<String> {
        let asked = self.changes.iter().filter(|_| self.there).filter_map(Change::question);
        asked.map(|question| format!("`{}`: {question}", self.wanted.id)).collect()
    }

    fn shown(&self, output: &Output) -> String {
        let mut lines = vec![match (self.there, self.changes.is_empty()) {
            (false, _) => format!("{} (not there yet)", self.wanted.id),
            (true, true) => format!("{}: as the file says", self.wanted.id),
            (true, false) => self.wanted.id.to_string(),
        }];
        lines.extend(self.changes.iter().flat_map(|change| change.lines(output)));
        lines.join("\n")
    }

    fn apply(&self, client: &Client) -> Result<Outcome, CliError> {
        let place = path(self.wanted.id.as_str());
        let body = body(&self.changes);
        let answer = match &self.etag {
            Some(etag) => client.call("PATCH", &place, Some(&body), &[("if-match", etag)]),
            None if self.there => return Ok(Outcome::Refused("the authority gave it no version".to_owned())),
            None => client.call("PUT", &place, Some(&body), &[]),
        };
        match answer {
            // The answer is believed only if it is what was wanted: somebody may have added the same tenant.
            Ok(answer) => match changes(&answer.body, &self.wanted).first() {
                None => Ok(Outcome::Done(answer.body)),
                Some(change) => {
                    Ok(Outcome::Refused(format!("the authority did not take over `{}`", change.field.path)))
                }
            },
            Err(ClientError::Problem { status: 412, .. }) => {
                Ok(Outcome::Refused("somebody changed it meanwhile, so it was left alone: run this again".to_owned()))
            }
            Err(error @ ClientError::Problem { .. }) => Ok(Outcome::Refused(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

fn to_json(plan: &Plan, outcome: &Outcome) -> Value {
    let (word, more) = match outcome {
        Outcome::Unchanged => ("unchanged", json!({})),
        Outcome::Would if plan.there => ("would_change", json!({})),
        Outcome::Would => ("would_add", json!({})),
        Outcome::Done(now) => (
            if plan.there { "changed" } else { "added" },
            json!({ "version": now.get("version"), "effective": now.get("effective"), "alarms": now.get("alarms") }),
        ),
        Outcome::Refused(why) => ("refused", json!({ "error": why })),
    };
    let mut json = json!({
        "tenant": plan.wanted.id.as_str(), "outcome": word,
        "changes": plan.changes.iter().map(Change::to_json).collect::<Vec<_>>()
    });
    if let (Some(members), Value::Object(more)) = (json.as_object_mut(), more) {
        members.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    json
}

/// What is said at the end, below the plan.
fn summary(results: &[(Plan, Outcome)], to_do: usize, dry_run: bool, output: &Output) -> String {
    let mut lines = vec![String::new()];
    for (plan, outcome) in results {
        let id = &plan.wanted.id;
        match outcome {
            Outcome::Unchanged | Outcome::Would => {}
            Outcome::Done(now) => {
                let version = now.get("version").map(Value::to_string).unwrap_or_default();
                let everywhere = match now.get("effective").and_then(Value::as_bool) {
                    Some(true) => ", in force everywhere",
                    Some(false) => ", not yet in force everywhere",
                    None => "",
                };
                lines.push(format!("{id}: {}, version {version}{everywhere}", output.paint("done", Tone::Good)));
                let alarms = now.get("alarms").and_then(Value::as_array).into_iter().flatten();
                lines.extend(
                    alarms.filter_map(Value::as_str).map(|alarm| format!("  {}", output.paint(alarm, Tone::Bad))),
                );
            }
            Outcome::Refused(why) => lines.push(format!("{id}: {}: {why}", output.paint("refused", Tone::Bad))),
        }
    }
    let all = results.len();
    let done = results.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).count();
    lines.push(match (to_do, dry_run) {
        (0, _) => "nothing to change".to_owned(),
        (_, true) => format!("{to_do} of {all} tenants would change"),
        (_, false) => format!("{done} of {all} tenants changed"),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::super::output::{ColorWhen, Format};
    use super::*;

    fn answered(questions: &[&str], answer: Option<&str>) -> Result<bool, CliError> {
        let questions: Vec<String> = questions.iter().map(|question| (*question).to_owned()).collect();
        let mut bytes = answer.map(str::as_bytes);
        let person = bytes.as_mut().map(|bytes| bytes as &mut dyn BufRead);
        agreed(&questions, person, &Output::new(Format::Text, ColorWhen::Never))
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, meant) in
            [("yes\n", true), (" Y \n", true), ("no\n", false), ("\n", false), ("", false), ("yess", false)]
        {
            assert_eq!(answered(&["lockbox goes off"], Some(answer)).unwrap(), meant, "{answer:?}");
        }
        assert!(answered(&[], Some("no\n")).unwrap(), "there was nothing to ask");
        assert!(answered(&[], None).unwrap());
        let error = answered(&["`contoso`: lockbox goes off"], None).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("`contoso`: lockbox goes off") && error.to_string().contains("--yes"));
    }
}
