//! Evidence holds for what it was signed for, and for nothing that differs from it by a byte.

use super::*;
use crate::domain::ActionName;
use crate::identity::webauthn::software::Software;
use crate::identity::webauthn::{Registered, registered};
use serde_json::{Value, json};

fn site() -> Site {
    Site::of("https://lockbox.example").unwrap()
}

fn statement(content: Option<&[&str]>) -> Statement {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Statement {
        purpose: PURPOSE.to_owned(),
        access_request: "LBX-1001".to_owned(),
        version: 2,
        tenant: "contoso".to_owned(),
        workload: "exchange".to_owned(),
        engineer: "ana@provider.example".to_owned(),
        person: "csilla@contoso.example".to_owned(),
        duration: "PT1H".to_owned(),
        actions: texts(&["list", "read"]),
        content: content.map(texts),
        comment: Some("árvíz, only \"this\"".to_owned()),
        nonce: "n".to_owned(),
    }
}

fn scope(actions: &[&str], content: &[&str]) -> Scope {
    Scope {
        actions: actions.iter().map(|name| ActionName::parse(name).unwrap()).collect(),
        content: ContentScope::from_paths(content.iter().map(|path| ContentPath::parse(path).unwrap()).collect()),
    }
}

fn recorded() -> Recorded<'static> {
    Recorded {
        access_request: "LBX-1001",
        version: 3,
        tenant: "contoso",
        workload: "exchange",
        engineer: "ana@provider.example",
        person: "csilla@contoso.example",
        comment: Some("árvíz, only \"this\""),
        granted: Some((Duration::from_secs(3600), scope(&["list", "read"], &["mailbox/adele"]))),
    }
}

fn signed(text: &str, change: impl Fn(&mut Software)) -> Evidence {
    let mut software = Software::of(Algorithm::Es256, site());
    let create = software.client_data("webauthn.create", b"c").to_string();
    let Registered { key, .. } = registered(&site(), b"c", create.as_bytes(), &software.data(true)).unwrap();
    change(&mut software);
    Evidence::of(&site(), text, "Y3JlZGVudGlhbA", &key, &software.assert(&Statement::challenge(text)))
}

fn evidence() -> Evidence {
    signed(&statement(Some(&["mailbox/adele"])).text(), |_| {})
}

#[test]
fn evidence_of_exactly_this_holds() {
    assert_eq!(evidence().verify(&recorded()), Ok(()));
    assert_eq!(Evidence::parse(&evidence().text()).unwrap().verify(&recorded()), Ok(()));
    let less =
        Recorded { granted: Some((Duration::from_secs(60), scope(&["read"], &["mailbox/adele"]))), ..recorded() };
    assert_eq!(evidence().verify(&less), Ok(()), "another approver has narrowed it since");
    assert_eq!(evidence().verify(&Recorded { granted: None, ..recorded() }), Ok(()));
    let whole = signed(&statement(None).text(), |_| {});
    assert_eq!(whole.verify(&recorded()), Ok(()));
    let everything = Recorded { granted: Some((Duration::from_secs(3600), scope(&["read"], &[]))), ..recorded() };
    assert_eq!(whole.verify(&everything), Ok(()));
    assert_eq!(evidence().verify(&everything), Err(Unproven::More("content")));
    assert_eq!(evidence().fingerprint().len(), 64);
}

#[test]
fn a_byte_changed_anywhere_is_noticed() {
    let whole = serde_json::to_value(evidence()).unwrap();
    for (name, value) in whole.as_object().unwrap() {
        // What names the passkey is no part of what is signed; it only has to be readable.
        if name == "credential_id" {
            continue;
        }
        let text = value.as_str().unwrap();
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let mut altered = whole.clone();
            altered[name] = json!(changed);
            let altered: Evidence = serde_json::from_value(altered).unwrap();
            assert!(altered.verify(&recorded()).is_err(), "{name} with another byte {at}");
        }
        let mut without: Value = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        assert!(Evidence::parse(&without.to_string()).is_err());
    }
}

#[test]
fn it_holds_for_no_other_record() {
    let differs = |name, change: fn(&mut Recorded<'static>)| {
        let mut other = recorded();
        change(&mut other);
        assert_eq!(evidence().verify(&other), Err(Unproven::Differs(name)));
    };
    differs("access_request", |record| record.access_request = "LBX-1002");
    differs("version", |record| record.version = 2);
    differs("version", |record| record.version = 4);
    differs("tenant", |record| record.tenant = "fabrikam");
    differs("workload", |record| record.workload = "sharepoint");
    differs("engineer", |record| record.engineer = "ben@provider.example");
    differs("person", |record| record.person = "dora@contoso.example");
    differs("comment", |record| record.comment = None);
    let more = |name, seconds, scope| {
        let granted = Some((Duration::from_secs(seconds), scope));
        assert_eq!(evidence().verify(&Recorded { granted, ..recorded() }), Err(Unproven::More(name)));
    };
    more("duration", 3601, scope(&["read"], &["mailbox/adele"]));
    more("actions", 3600, scope(&["export", "read"], &["mailbox/adele"]));
    more("content", 3600, scope(&["read"], &["mailbox/adele", "mailbox/bela"]));
    more("content", 3600, scope(&["read"], &[]));
}

#[test]
fn what_is_signed_must_be_a_statement_in_its_one_form_by_a_verified_user() {
    let text = statement(Some(&["mailbox/adele"])).text();
    let spaced = signed(&text.replace(",\"nonce\"", ", \"nonce\""), |_| {});
    assert_eq!(spaced.verify(&recorded()), Err(Unproven::Form("the statement is not written in its one form")));
    let other = signed(&text.replace(PURPOSE, "lockbox-approval-v2"), |_| {});
    assert_eq!(other.verify(&recorded()), Err(Unproven::Differs("purpose")));
    let nothing = signed(&statement(Some(&[])).text(), |_| {});
    assert_eq!(nothing.verify(&recorded()), Err(Unproven::Form("the content is none")));
    let unverified = signed(&text, |software| software.flags = 1);
    assert_eq!(unverified.verify(&recorded()), Err(Unproven::Refused(Refused::NotVerified)));
    let elsewhere = Evidence { origin: "https://evil.example".to_owned(), ..evidence() };
    assert_eq!(elsewhere.verify(&recorded()), Err(Unproven::Form("origin and host do not belong together")));
}
