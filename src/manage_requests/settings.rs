//! Settings: tenants and the engineer directory. Turning lockbox on ends what internal review alone
//! had granted, in the same transaction.

use super::{ManageError, ManageRequests, write_item, write_told, write_tombstone, write_transition};
use crate::domain::{
    Actor, Attributes, Circumstances, Command, Engineer, Entitlement, Event, EventKind, Person, PersonId, Step, Tenant,
    TenantChange, TenantId, Timestamp, alarm, format_duration,
};
use crate::policy::{Deed, Subject};
use crate::state::{StateItem, WireValue};
use crate::store::{Revision, Transaction};
use std::collections::BTreeSet;

/// What an operator says of an engineer; replaces what was said before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineerEntry {
    /// Teams.
    pub teams: BTreeSet<String>,
    /// Clearance level.
    pub clearance: Option<i64>,
    /// Country.
    pub country: Option<String>,
    /// Whether he is suspended.
    pub suspended: bool,
    /// Further facts.
    pub attributes: Attributes,
}

impl ManageRequests {
    /// Adds a tenant, or changes nothing if there is one of that name. Operators only.
    ///
    /// # Errors
    /// [`ManageError`]; nothing was written then.
    pub async fn add_tenant(
        &self,
        person: &Person,
        id: TenantId,
        entitlement: Entitlement,
        change: TenantChange,
    ) -> Result<(Tenant, bool), ManageError> {
        let now = self.time.now();
        let fresh = Tenant::new(id.clone(), entitlement, now);
        self.may_know(person, Deed::ViewTenant, Subject::Tenant(&fresh), "tenant")?;
        self.may(person, Deed::EntitleTenant, Subject::Tenant(&fresh))?;
        known_zone(&change)?;
        let mut transaction = self.store.begin(now).await?;
        if let Some(there) = transaction.tenant(&id).await? {
            return Ok((there, false));
        }
        let made = Tenant { version: 1, ..fresh.changed(change, self.defaults, now)? };
        self.write_tenant(transaction.as_mut(), person, None, &made, now).await?;
        self.commit(transaction).await?;
        Ok((made, true))
    }

    /// Changes a tenant's settings.
    ///
    /// # Errors
    /// [`ManageError`]; nothing was written then.
    pub async fn change_tenant(
        &self,
        person: &Person,
        id: &TenantId,
        change: TenantChange,
        seen_version: Option<u64>,
    ) -> Result<(Tenant, Revision), ManageError> {
        let now = self.time.now();
        let mut transaction = self.store.begin(now).await?;
        let before = transaction.tenant(id).await?.ok_or(ManageError::NotFound("tenant"))?;
        self.may_know(person, Deed::ViewTenant, Subject::Tenant(&before), "tenant")?;
        for deed in deeds_of(&change) {
            self.may(person, deed, Subject::Tenant(&before))?;
        }
        fresh(id.as_str(), before.version, seen_version)?;
        known_zone(&change)?;
        let after = before.changed(change, self.defaults, now)?;
        self.write_tenant(transaction.as_mut(), person, Some(&before), &after, now).await?;
        if after.lockbox && !before.lockbox {
            self.end_internal_grants(transaction.as_mut(), person, &after, now).await?;
        }
        let revision = self.commit(transaction).await?;
        Ok((after, revision))
    }

    async fn write_tenant(
        &self,
        transaction: &mut dyn Transaction,
        person: &Person,
        before: Option<&Tenant>,
        after: &Tenant,
        now: Timestamp,
    ) -> Result<(), ManageError> {
        transaction.put_tenant(after, before.map(|before| before.version)).await?;
        let event =
            setting_event(EventKind::TenantChanged, person, now, after.version, Some(difference(before, after)));
        let event = Event { tenant: Some(after.id.clone()), ..event };
        let alarmed = after.nobody_can_approve() && !before.is_some_and(Tenant::nobody_can_approve);
        let notices = if alarmed { alarm(after, now) } else { Vec::new() };
        write_told(transaction, &event, &notices).await?;
        write_item(transaction, &StateItem::Tenant(after.into())).await
    }

    async fn end_internal_grants(
        &self,
        transaction: &mut dyn Transaction,
        person: &Person,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<(), ManageError> {
        let step = Step { command: Command::SwitchOn, comment: None, seen_version: None, evidence: None };
        for id in transaction.internal_grants(&tenant.id).await? {
            let Some(stored) = transaction.access_request(id).await? else { continue };
            let grant_id = self.fresh_grant_id()?;
            let on = Circumstances { tenant, defaults: self.defaults, now, grant_id: &grant_id };
            let transition = match stored.lapse(now) {
                Some(lapsed) => lapsed,
                None => stored.apply(&step, person, on)?,
            };
            write_transition(transaction, &transition, stored.version, tenant, self.defaults).await?;
        }
        Ok(())
    }

    /// Says what is known of an engineer. Operators only.
    ///
    /// # Errors
    /// [`ManageError`]; nothing was written then.
    pub async fn put_engineer(
        &self,
        person: &Person,
        id: PersonId,
        entry: EngineerEntry,
        seen_version: Option<u64>,
    ) -> Result<(Engineer, Revision, bool), ManageError> {
        self.must_run_directory(person, &id)?;
        let now = self.time.now();
        let mut transaction = self.store.begin(now).await?;
        let before = transaction.engineer(&id).await?;
        let version = before.as_ref().map_or(0, |before| before.version);
        fresh(id.as_str(), version, seen_version)?;
        let EngineerEntry { teams, clearance, country, suspended, attributes } = entry;
        let version_now = version.saturating_add(1);
        let after = Engineer { id, version: version_now, teams, clearance, country, suspended, attributes };
        transaction.put_engineer(&after, before.as_ref().map(|before| before.version)).await?;
        let detail = format!(
            "`{}`: suspended {}, teams {}",
            after.id,
            after.suspended,
            after.teams.iter().cloned().collect::<Vec<_>>().join(" ")
        );
        let event = setting_event(EventKind::EngineerChanged, person, now, after.version, Some(detail));
        write_told(transaction.as_mut(), &event, &[]).await?;
        write_item(transaction.as_mut(), &StateItem::Engineer(after.clone())).await?;
        let revision = self.commit(transaction).await?;
        Ok((after, revision, before.is_none()))
    }

    /// Removes an engineer from the directory: he is allowed nothing from then on. Operators only.
    ///
    /// # Errors
    /// [`ManageError`]; nothing was written then.
    pub async fn remove_engineer(&self, person: &Person, id: &PersonId) -> Result<Revision, ManageError> {
        self.must_run_directory(person, id)?;
        let now = self.time.now();
        let mut transaction = self.store.begin(now).await?;
        let before = transaction.engineer(id).await?.ok_or(ManageError::NotFound("engineer"))?;
        transaction.remove_engineer(id, before.version).await?;
        let detail = Some(format!("`{id}` removed"));
        let event = setting_event(EventKind::EngineerRemoved, person, now, before.version, detail);
        write_told(transaction.as_mut(), &event, &[]).await?;
        write_tombstone(transaction.as_mut(), StateItem::engineer_key(id)).await?;
        self.commit(transaction).await
    }

    /// Who may not even read an entry learns nothing of it; an engineer may know his own.
    fn must_run_directory(&self, person: &Person, id: &PersonId) -> Result<(), ManageError> {
        self.may_know(person, Deed::ViewEngineer, Subject::Engineer(id), "engineer")?;
        self.may(person, Deed::ManageEngineer, Subject::Engineer(id))
    }
}

fn known_zone(change: &TenantChange) -> Result<(), ManageError> {
    match &change.time_zone {
        Some(name) if jiff::tz::TimeZone::get(name.as_str()).is_err() => {
            Err(ManageError::UnknownTimeZone(name.to_string()))
        }
        _ => Ok(()),
    }
}

/// What a change of settings is, in the words of the policies.
fn deeds_of(change: &TenantChange) -> Vec<Deed> {
    let TenantChange {
        entitlement,
        lockbox,
        approvers,
        fallback_approvers,
        notify,
        webhooks,
        language,
        time_zone,
        quorum,
        respond_within,
        grant_longest,
        attributes,
    } = change;
    let entitles = entitlement.is_some() || attributes.is_some();
    let configures = lockbox.is_some()
        || approvers.is_some()
        || fallback_approvers.is_some()
        || notify.is_some()
        || webhooks.is_some()
        || language.is_some()
        || time_zone.is_some()
        || quorum.is_some()
        || respond_within.is_some()
        || grant_longest.is_some();
    let mut deeds = Vec::new();
    if entitles {
        deeds.push(Deed::EntitleTenant);
    }
    if configures || !entitles {
        deeds.push(Deed::ConfigureTenant);
    }
    deeds
}

fn fresh(what: &str, current: u64, seen: Option<u64>) -> Result<(), ManageError> {
    match seen {
        Some(seen) if seen != current => Err(ManageError::StaleVersion { what: what.to_owned(), current, seen }),
        _ => Ok(()),
    }
}

pub(super) fn setting_event(
    kind: EventKind,
    person: &Person,
    at: Timestamp,
    version: u64,
    detail: Option<String>,
) -> Event {
    let by = Actor::of(person);
    Event {
        at,
        kind,
        by,
        access_request: None,
        tenant: None,
        state: None,
        version,
        comment: None,
        detail,
        evidence: None,
    }
}

/// What changed, in one line.
fn difference(before: Option<&Tenant>, after: &Tenant) -> String {
    let mut parts = Vec::new();
    let mut part = |name: &str, was: Option<String>, is: String| {
        if was.as_ref() != Some(&is) {
            parts.push(was.map_or_else(|| format!("{name} {is}"), |was| format!("{name} {was} → {is}")));
        }
    };
    let on = |tenant: &Tenant| if tenant.lockbox { "on" } else { "off" }.to_owned();
    let names = |people: &BTreeSet<PersonId>| people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(" ");
    part("entitlement", before.map(|t| t.entitlement.as_str().to_owned()), after.entitlement.as_str().to_owned());
    part("lockbox", before.map(on), on(after));
    part("approvers", before.map(|t| names(&t.approvers)), names(&after.approvers));
    part("fallback_approvers", before.map(|t| names(&t.fallback_approvers)), names(&after.fallback_approvers));
    part("notify", before.map(|t| names(&t.notify)), names(&after.notify));
    let hooks = |tenant: &Tenant| {
        tenant.webhooks.iter().map(|(name, url)| format!("{name}={url}")).collect::<Vec<_>>().join(" ")
    };
    part("webhooks", before.map(hooks), hooks(after));
    part("language", before.map(|t| t.language.as_str().to_owned()), after.language.as_str().to_owned());
    part("time_zone", before.map(|t| t.time_zone.to_string()), after.time_zone.to_string());
    part("quorum", before.map(|t| t.quorum.to_string()), after.quorum.to_string());
    let limit = |own: Option<core::time::Duration>| own.map_or_else(|| "the provider's".to_owned(), format_duration);
    part("respond_within", before.map(|t| limit(t.limits.respond_within)), limit(after.limits.respond_within));
    part("grant_longest", before.map(|t| limit(t.limits.grant_longest)), limit(after.limits.grant_longest));
    part("attributes", before.map(|t| facts(&t.attributes)), facts(&after.attributes));
    parts.join("; ")
}

/// Further facts as JSON, the form they were given in.
fn facts(attributes: &Attributes) -> String {
    serde_json::to_string(&WireValue::record(attributes)).unwrap_or_default()
}
