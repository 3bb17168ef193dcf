//! Where a fuzzer throws its bytes: each of these takes anything, never panics, and gives what it has read.

pub use crate::executor::cli::fuzz as cli;
pub use crate::executor::netconf::fuzz as netconf;

use crate::platform::Definition;

/// Reads a platform's definition and redacts with it.
pub fn platform(data: &[u8]) -> usize {
    let text = String::from_utf8_lossy(data);
    match crate::platform::decode("fuzz.yaml", &text) {
        Ok(Definition::File(_)) => 1,
        Ok(Definition::Typed(platform)) => {
            let allowed = text.lines().filter(|line| platform.looks.allow(line)).count();
            platform.redact(&text).len() + allowed
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            0
        }
    }
}

/// The pieces in which `data` comes: as long as its own bytes say.
pub(crate) fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let (piece, after) = rest.split_at(usize::from(first % 61 + 1).min(rest.len()));
        rest = after;
        Some(piece)
    })
}
