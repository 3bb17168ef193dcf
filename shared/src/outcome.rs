//! What an attempt's end means: its class, what the class is evidence of, and the state it leaves.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used everywhere: wire, logs, screens.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value that `word` names.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// What an attempt's end is evidence of: a function of (phase, error).
    Class {
        /// The change was made and verified.
        Ok = "OK",
        /// The device already had it.
        Unchanged = "UNCHANGED",
        /// No connection: refused, no route, closed during the handshake. Before any write.
        Unreachable = "UNREACHABLE",
        /// Silent before any write.
        Timeout = "TIMEOUT",
        /// The device refused the credential.
        AuthFailed = "AUTH_FAILED",
        /// The device showed a key that is not pinned.
        HostKeyMismatch = "HOST_KEY_MISMATCH",
        /// Too many sessions, lock denied.
        Overloaded = "OVERLOADED",
        /// A check before the write said no.
        PrecheckFailed = "PRECHECK_FAILED",
        /// The device refused the configuration.
        Rejected = "REJECTED",
        /// A check after the write said no.
        PostcheckFailed = "POSTCHECK_FAILED",
        /// Contact was lost after the first byte that can change the device.
        LostAfterWrite = "LOST_AFTER_WRITE",
        /// Taking the change back failed.
        RollbackFailed = "ROLLBACK_FAILED",
        /// Nobody can say: the agent or its link died after a write began.
        Inconclusive = "INCONCLUSIVE",
        /// The credential cannot be resolved.
        CredentialUnavailable = "CREDENTIAL_UNAVAILABLE",
        /// The agent's own trouble: descriptors, disk.
        AgentError = "AGENT_ERROR",
        /// Called off before any write.
        Cancelled = "CANCELLED",
        /// Refused before connecting: breaker, pool, drain, restart.
        NotStarted = "NOT_STARTED",
    }
);

words!(
    /// Where in an attempt it ended.
    Phase {
        /// Before the first packet.
        Queue = "QUEUE",
        /// TCP and the SSH handshake.
        Connect = "CONNECT",
        /// Proving who we are.
        Authenticate = "AUTHENTICATE",
        /// What the device is and has, and how that differs.
        Read = "READ",
        /// The checks before the write, locks, and what the device says of the change beforehand.
        Validate = "VALIDATE",
        /// From the first byte that can change the device to its answer.
        Write = "WRITE",
        /// After the answer: reading again, and the checks after the write.
        Verify = "VERIFY",
        /// Making the change last.
        Confirm = "CONFIRM",
        /// Taking it back.
        Revert = "REVERT",
    }
);

words!(
    /// What the device was left as: the first thing an engineer asks of a failure.
    LeftAs {
        /// Nothing was written.
        Unchanged = "UNCHANGED",
        /// Written and taken back.
        Reverted = "REVERTED",
        /// Written and in force.
        Changed = "CHANGED",
        /// Nobody knows: read the device.
        Unknown = "UNKNOWN",
    }
);

words!(
    /// What a device was found with when it was read after a doubt.
    Found {
        /// It has the change.
        Applied = "APPLIED",
        /// It is as it was before the write.
        NotApplied = "NOT_APPLIED",
        /// Neither: a person must look.
        Different = "DIFFERENT",
    }
);

words!(
    /// The one state of a device within a rollout.
    DeviceState {
        /// Not started.
        Pending = "PENDING",
        /// Handed to an agent.
        Running = "RUNNING",
        /// Changed and verified.
        Succeeded = "SUCCEEDED",
        /// Already had it.
        Unchanged = "UNCHANGED",
        /// Tried and failed.
        Failed = "FAILED",
        /// Not tried, with the reason.
        Skipped = "SKIPPED",
        /// Nobody knows; neither failed nor ok.
        Unknown = "UNKNOWN",
        /// Changed and taken back.
        RolledBack = "ROLLED_BACK",
    }
);

impl DeviceState {
    /// Whether nothing more happens to the device by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What a class says about one level of breakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The level works.
    Success,
    /// The level fails.
    Failure,
    /// Says nothing about the level.
    Neutral,
}

impl Class {
    /// Evidence about the environment (the device's and the site's reachability). A device that
    /// refuses the change has proved that it can be reached, but never counts as a success of the
    /// site: it is evidence about the change.
    pub fn environment(self) -> Evidence {
        match self {
            Self::Ok | Self::Unchanged => Evidence::Success,
            Self::Unreachable | Self::Timeout => Evidence::Failure,
            Self::AuthFailed
            | Self::HostKeyMismatch
            | Self::Overloaded
            | Self::PrecheckFailed
            | Self::Rejected
            | Self::PostcheckFailed
            | Self::LostAfterWrite
            | Self::RollbackFailed
            | Self::Inconclusive
            | Self::CredentialUnavailable
            | Self::AgentError
            | Self::Cancelled
            | Self::NotStarted => Evidence::Neutral,
        }
    }

    /// Whether one such outcome opens the device's breaker at once: trying again locks accounts or
    /// talks to an impostor.
    pub fn opens_device_at_once(self) -> bool {
        matches!(self, Self::AuthFailed | Self::HostKeyMismatch)
    }

    /// The state this class leaves a device in when no further attempt is made; `None` when the
    /// attempt never happened, so that the device goes back to waiting.
    pub fn device_state(self) -> Option<DeviceState> {
        match self {
            Self::Ok => Some(DeviceState::Succeeded),
            Self::Unchanged => Some(DeviceState::Unchanged),
            Self::PrecheckFailed => Some(DeviceState::Skipped),
            Self::LostAfterWrite | Self::Inconclusive => Some(DeviceState::Unknown),
            Self::Unreachable
            | Self::Timeout
            | Self::AuthFailed
            | Self::HostKeyMismatch
            | Self::Overloaded
            | Self::Rejected
            | Self::PostcheckFailed
            | Self::RollbackFailed
            | Self::CredentialUnavailable
            | Self::AgentError => Some(DeviceState::Failed),
            Self::Cancelled | Self::NotStarted => None,
        }
    }
}

/// Longest message or hint of an outcome, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 512;
/// Most of a device's output that is kept, in bytes after escaping.
pub const OUTPUT_BYTES_MAX: usize = 4096;

/// The end of one attempt, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What it is evidence of.
    pub class: Class,
    /// Where it ended.
    pub phase: Phase,
    /// What the device was left as.
    pub left_as: LeftAs,
    /// One line for people; at most [`MESSAGE_BYTES_MAX`] bytes, no control characters.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
    /// Exit status of the device's command, when it gave one.
    pub exit_status: Option<u32>,
    /// Head of the device's output, escaped; at most [`OUTPUT_BYTES_MAX`] bytes.
    pub output: String,
    /// How many bytes the device sent in all.
    pub output_bytes: u64,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// When the first byte that can change the device was let through; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// A digest, under a key of the site, of what the device said just before the write; absent when nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What the device was found with; only of a reading after a doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

impl Outcome {
    /// An outcome with no output and no exit status; `message` is escaped and cut to its bound.
    pub fn new(class: Class, phase: Phase, left_as: LeftAs, message: &str, at: Timestamp) -> Self {
        Self {
            class,
            phase,
            left_as,
            message: printable(message.as_bytes(), MESSAGE_BYTES_MAX),
            hint: String::new(),
            exit_status: None,
            output: String::new(),
            output_bytes: 0,
            started_at: at,
            wrote_at: None,
            finished_at: at,
            before: None,
            found: None,
        }
    }

    /// The same with a hint.
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = printable(hint.as_bytes(), MESSAGE_BYTES_MAX);
        self
    }
}

/// Bytes from a device or a stranger as text that cannot harm a terminal or a log: control and
/// bidirectional-override characters and bad UTF-8 are escaped, newline and tab stay, and at most
/// `bytes_max` bytes come out (an ellipsis marks the cut).
pub fn printable(bytes: &[u8], bytes_max: usize) -> String {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if bytes.len() + '…'.len_utf8() <= bytes_max && bytes.iter().all(is_plain) {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars().map(escape_char);
        let invalid = chunk.invalid().iter().map(|b| format!("\\x{b:02x}"));
        for piece in valid.chain(invalid) {
            if out.len() + piece.len() + '…'.len_utf8() > bytes_max {
                out.push('…');
                return out;
            }
            out.push_str(&piece);
        }
    }
    out
}

fn escape_char(c: char) -> String {
    match c {
        '\n' | '\t' => c.to_string(),
        '\r' => "\\r".into(),
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
            c.escape_unicode().to_string()
        }
        c if c.is_control() => c.escape_unicode().to_string(),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_unknown_and_never_failed() {
        assert_eq!(Class::LostAfterWrite.device_state(), Some(DeviceState::Unknown));
        assert_eq!(Class::Inconclusive.device_state(), Some(DeviceState::Unknown));
    }

    #[test]
    fn a_refused_change_says_nothing_about_the_site() {
        for class in [Class::Rejected, Class::PostcheckFailed, Class::LostAfterWrite, Class::AuthFailed] {
            assert_eq!(class.environment(), Evidence::Neutral, "{class}");
        }
    }

    #[test]
    fn device_output_cannot_drive_a_terminal() {
        assert_eq!(printable(b"a\x1b[2Jb\xff\n", 100), "a\\u{1b}[2Jb\\xff\n");
        assert_eq!(printable("x".repeat(50).as_bytes(), 10), "xxxxxxx…");
    }
}
