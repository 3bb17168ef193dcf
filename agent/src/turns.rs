//! Short work on files for hundreds of devices, a few at a time: a thread for each would take more than its session.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Places for work that holds up its thread; who finds none waits in order. Its clones share them.
#[derive(Debug, Clone)]
pub struct Turns {
    places: Arc<Semaphore>,
    /// Places that may be given up as lost to work that hangs.
    losses: Arc<Semaphore>,
}

impl Turns {
    /// `at_once` places.
    pub fn new(at_once: usize) -> Self {
        Self::with_losses(at_once, 0)
    }

    /// The same, where up to `losses` more threads may hang in work of [`Turns::run_within`].
    pub fn with_losses(at_once: usize, losses: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), losses: Arc::new(Semaphore::new(losses)) }
    }

    /// The same as [`Turns::run`] for work that may hang: after `patience` its caller is told
    /// [`io::ErrorKind::TimedOut`], and its place is somebody else's. What `hangs` gives lives until the work has ended
    /// after all.
    pub async fn run_within<T: Send + 'static, H: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
        hangs: impl FnOnce() -> H + Send + 'static,
    ) -> io::Result<T> {
        let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (losses, (tell, told)) = (self.losses.clone(), oneshot::channel());
        // Beside the caller, who may stop waiting.
        tokio::spawn(async move {
            let mut working = tokio::task::spawn_blocking(work);
            if let Ok(ended) = tokio::time::timeout(patience, &mut working).await {
                let _caller_has_gone = tell.send(ended);
                return;
            }
            let _until_it_ends = (hangs(), losses.try_acquire_owned().unwrap_or(place));
            drop(tell);
            let _nobody_waits_for_it = working.await;
        });
        match told.await {
            Ok(ended) => ended.map_err(|_| io::Error::other("its thread has ended")),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Runs `work` on a thread of its own when there is a place. A caller that stops waiting frees no place before its
    /// work has ended. An error means that the work broke down, or that this program ends.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
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
        let turns = Turns::new(2);
        let (let_go, held) = sync_channel::<()>(0);
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        for _ in 0..2 {
            let held = held.clone();
            let waits = turns.run(move || held.lock().is_ok_and(|held| held.recv().is_ok()));
            assert!(waits.now_or_never().is_none(), "its caller gives up at once");
        }
        let mut third = Box::pin(turns.run(|| 3));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(turns.places.available_permits(), 0);
        tokio::task::spawn_blocking(move || (0..2).for_each(|_| let_go.send(()).unwrap())).await.unwrap();
        assert_eq!(third.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn work_that_hangs_loses_its_place_to_others_until_as_many_hang_as_may() {
        let turns = Turns::with_losses(1, 1);
        const AT_ONCE: Duration = Duration::ZERO;
        let hang = || {
            let (let_go, held) = sync_channel::<()>(0);
            let hanging = turns.run_within(AT_ONCE, move || held.recv().is_ok(), || ());
            (let_go, hanging)
        };
        let (first, hanging) = hang();
        assert_eq!(hanging.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(turns.run(|| 1).await.unwrap(), 1, "its place is somebody else's");
        let (second, hanging) = hang();
        assert_eq!(hanging.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(turns.places.available_permits(), 0, "no more threads hang than may");
        let mut next = Box::pin(turns.run(|| 2));
        assert!(next.as_mut().now_or_never().is_none());
        drop(second);
        assert_eq!(next.await.unwrap(), 2);
        drop(first);
    }
}
