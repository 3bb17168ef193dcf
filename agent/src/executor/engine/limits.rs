//! Deadlines of phases, and a goodbye that is not waited for.

use crate::executor::Failure;
use crate::executor::device::{Session, WriteEnd};
use std::io;
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::time::format_duration;
use tokio_util::sync::CancellationToken;

/// Longest goodbye to a device whose answer is already known.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);
/// What to do about a device that did not open a session.
const NOT_OPENED: &str = "nothing was written; see what keeps the device from answering, and try again; at its login it \
                          may be waiting for its AAA server, or for a new password in the place of one that has expired";
/// What to do about one that is silent in its session.
const NOT_ANSWERED: &str = "nothing was written; see what keeps the device from answering, and try again";

/// Waits for `work`, which comes before any write; that it does not end in time is `TIMEOUT`.
pub(super) async fn within<T>(
    phase: Phase,
    limit: Duration,
    device: String,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => {
            let waited = format_duration(limit);
            let failure =
                Failure::new(Class::Timeout, phase, format!("{device} gave no answer within {waited}"));
            Err(failure.with_hint(if phase == Phase::Connect { NOT_OPENED } else { NOT_ANSWERED }))
        }
    }
}

/// Why what is no session with a device has not told what it was asked.
pub(super) struct NoAnswer {
    /// It said nothing at all, not even that it refuses.
    is_silent: bool,
    pub(super) why: String,
}

impl NoAnswer {
    pub(super) fn class(&self) -> Class {
        if self.is_silent { Class::Timeout } else { Class::Unreachable }
    }
}

impl From<String> for NoAnswer {
    fn from(why: String) -> Self {
        Self { is_silent: false, why }
    }
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        // A name that cannot be resolved has reached nobody either.
        let is_silent = !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset);
        Self { is_silent, why: error.to_string() }
    }
}

/// Waits for `work`, which asks what is no session with a device.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, NoAnswer>>,
) -> Result<T, NoAnswer> {
    let silent = || NoAnswer { is_silent: true, why: format!("no answer within {}", format_duration(limit)) };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(silent()))
}

/// Waits for `work`, which comes before any write, unless the attempt is called off.
pub(super) async fn unless_called_off<T>(
    cancel: &CancellationToken,
    phase: Phase,
    device: String,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => {
            Err(Failure::new(Class::Cancelled, phase, format!("called off; nothing was written to {device}")))
        }
        done = work => done,
    }
}

/// Waits for `work`, which comes after the first byte that can change the device; that it does not end in time is
/// [`WriteEnd::Lost`].
pub(super) async fn after_write<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, WriteEnd>>,
) -> Result<T, WriteEnd> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(WriteEnd::Lost(format!("no answer within {}", format_duration(limit)))),
    }
}

/// Says goodbye within [`GOODBYE_WAIT`]; what is left of the session is cut.
pub(super) async fn goodbye(session: Box<dyn Session>) {
    let _ = tokio::time::timeout(GOODBYE_WAIT, session.close()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_hint_of_a_session_that_does_not_open_names_a_password_that_may_have_expired() {
        for (phase, named) in [(Phase::Connect, true), (Phase::Read, false)] {
            let silence = std::future::pending::<Result<(), Failure>>();
            let silent = within(phase, Duration::from_secs(1), "r1".into(), silence).await;
            let failure = silent.expect_err("it is over");
            assert_eq!(failure.hint.contains("one that has expired"), named, "{}", failure.hint);
        }
    }

    #[test]
    fn who_refuses_is_not_silent() {
        use io::ErrorKind as Kind;
        for (kind, class) in [
            (Kind::TimedOut, Class::Timeout),
            (Kind::HostUnreachable, Class::Timeout),
            (Kind::NetworkUnreachable, Class::Timeout),
            (Kind::ConnectionRefused, Class::Unreachable),
            (Kind::ConnectionReset, Class::Unreachable),
            (Kind::Other, Class::Timeout),
        ] {
            assert_eq!(NoAnswer::from(io::Error::from(kind)).class(), class, "{kind}");
        }
    }
}
