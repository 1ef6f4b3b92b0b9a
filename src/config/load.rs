//! Reading: defaults, under a file, under the environment; and remembering which of them a value is from.

use super::Config;
use super::check::{Checker, ConfigError, Problem};
use figment::error::Kind;
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use std::collections::BTreeMap;
use std::path::Path;

/// What a variable of the environment begins with.
const PREFIX: &str = "LOCKBOX_";
/// The largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Which file or variable each value came from; what is not here is a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, String>);

impl Origins {
    /// The origin of `key` (dotted), or of the nearest key above it, or `default`.
    pub fn of(&self, key: &str) -> &str {
        let mut key = key;
        loop {
            if let Some(origin) = self.0.get(key) {
                return origin;
            }
            match key.rsplit_once('.') {
                Some((above, _)) => key = above,
                None => return "default",
            }
        }
    }

    fn gather(&mut self, figment: &Figment, path: &str, value: &Value) {
        match value {
            Value::Dict(_, entries) => {
                for (key, value) in entries {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.gather(figment, &path, value);
                }
            }
            other => {
                let origin = figment.get_metadata(other.tag()).map_or_else(|| "default".to_owned(), origin_of);
                self.0.insert(path.to_owned(), origin);
            }
        }
    }
}

/// One variable, as a layer of its own so that errors can name it.
struct Variable {
    name: String,
    path: String,
    value: Value,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = figment::util::nest(&self.path, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

impl Config {
    /// Reads `path`, if there is one, puts `LOCKBOX_SECTION__KEY` of `env` on top, and checks the whole.
    /// Variables without `__` are not settings and are left alone.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file or variable, the key, what it is and what is allowed.
    pub fn load(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = path {
            figment = figment.merge(NamedToml { name: path.display().to_string(), text: read(path)? });
        }
        let mut variables: Vec<(String, String)> = env.into_iter().filter(|(name, _)| is_setting(name)).collect();
        variables.sort();
        for (name, text) in variables {
            figment = figment.merge(variable(name, &text));
        }
        let extracted = figment.extract::<Self>();
        let mut config = extracted.map_err(|error| ConfigError::Invalid(explain(&figment, error)))?;
        let mut origins = Origins::default();
        if let Ok(whole) = figment.find_value("") {
            origins.gather(&figment, "", &whole);
        }
        let mut checker = Checker::new(&origins);
        config.check(&mut checker);
        checker.finish()?;
        config.origins = origins;
        Ok(config)
    }
}

fn is_setting(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__"))
}

/// `LOCKBOX_LEASE__HOLD_MS=400` as `lease.hold_ms`. The value is read as TOML where it is TOML.
fn variable(name: String, text: &str) -> Variable {
    let path = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace("__", ".");
    let value = text.parse().unwrap_or_else(|_| Value::from(text));
    Variable { name, path, value }
}

/// The file's text with its name, so that the figment need not read it a second time.
struct NamedToml {
    name: String,
    text: String,
}

impl Provider for NamedToml {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Toml::string(&self.text).data()
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let shown = || path.display().to_string();
    let unreadable = |cause: String| ConfigError::Unreadable { path: shown(), cause };
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(unreadable(format!("it has {size} bytes, more than {FILE_BYTES_MAX}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    // Read once only to see that it is TOML: this error shows the line, figment's does not name the file.
    if let Err(error) = text.parse::<toml::Table>() {
        return Err(ConfigError::NotToml { path: shown(), cause: error.to_string().trim_end().to_owned() });
    }
    Ok(text)
}

fn origin_of(metadata: &Metadata) -> String {
    metadata.name.to_string()
}

fn explain(figment: &Figment, error: Error) -> Vec<Problem> {
    error.into_iter().map(|error| problem(figment, &error)).collect()
}

fn problem(figment: &Figment, error: &Error) -> Problem {
    let mut path: Vec<String> = error.path.clone();
    let message = match &error.kind {
        Kind::UnknownField(field, known) => {
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            unknown("setting", field, known)
        }
        Kind::UnknownVariant(variant, known) => format!("is `{variant}`: {}", one_of(variant, known)),
        Kind::InvalidType(got, wanted) => format!("is {got}: it must be {wanted}"),
        Kind::InvalidValue(got, wanted) => format!("is {got}: it must be {wanted}"),
        Kind::MissingField(field) => format!("lacks `{field}`"),
        other => format!("is wrong: {other}"),
    };
    let key = path.join(".");
    let origin =
        figment.find_metadata(&key).or(error.metadata.as_ref()).map_or_else(|| "default".to_owned(), origin_of);
    Problem { origin, key, message }
}

fn unknown(what: &str, got: &str, known: &[&str]) -> String {
    match nearest(got, known) {
        Some(near) => format!("is no {what}; did you mean `{near}`?"),
        None => format!("is no {what}; here are: {}", listed(known)),
    }
}

fn one_of(got: &str, known: &[&str]) -> String {
    let near = nearest(got, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("allowed is {}{near}", listed(known))
}

fn listed(known: &[&str]) -> String {
    known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The known name that a person most likely meant.
fn nearest<'a>(got: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(got, name), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
