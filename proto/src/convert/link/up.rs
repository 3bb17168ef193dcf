//! From the agent to the coordinator.

use super::to_op;
use crate::agent_v1::{self, connect_request::Message};
use crate::convert::{BadField, host_key, required, timestamp, to_enum, to_timestamp};
use crate::v1;
use switchyard_shared::breaker::Report;
use switchyard_shared::configuration::DIFF_BYTES_MAX;
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::outcome::{Outcome, Phase, printable};
use switchyard_shared::ssh::HostKey;
use switchyard_shared::task::RESULTS_AT_ONCE_MAX;
use switchyard_shared::time::Timestamp;

/// Most operations an agent may name in its Hello.
pub const IN_HAND_MAX: usize = 20_000;

/// Former names of its journal that are looked at.
const FORMER_JOURNALS_MAX: usize = 64;
/// Ranges of numbers left out that are looked at.
const LEFT_OUT_MAX: usize = 256;
/// Longest name of a journal, in bytes.
const JOURNAL_ID_BYTES_MAX: usize = 64;

/// The first word of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Its site; believed only on an insecure loopback link.
    pub site: SiteName,
    /// Its version.
    pub version: String,
    /// What runs there or is not acknowledged.
    pub in_hand: Vec<OpId>,
    /// The highest result sequence it knows to be acknowledged.
    pub acked_sequence: u64,
    /// The highest coordinator epoch it has seen.
    pub coordinator_epoch: u64,
    /// The size of its pool.
    pub max_in_flight: u32,
    /// Names its journal since that was last opened.
    pub journal_id: String,
    /// Numbers of results that it never gives, from the first to the last of each range.
    pub left_out: Vec<(u64, u64)>,
    /// What its journal was called before, newest first.
    pub former_journal_ids: Vec<String>,
    /// The highest epoch of its site that it has seen.
    pub site_epoch: u64,
    /// The highest result sequence its journal has given, if it says so.
    pub last_sequence: Option<u64>,
    /// Whether it calls comparisons off when it is told so.
    pub calls_off_comparisons: bool,
}

/// A result among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Rises by one with every result of this agent, across restarts.
    pub sequence: u64,
    /// Which attempt.
    pub op: OpId,
    /// How it ended.
    pub outcome: Outcome,
}

/// One message of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromAgent {
    /// Comes first, once.
    Hello(Hello),
    /// Still here; the count is answered.
    Heartbeat(u64),
    /// Operations that may have been sent in this session, in all.
    Credit(u64),
    /// Where an attempt is.
    Progress {
        /// Which attempt.
        op: OpId,
        /// Where it is.
        phase: Phase,
        /// Since when.
        at: Timestamp,
    },
    /// How an attempt ended.
    Result {
        /// Rises by one with every result of this agent, across restarts.
        sequence: u64,
        /// Which attempt.
        op: OpId,
        /// How it ended.
        outcome: Outcome,
    },
    /// How several attempts ended, in order; 1 to [`RESULTS_AT_ONCE_MAX`].
    Results(Vec<Reported>),
    /// A breaker moved.
    Breaker(Report),
    /// How a device differs from a configuration.
    Compared(Box<Compared>),
}

/// The end of a task that only reads for a person; never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Which task.
    pub op: OpId,
    /// `UNCHANGED` when the device has the configuration, `OK` when it differs or has shown its keys, else why it could
    /// not be read.
    pub outcome: Outcome,
    /// The difference, without secrets; at most [`DIFF_BYTES_MAX`].
    pub diff: String,
    /// The host keys that it showed, when only they were asked for; at most [`KEYS_SHOWN_MAX`].
    pub keys: Vec<HostKey>,
}

impl From<FromAgent> for agent_v1::ConnectRequest {
    fn from(message: FromAgent) -> Self {
        let message = match message {
            FromAgent::Hello(hello) => Message::Hello(agent_v1::Hello {
                site: hello.site.to_string(),
                version: hello.version,
                in_hand: hello.in_hand.iter().map(Into::into).collect(),
                acked_sequence: hello.acked_sequence,
                coordinator_epoch: hello.coordinator_epoch,
                max_in_flight: hello.max_in_flight,
                journal_id: hello.journal_id,
                former_journal_ids: hello.former_journal_ids,
                left_out: hello.left_out.into_iter().map(range).collect(),
                site_epoch: hello.site_epoch,
                last_sequence: hello.last_sequence,
                calls_off_comparisons: hello.calls_off_comparisons,
            }),
            FromAgent::Heartbeat(count) => Message::Heartbeat(agent_v1::Heartbeat { count }),
            FromAgent::Credit(granted_total) => Message::Credit(agent_v1::Credit { granted_total }),
            FromAgent::Progress { op, phase, at } => Message::Progress(agent_v1::Progress {
                operation: Some((&op).into()),
                phase: v1::OutcomePhase::from(phase).into(),
                at: Some(timestamp(at)),
            }),
            FromAgent::Result { sequence, op, outcome } => {
                Message::Result((&Reported { sequence, op, outcome }).into())
            }
            FromAgent::Results(results) => {
                Message::Results(agent_v1::Results { results: results.iter().map(Into::into).collect() })
            }
            FromAgent::Compared(compared) => Message::Compared(agent_v1::Compared {
                operation: Some((&compared.op).into()),
                outcome: Some((&compared.outcome).into()),
                diff: compared.diff,
                host_keys: compared.keys.iter().map(Into::into).collect(),
            }),
            FromAgent::Breaker(report) => {
                Message::BreakerReport(agent_v1::BreakerReport { breaker: Some((&report).into()) })
            }
        };
        Self { message: Some(message), session: 0 }
    }
}

impl TryFrom<agent_v1::ConnectRequest> for FromAgent {
    type Error = BadField;
    fn try_from(wire: agent_v1::ConnectRequest) -> Result<Self, BadField> {
        Ok(match required(wire.message, "message")? {
            Message::Hello(hello) => Self::Hello(to_hello(hello).map_err(|error| error.within("hello"))?),
            Message::Heartbeat(heartbeat) => Self::Heartbeat(heartbeat.count),
            Message::Credit(credit) => Self::Credit(credit.granted_total),
            Message::Progress(progress) => Self::Progress {
                op: to_op(progress.operation, "progress.operation")?,
                phase: to_enum::<v1::OutcomePhase, _>(progress.phase, "progress.phase")?,
                at: to_timestamp(progress.at, "progress.at")?,
            },
            Message::Result(result) => {
                let Reported { sequence, op, outcome } =
                    result.try_into().map_err(|error: BadField| error.within("result"))?;
                Self::Result { sequence, op, outcome }
            }
            Message::Results(results) => Self::Results(to_results(results.results)?),
            Message::Compared(compared) => Self::Compared(Box::new(to_compared(compared)?)),
            Message::BreakerReport(report) => {
                let breaker = required(report.breaker, "breaker_report.breaker")?;
                Self::Breaker(
                    Report::try_from(breaker).map_err(|error| error.within("breaker_report.breaker"))?,
                )
            }
        })
    }
}

impl From<&Reported> for agent_v1::Result {
    fn from(reported: &Reported) -> Self {
        let Reported { sequence, op, outcome } = reported;
        Self { sequence: *sequence, operation: Some(op.into()), outcome: Some(outcome.into()) }
    }
}

impl TryFrom<agent_v1::Result> for Reported {
    type Error = BadField;
    fn try_from(wire: agent_v1::Result) -> Result<Self, BadField> {
        Ok(Self {
            sequence: wire.sequence,
            op: to_op(wire.operation, "operation")?,
            outcome: Outcome::try_from(required(wire.outcome, "outcome")?)
                .map_err(|error| error.within("outcome"))?,
        })
    }
}

fn to_results(wire: Vec<agent_v1::Result>) -> Result<Vec<Reported>, BadField> {
    if wire.is_empty() || wire.len() > RESULTS_AT_ONCE_MAX {
        return Err(BadField::new(
            "results",
            format!("{} of them, not 1 to {RESULTS_AT_ONCE_MAX}", wire.len()),
        ));
    }
    let results: Result<_, BadField> = wire.into_iter().map(Reported::try_from).collect();
    results.map_err(|error| error.within("results"))
}

fn to_compared(wire: agent_v1::Compared) -> Result<Compared, BadField> {
    if wire.diff.len() > DIFF_BYTES_MAX {
        return Err(BadField::new("compared.diff", "larger than 64 KiB"));
    }
    Ok(Compared {
        op: to_op(wire.operation, "compared.operation")?,
        outcome: Outcome::try_from(required(wire.outcome, "compared.outcome")?)
            .map_err(|error| error.within("compared.outcome"))?,
        diff: wire.diff,
        keys: host_key::to_keys(wire.host_keys).map_err(|error| error.within("compared"))?,
    })
}

fn range((first, last): (u64, u64)) -> agent_v1::SequenceRange {
    agent_v1::SequenceRange { first, last }
}

fn to_hello(wire: agent_v1::Hello) -> Result<Hello, BadField> {
    if wire.in_hand.len() > IN_HAND_MAX {
        return Err(BadField::new("in_hand", format!("more than {IN_HAND_MAX} operations")));
    }
    let left_out = wire.left_out.iter().take(LEFT_OUT_MAX);
    let former = wire.former_journal_ids.iter().take(FORMER_JOURNALS_MAX);
    let in_hand: Result<Vec<OpId>, BadField> = wire.in_hand.into_iter().map(OpId::try_from).collect();
    Ok(Hello {
        site: SiteName::new(&wire.site).map_err(|error| BadField::new("site", error))?,
        version: printable(wire.version.as_bytes(), 64),
        in_hand: in_hand.map_err(|error| error.within("in_hand"))?,
        acked_sequence: wire.acked_sequence,
        coordinator_epoch: wire.coordinator_epoch,
        max_in_flight: wire.max_in_flight,
        journal_id: printable(wire.journal_id.as_bytes(), JOURNAL_ID_BYTES_MAX),
        left_out: left_out.map(|range| (range.first, range.last)).collect(),
        former_journal_ids: former.map(|id| printable(id.as_bytes(), JOURNAL_ID_BYTES_MAX)).collect(),
        site_epoch: wire.site_epoch,
        last_sequence: wire.last_sequence,
        calls_off_comparisons: wire.calls_off_comparisons,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::id::{DeviceName, RolloutName};
    use switchyard_shared::outcome::{Class, LeftAs};
    use switchyard_shared::ssh::HostCertificate;

    fn op() -> OpId {
        OpId { rollout: RolloutName::new("ntp").unwrap(), device: DeviceName::new("r1").unwrap(), attempt: 2 }
    }

    #[test]
    fn everything_an_agent_says_survives_the_wire() {
        let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1));
        let messages = [
            FromAgent::Hello(Hello {
                site: SiteName::new("lon").unwrap(),
                version: "0.1.0".into(),
                in_hand: vec![op()],
                acked_sequence: 4,
                coordinator_epoch: 2,
                max_in_flight: 10,
                journal_id: "j1".into(),
                former_journal_ids: vec!["j0".into()],
                left_out: vec![(4, 1_000_003)],
                site_epoch: 2,
                last_sequence: Some(6),
                calls_off_comparisons: true,
            }),
            FromAgent::Heartbeat(3),
            FromAgent::Credit(12),
            FromAgent::Progress { op: op(), phase: Phase::Connect, at: Timestamp(5) },
            FromAgent::Result { sequence: 9, op: op(), outcome: outcome.clone() },
            FromAgent::Compared(Box::new(Compared {
                op: op(),
                outcome: outcome.clone(),
                diff: "+x\n".into(),
                keys: vec![HostKey {
                    algorithm: "ssh-ed25519".into(),
                    fingerprint: "SHA256:x".into(),
                    certificate: Some(HostCertificate { authority: "SHA256:ca".into(), refusal: None }),
                }],
            })),
            FromAgent::Results(
                (1..=64).map(|sequence| Reported { sequence, op: op(), outcome: outcome.clone() }).collect(),
            ),
        ];
        for message in messages {
            let wire = agent_v1::ConnectRequest::from(message.clone());
            assert_eq!(FromAgent::try_from(wire), Ok(message));
        }
    }

    #[test]
    fn a_result_without_its_outcome_is_refused_by_field() {
        let result = agent_v1::Result { sequence: 1, operation: Some((&op()).into()), outcome: None };
        let wire = agent_v1::ConnectRequest { message: Some(Message::Result(result)), session: 0 };
        assert_eq!(FromAgent::try_from(wire).unwrap_err().field, "result.outcome");
        let empty = agent_v1::ConnectRequest::default();
        assert_eq!(FromAgent::try_from(empty).unwrap_err().field, "message");
    }

    #[test]
    fn more_results_than_fit_a_message_are_refused_and_so_are_none() {
        let wire = |count| {
            let result = agent_v1::Result { sequence: 1, ..Default::default() };
            let results = agent_v1::Results { results: vec![result; count] };
            agent_v1::ConnectRequest { message: Some(Message::Results(results)), session: 0 }
        };
        for count in [0, RESULTS_AT_ONCE_MAX + 1] {
            assert_eq!(FromAgent::try_from(wire(count)).unwrap_err().field, "results", "{count}");
        }
        assert_eq!(FromAgent::try_from(wire(1)).unwrap_err().field, "results.operation");
    }
}
