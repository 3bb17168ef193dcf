//! The entropy seam: a seed at start, everything else is drawn from it; and keys.

/// A seed that no two agents share; the process id when the system has no entropy to give.
#[expect(clippy::disallowed_methods, reason = "this is the entropy seam")]
pub fn seed() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => std::process::id().into(),
    }
}

/// A key that nobody can guess; without entropy one that is at least not another process's.
#[expect(clippy::disallowed_methods, reason = "this is the entropy seam")]
pub fn key() -> [u8; 32] {
    let mut bytes = [0; 32];
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..4].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes
}
