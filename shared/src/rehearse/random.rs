//! Seeded draws: the same seed, purpose and number always give the same stream.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of draws of its own for one purpose, so that no purpose disturbs another one's.
pub(super) struct Stream(ChaCha12Rng);

impl Stream {
    pub(super) fn new(seed: u64, purpose: &str, number: u64) -> Self {
        Self(ChaCha12Rng::from_seed(bytes(seed, purpose, number)))
    }

    /// From 0 up to, not including, 1.
    pub(super) fn share(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let high = (self.0.next_u64() >> 11) as f64;
        high / 9_007_199_254_740_992.0
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A number below `bound`; 0 when that is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let drawn = (u128::from(self.0.next_u64()) * bound as u128) >> 64;
        usize::try_from(drawn).unwrap_or(0)
    }

    /// An index into `shares`, each as likely as its share of their sum.
    pub(super) fn pick(&mut self, shares: &[f64]) -> usize {
        let mut left = self.share() * shares.iter().sum::<f64>();
        for (index, share) in shares.iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return index;
            }
        }
        shares.len().saturating_sub(1)
    }

    /// A draw of the standard normal distribution.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }
}

/// The seed of one stream.
pub(super) fn bytes(seed: u64, purpose: &str, number: u64) -> [u8; 32] {
    crate::digest::seed_of_value(&(seed, purpose, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_purpose_and_number_and_on_nothing_else() {
        let first = |seed, purpose, number| Stream::new(seed, purpose, number).share();
        assert_eq!(first(1, "truth", 2).to_bits(), first(1, "truth", 2).to_bits());
        for (seed, purpose, number) in [(2, "truth", 2), (1, "order", 2), (1, "truth", 3)] {
            assert_ne!(first(1, "truth", 2).to_bits(), first(seed, purpose, number).to_bits());
        }
    }

    #[test]
    fn draws_have_the_distribution_they_name() {
        let mut stream = Stream::new(1, "test", 0);
        let normals: Vec<f64> = (0..20_000).map(|_| stream.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 20_000.0;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let thirds = (0..20_000).filter(|_| stream.pick(&[1.0, 2.0]) == 0).count();
        assert!((6_300..7_000).contains(&thirds), "{thirds}");
        assert!((0..1000).all(|_| stream.below(3) < 3 && stream.share() < 1.0));
    }
}
