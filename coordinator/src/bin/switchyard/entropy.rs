//! The entropy seam of the command line: request ids and jitter.

/// Bytes nobody can guess; all zero should the system have none, which only costs uniqueness.
#[expect(clippy::disallowed_methods, reason = "this is the entropy seam of the command line")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [0; N];
    }
    bytes
}

/// A fresh id for a request, 32 hexadecimal digits.
pub fn request_id() -> String {
    bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A share between 0 and 1.
pub fn share() -> f64 {
    f64::from(u32::from_le_bytes(bytes::<4>())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_requests_never_share_an_id() {
        assert_ne!(request_id(), request_id());
        assert_eq!(request_id().len(), 32);
        assert!((0.0..=1.0).contains(&share()));
    }
}
