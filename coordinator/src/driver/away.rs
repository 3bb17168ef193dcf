//! What stays in memory of a rollout that has ended: how it ended. Its devices are read from its log.

use super::effect::Turn;
use super::world::{Active, World};
use crate::refused::Refused;
use crate::store::Document;
use prost::Message as _;
use std::sync::Arc;
use switchyard_proto::convert::rollout::Remarks;
use switchyard_proto::{convert, v1};
use switchyard_shared::breaker::Name;
use switchyard_shared::id::RolloutName;
use switchyard_shared::time::Timestamp;

/// What a record of one is called in the store.
pub(super) const KIND: &str = "ended";

/// The record as it is stored, written in the transaction of every event from the end on.
#[derive(Clone, PartialEq, prost::Message)]
struct Record {
    #[prost(int64, tag = "1")]
    created_at: i64,
    #[prost(string, tag = "2")]
    request_id: String,
    /// No device of it is in doubt: nothing more happens by itself.
    #[prost(bool, tag = "3")]
    settled: bool,
    #[prost(message, optional, tag = "4")]
    shown: Option<v1::Rollout>,
}

/// A rollout that was put away.
pub(super) struct Away {
    pub created_at: Timestamp,
    pub request_id: String,
    /// The rollout as it is shown, encoded.
    shown: Arc<[u8]>,
}

impl Away {
    /// How a rollout ended that holds no device any more; `None` of one that does.
    pub(super) fn read(body: &[u8]) -> Result<Option<Self>, prost::DecodeError> {
        let record = Record::decode(body)?;
        let shown = record.shown.unwrap_or_default().encode_to_vec().into();
        let away = Self { created_at: Timestamp(record.created_at), request_id: record.request_id, shown };
        Ok(record.settled.then_some(away))
    }

    /// The rollout as it is shown.
    pub(super) fn shown(&self) -> v1::Rollout {
        v1::Rollout::decode(&*self.shown).expect("it was encoded here")
    }
}

/// Whether nothing more happens to a rollout by itself, so that it needs no memory.
pub(super) fn is_settled(active: &Active) -> bool {
    let rollout = &active.rollout;
    rollout.has_ended() && rollout.counts.unknown == 0 && rollout.counts.running == 0
}

/// A rollout's name without its collection.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix("rollouts/").unwrap_or(name)
}

impl World {
    /// The record of a rollout that has ended.
    pub(super) fn record_of(&self, active: &Active, now: Timestamp) -> Document {
        let record = Record {
            created_at: active.rollout.created_at.0,
            request_id: active.rollout.request_id.clone(),
            settled: is_settled(active),
            shown: Some(self.snapshot(active, now)),
        };
        Document { kind: KIND, id: active.rollout.name.to_string(), body: record.encode_to_vec() }
    }

    /// Keeps how a rollout ended, in the transaction of the event that was just recorded.
    pub(super) fn keep_end(&mut self, name: &RolloutName, turn: &mut Turn) {
        let ended = self.rollouts.get(name).filter(|active| active.rollout.has_ended());
        let Some(record) = ended.map(|active| self.record_of(active, turn.now)) else { return };
        let away = Away::read(&record.body).expect("it was encoded here");
        self.rollouts.put_away(name, away, turn.now);
        turn.batch.documents.push(record);
    }

    /// A rollout as it stands, or as it ended.
    pub fn shown(&self, name: &str, now: Timestamp) -> Result<v1::Rollout, Refused> {
        match self.rollouts.away(bare(name)) {
            Some(away) => Ok(self.without_closed(away.shown())),
            None => Ok(self.snapshot(self.rollout(name)?, now)),
        }
    }

    /// The record of an end names what was open then: a site, device or credential that has closed since is
    /// no news, and nothing to reset.
    fn without_closed(&self, mut shown: v1::Rollout) -> v1::Rollout {
        shown.breakers.retain(|breaker| match Name::parse(&breaker.name) {
            Ok(name @ (Name::Site(_) | Name::Device(_) | Name::Credential { .. })) => {
                self.fleet.open_breakers().any(|report| report.name == name)
            }
            Ok(Name::Global { .. } | Name::Group { .. }) | Err(_) => true,
        });
        shown
    }

    /// A rollout as it stands.
    pub fn snapshot(&self, active: &Active, now: Timestamp) -> v1::Rollout {
        let (rollout, strategy) = (&active.rollout, &active.plan.spec.strategy);
        let remarks = Remarks {
            blocked_on: self.blocked_on(active, now),
            breakers: self.breakers_of(active),
            harm: rollout.harm_line(&strategy.budget, strategy.order, active.notes.was_resumed()),
            pace: rollout.pace_line().unwrap_or_default(),
        };
        convert::rollout::rollout(rollout, remarks)
    }
}
