//! Work that keeps a processor busy for long, beside the threads that all devices share.

use tokio::runtime::{Handle, RuntimeFlavor};

/// A configuration from this size on is long, in bytes.
const LONG_BYTES: usize = 256 * 1024;

/// Carries out `work` on a configuration of so many bytes. That on a long one would keep other devices, and the agent's own
/// heartbeats, from their turns, so they get another thread meanwhile.
pub(super) fn at_length<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let is_shared = Handle::try_current().is_ok_and(|on| on.runtime_flavor() == RuntimeFlavor::MultiThread);
    match bytes >= LONG_BYTES && is_shared {
        true => tokio::task::block_in_place(work),
        false => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn who_works_at_length_keeps_nobody_from_their_turn() {
        let (turn, taken) = sync_channel(1);
        let at_work = tokio::spawn(async move {
            let others = tokio::spawn(async move { turn.send(()).unwrap() });
            let seen = at_length(LONG_BYTES, || taken.recv_timeout(Duration::from_secs(20)));
            others.await.unwrap();
            seen
        });
        assert_eq!(at_work.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn on_a_thread_that_nobody_shares_it_is_done_at_once() {
        assert_eq!(at_length(LONG_BYTES, || 1), 1);
    }
}
