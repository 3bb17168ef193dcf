//! The right to write: only the gate gives it, so that what only reads cannot reach a writing word.

use super::{AttemptContext, GateRefused};
use crate::clock::Clock;
use std::sync::Arc;
use switchyard_shared::time::Timestamp;

/// Proves that the write gate of this attempt is open. Transports ask for it before every word that can change
/// the device.
pub struct WritePass(Arc<dyn Clock>);

impl WritePass {
    /// Opens the gate of `context`; see [`AttemptContext::open_write_gate`].
    pub async fn ask(
        context: &dyn AttemptContext,
        clock: Arc<dyn Clock>,
        before: Option<String>,
    ) -> Result<Self, GateRefused> {
        context.open_write_gate(before).await?;
        Ok(Self(clock))
    }

    /// The present instant, for whoever is about to commit.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }
}
