//! What the schema declares, as Lockbox needs it: which workloads, content types and attributes
//! there are, of which type, and who may fill each (`@source`). Cedar's own schema says the same to
//! the validator; the JSON form of the file keeps the annotations, so they are read from there.
//!
//! Invariant: no name of a workload, content type, action or attribute that a caller or a directory
//! supplies is known here; all come from the file.

use super::files::SourceFile;
use super::finding::{Finding, LoadError};
use cedar_policy::{EntityTypeName, Schema, SchemaFragment};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The namespace of the schema.
pub(crate) const NAMESPACE: &str = "Lockbox";
/// What only Lockbox may fill, whatever the file says: a statement of somebody else would decide.
const OWN: [&str; 7] = ["suspended", "lockbox", "tenant", "workload", "content_type", "now", "grant"];
/// How deep types may nest.
const TYPE_DEPTH_MAX: usize = 8;

/// Who fills an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Lockbox itself.
    Lockbox,
    /// The engineer directory or the tenant's settings.
    Directory,
    /// The service that asks.
    Caller,
}

/// The type of an attribute, with all names resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Long,
    String,
    /// `datetime`, `duration`, `decimal` or `ipaddr`, stated as text.
    Extension(Extension),
    Set(Box<Type>),
    Record(BTreeMap<String, Member>),
    Entity {
        name: EntityTypeName,
        /// The ids of an enumerated entity type.
        choices: Option<BTreeSet<String>>,
    },
}

/// An extension type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    Datetime,
    Duration,
    Decimal,
    Ip,
}

/// An attribute or a member of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) kind: Type,
    pub(crate) required: bool,
    pub(crate) source: Source,
}

/// Attributes by name.
pub(crate) type Members = BTreeMap<String, Member>;

/// What may be named in a question.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    pub(crate) workloads: BTreeSet<String>,
    pub(crate) content_types: BTreeSet<String>,
    pub(crate) engineer: Members,
    pub(crate) tenant: Members,
    pub(crate) content: Members,
    /// The context of each action on content, by the action's name.
    pub(crate) actions: BTreeMap<String, Members>,
}

/// Reads the schema twice: for Cedar, and for the vocabulary.
pub(crate) fn read(file: &SourceFile) -> Result<(Schema, Vocabulary), LoadError> {
    let refused = |said: &dyn miette::Diagnostic| LoadError {
        findings: Finding::of_cedar("schema-invalid", &file.name, &file.text, said),
    };
    let (fragment, warnings) = SchemaFragment::from_cedarschema_str(&file.text).map_err(|error| refused(&error))?;
    let warnings: Vec<Finding> =
        warnings.flat_map(|warning| Finding::of_cedar("schema-warning", &file.name, &file.text, &warning)).collect();
    if !warnings.is_empty() {
        return Err(LoadError { findings: warnings });
    }
    let json = fragment.clone().to_json_value().map_err(|error| refused(&error))?;
    let schema = Schema::from_schema_fragments([fragment]).map_err(|error| refused(&error))?;
    let reader = Reader { file, space: json.get(NAMESPACE).cloned().unwrap_or(Json::Null) };
    let vocabulary = reader.vocabulary()?;
    Ok((schema, vocabulary))
}

struct Reader<'a> {
    file: &'a SourceFile,
    space: Json,
}

impl Reader<'_> {
    fn wrong(&self, message: String, help: &str) -> LoadError {
        Finding::file("schema-incomplete", &self.file.name, message, help).into()
    }

    fn vocabulary(&self) -> Result<Vocabulary, LoadError> {
        let attributes = |entity: &str, others: Source| match self.entity(entity)?.get("shape") {
            Some(shape) => self.members(shape, others, 0),
            None => Ok(Members::new()),
        };
        let vocabulary = Vocabulary {
            workloads: self.choices("Workload")?,
            content_types: self.choices("ContentType")?,
            engineer: attributes("Engineer", Source::Lockbox)?,
            tenant: attributes("Tenant", Source::Lockbox)?,
            content: attributes("Content", Source::Lockbox)?,
            actions: self.actions()?,
        };
        for (what, members) in
            [("Engineer", &vocabulary.engineer), ("Tenant", &vocabulary.tenant), ("Content", &vocabulary.content)]
                .into_iter()
                .chain(vocabulary.actions.iter().map(|(name, members)| (name.as_str(), members)))
        {
            if let Some((name, _)) =
                members.iter().find(|(name, member)| OWN.contains(&name.as_str()) && member.source != Source::Lockbox)
            {
                return Err(Finding::file(
                    "source-not-lockbox",
                    &self.file.name,
                    format!("`{name}` of `{what}` can only be filled by Lockbox"),
                    "write `@source(\"lockbox\")`: nobody may state it",
                )
                .at_text(&self.file.text, &format!("{name}:"))
                .into());
            }
            if let Some((name, _)) =
                members.iter().find(|(_, member)| member.required && member.source != Source::Lockbox)
            {
                return Err(Finding::file(
                    "attribute-required",
                    &self.file.name,
                    format!("`{name}` of `{what}` is required, but nobody is bound to state it"),
                    format!("write `{name}?` and ask with `has` before reading it: absent stays absent"),
                )
                .at_text(&self.file.text, &format!("{name}:"))
                .into());
            }
        }
        Ok(vocabulary)
    }

    fn entity(&self, name: &str) -> Result<&Json, LoadError> {
        self.space.get("entityTypes").and_then(|types| types.get(name)).ok_or_else(|| {
            self.wrong(
                format!("the schema declares no entity type `{NAMESPACE}::{name}`"),
                "declare it: questions need it",
            )
        })
    }

    fn choices(&self, name: &str) -> Result<BTreeSet<String>, LoadError> {
        enumerated(self.entity(name)?).ok_or_else(|| {
            self.wrong(format!("`{name}` has no list of names"), "declare it as `entity … enum [\"…\"]`")
        })
    }

    /// The actions in the group `content_access`, with their contexts.
    fn actions(&self) -> Result<BTreeMap<String, Members>, LoadError> {
        let mut found = BTreeMap::new();
        let actions = self.space.get("actions").and_then(Json::as_object);
        for (name, action) in actions.into_iter().flatten() {
            if !self.is_content_access(name, 0) {
                continue;
            }
            if let Some(applies) = action.get("appliesTo").filter(|applies| !applies.is_null()) {
                let context = applies.get("context").unwrap_or(&Json::Null);
                found.insert(name.clone(), self.members(context, Source::Lockbox, 0)?);
            }
        }
        if found.is_empty() {
            return Err(self.wrong(
                "the schema declares no action in the group `content_access`".to_owned(),
                "declare `action content_access;` and at least one action `in [content_access]`",
            ));
        }
        Ok(found)
    }

    fn is_content_access(&self, action: &str, depth: usize) -> bool {
        let parents = self.space.get("actions").and_then(|all| all.get(action)).and_then(|one| one.get("memberOf"));
        let ids = parents.and_then(Json::as_array).into_iter().flatten().filter_map(|group| group.get("id")?.as_str());
        depth < TYPE_DEPTH_MAX
            && ids.into_iter().any(|id| id == "content_access" || self.is_content_access(id, depth + 1))
    }

    /// The members of a record type; `others` fills those without `@source`.
    fn members(&self, record: &Json, others: Source, depth: usize) -> Result<Members, LoadError> {
        match self.kind(record, others, depth)? {
            Type::Record(members) => Ok(members),
            _ => Err(self.wrong("attributes and contexts must be records".to_owned(), "write `{ name: Type, … }`")),
        }
    }

    fn kind(&self, kind: &Json, others: Source, depth: usize) -> Result<Type, LoadError> {
        if depth > TYPE_DEPTH_MAX {
            return Err(self.wrong("types nest more than 8 levels deep".to_owned(), "make the attribute flatter"));
        }
        let text = |key: &str| kind.get(key).and_then(Json::as_str).unwrap_or_default();
        match text("type") {
            "Record" => self.record(kind, others, depth),
            "Set" => {
                let element = kind.get("element").unwrap_or(&Json::Null);
                Ok(Type::Set(Box::new(self.kind(element, others, depth + 1)?)))
            }
            "EntityOrCommon" | "Entity" | "Extension" => self.named(text("name"), others, depth),
            name => self.named(name, others, depth),
        }
    }

    fn record(&self, kind: &Json, others: Source, depth: usize) -> Result<Type, LoadError> {
        let mut members = Members::new();
        for (name, member) in kind.get("attributes").and_then(Json::as_object).into_iter().flatten() {
            let source = match member.get("annotations").and_then(|all| all.get("source")).and_then(Json::as_str) {
                None => others,
                Some("lockbox") => Source::Lockbox,
                Some("directory") => Source::Directory,
                Some("caller") => Source::Caller,
                Some(unknown) => {
                    return Err(Finding::file(
                        "source-unknown",
                        &self.file.name,
                        format!("`@source(\"{unknown}\")` of `{name}` is nobody"),
                        "write `lockbox`, `directory` or `caller`",
                    )
                    .at_text(&self.file.text, &format!("@source(\"{unknown}\")"))
                    .into());
                }
            };
            let required = member.get("required").and_then(Json::as_bool).unwrap_or(true);
            // What lies within is filled by whoever fills the whole.
            members.insert(name.clone(), Member { kind: self.kind(member, source, depth + 1)?, required, source });
        }
        Ok(Type::Record(members))
    }

    fn named(&self, name: &str, others: Source, depth: usize) -> Result<Type, LoadError> {
        let short = name.strip_prefix("Lockbox::").or_else(|| name.strip_prefix("__cedar::")).unwrap_or(name);
        if let Some(common) = self.space.get("commonTypes").and_then(|types| types.get(short)) {
            return self.kind(common, others, depth + 1);
        }
        if let Some(entity) = self.space.get("entityTypes").and_then(|types| types.get(short)) {
            return self.entity_type(&format!("{NAMESPACE}::{short}"), enumerated(entity));
        }
        match short {
            "Bool" | "Boolean" => Ok(Type::Bool),
            "Long" => Ok(Type::Long),
            "String" => Ok(Type::String),
            "datetime" => Ok(Type::Extension(Extension::Datetime)),
            "duration" => Ok(Type::Extension(Extension::Duration)),
            "decimal" => Ok(Type::Extension(Extension::Decimal)),
            "ipaddr" => Ok(Type::Extension(Extension::Ip)),
            "Action" => self.entity_type(&format!("{NAMESPACE}::Action"), None),
            _ => Err(self.wrong(
                format!("`{name}` is a type that Lockbox cannot fill"),
                "use a type of this namespace or a built-in one",
            )),
        }
    }

    fn entity_type(&self, name: &str, choices: Option<BTreeSet<String>>) -> Result<Type, LoadError> {
        let name = name.parse().map_err(|_| self.wrong(format!("`{name}` is no entity type"), "correct its name"))?;
        Ok(Type::Entity { name, choices })
    }
}

fn enumerated(entity: &Json) -> Option<BTreeSet<String>> {
    let names = entity.get("enum")?.as_array()?;
    Some(names.iter().filter_map(Json::as_str).map(str::to_owned).collect())
}
