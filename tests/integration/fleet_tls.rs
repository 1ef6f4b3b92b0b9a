//! The way between hosts: TLS on the listener, sidecars that prove themselves by certificate, and what becomes of a
//! certificate that is foreign, another's or exchanged.

use crate::app::{Settings, TestApp, write_private};
use crate::ca::Ca;
use crate::edge::Edge;
use crate::process::lockbox;
use crate::steps::{ADELE, ana_reads, eventually};
use rcgen::SanType;
use serde_json::{Value, json};
use std::path::Path;

/// An authority that speaks TLS only, with contoso and ana in its record.
struct Secure {
    app: TestApp,
    ca: Ca,
    authority: Edge,
    agent: ureq::Agent,
}

impl Secure {
    fn start() -> Self {
        let (app, ca) = (TestApp::start_with(Settings::default().and_sidecar("edge-token")), Ca::new());
        let tls = ca.listener(&ca.server());
        let rules = "[{name = \"spiffe://lockbox.example/sidecar/*\", id = \"*\"}]";
        let authority = Edge::authority(&app, &[("authority.tls", &tls), ("identity.certificates", rules)]);
        let root = std::fs::read(ca.path("ca.pem")).unwrap();
        let root = ureq::tls::Certificate::from_pem(&root).unwrap();
        let roots = ureq::tls::RootCerts::Specific(std::sync::Arc::new(vec![root]));
        let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
        let agent = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).build().into();
        let secure = Self { app, ca, authority, agent };
        let settings = json!({ "entitlement": "e5", "lockbox": true, "approvers": ["csilla@contoso.example"] });
        secure.call("otto", "PUT", "/v1/tenants/contoso", &settings);
        secure.call("otto", "PUT", "/v1/engineers/ana@provider.example", &json!({ "teams": ["exchange-oncall"] }));
        secure
    }

    fn url(&self) -> String {
        format!("https://{}", self.authority.address("authority"))
    }

    #[track_caller]
    fn call(&self, who: &str, method: &str, path: &str, body: &Value) -> Value {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url()));
        let request = request.header("authorization", format!("Bearer {}", self.app.demo.token(who)));
        let mut request = request.header("content-type", "application/json");
        if path.ends_with("/approve") {
            request = request.header("if-match", "\"2\"");
        }
        let mut answer = self.agent.run(request.body(body.to_string()).unwrap()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// An approved AccessRequest of ana's.
    fn granted(&self) -> String {
        let wish = json!({
            "tenant": "contoso", "workload": "exchange", "service_request": "SR-1042", "duration": "PT1H",
            "reason": { "code": "customer_initiated_support", "text": "x" }, "actions": ["read"], "content": [ADELE],
        });
        let mut request =
            ureq::http::Request::builder().method("POST").uri(format!("{}/v1/access-requests", self.url()));
        request = request.header("authorization", format!("Bearer {}", self.app.demo.token("ana")));
        let request = request.header("content-type", "application/json").body(wish.to_string()).unwrap();
        let text = self.agent.run(request).unwrap().body_mut().read_to_string().unwrap();
        let id =
            serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned();
        let step = format!("/v1/access-requests/{id}");
        self.call("rita", "POST", &format!("{step}/review"), &json!({ "verdict": "approve" }));
        self.call("csilla", "POST", &format!("{step}/approve"), &json!({}));
        id
    }

    /// A sidecar that proves itself by these files.
    fn sidecar(&self, name: &str, (certificate, key): &(String, String)) -> Edge {
        Edge::certified(
            &self.app,
            &[
                ("sidecar.authority_url", &self.url()),
                ("sidecar.authority_ca_file", &self.ca.path("ca.pem")),
                ("sidecar.authority_certificate_file", certificate),
                ("sidecar.authority_key_file", key),
                ("sidecar.name", name),
            ],
        )
    }
}

fn why(edge: &Edge) -> String {
    edge.readiness()["checks"].to_string()
}

#[test]
fn a_sidecar_proves_itself_by_its_certificate_and_nobody_elses() {
    let secure = Secure::start();
    let id = secure.granted();
    let own = secure.ca.sidecar("edge-1");
    let edge = secure.sidecar("edge-1", &own);
    edge.becomes(&secure.app, &ana_reads(), "grant_active");
    let revoked = secure.call("csilla", "POST", &format!("/v1/access-requests/{id}/revoke"), &json!({}));
    assert_eq!(revoked["effective"], true);
    assert_eq!(edge.reason(&secure.app, &ana_reads()), "grant_revoked");

    // With the certificate of another sidecar it is refused, and says why.
    let posing = secure.sidecar("edge-2", &own);
    eventually(
        "edge-2 is told",
        || why(&posing),
        |why| why.contains("calls itself `edge-2`, with the proof of `edge-1`"),
    );
    assert_eq!(posing.reason(&secure.app, &ana_reads()), "not_ready");
    // With one that another authority has signed nothing is agreed on at all.
    let foreign = secure.sidecar("edge-1", &Ca::new().sidecar("edge-1"));
    eventually("the foreign one is told", || why(&foreign), |why| why.contains("cannot be reached"));
    assert_eq!(foreign.reason(&secure.app, &ana_reads()), "not_ready");
    // A certificate that no rule names proves nobody.
    let stranger = secure.ca.issue("stranger", SanType::DnsName("stranger.example".try_into().unwrap()));
    let stranger = secure.sidecar("stranger", &stranger);
    eventually("the stranger is told", || why(&stranger), |why| why.contains("not mapped to a caller"));
}

#[test]
fn a_sidecar_trusts_no_authority_but_its_own() {
    let secure = Secure::start();
    let other = Ca::new();
    let own = secure.ca.sidecar("edge-1");
    let edge = Edge::certified(
        &secure.app,
        &[
            ("sidecar.authority_url", &secure.url()),
            ("sidecar.authority_ca_file", &other.path("ca.pem")),
            ("sidecar.authority_certificate_file", &own.0),
            ("sidecar.authority_key_file", &own.1),
        ],
    );
    eventually("it does not trust it", || why(&edge), |why| why.contains("invalid peer certificate"));
    assert_eq!(edge.reason(&secure.app, &ana_reads()), "not_ready");
}

#[test]
fn certificates_are_exchanged_while_everything_runs() {
    let secure = Secure::start();
    secure.granted();
    let own = secure.ca.sidecar("edge-1");
    let edge = secure.sidecar("edge-1", &own);
    edge.becomes(&secure.app, &ana_reads(), "grant_active");
    let taken = || shown(&secure);
    let before = taken();
    secure.ca.server();
    secure.ca.sidecar("edge-1");
    eventually("the new certificate is in force", taken, |serial| *serial != before);
    assert_eq!(edge.reason(&secure.app, &ana_reads()), "grant_active", "nobody noticed");
}

/// The authority's certificate, as a client sees it.
fn shown(secure: &Secure) -> String {
    let address = secure.authority.address("authority").to_string();
    let mut openssl = std::process::Command::new("openssl");
    let shown = openssl.args(["s_client", "-connect", &address]).stdin(std::process::Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("{text}"));
    rest.split("-----END").next().unwrap().to_owned()
}

#[test]
fn the_command_line_speaks_tls_with_roots_of_ones_own() {
    let secure = Secure::start();
    let token = secure.ca.path("otto.token");
    write_private(Path::new(&token), secure.app.demo.token("otto"));
    let status = |more: &[&str]| {
        let mut command = lockbox();
        command.args(["fleet", "status", "--authority", &secure.url(), "--token-file", &token]).args(more);
        command.output().unwrap()
    };
    let untrusted = status(&[]);
    assert_eq!(untrusted.status.code(), Some(1), "{untrusted:?}");
    let shown = status(&["--ca-file", &secure.ca.path("ca.pem")]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success() && text.contains("epoch 1") && text.contains("no sidecars"), "{text}");
}
