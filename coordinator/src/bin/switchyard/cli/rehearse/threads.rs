//! Trials on all cores; which core runs which changes nothing.

use super::{Ground, Trial};
use std::sync::atomic::{AtomicU32, Ordering};
use switchyard_shared::rehearse::{Model, trial};

/// Most threads.
const THREADS_MAX: usize = 64;

/// Runs the trials, in order of their numbers. Trial i stands on the fleet i modulo how many there are.
pub fn run(grounds: &[Vec<Ground>], model: &Model, seed: u64, trials: u32) -> Vec<Trial> {
    let next = AtomicU32::new(0);
    let fleets = grounds.first().map_or(1, Vec::len).max(1);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= trials {
                return done;
            }
            let here: Vec<&Ground> =
                grounds.iter().filter_map(|fleet| fleet.get(number as usize % fleets)).collect();
            done.extend(trial(&here, model, seed, u64::from(number)).map(|trial| (number, trial)));
        }
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
