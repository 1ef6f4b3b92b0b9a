//! Policies from the authority: the sidecar asks for the bundle, verifies it as it would a file, and keeps
//! it where it looks for one, so that it starts without the authority too.
//!
//! Invariant: the authority is a carrier. What it hands over is used only if a trusted key has signed it
//! and it is no older than what was used; else what is there stays. No grace runs out while the
//! authority is away or hands over something else by itself. What the *record demands* is another thing: a sidecar
//! that cannot adopt it gets no lease (`adopt`).

use super::adopt;
use crate::clock::Clock;
use crate::policy::bundle::BUNDLE_BYTES_MAX;
use crate::policy::{BundleInUse, LoadError, NotTaken, PolicyHandle, SignedBundle};
use crate::state::BundleDemand;
use crate::tls::{self, ClientFiles, TlsError};
use core::time::Duration;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// How long one fetch may take in all.
const FETCH_S_MAX: u64 = 10;
/// The largest token file, in bytes.
const TOKEN_BYTES_MAX: u64 = 4096;

/// What became of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The authority has the bundle that is kept.
    Unchanged,
    /// Another is kept now.
    Taken(Box<BundleInUse>),
}

/// Why the bundle that is kept stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The authority cannot be asked, or does not hand it over.
    #[error("the bundle cannot be fetched from `{url}`: {why}")]
    Away {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// The token cannot be used.
    #[error("the token file `{path}` cannot be used: {why}")]
    Token {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// What it hands over is not taken.
    #[error("the bundle from `{url}` is not taken:\n{error}")]
    Refused {
        /// Where.
        url: String,
        /// Why.
        error: LoadError,
    },
    /// What the record demands is not taken.
    #[error("the bundle {digest} from `{url}`, which is demanded, is not taken: {error}")]
    NotAdopted {
        /// Where.
        url: String,
        /// Which.
        digest: String,
        /// Why.
        error: NotTaken,
    },
}

/// Fetches the bundle.
#[derive(Debug)]
pub struct PolicyFetch {
    url: String,
    token_file: Option<PathBuf>,
    bundle: SignedBundle,
    agent: ureq::Agent,
    /// The digest of what is kept. Held while it is fetched: one at a time.
    kept: Mutex<Option<String>>,
    /// Why the last fetch failed. By itself, for it is asked while another is under way, on threads that may not wait.
    failure: Mutex<Option<FetchError>>,
}

impl PolicyFetch {
    /// A fetch of what `url` hands over, to be kept as `bundle`.
    ///
    /// # Errors
    /// [`TlsError`] when the roots cannot be used.
    pub fn new(
        url: String,
        token_file: Option<PathBuf>,
        bundle: SignedBundle,
        files: &ClientFiles,
    ) -> Result<Self, TlsError> {
        // Redirects are not followed: the token is for this address.
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(FETCH_S_MAX)))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(secured(files)?)
            .build();
        let (kept, failure) = (Mutex::new(bundle.digest()), Mutex::default());
        Ok(Self { url, token_file, bundle, agent: config.into(), kept, failure })
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`FetchError`]; what is kept stays.
    pub fn fetch(&self) -> Result<Fetched, FetchError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = self.ask(kept.as_deref());
        if let Ok(Fetched::Taken(taken)) = &fetched {
            *kept = Some(taken.file.digest.clone());
        }
        self.ended(fetched.as_ref().err().cloned());
        fetched
    }

    /// Why the last fetch failed; `None` when it did not.
    pub fn failure(&self) -> Option<FetchError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ended(&self, failure: Option<FetchError>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Fetches the bundle that the record demands, and uses it.
    ///
    /// # Errors
    /// [`FetchError`]; what is kept stays.
    pub fn adopt(&self, demand: &BundleDemand, policies: &PolicyHandle, clock: &dyn Clock) -> Result<(), FetchError> {
        // Held throughout: a fetch of what the authority uses by itself does not come in between.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}digest={}", self.url, demand.digest);
        let Some(bytes) = self.get(&url, None)? else {
            return Err(self.away("it says 304 to who has none".to_owned()));
        };
        let not_adopted =
            |error| FetchError::NotAdopted { url: self.url.clone(), digest: demand.digest.clone(), error };
        adopt::take(policies, demand, bytes, clock).map_err(not_adopted)?;
        *kept = Some(demand.digest.clone());
        self.ended(None);
        Ok(())
    }

    fn away(&self, why: String) -> FetchError {
        FetchError::Away { url: self.url.clone(), why }
    }

    fn ask(&self, kept: Option<&str>) -> Result<Fetched, FetchError> {
        let Some(bytes) = self.get(&self.url, kept)? else { return Ok(Fetched::Unchanged) };
        let refused = |error| FetchError::Refused { url: self.url.clone(), error };
        self.bundle.take(bytes).map(|taken| Fetched::Taken(Box::new(taken))).map_err(refused)
    }

    /// What `url` hands over; `None` if that is what is kept.
    fn get(&self, url: &str, kept: Option<&str>) -> Result<Option<Vec<u8>>, FetchError> {
        let away = |why: String| self.away(why);
        let mut request = self.agent.get(url);
        if let Some(path) = &self.token_file {
            request = request.header("authorization", format!("Bearer {}", token(path)?));
        }
        if let Some(kept) = kept {
            request = request.header("if-none-match", format!("\"{kept}\""));
        }
        let mut response = request.call().map_err(|error| away(error.to_string()))?;
        match response.status().as_u16() {
            304 if kept.is_some() => Ok(None),
            200 => {
                // One that is too large by a byte is read: reading it says so better.
                let body = response.body_mut().with_config().limit(BUNDLE_BYTES_MAX.saturating_add(1)).read_to_vec();
                body.map(Some).map_err(|error| away(error.to_string()))
            }
            status => Err(away(format!("it answers {status}"))),
        }
    }
}

/// TLS by roots and a certificate of one's own, where there are any.
fn secured(files: &ClientFiles) -> Result<TlsConfig, TlsError> {
    let owned = |der: Vec<u8>| Certificate::from_der(&der).to_owned();
    let mut builder = TlsConfig::builder();
    if let Some(ca) = &files.ca {
        let roots = tls::roots_for_clients(ca)?.into_iter().map(owned).collect();
        builder = builder.root_certs(RootCerts::Specific(Arc::new(roots)));
    }
    if let Some((chain, key)) = &files.identity {
        let unusable = |why: String| TlsError::File { path: key.display().to_string(), why };
        let pem = std::fs::read(key).map_err(|error| unusable(error.to_string()))?;
        let read = PrivateKey::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        let chain: Vec<_> = tls::roots_for_clients(chain)?.into_iter().map(owned).collect();
        builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, read)));
    }
    Ok(builder.build())
}

/// The token in a file that only its owner may read, as it stands there now: it may be exchanged.
///
/// # Errors
/// [`FetchError::Token`].
pub fn token(path: &Path) -> Result<String, FetchError> {
    let wrong = |why: String| FetchError::Token { path: path.display().to_string(), why };
    let failed = |error: std::io::Error| wrong(error.to_string());
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() || kind.mode() & 0o077 != 0 {
        return Err(wrong(format!(
            "it must be a file that only its owner may read: run `chmod 600 {}`",
            path.display()
        )));
    }
    let mut text = String::new();
    std::fs::File::open(path).map_err(failed)?.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim();
    let shaped = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if shaped { Ok(token.to_owned()) } else { Err(wrong("it holds no token".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::bundle::Require;
    use std::net::TcpListener;

    /// Who is asked for readiness must not wait for an authority that says nothing.
    #[test]
    fn why_the_last_fetch_failed_is_told_while_another_is_under_way() {
        let authority = TcpListener::bind("127.0.0.1:0").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let bundle = SignedBundle {
            path: dir.path().join("policies.tar.gz"),
            trusted_keys: Vec::new(),
            require: Require { tests: false, proof: false },
            keep_dir: None,
        };
        let url = format!("http://{}/", authority.local_addr().unwrap());
        let files = ClientFiles { ca: None, identity: None };
        let fetch = PolicyFetch::new(url, None, bundle, &files).unwrap();
        std::thread::scope(|scope| {
            let fetching = scope.spawn(|| fetch.fetch());
            let (mut asked, _) = authority.accept().unwrap();
            asked.read_exact(&mut [0]).unwrap();
            assert_eq!(fetch.failure(), None);
            assert!(!fetching.is_finished(), "it was waited for");
            drop(asked);
            let failed = fetching.join().unwrap().unwrap_err();
            assert_eq!(fetch.failure(), Some(failed));
        });
    }
}
