//! Trials on all cores; which core runs which changes nothing.

use super::Trial;
use std::sync::atomic::{AtomicU32, Ordering};

/// Most threads.
const THREADS_MAX: usize = 64;

/// Runs the trials with these numbers, each by `trial`, and gives them in order.
pub fn run(trials: u32, trial: impl Fn(u32) -> Option<Trial> + Sync) -> Vec<Trial> {
    let next = AtomicU32::new(0);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let numbers = numbers.take_while(|number| *number < trials);
        numbers.filter_map(|number| trial(number).map(|trial| (number, trial))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let mut all: Vec<(u32, Trial)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = running.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.flatten().collect()
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, trial)| trial).collect()
}
