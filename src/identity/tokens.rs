//! Tokens from a file of hashes. The file never holds a token, so reading it gives nobody access; it
//! is still refused when others may read or write it, for who may write it makes callers.
//!
//! ```toml
//! [[token]]
//! kind = "person"                     # person | workload | sidecar
//! id = "csilla@contoso.example"
//! roles = ["approver", "tenant_admin"] # person only
//! tenant = "contoso"                   # person only: customer side; absent is the provider's side
//! sha256 = "…"                         # SHA-256 of the whole token, 64 lower-case hex digits
//!
//! [[token]]
//! kind = "workload"
//! id = "exchange-frontend"
//! workload = "exchange"                # workload only
//! sha256 = "…"
//! ```

use super::Tended;
use crate::clock::{Ids, NoEntropy};
use crate::domain::{Authentication, Caller, CallerName, NameError, Person, PersonId, Role, TenantId, WorkloadName};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq as _;

/// What every token begins with, so that people and scanners of leaks recognise one.
pub const PREFIX: &str = "lbx_";
/// The largest token file, in bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most tokens in a file.
const TOKENS_MAX: usize = 10_000;
/// The keys an entry may have.
const KEYS: [&str; 6] = ["kind", "id", "roles", "tenant", "workload", "sha256"];

/// Why a token file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("the token file `{path}` cannot be read: {why}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        why: String,
    },
    /// Others than its owner may read or write it.
    #[error("the token file `{path}` is open to others (mode {mode:04o}): run `chmod 600 {path}`")]
    Open {
        /// Which file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not TOML.
    #[error("the token file is not TOML: {0}")]
    Syntax(String),
    /// An entry is wrong.
    #[error("token {number} of the token file: {why}")]
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong and what to do.
        why: String,
    },
    /// The file as a whole is wrong.
    #[error("the token file {0}")]
    Shape(String),
}

/// One token's hash and who it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// Whom it proves.
    pub caller: Caller,
}

/// A new token of 256 random bits: to be shown once, and kept as its hash only.
///
/// # Errors
/// [`NoEntropy`].
pub fn generate(ids: &dyn Ids) -> Result<String, NoEntropy> {
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(ids.secret()?)))
}

/// The hash that stands for a token in the file.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Reads the text of a token file.
///
/// # Errors
/// [`TokenFileError`]; one wrong entry refuses the whole file.
pub fn parse_file(text: &str) -> Result<Vec<Entry>, TokenFileError> {
    let file: toml::Table = toml::from_str(text).map_err(|error| TokenFileError::Syntax(error.message().to_owned()))?;
    if let Some(key) = file.keys().find(|key| *key != "token") {
        return Err(TokenFileError::Shape(format!("has the unknown key `{key}`; entries are `[[token]]`")));
    }
    let entries = match file.get("token") {
        None => return Ok(Vec::new()),
        Some(toml::Value::Array(entries)) => entries,
        Some(_) => return Err(TokenFileError::Shape("must list its entries as `[[token]]`".to_owned())),
    };
    if entries.len() > TOKENS_MAX {
        return Err(TokenFileError::Shape(format!("has {} entries, {TOKENS_MAX} at most", entries.len())));
    }
    let mut read: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut seen: HashMap<[u8; 32], usize> = HashMap::new();
    for (number, entry) in (1..).zip(entries) {
        let wrong = |why: String| TokenFileError::Entry { number, why };
        let table = entry.as_table().ok_or_else(|| wrong("must be a table".to_owned()))?;
        let entry = entry_of(table).map_err(wrong)?;
        if let Some(first) = seen.insert(entry.sha256, number) {
            return Err(wrong(format!("has the same `sha256` as token {first}: each token stands for one caller")));
        }
        read.push(entry);
    }
    Ok(read)
}

fn entry_of(table: &toml::Table) -> Result<Entry, String> {
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let near = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(unknown, known)).copied();
        return Err(format!("the key `{unknown}` is not known; did you mean `{}`?", near.unwrap_or_default()));
    }
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(format!("`{key}` must be a string, not {}", other.type_str())),
    };
    let needed = |key: &str| text(key)?.ok_or_else(|| format!("`{key}` is missing"));
    let name = |error: NameError| error.to_string();
    let only = |kind: &str, keys: &[&str]| match keys.iter().find(|key| table.contains_key(**key)) {
        Some(key) => Err(format!("`{key}` has no place in an entry of kind `{kind}`")),
        None => Ok(()),
    };
    let sha256 = hash_of(needed("sha256")?)?;
    let id = needed("id")?;
    let caller = match needed("kind")? {
        "workload" => {
            only("workload", &["roles", "tenant"])?;
            let workload = WorkloadName::parse(needed("workload")?).map_err(name)?;
            Caller::Workload { name: CallerName::parse(id).map_err(name)?, workload }
        }
        "sidecar" => {
            only("sidecar", &["roles", "tenant", "workload"])?;
            Caller::Sidecar { name: CallerName::parse(id).map_err(name)? }
        }
        "person" => {
            only("person", &["workload"])?;
            let tenant = text("tenant")?.map(TenantId::parse).transpose().map_err(name)?;
            let roles = roles_of(table.get("roles"), tenant.is_some())?.into_iter().collect();
            let authentication = Authentication { method: "token", strength: None, address: None };
            Caller::Person(Person { id: PersonId::parse(id).map_err(name)?, roles, tenant, authentication })
        }
        other => {
            return Err(format!("`kind` must be `person`, `workload` or `sidecar`, not `{other}`"));
        }
    };
    Ok(Entry { sha256, caller })
}

/// The hash that [`hex`] wrote.
pub(super) fn hash_of(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "`sha256` must be 64 lower-case hex digits: the SHA-256 of the token".to_owned();
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(wrong());
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}

/// A role on the wrong side would never count, so writing one is a mistake worth telling.
fn roles_of(value: Option<&toml::Value>, of_tenant: bool) -> Result<Vec<Role>, String> {
    let wrong = || "`roles` must be a list with one role at least".to_owned();
    let names = value.and_then(toml::Value::as_array).filter(|names| !names.is_empty()).ok_or_else(wrong)?;
    let mut roles = Vec::new();
    for name in names {
        let name = name.as_str().ok_or_else(wrong)?;
        let role = Role::parse(name).ok_or_else(|| {
            let near = Role::ALL.into_iter().min_by_key(|role| strsim::damerau_levenshtein(role.as_str(), name));
            format!("the role `{name}` is not known; did you mean `{}`?", near.map_or("", Role::as_str))
        })?;
        match (role, of_tenant) {
            (Role::Approver | Role::TenantAdmin, false) => {
                return Err(format!("the role `{name}` is of a customer: it needs a `tenant`"));
            }
            (Role::Engineer | Role::Reviewer | Role::Operator, true) => {
                return Err(format!("the role `{name}` is of the provider: it cannot go with a `tenant`"));
            }
            _ => roles.push(role),
        }
    }
    Ok(roles)
}

/// The text of a token file with these entries; [`parse_file`] reads the same from it.
pub fn render(entries: &[Entry]) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned());
    let tables = entries.iter().map(|entry| {
        let mut table = toml::Table::new();
        let (kind, id) = match &entry.caller {
            Caller::Workload { name, workload } => {
                table.insert("workload".to_owned(), text(workload.as_str()));
                ("workload", name.as_str())
            }
            Caller::Sidecar { name } => ("sidecar", name.as_str()),
            Caller::Person(person) => {
                let roles = person.roles.iter().map(|role| text(role.as_str())).collect();
                table.insert("roles".to_owned(), toml::Value::Array(roles));
                if let Some(tenant) = &person.tenant {
                    table.insert("tenant".to_owned(), text(tenant.as_str()));
                }
                ("person", person.id.as_str())
            }
        };
        table.insert("kind".to_owned(), text(kind));
        table.insert("id".to_owned(), text(id));
        table.insert("sha256".to_owned(), text(&hex(&entry.sha256)));
        toml::Value::Table(table)
    });
    let mut file = toml::Table::new();
    file.insert("token".to_owned(), toml::Value::Array(tables.collect()));
    file.to_string()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tokens prepared for looking up: by the first bytes of the hash, then compared in constant time. Who
/// times the lookup learns at most a prefix of a hash, which says nothing of a 256-bit token.
#[derive(Debug, Default)]
struct Prepared(HashMap<[u8; 8], Vec<Known>>);

/// A hash and whom it proves.
type Known = ([u8; 32], Arc<Caller>);

fn head_of(hash: &[u8; 32]) -> [u8; 8] {
    let mut head = [0; 8];
    head.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    head
}

impl Prepared {
    fn of(entries: Vec<Entry>) -> Self {
        let mut map: HashMap<[u8; 8], Vec<Known>> = HashMap::with_capacity(entries.len());
        for Entry { sha256, caller } in entries {
            map.entry(head_of(&sha256)).or_default().push((sha256, Arc::new(caller)));
        }
        Self(map)
    }

    fn lookup(&self, token: &str) -> Option<Arc<Caller>> {
        self.lookup_hash(&hash(token))
    }

    fn lookup_hash(&self, hash: &[u8; 32]) -> Option<Arc<Caller>> {
        let candidates = self.0.get(&head_of(hash))?;
        let (_, caller) = candidates.iter().find(|(known, _)| bool::from(known.ct_eq(hash)))?;
        Some(Arc::clone(caller))
    }
}

/// A token file in force. A changed file takes its place when it is read and good; a bad one leaves
/// the last good one in force and is reported.
pub struct TokenFile {
    path: PathBuf,
    prepared: ArcSwap<Prepared>,
    /// The digest of the content last looked at, good or bad, or what kept it from being read.
    seen: Mutex<Result<[u8; 32], TokenFileError>>,
}

impl TokenFile {
    /// Reads the file for the first time: here a bad one is an error.
    ///
    /// # Errors
    /// [`TokenFileError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TokenFileError> {
        let path = path.into();
        let text = read(&path)?;
        let entries = parse_file(&text)?;
        Ok(Self { path, prepared: ArcSwap::from_pointee(Prepared::of(entries)), seen: Mutex::new(Ok(hash(&text))) })
    }

    /// Whose token this is.
    pub(super) fn lookup(&self, token: &str) -> Option<Arc<Caller>> {
        self.prepared.load().lookup(token)
    }

    /// Whose token has this hash.
    pub(super) fn lookup_hash(&self, hash: &[u8; 32]) -> Option<Arc<Caller>> {
        self.prepared.load().lookup_hash(hash)
    }

    /// Reads the file again and says so if its content (or what is wrong with it) is not as before.
    pub(super) fn reload(&self) -> Option<Tended> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let text = read(&self.path);
        let looked = text.as_ref().map(|text| hash(text)).map_err(Clone::clone);
        if *seen == looked {
            return None;
        }
        *seen = looked;
        match text.and_then(|text| parse_file(&text)) {
            Ok(entries) => {
                let count = entries.len();
                self.prepared.store(Arc::new(Prepared::of(entries)));
                Some(Tended::TokensLoaded(count))
            }
            Err(error) => Some(Tended::TokensKept(error.to_string())),
        }
    }
}

fn read(path: &std::path::Path) -> Result<String, TokenFileError> {
    let shown = || path.display().to_string();
    let unreadable = |error: std::io::Error| TokenFileError::Unreadable { path: shown(), why: error.to_string() };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // Asked of the open file: the name may point elsewhere a moment later.
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TokenFileError::Open { path: shown(), mode });
    }
    let mut text = String::new();
    let bytes = file.take(FILE_BYTES_MAX.saturating_add(1)).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(bytes).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(TokenFileError::Shape("is larger than 4 MiB".to_owned()));
    }
    Ok(text)
}
