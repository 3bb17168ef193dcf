//! Two network namespaces with one cable: the coordinator in one, agents and devices in the other, and what cuts it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the coordinator listens; each pair of namespaces has the same addresses.
pub const LISTEN: &str = "10.99.0.1:0";

/// What is done to the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing passes.
    Both,
    /// Nothing reaches the agents.
    In,
    /// Nothing leaves the agents.
    Out,
    /// Every connection is reset.
    Reset,
    /// Three of ten packets are lost.
    Drops,
}

impl Cut {
    fn rules(self) -> &'static str {
        match self {
            Self::Both => {
                "chain i { type filter hook input priority 0; iifname \"va\" drop; }\nchain o { type filter hook output priority 0; oifname \"va\" drop; }"
            }
            Self::In => "chain i { type filter hook input priority 0; iifname \"va\" drop; }",
            Self::Out => "chain o { type filter hook output priority 0; oifname \"va\" drop; }",
            Self::Reset => {
                "chain i { type filter hook input priority 0; iifname \"va\" meta l4proto tcp reject with tcp reset; }\nchain o { type filter hook output priority 0; oifname \"va\" meta l4proto tcp reject with tcp reset; }"
            }
            Self::Drops => {
                "chain i { type filter hook input priority 0; iifname \"va\" numgen random mod 10 < 3 drop; }\nchain o { type filter hook output priority 0; oifname \"va\" numgen random mod 10 < 3 drop; }"
            }
        }
    }
}

/// The namespaces; gone with everything in them when dropped.
pub struct Net {
    coordinator: String,
    agents: String,
}

impl Net {
    /// Makes both, with a cable between them.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = |side: &str| format!("sy-{}-{number}-{side}", std::process::id());
        let net = Self { coordinator: name("c"), agents: name("a") };
        let (c, a) = (net.coordinator.as_str(), net.agents.as_str());
        ip(&["netns", "add", c]);
        ip(&["netns", "add", a]);
        ip(&["-n", c, "link", "add", "vc", "type", "veth", "peer", "name", "va", "netns", a]);
        for (space, device, address) in [(c, "vc", "10.99.0.1/24"), (a, "va", "10.99.0.2/24")] {
            ip(&["-n", space, "address", "add", address, "dev", device]);
            ip(&["-n", space, "link", "set", device, "up"]);
            ip(&["-n", space, "link", "set", "lo", "up"]);
        }
        net
    }

    /// The words before a program that runs beside the coordinator.
    pub fn with_coordinator(&self) -> Vec<String> {
        enter(&self.coordinator)
    }

    /// The words before a program that runs beside the agents.
    pub fn with_agents(&self) -> Vec<String> {
        enter(&self.agents)
    }

    /// Cuts the cable.
    pub fn cut(&self, cut: Cut) {
        self.nft(&format!("table inet cut {{\n{}\n}}\n", cut.rules()));
    }

    /// Mends it.
    pub fn heal(&self) {
        self.nft("flush ruleset\n");
    }

    fn nft(&self, rules: &str) {
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", &self.agents, "/usr/sbin/nft", "-f", "-"]).stdin(Stdio::piped());
        let mut running = nft.spawn().expect("nft starts: install the package nftables");
        running.stdin.take().expect("piped").write_all(rules.as_bytes()).expect("nft reads");
        assert!(running.wait().expect("nft ends").success(), "nft does not take {rules}");
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for space in [&self.coordinator, &self.agents] {
            let _gone = Command::new("ip").args(["netns", "delete", space]).status();
        }
    }
}

fn enter(space: &str) -> Vec<String> {
    ["ip", "netns", "exec", space].map(str::to_owned).to_vec()
}

fn ip(words: &[&str]) {
    let done = Command::new("ip").args(words).status().expect("ip runs: install the package iproute2");
    assert!(done.success(), "ip {} fails: namespaces need root", words.join(" "));
}
