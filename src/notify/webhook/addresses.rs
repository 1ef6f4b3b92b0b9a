//! Which addresses a webhook may be connected to: those of the public internet, and what the operator
//! allows in so many words. The numbers are those of the registries of special addresses (RFC 6890 and
//! what was added to them since).
//!
//! Invariant: a name with one forbidden address is not called at all, and what was looked at is what the
//! client connects to: it gets addresses, not the name.

use crate::config::Network;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks names up, and refuses addresses.
#[derive(Debug)]
pub(super) struct Checked {
    names: DefaultResolver,
    allowed: Vec<Network>,
}

/// An address that is not called.
#[derive(Debug, thiserror::Error)]
#[error("it is at {address}, {why}; the operator can allow that in `webhooks.allow_networks`")]
struct Forbidden {
    address: IpAddr,
    why: &'static str,
}

impl Checked {
    pub(super) fn new(allowed: Vec<Network>) -> Self {
        Self { names: DefaultResolver::default(), allowed }
    }
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        for address in found.iter().map(core::net::SocketAddr::ip) {
            if let Some(why) = forbidden(address, &self.allowed) {
                return Err(ureq::Error::Other(Box::new(Forbidden { address, why })));
            }
        }
        Ok(found)
    }
}

/// Why nothing is sent to `address`; `None` when it is public, or in one of the `allowed` networks.
pub(super) fn forbidden(address: IpAddr, allowed: &[Network]) -> Option<&'static str> {
    if allowed.iter().any(|network| network.contains(address)) {
        return None;
    }
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address, allowed),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("which means this host (0.0.0.0/8)"),
        [127, ..] => Some("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private address (RFC 1918)"),
        [100, 64..=127, ..] => Some("a shared address of providers (RFC 6598)"),
        [169, 254, ..] => Some("a link-local address"),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => Some("an address with a special meaning"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("an address for documentation"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr, allowed: &[Network]) -> Option<&'static str> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let low = || {
        let [g1, g2] = g.to_be_bytes();
        let [h1, h2] = h.to_be_bytes();
        forbidden(IpAddr::V4(Ipv4Addr::new(g1, g2, h1, h2)), allowed)
    };
    match [a, b, c, d, e, f] {
        // What stands for an IPv4 address is judged as that: mapped (RFC 4291), and through NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => low(),
        [0, 0, 0, 0, 0, 0] if g == 0 && h == 1 => Some("a loopback address"),
        [0xfc00..=0xfdff, ..] => Some("a private address (RFC 4193)"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("an address for documentation"),
        // Teredo and its neighbours, 6to4: they carry IPv4 addresses of somebody's choice.
        [0x2001, 0..=0x01ff, ..] | [0x2002, ..] => Some("an address with a special meaning"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("not an address of the public internet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(address: &str, allowed: &[&str]) -> Option<&'static str> {
        let allowed: Vec<Network> = allowed.iter().map(|net| Network::try_from((*net).to_owned()).unwrap()).collect();
        forbidden(address.parse().unwrap(), &allowed)
    }

    #[test]
    fn what_is_not_public_is_forbidden() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.19.9.9",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2001:10::1",
            "2002:7f00:1::1",
            "3fff::1",
            "100::1",
            "4000::1",
            "5f00::1",
        ] {
            assert!(why(special, &[]).is_some(), "{special}");
        }
    }

    #[test]
    fn what_is_public_is_not() {
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "169.253.0.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "2001:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert_eq!(why(public, &[]), None, "{public}");
        }
    }

    #[test]
    fn only_the_named_networks_are_allowed_in_every_spelling_of_an_address() {
        assert_eq!(why("10.20.0.1", &["10.20.0.0/16"]), None);
        assert_eq!(why("::ffff:10.20.0.1", &["10.20.0.0/16"]), None);
        assert_eq!(why("64:ff9b::10.20.0.1", &["10.20.0.0/16"]), None);
        assert!(why("10.21.0.1", &["10.20.0.0/16"]).is_some() && why("127.0.0.1", &["10.20.0.0/16", "::/0"]).is_some());
        assert!(why("::1", &["127.0.0.0/8"]).is_some());
        assert_eq!(why("fd00::1", &["127.0.0.0/8", "fd00::/8"]), None);
    }

    /// The client asks this resolver and no other: a name is looked at wherever it leads.
    #[test]
    fn a_name_that_leads_here_is_not_called() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let agent = |allowed: Vec<Network>| {
            // Nobody ever answers there: without an end, the mistake that this looks for would hang.
            let end = Some(core::time::Duration::from_secs(5));
            let config = ureq::Agent::config_builder().proxy(None).timeout_global(end).build();
            ureq::Agent::with_parts(
                config,
                ureq::unversioned::transport::DefaultConnector::default(),
                Checked::new(allowed),
            )
        };
        for host in ["localhost", "127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1"] {
            let error = agent(Vec::new()).get(format!("http://{host}:{port}/")).call().unwrap_err().to_string();
            assert!(error.contains("webhooks.allow_networks"), "{host}: {error}");
        }
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}
