//! Tests of keys and bundles as files, and against OpenSSL.

use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

fn put(dir: &Path, name: &str, bytes: &[u8], mode: u32) -> std::path::PathBuf {
    let path = dir.join(name);
    put_whole(&path, bytes, mode).unwrap();
    path
}

#[test]
fn keys_come_back_from_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let (secret, public) = (key(1).to_pem().unwrap(), key(1).public().to_pem().unwrap());
    let private = put(dir.path(), "key", secret.as_bytes(), 0o600);
    assert_eq!(PrivateKey::read(&private).unwrap().public(), key(1).public());
    let shared = put(dir.path(), "key.pub", public.as_bytes(), 0o644);
    assert_eq!(PublicKey::read(&shared).unwrap(), key(1).public());
    assert_eq!(key(1).public().id().len(), 16);

    let open = put(dir.path(), "open", secret.as_bytes(), 0o640);
    assert!(matches!(PrivateKey::read(&open).unwrap_err(), KeyError::Open { mode: 0o640, .. }));
    let error = PublicKey::read(&private).unwrap_err().to_string();
    assert!(error.contains("it is a private key") && !error.contains(secret.lines().nth(1).unwrap()), "{error}");
    assert!(PrivateKey::read(&put(dir.path(), "x", public.as_bytes(), 0o600)).is_err());
    assert!(PublicKey::read(dir.path()).is_err() && PublicKey::read(&dir.path().join("none")).is_err());
    assert!(!format!("{:?}", key(1)).contains("secret"));
}

#[test]
fn openssl_makes_our_keys_and_verifies_our_signatures() {
    let openssl = |args: &[&str], dir: &Path| Command::new("openssl").args(args).current_dir(dir).output();
    // Where there is none, the form of keys and signatures is held by the other tests alone.
    if !openssl(&["version"], Path::new("/")).is_ok_and(|said| said.status.success()) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let said = openssl(args, dir.path()).unwrap();
        assert!(said.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said.stderr));
    };
    run(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]);
    run(&["pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem"]);
    let theirs = PrivateKey::read(&dir.path().join("key.pem")).unwrap();
    assert_eq!(PublicKey::read(&dir.path().join("pub.pem")).unwrap(), theirs.public());
    let bytes = sign(contents(&Sources::shipped()), &theirs).unwrap();
    let files = unpack(&bytes).unwrap();
    put(dir.path(), MANIFEST, &files[MANIFEST], 0o644);
    put(dir.path(), SIGNATURE, &files[SIGNATURE], 0o644);
    put(dir.path(), "ours.pem", theirs.to_pem().unwrap().as_bytes(), 0o600);
    run(&["pkey", "-in", "ours.pem", "-noout"]);
    let verify =
        ["pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", MANIFEST, "-sigfile", SIGNATURE];
    run(&verify);
}

#[test]
fn a_file_is_put_whole_and_leaves_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "b", b"one", 0o600);
    put(dir.path(), "b", b"two", 0o600);
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(put_whole(&dir.path().join("none/b"), b"x", 0o600).is_err());
    assert!(put_whole(dir.path(), b"x", 0o600).is_err(), "a directory is not replaced");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_bundle_is_opened_where_a_directory_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "b.tar.gz", &SHIPPED, 0o644);
    assert_eq!(Sources::open(&path).unwrap().digest(), Sources::shipped().digest());
    let here = Sources::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(here.digest(), Sources::shipped().digest());
    let not_one = put(dir.path(), "x", b"text", 0o644);
    assert_eq!(Sources::open(&not_one).unwrap_err().findings[0].code, "bundle-damaged");
}
