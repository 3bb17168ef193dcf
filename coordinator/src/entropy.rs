//! The entropy seam: secrets and short ids from the system's generator.
#![expect(clippy::disallowed_methods, reason = "this is the entropy seam")]

use crate::refused::Refused;

/// A secret of 256 bits.
pub fn secret() -> Result<[u8; 32], Refused> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Eight hexadecimal digits.
pub fn short_id() -> Result<String, Refused> {
    let mut bytes = [0; 4];
    fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn fill(bytes: &mut [u8]) -> Result<(), Refused> {
    getrandom::fill(bytes).map_err(|error| Refused::Store(format!("the system has no entropy: {error}")))
}
