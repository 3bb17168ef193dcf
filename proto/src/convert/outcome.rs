//! Outcomes and their words, wire and domain.

use super::{BadField, same_names, timestamp, to_enum, to_timestamp};
use crate::v1;
use switchyard_shared::outcome::{
    Class, DeviceState, Found, LeftAs, MESSAGE_BYTES_MAX, OUTPUT_BYTES_MAX, Outcome, Phase, printable,
};

same_names!(
    v1::OutcomeClass,
    Class,
    "class",
    [
        Ok,
        Unchanged,
        Unreachable,
        Timeout,
        AuthFailed,
        HostKeyMismatch,
        Overloaded,
        PrecheckFailed,
        Rejected,
        PostcheckFailed,
        LostAfterWrite,
        RollbackFailed,
        Inconclusive,
        CredentialUnavailable,
        AgentError,
        Cancelled,
        NotStarted
    ]
);
same_names!(
    v1::OutcomePhase,
    Phase,
    "phase",
    [Queue, Connect, Authenticate, Read, Validate, Write, Verify, Confirm, Revert]
);
same_names!(v1::Found, Found, "found", [Applied, NotApplied, Different]);
same_names!(v1::LeftAs, LeftAs, "left_as", [Unchanged, Reverted, Changed, Unknown]);
same_names!(
    v1::DeviceState,
    DeviceState,
    "state",
    [Pending, Running, Succeeded, Unchanged, Failed, Skipped, Unknown, RolledBack]
);

impl From<&Outcome> for v1::Outcome {
    fn from(outcome: &Outcome) -> Self {
        Self {
            class: v1::OutcomeClass::from(outcome.class).into(),
            phase: v1::OutcomePhase::from(outcome.phase).into(),
            left_as: v1::LeftAs::from(outcome.left_as).into(),
            message: outcome.message.clone(),
            hint: outcome.hint.clone(),
            exit_status: outcome.exit_status,
            output: outcome.output.clone(),
            output_bytes: outcome.output_bytes,
            started_at: Some(timestamp(outcome.started_at)),
            wrote_at: outcome.wrote_at.map(timestamp),
            finished_at: Some(timestamp(outcome.finished_at)),
            before: outcome.before.clone().unwrap_or_default(),
            found: outcome.found.map_or(v1::Found::Unspecified, Into::into).into(),
        }
    }
}

/// Text is escaped again and cut to its bounds rather than refused: a refused result would be lost.
impl TryFrom<v1::Outcome> for Outcome {
    type Error = BadField;
    fn try_from(wire: v1::Outcome) -> Result<Self, BadField> {
        if wire.class != 0 && v1::OutcomeClass::try_from(wire.class).is_err() {
            return Self::try_from(of_the_future(wire));
        }
        Ok(Self {
            class: to_enum::<v1::OutcomeClass, _>(wire.class, "class")?,
            phase: to_enum::<v1::OutcomePhase, _>(wire.phase, "phase")?,
            left_as: to_enum::<v1::LeftAs, _>(wire.left_as, "left_as")?,
            message: printable(wire.message.as_bytes(), MESSAGE_BYTES_MAX),
            hint: printable(wire.hint.as_bytes(), MESSAGE_BYTES_MAX),
            exit_status: wire.exit_status,
            output: printable(wire.output.as_bytes(), OUTPUT_BYTES_MAX),
            output_bytes: wire.output_bytes,
            started_at: to_timestamp(wire.started_at, "started_at")?,
            wrote_at: wire.wrote_at.map(|at| to_timestamp(Some(at), "wrote_at")).transpose()?,
            finished_at: to_timestamp(wire.finished_at, "finished_at")?,
            before: some_digest(&wire.before, "before")?,
            found: match wire.found {
                0 => None,
                found => Some(to_enum::<v1::Found, _>(found, "found")?),
            },
        })
    }
}

/// A class that a newer agent gives: what it means is not known here, so nobody knows how the attempt ended. To
/// refuse it would lose it.
fn of_the_future(wire: v1::Outcome) -> v1::Outcome {
    let message = format!("its agent ended it with class {}, unknown here: {}", wire.class, wire.message);
    let hint = "update the coordinator to the agent's version, and read the device".to_owned();
    v1::Outcome {
        class: v1::OutcomeClass::Inconclusive.into(),
        left_as: v1::LeftAs::Unknown.into(),
        message,
        hint,
        ..wire
    }
}

/// A digest, or none when the field is empty.
pub(crate) fn some_digest(text: &str, field: &'static str) -> Result<Option<String>, BadField> {
    let hex = text.strip_prefix("hmac-").unwrap_or(text).strip_prefix("sha256:");
    let is_digest = hex.is_some_and(|hex| hex.len() == 64 && hex.is_ascii());
    match text {
        "" => Ok(None),
        text if is_digest => Ok(Some(text.to_owned())),
        _ => Err(BadField::new(field, "not a digest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::time::Timestamp;

    fn outcome() -> Outcome {
        let mut outcome =
            Outcome::new(Class::Rejected, Phase::Write, LeftAs::Unchanged, "exit status 3", Timestamp(7));
        outcome.exit_status = Some(3);
        outcome.output = "% Invalid input".into();
        outcome.output_bytes = 15;
        outcome.wrote_at = Some(Timestamp(8));
        outcome.finished_at = Timestamp(9);
        outcome.before = Some(switchyard_shared::digest::of_bytes(b"old"));
        outcome.found = Some(Found::Different);
        outcome.with_hint("read the device's answer")
    }

    #[test]
    fn an_outcome_survives_the_wire() {
        assert_eq!(Outcome::try_from(v1::Outcome::from(&outcome())), Ok(outcome()));
    }

    #[test]
    fn every_word_survives_the_wire_by_its_own_name() {
        for class in Class::ALL {
            let wire = v1::OutcomeClass::from(*class);
            assert_eq!(Class::try_from(wire), Ok(*class));
            assert_eq!(wire.as_str_name(), format!("OUTCOME_CLASS_{class}"));
        }
        for state in DeviceState::ALL {
            assert_eq!(v1::DeviceState::from(*state).as_str_name(), format!("DEVICE_STATE_{state}"));
        }
        for phase in Phase::ALL {
            assert_eq!(v1::OutcomePhase::from(*phase).as_str_name(), format!("OUTCOME_PHASE_{phase}"));
        }
        for left_as in LeftAs::ALL {
            assert_eq!(v1::LeftAs::from(*left_as).as_str_name(), format!("LEFT_AS_{left_as}"));
        }
    }

    #[test]
    fn a_class_from_the_future_leaves_a_doubt_that_names_it() {
        let mut wire = v1::Outcome::from(&outcome());
        wire.class = 99;
        let known = Outcome::try_from(wire.clone()).unwrap();
        assert_eq!((known.class, known.left_as), (Class::Inconclusive, LeftAs::Unknown));
        assert!(known.message.contains("class 99") && known.message.contains("exit status 3"));
        assert_eq!(known.before, outcome().before, "what it said before the write is still good");
        wire.class = 0;
        assert_eq!(Outcome::try_from(wire).unwrap_err().why, "not set");
    }

    #[test]
    fn text_from_a_stranger_is_cut_and_escaped() {
        let mut wire = v1::Outcome::from(&outcome());
        wire.output = "x".repeat(100_000);
        wire.message = "\u{1b}[2Jgone".into();
        let outcome = Outcome::try_from(wire).unwrap();
        assert!(outcome.output.len() <= OUTPUT_BYTES_MAX);
        assert_eq!(outcome.message, "\\u{1b}[2Jgone");
    }
}
