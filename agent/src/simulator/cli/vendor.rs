//! The words of each platform's own maker: what a played device understands, whatever a definition says of it.

/// Where a line is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Ready,
    Configure,
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Shows the running configuration.
    Show,
    /// Shows it with what it has by default.
    ShowAll,
    /// Concerns this session alone.
    Setup,
    /// Into the configuration. Where the pattern has a word of its own, that names the draft.
    Enter,
    /// Out of it; a candidate is dropped.
    Leave,
    /// Out of one section, or of the configuration.
    Up,
    Commit,
    /// Commits, and takes it back after so long: the word is hours, minutes and seconds.
    CommitForClock,
    CommitForMinutes,
    CommitForSeconds,
    Confirm,
    Cancel,
    Abort,
    /// Takes away the draft of that name.
    Discard,
    /// Empties the candidate.
    Clear,
    /// The same, after a question.
    ClearAsking,
    LoadRunning,
    /// Loads what was there before the commit that awaits its confirmation.
    LoadBefore,
    Checkpoint,
    LoadCheckpoint,
    /// Makes a checkpoint the running configuration.
    Rollback,
    Save,
    /// Shows what is not saved.
    ShowUnsaved,
    Goodbye,
}

/// How a maker's command line looks and what it understands. `{name}` is what the device calls itself.
pub(in crate::simulator) struct Vendor {
    pub(in crate::simulator) platform: &'static str,
    pub(super) ready: &'static str,
    pub(super) configure: &'static str,
    /// The prompt within a section.
    pub(super) section: &'static str,
    pub(super) more: &'static str,
    pub(super) refused: &'static str,
    /// What it says to a commit that it does not carry out.
    pub(super) not_committed: &'static str,
    /// What it says before its answer to what is not saved, and when that is nothing.
    pub(super) unsaved: [&'static str; 2],
    pub(super) locked: &'static str,
    /// Whether one session at a time may configure.
    pub(super) exclusive: bool,
    /// What a device has that never took anything.
    pub(in crate::simulator) starts: &'static str,
    words: &'static [(&'static str, Place, Meaning)],
    /// How lines begin that only look, whatever a definition says of them.
    looks: &'static [&'static str],
    pub(super) defaults: &'static [ByDefault],
}

/// Something that a device has unless it is told otherwise, and does not show.
pub(super) struct ByDefault {
    /// How the section begins that has it; empty at the top.
    pub(super) section: &'static str,
    /// The line.
    pub(super) line: &'static str,
    /// What takes it back, after `no `; and what brings it back.
    pub(super) place: &'static str,
}

use Meaning::*;
use Place::{Configure, Ready};

const INDENTED: &str = "hostname {name}\ninterface Loopback0\n description simulated\nntp server 192.0.2.1\n";
const fn default(section: &'static str, line: &'static str, place: &'static str) -> ByDefault {
    ByDefault { section, line, place }
}

const IOS_DEFAULTS: &[ByDefault] = &[
    default("", "logging console debugging", "logging console"),
    default("", "ntp allow mode control 3", "ntp allow mode control"),
    default("interface ", "ip proxy-arp", "ip proxy-arp"),
    default("interface ", "keepalive 10", "keepalive"),
];
const NXOS_DEFAULTS: &[ByDefault] =
    &[default("interface ", "snmp trap link-status", "snmp trap link-status")];
const EOS_DEFAULTS: &[ByDefault] = &[
    default("interface ", "lldp transmit", "lldp transmit"),
    default("management api http-commands", "shutdown", "shutdown"),
];
const CISCO_LOOKS: &[&str] = &["show", "ping", "traceroute", "dir"];
/// What a `|` may be followed by, with any maker, when no more is done with an answer than to show a part of it or show it
/// otherwise.
const FILTERS: [&str; 15] = [
    "include", "exclude", "begin", "section", "count", "json", "no-more", "display", "match", "except",
    "find", "last", "grep", "as", "more",
];
const REFUSED: &str = "% Invalid input detected at '^' marker.\n";

const VENDORS: [Vendor; 6] = [
    Vendor {
        platform: "cisco_ios",
        ready: "{name}#",
        configure: "{name}(config)#",
        section: "{name}(config-sub)#",
        more: " --More-- ",
        refused: REFUSED,
        not_committed: "",
        unsaved: ["!Contextual Config Diffs:\n", "!No changes were found\n"],
        locked: "%  Configuration mode locked exclusively by user 'bob' process '3' from terminal '0'. Please try later.\n",
        exclusive: false,
        starts: INDENTED,
        words: &[
            ("show running-config", Ready, Show),
            ("show running-config all", Ready, ShowAll),
            (
                "show archive config differences nvram:startup-config system:running-config",
                Ready,
                ShowUnsaved,
            ),
            ("terminal length *", Ready, Setup),
            ("terminal width *", Ready, Setup),
            ("configure terminal", Ready, Enter),
            ("end", Configure, Leave),
            ("exit", Configure, Up),
            ("write memory", Ready, Save),
            ("exit", Ready, Goodbye),
        ],
        looks: CISCO_LOOKS,
        defaults: IOS_DEFAULTS,
    },
    Vendor {
        platform: "cisco_nxos",
        ready: "{name}#",
        configure: "{name}(config)#",
        section: "{name}(config-if)#",
        more: "--More--",
        refused: "                ^\n% Invalid command at '^' marker.\n",
        not_committed: "",
        unsaved: ["", ""],
        locked: "Configuration database is locked by user bob on vty 2\n",
        exclusive: false,
        starts: INDENTED,
        words: &[
            ("show running-config", Ready, Show),
            ("show running-config all", Ready, ShowAll),
            ("terminal length *", Ready, Setup),
            ("terminal width *", Ready, Setup),
            ("checkpoint *", Ready, Checkpoint),
            ("rollback running-config checkpoint *", Ready, Rollback),
            ("configure terminal", Ready, Enter),
            ("end", Configure, Leave),
            ("exit", Configure, Up),
            ("copy running-config startup-config", Ready, Save),
            ("exit", Ready, Goodbye),
        ],
        looks: CISCO_LOOKS,
        defaults: NXOS_DEFAULTS,
    },
    Vendor {
        platform: "arista_eos",
        ready: "{name}#",
        configure: "{name}(config-s-sw)#",
        section: "{name}(config-s-sw-sub)#",
        more: " --More-- ",
        refused: "% Invalid input\n",
        not_committed: "% Failed to commit the session: not allowed here\n",
        unsaved: ["", ""],
        locked: "% Maximum number of pending sessions has been reached: bob holds one\n",
        exclusive: false,
        starts: INDENTED,
        words: &[
            ("show running-config", Ready, Show),
            ("show running-config all", Ready, ShowAll),
            ("show running-config diffs", Ready, ShowUnsaved),
            ("terminal length *", Ready, Setup),
            ("terminal width *", Ready, Setup),
            ("configure session * commit", Ready, Confirm),
            ("configure session * abort", Ready, Cancel),
            ("configure session *", Ready, Enter),
            ("no configure session *", Ready, Discard),
            ("rollback clean-config", Configure, Clear),
            ("commit timer *", Configure, CommitForClock),
            ("commit", Configure, Commit),
            ("abort", Configure, Abort),
            ("exit", Configure, Up),
            ("write memory", Ready, Save),
            ("exit", Ready, Goodbye),
        ],
        looks: CISCO_LOOKS,
        defaults: EOS_DEFAULTS,
    },
    Vendor {
        platform: "juniper_junos",
        ready: "netops@{name}> ",
        configure: "[edit]\nnetops@{name}# ",
        section: "[edit]\nnetops@{name}# ",
        more: "---(more)---",
        refused: "          ^\nunknown command.\n",
        not_committed: "error: configuration check-out failed: not allowed here\n",
        unsaved: ["", ""],
        locked: "error: configuration database locked by:\n  bob terminal pts/0 (pid 1234) on since 2026-11-23 \
            10:00:00 UTC, idle 00:01:00\n      exclusive [edit]\n",
        exclusive: true,
        starts: "set system host-name {name}\nset interfaces lo0 description simulated\nset system ntp server 192.0.2.1\n",
        words: &[
            ("show configuration | display set", Ready, Show),
            ("set cli …", Ready, Setup),
            ("configure exclusive", Ready, Enter),
            ("exit configuration-mode", Configure, Leave),
            ("rollback 0", Configure, LoadRunning),
            ("rollback 1", Configure, LoadBefore),
            ("delete", Configure, ClearAsking),
            ("commit confirmed * …", Configure, CommitForMinutes),
            ("commit …", Configure, Commit),
            ("exit", Ready, Goodbye),
        ],
        looks: &["show", "traceroute"],
        defaults: &[],
    },
    Vendor {
        platform: "nokia_srlinux",
        ready: "--{ running }--[  ]--\nA:{name}# ",
        configure: "--{ candidate exclusive default }--[  ]--\nA:{name}# ",
        section: "--{ candidate exclusive default }--[  ]--\nA:{name}# ",
        more: "--More--",
        refused: "Error: unknown token\n",
        not_committed: "Error: Commit failed: not allowed here\n",
        unsaved: ["", ""],
        locked: "Error: Unable to enter: exclusive candidate session held by user bob\n",
        exclusive: true,
        starts: "set / system name host-name {name}\nset / interface lo0 description simulated\n",
        words: &[
            ("info flat from running", Ready, Show),
            ("environment …", Ready, Setup),
            ("save checkpoint name *", Ready, Checkpoint),
            ("enter candidate exclusive", Ready, Enter),
            ("enter running", Ready, Setup),
            ("enter running", Configure, Leave),
            ("quit", Configure, Leave),
            ("discard now", Configure, Abort),
            ("load checkpoint name *", Configure, LoadCheckpoint),
            ("commit now", Configure, Commit),
            ("commit confirmed timeout *", Configure, CommitForSeconds),
            ("tools system configuration confirmed-accept", Ready, Confirm),
            ("tools system configuration confirmed-reject", Ready, Cancel),
            ("save startup", Ready, Save),
            ("quit", Ready, Goodbye),
        ],
        looks: &["show", "info", "ping", "traceroute"],
        defaults: &[],
    },
    Vendor {
        platform: "frr",
        ready: "{name}# ",
        configure: "{name}(config)# ",
        section: "{name}(config-if)# ",
        more: "--More--",
        refused: "% Unknown command: that\n",
        not_committed: "",
        unsaved: ["", ""],
        locked: "VTY configuration is locked by other VTY\n",
        exclusive: false,
        starts: INDENTED,
        words: &[
            ("show running-config", Ready, Show),
            ("terminal length *", Ready, Setup),
            ("configure terminal", Ready, Enter),
            ("end", Configure, Leave),
            ("exit", Configure, Up),
            ("write memory", Ready, Save),
            ("exit", Ready, Goodbye),
        ],
        looks: &["show", "ping", "traceroute"],
        defaults: &[],
    },
];

/// Lines that open a section at the top of a configuration, and those that open one within another.
const TOP_SECTIONS: [&str; 11] = [
    "interface ",
    "router ",
    "vlan ",
    "vrf ",
    "line ",
    "route-map ",
    "ip access-list ",
    "class-map ",
    "policy-map ",
    "control-plane",
    "management api ",
];
const INNER_SECTIONS: [&str; 3] = ["address-family ", "class ", "vrf "];

impl Vendor {
    /// The maker of a platform, by the platform's own name.
    pub(in crate::simulator) fn of(platform: &str) -> Option<&'static Self> {
        VENDORS.iter().find(|vendor| vendor.platform == platform)
    }

    /// The platforms that can be played.
    pub(in crate::simulator) fn platforms() -> impl Iterator<Item = &'static str> {
        VENDORS.iter().map(|vendor| vendor.platform)
    }

    /// What `line` does where it is typed, and its words that the pattern leaves open.
    pub(super) fn meaning<'l>(&self, line: &'l str, place: Place) -> Option<(Meaning, Vec<&'l str>)> {
        let here = self.words.iter().filter(|(_, at, _)| *at == place);
        here.filter_map(|(pattern, _, meaning)| Some((*meaning, open_words(pattern, line)?))).next()
    }

    /// Whether `line` only looks, as far as its maker knows.
    pub(super) fn only_looks(&self, line: &str) -> bool {
        let mut parts = line.split('|').map(|part| part.split_whitespace().next().unwrap_or_default());
        let begins = parts.next().is_some_and(|word| self.looks.contains(&word));
        begins && !line.contains('>') && parts.all(|word| FILTERS.contains(&word))
    }
}

/// The words of `line` in the places of `*` in `pattern`; `…` is any number of words.
fn open_words<'l>(pattern: &str, line: &'l str) -> Option<Vec<&'l str>> {
    let (mut words, mut open) = (line.split(' '), Vec::new());
    for wanted in pattern.split(' ') {
        if wanted == "…" {
            return Some(open);
        }
        let word = words.next()?;
        if wanted == "*" {
            open.push(word);
        } else if wanted != word {
            return None;
        }
    }
    words.next().is_none().then_some(open)
}

/// The path of the sections that are open once `line` is typed within `path`; `None` where it opens none.
pub(super) fn opened(path: &[String], line: &str) -> Option<Vec<String>> {
    let begins = |openers: &[&str]| openers.iter().any(|opener| line.starts_with(opener));
    if !path.is_empty() && begins(&INNER_SECTIONS) {
        return Some([path, &[line.to_owned()]].concat());
    }
    begins(&TOP_SECTIONS).then(|| vec![line.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platforms;

    #[test]
    fn a_pattern_matches_whole_lines_and_gives_its_open_words() {
        let eos = Vendor::of("arista_eos").expect("a vendor");
        let said = eos.meaning("configure session sw1 commit", Ready);
        assert_eq!(said, Some((Confirm, vec!["sw1"])));
        assert_eq!(eos.meaning("configure session sw1", Ready), Some((Enter, vec!["sw1"])));
        assert_eq!(eos.meaning("configure session", Ready), None);
        assert_eq!(eos.meaning("configure session sw1", Configure), None);
        let junos = Vendor::of("juniper_junos").expect("a vendor");
        assert_eq!(junos.meaning("commit", Configure), Some((Commit, vec![])));
        assert_eq!(
            junos.meaning("commit confirmed 5 comment \"x y\" and-quit", Configure),
            Some((CommitForMinutes, vec!["5"]))
        );
    }

    #[test]
    fn what_a_definition_calls_looking_only_looks_by_its_makers_own_words() {
        let platforms = Platforms::built_in();
        for vendor in &VENDORS {
            let looks = &platforms.get(vendor.platform).expect("a platform").looks;
            let piped = looks.pipes.iter().map(|pipe| format!("show x | {pipe} y"));
            for line in looks.beginnings.iter().cloned().chain(piped) {
                assert!(vendor.only_looks(&line), "{}: {line}", vendor.platform);
            }
            for line in ["reload", "clear counters", "show x | redirect flash:y", "show x > y", ""] {
                assert!(!vendor.only_looks(line), "{}: {line}", vendor.platform);
            }
        }
    }

    #[test]
    fn a_section_within_a_section_is_left_to_the_one_around_it() {
        let bgp = opened(&[], "router bgp 1").expect("a section");
        let family = opened(&bgp, "address-family ipv4 unicast").expect("a section");
        assert_eq!(family, ["router bgp 1", "address-family ipv4 unicast"]);
        assert_eq!(opened(&family, "network 10.0.0.0/8"), None);
        assert_eq!(opened(&family, "interface lo").as_deref(), Some(&["interface lo".to_owned()][..]));
    }
}
