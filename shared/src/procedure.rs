//! How a device is worked on by a driver: over which transport, in which mode, committed how, checked by what.

mod check;
mod judge;

pub use check::{CHECKS_MAX, Check, EXPECTATIONS_MAX, Expectation, Probe};
pub use judge::{Saved, Tally, compile, judge, parse_comparison, saved_name};

use crate::outcome::words;
use crate::task::Timeouts;
use crate::yaml::Field;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a device waits for the confirmation of a commit when the spec does not say.
pub const CONFIRM_TIMEOUT_DEFAULT: Duration = Duration::from_secs(300);
/// Shortest and longest wait for a confirmation that a spec may ask for.
pub const CONFIRM_TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(3600);
/// The last part of a device's patience in which nothing is confirmed and nothing cancelled: one in so many.
const CONFIRM_MARGIN_SHARE: u32 = 10;
/// Longest comment of a commit, in bytes.
pub const COMMENT_BYTES_MAX: usize = 256;
/// How long a device that takes a change back by itself is looked at beyond its patience.
pub const LOOKS_AFTER_PATIENCE: Duration = Duration::from_secs(30);
/// New sessions that a device is looked at over when the one of its way back has ended.
pub const LOOKS_AFTER_WAY_BACK: u32 = 2;
/// Answers until a session that has read nothing knows whether what runs is saved: what runs, and what starts.
pub const ANSWERS_OF_A_NEW_SESSION: u32 = 2;
/// How often a way back that could not be begun, because somebody else holds the device's lock, is begun anew.
pub const LOCK_WAITS: u32 = 2;
/// Wait before each of them.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Sessions that may follow the first write: for the checks, and to look again at one that took itself back.
const SESSIONS_AFTER_WRITE: u32 = 2;
/// Answers that are waited for after the first write, one after the other, beside those of [`Procedure::writing`].
const ANSWERS_AFTER_WRITE: u32 = 6;
/// Answers to the words around the lines of one write or one way back: locks, an edit, a commit, readings between.
const ANSWERS_OF_A_WRITE: u32 = 6;
/// How long a device may take on average for each line that is typed.
pub const LINE_TIME: Duration = Duration::from_millis(250);
/// Lines that may have to be typed beside those of the configuration: what a device must lose, or get back, is known
/// there alone.
pub const LINES_BESIDE: u32 = 4_000;
/// Lines beside those of the configuration that may go to a device in one request: what it must lose, and what keeps its
/// place. Few, since a doubt about the request waits for them.
pub const POSTED_BESIDE: u32 = 200;
/// The platform of a device that is reached over RESTCONF; over HTTP every other one has a command line.
pub const RESTCONF: &str = "restconf";
/// Most secrets of one change.
pub const SECRETS_MAX: usize = 64;

words!(
    /// What carries a driver's words to the device.
    Transport {
        /// An interactive command line over SSH, driven by a platform definition.
        SshCli = "ssh_cli",
        /// NETCONF over SSH, RFC 6241 and 6242.
        Netconf = "netconf",
        /// gNMI over TLS.
        Gnmi = "gnmi",
        /// RESTCONF and JSON-RPC over HTTPS.
        Http = "http",
        /// A program that the agent's own configuration allows for this device.
        LocalExec = "local_exec",
    }
);

words!(
    /// What the rendered configuration is to the running one.
    Mode {
        /// It is added to what the device has.
        Merge = "merge",
        /// It is all that the device shall have.
        Replace = "replace",
    }
);

impl Transport {
    /// The port that devices listen on when nobody says another one: RFC 4253, RFC 6242, and what IANA assigned.
    pub fn port_default(self) -> u16 {
        match self {
            Self::SshCli | Self::LocalExec => 22,
            Self::Netconf => 830,
            Self::Gnmi => 9339,
            Self::Http => 443,
        }
    }

    /// Reads one where a document names it.
    pub fn read(field: &Field<'_>) -> Option<Self> {
        let words: Vec<_> = Self::ALL.iter().map(|transport| (transport.as_str(), *transport)).collect();
        field.word(&words)
    }

    /// Whether it runs over TLS, so that a CA can be pinned.
    pub fn is_tls(self) -> bool {
        match self {
            Self::Gnmi | Self::Http => true,
            Self::SshCli | Self::Netconf | Self::LocalExec => false,
        }
    }

    /// Whether it runs over SSH, so that a key of the device must be pinned.
    pub fn is_ssh(self) -> bool {
        match self {
            Self::SshCli | Self::Netconf => true,
            Self::Gnmi | Self::Http | Self::LocalExec => false,
        }
    }
}

/// How a change becomes the device's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Where the device can: it takes the change back by itself unless it is confirmed in time.
    pub confirmed: bool,
    /// How long the device waits for the confirmation, within [`CONFIRM_TIMEOUTS`].
    pub confirm_timeout: Duration,
    /// Whether the running configuration is kept for the next boot once the change is confirmed.
    pub save: bool,
    /// What the device's own log says about it; at most [`COMMENT_BYTES_MAX`], may be empty.
    pub comment: String,
}

impl Commit {
    /// How long after its commit a change may be confirmed or cancelled: a word that comes as the device takes it back by
    /// itself could do the opposite.
    pub fn confirm_within(&self) -> Duration {
        self.confirm_timeout.saturating_sub(self.confirm_timeout / CONFIRM_MARGIN_SHARE)
    }

    /// How long a device may still take an unconfirmed change back: some count in whole minutes, rounded up.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.confirm_timeout.as_secs().saturating_add(59) / 60 * 60)
    }
}

impl Default for Commit {
    fn default() -> Self {
        Self {
            confirmed: true,
            confirm_timeout: CONFIRM_TIMEOUT_DEFAULT,
            save: false,
            comment: String::new(),
        }
    }
}

/// Everything a driver must know of a change besides the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    /// The way to the device.
    pub transport: Transport,
    /// Names the platform definition; empty for a transport that needs none.
    pub platform: String,
    /// Merge or replace.
    pub mode: Mode,
    /// How the change is committed.
    pub commit: Commit,
    /// What must hold before the write.
    pub pre: Vec<Check>,
    /// What must hold after it.
    pub post: Vec<Check>,
    /// Whether a device that fails after its write is put back to what it had.
    pub revert: bool,
    /// References to the secrets of the configuration, by the name that stands in it.
    pub secrets: BTreeMap<String, String>,
}

/// The platforms with lines, or a file, of which it is known that they cannot take a commit back by themselves, by each
/// name that they have.
pub const COMMIT_AT_ONCE: [&str; 12] = [
    "cisco_ios",
    "ios",
    "ios_xe",
    "iosxe",
    "cisco_xe",
    "cisco_nxos",
    "nxos",
    "frr",
    "frrouting",
    "vtysh",
    "linux",
    "unix",
];

/// The platforms that come with an agent and have lines in sections by their indent, by each name that they have.
pub const SECTIONED: [&str; 17] = [
    "cisco_ios",
    "ios",
    "ios_xe",
    "iosxe",
    "cisco_xe",
    "cisco_nxos",
    "nxos",
    "arista_eos",
    "eos",
    "juniper_junos",
    "junos",
    "nokia_srlinux",
    "srlinux",
    "srl",
    "frr",
    "frrouting",
    "vtysh",
];

impl Procedure {
    /// Merge over `transport` with every other value at its default.
    pub fn new(transport: Transport, platform: impl Into<String>) -> Self {
        Self {
            transport,
            platform: platform.into(),
            mode: Mode::Merge,
            commit: Commit::default(),
            pre: Vec::new(),
            post: Vec::new(),
            revert: true,
            secrets: BTreeMap::new(),
        }
    }

    /// The longest from the open session to the write: facts and reading, the checks, a lock. A way back waits for that.
    pub fn before_write(&self, timeouts: &Timeouts) -> Duration {
        let lock = LOCK_WAIT.saturating_add(timeouts.command).saturating_mul(LOCK_WAITS);
        let lock = lock.saturating_add(timeouts.command.saturating_mul(3));
        checks(&self.pre, timeouts).saturating_add(lock)
    }

    /// The longest that the checks of a device which was read after a doubt may take, and a look at what it saved.
    pub fn after_reading(&self, timeouts: &Timeouts) -> Duration {
        let saved = timeouts.command.saturating_mul(ANSWERS_OF_A_NEW_SESSION);
        post_checks(&self.post, timeouts).saturating_add(saved)
    }

    /// The longest that the lines of a configuration of `lines` lines may take to be typed, or to be taken back; zero
    /// where the device is told no lines. An API gets one more for each, which leaves its section.
    pub fn typing(&self, lines: u32) -> Duration {
        let lines = match self.transport {
            Transport::SshCli => lines.saturating_add(LINES_BESIDE),
            Transport::Http if self.posts_lines() => lines.saturating_mul(2).saturating_add(POSTED_BESIDE),
            Transport::Netconf | Transport::Gnmi | Transport::Http | Transport::LocalExec => 0,
        };
        LINE_TIME.saturating_mul(lines)
    }

    /// Whether a device gets all its lines in one request.
    fn posts_lines(&self) -> bool {
        self.transport == Transport::Http && self.platform != RESTCONF
    }

    /// The longest that one write of a configuration of `lines` lines may take, or one way back. Each answer on its
    /// way has [`Timeouts::command`].
    pub fn writing(&self, timeouts: &Timeouts, lines: u32) -> Duration {
        timeouts.command.saturating_mul(ANSWERS_OF_A_WRITE).saturating_add(self.typing(lines))
    }

    /// The longest from the first byte that can change the device to the end: the write of a configuration of `lines`
    /// lines, a reading, a new session, the checks, the confirmation or, where that fails, the way back and a look.
    pub fn after_write(&self, timeouts: &Timeouts, lines: u32) -> Duration {
        let look = timeouts.connect.saturating_add(timeouts.command);
        let looks = look.saturating_mul(LOOKS_AFTER_WAY_BACK);
        let both_ways = self.writing(timeouts, lines).saturating_mul(2);
        let looks = looks.saturating_add(LOCK_WAIT.saturating_mul(LOCK_WAITS));
        both_ways.saturating_add(looks).saturating_add(self.besides_writing(timeouts))
    }

    /// The longest that a device whose agent is lost may still change by itself: it works on the one thing that it was
    /// told last, and takes back what nobody confirms. Who types no more writes no more, but what went in one request is
    /// all of the `lines` lines.
    pub fn goes_on(&self, timeouts: &Timeouts, lines: u32) -> Duration {
        let posted = if self.posts_lines() { self.typing(lines) } else { Duration::ZERO };
        self.besides_writing(timeouts).saturating_add(posted)
    }

    fn besides_writing(&self, timeouts: &Timeouts) -> Duration {
        let waiting = match self.commit.confirmed && self.transport != Transport::LocalExec {
            true => self.commit.patience().saturating_add(LOOKS_AFTER_PATIENCE),
            false => Duration::ZERO,
        };
        let sessions = timeouts.connect.saturating_mul(SESSIONS_AFTER_WRITE);
        let words = timeouts.command.saturating_mul(ANSWERS_AFTER_WRITE);
        post_checks(&self.post, timeouts)
            .saturating_add(waiting)
            .saturating_add(sessions)
            .saturating_add(words)
    }
}

/// The longest that checks after a write may take: one look of each that got no answer is made once more over a new
/// session.
fn post_checks(post: &[Check], timeouts: &Timeouts) -> Duration {
    let one_more = timeouts.connect.saturating_add(timeouts.command);
    checks(post, timeouts)
        .saturating_add(one_more.saturating_mul(u32::try_from(post.len()).unwrap_or(u32::MAX)))
}

fn checks(checks: &[Check], timeouts: &Timeouts) -> Duration {
    checks.iter().map(|check| check.longest(timeouts)).fold(Duration::ZERO, Duration::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_counts_in_minutes_is_waited_for_to_the_end_of_its_last_one() {
        for (seconds, patience) in [(10, 60), (60, 60), (61, 120), (300, 300)] {
            let commit = Commit { confirm_timeout: Duration::from_secs(seconds), ..Commit::default() };
            assert_eq!(commit.patience(), Duration::from_secs(patience), "{seconds}");
            let procedure = Procedure { commit, ..Procedure::new(Transport::SshCli, "junos") };
            let timeouts = Timeouts { connect: Duration::ZERO, command: Duration::ZERO };
            let patience = Duration::from_secs(patience) + LOOKS_AFTER_PATIENCE;
            assert!(
                procedure.goes_on(&timeouts, 0) >= patience
                    && procedure.after_write(&timeouts, 0) >= patience
            );
        }
    }

    #[test]
    fn a_doubt_about_what_a_local_program_did_waits_for_no_confirmation() {
        let timeouts = Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(30) };
        let goes_on = |transport| Procedure::new(transport, "x").goes_on(&timeouts, 0);
        let patience = Commit::default().patience() + LOOKS_AFTER_PATIENCE;
        assert_eq!(goes_on(Transport::SshCli) - goes_on(Transport::LocalExec), patience);
    }

    #[test]
    fn what_is_typed_line_by_line_has_time_for_every_line_and_a_doubt_about_it_does_not_wait_for_them() {
        let timeouts = Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(30) };
        let cli = Procedure::new(Transport::SshCli, "junos");
        let (short, long) = (cli.after_write(&timeouts, 10), cli.after_write(&timeouts, 10_010));
        assert_eq!(long - short, LINE_TIME * 20_000, "there and back");
        let netconf = Procedure::new(Transport::Netconf, "");
        assert_eq!(netconf.after_write(&timeouts, 10), netconf.after_write(&timeouts, 10_010));
        assert_eq!(cli.goes_on(&timeouts, 10_000), netconf.goes_on(&timeouts, 10));
    }

    #[test]
    fn a_device_that_got_all_lines_in_one_request_is_given_their_time_before_a_doubt_is_settled() {
        let timeouts = Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(30) };
        let nxapi = Procedure::new(Transport::Http, "cisco_nxos");
        let restconf = Procedure::new(Transport::Http, RESTCONF);
        let beside = |lines| nxapi.goes_on(&timeouts, lines) - restconf.goes_on(&timeouts, lines);
        assert_eq!(beside(10_000) - beside(0), LINE_TIME * 20_000, "each line, and what leaves its section");
        assert!(beside(1) < Duration::from_secs(60), "a small change waits little longer: {:?}", beside(1));
        assert!(nxapi.writing(&timeouts, 10_000) >= nxapi.typing(10_000), "and the write itself has it too");
        assert_eq!(restconf.after_write(&timeouts, 10), restconf.after_write(&timeouts, 10_000));
    }
}
