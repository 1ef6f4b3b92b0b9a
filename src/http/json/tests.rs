//! The strict reader against what must be refused, and against serde_json on what is valid.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn error(bytes: impl AsRef<[u8]>) -> String {
    Json::parse(bytes.as_ref()).unwrap_err().to_string()
}

fn as_value(json: &Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::from(*value),
        Json::Integer(value) => Value::from(*value),
        Json::Number(value) => Value::from(*value),
        Json::String(text) => Value::from(text.as_ref()),
        Json::Array(items) => items.iter().map(as_value).collect(),
        Json::Object(members) => members.iter().map(|(name, value)| (name.to_string(), as_value(value))).collect(),
    }
}

#[test]
fn a_question_is_read_and_borrowed() {
    let body = br#"{"engineer":"ana@provider.example","n":-5,"x":1.5,"deep":[true,null,{"a":"\u00e9"}]}"#;
    let json = Json::parse(body).unwrap();
    assert!(matches!(json.get("engineer"), Some(Json::String(Cow::Borrowed("ana@provider.example")))));
    assert_eq!(json.get("n"), Some(&Json::Integer(-5)));
    assert_eq!(json.get("x"), Some(&Json::Number(1.5)));
    assert_eq!(as_value(&json), serde_json::from_slice::<Value>(body).unwrap());
}

#[test]
fn duplicate_names_are_refused_at_any_depth_and_spelling() {
    for body in
        [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":1}"#, r#"{"x":{"y":[{"a":1,"b":2,"a":3}]}}"#, r#"[{"":1,"":2}]"#]
    {
        assert!(error(body).contains("appears twice"), "{body}");
    }
    let many = |last: &str| {
        let names: Vec<String> = (0..40).map(|n| format!("\"m{n}\":0")).collect();
        format!("{{{},\"{last}\":1}}", names.join(","))
    };
    assert!(error(many("m0")).contains("`m0` appears twice"));
    assert!(error(many("m39")).contains("`m39` appears twice"));
    assert!(Json::parse(many("m40").as_bytes()).is_ok());
    // The sixteenth and seventeenth member sit on both sides of the change of method.
    for count in 14..20 {
        let names: Vec<String> = (0..count).map(|n| format!("\"m{n}\":0")).collect();
        assert!(error(format!("{{{},\"m{}\":1}}", names.join(","), count - 1)).contains("twice"), "{count}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::parse(nested(DEPTH_MAX).as_bytes()).is_ok());
    assert!(error(nested(DEPTH_MAX + 1)).contains("nested deeper than 32 levels"));
    assert!(error("[".repeat(1_000_000)).contains("nested deeper"));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33));
    assert!(error(objects).contains("nested deeper"));
}

#[test]
fn what_is_not_strict_json_is_refused_with_its_place() {
    assert_eq!(Json::parse(b""), Err(JsonError::Empty));
    for (body, part) in [
        (&b" "[..], "EOF"),
        (b"{\"a\":1}x", "trailing characters at line 1 column 8"),
        (b"{\"a\":1}{\"a\":1}", "trailing"),
        (b"{\"a\":1\n\n,}", "line 3"),
        (b"{\"a\":1e999}", "number out of range"),
        (b"{\"a\":\"\xff\"}", "not UTF-8 at byte 6"),
        (b"{\"a\":\"\\ud800\"}", "hex escape"),
        (b"{\"a\":\"\\ud800\\u0061\"}", "surrogate"),
        (b"{\"\\udc00\":1}", "surrogate"),
        (b"\xef\xbb\xbf{}", "expected value"),
        (b"\xff\xfe{\0}\0", "not UTF-8 at byte 0"),
        (b"{\"a\":\"x\ny\"}", "control character"),
        (b"{'a':1}", "key must be a string"),
        (b"{\"a\":01}", "invalid number"),
        (b"{\"a\":NaN}", "expected"),
        (b"{\"a\":1,}", "trailing comma"),
        (b"{\"a\":tru", "EOF"),
        (b"{1:2}", "key must be a string"),
    ] {
        let error = error(body);
        assert!(error.contains(part), "{}: {error}", String::from_utf8_lossy(body));
    }
    assert!(error("{\"\u{202e}a\":1,\"\u{202e}a\":1}").is_ascii());
}

#[test]
fn whole_numbers_past_64_bits_are_doubles_not_wrapped() {
    assert_eq!(Json::parse(b"9223372036854775807"), Ok(Json::Integer(i64::MAX)));
    assert_eq!(Json::parse(b"9223372036854775808"), Ok(Json::Number(9_223_372_036_854_775_808.0)));
    assert_eq!(Json::parse(b"-9223372036854775808"), Ok(Json::Integer(i64::MIN)));
    assert_eq!(Json::parse(b"1.0"), Ok(Json::Number(1.0)));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 24, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..24).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn valid_documents_mean_the_same_as_to_serde_json(value in documents(), pretty: bool) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        let json = Json::parse(&text).unwrap();
        prop_assert_eq!(as_value(&json), serde_json::from_slice::<Value>(&text).unwrap());
    }

    #[test]
    fn any_bytes_are_refused_or_also_valid_elsewhere(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if Json::parse(&bytes).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }

    #[test]
    fn a_damaged_document_never_panics(value in documents(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        let _refused_or_read = Json::parse(&text);
        let _refused_or_cut = Json::parse(&text[..at]);
    }
}
