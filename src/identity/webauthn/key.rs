//! Public keys of passkeys: from the form that authenticators write (COSE, in the one order that CTAP2
//! prescribes) to the form that everybody can read (SPKI DER), and checking signatures with them.
//!
//! Invariant: a key of any other form than these three is none.

use super::Refused;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};

/// How a passkey signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA (PKCS #1 v1.5) with SHA-256, 2048 bits: TPMs.
    Rs256,
}

impl Algorithm {
    /// Every algorithm, best first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Es256 => &ECDSA_P256_SHA256_ASN1,
            Self::EdDsa => &ED25519,
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        }
    }

    /// What stands before the key in SPKI DER: its kind (RFC 5480, 8410, 3279), and for P-256 the mark of
    /// a point with both coordinates.
    fn spki_head(self) -> &'static [u8] {
        match self {
            Self::Es256 => &[
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
                0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
            ],
            Self::EdDsa => &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
            Self::Rs256 => &[
                0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
                0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
            ],
        }
    }

    /// The parts of the key in COSE: what stands before each, and how long each is; then what ends it.
    fn cose(self) -> (&'static [(&'static [u8], usize)], &'static [u8]) {
        match self {
            Self::Es256 => {
                (&[(&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20], 32), (&[0x22, 0x58, 0x20], 32)], &[])
            }
            Self::EdDsa => (&[(&[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20], 32)], &[]),
            Self::Rs256 => (
                &[(&[0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00], 256)],
                &[0x21, 0x43, 0x01, 0x00, 0x01],
            ),
        }
    }

    /// What stands after the key in SPKI DER: the exponent 65537.
    fn spki_tail(self) -> &'static [u8] {
        match self {
            Self::Es256 | Self::EdDsa => &[],
            Self::Rs256 => &[0x02, 0x03, 0x01, 0x00, 0x01],
        }
    }
}

/// A passkey's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// How it signs.
    pub algorithm: Algorithm,
    /// The key as SPKI DER.
    pub spki: Vec<u8>,
}

impl PublicKey {
    /// The key at the head of `cose`, and what follows it.
    pub(super) fn of_cose(cose: &[u8]) -> Result<(Self, &[u8]), Refused> {
        Algorithm::ALL.into_iter().find_map(|algorithm| Self::read(algorithm, cose)).ok_or(Refused::Key)
    }

    fn read(algorithm: Algorithm, cose: &[u8]) -> Option<(Self, &[u8])> {
        let (parts, end) = algorithm.cose();
        let (mut spki, mut rest) = (algorithm.spki_head().to_vec(), cose);
        for (head, length) in parts {
            let (part, after) = rest.strip_prefix(*head)?.split_at_checked(*length)?;
            spki.extend_from_slice(part);
            rest = after;
        }
        spki.extend_from_slice(algorithm.spki_tail());
        Some((Self { algorithm, spki }, rest.strip_prefix(end)?))
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`Refused::Key`] when it is no key of its algorithm, [`Refused::Signature`].
    pub fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
        if !self.spki.starts_with(self.algorithm.spki_head()) {
            return Err(Refused::Key);
        }
        let key = UnparsedPublicKey::new(self.algorithm.verification(), &self.spki);
        key.verify(signed, signature).map_err(|_| Refused::Signature)
    }
}
