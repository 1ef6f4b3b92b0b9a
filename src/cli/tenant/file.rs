//! A file of settings: read with the line of everything that is wrong, written so that it is read as the
//! same, and described as JSON Schema. It never asks the authority.

use super::fields::{FIELDS, Field, quoted};
use super::node::{Complaint, Key, Node, Place, Shape};
use crate::domain::TenantId;
use serde_json::{Map, Value, json};

/// The longest file, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most tenants in a file.
const TENANTS_MAX: usize = 10_000;
/// The most complaints that are said at once.
const COMPLAINTS_MAX: usize = 20;

/// What a file says of one tenant.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) id: TenantId,
    /// The line of its name.
    pub(super) line: u64,
    /// What it names; the rest stays.
    pub(super) values: Vec<(&'static Field, Value)>,
}

/// Reads a file: `tenants`, and below it each tenant with what is wanted of it.
///
/// # Errors
/// All complaints, one a line, each with `file`, line and column.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<Wanted>, String> {
    let mut reader = Reader { complaints: Vec::new() };
    let wanted = match serde_saphyr::from_str::<Node>(text) {
        Ok(document) => reader.document(&document),
        Err(error) => {
            let at = error
                .location()
                .map_or(Place { line: 0, column: 0 }, |at| Place { line: at.line(), column: at.column() });
            reader.complain(at, error.without_snippet().to_string());
            Vec::new()
        }
    };
    if reader.complaints.is_empty() { Ok(wanted) } else { Err(reader.said(file)) }
}

struct Reader {
    complaints: Vec<Complaint>,
}

impl Reader {
    fn complain(&mut self, at: Place, what: impl Into<String>) {
        self.complaints.push((at, what.into()));
    }

    fn said(mut self, file: &str) -> String {
        self.complaints.sort();
        let more = self.complaints.len().saturating_sub(COMPLAINTS_MAX);
        let line = |(at, what): &Complaint| match at.line {
            0 => format!("{file}: {what}"),
            line => format!("{file}:{line}:{}: {what}", at.column),
        };
        let mut lines: Vec<String> = self.complaints.iter().take(COMPLAINTS_MAX).map(line).collect();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }

    fn document(&mut self, document: &Node) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        let Shape::Map(members) = &document.shape else {
            self.complain(document.at, "must begin with `tenants:`, and below it each tenant by its name");
            return wanted;
        };
        for (key, node) in members {
            match (&node.shape, key.name.as_str()) {
                (Shape::Map(tenants), "tenants") if tenants.len() > TENANTS_MAX => {
                    self.complain(key.at, format!("`tenants` may name {TENANTS_MAX} at most: split the file"));
                }
                (Shape::Map(tenants), "tenants") => {
                    wanted = tenants.iter().filter_map(|(key, node)| self.tenant(key, node)).collect();
                }
                (_, "tenants") => self.complain(node.at, "`tenants` must hold each tenant by its name"),
                _ => self.unknown(key, "", &["tenants"]),
            }
        }
        if wanted.is_empty() && self.complaints.is_empty() {
            self.complain(document.at, "names no tenant: write `tenants:`, and below it each tenant by its name");
        }
        wanted
    }

    fn tenant(&mut self, key: &Key, node: &Node) -> Option<Wanted> {
        let id = match TenantId::parse(&key.name) {
            Ok(id) => id,
            Err(error) => {
                self.complain(key.at, format!("names no tenant: {error}"));
                return None;
            }
        };
        let mut values = Vec::new();
        self.members(id.as_str(), None, node, &mut values);
        // In the order of the table, whatever the order in the file.
        values.sort_by_key(|(field, _)| FIELDS.iter().position(|known| known.path == field.path));
        Some(Wanted { id, line: key.at.line, values })
    }

    /// The settings of a tenant, or those of one group of them.
    fn members(
        &mut self,
        whose: &str,
        group: Option<&'static str>,
        node: &Node,
        values: &mut Vec<(&'static Field, Value)>,
    ) {
        let members = match &node.shape {
            Shape::Map(members) => members,
            Shape::Null => return,
            _ => {
                self.complain(node.at, format!("`{whose}` must hold settings by their names, not {}", node.shown()));
                return;
            }
        };
        for (key, value) in members {
            let path = format!("{whose}.{}", key.name);
            let field = FIELDS.iter().find(|field| field.group() == group && field.name() == key.name);
            let inner = FIELDS.iter().filter_map(Field::group).find(|name| group.is_none() && *name == key.name);
            match (field, inner) {
                (Some(field), _) => match field.read(value) {
                    Ok(read) => values.push((field, read)),
                    Err((at, why)) => self.complain(at, format!("`{path}` {why}")),
                },
                (None, Some(inner)) => self.members(&path, Some(inner), value, values),
                (None, None) => self.unknown(key, &format!("{whose}."), &known(group)),
            }
        }
    }

    fn unknown(&mut self, key: &Key, before: &str, known: &[&str]) {
        let name = key.name.escape_debug().to_string();
        let nearest = known
            .iter()
            .map(|word| (strsim::damerau_levenshtein(&name, word), word))
            .min()
            // Further away than half of it, it is hardly what was meant.
            .filter(|(distance, word)| distance.saturating_mul(2) <= word.len());
        let what = match nearest {
            Some((_, word)) => format!("write `{word}`, if that is meant"),
            None => format!("known are {}", quoted(known)),
        };
        self.complain(key.at, format!("`{before}{name}` is not known: {what}"));
    }
}

/// The names that may stand in a tenant, or in one group of its settings.
fn known(group: Option<&str>) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for field in &FIELDS {
        let name = match group {
            None => field.group().unwrap_or(field.path),
            Some(_) if field.group() == group => field.name(),
            Some(_) => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The settings of a tenant, as the authority shows it, that it shows.
pub(super) fn of_tenant(tenant: &Value) -> Vec<(&'static Field, Value)> {
    FIELDS.iter().filter(|field| field.is_in(tenant)).map(|field| (field, field.current(tenant))).collect()
}

/// Settings by tenant, as JSON.
pub(super) fn to_json(tenants: &[(String, Vec<(&'static Field, Value)>)]) -> Value {
    let tenants: Map<String, Value> = tenants.iter().map(|(id, values)| (id.clone(), nested(values))).collect();
    json!({ "tenants": tenants })
}

/// Values as one object, those of a group in an object of its own.
pub(super) fn nested<'v>(values: impl IntoIterator<Item = &'v (&'static Field, Value)>) -> Value {
    let mut members = Map::new();
    for (field, value) in values {
        let place = match field.group() {
            None => Some(&mut members),
            Some(group) => members.entry(group).or_insert_with(|| json!({})).as_object_mut(),
        };
        if let Some(place) = place {
            place.insert(field.name().to_owned(), value.clone());
        }
    }
    Value::Object(members)
}

/// Settings by tenant, as a file.
///
/// # Errors
/// When a value has no form in YAML; those of the authority all have one.
pub(super) fn to_yaml(tenants: &[(String, Vec<(&'static Field, Value)>)]) -> Result<String, String> {
    let mut text = String::from(
        "# Settings of tenants. What stands here is made so by `lockbox tenant apply`; what is left out stays.\n\
         tenants:\n",
    );
    for (id, values) in tenants {
        text.push_str(&indented(1, &written(id, &json!({}))?.replace(" {}", "")));
        let mut group = None;
        for (field, value) in values {
            if field.group() != group {
                group = field.group();
                text.push_str(&group.map(|group| format!("    {group}:\n")).unwrap_or_default());
            }
            let depth = if group.is_some() { 3 } else { 2 };
            text.push_str(&indented(depth, &written(field.name(), value)?));
        }
    }
    if tenants.is_empty() {
        text = text.replace("tenants:\n", "tenants: {}\n");
    }
    Ok(text)
}

fn written(name: &str, value: &Value) -> Result<String, String> {
    let member: Map<String, Value> = [(name.to_owned(), value.clone())].into_iter().collect();
    serde_saphyr::to_string(&member).map_err(|error| error.to_string())
}

fn indented(depth: usize, text: &str) -> String {
    text.lines().map(|line| format!("{}{line}\n", "  ".repeat(depth))).collect()
}

/// The JSON Schema of such files.
pub(super) fn schema() -> String {
    let mut settings = Map::new();
    for field in &FIELDS {
        match field.group() {
            None => {
                settings.insert(field.name().to_owned(), field.schema());
            }
            Some(group) => {
                let group = settings.entry(group).or_insert_with(
                    || json!({ "type": ["object", "null"], "properties": {}, "additionalProperties": false }),
                );
                if let Some(members) = group.pointer_mut("/properties").and_then(Value::as_object_mut) {
                    members.insert(field.name().to_owned(), field.schema());
                }
            }
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of tenants",
        "description": "What `lockbox tenant apply` makes so. What is left out stays as it is.",
        "type": "object",
        "required": ["tenants"],
        "additionalProperties": false,
        "properties": {
            "tenants": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": TENANTS_MAX,
                "propertyNames": { "pattern": "^[a-z0-9-]{1,63}$" },
                "additionalProperties": {
                    "type": ["object", "null"],
                    "properties": settings,
                    "additionalProperties": false
                }
            }
        }
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
