//! The steps of the rows in words.

use super::model::{A, Authorities, Moment, Step};
use crate::checking::Told;

impl Told for Authorities {
    fn told(&self, before: &Moment, step: &Step, after: &Moment) -> Vec<String> {
        let mut told = vec![said(before, step, after)];
        if after.allows() && (after.revision, after.is_effective) != (before.revision, before.is_effective) {
            let [a, b] = &after.nodes;
            told.push(format!(
                "S allows by the revoked grant (its clock at {}/10, A's at {}/10, B's at {}/10)",
                after.sidecar_rate, a.rate, b.rate
            ));
        }
        told
    }

    fn ticks(step: &Step) -> bool {
        *step == Step::Tick
    }
}

fn name(node: usize) -> &'static str {
    if node == A { "A" } else { "B" }
}

fn said(before: &Moment, step: &Step, after: &Moment) -> String {
    let held = |holds: Option<u8>| holds.map_or("nothing".to_owned(), |holds| format!("revision {holds}"));
    match step {
        Step::Tick => "time passes".to_owned(),
        Step::Renew(to) => format!("S sends a renewal to {}, holding {}", name(*to), held(after.holds)),
        Step::Receive => {
            format!("{} receives the renewal", name(before.outstanding.map_or(A, |(to, _)| to)))
        }
        Step::Answer(node) => format!("{} answers; S may now take revisions {:?}", name(*node), after.answers),
        Step::Take(revision) => format!("S takes the answer at revision {revision}"),
        Step::Revoke => "A commits the revocation: revision 1".to_owned(),
        Step::AnswerEffective => "A answers `effective`".to_owned(),
        Step::Look => "A looks at B's row, which has changed".to_owned(),
        Step::BeginRow => format!("B begins to write its row: {:?}", after.writing),
        Step::SendRow => format!("B sends its row: {:?}", after.writing),
        Step::CommitRow => format!("B's row is there: {:?}", after.row),
        Step::ConfirmRow => "B learns that its row is there".to_owned(),
        Step::RestartB => "B restarts and knows of no sidecar".to_owned(),
        Step::LoseRow => "B's row is lost".to_owned(),
    }
}
