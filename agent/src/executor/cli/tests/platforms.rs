//! What each platform has, shall have and hears, word by word.

use switchyard_shared::procedure::Mode;

/// One platform.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) platform: &'static str,
    pub(super) has: &'static str,
    pub(super) merge: &'static str,
    /// What it has after the merge.
    pub(super) merged: &'static str,
    /// All that it shall have.
    pub(super) replace: &'static str,
    /// A line that it does not take.
    pub(super) bad: &'static str,
    /// What is typed for the merge, and for the replacement.
    pub(super) merge_words: &'static [&'static str],
    pub(super) replace_words: &'static [&'static str],
    /// How it takes a change.
    pub(super) way: Way,
    /// Whether its last line tells that a reading is whole.
    pub(super) tells_its_end: bool,
}

impl Row {
    /// The mode in which it takes [`Row::merge`].
    pub(super) fn change(&self) -> Mode {
        if self.way == Way::File { Mode::Replace } else { Mode::Merge }
    }
}

/// How a platform takes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Every line works at once.
    Direct,
    /// A candidate, whose commit is taken back unless it is confirmed.
    Candidate,
    /// One file, replaced whole.
    File,
}

const HAS: &str =
    "hostname r1\ninterface Loopback1\n description one\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\n";
const MERGE: &str = "interface Loopback1\n description two?\nrouter bgp 1\n neighbor 10.0.0.3 remote-as 3\n";
const MERGED: &str = "hostname r1\ninterface Loopback1\n description two?\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\n \
    neighbor 10.0.0.3 remote-as 3\n";
const REPLACE: &str = "hostname r1\nrouter bgp 1\n neighbor 10.0.0.9 remote-as 9\n";
const BAD: &str = "nonsense\n";
const DIRECT: Row = Row {
    platform: "",
    has: HAS,
    merge: MERGE,
    merged: MERGED,
    replace: REPLACE,
    bad: BAD,
    merge_words: &[
        "configure terminal",
        "interface Loopback1",
        "description two?",
        "exit",
        "router bgp 1",
        "neighbor 10.0.0.3 remote-as 3",
        "exit",
        "end",
    ],
    replace_words: &[
        "configure terminal",
        "router bgp 1",
        "no neighbor 10.0.0.2 remote-as 2",
        "exit",
        "no interface Loopback1",
        "router bgp 1",
        "neighbor 10.0.0.9 remote-as 9",
        "exit",
        "end",
    ],
    way: Way::Direct,
    tells_its_end: true,
};

pub(super) const PLATFORMS: [Row; 7] = [
    Row { platform: "cisco_ios", ..DIRECT },
    Row { platform: "frr", ..DIRECT },
    Row {
        platform: "cisco_nxos",
        tells_its_end: false,
        merge_words: &[
            "checkpoint ID",
            "configure terminal",
            "interface Loopback1",
            "description two?",
            "exit",
            "router bgp 1",
            "neighbor 10.0.0.3 remote-as 3",
            "exit",
            "end",
        ],
        replace_words: &[
            "checkpoint ID",
            "configure terminal",
            "router bgp 1",
            "no neighbor 10.0.0.2 remote-as 2",
            "exit",
            "no interface Loopback1",
            "router bgp 1",
            "neighbor 10.0.0.9 remote-as 9",
            "exit",
            "end",
        ],
        ..DIRECT
    },
    Row {
        platform: "arista_eos",
        merge_words: &[
            "no configure session ID",
            "configure session ID",
            "interface Loopback1",
            "description two?",
            "exit",
            "router bgp 1",
            "neighbor 10.0.0.3 remote-as 3",
            "exit",
            "commit timer 00:05:00",
            "configure session ID commit",
        ],
        replace_words: &[
            "no configure session ID",
            "configure session ID",
            "rollback clean-config",
            "hostname r1",
            "router bgp 1",
            "neighbor 10.0.0.9 remote-as 9",
            "exit",
            "commit timer 00:05:00",
            "configure session ID commit",
        ],
        way: Way::Candidate,
        ..DIRECT
    },
    Row {
        platform: "juniper_junos",
        has: "set system host-name r1\nset interfaces lo0 description one\nset protocols bgp group x neighbor 10.0.0.2\n",
        merge: "set interfaces lo0 description two\nset protocols bgp group x neighbor 10.0.0.3\n",
        merged: "set system host-name r1\nset interfaces lo0 description two\n\
            set protocols bgp group x neighbor 10.0.0.2\nset protocols bgp group x neighbor 10.0.0.3\n",
        replace: "set system host-name r1\nset protocols bgp group x neighbor 10.0.0.9\n",
        bad: "set nonsense\n",
        merge_words: &[
            "configure exclusive",
            "set interfaces lo0 description two",
            "set protocols bgp group x neighbor 10.0.0.3",
            "commit confirmed 5 comment \"rollout ntp\" and-quit",
            "configure exclusive",
            "commit and-quit",
        ],
        replace_words: &[
            "configure exclusive",
            "delete",
            "set system host-name r1",
            "set protocols bgp group x neighbor 10.0.0.9",
            "commit confirmed 5 comment \"rollout ntp\" and-quit",
            "configure exclusive",
            "commit and-quit",
        ],
        way: Way::Candidate,
        tells_its_end: false,
    },
    Row {
        platform: "nokia_srlinux",
        has: "set / system name host-name r1\nset / interface lo0 description one\nset / interface lo0 admin-state enable\n",
        merge: "set / interface lo0 description two\nset / interface lo1 admin-state enable\n",
        merged: "set / system name host-name r1\nset / interface lo0 description two\n\
            set / interface lo0 admin-state enable\nset / interface lo1 admin-state enable\n",
        replace: "set / system name host-name r1\nset / interface lo9 admin-state enable\n",
        bad: "set / nonsense\n",
        merge_words: &[
            "save checkpoint name ID",
            "enter candidate exclusive",
            "set / interface lo0 description two",
            "set / interface lo1 admin-state enable",
            "commit confirmed timeout 300",
            "tools system configuration confirmed-accept",
        ],
        replace_words: &[
            "save checkpoint name ID",
            "enter candidate exclusive",
            "delete / interface lo0 admin-state",
            "delete / interface lo0 description",
            "set / interface lo9 admin-state enable",
            "commit confirmed timeout 300",
            "tools system configuration confirmed-accept",
        ],
        way: Way::Candidate,
        tells_its_end: false,
    },
    Row {
        platform: "linux",
        has: "server 192.0.2.1\n# it's $HOME `id` \\ \"ü\"\r\nno line end",
        merge: "server 192.0.2.2\n'; reboot; '\nEOF\n$(reboot)\n\\",
        merged: "server 192.0.2.2\n'; reboot; '\nEOF\n$(reboot)\n\\",
        replace: "server 192.0.2.3\n",
        bad: "nonsense",
        merge_words: &["stage 45 bytes", "conftool check \"$2\"", "install", "conftool reload \"$1\""],
        replace_words: &["stage 17 bytes", "conftool check \"$2\"", "install", "conftool reload \"$1\""],
        way: Way::File,
        tells_its_end: true,
    },
];

/// The platform `linux` with commands of its own.
pub(super) const LINUX: &str = "api_version: switchyard/v1\nkind: Platform\nname: linux\n\
    file: {path: /etc/conf, check: 'conftool check {new}', reload: 'conftool reload {path}'}\n\
    looks: {beginnings: [cat]}\n";

/// SR Linux as a platform that goes back to checkpoints and makes none.
pub(super) fn forgetful() -> String {
    let text = include_str!("../../../platform/nokia_srlinux.yaml");
    text.replace("name: nokia_srlinux\naliases: [srlinux, srl]", "name: forgetful")
        .replace("  checkpoint: ['save checkpoint name {id}']\n", "")
}
