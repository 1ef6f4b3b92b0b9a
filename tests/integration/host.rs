//! A host of its own on this machine: a network namespace, joined to this one by a pair of virtual Ethernet devices,
//! with a packet filter that loses what it is told to lose. Needs root, iproute2 and nftables.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Addresses for such links: 100.64.0.0/10, which no public network has (RFC 6598), four for each.
const LINKS: u32 = 0x6440_0000;
/// How many links fit in there.
const LINKS_MAX: u32 = 1 << 20;

/// See the module; gone with the value.
#[derive(Debug)]
pub(crate) struct Host {
    /// The name of its namespace.
    pub(crate) name: String,
    /// This end's address, as the host sees it.
    pub(crate) ours: Ipv4Addr,
    /// The host's own.
    pub(crate) theirs: Ipv4Addr,
}

/// A program and its arguments, within a host.
pub(crate) fn within(host: &str, command: &Command) -> Command {
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", host]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    inside
}

#[track_caller]
fn run(line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let done = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|error| panic!("`{line}`: {error}; `apt-get install iproute2 nftables`"));
    assert!(done.status.success(), "`{line}` (needs root): {}", String::from_utf8_lossy(&done.stderr));
}

impl Host {
    /// A new one, reached from here and by nobody else.
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        // Tests run as processes beside each other: the process's number keeps their links apart.
        let link = std::process::id().wrapping_mul(8).wrapping_add(MADE.fetch_add(1, Ordering::Relaxed)) % LINKS_MAX;
        let at = |place| Ipv4Addr::from(LINKS + link * 4 + place);
        let host = Self { name: format!("lockbox-{link:x}"), ours: at(1), theirs: at(2) };
        let Self { name, ours, theirs } = &host;
        let (here, there) = (format!("lb{link:x}a"), format!("lb{link:x}b"));
        run(&format!("ip netns add {name}"));
        run(&format!("ip link add {here} type veth peer name {there} netns {name}"));
        run(&format!("ip address add {ours}/30 dev {here}"));
        run(&format!("ip link set {here} up"));
        run(&format!("ip -netns {name} address add {theirs}/30 dev {there}"));
        run(&format!("ip -netns {name} link set {there} up"));
        run(&format!("ip -netns {name} link set lo up"));
        host
    }

    /// From now on it loses the packets that match, and no others; `rules` of nftables are for its chains `input` and
    /// `output`.
    pub(crate) fn loses(&self, rules: &[(&str, String)]) {
        self.loses_nothing();
        self.filter("add table inet lossy");
        for chain in ["input", "output"] {
            self.filter(&format!("add chain inet lossy {chain} {{ type filter hook {chain} priority 0 ; }}"));
        }
        for (chain, rule) in rules {
            self.filter(&format!("add rule inet lossy {chain} {rule} drop"));
        }
    }

    /// From now on every packet arrives.
    pub(crate) fn loses_nothing(&self) {
        // Deleting what is not there would be an error.
        self.filter("add table inet lossy");
        self.filter("delete table inet lossy");
    }

    fn filter(&self, command: &str) {
        run(&format!("ip netns exec {} nft {command}", self.name));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The devices go with the namespace.
        let _it_may_be_gone = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}
