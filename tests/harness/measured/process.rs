//! What a process has used: its processor time and its memory, as the kernel says.
#![expect(
    clippy::disallowed_methods,
    reason = "the kernel's small files, and the one clock of this benchmark"
)]

use std::time::{Duration, Instant};

/// Ticks of the kernel's processor time in a second, as Linux has it on every machine we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time that a process has used.
pub fn cpu_seconds(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = text.rsplit(") ").next().unwrap_or_default();
    let mut fields = after_name.split(' ').skip(11).map(|field| field.parse::<f64>().unwrap_or(0.0));
    (fields.next().unwrap_or(0.0) + fields.next().unwrap_or(0.0)) / TICKS_PER_SECOND
}

/// Bytes of memory that a process has.
pub fn memory(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) * 1024.0
}

/// A stopwatch.
pub struct Watch(Instant);

impl Watch {
    /// Starts it.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since its start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
