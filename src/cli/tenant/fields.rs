//! The settings of a tenant that a file may name: one line each, with what its value must be, who may
//! change it, and when a change is asked about first. Reading, writing, comparing and the JSON Schema all
//! go by this table, so that a new setting is one more line of it.

use super::node::{Complaint, Key, Node, Shape};
use crate::domain::{PersonId, TimeZoneName, WebhookName, format_duration, parse_duration};
use serde_json::{Map, Value, json};

/// The most people, or webhooks, in one list; the authority's own limit is the same.
const ENTRIES_MAX: usize = 100;
/// The longest text of one value, in bytes.
const TEXT_BYTES_MAX: usize = 2048;

/// One setting.
#[derive(Debug)]
pub(super) struct Field {
    /// Where it stands in a tenant, with a dot below `limits`.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) asks: Asks,
    /// For people who write such a file.
    says: &'static str,
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `on`, `false` or `off`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of people, in no order.
    People,
    /// A whole number from 1.
    Number,
    /// A duration, or `null` for the provider's.
    Limit,
    /// The name of a time zone, such as `Europe/Budapest`.
    Zone,
    /// Names, each with the address it stands for.
    Addresses,
    /// Further facts for policies: whatever the schema of the policies declares.
    Facts,
}

/// Which change a person confirms first, because it may open what was closed, or leave nobody to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Never,
    /// Whenever it changes.
    Always,
    /// When somebody is taken out.
    WhenTakenOut,
    /// When it becomes smaller.
    WhenLowered,
}

/// All settings, in the order in which a file is written.
#[rustfmt::skip]
pub(super) const FIELDS: [Field; 12] = [
    field("entitlement", Kind::Choice(&["e5", "add_on", "none"]), Asks::Never, "What the customer bought; only the provider's operator changes it."),
    field("lockbox", Kind::Switch, Asks::Always, "Whether the customer's approval is needed before its content is touched."),
    field("approvers", Kind::People, Asks::WhenTakenOut, "All who may approve."),
    field("fallback_approvers", Kind::People, Asks::Never, "All who are asked when the approvers do not answer."),
    field("quorum", Kind::Number, Asks::WhenLowered, "How many distinct approvers it takes."),
    field("notify", Kind::People, Asks::Never, "All addresses that are told beside the approvers."),
    field("webhooks", Kind::Addresses, Asks::Never, "Programs that are told: a name, and the URL that is called."),
    field("limits.respond_within", Kind::Limit, Asks::Never, "How long approvers have to answer; only tighter than the provider's. `null` is the provider's."),
    field("limits.grant_longest", Kind::Limit, Asks::Never, "The longest Grant; only tighter than the provider's. `null` is the provider's."),
    field("language", Kind::Choice(&["en", "hu"]), Asks::Never, "The language of mails to this tenant."),
    field("time_zone", Kind::Zone, Asks::Never, "The time zone of mails to this tenant."),
    field("attributes", Kind::Facts, Asks::Never, "All further facts for policies, such as the region; only the provider's operator changes them."),
];

const fn field(path: &'static str, kind: Kind, asks: Asks, says: &'static str) -> Field {
    Field { path, kind, asks, says }
}

impl Field {
    /// The last part of its path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The object it stands in, when that is not the tenant itself.
    pub(super) fn group(&self) -> Option<&'static str> {
        self.path.split_once('.').map(|(group, _)| group)
    }

    /// What a tenant, as the authority shows it, has now; `Null` is nothing of its own.
    pub(super) fn current(&self, tenant: &Value) -> Value {
        let pointer = format!("/{}", self.path.replace('.', "/"));
        let there = tenant.pointer(&pointer).cloned().unwrap_or(Value::Null);
        match self.kind {
            // The limits shown are the ones in force; which of them are the tenant's own stands beside them.
            Kind::Limit => {
                let own = tenant.pointer("/limits/own").and_then(Value::as_array);
                if own.is_some_and(|own| !own.iter().any(|name| name == self.name())) { Value::Null } else { there }
            }
            Kind::People if there.is_null() => json!([]),
            Kind::Addresses | Kind::Facts if there.is_null() => json!({}),
            _ => there,
        }
    }

    /// Whether the authority shows such a setting at all.
    pub(super) fn is_in(&self, tenant: &Value) -> bool {
        tenant.pointer(&format!("/{}", self.path.replace('.', "/"))).is_some()
    }

    /// The value that `node` stands for.
    ///
    /// # Errors
    /// Where and what it must be instead.
    pub(super) fn read(&self, node: &Node) -> Result<Value, Complaint> {
        let wrong = |at: &Node, must: &str| (at.at, format!("must be {must}, not {}", at.shown()));
        match (self.kind, &node.shape) {
            (Kind::Switch, Shape::Bool(on)) => Ok(json!(on)),
            (Kind::Switch, Shape::Text(text)) if text == "on" || text == "off" => Ok(json!(text == "on")),
            (Kind::Switch, _) => Err(wrong(node, "`true` or `false`")),
            (Kind::Choice(words), Shape::Text(text)) if words.contains(&text.as_str()) => Ok(json!(text)),
            (Kind::Choice(words), _) => Err(wrong(node, &format!("one of {}", quoted(words)))),
            (Kind::Number, Shape::Integer(number)) if (1..=100).contains(number) => Ok(json!(number)),
            (Kind::Number, _) => Err(wrong(node, "a whole number from 1 to 100")),
            (Kind::Limit, Shape::Null) => Ok(Value::Null),
            (Kind::Limit, Shape::Text(text)) => match parse_duration(text) {
                Ok(duration) => Ok(json!(format_duration(duration))),
                Err(error) => Err((node.at, format!("is no duration: {error}"))),
            },
            (Kind::Limit, _) => Err(wrong(node, "a duration like `PT2H`, or `null` for the provider's")),
            (Kind::Zone, Shape::Text(text)) => match zone(text) {
                Ok(()) => Ok(json!(text)),
                Err(why) => Err((node.at, format!("names no time zone: {why}"))),
            },
            (Kind::Zone, _) => Err(wrong(node, "a time zone like `Europe/Budapest`")),
            (Kind::People, Shape::List(items)) if items.len() <= ENTRIES_MAX => people(items),
            (Kind::People, Shape::List(_)) => Err((node.at, format!("may name {ENTRIES_MAX} people at most"))),
            (Kind::People, _) => Err(wrong(node, "a list such as `[csilla@contoso.example]` (nobody is `[]`)")),
            (Kind::Addresses, Shape::Map(entries)) if entries.len() <= ENTRIES_MAX => {
                entries.iter().map(address).collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            (Kind::Addresses, _) => Err(wrong(node, "names, each with an address; none is `{}`")),
            (Kind::Facts, Shape::Map(_)) => fact(node),
            (Kind::Facts, _) => Err(wrong(node, "names with values; none is `{}`")),
        }
    }

    /// A value for people.
    pub(super) fn shown(&self, value: &Value) -> String {
        match (self.kind, value) {
            (Kind::Limit, Value::Null) => "the provider's".to_owned(),
            (_, Value::Null) => "nothing".to_owned(),
            (Kind::Switch, Value::Bool(on)) => if *on { "on" } else { "off" }.to_owned(),
            (_, Value::String(text)) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            (_, other) => other.to_string(),
        }
    }

    /// What the value must be, as JSON Schema.
    pub(super) fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Switch => json!({ "enum": [true, false, "on", "off"] }),
            Kind::Choice(words) => json!({ "enum": words }),
            Kind::People => json!({
                "type": "array", "items": { "type": "string" }, "uniqueItems": true, "maxItems": ENTRIES_MAX
            }),
            Kind::Number => json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
            Kind::Limit => json!({ "type": ["string", "null"], "pattern": "^P", "examples": ["PT2H"] }),
            Kind::Zone => json!({ "type": "string", "examples": ["Europe/Budapest"] }),
            Kind::Addresses => json!({
                "type": "object", "additionalProperties": { "type": "string" }, "maxProperties": ENTRIES_MAX
            }),
            Kind::Facts => json!({ "type": "object" }),
        };
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), json!(self.says));
        }
        schema
    }
}

/// The value with lists of people in the one order in which they are compared.
pub(super) fn ordered(kind: Kind, value: Value) -> Value {
    match (kind, value) {
        (Kind::People, Value::Array(mut people)) => {
            people.sort_by_key(Value::to_string);
            people.dedup();
            Value::Array(people)
        }
        (_, value) => value,
    }
}

fn people(items: &[Node]) -> Result<Value, Complaint> {
    let mut people = Vec::new();
    for item in items {
        let Shape::Text(text) = &item.shape else {
            return Err((item.at, format!("names people: put {} into quotes, if it is one", item.shown())));
        };
        PersonId::parse(text).map_err(|error| (item.at, format!("names nobody: {error}")))?;
        if people.contains(&json!(text)) {
            return Err((item.at, format!("names {} twice: take one out", item.shown())));
        }
        people.push(json!(text));
    }
    Ok(ordered(Kind::People, Value::Array(people)))
}

/// The authority refuses it too; only here can it be said with its line and the nearest name.
fn zone(text: &str) -> Result<(), String> {
    TimeZoneName::parse(text).map_err(|error| error.to_string())?;
    let known = jiff::tz::db();
    if known.get(text).is_ok() {
        return Ok(());
    }
    let far = |name: &String| strsim::damerau_levenshtein(text, name);
    let nearest = known.available().map(|name| name.as_str().to_owned()).min_by_key(far).unwrap_or_default();
    Err(format!("there is no `{text}`: write `{nearest}`, if that is meant"))
}

fn address((key, node): &(Key, Node)) -> Result<(String, Value), Complaint> {
    WebhookName::parse(&key.name).map_err(|error| (key.at, format!("names no webhook: {error}")))?;
    match &node.shape {
        Shape::Text(text) if text.len() <= TEXT_BYTES_MAX => Ok((key.name.clone(), json!(text))),
        _ => {
            let must = "must be addresses like `https://hooks.contoso.example/lockbox`";
            Err((node.at, format!("{must}, not {}", node.shown())))
        }
    }
}

fn fact(node: &Node) -> Result<Value, Complaint> {
    match &node.shape {
        Shape::Bool(value) => Ok(json!(value)),
        Shape::Integer(number) => Ok(json!(number)),
        Shape::Text(text) if text.len() <= TEXT_BYTES_MAX => Ok(json!(text)),
        Shape::Text(_) => Err((node.at, format!("holds a text of more than {TEXT_BYTES_MAX} bytes"))),
        Shape::List(items) => items.iter().map(fact).collect::<Result<_, _>>().map(Value::Array),
        Shape::Map(entries) => {
            let read = entries.iter().map(|(key, node)| Ok((key.name.clone(), fact(node)?)));
            read.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Shape::Null => Err((node.at, "holds `null`: take the line out".to_owned())),
        Shape::Fraction(_) => {
            Err((node.at, format!("holds {}: policies know whole numbers of 64 bits only", node.shown())))
        }
    }
}

/// Words in backticks, with commas.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
