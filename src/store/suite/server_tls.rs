//! A database server on another host: reached by TLS only, and each side proves itself to the other.

use super::postgres::{Database, Server, sql};
use super::server_faults::{impatient, unavailable};
use crate::store::{PostgresHost, PostgresSettings, PostgresStore, PostgresTls, Store as _};
use std::path::{Path, PathBuf};

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

#[tokio::test]
async fn another_host_is_reached_by_tls_only() {
    let host = PostgresHost::Tcp { name: "db1.example".to_owned(), port: 5432 };
    let plain = PostgresSettings::of(vec![host], "lockbox", "lockbox");
    unavailable(PostgresStore::open(impatient(plain)).await, "by TLS only");
}

/// An address of this host that nobody else listens on.
fn loopback() -> String {
    let id = std::process::id();
    format!("127.{}.{}.{}", 1 + (id >> 16) % 250, (id >> 8) % 256, 1 + id % 250)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chain_and_name_of_the_servers_certificate_are_checked_and_a_password_asked_for() {
    let address = loopback();
    let certified = rcgen::generate_simple_self_signed(vec![address.clone()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec![address.clone()]).unwrap();
    let elsewhere = rcgen::generate_simple_self_signed(vec!["db2.example".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| written(files.path(), name, text);
    let server = Server::start(&[&format!("listen_addresses={address}")]);
    server.serve_tls(&certified.cert.pem(), &certified.signing_key.serialize_pem(), None);
    let database = Database::of(server);
    sql(&database.socket, "postgres", "ALTER ROLE lockbox PASSWORD 'correct horse'");
    let (right, wrong) = (file("right.pem", &certified.cert.pem()), file("wrong.pem", &other.cert.pem()));
    let reached = async |ca: &Path, password: Option<&str>| {
        let tls = PostgresTls::Verified { ca_file: Some(ca.to_path_buf()), client: None };
        let hosts = vec![PostgresHost::Tcp { name: address.clone(), port: 5432 }];
        let settings = PostgresSettings { hosts, tls, password: password.map(str::to_owned), ..database.settings() };
        PostgresStore::open(settings).await
    };
    reached(&right, Some("correct horse")).await.unwrap().ping().await.unwrap();
    unavailable(reached(&right, Some("battery staple")).await, "refuses the user or its proof");
    unavailable(reached(&right, None).await, "");
    let untrusted = reached(&wrong, Some("correct horse")).await.unwrap_err().to_string();
    assert!(untrusted.contains("ertificate"), "{untrusted}");
    // The right issuer, but another name.
    let server = database.server.as_ref().unwrap();
    server.serve_tls(&elsewhere.cert.pem(), &elsewhere.signing_key.serialize_pem(), None);
    let named = file("named.pem", &elsewhere.cert.pem());
    let misnamed = reached(&named, Some("correct horse")).await.unwrap_err().to_string();
    assert!(misnamed.contains("ertificate"), "{misnamed}");
}

/// A certificate by itself for this user of the database; the server believes what it has signed.
fn certified(user: &str) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, user);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_server_asks_for_a_certificate_ours_proves_who_we_are() {
    let address = loopback();
    let shown = rcgen::generate_simple_self_signed(vec![address.clone()]).unwrap();
    let (ours, other, stranger) = (certified("lockbox"), certified("somebody"), certified("lockbox"));
    let files = tempfile::tempdir().unwrap();
    let server = Server::start(&[&format!("listen_addresses={address}")]);
    let believed = format!("{}{}", ours.0, other.0);
    server.serve_tls(&shown.cert.pem(), &shown.signing_key.serialize_pem(), Some(&believed));
    let database = Database::of(server);
    let ca = written(files.path(), "server.pem", &shown.cert.pem());
    let reached = async |proof: Option<&(String, String)>| {
        let client = proof.map(|(certificate, key)| {
            (written(files.path(), "client.pem", certificate), written(files.path(), "client.key", key))
        });
        let tls = PostgresTls::Verified { ca_file: Some(ca.clone()), client };
        let hosts = vec![PostgresHost::Tcp { name: address.clone(), port: 5432 }];
        PostgresStore::open(PostgresSettings { hosts, tls, ..database.settings() }).await
    };
    reached(Some(&ours)).await.unwrap().ping().await.unwrap();
    unavailable(reached(Some(&other)).await, "refuses the user or its proof");
    unavailable(reached(Some(&stranger)).await, "");
    unavailable(reached(None).await, "");
}
