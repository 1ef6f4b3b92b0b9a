//! A certificate authority of one's own.

use crate::app::write_private;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use std::net::Ipv4Addr;
use std::path::Path;

/// See the module; its files are in a folder that goes with it.
pub(crate) struct Ca {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), root.pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes `NAME.pem` and `NAME.key` for a subject alternative name.
    pub(crate) fn issue(&self, name: &str, alternative: SanType) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(alternative);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (pem, key_file) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        // The key first: whoever looks at both in between finds two that do not fit, and keeps what it has.
        write_private(Path::new(&key_file), &key.serialize_pem());
        std::fs::write(&pem, certificate.pem()).unwrap();
        (pem, key_file)
    }

    pub(crate) fn server(&self) -> (String, String) {
        self.server_at(Ipv4Addr::LOCALHOST)
    }

    pub(crate) fn server_at(&self, address: Ipv4Addr) -> (String, String) {
        self.issue("server", SanType::IpAddress(address.into()))
    }

    /// The settings of a listener that shows these files and asks for certificates from here.
    pub(crate) fn listener(&self, (certificate, key): &(String, String)) -> String {
        let root = self.path("ca.pem");
        format!("{{certificate_file = {certificate:?}, key_file = {key:?}, client_ca_file = {root:?}}}")
    }

    pub(crate) fn sidecar(&self, name: &str) -> (String, String) {
        let uri = format!("spiffe://lockbox.example/sidecar/{name}");
        self.issue(name, SanType::URI(uri.as_str().try_into().unwrap()))
    }
}
