//! Every plan by name: what is listed of all of them, and the few whole ones that were used last.

use crate::store::Document;
use prost::Message as _;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use switchyard_proto::{convert, v1};
use switchyard_shared::id::PlanName;
use switchyard_shared::plan::Plan;
use switchyard_shared::time::Timestamp;

/// What a record of what is listed of a plan is called in the store.
pub(super) const KIND: &str = "plan-head";
/// Whole plans that are kept beside those of live rollouts, at most.
const WHOLE_MAX: usize = 4;
/// Devices of the whole plans that are kept, at most, unless the last one alone has more.
const WHOLE_DEVICES_MAX: usize = 20_000;

#[derive(Clone, PartialEq, prost::Message)]
struct Head {
    #[prost(int64, tag = "1")]
    created_at: i64,
    #[prost(message, optional, tag = "2")]
    listed: Option<v1::Plan>,
}

/// The plans of a coordinator.
#[derive(Default)]
pub struct Plans {
    heads: BTreeMap<PlanName, Arc<[u8]>>,
    whole: VecDeque<Arc<Plan>>,
}

impl Plans {
    /// Adds a plan, or uses one again; gives its record when it is new.
    pub(super) fn insert(&mut self, plan: Arc<Plan>) -> Option<Document> {
        let name = plan.name.clone();
        self.lend(plan.clone());
        if self.heads.contains_key(&name) {
            return None;
        }
        let head =
            Head { created_at: plan.created_at.0, listed: Some(convert::plan::plan(&plan, Vec::new())) };
        let body = head.encode_to_vec();
        self.heads.insert(name.clone(), body.clone().into());
        Some(Document { kind: KIND, id: name.to_string(), body })
    }

    /// Adds what is listed of a plan, as it was stored.
    pub(super) fn insert_head(&mut self, name: PlanName, body: Vec<u8>) -> Result<(), prost::DecodeError> {
        Head::decode(&*body)?;
        self.heads.insert(name, body.into());
        Ok(())
    }

    /// Keeps a whole plan for a while.
    pub(super) fn lend(&mut self, plan: Arc<Plan>) {
        self.whole.retain(|known| known.name != plan.name);
        self.whole.push_front(plan);
        let mut devices = 0;
        let mut kept = 0;
        self.whole.retain(|plan| {
            devices += plan.devices.len();
            kept += 1;
            kept == 1 || (kept <= WHOLE_MAX && devices <= WHOLE_DEVICES_MAX)
        });
    }

    /// A whole plan, when it is in memory.
    pub(super) fn whole(&self, name: &str) -> Option<&Arc<Plan>> {
        self.whole.iter().find(|plan| plan.name.as_str() == name)
    }

    /// The name of a plan, when there is one of that name.
    pub(super) fn name(&self, name: &str) -> Option<&PlanName> {
        self.heads.get_key_value(name).map(|(name, _)| name)
    }

    /// Digest of a plan, with when and by whom it was made.
    pub(super) fn origin(&self, name: &PlanName) -> Option<(String, Timestamp, String)> {
        let head = decode(self.heads.get(name)?);
        let listed = head.listed.unwrap_or_default();
        Some((listed.digest, Timestamp(head.created_at), listed.created_by))
    }

    /// Names, in order.
    pub fn names(&self) -> impl Iterator<Item = &PlanName> {
        self.heads.keys()
    }

    /// The plans as they are listed, the newest first.
    pub fn newest_first(&self) -> Vec<v1::Plan> {
        let mut heads: Vec<Head> = self.heads.values().map(|body| decode(body)).collect();
        heads.sort_by_key(|head| std::cmp::Reverse(head.created_at));
        heads.into_iter().filter_map(|head| head.listed).collect()
    }
}

fn decode(body: &[u8]) -> Head {
    Head::decode(body).expect("it was decoded when it was added")
}
