//! What the journal keeps.

use serde::{Deserialize, Serialize};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::Outcome;
use switchyard_shared::time::Timestamp;

/// One thing that must survive this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// The next byte to the device may change it.
    Intent {
        /// Which attempt.
        op: OpId,
        /// When.
        at: Timestamp,
        /// What the device said before, as a digest under the site's key, when it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// How an attempt ended.
    Result {
        /// Rises by one with every result.
        sequence: u64,
        /// Which attempt.
        op: OpId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The coordinator keeps all results up to this one.
    Acked {
        /// The last of them.
        sequence: u64,
    },
    /// What this journal is called. Each opening gives it a new name, so that a copy of it is noticed.
    Identity {
        /// Its name since it was last opened.
        id: String,
        /// What it was called before, newest first: all that was kept under those names is in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        former: Vec<String>,
    },
    /// A coordinator of this epoch has been seen; an older one is stale.
    Epoch {
        /// The highest epoch seen.
        coordinator_epoch: u64,
        /// The highest epoch of the site.
        #[serde(default)]
        site_epoch: u64,
    },
}
