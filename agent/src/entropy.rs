//! The entropy seam: a seed at start, everything else is drawn from it.

/// A seed that no two agents share; the process id when the system has no entropy to give.
#[expect(clippy::disallowed_methods, reason = "this is the entropy seam")]
pub fn seed() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => std::process::id().into(),
    }
}
