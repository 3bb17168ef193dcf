//! Short work on files for hundreds of devices, a few at a time: a thread for each would take more than its session.

use std::io;
use tokio::sync::Semaphore;

/// Places for work that holds up its thread; who finds none waits in order.
pub struct Turns(Semaphore);

impl Turns {
    /// `at_once` places.
    pub const fn new(at_once: usize) -> Self {
        Self(Semaphore::const_new(at_once))
    }

    /// Runs `work` on a thread of its own when there is a place. A caller that stops waiting frees no place before its
    /// work has ended. An error means that the work broke down, or that this program ends.
    pub async fn run<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let place = self.0.acquire().await.map_err(io::Error::other)?;
        let work = move || {
            let done = work();
            drop(place);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| io::Error::other("its thread has ended"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::sync::mpsc::sync_channel;

    #[tokio::test]
    async fn no_more_threads_are_held_up_than_there_are_places_though_their_callers_have_gone() {
        static TURNS: Turns = Turns::new(2);
        let (let_go, held) = sync_channel::<()>(0);
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        for _ in 0..2 {
            let held = held.clone();
            let waits = TURNS.run(move || held.lock().is_ok_and(|held| held.recv().is_ok()));
            assert!(waits.now_or_never().is_none(), "its caller gives up at once");
        }
        let mut third = Box::pin(TURNS.run(|| 3));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(TURNS.0.available_permits(), 0);
        tokio::task::spawn_blocking(move || (0..2).for_each(|_| let_go.send(()).unwrap())).await.unwrap();
        assert_eq!(third.await.unwrap(), 3);
    }
}
