//! An explanation for a person: the answer, then every policy that could matter, those first that
//! decided, with the values that its conditions read.

use super::super::super::output::{self, Output, Tone};
use crate::policy::{Explanation, PolicyStanding, Standing};

/// How much is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Whether conditions that are met are shown of every policy.
    pub(super) all: bool,
    /// How many further policies there are, which cannot apply to such a question.
    pub(super) others: usize,
}

pub(super) fn shown(question: &str, explanation: &Explanation, extent: Extent, output: &Output) -> String {
    let Explanation { allowed, reason, message, nearest, deciding, policies_asked, policies } = explanation;
    let (word, tone) = if *allowed { ("allow", Tone::Good) } else { ("deny", Tone::Bad) };
    let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let said = |text: &String| (!text.is_empty()).then(|| text.clone());
    let mut parts = vec![format!(
        "{}{reason}\n{}",
        output.paint(word, tone),
        output::pairs(&[
            ("question", Some(question.to_owned())),
            ("because", said(message)),
            ("nearest", nearest.clone()),
            ("policies", said(&deciding.join(", "))),
        ])
    )];
    if !policies_asked {
        parts.push(
            "The guard answers this before any policy is asked: an allow needs a live Grant as well.\n\
             `--no-guard` asks the policies by themselves."
                .to_owned(),
        );
    }
    parts.extend(policies.iter().map(|policy| of_policy(policy, extent.all, output)));
    if *policies_asked && extent.others > 0 {
        parts.push(
            output.paint(&format!("{} other policies cannot apply to such a question", extent.others), Tone::Faint),
        );
    }
    parts.join("\n\n")
}

fn of_policy(policy: &PolicyStanding, all: bool, output: &Output) -> String {
    let effect = if policy.permits { "permit" } else { "forbid" };
    let stands = match (policy.decided, policy.applies, policy.nearest) {
        (true, _, _) => output.paint("decided", if policy.permits { Tone::Good } else { Tone::Bad }),
        (false, true, _) => output.paint("applies, and did not decide", Tone::Faint),
        (false, false, true) => output.paint("does not apply, and came nearest", Tone::Open),
        (false, false, false) => output.paint("does not apply", Tone::Faint),
    };
    let mut text = format!("{effect} {}: {stands}", policy.id);
    // What decided is shown whole, of the rest what failed.
    for condition in policy.conditions.iter().filter(|condition| all || policy.decided || !condition.met) {
        text.push_str(&of_condition(condition, output));
    }
    text
}

fn of_condition(condition: &Standing, output: &Output) -> String {
    let word = match (condition.met, &condition.fault) {
        (true, _) => output.paint("met   ", Tone::Good),
        (false, None) => output.paint("failed", Tone::Bad),
        (false, Some(_)) => output.paint("error ", Tone::Bad),
    };
    let mut text = format!("\n  {word}  {}", condition.condition);
    for read in &condition.reads {
        text.push_str(&format!("\n            {} = {}", read.path, read.value));
    }
    if let Some(fault) = &condition.fault {
        text.push_str(&format!("\n            {fault}"));
    }
    text
}
