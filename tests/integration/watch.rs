//! The last allow, measured: what a workload that asks without a pause is told around a change.

use crate::app::TestApp;
use crate::edge::Edge;
use crate::steps::ana_reads;
use crate::wire::Client;
use lockbox::clock::{Boot, Clock as _, SystemClock};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// L of the settings, which the tests leave at their default.
pub(crate) const L: Duration = Duration::from_secs(3);

/// Ends an access at an authority.
pub(crate) fn revoke(client: &Client, id: &str, query: &str) -> Value {
    client.post(&format!("/v1/access-requests/{id}/revoke{query}"), &json!({})).is(200).json()
}

/// Asks a sidecar without a pause, and remembers when the last question was sent that was allowed.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    watching: JoinHandle<(Option<Boot>, Vec<String>)>,
}

impl Watch {
    pub(crate) fn on(app: &TestApp, edge: &Edge) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let client = app.client(edge.address("sidecar"), "exchange-frontend");
        let watching = std::thread::spawn(move || {
            let (mut last, mut reasons) = (None, Vec::new());
            while !stopped.load(Ordering::Acquire) {
                let sent = SystemClock.boot();
                let answer = client.post("/v1/authorize", &ana_reads()).is(200).json();
                let reason = answer["reason"].as_str().unwrap().to_owned();
                if answer["decision"] == "allow" {
                    last = Some(sent);
                }
                if reasons.last() != Some(&reason) {
                    reasons.push(reason);
                }
            }
            (last, reasons)
        });
        Self { stop, watching }
    }

    /// When the last question was sent that was allowed, and the reasons in their order.
    pub(crate) fn end(self) -> (Option<Boot>, Vec<String>) {
        self.stop.store(true, Ordering::Release);
        self.watching.join().unwrap()
    }
}

/// No question that was sent later than `bound` after `since` was allowed.
#[track_caller]
pub(crate) fn held(what: &str, last: Option<Boot>, since: Boot, bound: Duration) {
    let Some(last) = last else { return };
    let late = last.since(since);
    eprintln!("{what}: the last allow was {late:?} after the change, bound {bound:?}");
    assert!(late <= bound, "{what}: allowed {late:?} after the change, bound {bound:?}");
}
