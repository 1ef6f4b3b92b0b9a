//! Files of settings: what is wrong in one is said with its place, what is written is read as the same,
//! and a difference is what it is.

use super::diff::{Change, body, changes};
use super::fields::FIELDS;
use super::file::{Wanted, of_tenant, read, schema, to_json, to_yaml};
use crate::domain::{Entitlement, Language};
use serde_json::{Value, json};
use std::path::Path;

#[track_caller]
fn wanted(text: &str) -> Vec<Wanted> {
    read("t.yaml", text).unwrap_or_else(|said| panic!("{said}"))
}

#[track_caller]
fn complaint(text: &str) -> String {
    read("t.yaml", text).unwrap_err()
}

fn contoso() -> Value {
    json!({
        "id": "contoso", "version": 3, "entitlement": "e5", "lockbox": true, "quorum": 2, "notify": [],
        "approvers": ["csilla@contoso.example", "dora@contoso.example"],
        "limits": { "respond_within": "PT12H", "grant_longest": "PT1H", "own": ["grant_longest"] },
        "attributes": { "region": "eu", "tier": 2, "tags": ["a: b", "null", "0755", "on", "- x"], "nested": { "x": true } },
        "changed_at": "2026-11-22T09:30:00Z"
    })
}

fn lines(changes: &[Change]) -> Vec<String> {
    let output = super::Output::new(super::output::Format::Text, super::output::ColorWhen::Never);
    changes.iter().flat_map(|change| change.lines(&output)).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn what_is_written_is_read_as_the_same_and_changes_nothing() {
    let mut fabrikam = contoso();
    fabrikam["id"] = json!("fabrikam");
    fabrikam["approvers"] = json!([]);
    fabrikam["attributes"] = json!({});
    let tenants = [("contoso".to_owned(), of_tenant(&contoso())), ("fabrikam".to_owned(), of_tenant(&fabrikam))];
    let yaml = to_yaml(&tenants).unwrap();
    for text in [yaml.clone(), to_json(&tenants).to_string()] {
        let wanted = wanted(&text);
        assert_eq!(wanted.iter().map(|wanted| wanted.id.as_str()).collect::<Vec<_>>(), ["contoso", "fabrikam"]);
        for (tenant, wanted) in [contoso(), fabrikam.clone()].iter().zip(&wanted) {
            assert_eq!(wanted.values.len(), 8, "{yaml}");
            assert_eq!(lines(&changes(tenant, wanted)), Vec::<String>::new(), "{yaml}");
        }
    }
    insta::assert_snapshot!(yaml, @r#"
    # Settings of tenants. What stands here is made so by `lockbox tenant apply`; what is left out stays.
    tenants:
      contoso:
        entitlement: e5
        lockbox: true
        approvers:
        - csilla@contoso.example
        - dora@contoso.example
        quorum: 2
        notify: []
        limits:
          respond_within: null
          grant_longest: PT1H
        attributes:
          region: eu
          tier: 2
          tags:
          - "a: b"
          - "null"
          - "0755"
          - "on"
          - "- x"
          nested:
            x: true
      fabrikam:
        entitlement: e5
        lockbox: true
        approvers: []
        quorum: 2
        notify: []
        limits:
          respond_within: null
          grant_longest: PT1H
        attributes: {}
    "#);
    assert!(to_yaml(&[]).unwrap().ends_with("\ntenants: {}\n"));
}

#[test]
fn only_what_the_file_names_changes() {
    let text = "
tenants:
  contoso:
    lockbox: off
    approvers: [emil@contoso.example, dora@contoso.example]
    quorum: 1
    limits: { respond_within: PT360M, grant_longest: null }
    entitlement: e5
";
    let changes = changes(&contoso(), &wanted(text)[0]);
    assert_eq!(
        lines(&changes),
        [
            "~ lockbox: on -> off",
            "- approvers: csilla@contoso.example",
            "+ approvers: emil@contoso.example",
            "~ quorum: 2 -> 1",
            "~ limits.respond_within: the provider's -> PT6H",
            "~ limits.grant_longest: PT1H -> the provider's",
        ]
    );
    assert_eq!(
        body(&changes),
        json!({
            "lockbox": false, "approvers": ["dora@contoso.example", "emil@contoso.example"], "quorum": 1,
            "limits": { "respond_within": "PT6H", "grant_longest": null }
        })
    );
    let questions: Vec<String> = changes.iter().filter_map(Change::question).collect();
    assert_eq!(
        questions,
        ["lockbox changes from on to off", "approvers loses csilla@contoso.example", "quorum goes down from 2 to 1",]
    );
    let json = changes[1].to_json();
    assert_eq!((&json["setting"], &json["removed"]), (&json!("approvers"), &json!(["csilla@contoso.example"])));
}

#[test]
fn what_only_tightens_is_not_asked_about() {
    let text = "
tenants:
  contoso:
    approvers: [csilla@contoso.example, dora@contoso.example, emil@contoso.example]
    quorum: 3
    limits: { grant_longest: PT30M }
    notify: [desk@contoso.example]
";
    let changes = changes(&contoso(), &wanted(text)[0]);
    assert_eq!(changes.len(), 4);
    assert!(changes.iter().all(|change| change.question().is_none()), "{changes:?}");
    // A limit of one's own that equals the provider's is still one's own.
    let own = "tenants:\n  contoso:\n    limits:\n      respond_within: PT12H\n";
    assert_eq!(
        lines(&super::diff::changes(&contoso(), &wanted(own)[0])),
        ["~ limits.respond_within: the provider's -> PT12H"]
    );
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let text = "
tenants:
  contoso:
    lockbx: true
    approvers: dora@contoso.example
    quorum: many
    limits:
      grant_longst: PT1H
      respond_within: 6 hours
    webhooks: { pager: 7 }
    attributes: { share: 0.5, gone: null }
    time_zone: Europe/Budapset
    language: de
    colour: blue
  Fabrikam:
    lockbox: on
  litware: []
";
    insta::assert_snapshot!(complaint(text), @r#"
    t.yaml:4:5: `contoso.lockbx` is not known: write `lockbox`, if that is meant
    t.yaml:5:16: `contoso.approvers` must be a list such as `[csilla@contoso.example]` (nobody is `[]`), not `dora@contoso.example`
    t.yaml:6:13: `contoso.quorum` must be a whole number from 1 to 100, not `many`
    t.yaml:8:7: `contoso.limits.grant_longst` is not known: write `grant_longest`, if that is meant
    t.yaml:9:23: `contoso.limits.respond_within` is no duration: `6 hours` is not an ISO 8601 duration of days, hours, minutes and seconds such as `PT2H`
    t.yaml:10:24: `contoso.webhooks` must be addresses like `https://hooks.contoso.example/lockbox`, not `7`
    t.yaml:11:26: `contoso.attributes` holds `0.5`: policies know whole numbers of 64 bits only
    t.yaml:12:16: `contoso.time_zone` names no time zone: there is no `Europe/Budapset`: write `Europe/Budapest`, if that is meant
    t.yaml:13:15: `contoso.language` must be one of `en`, `hu`, not `de`
    t.yaml:14:5: `contoso.colour` is not known: known are `entitlement`, `lockbox`, `approvers`, `fallback_approvers`, `quorum`, `notify`, `webhooks`, `limits`, `language`, `time_zone`, `attributes`
    t.yaml:15:3: names no tenant: `Fabrikam` is not a canonical tenant: it has 1 to 63 lower-case letters, digits and `-` only
    t.yaml:17:12: `litware` must hold settings by their names, not a list
    "#);
}

#[test]
fn a_file_that_is_none_says_how_one_looks() {
    for (text, said) in [
        ("", "t.yaml"),
        ("- contoso\n", "t.yaml:1:1: must begin with `tenants:`"),
        ("tenants: {}\n", "names no tenant"),
        ("tenants: [contoso]\n", "t.yaml:1:10: `tenants` must hold each tenant by its name"),
        ("tennants:\n  contoso: {}\n", "t.yaml:1:1: `tennants` is not known: write `tenants`, if that is meant"),
        ("tenants:\n  contoso: {lockbox: true}\n  contoso: {}\n", "t.yaml:3:"),
        ("tenants:\n  contoso:\n    lockbox: true\n    lockbox: false\n", "t.yaml:4:"),
        ("tenants:\n  contoso: {\n", "t.yaml:"),
        ("tenants:\n  contoso:\n    approvers: [csilla@contoso.example, csilla@contoso.example]\n", "twice"),
        ("tenants:\n  contoso:\n    approvers: [12]\n", "put `12` into quotes"),
        ("tenants:\n  contoso:\n    approvers: ['Csilla@contoso.example']\n", "names nobody"),
        ("tenants:\n  contoso:\n    approvers:\n", "(nobody is `[]`)"),
        ("tenants:\n  contoso:\n    time_zone: 'Europe; Budapest'\n", "names no time zone: `Europe; Budapest`"),
        ("tenants:\n  contoso:\n    webhooks: { Pager: 'https://x.example' }\n", "names no webhook: `Pager`"),
        ("tenants:\n  contoso:\n    lockbox: 'true'\n", "must be `true` or `false`, not `true`"),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains(said), "{text:?}: {complaint}");
    }
    assert!(wanted("tenants:\n  contoso:\n")[0].values.is_empty(), "nothing named, nothing wanted");
    let many = "x: 1\n".repeat(30).lines().enumerate().map(|(n, line)| format!("{n}{line}\n")).collect::<String>();
    assert!(complaint(&many).ends_with("\nand 10 more"), "{}", complaint(&many));
}

#[test]
fn the_words_of_a_choice_are_those_of_the_domain() {
    let words = |path: &str| {
        let field = FIELDS.iter().find(|field| field.path == path).unwrap();
        field.schema()["enum"].clone()
    };
    assert_eq!(words("entitlement"), json!(Entitlement::ALL.map(Entitlement::as_str)));
    assert_eq!(words("language"), json!(Language::ALL.map(Language::as_str)));
}

#[test]
fn the_schema_of_files_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/tenants.schema.json");
    if std::env::var_os("LOCKBOX_REGENERATE").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    let help = "run the tests once with LOCKBOX_REGENERATE=1";
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), schema(), "{help}");
}
