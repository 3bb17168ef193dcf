//! Every plan by name: what is listed of all of them, and the few whole ones that were used last.

use crate::store::Document;
use prost::Message as _;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use switchyard_proto::{convert, v1};
use switchyard_shared::id::PlanName;
use switchyard_shared::plan::{NAME_DIGITS_MAX, Plan};
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

/// Under which name a plan is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// Its own.
    Free,
    /// One with more digits: another plan has its name.
    Longer,
    /// It is stored already.
    Known {
        /// When it was made first.
        created_at: Timestamp,
        /// By whom.
        created_by: String,
    },
}

impl Naming {
    /// The plan as it is to be stored, or, as an error, as it is stored already.
    pub fn apply(self, plan: Plan) -> Result<Plan, Arc<Plan>> {
        match self {
            Self::Free => Ok(plan),
            Self::Longer => Ok(plan.with_name_digits(NAME_DIGITS_MAX)),
            Self::Known { created_at, created_by } => Err(Arc::new(Plan { created_at, created_by, ..plan })),
        }
    }
}

/// The plans of a coordinator.
#[derive(Default)]
pub struct Plans {
    heads: BTreeMap<PlanName, Arc<[u8]>>,
    whole: VecDeque<Arc<Plan>>,
}

impl Plans {
    /// What is listed of a plan, as it is stored.
    pub(super) fn head(plan: &Plan) -> Vec<u8> {
        let listed = Some(convert::plan::plan(plan, Vec::new()));
        Head { created_at: plan.created_at.0, listed }.encode_to_vec()
    }

    /// Adds a plan with its [`Self::head`], or uses one again; gives its record when it is new.
    pub(super) fn insert(&mut self, plan: Arc<Plan>, head: Vec<u8>) -> Option<Document> {
        let name = plan.name.clone();
        self.lend(plan);
        if self.heads.contains_key(&name) {
            return None;
        }
        self.heads.insert(name.clone(), head.clone().into());
        Some(Document { kind: KIND, id: name.to_string(), body: head })
    }

    /// Under which name a plan of this name and digest is stored.
    pub fn naming(&self, name: &PlanName, digest: &str) -> Naming {
        match self.origin(name) {
            Some((known, created_at, created_by)) if known == digest => {
                Naming::Known { created_at, created_by }
            }
            Some(_) => Naming::Longer,
            None => Naming::Free,
        }
    }

    /// Adds what is listed of a plan, as it was stored.
    pub(super) fn insert_head(&mut self, name: PlanName, body: Vec<u8>) -> Result<(), prost::DecodeError> {
        Head::decode(&*body)?;
        self.heads.insert(name, body.into());
        Ok(())
    }

    /// Keeps a whole plan for a while.
    pub fn lend(&mut self, plan: Arc<Plan>) {
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
    fn origin(&self, name: &PlanName) -> Option<(String, Timestamp, String)> {
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
