//! The golden tables: what every command does in every state. A change of them is reviewed as a diff.

use super::super::super::Person;
use super::super::{AccessRequest, Command, Refusal, Tenant, Transition};
use super::people::{HOUR, commands, everybody, named, start, states, step};
use core::fmt::Write as _;
use core::time::Duration;

/// Compares with the text in `tests/golden/`.
fn golden(name: &str, table: &str) {
    insta::with_settings!(
        { snapshot_path => "../../../../tests/golden", prepend_module_to_snapshot => false, omit_expression => true },
        { insta::assert_snapshot!(name, table) }
    );
}

fn at_once(of: &AccessRequest, command: &Command, by: &Person, tenant: &Tenant) -> Result<Transition, Refusal> {
    step(of, command.clone(), by, tenant, start().plus(Duration::from_secs(120)))
}

/// Lines of cells, each column as wide as its widest cell.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let padded: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(text, "{}", padded.join("  ").trim_end()).unwrap();
    }
    text
}

fn told(transition: &Transition) -> String {
    let after = &transition.after;
    let mut text =
        format!("-> {}, version {}, event {}", after.state_name(), after.version, transition.event.kind.as_str());
    if let Some(grant) = after.grant() {
        let end = grant.ended.as_ref().map_or("live", |ended| ended.how.as_str());
        write!(text, ", {} Grant {end}", grant.approval.as_str()).unwrap();
    }
    text
}

#[test]
fn every_state_and_command_by_the_right_person() {
    let mut lines = vec![["state", "command", "by", "outcome"].map(str::to_owned).to_vec()];
    for (state, of, tenant) in states() {
        for (name, command, by) in commands() {
            // Csilla has consented where somebody has: another approver is the right one then.
            let by = if state.contains("csilla of 2") && name == "approve" { "second approver" } else { by };
            let outcome = match at_once(&of, &command, &named(by), &tenant) {
                Ok(transition) => told(&transition),
                Err(refusal) => format!("refused: {refusal}"),
            };
            lines.push(vec![state.to_owned(), name.to_owned(), by.to_owned(), outcome]);
        }
        let lapsed = of.lapse(start().plus(100 * HOUR));
        let outcome = lapsed.as_ref().map_or_else(|| "nothing lapses".to_owned(), told);
        lines.push(vec![state.to_owned(), "lapse".to_owned(), "the clock".to_owned(), outcome]);
    }
    golden("lifecycle-by-the-right-person", &aligned(&lines));
}

#[test]
fn every_state_and_command_by_everybody() {
    let people = everybody();
    let mut text = String::from(
        "The state a command leads to; `no`: he may not; `again`: he has approved already; `-`: the state has no such step.\n\n",
    );
    for (number, (who, person)) in (1..).zip(&people) {
        let of = person.tenant.as_ref().map_or("provider", |tenant| tenant.as_str());
        writeln!(text, "{number:2}  {who} ({} of {of})", person.id).unwrap();
    }
    text.push('\n');
    let mut lines = vec![vec!["state".to_owned(), "command".to_owned()]];
    lines[0].extend((1..=people.len()).map(|number| number.to_string()));
    for (state, of, tenant) in states() {
        for (name, command, _) in commands() {
            let mut line = vec![state.to_owned(), name.to_owned()];
            line.extend(people.iter().map(|(_, by)| match at_once(&of, &command, by, &tenant) {
                Ok(transition) => transition.after.state_name().to_string(),
                Err(Refusal::NotEligible(_)) => "no".to_owned(),
                Err(Refusal::AlreadyApproved(_)) => "again".to_owned(),
                Err(Refusal::IllegalStep { .. }) => "-".to_owned(),
                Err(other) => panic!("{state} {name}: {other}"),
            }));
            lines.push(line);
        }
    }
    text.push_str(&aligned(&lines));
    golden("lifecycle-by-everybody", &text);
}
