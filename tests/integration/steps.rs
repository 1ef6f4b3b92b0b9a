//! The verbs of the stories: what people and callers do, each one call.

use crate::app::TestApp;
use crate::wire::Reply;
use serde_json::{Value, json};
use std::time::Duration;

/// How often something is asked again before it counts as never, and the pause between.
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// The content that most stories are about.
pub(crate) const ADELE: &str = "mailbox/adele@contoso.example";

/// What ana asks for in the source's story: two hours of reading one mailbox of contoso.
pub(crate) fn wish() -> Value {
    wish_for("contoso", "exchange", &["read"], &[ADELE], "PT2H")
}

pub(crate) fn wish_for(tenant: &str, workload: &str, actions: &[&str], content: &[&str], duration: &str) -> Value {
    let mut wish = json!({
        "tenant": tenant, "workload": workload, "service_request": "SR-1042",
        "reason": { "code": "customer_initiated_support", "text": "mailbox does not sync" },
        "duration": duration, "actions": actions,
    });
    if !content.is_empty() {
        wish["content"] = json!(content);
    }
    wish
}

/// The question of the source's story: may ana read adele's mailbox?
pub(crate) fn ana_reads() -> Value {
    question("ana", "read", "contoso", "exchange", ADELE)
}

/// A question; `content` is `type/id`, or empty for the workload as a whole.
pub(crate) fn question(engineer: &str, action: &str, tenant: &str, workload: &str, content: &str) -> Value {
    let mut question = json!({
        "engineer": format!("{engineer}@provider.example"), "action": action, "tenant": tenant, "workload": workload,
    });
    if let Some((kind, id)) = content.split_once('/') {
        question["content"] = json!({ "type": kind, "id": id });
    }
    question
}

/// Asks again until `done`, a bounded number of times.
#[track_caller]
pub(crate) fn eventually<T: std::fmt::Debug>(what: &str, mut ask: impl FnMut() -> T, done: impl Fn(&T) -> bool) -> T {
    let mut last = ask();
    for _ in 0..TRIES {
        if done(&last) {
            return last;
        }
        std::thread::sleep(PAUSE);
        last = ask();
    }
    panic!("it never came to this: {what}; the last was {last:?}");
}

impl TestApp {
    /// The front end of the question's workload asks.
    pub(crate) fn ask(&self, question: &Value) -> Reply {
        let caller = format!("{}-frontend", question["workload"].as_str().unwrap());
        self.sidecar(&caller).post("/v1/authorize", question)
    }

    /// The answer now, which must be a denial for `reason`.
    #[track_caller]
    pub(crate) fn denied(&self, question: &Value, reason: &str) -> Value {
        let answer = self.ask(question).is(200).json();
        assert_eq!((answer["decision"].as_str(), answer["reason"].as_str()), (Some("deny"), Some(reason)), "{answer}");
        assert_eq!(answer["valid_for_ms"], 0, "a denial is not to be kept: {answer}");
        assert!(answer.get("grant").is_none(), "a denial names no Grant: {answer}");
        assert!(!answer["message"].as_str().unwrap_or_default().is_empty(), "nobody knows what to do: {answer}");
        answer
    }

    /// The answer once the sidecar has the news, which takes a moment where nobody waits for it.
    #[track_caller]
    pub(crate) fn becomes(&self, question: &Value, reason: &str) -> Value {
        let answered = eventually(reason, || self.ask(question).is(200).json(), |answer| answer["reason"] == reason);
        let allows = matches!(reason, "grant_active" | "lockbox_off");
        assert_eq!(answered["decision"], if allows { "allow" } else { "deny" }, "{answered}");
        answered
    }

    /// Asks for access; gives the id.
    #[track_caller]
    pub(crate) fn submit(&self, who: &str, wish: &Value) -> String {
        let made = self.authority(who).post("/v1/access-requests", wish).is(201).json();
        assert_eq!((made["state"].as_str(), made["version"].as_u64()), (Some("submitted"), Some(1)));
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn show(&self, who: &str, id: &str) -> Reply {
        self.authority(who).get(&format!("/v1/access-requests/{id}"))
    }

    pub(crate) fn review(&self, who: &str, id: &str, verdict: &str) -> Reply {
        let body = json!({ "verdict": verdict, "comment": "looked at" });
        self.authority(who).post(&format!("/v1/access-requests/{id}/review"), &body)
    }

    /// Approves the version given, on `terms`.
    pub(crate) fn approve_version(&self, who: &str, id: &str, version: u64, terms: &Value) -> Reply {
        let client = self.authority(who).with("If-Match", &format!("\"{version}\""));
        client.post(&format!("/v1/access-requests/{id}/approve"), terms)
    }

    /// Approves the version that a reviewed AccessRequest has.
    pub(crate) fn approve(&self, who: &str, id: &str, terms: &Value) -> Reply {
        self.approve_version(who, id, 2, terms)
    }

    pub(crate) fn deny(&self, who: &str, id: &str) -> Reply {
        let client = self.authority(who).with("If-Match", "\"2\"");
        client.post(&format!("/v1/access-requests/{id}/deny"), &json!({ "comment": "no" }))
    }

    /// `withdraw`, `close` or `revoke`.
    pub(crate) fn end(&self, who: &str, id: &str, how: &str) -> Reply {
        self.authority(who).post(&format!("/v1/access-requests/{id}/{how}"), &json!({ "comment": how }))
    }

    /// Submitted by ana and reviewed by rita: it waits for contoso.
    #[track_caller]
    pub(crate) fn pending(&self, wish: &Value) -> String {
        let id = self.submit("ana", wish);
        assert_eq!(self.review("rita", &id, "approve").is(200).state(), "notified");
        id
    }

    /// Submitted by ana, reviewed by rita, approved by csilla, and known to the sidecar.
    #[track_caller]
    pub(crate) fn granted(&self, wish: &Value) -> String {
        let id = self.pending(wish);
        assert_eq!(self.approve("csilla", &id, &json!({})).is(200).state(), "active");
        id
    }

    /// Changes a tenant's settings.
    pub(crate) fn set_tenant(&self, who: &str, tenant: &str, change: &Value) -> Reply {
        self.authority(who).json("PATCH", &format!("/v1/tenants/{tenant}"), change)
    }

    /// Says of an engineer what an operator would.
    pub(crate) fn put_engineer(&self, who: &str, facts: &Value) -> Reply {
        self.authority("otto").json("PUT", &format!("/v1/engineers/{who}@provider.example"), facts)
    }
}
