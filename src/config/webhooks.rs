//! `[webhooks]`: how notices leave as signed calls to the tenants' own systems. Without a key none does.

use super::check::Checker;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The most networks that may be named.
const NETWORKS_MAX: usize = 64;

/// The key that deliveries are signed with, where they may go, and how often a refused one is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// The private Ed25519 key (PKCS#8, PEM, mode 0600) that deliveries are signed with. Its public half is
    /// published at `/.well-known/lockbox-webhook-keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key_file: Option<PathBuf>,
    /// Networks that deliveries may go to although they are private or special, such as `10.20.0.0/16`.
    /// Every tenant can then have this host call into them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_networks: Vec<Network>,
    /// The certificates of the authorities that may vouch for receivers, as PEM; no others are trusted then.
    /// Without a file, those that browsers trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long a delivery may take, in ms, 100 to 60000.
    pub timeout_ms: u64,
    /// How often a delivery is tried before it is given up and counted as dead, 1 to 100.
    pub attempts_max: u32,
    /// How long the second attempt waits, in s, 1 to 3600; each further one waits twice as long as the one before.
    pub retry_first_s: u64,
    /// The longest wait between two attempts, in s, `retry_first_s` to 86400.
    pub retry_longest_s: u64,
}

impl Default for Webhooks {
    /// 30 attempts from 15 s up to half an hour apart are tried for some eleven hours, as mails are.
    fn default() -> Self {
        Self {
            signing_key_file: None,
            allow_networks: Vec::new(),
            ca_file: None,
            timeout_ms: 10_000,
            attempts_max: 30,
            retry_first_s: 15,
            retry_longest_s: 1800,
        }
    }
}

impl Webhooks {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("webhooks.allow_networks", self.allow_networks.len(), 0..=NETWORKS_MAX);
        check.range("webhooks.timeout_ms", self.timeout_ms, 100..=60_000);
        check.range("webhooks.attempts_max", self.attempts_max, 1..=100);
        check.range("webhooks.retry_first_s", self.retry_first_s, 1..=3600);
        check.range("webhooks.retry_longest_s", self.retry_longest_s, self.retry_first_s..=86_400);
    }
}

/// A network, written `10.20.0.0/16` or `fd00:20::/48`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` lies in it. An IPv4 address in the form of IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                masked(u128::from(ours.to_bits()), 32, self.bits) == masked(u128::from(theirs.to_bits()), 32, self.bits)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                masked(ours.to_bits(), 128, self.bits) == masked(theirs.to_bits(), 128, self.bits)
            }
            _ => false,
        }
    }
}

/// The first `bits` of an address that has `width`.
fn masked(address: u128, width: u8, bits: u8) -> u128 {
    address.checked_shr(u32::from(width.saturating_sub(bits))).unwrap_or(0)
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let form = || format!("`{text}` is not a network such as `10.20.0.0/16`");
        let (address, bits) = text.split_once('/').ok_or_else(form)?;
        let (address, bits): (IpAddr, u8) = (address.parse().map_err(|_| form())?, bits.parse().map_err(|_| form())?);
        let (number, width) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let network = Self { address, bits };
        if bits > width || network.to_string() != text {
            return Err(form());
        }
        // `10.20.30.40/16` is a host or a network, and only its author knows which.
        if masked(number, width, bits).checked_shl(u32::from(width - bits)).unwrap_or(0) != number {
            return Err(format!("`{text}` has bits set beyond its first {bits}: write the network's own address"));
        }
        if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some() && address != Ipv6Addr::UNSPECIFIED)
        {
            return Err(format!("`{text}` is an IPv4 network in the form of IPv6: write it as IPv4"));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_network_contains_what_shares_its_first_bits() {
        let has = |net: &str, address: &str| network(net).contains(address.parse().unwrap());
        assert!(has("10.20.0.0/16", "10.20.255.1") && !has("10.20.0.0/16", "10.21.0.0"));
        assert!(has("10.20.0.0/16", "::ffff:10.20.0.1") && !has("10.20.0.0/16", "::10.20.0.1"));
        assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("127.0.0.1/32", "127.0.0.1") && !has("127.0.0.1/32", "127.0.0.2"));
        assert!(has("fd00:20::/32", "fd00:20:ffff::1") && !has("fd00:20::/32", "fd00:21::1"));
        assert!(has("::/0", "fe80::1") && !has("::/0", "::ffff:10.0.0.1"));
        assert!(has("::1/128", "::1") && !has("::1/128", "::2"));
    }

    #[test]
    fn a_network_has_one_spelling() {
        for good in ["10.0.0.0/8", "::1/128", "0.0.0.0/0", "fd00::/8"] {
            assert_eq!(String::from(network(good)), good);
        }
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "::1/129",
            "fd00::1/64",
            "x/8",
            "10/8",
        ] {
            assert!(Network::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(Network::try_from("::ffff:10.0.0.0/104".to_owned()).is_err());
    }
}
