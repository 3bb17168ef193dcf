//! The invariants of a run: each one function over the devices' own ledgers, the rollouts' logs and the
//! agents' journals. Used by the simulation and by the campaign on the real programs.

mod accounting;
mod history;
mod results;
mod stops;
#[cfg(test)]
mod tests;
mod writes;

pub use accounting::{counts_add_up, no_wave_before_its_gate};
pub use history::{
    Cut, History, Journalled, Lost, Mark, Rebind, Recorded, RolloutLog, Touch, Violation, end_of,
};
pub use results::{
    acknowledged_results_are_kept, results_are_kept_before_they_are_sent, results_arrive_once,
};
pub use stops::{no_start_after_an_abort, no_start_by_a_former_agent, no_start_without_a_lease};
pub use writes::{intent_before_every_write, no_blind_second_write, one_agent_at_a_device};

/// Everything that must hold at every instant of a run.
pub fn safety(history: &History) -> Vec<Violation> {
    let checks: [fn(&History) -> Vec<Violation>; 10] = [
        no_blind_second_write,
        one_agent_at_a_device,
        intent_before_every_write,
        acknowledged_results_are_kept,
        results_are_kept_before_they_are_sent,
        no_start_by_a_former_agent,
        no_start_without_a_lease,
        no_start_after_an_abort,
        counts_add_up,
        no_wave_before_its_gate,
    ];
    checks.into_iter().flat_map(|check| check(history)).collect()
}
