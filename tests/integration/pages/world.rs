//! What the walk over the page's routes needs: browsers, the record beside the program, and an errand for
//! every form.

use crate::app::TestApp;
use crate::steps::{wish, wish_for};
use crate::wire::{Client, Reply};
use lockbox::console::Row;
use lockbox::domain::Timestamp;
use lockbox::store::{AccessRequestFilter, Delivery, DeliveryState, Note, NoteKind, Page, Store};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::runtime::Handle;

pub(super) const EVERYBODY: [&str; 8] = ["ana", "ben", "rita", "olga", "otto", "csilla", "dora", "felix"];
pub(super) const SESSION: &str = "__Host-lockbox";
const VISITOR: &str = "__Host-lockbox-visit";

/// Somebody's browser, or nobody's.
pub(crate) struct Browser {
    pub(super) client: Client,
    pub(super) csrf: String,
}

impl Browser {
    /// A browser that has looked at the sign-in page and no more.
    pub(super) fn of_nobody(app: &TestApp) -> Self {
        let client = app.client(app.addresses.authority, "");
        let page = client.get("/sign-in").is(200);
        let cookie = format!("{VISITOR}={}", cookie(&page, VISITOR).expect("a visitor gets a cookie"));
        Self { client: client.with("Cookie", &cookie), csrf: csrf_of(&page) }
    }

    /// A browser in which somebody of the cast has signed in.
    pub(crate) fn of(app: &TestApp, who: &str) -> Self {
        let nobody = Self::of_nobody(app);
        let signed_in = nobody.post("/sign-in/token", &[("token", app.demo.token(who)), ("return", "/")]).is(303);
        let cookie = format!("{SESSION}={}", cookie(&signed_in, SESSION).expect("who signs in gets a session"));
        let client = app.client(app.addresses.authority, "").with("Cookie", &cookie);
        // A page that everybody gets, for its token.
        let page = client.with("Accept", "text/html").get("/nowhere").is(404);
        Self { csrf: csrf_of(&page), client }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.client.get(path)
    }

    /// A form with its token, from a page of the same origin.
    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", self.csrf.as_str())]).collect();
        send(&self.client.with("Sec-Fetch-Site", "same-origin"), path, &fields)
    }
}

pub(super) fn send(client: &Client, path: &str, fields: &[(&str, &str)]) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    client.post_bytes_as("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
}

pub(super) fn cookie(reply: &Reply, name: &str) -> Option<String> {
    let set = reply.headers.iter().filter(|(header, _)| header == "set-cookie");
    let pairs = set.filter_map(|(_, value)| value.split(';').next()?.split_once('='));
    pairs.filter(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value.to_owned()).next()
}

#[track_caller]
fn csrf_of(page: &Reply) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form on {text}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The record, read beside the running program.
pub(super) struct Record {
    runtime: Handle,
    store: Arc<dyn Store>,
}

impl Record {
    pub(super) fn of(app: &TestApp) -> Self {
        let (runtime, store) = app.store();
        Self { runtime, store }
    }

    /// All that anybody could have changed: requests, settings, their histories, the outbox, the revision.
    pub(super) fn all(&self) -> String {
        self.runtime.block_on(async {
            let store = &self.store;
            let revision = store.revision().await.unwrap();
            let mut text = format!("{} {} {}\n", revision.epoch, revision.number, revision.state_hash);
            let filter = AccessRequestFilter::default();
            for request in store.access_requests(&filter, Page { after: None, limit: 500 }).await.unwrap() {
                writeln!(text, "{request:?}\n{:?}", store.events(request.id).await.unwrap()).unwrap();
            }
            for tenant in store.tenants(Page { after: None, limit: 500 }).await.unwrap() {
                writeln!(text, "{tenant:?}\n{:?}", store.tenant_events(&tenant.id).await.unwrap()).unwrap();
            }
            write!(text, "{:?}", store.outbox(None, Page { after: None, limit: 500 }).await.unwrap()).unwrap();
            for kind in [NoteKind::Sidecar, NoteKind::RemovedSidecar] {
                write!(text, "{:?}", store.notes(kind, "").await.unwrap()).unwrap();
            }
            text
        })
    }

    /// Two sidecars, of which one was taken off the list.
    fn register(&self) {
        let removed = json!([2, "otto@provider.example"]);
        for (kind, name, entry) in [
            (NoteKind::Sidecar, "edge-1", json!({ "at_ms": 1 })),
            (NoteKind::Sidecar, "edge-2", json!({ "at_ms": 1, "removed": removed })),
            (NoteKind::RemovedSidecar, "edge-2", removed),
        ] {
            let (key, document) = (name.to_owned(), entry.to_string());
            let note = Note { kind, key, document, expires_at: None };
            self.runtime.block_on(self.store.put_note(note)).unwrap();
        }
    }

    /// Gives up a notice of contoso's; its number.
    fn give_up(&self) -> u64 {
        self.runtime.block_on(async {
            let contoso = lockbox::domain::TenantId::parse("contoso").unwrap();
            let all = self.store.outbox(Some(&contoso), Page { after: None, limit: 500 }).await.unwrap();
            let entry = all.iter().find(|entry| entry.delivery.state == DeliveryState::Waiting).unwrap();
            let mut transaction = self.store.begin(Timestamp::from_ms(0)).await.unwrap();
            let dead = Delivery {
                state: DeliveryState::Dead,
                attempts: 7,
                at: entry.delivery.at,
                last_error: Some("550 <no> such mailbox".to_owned()),
            };
            transaction.put_delivery(entry.number, &dead, entry.delivery.attempts).await.unwrap();
            transaction.commit().await.unwrap();
            entry.number
        })
    }
}

/// What is there to be changed, one of each kind for each errand.
pub(super) struct World {
    pub(super) ids: BTreeMap<&'static str, String>,
}

impl World {
    pub(super) fn make(app: &TestApp, record: &Record) -> Self {
        let internal = app.submit("ana", &wish_for("fabrikam", "exchange", &["read"], &[], "PT1H"));
        app.review("rita", &internal, "approve").is(200);
        record.register();
        let ids = [
            ("approve", app.pending(&wish())),
            ("deny", app.pending(&wish())),
            ("revoke", app.granted(&wish())),
            ("close", app.granted(&wish())),
            ("review", app.submit("ana", &wish())),
            ("withdraw", app.submit("ana", &wish())),
            ("send-again", record.give_up().to_string()),
        ];
        Self { ids: ids.into_iter().collect() }
    }

    /// Who may post to a row, where exactly, and what he would send but for the token.
    pub(super) fn errand(&self, app: &TestApp, row: &Row) -> (&'static str, String, Vec<(&'static str, String)>) {
        let version_of = |tenant: &str| {
            let shown = app.authority("otto").get(&format!("/v1/tenants/{tenant}")).is(200).json();
            ("version", shown["version"].to_string())
        };
        let one = |name, value: &str| (name, value.to_owned());
        let step = |name: &str, who, version: &str| {
            let path = row.path.replace("{id}", &self.ids[name]);
            (who, path, vec![one("version", version), one("comment", "said on the page"), one("action", "read")])
        };
        let settings = |fields: Vec<(&'static str, String)>| {
            let fields = fields.into_iter().chain([version_of("contoso")]).collect();
            ("csilla", row.path.to_owned(), fields)
        };
        match row.path {
            "/requests" => {
                let fields = [
                    ("tenant", "contoso"),
                    ("workload", "exchange"),
                    ("service_request", "SR-2"),
                    ("reason_code", "emergency"),
                    ("reason_text", "mail is stuck"),
                    ("duration", "PT1H"),
                    ("action", "read"),
                    ("key", "the form's own key"),
                ];
                ("ana", row.path.to_owned(), fields.map(|(name, value)| one(name, value)).into())
            }
            "/requests/{id}/approve" | "/requests/{id}/look" | "/requests/{id}/passkey-challenge" => {
                let (who, path, mut fields) = step("approve", "csilla", "2");
                fields.push(one("content", crate::steps::ADELE));
                (who, path, fields)
            }
            "/account/passkeys" | "/account/passkeys/challenge" => ("csilla", row.path.to_owned(), Vec::new()),
            "/account/passkeys/remove" => ("csilla", row.path.to_owned(), vec![one("passkey", "none")]),
            "/requests/{id}/deny" => step("deny", "csilla", "2"),
            "/requests/{id}/revoke" => step("revoke", "csilla", "3"),
            "/requests/{id}/close" => step("close", "ana", "3"),
            "/requests/{id}/withdraw" => step("withdraw", "ana", "1"),
            "/requests/{id}/review" => {
                let (who, path, mut fields) = step("review", "rita", "1");
                fields.push(one("verdict", "approve"));
                (who, path, fields)
            }
            "/settings/approvers" => settings(vec![
                one("approvers", "csilla@contoso.example"),
                one("fallback_approvers", "dora@contoso.example"),
                one("quorum", "1"),
            ]),
            "/settings/notify" => settings(vec![one("notify", "desk@contoso.example")]),
            "/settings/limits" => settings(vec![one("respond_within", "PT1H"), one("grant_longest", "")]),
            "/settings/language" => settings(vec![one("language", "hu"), one("time_zone", "Europe/Budapest")]),
            "/settings/webhooks" => settings(vec![one("webhooks", "pager https://pager.contoso.example/lockbox")]),
            "/settings/lockbox" => ("felix", row.path.to_owned(), vec![one("lockbox", "on"), version_of("fabrikam")]),
            "/tenants/{id}/entitlement" => {
                let fields = vec![one("entitlement", "add_on"), version_of("contoso")];
                ("otto", "/tenants/contoso/entitlement".to_owned(), fields)
            }
            "/outbox/{number}/send-again" => {
                ("csilla", row.path.replace("{number}", &self.ids["send-again"]), Vec::new())
            }
            "/fleet/{name}/remove" => ("otto", "/fleet/edge-1/remove".to_owned(), Vec::new()),
            "/fleet/{name}/admit" => ("otto", "/fleet/edge-2/admit".to_owned(), Vec::new()),
            "/sign-in/token" => ("", row.path.to_owned(), vec![one("token", app.demo.token("ana"))]),
            "/sign-in/oidc" => ("", row.path.to_owned(), Vec::new()),
            "/sign-out" => ("dora", row.path.to_owned(), Vec::new()),
            "/language" => ("olga", row.path.to_owned(), vec![one("language", "hu")]),
            other => panic!("nobody has an errand for POST {other}: add one"),
        }
    }
}
