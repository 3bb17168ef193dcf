//! The right to write: only the gate gives it, so that what only reads cannot reach a writing word.

use super::{AttemptContext, GateRefused};

/// Proves that the write gate of this attempt is open. Transports ask for it before every word that can change
/// the device.
#[derive(Debug)]
pub struct WritePass(());

impl WritePass {
    /// Opens the gate of `context`; see [`AttemptContext::open_write_gate`].
    pub async fn ask(context: &dyn AttemptContext, before: Option<String>) -> Result<Self, GateRefused> {
        context.open_write_gate(before).await?;
        Ok(Self(()))
    }
}
