//! TLS for listeners and for the way to the authority: certificates and keys from files, read anew when they
//! change, and the names in the certificate that a client shows.
//!
//! Invariant: there is no unverified connection. A listener that asks for client certificates takes only those its
//! authority has signed; a client checks the server's name against the roots it was given.

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

/// Why TLS cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{path}` cannot be used: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// What the files hold does not fit together.
    #[error("{0}")]
    Unfit(String),
}

/// Where a listener's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// The certificate and what leads to its root, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The roots of the certificates that clients may show, PEM; without it none is asked for.
    pub client_ca: Option<PathBuf>,
}

/// How a client connects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFiles {
    /// The roots that servers' certificates must come from, PEM; without it those of the public web.
    pub ca: Option<PathBuf>,
    /// The client's own certificate and key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A listener's TLS. What the files hold is taken up while it runs.
#[derive(Debug)]
pub struct ServerTls {
    files: ServerFiles,
    config: ArcSwap<ServerConfig>,
    /// The files' stamps when they were last read, or tried.
    stamps: Mutex<Vec<Option<(u64, i64, i64)>>>,
}

/// What a look at a listener's files found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tended {
    /// Nothing new.
    Unchanged,
    /// Others are in force.
    Taken,
    /// They changed and cannot be used: the last good ones stay.
    Kept(TlsError),
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(files: ServerFiles) -> Result<Self, TlsError> {
        let stamps = Mutex::new(files.stamps());
        let config = ArcSwap::from_pointee(server(&files)?);
        Ok(Self { files, config, stamps })
    }

    /// What a connection that comes now is served with.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Takes up what has changed. Reads files: not for a thread of the runtime.
    pub fn tend(&self) -> Tended {
        let now = self.files.stamps();
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if *stamps == now {
            return Tended::Unchanged;
        }
        *stamps = now;
        match server(&self.files) {
            Ok(config) => {
                self.config.store(Arc::new(config));
                Tended::Taken
            }
            Err(error) => Tended::Kept(error),
        }
    }
}

impl ServerFiles {
    fn stamps(&self) -> Vec<Option<(u64, i64, i64)>> {
        let stamp = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.ino(), found.mtime(), found.mtime_nsec()))
        };
        let paths = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        paths.into_iter().flatten().map(|path| stamp(path)).collect()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider())
}

fn unfit(error: impl ToString) -> TlsError {
    TlsError::Unfit(error.to_string())
}

fn server(files: &ServerFiles) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(unfit)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            // People come to the same listener with a browser and without a certificate.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(ca)?), provider());
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().map_err(unfit)?)
        }
    };
    let (chain, key) = (certificates(&files.certificate)?, key(&files.key)?);
    let mut config = builder.with_single_cert(chain, key).map_err(|error| TlsError::File {
        path: files.certificate.display().to_string(),
        why: format!("certificate and key do not fit together: {error}"),
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A client's TLS, speaking HTTP/2 only.
///
/// # Errors
/// [`TlsError`].
pub fn client(files: &ClientFiles) -> Result<ClientConfig, TlsError> {
    let roots = match &files.ca {
        Some(ca) => roots(ca)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(unfit)?.with_root_certificates(roots);
    let mut config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key_file)) => {
            builder.with_client_auth_cert(certificates(chain)?, key(key_file)?).map_err(|error| TlsError::File {
                path: chain.display().to_string(),
                why: format!("certificate and key do not fit together: {error}"),
            })?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The roots in a file, in DER form, for a client that is not of this module.
///
/// # Errors
/// [`TlsError`].
pub fn roots_for_clients(path: &Path) -> Result<Vec<Vec<u8>>, TlsError> {
    Ok(certificates(path)?.into_iter().map(|root| root.to_vec()).collect())
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(path)? {
        roots.add(root).map_err(|error| TlsError::File { path: path.display().to_string(), why: error.to_string() })?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: String| TlsError::File { path: path.display().to_string(), why };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let found: Result<Vec<_>, _> = found.collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong("it holds no certificate in PEM form".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let wrong = |why: String| TlsError::File { path: path.display().to_string(), why };
    let mode = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.mode();
    if mode & 0o077 != 0 {
        return Err(wrong(format!("a key must be its owner's alone: run `chmod 600 {}`", path.display())));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| wrong(error.to_string()))
}

/// The names that a certificate proves, once the chain has been checked: SPIFFE and other URIs as they are, DNS
/// names in lower case.
pub fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let mut names = Vec::new();
    for extension in parsed.extensions() {
        let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension() else { continue };
        for name in &alternatives.general_names {
            match name {
                GeneralName::URI(uri) => names.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => names.push(dns.to_ascii_lowercase()),
                _ => {}
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn files(dir: &Path, names: &[&str]) -> ServerFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        for name in names {
            params.subject_alt_names.push(match name.contains("://") {
                true => SanType::URI((*name).try_into().unwrap()),
                false => SanType::DnsName((*name).try_into().unwrap()),
            });
        }
        let certificate = params.self_signed(&key).unwrap();
        let files = ServerFiles { certificate: dir.join("certificate.pem"), key: dir.join("key.pem"), client_ca: None };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        set_mode(&files.key, 0o600);
        files
    }

    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn names_are_those_of_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), &["spiffe://lockbox.example/sidecar/exchange-1", "A.Sidecar.Example"]);
        let certificate = certificates(&files.certificate).unwrap();
        assert_eq!(names_of(&certificate[0]), ["spiffe://lockbox.example/sidecar/exchange-1", "a.sidecar.example"]);
        assert!(names_of(&CertificateDer::from(vec![1, 2, 3])).is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_file_and_the_last_good_stays() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), &["localhost"]);
        let tls = ServerTls::open(files.clone()).unwrap();
        assert_eq!(tls.tend(), Tended::Unchanged);
        let before = tls.config();
        std::fs::write(&files.certificate, "no certificate").unwrap();
        assert!(matches!(tls.tend(), Tended::Kept(TlsError::File { path, .. }) if path.ends_with("certificate.pem")));
        assert!(Arc::ptr_eq(&before, &tls.config()));
        assert_eq!(tls.tend(), Tended::Unchanged, "told once");
        set_mode(&files.key, 0o644);
        let open = ServerTls::open(files.clone()).unwrap_err().to_string();
        assert!(open.contains("certificate.pem") || open.contains("chmod 600"), "{open}");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), &["localhost"]);
        set_mode(&files.key, 0o640);
        assert!(ServerTls::open(files).unwrap_err().to_string().contains("chmod 600"));
    }
}
