//! Where people and systems outside are reached: the syntax of mail addresses and of webhook URLs.
//! Syntax only: whether anything answers there, and whether it may be asked, is the sender's to find out.
//!
//! Each has one spelling that is accepted. What several readers could read in several ways (quoted local
//! parts, `0x7f.1`, `/a/../b`, an upper-case host) is refused, so that what was checked, what is signed and
//! what is connected to are the same.

use core::net::{Ipv4Addr, Ipv6Addr};

/// The longest mail address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAIL_BYTES_MAX: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// The longest host name, in bytes (RFC 1035 §2.3.4, less the framing).
const HOST_BYTES_MAX: usize = 253;
/// The longest webhook URL, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// Why `text` is no mail address that anything is sent to, with what to do instead; `None` when it is one.
/// Plain ASCII addresses only: neither quoted local parts nor address literals.
pub fn mail_address_refused(text: &str) -> Option<&'static str> {
    if text.len() > MAIL_BYTES_MAX {
        return Some("is longer than 254 bytes: give a shorter address");
    }
    let Some((local, host)) = text.split_once('@') else {
        return Some("has no `@`: give an address such as `csilla@contoso.example`");
    };
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atom);
    if local.len() > LOCAL_BYTES_MAX || !local.split('.').all(atom) {
        return Some("has before the `@` what an address without quotes cannot have there");
    }
    if is_host_name(host) { None } else { Some("has no host name after the `@`") }
}

/// Why `text` is no URL that a webhook may have, with what to do instead; `None` when it may.
/// `https` only; no user name, no fragment, a path at least `/`, at most 2048 bytes.
pub fn webhook_url_refused(text: &str) -> Option<&'static str> {
    if text.len() > URL_BYTES_MAX {
        return Some("is longer than 2048 bytes: give a shorter one");
    }
    let Some(rest) = text.strip_prefix("https://") else {
        return Some("does not begin with `https://`: what is sent there names people and content");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some(target) = rest.strip_prefix(authority).filter(|target| target.starts_with('/')) else {
        return Some("has no path: end the host with `/`");
    };
    if authority.contains('@') {
        return Some("holds a user name or password: leave them out, deliveries are signed instead");
    }
    if target.contains('#') {
        return Some("has a fragment (`#`), which is never sent: leave it out");
    }
    authority_refused(authority).or_else(|| target_refused(target))
}

fn authority_refused(authority: &str) -> Option<&'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of `[::1]` belong to the host.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let known = match literal {
        Some(literal) => literal.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == literal),
        None => host.parse::<Ipv4Addr>().is_ok() || (is_host_name(host) && !is_numeric(host)),
    };
    if !known || host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some("has a host that is neither a lower-case name nor an address in its usual form");
    }
    match port {
        None => None,
        Some("443") => Some("names port 443, which `https` has anyway: leave it out"),
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && number.to_string() == port => None,
            _ => Some("has a port that is no number from 1 to 65535"),
        },
    }
}

fn target_refused(target: &str) -> Option<&'static str> {
    let mut bytes = target.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => [bytes.next(), bytes.next()].into_iter().all(|hex| hex.is_some_and(|hex| hex.is_ascii_hexdigit())),
            b'/' | b'?' | b':' | b'@' => true,
            other => other.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&other),
        };
        if !fine {
            return Some("has a character that a URL writes as `%` and two hexadecimal digits");
        }
    }
    let path = target.split('?').next().unwrap_or_default();
    let dotted = path.split('/').any(|segment| matches!(segment, "." | ".."));
    dotted.then_some("has `.` or `..` in its path: write the path that is meant")
}

/// RFC 5322 §3.2.3, atext.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= HOST_BYTES_MAX && host.split('.').all(label)
}

/// Whether some reader could take it for an IPv4 address: the last label is a number, also `0x7f`.
fn is_numeric(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mail_addresses_are_plain() {
        for good in ["ana@provider.example", "o'hara+x@a-b.example", "a@localhost", "A.b@C.example", "a@1.example"] {
            assert_eq!(mail_address_refused(good), None, "{good}");
        }
        for bad in [
            "",
            "ana",
            "ana@",
            "@x.example",
            "ana@x..example",
            "ana@-x.example",
            "a..b@x.example",
            ".a@x.example",
            "\"a b\"@x.example",
            "a@[127.0.0.1]",
            "a@b@x.example",
            "a b@x.example",
            "ána@x.example",
            "a@x.exámple",
            "a@x.example\r\nRCPT TO:<b@x.example>",
            "a\r\n@x.example",
            "a@x.example>",
            "<a@x.example",
            "a,b@x.example",
            "a@x.example.",
            "a\0@x.example",
            &format!("{}@x.example", "a".repeat(65)),
            &format!("a@{}.example", "b".repeat(64)),
            &format!("a@{}example", "b.".repeat(130)),
        ] {
            assert!(mail_address_refused(bad).is_some(), "{bad:?}");
        }
    }

    #[track_caller]
    fn refused(url: &str, part: &str) {
        let why = webhook_url_refused(url);
        assert!(why.is_some_and(|why| why.contains(part)), "{url}: {why:?}");
    }

    #[test]
    fn webhook_urls_have_one_spelling() {
        for good in [
            "https://contoso.example/",
            "https://hooks.contoso.example:8443/lockbox?tenant=contoso&x=%C3%A1",
            "https://192.0.2.7/x",
            "https://[2001:db8::1]:1/x;y=(1)",
            "https://xn--gymlcs-fva0i.example/a.b/..c",
        ] {
            assert_eq!(webhook_url_refused(good), None, "{good}");
        }
        for plain in ["http://a.example/", "HTTPS://a.example/", "ftp://a.example/", "//a.example/", "", " https://a/"]
        {
            refused(plain, "does not begin with `https://`");
        }
        for pathless in ["https://a.example", "https://", "https://a.example?x=/", "https://a.example#/"] {
            refused(pathless, "has no path");
        }
        refused("https://me:secret@a.example/", "user name");
        refused("https://a.example@b.example/", "user name");
        refused("https://a.example/x#y", "fragment");
        refused(&format!("https://a.example/{}", "x".repeat(2048)), "longer than 2048");
        for host in ["", "A.example", "a..example", "a.example.", "a_b.example", "-a.example", "á.example", "a\\b"] {
            refused(&format!("https://{host}/"), "has a host");
        }
        for number in
            ["2130706433", "127.1", "0x7f.1", "0x7f000001", "1.2.3.256", "010.0.0.1", "[::0001]", "[::1", "::1"]
        {
            refused(&format!("https://{number}/"), "has a host");
        }
        for port in ["0", "65536", "080", "+80", "x", ""] {
            refused(&format!("https://a.example:{port}/"), "has a port");
        }
        refused("https://a.example:443/", "leave it out");
        for target in ["/a b", "/á", "/%zz", "/%2", "/\\x", "/\"", "/\r\nx", "/\0", "/x\u{7f}", "/{x}"] {
            refused(&format!("https://a.example{target}"), "has a character");
        }
        for target in ["/../x", "/a/./b", "/a/..", "/..?x"] {
            refused(&format!("https://a.example{target}"), "`..`");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_one_line_of_ascii(text in "(https://[a-z.:@\\[\\]/0-9]{0,20})?\\PC{0,20}[\\r\\n]?") {
            let fine = text.bytes().all(|b| b.is_ascii_graphic());
            prop_assert!(fine || (webhook_url_refused(&text).is_some() && mail_address_refused(&text).is_some()));
        }
    }
}
