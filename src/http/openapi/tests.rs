//! The description is whole, consistent, and the one that is checked in. That examples are taken by the
//! real endpoints is tried where there is a whole process to ask: in the integration tests.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(target) if name == "$ref" => drop(found.insert(target.to_owned())),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn everything_referred_to_is_there_and_everything_there_is_referred_to() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for target in &found {
        let there = document.pointer(target.trim_start_matches('#'));
        assert!(there.is_some(), "{target} is nowhere");
    }
    for name in document.pointer("/components/schemas").unwrap().as_object().unwrap().keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "nobody refers to {name}");
    }
}

#[test]
fn every_row_names_schemas_that_are_there() {
    let document = document();
    let schema = |name: &str| document.pointer(&format!("/components/schemas/{name}"));
    for endpoint in endpoints() {
        let Endpoint { method, path, asks, takes, answers, .. } = &endpoint;
        assert_eq!(asks.is_empty(), matches!(takes, Takes::Nothing | Takes::Bundle), "{method} {path}");
        for name in [*asks, answers.1].into_iter().filter(|name| !name.is_empty()) {
            assert!(schema(name).is_some(), "{method} {path}: `{name}` is no schema");
        }
        assert_eq!(bodies::example(asks).is_some(), !asks.is_empty(), "{method} {path}: an example of `{asks}`");
        let operation = document.pointer(&format!("/paths/{}/{}", path.replace('/', "~1"), method.to_lowercase()));
        assert!(operation.is_some(), "{method} {path} is not described");
    }
}

#[test]
fn an_example_has_the_members_of_its_schema() {
    let document = document();
    for endpoint in endpoints().iter().filter(|endpoint| !endpoint.asks.is_empty()) {
        let example = bodies::example(endpoint.asks).unwrap();
        let schema = document.pointer(&format!("/components/schemas/{}", endpoint.asks)).unwrap();
        for name in example.as_object().unwrap().keys() {
            assert!(schema.pointer(&format!("/properties/{name}")).is_some(), "{}: `{name}`", endpoint.asks);
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(example.get(name.as_str().unwrap()).is_some(), "{}: {name} is required", endpoint.asks);
        }
    }
}

#[test]
fn operations_have_names_of_their_own_and_a_known_tag() {
    let mut names = BTreeSet::new();
    for endpoint in endpoints() {
        let name = operation::operation_id(&endpoint);
        assert!(names.insert(name.clone()) || name == "openapi", "{name} is there twice");
        let tag = operation::tag(&endpoint);
        assert!(TAGS.iter().any(|(known, _)| *known == tag), "{}: tag `{tag}`", endpoint.path);
    }
}

#[test]
fn who_must_prove_himself_is_said() {
    let document = document();
    for Endpoint { method, path, who, .. } in endpoints() {
        let place = format!("/paths/{}/{}/security", path.replace('/', "~1"), method.to_lowercase());
        let proofs = document.pointer(&place).unwrap().as_array().unwrap().len();
        assert_eq!(proofs, usize::from(who != Who::Anyone), "{method} {path}");
    }
}

#[test]
fn approving_and_denying_need_if_match() {
    let document = document();
    for step in ["approve", "deny", "close"] {
        let place = format!("/paths/~1v1~1access-requests~1{{id}}~1{step}/post/parameters");
        let parameters = document.pointer(&place).unwrap().as_array().unwrap();
        let tag = parameters.iter().find(|parameter| parameter["name"] == "If-Match").unwrap();
        assert_eq!(tag["required"], step != "close", "{step}");
    }
}

#[test]
fn listed_values_have_a_place() {
    let document = document();
    for place in components::enumerated() {
        assert!(document.pointer(&format!("/components/schemas/{place}/enum")).is_some(), "{place} is nowhere");
    }
}

#[test]
fn the_description_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/openapi.json");
    if std::env::var_os("LOCKBOX_REGENERATE").is_some() {
        std::fs::write(&path, text()).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == text(),
        "schemas/openapi.json is not what the tables say: run the tests once with LOCKBOX_REGENERATE=1"
    );
}
