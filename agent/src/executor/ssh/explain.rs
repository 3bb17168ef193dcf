//! What a failure before the write means: its class, and words for an operator at three in the morning.

use super::connect::Stage;
use super::{Failure, algorithms};
use std::io::{Error as IoError, ErrorKind};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::task::Task;
use switchyard_shared::time::format_duration;

/// Most pinned keys and algorithms that a message lists.
const LISTED_MAX: usize = 3;
/// Longest quotation in a message, in characters.
const QUOTED_CHARS_MAX: usize = 160;
/// `ENOMEM`, `ENFILE`, `EMFILE`, `EADDRNOTAVAIL`, `ENOBUFS`: the agent's machine has run out.
const OWN_TROUBLE: [i32; 5] = [12, 23, 24, 99, 105];

/// `acc01 (10.0.0.1:22)`.
pub(super) fn place(task: &Task) -> String {
    format!("{} ({}:{})", task.op.device, task.endpoint.hostname, task.endpoint.port)
}

/// One line of somebody else's words, cut to fit a message.
pub(super) fn first_words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().replace('\t', " ");
    let cut: String = line.chars().take(QUOTED_CHARS_MAX).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

fn failure(class: Class, phase: Phase, message: String, hint: &str) -> Failure {
    Failure { class, phase, message, hint: hint.into() }
}

/// The operator, a breaker or a shutdown called the attempt off.
pub(super) fn cancelled(task: &Task, stage: Stage) -> Failure {
    let message = format!("{}: called off before anything was written", place(task));
    failure(Class::Cancelled, stage.phase(), message, "")
}

/// The device is to be read, and nobody said how.
pub(super) fn unreadable(task: &Task) -> Failure {
    let message = format!("{}: there is no command to read it with", place(task));
    failure(
        Class::AgentError,
        Phase::Queue,
        message,
        "the spec needs change.ssh.read: look at the device by hand",
    )
}

/// It is to be compared and nothing reads it; nothing was said to the device.
pub(super) fn cannot_compare(task: &Task) -> Failure {
    let message = format!("{} cannot be read: the change has no command that reads it", place(task));
    failure(Class::PrecheckFailed, Phase::Queue, message, "write change.ssh.read, then plan again")
}

/// Nothing came before the connect deadline.
pub(super) fn silence(task: &Task, stage: Stage) -> Failure {
    let (place, waited) = (place(task), format_duration(task.timeouts.connect));
    let (what, hint) = match stage {
        Stage::Credential => {
            let message = format!("{place}: its credential could not be read within {waited}");
            let hint = "check the agent's disk, its Vault and the programs of its secrets";
            return failure(Class::CredentialUnavailable, Phase::Queue, message, hint);
        }
        Stage::Tcp => (
            "gave no answer to the TCP connection",
            "check its address, its power and the firewall on the way to it",
        ),
        Stage::Handshake => (
            "accepted the connection and did not complete the SSH handshake",
            "its management plane may be overloaded or hung: try it by hand, then its console",
        ),
        Stage::Authenticate => (
            "did not answer the login",
            "it may be waiting for its AAA server: check that the device reaches it; or the password of the user has \
             expired and it asks for a new one: log in by hand",
        ),
        Stage::OpenChannel | Stage::Open => (
            "accepted the login and did not open a channel",
            "its management plane may be overloaded: look at its sessions",
        ),
    };
    failure(Class::Timeout, stage.phase(), format!("{place} {what} within {waited}"), hint)
}

/// The credential cannot be used; `why` fits "failed to …".
pub(super) fn credential(task: &Task, why: &str, hint: &str) -> Failure {
    let reference = first_words(&task.endpoint.credential_ref);
    let message = format!("credential {reference} of {}: failed to {why}", task.op.device);
    failure(Class::CredentialUnavailable, Phase::Queue, message, hint)
}

/// The device showed a key that is not pinned.
pub(super) fn wrong_key(task: &Task, shown: &str) -> Failure {
    let pins = &task.endpoint.host_keys;
    let mut pinned = pins.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if pins.len() > LISTED_MAX {
        pinned.push_str(&format!(" and {} more", pins.len() - LISTED_MAX));
    }
    let pinned = if pins.is_empty() { "none, a certificate of host_ca must prove it".into() } else { pinned };
    let message = format!("{} showed host key {shown}; pinned: {pinned}", place(task));
    let hint = "no credential was sent. If the device was replaced or has new keys, compare this fingerprint \
                on its console and pin it in the inventory; otherwise somebody may be in between";
    failure(Class::HostKeyMismatch, Phase::Connect, message, hint)
}

/// The device knows us but says no.
pub(super) fn login_refused(task: &Task, offered: &str, methods: &str) -> Failure {
    let user = first_words(&task.endpoint.username);
    let accepts = if methods.is_empty() { String::new() } else { format!("; it accepts: {methods}") };
    let message = format!("{} refused the {offered} of user {user}{accepts}", place(task));
    let hint = "check username and credential_ref of the device; further tries could lock the account, so its \
                breaker stays open for a while and tells how to try at once";
    failure(Class::AuthFailed, Phase::Authenticate, message, hint)
}

/// The device wants a second proof.
pub(super) fn login_partly(task: &Task, offered: &str, methods: &str) -> Failure {
    let message = format!("{} accepted the {offered} and asks for more: {methods}", place(task));
    let hint = "use a login that needs one proof: further factors are not supported";
    failure(Class::AuthFailed, Phase::Authenticate, message, hint)
}

/// The device asks what the password does not answer; `said`: after it had the password.
pub(super) fn login_asks(task: &Task, asked: &str, said: bool) -> Failure {
    let asked = first_words(&asked.replace(char::is_control, " "));
    let then = if said { "had the password and asks for more" } else { "asks for more than a password" };
    let message =
        format!("{} {then}: {asked:?}; only a person can answer that, and it got no answer", place(task));
    let hint = "log in by hand: a new password or the code of a token may be wanted; then use a login that needs one \
                password or key";
    failure(Class::AuthFailed, Phase::Authenticate, message, hint)
}

/// Words with which a device turns a connection away because it has enough of them.
const TOO_MUCH: [&str; 7] = [
    "maxstartups",
    "too many",
    "no more sessions",
    "session limit",
    "connection limit",
    "not allowed at this time",
    "resource shortage",
];

/// Whether a device's words say that it has too many connections.
pub(in crate::executor) fn is_too_much(said: &str) -> bool {
    let said = said.to_lowercase();
    TOO_MUCH.iter().any(|words| said.contains(words))
}

/// The device turned us away because it has too much to do.
pub(super) fn too_much(task: &Task, stage: Stage, said: &str) -> Failure {
    let message = format!("{} turned the connection away: {}", place(task), first_words(said));
    let hint =
        "it has too many connections: close idle ones, raise its limit, or lower max_parallel_per_site";
    failure(Class::Overloaded, stage.phase(), message, hint)
}

/// The session ended at `stage`.
pub(super) fn lost(task: &Task, stage: Stage, why: &str) -> Failure {
    let during = match stage {
        Stage::Credential | Stage::Tcp => "the TCP connection",
        Stage::Handshake => "the SSH handshake",
        Stage::Authenticate => "the login",
        Stage::OpenChannel | Stage::Open => "the opening of a channel",
    };
    let message = format!("{} closed the connection during {during}: {}", place(task), first_words(why));
    let hint = "check that this is an SSH port, and the device's log, session limit and access list";
    failure(Class::Unreachable, stage.phase(), message, hint)
}

/// An error of the SSH library before the write.
pub(super) fn ssh(task: &Task, stage: Stage, error: &russh::Error) -> Failure {
    if let russh::Error::IO(error) = error {
        return io(task, stage, error);
    }
    if let russh::Error::NoCommonAlgo { kind: kind_met, ours, theirs: theirs_met } = error {
        let theirs =
            theirs_met.iter().take(2 * LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let kind = format!("{kind_met:?}").to_lowercase();
        let message = format!(
            "{} and this agent share no {kind} algorithm: the device offers {}; the agent knows {}",
            place(task),
            first_words(&theirs),
            first_words(&ours.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ")),
        );
        let used = task.endpoint.ssh.algorithms;
        let hint = match algorithms::that_would_do(used, kind_met, theirs_met) {
            Some(profile) => format!(
                "nothing was sent. Enable a current algorithm on the device; if it knows none, set \
                 connection_options: {{ssh: {{algorithms: {profile}}}}} for it in the inventory (it is {used} now)"
            ),
            None => format!(
                "enable a current algorithm on the device: no profile of connection_options.ssh.algorithms knows \
                 these (it is {used} now)"
            ),
        };
        return failure(Class::Unreachable, Phase::Connect, message, &hint);
    }
    if let russh::Error::ChannelOpenFailure(reason) = error {
        let said = first_words(reason.description()).to_lowercase();
        if matches!(reason, russh::ChannelOpenFailure::UnknownChannelType) {
            let message = format!("{} opens no sessions: {said}", place(task));
            let hint = "it runs no commands over SSH: check its SSH settings and the user's rights";
            return failure(Class::Unreachable, stage.phase(), message, hint);
        }
        let message = format!("{} opened no channel: {said}", place(task));
        let hint = "it has too many sessions: close idle ones, or lower max_parallel_per_site";
        return failure(Class::Overloaded, stage.phase(), message, hint);
    }
    if matches!(error, russh::Error::Version) {
        return lost(task, stage, "it does not speak SSH 2");
    }
    lost(task, stage, &error.to_string())
}

/// An error of a socket or a name before the write.
pub(super) fn io(task: &Task, stage: Stage, error: &IoError) -> Failure {
    let place = place(task);
    let (text, phase) = (error.to_string(), stage.phase());
    if error.raw_os_error().is_some_and(|code| OWN_TROUBLE.contains(&code)) {
        let hint = "raise the agent's limits (LimitNOFILE, ports, memory) or make its pool smaller";
        let message = format!("the agent's machine has run out while connecting to {place}: {text}");
        return failure(Class::AgentError, phase, message, hint);
    }
    if text.contains("Temporary failure in name resolution") {
        let message = format!("the agent's name server gave no answer for {place}");
        return failure(Class::AgentError, phase, message, "check /etc/resolv.conf and the name server");
    }
    if text.contains("failed to lookup address") {
        let message = format!("no such name: {place}: {text}");
        return failure(Class::Unreachable, phase, message, "correct the hostname in the inventory or DNS");
    }
    let kind = error.kind();
    if kind == ErrorKind::TimedOut {
        let hint = "check its address, its power and the firewall on the way to it";
        return failure(Class::Timeout, phase, format!("{place} gave no answer: {text}"), hint);
    }
    if kind == ErrorKind::ConnectionRefused {
        let hint = "check that its SSH server runs on this port and that it may be reached from the agent";
        return failure(Class::Unreachable, phase, format!("{place} refused the connection"), hint);
    }
    if matches!(stage, Stage::Credential | Stage::Tcp) {
        let hint = "check the route from the agent to the device";
        return failure(Class::Unreachable, phase, format!("{place} cannot be reached: {text}"), hint);
    }
    lost(task, stage, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::ssh::tests::task;
    use switchyard_shared::outcome::{LeftAs, MESSAGE_BYTES_MAX, Outcome};
    use switchyard_shared::time::Timestamp;

    #[test]
    fn a_machine_that_has_run_out_never_blames_the_device() {
        for code in OWN_TROUBLE {
            let failure = io(&task(), Stage::Tcp, &IoError::from_raw_os_error(code));
            assert_eq!(failure.class, Class::AgentError, "{}", failure.message);
        }
        let own_dns =
            IoError::other("failed to lookup address information: Temporary failure in name resolution");
        assert_eq!(io(&task(), Stage::Tcp, &own_dns).class, Class::AgentError);
    }

    #[test]
    fn a_device_that_cannot_be_found_or_reached_is_unreachable() {
        let unknown = IoError::other("failed to lookup address information: Name or service not known");
        for error in [unknown, IoError::from_raw_os_error(113), IoError::from_raw_os_error(111)] {
            let failure = io(&task(), Stage::Tcp, &error);
            assert_eq!(failure.class, Class::Unreachable, "{}", failure.message);
        }
        assert_eq!(io(&task(), Stage::Tcp, &IoError::from_raw_os_error(110)).class, Class::Timeout);
    }

    #[test]
    fn a_device_with_too_many_connections_is_overloaded_whatever_its_words() {
        for said in [
            "Exceeded MaxStartups",
            "Too many connections",
            "% No more sessions",
            "it said \"Too many users\"",
        ] {
            assert!(is_too_much(said), "{said}");
            assert_eq!(too_much(&task(), Stage::Handshake, said).class, Class::Overloaded);
        }
        assert!(!is_too_much("connection reset by peer"));
    }

    #[test]
    fn a_channel_that_is_refused_for_want_of_room_is_overload_and_no_other_kind_is() {
        use russh::ChannelOpenFailure as Refusal;
        for (refusal, class) in [
            (Refusal::ResourceShortage, Class::Overloaded),
            (Refusal::AdministrativelyProhibited, Class::Overloaded),
            (Refusal::ConnectFailed, Class::Overloaded),
            (Refusal::UnknownChannelType, Class::Unreachable),
        ] {
            let error = russh::Error::ChannelOpenFailure(refusal);
            assert_eq!(ssh(&task(), Stage::OpenChannel, &error).class, class);
        }
    }

    #[test]
    fn devices_that_share_no_algorithm_are_told_which_they_offer() {
        let error = russh::Error::NoCommonAlgo {
            kind: russh::AlgorithmKind::Kex,
            ours: vec!["curve25519-sha256".into()],
            theirs: vec!["diffie-hellman-group1-sha1".into()],
        };
        let failure = ssh(&task(), Stage::Handshake, &error);
        assert_eq!(failure.class, Class::Unreachable);
        assert!(failure.message.contains("no kex algorithm"), "{}", failure.message);
        assert!(failure.message.contains("diffie-hellman-group1-sha1"), "{}", failure.message);
        assert!(failure.hint.contains("{ssh: {algorithms: legacy}}"), "{}", failure.hint);
        let mut legacy = task();
        legacy.endpoint.ssh.algorithms = switchyard_shared::ssh::Algorithms::Legacy;
        let failure = ssh(&legacy, Stage::Handshake, &error);
        assert!(failure.hint.contains("no profile"), "{}", failure.hint);
    }

    #[test]
    fn the_hint_of_a_silent_login_names_a_password_that_may_have_expired() {
        let failure = silence(&task(), Stage::Authenticate);
        assert_eq!(failure.class, Class::Timeout, "nobody knows what it waits for");
        assert!(failure.hint.contains("expired and it asks for a new one"), "{}", failure.hint);
    }

    #[test]
    fn a_device_cannot_fill_a_message() {
        let failure = lost(&task(), Stage::Authenticate, &"é\n".repeat(4000));
        let outcome =
            Outcome::new(failure.class, failure.phase, LeftAs::Unchanged, &failure.message, Timestamp(0));
        assert!(outcome.message.len() <= MESSAGE_BYTES_MAX && !outcome.message.contains('\n'));
    }
}
