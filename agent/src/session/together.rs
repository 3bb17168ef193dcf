//! What is said to the coordinator as it goes over the wire: results that are ready together travel together.

use futures_util::{Stream, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use switchyard_proto::agent_v1::ConnectRequest;
use switchyard_proto::convert::link::{FromAgent, Reported};
use switchyard_shared::task::RESULTS_AT_ONCE_MAX;
use tokio::sync::mpsc;

/// How many results the coordinator takes in one message; one until it has said more.
#[derive(Debug, Clone, Default)]
pub(super) struct AtOnce(Arc<AtomicU32>);

impl AtOnce {
    /// The coordinator takes so many.
    pub fn allow(&self, results: u32) {
        self.0.store(results, Ordering::Relaxed);
    }

    fn most(&self) -> usize {
        usize::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(1).clamp(1, RESULTS_AT_ONCE_MAX)
    }
}

/// The messages of a session in their order; it waits for none so as to join it to another.
pub(super) fn stream(
    outgoing: mpsc::Receiver<FromAgent>,
    at_once: AtOnce,
) -> impl Stream<Item = ConnectRequest> + Send {
    stream::unfold((outgoing, None), move |(mut outgoing, left)| {
        let at_once = at_once.clone();
        async move {
            let first = match left {
                Some(message) => message,
                None => outgoing.recv().await?,
            };
            let (message, left) = join(first, &mut outgoing, at_once.most());
            Some((message.into(), (outgoing, left)))
        }
    })
}

/// Joins the results that wait behind `first`, up to `most`; gives what was taken and is none as well.
fn join(
    first: FromAgent,
    outgoing: &mut mpsc::Receiver<FromAgent>,
    most: usize,
) -> (FromAgent, Option<FromAgent>) {
    let mut results = match Said::from(first) {
        Said::Result(result) if most > 1 => vec![result],
        Said::Result(result) => return (alone(result), None),
        Said::Else(other) => return (other, None),
    };
    let mut left = None;
    while results.len() < most
        && let Ok(next) = outgoing.try_recv()
    {
        match Said::from(next) {
            Said::Result(result) => results.push(result),
            Said::Else(other) => {
                left = Some(other);
                break;
            }
        }
    }
    let message = match results.pop() {
        Some(only) if results.is_empty() => alone(only),
        last => {
            results.extend(last);
            FromAgent::Results(results)
        }
    };
    (message, left)
}

fn alone(result: Reported) -> FromAgent {
    let Reported { sequence, op, outcome } = result;
    FromAgent::Result { sequence, op, outcome }
}

enum Said {
    Result(Reported),
    Else(FromAgent),
}

impl From<FromAgent> for Said {
    fn from(message: FromAgent) -> Self {
        match message {
            FromAgent::Result { sequence, op, outcome } => Self::Result(Reported { sequence, op, outcome }),
            other @ (FromAgent::Hello(_)
            | FromAgent::Heartbeat(_)
            | FromAgent::Credit(_)
            | FromAgent::Progress { .. }
            | FromAgent::Results(_)
            | FromAgent::Compared(_)
            | FromAgent::Breaker(_)) => Self::Else(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;
    use switchyard_shared::id::{DeviceName, OpId, RolloutName};
    use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
    use switchyard_shared::time::Timestamp;

    fn result(sequence: u64) -> FromAgent {
        let (rollout, device) = (RolloutName::new("ntp").unwrap(), DeviceName::new("r1").unwrap());
        let op = OpId { rollout, device, attempt: 1 };
        let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1));
        FromAgent::Result { sequence, op, outcome }
    }

    /// What is heard of `said`, each result by its sequence and each credit as 0.
    async fn heard(said: Vec<FromAgent>, at_once: u32) -> Vec<Vec<u64>> {
        let (sender, receiver) = mpsc::channel(256);
        for message in said {
            sender.try_send(message).unwrap();
        }
        drop(sender);
        let allowed = AtOnce::default();
        allowed.allow(at_once);
        let wire: Vec<ConnectRequest> = stream(receiver, allowed).collect().await;
        let sequences = |wire| match FromAgent::try_from(wire).unwrap() {
            FromAgent::Result { sequence, .. } => vec![sequence],
            FromAgent::Results(results) => results.iter().map(|result| result.sequence).collect(),
            FromAgent::Credit(_) => vec![0],
            other @ (FromAgent::Hello(_)
            | FromAgent::Heartbeat(_)
            | FromAgent::Progress { .. }
            | FromAgent::Compared(_)
            | FromAgent::Breaker(_)) => panic!("{other:?}"),
        };
        wire.into_iter().map(sequences).collect()
    }

    #[tokio::test]
    async fn results_that_are_ready_travel_together_in_order_and_overtake_nothing() {
        let said = vec![result(1), result(2), FromAgent::Credit(9), result(3), result(4), result(5)];
        assert_eq!(heard(said, 64).await, [vec![1, 2], vec![0], vec![3, 4, 5]]);
    }

    #[tokio::test]
    async fn a_message_carries_no_more_results_than_the_coordinator_takes() {
        let all = |most| heard((1..=150).map(result).collect(), most);
        let lengths = |all: Vec<Vec<u64>>| all.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(all(1_000_000).await), [64, 64, 22], "nor than anybody takes");
        assert_eq!(lengths(all(100).await), [64, 64, 22]);
        assert_eq!(lengths(all(0).await), [1; 150], "a coordinator that does not know of it");
    }
}
