//! What is to change in one tenant: what the file wants against what the authority shows, and which of it
//! a person should confirm first.

use super::super::output::{Output, Tone};
use super::fields::{Asks, Field, Kind, ordered};
use super::file::{Wanted, nested};
use serde_json::{Value, json};

/// One setting that is to change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) field: &'static Field,
    pub(super) old: Value,
    pub(super) new: Value,
}

/// What is to change of `tenant`, which is the authority's view of it, or `null` for one that is not there.
pub(super) fn changes(tenant: &Value, wanted: &Wanted) -> Vec<Change> {
    let change = |(field, new): &(&'static Field, Value)| {
        let old = ordered(field.kind, field.current(tenant));
        // What a tenant that is not there yet gets is said even where it is what it would get anyway.
        (old != *new || tenant.is_null()).then(|| Change { field, old, new: new.clone() })
    };
    wanted.values.iter().filter_map(change).collect()
}

/// The changes as the body that asks for them.
pub(super) fn body(changes: &[Change]) -> Value {
    let values: Vec<_> = changes.iter().map(|change| (change.field, change.new.clone())).collect();
    nested(&values)
}

impl Change {
    fn strings(value: &Value) -> Vec<&str> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// People that are new in a list.
    pub(super) fn added(&self) -> Vec<&str> {
        let old = Self::strings(&self.old);
        Self::strings(&self.new).into_iter().filter(|name| !old.contains(name)).collect()
    }

    /// People that are no longer in a list.
    pub(super) fn removed(&self) -> Vec<&str> {
        let new = Self::strings(&self.new);
        Self::strings(&self.old).into_iter().filter(|name| !new.contains(name)).collect()
    }

    /// What a person should confirm of it, if anything.
    pub(super) fn question(&self) -> Option<String> {
        let (path, old, new) = (self.field.path, self.field.shown(&self.old), self.field.shown(&self.new));
        match self.field.asks {
            Asks::Never => None,
            Asks::Always => Some(format!("{path} changes from {old} to {new}")),
            Asks::WhenTakenOut => {
                let removed = self.removed();
                (!removed.is_empty()).then(|| format!("{path} loses {}", removed.join(", ")))
            }
            Asks::WhenLowered => {
                let lowered = self.new.as_i64() < self.old.as_i64();
                lowered.then(|| format!("{path} goes down from {old} to {new}"))
            }
        }
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({ "setting": self.field.path, "old": self.old, "new": self.new });
        if let (Kind::People, Some(members)) = (self.field.kind, json.as_object_mut()) {
            members.insert("added".to_owned(), json!(self.added()));
            members.insert("removed".to_owned(), json!(self.removed()));
        }
        json
    }

    /// For people: one line, or one for each who comes or goes.
    pub(super) fn lines(&self, output: &Output) -> Vec<String> {
        let path = self.field.path;
        let line =
            |sign: &str, tone, what: String| format!("  {}", output.paint(&format!("{sign} {path}: {what}"), tone));
        if self.field.kind != Kind::People {
            let (old, new) = (self.field.shown(&self.old), self.field.shown(&self.new));
            return vec![line("~", Tone::Open, format!("{old} -> {new}"))];
        }
        let removed = self.removed().into_iter().map(|name| line("-", Tone::Bad, name.to_owned()));
        removed.chain(self.added().into_iter().map(|name| line("+", Tone::Good, name.to_owned()))).collect()
    }
}
