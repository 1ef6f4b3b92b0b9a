//! An authenticator made of software, for tests: it signs whatever it is told to.

use super::{ATTESTED, Algorithm, Assertion, PRESENT, Site, VERIFIED};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

pub(crate) struct Software {
    pair: Pair,
    pub(crate) site: Site,
    pub(crate) id: Vec<u8>,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
}

impl Software {
    pub(crate) fn of(algorithm: Algorithm, site: Site) -> Self {
        let pair = match algorithm {
            Algorithm::Es256 => Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::generate().unwrap()),
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self { pair, site, id: b"credential".to_vec(), flags: PRESENT | VERIFIED, counter: 1 }
    }

    pub(crate) fn cose(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(32);
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20], x, &[0x22, 0x58, 0x20], y].concat()
            }
            Pair::EdDsa(pair) => {
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20], pair.public_key().as_ref()].concat()
            }
            Pair::Rs256(pair) => {
                let modulus = pair.public_key().modulus();
                let n = modulus.big_endian_without_leading_zero();
                [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0], n, &[0x21, 0x43, 1, 0, 1]].concat()
            }
        }
    }

    pub(crate) fn client_data(&self, kind: &str, challenge: &[u8]) -> Value {
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        json!({"type": kind, "challenge": challenge, "origin": self.site.origin, "crossOrigin": false, "other": 1})
    }

    /// What it says of itself; with its key for a registration.
    pub(crate) fn data(&self, registering: bool) -> Vec<u8> {
        let hash = Sha256::digest(self.site.rp_id.as_bytes());
        let flags = if registering { self.flags | ATTESTED } else { self.flags };
        let mut data = [hash.as_slice(), &[flags], &self.counter.to_be_bytes()].concat();
        if registering {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
            data.extend(&self.id);
            data.extend(self.cose());
        }
        data
    }

    pub(crate) fn sign(&self, client_data: &[u8], authenticator_data: &[u8]) -> Vec<u8> {
        let signed = [authenticator_data, Sha256::digest(client_data).as_slice()].concat();
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&random, &signed).unwrap().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(&signed).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, &signed, &mut signature).unwrap();
                signature
            }
        }
    }

    pub(crate) fn assert(&self, challenge: &[u8]) -> Assertion {
        let client_data = self.client_data("webauthn.get", challenge).to_string().into_bytes();
        let authenticator_data = self.data(false);
        let signature = self.sign(&client_data, &authenticator_data);
        Assertion { client_data, authenticator_data, signature }
    }
}
