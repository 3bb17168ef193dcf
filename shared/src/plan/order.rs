//! The order of devices: our own shuffle, so that it never changes with a library's version.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Fisher–Yates over ChaCha12: the same seed and length always give the same order.
pub fn shuffle<T>(items: &mut [T], seed: [u8; 32]) {
    let mut stream = ChaCha12Rng::from_seed(seed);
    for last in (1..items.len()).rev() {
        let below = last as u128 + 1;
        let drawn = (u128::from(stream.next_u64()) * below) >> 64;
        items.swap(last, usize::try_from(drawn).unwrap_or(last));
    }
}
