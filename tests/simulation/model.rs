//! What is true: the plain model of the record, and the checker, which knows when each allow was permitted.
//!
//! Invariant: it shares nothing with what it checks but the words of the domain.

use core::time::Duration;
use lockbox::domain::{
    Access, AccessRequestId, ActionName, Approval, Attributes, ContentPath, ContentScope, Engineer, GrantId, PersonId,
    Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Window, WorkloadName,
};
use lockbox::state::StateItem;
use std::collections::BTreeSet;

/// Who is asked about, for whose content: every engineer with every tenant. Contoso approves by itself; fabrikam
/// has lockbox off at first, and a Grant of internal review.
pub(crate) const QUESTIONS: [(&str, &str); 4] =
    [("ana", "contoso"), ("ben", "contoso"), ("ana", "fabrikam"), ("ben", "fabrikam")];
/// L.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// A change of the record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// A Grant for a question, for so many milliseconds.
    Grant(usize, u64),
    /// The end of it: closed or revoked.
    End(usize, StateName),
    /// An ended one is not told any more.
    Retire(usize),
    Suspend(usize, bool),
    /// Fabrikam's lockbox.
    Switch(bool),
}

/// The record as it should be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    suspended: [bool; 2],
    lockbox: bool,
    grants: [Option<Given>; 4],
    given: u64,
    version: u64,
}

#[derive(Debug, Clone, Copy)]
struct Given {
    id: AccessRequestId,
    state: StateName,
    window: Window,
}

/// What each question's allow would rest on, and until when.
pub(crate) type Permitted = [Option<(AccessRequestId, Timestamp)>; 4];

pub(crate) fn person(name: &str) -> PersonId {
    PersonId::parse(&format!("{name}@provider.example")).unwrap()
}

impl Model {
    /// What is there from the beginning.
    pub(crate) fn first(&mut self) -> Vec<StateItem> {
        vec![tenant("contoso", true), tenant("fabrikam", false), self.engineer(0), self.engineer(1)]
    }

    pub(crate) fn permitted(&self) -> Permitted {
        core::array::from_fn(|question| {
            let given = self.grants[question].filter(|given| given.state == StateName::Active)?;
            let barred = self.suspended[question % 2] || (question >= 2 && self.lockbox);
            (!barred).then_some((given.id, given.window.expires_at))
        })
    }

    /// Makes the change; gives the items that say so (`Err`: the key of one that is gone).
    pub(crate) fn make(&mut self, change: Change, now: Timestamp) -> Vec<Result<StateItem, String>> {
        self.version += 1;
        match change {
            Change::Grant(question, for_ms) => {
                self.given += 1;
                let id = AccessRequestId::new(AccessRequestId::FIRST + self.given);
                let (starts_at, expires_at) =
                    (now.minus(Duration::from_secs(60)), now.plus(Duration::from_millis(for_ms)));
                let ended = self.end(question, StateName::Closed, now);
                self.grants[question] =
                    Some(Given { id, state: StateName::Active, window: Window { starts_at, expires_at } });
                ended.into_iter().chain(self.access(question, None)).map(Ok).collect()
            }
            Change::End(question, how) => self.end(question, how, now).into_iter().map(Ok).collect(),
            Change::Retire(question) => {
                let over = self.grants[question].filter(|given| given.state != StateName::Active);
                let key = over.map(|given| StateItem::access_key(given.id));
                self.grants[question] = self.grants[question].filter(|_| key.is_none());
                key.into_iter().map(Err).collect()
            }
            Change::Suspend(engineer, suspended) => {
                self.suspended[engineer] = suspended;
                vec![Ok(self.engineer(engineer))]
            }
            Change::Switch(on) => {
                self.lockbox = on;
                vec![Ok(tenant("fabrikam", on))]
            }
        }
    }

    /// Ends every Grant; what had been given since is never given again under its id.
    pub(crate) fn end_all(&mut self, now: Timestamp) -> Vec<Result<StateItem, String>> {
        (0..QUESTIONS.len()).filter_map(|question| self.end(question, StateName::Revoked, now)).map(Ok).collect()
    }

    /// This model of before, after a restore: ids are not given out twice.
    pub(crate) fn restored(&self, given_by: &Self) -> Self {
        Self { given: given_by.given, version: given_by.version, ..self.clone() }
    }

    fn end(&mut self, question: usize, how: StateName, now: Timestamp) -> Option<StateItem> {
        let given = self.grants[question].as_mut().filter(|given| given.state == StateName::Active)?;
        given.state = how;
        self.access(question, Some(now))
    }

    fn engineer(&self, of: usize) -> StateItem {
        StateItem::Engineer(Engineer {
            id: person(["ana", "ben"][of]),
            version: self.version,
            teams: BTreeSet::from(["exchange-oncall".to_owned()]),
            clearance: Some(3),
            country: None,
            suspended: self.suspended[of],
            attributes: Attributes::new(),
        })
    }

    fn access(&self, question: usize, ended_at: Option<Timestamp>) -> Option<StateItem> {
        let (given, (engineer, tenant)) = (self.grants[question]?, QUESTIONS[question]);
        let content = ContentPath::parse("mailbox/adele@contoso.example").unwrap();
        Some(StateItem::Access(Access {
            id: given.id,
            engineer: person(engineer),
            tenant: TenantId::parse(tenant).unwrap(),
            workload: WorkloadName::parse("exchange").unwrap(),
            service_request: ServiceRequest::parse("SR-1042").unwrap(),
            state: given.state,
            scope: Scope {
                actions: BTreeSet::from([ActionName::parse("read").unwrap()]),
                content: ContentScope::from_paths([content].into_iter().collect()),
            },
            approval: Some(if question < 2 { Approval::Customer } else { Approval::Internal }),
            grant: Some(GrantId::parse(&format!("0198c0de-0000-7000-8000-{:012}", given.id.number())).unwrap()),
            window: Some(given.window),
            respond_by: None,
            ended_at,
        }))
    }
}

fn tenant(name: &str, lockbox: bool) -> StateItem {
    StateItem::Tenant(TenantFacts { id: TenantId::parse(name).unwrap(), lockbox, attributes: Attributes::new().into() })
}

/// All that was ever true, in order.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    states: Vec<(Duration, Permitted)>,
    /// Nothing from before this one may be said any more: `effective` was answered for it.
    floor: usize,
    /// When the authority's time was set forward, and what it was before.
    jumps: Vec<(Duration, Timestamp)>,
}

impl Truth {
    /// Something was committed; gives its place.
    pub(crate) fn changed(&mut self, at: Duration, permitted: Permitted) -> usize {
        self.states.push((at, permitted));
        self.states.len() - 1
    }

    /// `effective` was answered for the state of this place.
    pub(crate) fn effective(&mut self, place: usize) {
        self.floor = self.floor.max(place);
    }

    /// The place of the last state, and of the last that is effective.
    pub(crate) fn places(&self) -> (usize, usize) {
        (self.states.len().saturating_sub(1), self.floor)
    }

    /// The authority's time is set forward now.
    pub(crate) fn jumps(&mut self, at: Duration, before: Timestamp) {
        self.jumps.push((at, before));
    }

    /// What the authority's time is at least, for a sidecar that cannot yet know of a jump.
    fn expiry_time(&self, at: Duration, authority: Timestamp) -> Timestamp {
        let unknown = self.jumps.iter().filter(|(jumped, _)| at.saturating_sub(*jumped) <= LEASE);
        let before = unknown.map(|(jumped, before)| before.plus(at.saturating_sub(*jumped)));
        before.min().map_or(authority, |before| before.min(authority))
    }

    /// An allow was given under a Grant.
    ///
    /// # Errors
    /// What it breaks.
    pub(crate) fn allowed(
        &self,
        at: Duration,
        question: usize,
        grant: AccessRequestId,
        authority: Timestamp,
    ) -> Result<(), String> {
        let authority = self.expiry_time(at, authority);
        let oldest = at.saturating_sub(LEASE);
        let mut until = None;
        for (place, (since, permitted)) in self.states.iter().enumerate().rev() {
            if until.is_some_and(|until: Duration| until < oldest) {
                break;
            }
            if let Some((_, expires_at)) = permitted[question].filter(|(id, _)| *id == grant) {
                let ago = until.map_or(Duration::ZERO, |until| at.saturating_sub(until));
                return if place < self.floor {
                    Err(format!("{grant} was allowed after its end was answered as effective, {ago:?} after it ended"))
                } else if authority >= expires_at {
                    Err(format!("{grant} was allowed at {authority} of the authority's time, it expired {expires_at}"))
                } else {
                    Ok(())
                };
            }
            until = Some(*since);
        }
        Err(format!("{grant} was allowed, and for more than {LEASE:?} nothing has permitted it"))
    }
}
