//! Named points at which a campaign kills this program; an ordinary build has none of them.

/// Names the point to die at, and how often it is passed before: `intent-synced:3`.
#[cfg(feature = "failpoints")]
const VARIABLE: &str = "SWITCHYARD_FAILPOINT";

/// Ends this process at once, as a kill does, when the campaign has named this point and its time has come.
#[cfg(feature = "failpoints")]
pub fn here(point: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI64, Ordering};
    static PLAN: OnceLock<Option<(String, AtomicI64)>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, passes) = text.split_once(':')?;
        Some((name.to_owned(), AtomicI64::new(passes.parse().ok()?)))
    });
    let Some((_, left)) = plan.as_ref().filter(|(name, _)| name == point) else { return };
    if left.fetch_sub(1, Ordering::SeqCst) == 0 {
        eprintln!("killed at the failpoint {point}");
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn here(_point: &str) {}
