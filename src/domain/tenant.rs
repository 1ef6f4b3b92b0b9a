//! Tenants: what a customer bought, whether its lockbox is on, who may approve for it, and its
//! limits, which may only be tighter than the provider's defaults.

use super::{Attributes, Language, PersonId, TenantId, TimeZoneName, Timestamp, WebhookName, webhook_url_refused};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// The most approvers, and the most notification addresses, a tenant may name.
const PEOPLE_MAX: usize = 100;
/// The most webhooks a tenant may have.
const WEBHOOKS_MAX: usize = 10;

/// What the customer bought (S3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// Part of the E5 plan.
    E5,
    /// Bought separately with another Enterprise plan.
    AddOn,
    /// Neither: the switch cannot be turned on.
    None,
}

impl Entitlement {
    /// Every entitlement.
    pub const ALL: [Self; 3] = [Self::E5, Self::AddOn, Self::None];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::E5 => "e5",
            Self::AddOn => "add_on",
            Self::None => "none",
        }
    }

    /// The entitlement of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entitlement| entitlement.as_str() == text)
    }
}

/// The provider's limits, which a tenant may tighten: 12 h to answer, 4 h of access (DOMAIN.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// How long a customer has to answer, from the notification.
    pub respond_within: Duration,
    /// The longest window of a Grant.
    pub grant_longest: Duration,
    /// When the approvers are reminded, from the notification. This and the two below are for a customer
    /// with all of `respond_within`; for one with less they come sooner in proportion.
    pub remind_after: Duration,
    /// When they are reminded for the last time.
    pub remind_again_after: Duration,
    /// From when the fallback approvers may answer as well.
    pub escalate_after: Duration,
}

impl Default for Defaults {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            respond_within: hours(12),
            grant_longest: hours(4),
            remind_after: hours(6),
            remind_again_after: hours(10),
            escalate_after: hours(10),
        }
    }
}

/// A tenant's own limits; absent means the provider's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long its approvers have to answer.
    pub respond_within: Option<Duration>,
    /// The longest window of a Grant.
    pub grant_longest: Option<Duration>,
}

/// A customer organisation and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Which.
    pub id: TenantId,
    /// Counts the changes of its settings, from 1.
    pub version: u64,
    /// What it bought.
    pub entitlement: Entitlement,
    /// Whether its approval is needed before its content is touched (S6).
    pub lockbox: bool,
    /// Who may approve, if he also holds the role when he decides.
    pub approvers: BTreeSet<PersonId>,
    /// Who may approve once the approvers have let most of their time go by, or are too few.
    pub fallback_approvers: BTreeSet<PersonId>,
    /// Addresses that are told of events beside the approvers.
    pub notify: BTreeSet<PersonId>,
    /// Where programs are told of the same events: name and URL.
    pub webhooks: BTreeMap<WebhookName, String>,
    /// The language of its mails, and of its pages for whoever has chosen none.
    pub language: Language,
    /// The zone its mails state times in.
    pub time_zone: TimeZoneName,
    /// How many distinct approvers it takes; at least 1.
    pub quorum: u32,
    /// Its own, tighter limits.
    pub limits: Limits,
    /// Further facts that the schema declares (plan, region, legal hold).
    pub attributes: Attributes,
    /// When the settings last changed.
    pub changed_at: Timestamp,
}

/// A change of settings; absent means as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// The entitlement; the provider's operator only.
    pub entitlement: Option<Entitlement>,
    /// The switch.
    pub lockbox: Option<bool>,
    /// All approvers.
    pub approvers: Option<BTreeSet<PersonId>>,
    /// All fallback approvers.
    pub fallback_approvers: Option<BTreeSet<PersonId>>,
    /// All notification addresses.
    pub notify: Option<BTreeSet<PersonId>>,
    /// All webhooks.
    pub webhooks: Option<BTreeMap<WebhookName, String>>,
    /// The language.
    pub language: Option<Language>,
    /// The time zone.
    pub time_zone: Option<TimeZoneName>,
    /// The quorum.
    pub quorum: Option<u32>,
    /// The limits: `Some(None)` goes back to the default.
    pub respond_within: Option<Option<Duration>>,
    /// The limits: `Some(None)` goes back to the default.
    pub grant_longest: Option<Option<Duration>>,
    /// All further facts; the provider's operator only.
    pub attributes: Option<Attributes>,
}

/// Why a change of settings is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantRefusal {
    /// S3: lockbox is part of a plan.
    #[error(
        "tenant `{0}` has no entitlement to Customer Lockbox: it is part of the E5 plan, other Enterprise plans buy it as an add-on; set `entitlement` first"
    )]
    NotEntitled(TenantId),
    /// A limit wider than the provider's.
    #[error("`{limit}` may only be tightened: it must be from PT1S to {longest}, the provider's limit")]
    Wider {
        /// Which limit.
        limit: &'static str,
        /// The provider's limit, ISO 8601.
        longest: String,
    },
    /// A quorum that nobody could reach, or none.
    #[error("`quorum` must be from 1 to the number of approvers ({approvers})")]
    Quorum {
        /// How many approvers there would be.
        approvers: usize,
    },
    /// Too many people.
    #[error("`{0}` may name 100 people at most")]
    TooMany(&'static str),
    /// Too many webhooks.
    #[error("a tenant may have {WEBHOOKS_MAX} webhooks at most")]
    TooManyWebhooks,
    /// A webhook's URL that nothing is sent to.
    #[error("the URL of the webhook `{name}` {why}")]
    Webhook {
        /// The webhook.
        name: WebhookName,
        /// What is wrong with its URL, and what to do instead.
        why: &'static str,
    },
}

impl Tenant {
    /// A tenant with nothing turned on and nobody named.
    pub fn new(id: TenantId, entitlement: Entitlement, now: Timestamp) -> Self {
        Self {
            id,
            version: 1,
            entitlement,
            lockbox: false,
            approvers: BTreeSet::new(),
            fallback_approvers: BTreeSet::new(),
            notify: BTreeSet::new(),
            webhooks: BTreeMap::new(),
            language: Language::default(),
            time_zone: TimeZoneName::utc(),
            quorum: 1,
            limits: Limits::default(),
            attributes: Attributes::new(),
            changed_at: now,
        }
    }

    /// The longest window of a Grant for this tenant.
    pub fn grant_longest(&self, defaults: Defaults) -> Duration {
        self.limits.grant_longest.map_or(defaults.grant_longest, |own| own.min(defaults.grant_longest))
    }

    /// How long this tenant's approvers have to answer.
    pub fn respond_within(&self, defaults: Defaults) -> Duration {
        self.limits.respond_within.map_or(defaults.respond_within, |own| own.min(defaults.respond_within))
    }

    /// A time after the notification, for a customer with all of the provider's time to answer, in
    /// proportion to what this tenant has.
    pub fn scaled(&self, after_notification: Duration, defaults: Defaults) -> Duration {
        let (own, all) = (self.respond_within(defaults).as_millis(), defaults.respond_within.as_millis().max(1));
        let scaled = after_notification.as_millis().saturating_mul(own) / all;
        Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX))
    }

    /// Whether lockbox is on and nobody is named to approve: an alarm, not silence.
    pub fn nobody_can_approve(&self) -> bool {
        self.lockbox && self.approvers.union(&self.fallback_approvers).count() < self.quorum_of_people()
    }

    /// Whether the approvers alone are too few, so that the fallback approvers are needed from the start.
    pub fn needs_fallback(&self) -> bool {
        self.approvers.len() < self.quorum_of_people()
    }

    /// Who may answer at `now` for a request that the customer was told of at `notified_at`.
    pub fn may_answer(&self, id: &PersonId, notified_at: Timestamp, now: Timestamp, defaults: Defaults) -> bool {
        let escalated =
            self.needs_fallback() || now >= notified_at.plus(self.scaled(defaults.escalate_after, defaults));
        self.approvers.contains(id) || (escalated && self.fallback_approvers.contains(id))
    }

    /// Whether the settings name the person as an approver, or as one for want of others.
    pub fn names_approver(&self, id: &PersonId) -> bool {
        self.approvers.contains(id) || self.fallback_approvers.contains(id)
    }

    fn quorum_of_people(&self) -> usize {
        usize::try_from(self.quorum.max(1)).unwrap_or(usize::MAX)
    }

    /// The settings after `change`.
    ///
    /// # Errors
    /// [`TenantRefusal`]; nothing is changed then.
    pub fn changed(&self, change: TenantChange, defaults: Defaults, now: Timestamp) -> Result<Self, TenantRefusal> {
        let mut next = self.clone();
        next.entitlement = change.entitlement.unwrap_or(next.entitlement);
        next.lockbox = change.lockbox.unwrap_or(next.lockbox);
        if next.entitlement == Entitlement::None && next.lockbox {
            return Err(TenantRefusal::NotEntitled(self.id.clone()));
        }
        for (what, people, place) in [
            ("approvers", change.approvers, &mut next.approvers),
            ("fallback_approvers", change.fallback_approvers, &mut next.fallback_approvers),
            ("notify", change.notify, &mut next.notify),
        ] {
            if let Some(people) = people {
                if people.len() > PEOPLE_MAX {
                    return Err(TenantRefusal::TooMany(what));
                }
                *place = people;
            }
        }
        next.quorum = change.quorum.unwrap_or(next.quorum);
        // An empty list of approvers is let through (somebody may have left): it raises the alarm instead.
        let reachable = u32::try_from(next.approvers.len().max(1)).unwrap_or(u32::MAX);
        if next.quorum == 0 || (change.quorum.is_some() && next.quorum > reachable) {
            return Err(TenantRefusal::Quorum { approvers: next.approvers.len() });
        }
        next.limits.respond_within =
            tightened("respond_within", change.respond_within, next.limits.respond_within, defaults.respond_within)?;
        next.limits.grant_longest =
            tightened("grant_longest", change.grant_longest, next.limits.grant_longest, defaults.grant_longest)?;
        if let Some(webhooks) = change.webhooks {
            if webhooks.len() > WEBHOOKS_MAX {
                return Err(TenantRefusal::TooManyWebhooks);
            }
            let refused = |(name, url): (&WebhookName, &String)| {
                webhook_url_refused(url).map(|why| TenantRefusal::Webhook { name: name.clone(), why })
            };
            if let Some(refusal) = webhooks.iter().find_map(refused) {
                return Err(refusal);
            }
            next.webhooks = webhooks;
        }
        next.language = change.language.unwrap_or(next.language);
        next.time_zone = change.time_zone.unwrap_or(next.time_zone);
        next.attributes = change.attributes.unwrap_or(next.attributes);
        next.version = self.version.saturating_add(1);
        next.changed_at = now;
        Ok(next)
    }
}

fn tightened(
    limit: &'static str,
    change: Option<Option<Duration>>,
    before: Option<Duration>,
    longest: Duration,
) -> Result<Option<Duration>, TenantRefusal> {
    match change {
        None => Ok(before),
        Some(Some(wanted)) if wanted.is_zero() || wanted > longest => {
            Err(TenantRefusal::Wider { limit, longest: super::format_duration(longest) })
        }
        Some(wanted) => Ok(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(entitlement: Entitlement) -> Tenant {
        Tenant::new(TenantId::parse("contoso").unwrap(), entitlement, Timestamp::from_ms(0))
    }

    fn change(tenant: &Tenant, change: TenantChange) -> Result<Tenant, TenantRefusal> {
        tenant.changed(change, Defaults::default(), Timestamp::from_ms(1))
    }

    #[test]
    fn the_switch_needs_an_entitlement_and_keeps_needing_it() {
        let on = || TenantChange { lockbox: Some(true), ..TenantChange::default() };
        assert!(matches!(change(&tenant(Entitlement::None), on()), Err(TenantRefusal::NotEntitled(_))));
        for entitlement in [Entitlement::E5, Entitlement::AddOn] {
            let entitled = change(&tenant(entitlement), on()).unwrap();
            assert!(entitled.lockbox && entitled.version == 2 && entitled.nobody_can_approve());
            let lost = TenantChange { entitlement: Some(Entitlement::None), ..TenantChange::default() };
            assert!(matches!(change(&entitled, lost), Err(TenantRefusal::NotEntitled(_))));
        }
    }

    #[test]
    fn webhooks_are_few_and_go_where_nobody_listens_in() {
        let hooks = |urls: &[&str]| {
            let named = urls.iter().enumerate();
            let named = named.map(|(at, url)| (WebhookName::parse(&format!("hook-{at}")).unwrap(), (*url).to_owned()));
            change(
                &tenant(Entitlement::E5),
                TenantChange { webhooks: Some(named.collect()), ..TenantChange::default() },
            )
        };
        let good = "https://contoso.example/hook";
        assert_eq!(hooks(&[good; 10]).unwrap().webhooks.len(), 10);
        assert!(matches!(hooks(&[good; 11]), Err(TenantRefusal::TooManyWebhooks)));
        let refusal = hooks(&[good, "http://contoso.example/hook"]).unwrap_err().to_string();
        assert!(refusal.starts_with("the URL of the webhook `hook-1` does not begin with `https://`"), "{refusal}");
    }

    #[test]
    fn limits_only_tighten() {
        let hours = |h: u64| Some(Some(Duration::from_secs(h * 3600)));
        let e5 = tenant(Entitlement::E5);
        let tight = change(&e5, TenantChange { grant_longest: hours(1), ..TenantChange::default() }).unwrap();
        assert_eq!(tight.grant_longest(Defaults::default()), Duration::from_secs(3600));
        for wide in [hours(5), hours(0)] {
            let refused = change(&e5, TenantChange { grant_longest: wide, ..TenantChange::default() });
            assert!(matches!(refused, Err(TenantRefusal::Wider { limit: "grant_longest", .. })));
        }
        let back = change(&tight, TenantChange { grant_longest: Some(None), ..TenantChange::default() }).unwrap();
        assert_eq!(back.grant_longest(Defaults::default()), Duration::from_secs(4 * 3600));
        let tightened_later = Defaults { grant_longest: Duration::from_secs(60), ..Defaults::default() };
        assert_eq!(tight.grant_longest(tightened_later), Duration::from_secs(60));
    }

    #[test]
    fn a_quorum_is_reachable() {
        let e5 = tenant(Entitlement::E5);
        for quorum in [0, 2] {
            let refused = change(&e5, TenantChange { quorum: Some(quorum), ..TenantChange::default() });
            assert_eq!(refused, Err(TenantRefusal::Quorum { approvers: 0 }));
        }
    }
}
