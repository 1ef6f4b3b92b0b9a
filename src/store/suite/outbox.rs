//! What the outbox, the timers and the notes promise. Each test runs against every store.

use super::fixtures::{asked, at, page, person, submitted, tenant, tenant_id};
use crate::domain::{AccessRequestId, Notice, NoticeKind, Recipient, Timer, TimerKind, WebhookName};
use crate::store::{
    AccessRequestFilter, Channel, Delivery, DeliveryState, LIST_MAX, Note, NoteKind, OutboxCounts, Store, StoreError,
};

async fn write(store: &dyn Store, notice: Notice) {
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.add_notice(&notice).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn moved(store: &dyn Store, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError> {
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_delivery(number, after, attempts).await?;
    transaction.commit().await.map(drop)
}

pub(super) async fn a_notice_moves_on_once_for_each_attempt(store: &dyn Store) {
    let to_person = Recipient::Person(person("csilla"));
    let to_program = Recipient::Webhook(WebhookName::parse("siem").unwrap());
    for (to, ms) in [(to_person, 30), (to_program.clone(), 10)] {
        let tenant = tenant_id("contoso");
        write(store, Notice { kind: NoticeKind::FirstUse, to, tenant, access_request: None, at: at(ms) }).await;
    }
    let tenant = tenant_id("contoso");
    let to = Recipient::Person(person("dora"));
    write(store, Notice { kind: NoticeKind::FirstUse, to, tenant, access_request: None, at: at(20) }).await;
    assert!(store.outbox_due(Channel::Webhook, at(9), 10).await.unwrap().is_empty());
    let mails = store.outbox_due(Channel::Mail, at(30), 10).await.unwrap();
    assert_eq!(mails.iter().map(|entry| entry.number).collect::<Vec<_>>(), [3, 1], "longest due first");
    assert_eq!(store.outbox_due(Channel::Mail, at(30), 1).await.unwrap(), mails[..1]);
    let due = store.outbox_due(Channel::Webhook, at(30), 10).await.unwrap();
    assert_eq!(due.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2]);
    assert_eq!(due[0].notice.to, to_program);
    let waiting = Delivery { state: DeliveryState::Waiting, attempts: 0, at: at(10), last_error: None };
    assert_eq!(due[0].delivery, waiting);
    let later = Delivery { attempts: 1, at: at(500), last_error: Some("451 later".to_owned()), ..waiting };
    moved(store, 2, &later, 0).await.unwrap();
    assert!(matches!(moved(store, 2, &later, 0).await, Err(StoreError::Conflict(_))), "another worker was first");
    assert_eq!(store.outbox_entry(2).await.unwrap().unwrap().delivery, later);
    assert_eq!(store.outbox_due(Channel::Webhook, at(499), 10).await.unwrap().len(), 0);
    let dead = Delivery { state: DeliveryState::Dead, attempts: 2, ..later };
    moved(store, 2, &dead, 1).await.unwrap();
    moved(store, 1, &Delivery { state: DeliveryState::Sent, attempts: 1, at: at(40), last_error: None }, 0)
        .await
        .unwrap();
    assert!(store.outbox_due(Channel::Webhook, at(1_000_000), 10).await.unwrap().is_empty());
    assert_eq!(store.outbox_counts().await.unwrap(), OutboxCounts { waiting: 1, dead: 1 });
    assert!(store.outbox_entry(4).await.unwrap().is_none());
    assert_eq!(store.outbox(None, page(Some(2), 10)).await.unwrap()[0].delivery.state, DeliveryState::Sent);
}

pub(super) async fn timers_fire_in_order_and_once(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    for number in [1001, 1002] {
        transaction.put_access_request(&submitted(number, &contoso, 0), None).await.unwrap();
    }
    let timer = |number, kind, ms| Timer { access_request: AccessRequestId::new(number), kind, at: at(ms) };
    let first = timer(1001, TimerKind::Reminder, 100);
    let all = [timer(1002, TimerKind::Reminder, 300), timer(1001, TimerKind::Escalation, 200), first];
    for timer in all {
        transaction.put_timer(&timer).await.unwrap();
    }
    transaction.put_timer(&timer(1002, TimerKind::Reminder, 150)).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(store.timers_due(at(99), 10).await.unwrap().is_empty());
    let due = store.timers_due(at(1000), 10).await.unwrap();
    assert_eq!(due, [first, timer(1002, TimerKind::Reminder, 150), all[1]]);
    assert_eq!(store.timers_due(at(1000), 1).await.unwrap().len(), 1);
    let mut transaction = store.begin(at(0)).await.unwrap();
    assert!(transaction.remove_timer(first.access_request, first.kind).await.unwrap());
    assert!(!transaction.remove_timer(first.access_request, first.kind).await.unwrap());
    transaction.commit().await.unwrap();
    assert_eq!(store.timer(first.access_request, first.kind).await.unwrap(), None);
    assert_eq!(store.timer(first.access_request, TimerKind::Escalation).await.unwrap(), Some(all[1]));
    // Nobody is told about an AccessRequest that is not there.
    let mut transaction = store.begin(at(0)).await.unwrap();
    let _sooner_or_later = transaction.put_timer(&timer(4711, TimerKind::Reminder, 1)).await;
    assert!(transaction.commit().await.is_err());
}

pub(super) async fn notes_are_replaced_taken_and_pruned(store: &dyn Store) {
    let note = |kind, key: &str, document: &str, expires_at: Option<i64>| Note {
        kind,
        key: key.to_owned(),
        document: document.to_owned(),
        expires_at: expires_at.map(at),
    };
    let before = store.revision().await.unwrap();
    store.put_note(note(NoteKind::Session, "k", "1", Some(10))).await.unwrap();
    let second = note(NoteKind::Session, "k", "2", Some(20));
    store.put_note(second.clone()).await.unwrap();
    store.put_note(note(NoteKind::Draft, "k", "other kind", None)).await.unwrap();
    let passkeys = ["ana/1", "ana/2", "anastasia/1"].map(|key| note(NoteKind::Passkey, key, "{}", None));
    for passkey in passkeys.clone() {
        store.put_note(passkey).await.unwrap();
    }
    assert_eq!(store.note(NoteKind::Session, "k").await.unwrap(), Some(second.clone()));
    assert_eq!(store.note(NoteKind::Session, "K").await.unwrap(), None);
    assert_eq!(store.notes(NoteKind::Passkey, "ana/").await.unwrap(), passkeys[..2]);
    assert!(store.notes(NoteKind::Passkey, "a%").await.unwrap().is_empty(), "a prefix is no pattern");
    assert_eq!(store.notes_after(NoteKind::Passkey, "", 2).await.unwrap(), passkeys[..2]);
    assert_eq!(store.notes_after(NoteKind::Passkey, &passkeys[0].key, 9).await.unwrap(), passkeys[1..]);
    assert_eq!(store.prune_notes(at(19)).await.unwrap(), 0);
    assert_eq!(store.take_note(NoteKind::Session, "k").await.unwrap(), Some(second.clone()));
    assert_eq!(store.take_note(NoteKind::Session, "k").await.unwrap(), None, "one of two gets it");
    store.put_note(second.clone()).await.unwrap();
    let other = Note { document: "3".to_owned(), ..second.clone() };
    assert!(!store.drop_note(&other).await.unwrap(), "it says something else");
    assert!(store.drop_note(&second).await.unwrap() && !store.drop_note(&second).await.unwrap());
    assert_eq!(store.notes(NoteKind::Draft, "").await.unwrap().len(), 1, "another kind under the same key stays");
    store.put_note(second).await.unwrap();
    assert_eq!(store.prune_notes(at(20)).await.unwrap(), 1, "half-open: gone from that instant");
    assert!(store.note(NoteKind::Draft, "k").await.unwrap().is_some());
    assert_eq!(store.revision().await.unwrap(), before, "notes are no part of the record");
}

pub(super) async fn text_is_searched_in_names_and_reason(store: &dyn Store) {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_access_request(&submitted(1001, &contoso, 0), None).await.unwrap();
    let ben = asked(1002, &contoso, "ben@provider.example", "sharepoint", 0);
    transaction.put_access_request(&ben, None).await.unwrap();
    transaction.commit().await.unwrap();
    for (text, found) in [
        ("BEN@", &[1002][..]),
        ("lbx-1001", &[1001]),
        ("sr-1042", &[1002, 1001]),
        ("Sync", &[1002, 1001]),
        ("%", &[]),
        ("csilla", &[]),
    ] {
        let filter = AccessRequestFilter { text: Some(text.to_owned()), ..AccessRequestFilter::default() };
        let listed = store.access_requests(&filter, page(None, 10)).await.unwrap();
        assert_eq!(listed.iter().map(|of| of.id.number()).collect::<Vec<_>>(), found, "{text}");
    }
}

/// Who asks for as many as are shown at once reads one more, and has to get it.
pub(super) async fn a_full_list_tells_that_there_is_more(store: &dyn Store) {
    let mut transaction = store.begin(at(0)).await.unwrap();
    for number in 0..=LIST_MAX {
        transaction.put_tenant(&tenant(&format!("tenant-{number:04}"), true), None).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let more = usize::try_from(LIST_MAX).unwrap() + 1;
    assert_eq!(store.tenants(page(None, LIST_MAX + 1)).await.unwrap().len(), more);
    assert_eq!(store.tenants(page(None, LIST_MAX)).await.unwrap().len(), more - 1);
}
