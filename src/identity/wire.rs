//! HTTP as a client, for what an issuer publishes and for exchanging a code: small answers, bounded in
//! size and time. Redirects are never followed: they could lead off https.
//!
//! Invariant: an error names the address and what went wrong, never what was sent or answered.

use core::time::Duration;
use std::path::Path;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The largest answer that is read, in bytes.
pub(super) const BODY_BYTES_MAX: u64 = 256 * 1024;
/// How long one exchange may take in all.
const EXCHANGE_S_MAX: u64 = 5;
/// The largest file of certificates, in bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct WireError(pub(super) String);

/// What was answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Asks other servers. Blocks.
pub(super) trait Wire: Send + Sync {
    fn get(&self, url: &str) -> Result<Answer, WireError>;

    /// Sends a form (`application/x-www-form-urlencoded`), with an `Authorization` header if there is one.
    fn post_form(&self, url: &str, authorization: Option<&str>, form: &str) -> Result<Answer, WireError>;
}

/// Whether what is sent to `url` is encrypted, or never leaves this host.
pub(super) fn is_private(url: &str) -> bool {
    let Ok(parsed) = url.parse::<hyper::Uri>() else { return false };
    let host = parsed.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match parsed.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => loopback,
        _ => false,
    }
}

/// The real thing.
#[derive(Debug)]
pub(super) struct HttpWire(ureq::Agent);

impl HttpWire {
    /// Trusts the usual certificate authorities.
    pub(super) fn new() -> Self {
        Self::with(TlsConfig::builder().build())
    }

    /// Trusts the certificate authorities of this PEM file and no others.
    pub(super) fn trusting(ca_file: &Path) -> Result<Self, WireError> {
        let wrong = |why: &str| WireError(format!("the certificates of `{}` {why}", ca_file.display()));
        let pem = read_bounded(ca_file, CA_BYTES_MAX).map_err(|why| wrong(&format!("cannot be read: {why}")))?;
        let mut roots: Vec<Certificate<'static>> = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|_| wrong("are not PEM"))? {
                roots.push(certificate);
            }
        }
        if roots.is_empty() {
            return Err(wrong("are none: the file needs `-----BEGIN CERTIFICATE-----`"));
        }
        Ok(Self::with(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build()))
    }

    fn with(tls: TlsConfig) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(EXCHANGE_S_MAX)))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        Self(config.into())
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, WireError> {
    let failed = |error: ureq::Error| WireError(error.to_string());
    let mut response = response.map_err(failed)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX.saturating_add(1));
    Ok(Answer { status, body: body.read_to_vec().map_err(failed)? })
}

impl Wire for HttpWire {
    fn get(&self, url: &str) -> Result<Answer, WireError> {
        answer(self.0.get(url).header("accept", "application/json").call())
    }

    fn post_form(&self, url: &str, authorization: Option<&str>, form: &str) -> Result<Answer, WireError> {
        let mut request = self.0.post(url).header("accept", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        answer(request.content_type("application/x-www-form-urlencoded").send(form))
    }
}

/// A file as a whole, if it is no longer than `bytes_max`.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(format!("it is larger than {bytes_max} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_are_private() {
        for url in [
            "https://login.example/keys",
            "http://127.0.0.1:8080/x",
            "http://[::1]/x",
            "http://localhost",
            "https://[2001:db8::1]/",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://login.example/",
            "http://127.0.0.1.example/",
            "http://localhost@login.example/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "https://",
            "/keys",
            "",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn a_file_without_certificates_trusts_nobody_rather_than_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(HttpWire::trusting(&path).unwrap_err().0.contains("cannot be read"));
        std::fs::write(&path, "nothing of the kind\n").unwrap();
        assert!(HttpWire::trusting(&path).unwrap_err().0.contains("are none"));
    }
}
