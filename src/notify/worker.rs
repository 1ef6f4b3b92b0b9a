//! The worker that empties the outbox: takes what is due, gathers what it is about, sends it, and puts
//! down how that ended. Any number of authorities may run one each.
//!
//! Invariant: a notice is claimed before it is sent, under a guard that lets one worker through. A worker
//! that dies with a claim loses nothing: the claim runs out, and the notice is sent again under the same id.
//! Nothing here decides anything about access.

use super::story::{Side, Story};
use super::{Backoff, Delivery as Call, Mailer, Message, SendError, WebhookSender, receipt, render};
use crate::accesses::History;
use crate::clock::{AuthorityTime, Ids};
use crate::domain::{
    AccessRequest, Defaults, Language, Notice, NoticeKind, PersonId, Recipient, StateName, Tenant, Timestamp,
};
use crate::store::{Channel, Delivery, DeliveryState, NoteKind, OutboxEntry, Store, StoreError};
use crate::telemetry::{Metrics, NoticeOutcome};
use crate::words::Zone;
use core::time::Duration;
use std::sync::Arc;
use tracing::{info, warn};

/// How many notices are taken at once.
const BATCH: u32 = 50;
/// How long the worker rests when nothing is due.
const REST: Duration = Duration::from_secs(1);
/// How long a claim holds: longer than any attempt may take, both timeouts being 5 minutes at most.
const CLAIM: Duration = Duration::from_secs(15 * 60);
/// What has waited longer than this is of no use to anybody, such as after a year without a mail server.
const USEFUL_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the worker works with.
pub struct Postman {
    /// Where the outbox is.
    pub store: Arc<dyn Store>,
    /// The authority's time.
    pub time: Arc<AuthorityTime>,
    /// For the chance in the waits.
    pub ids: Arc<dyn Ids>,
    /// What was touched, for receipts.
    pub history: History,
    /// How long after an end or a first use its receipt is made: what sidecars elsewhere have just allowed takes a
    /// moment to be told.
    pub settle: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Where deliveries are counted.
    pub metrics: Arc<Metrics>,
    /// Sends mail, and how often it tries.
    pub mail: Option<(Mailer, Backoff)>,
    /// Calls webhooks, and how often it tries.
    pub webhooks: Option<(WebhookSender, Backoff)>,
    /// The address of the page.
    pub page: String,
    /// The language of the provider's people who have chosen none.
    pub language: Language,
    /// The provider's limits.
    pub defaults: Defaults,
}

/// How one attempt ended.
enum Attempt {
    Sent,
    Moot,
    Failed(SendError),
}

impl Postman {
    /// Sends until the task is dropped. Without a way to send, notices wait in the outbox.
    pub async fn run(&self) {
        tokio::join!(self.keep_sending(Channel::Mail), self.keep_sending(Channel::Webhook), self.keep_counting());
    }

    async fn keep_sending(&self, channel: Channel) {
        let able = match channel {
            Channel::Mail => self.mail.is_some(),
            Channel::Webhook => self.webhooks.is_some(),
        };
        if !able {
            return;
        }
        loop {
            match self.round(channel).await {
                Ok(0) => tokio::time::sleep(REST).await,
                Ok(_) => {}
                Err(error) => {
                    warn!(%error, channel = channel.as_str(), "the outbox cannot be worked on; tried again");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    async fn keep_counting(&self) {
        loop {
            if let Ok(counts) = self.store.outbox_counts().await {
                self.metrics.outbox(counts.waiting, counts.dead);
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Sends what is due, and gives how much that was.
    ///
    /// # Errors
    /// [`StoreError`]; what was sent so far is put down.
    pub async fn round(&self, channel: Channel) -> Result<usize, StoreError> {
        let due = self.store.outbox_due(channel, self.time.now(), BATCH).await?;
        let (settle, now) = ((self.settle)(), self.time.now());
        let settling = |entry: &&OutboxEntry| has_receipt(entry.notice.kind) && now.since(entry.notice.at) < settle;
        let ready: Vec<_> = due.iter().filter(|entry| !settling(entry)).collect();
        for entry in &ready {
            self.deliver(channel, entry).await?;
        }
        if let Some((mailer, _)) = self.mail.as_ref().filter(|_| channel == Channel::Mail && !ready.is_empty()) {
            mailer.hang_up().await;
        }
        Ok(ready.len())
    }

    async fn deliver(&self, channel: Channel, entry: &OutboxEntry) -> Result<(), StoreError> {
        let tries = entry.delivery.attempts.saturating_add(1);
        let claimed = Delivery { attempts: tries, at: self.time.now().plus(CLAIM), ..entry.delivery.clone() };
        match self.put(entry.number, &claimed, entry.delivery.attempts).await {
            // Another worker has it.
            Err(StoreError::Conflict(_)) => return Ok(()),
            other => other?,
        }
        let attempt = self.attempt(channel, entry).await?;
        let (state, wait, last_error) = match attempt {
            Attempt::Sent => (DeliveryState::Sent, None, None),
            Attempt::Moot => (DeliveryState::Moot, None, None),
            Attempt::Failed(error) if error.permanent => (DeliveryState::Dead, None, Some(error.why)),
            Attempt::Failed(error) => {
                match self.backoff(channel).and_then(|wait| wait.wait_by_chance(tries, &*self.ids)) {
                    Some(wait) => (DeliveryState::Waiting, Some(wait), Some(error.why)),
                    None => (DeliveryState::Dead, None, Some(error.why)),
                }
            }
        };
        self.told(channel, entry, state, last_error.as_deref());
        let now = self.time.now();
        let after = Delivery { state, attempts: tries, at: wait.map_or(now, |wait| now.plus(wait)), last_error };
        match self.put(entry.number, &after, tries).await {
            // A person had it sent again meanwhile.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    async fn put(&self, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError> {
        let mut transaction = self.store.begin(self.time.now()).await?;
        transaction.put_delivery(number, after, attempts).await?;
        transaction.commit().await.map(drop)
    }

    fn backoff(&self, channel: Channel) -> Option<Backoff> {
        match channel {
            Channel::Mail => self.mail.as_ref().map(|(_, backoff)| *backoff),
            Channel::Webhook => self.webhooks.as_ref().map(|(_, backoff)| *backoff),
        }
    }

    fn told(&self, channel: Channel, entry: &OutboxEntry, state: DeliveryState, why: Option<&str>) {
        let (number, kind) = (entry.number, entry.notice.kind.as_str());
        let outcome = match state {
            DeliveryState::Sent => NoticeOutcome::Sent,
            DeliveryState::Moot => NoticeOutcome::Moot,
            DeliveryState::Waiting => NoticeOutcome::Failed,
            DeliveryState::Dead => NoticeOutcome::Dead,
        };
        self.metrics.noticed(channel.as_str(), outcome);
        match state {
            DeliveryState::Dead => warn!(number, kind, why, "a notice was given up; the outbox can send it again"),
            DeliveryState::Waiting => warn!(number, kind, why, "a notice could not be sent; it is tried again"),
            DeliveryState::Sent | DeliveryState::Moot => {
                info!(number, kind, state = state.as_str(), "a notice is done with")
            }
        }
    }

    async fn attempt(&self, channel: Channel, entry: &OutboxEntry) -> Result<Attempt, StoreError> {
        let now = self.time.now();
        let Some(story) = self.story(entry).await? else { return Ok(Attempt::Moot) };
        if now.since(entry.notice.at) > USEFUL_FOR || is_moot(&story, now) {
            return Ok(Attempt::Moot);
        }
        let sent = match (channel, &entry.notice.to) {
            (Channel::Mail, Recipient::Person(to)) => self.send_mail(&story, to).await,
            (Channel::Webhook, Recipient::Webhook(name)) => match story.tenant.webhooks.get(name) {
                Some(url) => self.call(&story, url, now).await,
                // It was taken out of the settings.
                None => return Ok(Attempt::Moot),
            },
            (Channel::Mail, Recipient::Webhook(_)) | (Channel::Webhook, Recipient::Person(_)) => {
                return Ok(Attempt::Moot);
            }
        };
        Ok(sent.map_or_else(Attempt::Failed, |()| Attempt::Sent))
    }

    async fn send_mail(&self, story: &Story, to: &PersonId) -> Result<(), SendError> {
        let Some((mailer, _)) = &self.mail else { return Ok(()) };
        let rendered = render::mail(story);
        let message = Message {
            to: to.to_string(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            id: format!("lockbox-notice-{}", story.number),
            thread: story.notice.access_request.map(|id| format!("lockbox-{id}")),
            date: story.notice.at,
            language: story.language,
        };
        mailer.send(&message).await
    }

    async fn call(&self, story: &Story, url: &str, now: Timestamp) -> Result<(), SendError> {
        let Some((sender, _)) = &self.webhooks else { return Ok(()) };
        let (event, body) = render::webhook(story);
        let call = Call { url: url.to_owned(), body, id: story.number.to_string(), event: event.to_owned() };
        sender.send(&call, now).await
    }

    /// What a notice is about, as things are now; `None` when its tenant or AccessRequest is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn story(&self, entry: &OutboxEntry) -> Result<Option<Story>, StoreError> {
        let Notice { kind, to, tenant, access_request, .. } = &entry.notice;
        let Some(tenant) = self.store.tenant(tenant).await? else { return Ok(None) };
        let now = self.time.now();
        let request = match access_request {
            None => None,
            Some(id) => match self.store.access_request(*id).await? {
                None => return Ok(None),
                Some(stored) => Some(stored.lapse(now).map_or(stored, |lapsed| lapsed.after)),
            },
        };
        let side = side(to, request.as_ref(), &tenant);
        let receipt = match &request {
            Some(request) if has_receipt(*kind) => Some(receipt::of(&self.history, request).await),
            _ => None,
        };
        Ok(Some(Story {
            notice: entry.notice.clone(),
            number: entry.number,
            language: self.language_of(to, side, &tenant).await?,
            zone: if side == Side::Customer { Zone::named(&tenant.time_zone) } else { Zone::utc() },
            side,
            request,
            receipt,
            tenant,
            defaults: self.defaults,
            page: self.page.clone(),
        }))
    }

    /// What the recipient has chosen on the page; else his tenant's, or the provider's.
    async fn language_of(&self, to: &Recipient, side: Side, tenant: &Tenant) -> Result<Language, StoreError> {
        if let Recipient::Person(id) = to {
            let chosen = self.store.note(NoteKind::Preference, id.as_str()).await?;
            if let Some(chosen) = chosen.and_then(|note| Language::parse(&note.document)) {
                return Ok(chosen);
            }
        }
        Ok(if side == Side::Customer { tenant.language } else { self.language })
    }
}

/// The engineer is of the provider's, unless the tenant names him too; everybody else is the customer's.
fn side(to: &Recipient, request: Option<&AccessRequest>, tenant: &Tenant) -> Side {
    match (to, request) {
        (Recipient::Person(id), Some(request))
            if request.engineer == *id && !tenant.names_approver(id) && !tenant.notify.contains(id) =>
        {
            Side::Provider
        }
        _ => Side::Customer,
    }
}

/// Whether a notice says what was touched.
fn has_receipt(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::Ended | NoticeKind::FirstUse)
}

/// Whether there is nothing to tell any more: nobody should be asked for what has been answered.
fn is_moot(story: &Story, now: Timestamp) -> bool {
    let waits = story.request.as_ref().is_some_and(|request| {
        let over = request.lapse(now).is_some();
        !over && request.state_name() == StateName::Notified
    });
    match story.notice.kind {
        NoticeKind::Pending | NoticeKind::Reminder | NoticeKind::LastReminder | NoticeKind::Escalated => !waits,
        NoticeKind::NobodyCanApprove => !story.tenant.nobody_can_approve(),
        NoticeKind::Approved
        | NoticeKind::Denied
        | NoticeKind::NoLongerNeeded
        | NoticeKind::FirstUse
        | NoticeKind::Rejected
        | NoticeKind::Expired
        | NoticeKind::Withdrawn
        | NoticeKind::Ended => false,
    }
}
