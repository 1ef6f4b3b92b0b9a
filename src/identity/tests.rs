//! The entry point: which proof counts, and the token file.

use super::tokens::{Entry, TokenFile, TokenFileError};
use super::*;
use crate::clock::{SeededIds, SteppedClock};
use crate::domain::{Person, PersonId, Role, TenantId, Timestamp};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const LOOPBACK: &str = "127.0.0.1:40000";
const ELSEWHERE: &str = "192.0.2.7:40000";

fn tcp(address: &str) -> Peer {
    Peer::Tcp(address.parse().unwrap())
}

fn workload(name: &str, workload: &str) -> Caller {
    Caller::Workload { name: CallerName::parse(name).unwrap(), workload: WorkloadName::parse(workload).unwrap() }
}

fn csilla() -> Caller {
    Caller::Person(Person {
        id: PersonId::parse("csilla@contoso.example").unwrap(),
        roles: [Role::Approver, Role::TenantAdmin].into_iter().collect(),
        tenant: Some(TenantId::parse("contoso").unwrap()),
        authentication: crate::domain::Authentication { method: "token", strength: None, address: None },
    })
}

fn write(path: &Path, entries: &[(&str, Caller)]) {
    let entries: Vec<Entry> =
        entries.iter().map(|(token, caller)| Entry { sha256: tokens::hash(token), caller: caller.clone() }).collect();
    std::fs::write(path, tokens::render(&entries)).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// An identity with a token file of these entries.
fn identity(entries: &[(&str, Caller)], change: impl FnOnce(&mut Proofs)) -> (Identity, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens.toml");
    write(&path, entries);
    let mut proofs = Proofs { tokens: Some(TokenFile::open(path).unwrap()), ..Proofs::default() };
    change(&mut proofs);
    let clock = SteppedClock::at(Timestamp::from_ms(0));
    (Identity::new(proofs, Arc::new(clock)).unwrap(), dir)
}

fn bearer(token: &str) -> Vec<u8> {
    format!("Bearer {token}").into_bytes()
}

#[test]
fn a_token_proves_its_caller_wherever_it_comes_from() {
    let ids = SeededIds::new(1);
    let (front, person) = (tokens::generate(&ids).unwrap(), tokens::generate(&ids).unwrap());
    assert!(front.starts_with("lbx_") && front.len() == 47 && front != person);
    let exchange = workload("exchange-frontend", "exchange");
    let (identity, _dir) = identity(&[(&front, exchange.clone()), (&person, csilla())], |_| ());
    for peer in [tcp(LOOPBACK), tcp(ELSEWHERE), Peer::Unix { uid: 7 }] {
        assert_eq!(*identity.authenticate(Some(&bearer(&front)), &peer).unwrap(), exchange);
    }
    assert!(identity.authenticate(Some(format!("bEARER {front}").as_bytes()), &tcp(LOOPBACK)).is_ok());
    let caller = identity.authenticate(Some(&bearer(&person)), &tcp("[::ffff:192.0.2.7]:1")).unwrap();
    let Caller::Person(proved) = &*caller else { panic!("{caller:?}") };
    assert_eq!(proved.authentication.address.as_deref(), Some("192.0.2.7"));
    assert!(proved.is_of(&TenantId::parse("contoso").unwrap(), Role::Approver));
}

#[test]
fn what_is_not_exactly_one_good_proof_is_none() {
    let token = tokens::generate(&SeededIds::new(1)).unwrap();
    let everybody = |proofs: &mut Proofs| {
        let named =
            NamedCaller { name: CallerName::parse("x").unwrap(), workload: WorkloadName::parse("exchange").unwrap() };
        proofs.peers.insert(7, named);
        proofs.trust_loopback = Some(WorkloadName::parse("exchange").unwrap());
    };
    let (identity, _dir) = identity(&[(&token, workload("x", "exchange"))], everybody);
    let good = bearer(&token);
    let long = bearer(&"x".repeat(AUTHORIZATION_BYTES_MAX));
    let twin = bearer(&token.to_uppercase());
    let bad: [&[u8]; 18] = [
        b"",
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Basic YTpi",
        token.as_bytes(),
        b"Bearer lbx_",
        b"Bearer lbx_wrong",
        &long,
        &twin,
        b"Bearer \xff\xfe",
        b"Bearer a b",
        "Bearer lbx_\u{e9}".as_bytes(),
        b"Bearer\tx",
        b"Bearer a.b.c",
        b"Bearer \0",
        &good[..good.len() - 1],
        b"Bearer null",
    ];
    for header in bad {
        // A wrong proof is refused even where none at all would have been enough.
        for peer in [tcp(LOOPBACK), tcp(ELSEWHERE), Peer::Unix { uid: 7 }] {
            let refused = identity.authenticate(Some(header), &peer).unwrap_err();
            assert!(!refused.to_string().contains("lbx_"), "{refused}");
        }
    }
    let all = |headers: &[&[u8]]| identity.authenticate_all(headers.iter().copied(), &tcp(ELSEWHERE));
    assert!(all(&[&good]).is_ok() && all(&[&good, &good]).is_err() && all(&[&good, b""]).is_err() && all(&[]).is_err());
}

#[test]
fn without_a_header_only_what_the_configuration_names_counts() {
    let named = NamedCaller {
        name: CallerName::parse("frontend").unwrap(),
        workload: WorkloadName::parse("exchange").unwrap(),
    };
    let ask = |identity: &Identity, peer: &Peer| identity.authenticate(None, peer).ok().map(|caller| (*caller).clone());
    let (closed, _dir) = identity(&[], |_| ());
    for peer in [tcp(LOOPBACK), tcp("[::1]:1"), tcp(ELSEWHERE), Peer::Unix { uid: 0 }] {
        assert_eq!(ask(&closed, &peer), None);
    }
    let (open, _dir) = identity(&[], |proofs| {
        proofs.peers.insert(1000, named);
        proofs.trust_loopback = Some(WorkloadName::parse("sharepoint").unwrap());
    });
    assert_eq!(ask(&open, &Peer::Unix { uid: 1000 }), Some(workload("frontend", "exchange")));
    for loopback in [LOOPBACK, "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(ask(&open, &tcp(loopback)), Some(workload("loopback", "sharepoint")));
    }
    for peer in [tcp(ELSEWHERE), tcp("[::2]:1"), tcp("0.0.0.0:1"), Peer::Unix { uid: 0 }, Peer::Unix { uid: 1001 }] {
        assert_eq!(ask(&open, &peer), None, "{peer:?}");
    }
}

#[test]
fn a_changed_file_takes_over_and_a_bad_one_does_not() {
    let exchange = || workload("exchange-frontend", "exchange");
    let (identity, dir) = identity(&[("lbx_one", exchange())], |_| ());
    let path = dir.path().join("tokens.toml");
    let knows = |token: &str| identity.authenticate(Some(&bearer(token)), &tcp(ELSEWHERE)).is_ok();
    assert!(identity.tend().is_empty() && knows("lbx_one") && !knows("lbx_two"));

    write(&path, &[("lbx_two", exchange()), ("lbx_three", csilla())]);
    assert_eq!(identity.tend(), [Tended::TokensLoaded(2)]);
    assert!(!knows("lbx_one") && knows("lbx_two") && knows("lbx_three") && identity.tend().is_empty());

    std::fs::write(&path, "[[token]]\nkind = ").unwrap();
    assert!(matches!(&identity.tend()[..], [Tended::TokensKept(why)] if why.contains("not TOML")));
    assert!(knows("lbx_two") && identity.tend().is_empty());

    std::fs::remove_file(&path).unwrap();
    assert!(matches!(&identity.tend()[..], [Tended::TokensKept(why)] if why.contains("cannot be read")));
    assert!(knows("lbx_two") && identity.tend().is_empty());

    write(&path, &[("lbx_one", exchange())]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(&identity.tend()[..], [Tended::TokensKept(why)] if why.contains("chmod 600")));
    assert!(knows("lbx_two") && !knows("lbx_one"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(identity.tend(), [Tended::TokensLoaded(1)]);
    assert!(!knows("lbx_two") && knows("lbx_one"));
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for mode in [0o604, 0o640, 0o620, 0o602, 0o601, 0o777] {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = TokenFile::open(file.path()).err();
        assert!(matches!(refused, Some(TokenFileError::Open { mode: told, .. }) if told == mode), "{mode:o}");
    }
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(TokenFile::open(file.path()).is_ok());
}

#[test]
fn entries_survive_the_file_and_mistakes_are_told() {
    let sidecar = Caller::Sidecar { name: CallerName::parse("sidecar-1").unwrap() };
    let callers = [("a", workload("exchange-frontend", "exchange")), ("b", csilla()), ("c", sidecar)];
    let entries: Vec<Entry> = callers.map(|(token, caller)| Entry { sha256: tokens::hash(token), caller }).to_vec();
    assert_eq!(tokens::parse_file(&tokens::render(&entries)).unwrap(), entries);
    assert_eq!(tokens::parse_file("").unwrap(), []);

    let hash = tokens::hex(&tokens::hash("a"));
    let with = |lines: &str| format!("[[token]]\nsha256 = \"{hash}\"\n{lines}\n");
    let person = "kind = \"person\"\nid = \"ana@provider.example\"";
    for (text, part) in [
        (
            with("kind = \"workload\"\nid = \"x\"\nworklod = \"exchange\""),
            "token 1 of the token file: the key `worklod` is not known; did you mean `workload`?",
        ),
        (with("kind = \"workload\"\nid = \"x\""), "`workload` is missing"),
        (with("kind = \"workload\"\nid = \"X\"\nworkload = \"exchange\""), "not a canonical caller"),
        (with("kind = \"robot\"\nid = \"x\""), "`kind` must be `person`"),
        (with("kind = \"sidecar\"\nid = \"x\"\nroles = [\"operator\"]"), "`roles` has no place"),
        (with("kind = 5\nid = \"x\""), "`kind` must be a string"),
        (with(person), "`roles` must be a list"),
        (with(&format!("{person}\nroles = []")), "`roles` must be a list"),
        (with(&format!("{person}\nroles = [\"enginer\"]")), "did you mean `engineer`?"),
        (with(&format!("{person}\nroles = [\"approver\"]")), "needs a `tenant`"),
        (with(&format!("{person}\nroles = [\"operator\"]\ntenant = \"contoso\"")), "cannot go with a `tenant`"),
        (
            with("kind = \"sidecar\"\nid = \"x\"") + &with("kind = \"sidecar\"\nid = \"y\""),
            "token 2 of the token file: has the same `sha256` as token 1",
        ),
        ("[[token]]\nkind = \"sidecar\"\nid = \"x\"\nsha256 = \"abc\"".into(), "64 lower-case hex digits"),
        (
            format!("[[token]]\nkind = \"sidecar\"\nid = \"x\"\nsha256 = \"{}\"", hash.to_uppercase()),
            "64 lower-case hex digits",
        ),
        ("tokens = []".into(), "unknown key `tokens`"),
        ("token = 5".into(), "`[[token]]`"),
        ("token = [5]".into(), "must be a table"),
        ("]".into(), "not TOML"),
    ] {
        let error = tokens::parse_file(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_certificate_proves_whom_the_first_rule_that_fits_names() {
    let rule = |name: &str, id: &str, workload: Option<&str>| CertificateRule {
        name: name.to_owned(),
        id: id.to_owned(),
        workload: workload.map(|workload| WorkloadName::parse(workload).unwrap()),
    };
    let (identity, _dir) = identity(&[], |proofs| {
        proofs.certificates = vec![
            rule("spiffe://lockbox.example/sidecar/*", "beside-*", None),
            rule("exchange.example", "exchange-frontend", Some("exchange")),
        ];
    });
    let shown = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let peer = Peer::Tls(LOOPBACK.parse().unwrap(), names.into());
        identity.authenticate(None, &peer).map(|caller| (*caller).clone())
    };
    let sidecar = |name: &str| Ok(Caller::Sidecar { name: CallerName::parse(name).unwrap() });
    assert_eq!(shown(&["spiffe://lockbox.example/sidecar/e1"]), sidecar("beside-e1"));
    assert_eq!(shown(&["other.example", "spiffe://lockbox.example/sidecar/e1"]), sidecar("beside-e1"));
    assert_eq!(shown(&["exchange.example"]), Ok(workload("exchange-frontend", "exchange")));
    for nobody in [
        &["spiffe://lockbox.example/sidecar/"][..],
        &["spiffe://lockbox.example/sidecar/a/b"],
        &["spiffe://other.example/sidecar/e1"],
        &["Exchange.example.evil"],
        &["spiffe://lockbox.example/sidecar/É"],
        &[],
    ] {
        assert!(shown(nobody).is_err(), "{nobody:?}");
    }
    let wrong = identity.authenticate(
        Some(b"Bearer lbx_wrong"),
        &Peer::Tls(LOOPBACK.parse().unwrap(), vec!["exchange.example".to_owned()].into()),
    );
    assert!(wrong.is_err(), "a wrong token is not made good by a certificate");
}
