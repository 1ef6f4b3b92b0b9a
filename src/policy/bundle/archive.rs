//! The outer form of a bundle: files in a tar archive in gzip, always in one spelling. Reading is of
//! bytes that anybody may have sent: everything is bounded, nothing is written to a disk, and what this
//! program would not have written is refused. There is no unpacking, so there are no links to follow.

use super::super::files::{FILE_BYTES_MAX, FILES_MAX};
use super::BundleError;
use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use tar::{Archive, Builder, EntryType, Header};

/// The largest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: u64 = 32 << 20;
/// The most that a bundle may unpack to, in bytes. Proofs are most of it, and pack well.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// The most files in a bundle: a whole set, its invariants, suites and proofs.
const ENTRIES_MAX: usize = 4 * FILES_MAX;
/// The largest file of evidence, in bytes.
pub(super) const EVIDENCE_BYTES_MAX: u64 = 16 << 20;
/// The largest manifest, in bytes.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;
/// The longest path, in bytes; each of its names has at most 100.
const PATH_BYTES_MAX: usize = 150;
/// The operating system that a gzip header names when it should name none (RFC 1952).
const UNKNOWN_SYSTEM: u8 = 255;

/// The manifest.
pub(super) const MANIFEST: &str = "manifest.json";
/// The signature over the manifest's bytes: 64 bytes, as `openssl pkeyutl -rawin` takes them.
pub(super) const SIGNATURE: &str = "manifest.sig";
/// The schema.
pub(super) const SCHEMA: &str = "schemas/lockbox.cedarschema";

/// What lies in a bundle, by path.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// How large the file of that path may be; `None` for a path that has no place in a bundle.
pub(super) fn size_max(path: &str) -> Option<u64> {
    let parts: Vec<&str> = path.split('/').collect();
    let named = path.len() <= PATH_BYTES_MAX && parts.iter().all(|part| is_name(part));
    let ends = |name: &str, ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    match parts.as_slice() {
        _ if !named => None,
        ["manifest.json"] => Some(MANIFEST_BYTES_MAX),
        ["manifest.sig"] => Some(64),
        ["schemas", "lockbox.cedarschema"] => Some(FILE_BYTES_MAX),
        ["policies", name] | ["policies", "invariant", name] if ends(name, &[".cedar"]) => Some(FILE_BYTES_MAX),
        ["tests", name] if ends(name, &[".yaml", ".yml", ".json"]) => Some(FILE_BYTES_MAX),
        ["evidence", _, ..] => Some(EVIDENCE_BYTES_MAX),
        _ => None,
    }
}

/// Whether a name is one that every system spells alike: no dot at its beginning, no sign that means
/// something elsewhere.
fn is_name(name: &str) -> bool {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'=');
    !name.is_empty() && name.len() <= 100 && !name.starts_with(['.', '-']) && name.bytes().all(fit)
}

/// Packs files: sorted, without times, owners and modes of their own, so that the same files give the
/// same bytes.
pub(super) fn pack(files: &Files) -> Result<Vec<u8>, BundleError> {
    for (path, bytes) in files {
        check(path, bytes.len() as u64)?;
    }
    let tar = tar_of(files)?;
    if files.len() > ENTRIES_MAX || tar.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(BundleError::TooLarge("it would unpack to more than 64 MiB, or to more than 16384 files".into()));
    }
    let mut gzip = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::best());
    let packed = gzip.write_all(&tar).and_then(|()| gzip.finish()).map_err(damaged)?;
    if packed.len() as u64 > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLarge("it would be larger than 32 MiB".into()));
    }
    Ok(packed)
}

/// Reads what [`pack`] wrote, and nothing else.
pub(super) fn unpack(packed: &[u8]) -> Result<Files, BundleError> {
    if packed.len() as u64 > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLarge("it is larger than 32 MiB".into()));
    }
    let mut gzip = GzDecoder::new(packed);
    let mut tar = Vec::new();
    // One byte more than allowed tells a bomb; the rest of it is never unpacked.
    (&mut gzip).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut tar).map_err(damaged)?;
    if tar.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(BundleError::TooLarge("it unpacks to more than 64 MiB".into()));
    }
    if !gzip.into_inner().is_empty() {
        return Err(BundleError::Damaged("there are bytes behind its end".to_owned()));
    }
    let files = files_of(&tar)?;
    // Whatever a tar archive can hide (a mode, an owner, bytes behind the end) is no part of ours.
    if tar_of(&files)? != tar { Err(BundleError::Form) } else { Ok(files) }
}

fn damaged(error: std::io::Error) -> BundleError {
    BundleError::Damaged(error.to_string())
}

/// Whether a file may be there, by its path and size.
fn check(path: &str, size: u64) -> Result<(), BundleError> {
    let refused = |why| BundleError::Entry { path: path.escape_default().to_string(), why };
    match size_max(path) {
        None => {
            Err(refused("has no place in a bundle: names have letters, digits and `._-+=`, and a kind of their own"))
        }
        Some(most) if size > most => Err(refused("is larger than a file of its kind may be")),
        Some(_) => Ok(()),
    }
}

fn files_of(tar: &[u8]) -> Result<Files, BundleError> {
    let mut archive = Archive::new(Cursor::new(tar));
    let mut files = Files::new();
    // Raw: extensions that give an entry another name or size are entries of a kind that is refused.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let shown = String::from_utf8_lossy(&entry.path_bytes()).escape_default().to_string();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(BundleError::Entry { path: shown, why: "is no plain file" });
        }
        let Ok(path) = String::from_utf8(entry.path_bytes().into_owned()) else {
            return Err(BundleError::Entry { path: shown, why: "is no UTF-8" });
        };
        check(&path, entry.size())?;
        if files.len() >= ENTRIES_MAX {
            return Err(BundleError::TooLarge("it has more than 16384 files".into()));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(damaged)?;
        if files.insert(path, bytes).is_some() {
            return Err(BundleError::Entry { path: shown, why: "is there twice" });
        }
    }
    Ok(files)
}

fn tar_of(files: &Files) -> Result<Vec<u8>, BundleError> {
    let mut tar = Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = Header::new_ustar();
        header.set_path(path).map_err(damaged)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        tar.append(&header, bytes.as_slice()).map_err(damaged)?;
    }
    tar.into_inner().map_err(damaged)
}
