//! The steps of the protocol in words, for whoever has to understand a counterexample.

use crate::authority::Because;
use crate::checking::Told;
use crate::record::Point;
use crate::sidecar::{Answer, Body, Renewal, Verdict};
use crate::world::{Protocol, Step, World};

/// Before what belongs to the line above.
pub(crate) const INDENT: &str = "           ";

impl Told for Protocol {
    fn told(&self, before: &World, step: &Step, after: &World) -> Vec<String> {
        let mut told = vec![self.said(before, step, after)];
        for (number, sidecar) in after.sidecars.iter().enumerate() {
            let wrong = sidecar.given(self.design).find(|grant| {
                let fate = after.fates[usize::from(*grant)];
                let was = before.fates.get(usize::from(*grant)).copied();
                Some(fate) != was || before.sidecars[number] != *sidecar
            });
            if let Some(grant) = wrong {
                let (fate, rate) = (after.fates[usize::from(grant)], after.sidecar_rates[number]);
                let clocks = format!("its clock at {}/10, the authority's at {}/10", rate, after.authority_rate);
                told.push(format!("S{number} allows by grant {grant}, which in truth is {fate:?} ({clocks})"));
            }
        }
        told
    }

    fn ticks(step: &Step) -> bool {
        matches!(step, Step::Tick | Step::TickSuspended(_))
    }
}

impl Protocol {
    fn said(&self, before: &World, step: &Step, after: &World) -> String {
        match step {
            Step::Tick => "time passes".to_owned(),
            Step::TickSuspended(sidecar) => format!("time passes while S{sidecar} is suspended"),
            Step::Renew(sidecar) => {
                format!("S{sidecar} sends a renewal, holding {}", point(after.sidecars[*sidecar].holds()))
            }
            Step::Receive(renewal) => receive(renewal),
            Step::Answer(sidecar) => {
                let new = after.answers.iter().find(|answer| !before.answers.contains(answer));
                format!("the authority answers S{sidecar}: {}", new.map_or("as before".to_owned(), answer))
            }
            Step::Take(taken) => {
                let sidecar = &before.sidecars[usize::from(taken.sidecar)];
                let verdict = match sidecar.verdict(taken, self.design) {
                    Verdict::Taken => "takes",
                    Verdict::OlderEpoch => "refuses, for its epoch is older,",
                    Verdict::LowerRevision => "refuses, for its revision is lower,",
                    Verdict::ForeignChanges => "refuses, for they are changes of another epoch,",
                    Verdict::Diverged => "forgets its lease over",
                };
                format!("S{} {verdict} the answer {}", taken.sidecar, answer(taken))
            }
            Step::RestartSidecar(sidecar) => format!("S{sidecar} restarts and holds nothing"),
            Step::RestartAuthority => "the authority restarts and knows of no sidecar".to_owned(),
            Step::Revoke => format!("grant {} is revoked at {}", live(before), point(Some(after.record.at))),
            Step::Approve => format!("grant {} is approved at {}", live(after), point(Some(after.record.at))),
            Step::Restore => format!("the backup is restored: {}", point(Some(after.record.at))),
            Step::Recover => format!("`recover` ends every grant at {}", point(Some(after.record.at))),
            Step::AnswerEffective(Because::Acknowledged) => {
                "the authority answers `effective`: everybody it counts has acknowledged".to_owned()
            }
            Step::AnswerEffective(Because::WaitedOut) => {
                "the authority answers `effective`: it has waited long enough".to_owned()
            }
            Step::ReadBefore => format!("the authority keeps what it reads at {}", point(Some(after.record.at))),
            Step::Judge(sidecar) => format!("S{sidecar} judges an allow and begins to record it"),
        }
    }
}

fn receive(renewal: &Renewal) -> String {
    let Renewal { sidecar, incarnation, holds, waited_for } = renewal;
    let late = if *waited_for { "the" } else { "an old" };
    format!("the authority receives {late} renewal of S{sidecar} (run {incarnation}), holding {}", point(*holds))
}

fn answer(answer: &Answer) -> String {
    let body = match (answer.body, answer.live) {
        (Body::Nothing, _) => "nothing new".to_owned(),
        (body, None) => format!("{body:?} without a live grant"),
        (body, Some(grant)) => format!("{body:?} with grant {grant} live"),
    };
    format!("({body}, at {})", point(Some(answer.at)))
}

fn live(world: &World) -> String {
    world.record.live.map_or("no".to_owned(), |grant| grant.to_string())
}

fn point(at: Option<Point>) -> String {
    at.map_or("nothing".to_owned(), |at| format!("epoch {} revision {}", at.epoch, at.revision))
}
