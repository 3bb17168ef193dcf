//! The wire's numbers as the words that people and scripts read.

use switchyard_proto::v1;
use switchyard_shared::outcome::{Class, DeviceState, LeftAs, Phase};
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::time::Timestamp;

/// What a value is called that this program does not know.
const UNSPECIFIED: &str = "UNSPECIFIED";

fn bare(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $wire:ty, $prefix:literal) => {
        $(#[$doc])*
        pub fn $name(value: i32) -> &'static str {
            <$wire>::try_from(value).map_or(UNSPECIFIED, |known| bare(known.as_str_name(), $prefix))
        }
    };
}

word!(
    /// State of a rollout.
    rollout_state, v1::rollout::State, "STATE_"
);
word!(
    /// State of a wave.
    wave_state, v1::wave_status::State, "STATE_"
);
word!(
    /// State of a breaker.
    breaker_state, v1::breaker::State, "STATE_"
);
word!(
    /// What a budget promises.
    budget_mode, v1::budget::Mode, "MODE_"
);
word!(
    /// State of an agent.
    agent_state, v1::agent::State, "STATE_"
);
word!(
    /// What a plan would do to a device.
    differs, v1::compare_plan_response::State, "STATE_"
);
word!(
    /// What a device's host keys are to those that are pinned.
    trust, v1::collect_host_keys_response::State, "STATE_"
);
word!(
    /// State of a device within a rollout.
    device_state, v1::DeviceState, "DEVICE_STATE_"
);
word!(
    /// Who settles a device in doubt.
    doubt_state, v1::doubt::State, "STATE_"
);
word!(
    /// Class of an outcome.
    class, v1::OutcomeClass, "OUTCOME_CLASS_"
);
word!(
    /// Phase of an outcome.
    phase, v1::OutcomePhase, "OUTCOME_PHASE_"
);
word!(
    /// What a device was left as.
    left_as, v1::LeftAs, "LEFT_AS_"
);

/// The rollout's state, or `None` for one this program does not know.
pub fn to_rollout_state(value: i32) -> Option<RolloutState> {
    RolloutState::parse(rollout_state(value))
}

/// Whether nothing more happens by itself; devices in flight may still report.
pub fn is_final(state: RolloutState) -> bool {
    match state {
        RolloutState::Pending
        | RolloutState::AwaitingApproval
        | RolloutState::Running
        | RolloutState::Paused
        | RolloutState::RollingBack => false,
        RolloutState::Stopped
        | RolloutState::Succeeded
        | RolloutState::PartiallySucceeded
        | RolloutState::Failed
        | RolloutState::Aborted
        | RolloutState::RolledBack => true,
    }
}

/// The device's state, or `None` for one this program does not know.
pub fn to_device_state(value: i32) -> Option<DeviceState> {
    DeviceState::parse(device_state(value))
}

/// The outcome's class, or `None` for one this program does not know.
pub fn to_class(value: i32) -> Option<Class> {
    Class::parse(class(value))
}

/// Whether there is nothing to be done about this end of an attempt.
pub fn went_well(outcome: &v1::Outcome) -> bool {
    matches!(to_class(outcome.class), Some(Class::Ok | Class::Unchanged))
}

/// The phase in which an attempt ended that did not go well; `None` also when nobody told it.
pub fn phase_of(outcome: &v1::Outcome) -> Option<Phase> {
    Phase::parse(phase(outcome.phase)).filter(|_| !went_well(outcome))
}

/// How `device` ended, as far as that is known. The end of a device in doubt that leaves none is not how it ended: it
/// is that of an earlier attempt, or one of two that contradict each other.
pub fn known_end(device: &v1::DeviceResult) -> Option<&v1::Outcome> {
    let in_doubt = to_device_state(device.state) == Some(DeviceState::Unknown);
    let leaves_doubt = |outcome: &v1::Outcome| {
        to_class(outcome.class).and_then(Class::device_state) == Some(DeviceState::Unknown)
    };
    device.outcome.as_ref().filter(|outcome| !in_doubt || leaves_doubt(outcome))
}

/// How an attempt ended: its class, and the phase of what did not go well.
pub fn end(outcome: &v1::Outcome) -> String {
    in_phase(class(outcome.class), phase_of(outcome))
}

/// `TIMEOUT in read`, or the word alone.
pub fn in_phase(word: &str, phase: Option<Phase>) -> String {
    phase.map_or_else(|| word.to_owned(), |phase| format!("{word} in {}", phase.as_str().to_lowercase()))
}

/// What the device was left as, or `None` for one this program does not know.
pub fn to_left_as(value: i32) -> Option<LeftAs> {
    LeftAs::parse(left_as(value))
}

/// An instant of the wire; seconds beyond the range stop at its ends.
pub fn instant(at: &prost_types::Timestamp) -> Timestamp {
    Timestamp(at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos / 1000)))
}

/// An optional instant of the wire.
pub fn instant_of(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    at.map(instant)
}

/// A span of the wire; a negative one is zero.
pub fn span(duration: &prost_types::Duration) -> std::time::Duration {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    std::time::Duration::new(seconds, u32::try_from(duration.nanos).unwrap_or(0).min(999_999_999))
}

/// A span for the wire.
pub fn to_span(duration: std::time::Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
    }
}

/// A name without the collection in front: both `ntp` and `rollouts/ntp` give `ntp`.
pub fn short<'a>(collection: &str, name: &'a str) -> &'a str {
    name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name)
}

/// A name with the collection in front: both `ntp` and `rollouts/ntp` give `rollouts/ntp`.
pub fn full(collection: &str, name: &str) -> String {
    format!("{collection}/{}", short(collection, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_wire_is_a_word_of_the_domain() {
        for n in 1..=11 {
            assert!(to_rollout_state(n).is_some(), "rollout state {n}");
        }
        for n in 1..=8 {
            assert!(to_device_state(n).is_some(), "device state {n}");
        }
        for n in 1..=17 {
            assert!(to_class(n).is_some(), "class {n}");
        }
        for n in 1..=9 {
            assert!(Phase::parse(phase(n)).is_some(), "phase {n}");
        }
        for n in 1..=4 {
            assert!(to_left_as(n).is_some(), "left as {n}");
        }
        assert_eq!(rollout_state(7), "PARTIALLY_SUCCEEDED");
        assert_eq!(breaker_state(3), "HALF_OPEN");
        assert_eq!(rollout_state(99), "UNSPECIFIED");
    }

    #[test]
    fn a_name_is_taken_with_and_without_its_collection() {
        assert_eq!(full("rollouts", "ntp"), "rollouts/ntp");
        assert_eq!(full("rollouts", "rollouts/ntp"), "rollouts/ntp");
        assert_eq!(short("rollouts", "rollouts/ntp"), "ntp");
        assert_eq!(short("rollouts", "rolloutsx"), "rolloutsx");
    }

    #[test]
    fn an_end_names_its_phase_unless_it_went_well_or_nobody_told() {
        use v1::{OutcomeClass as Class, OutcomePhase as Phase};
        let of = |class: Class, phase: Phase| {
            end(&v1::Outcome { class: class.into(), phase: phase.into(), ..v1::Outcome::default() })
        };
        assert_eq!(of(Class::Timeout, Phase::Read), "TIMEOUT in read");
        assert_eq!(of(Class::Timeout, Phase::Unspecified), "TIMEOUT");
        assert_eq!(of(Class::Unchanged, Phase::Read), "UNCHANGED");
        let newer = v1::Outcome { class: Class::Rejected.into(), phase: 99, ..v1::Outcome::default() };
        assert_eq!(end(&newer), "REJECTED");
    }
}
