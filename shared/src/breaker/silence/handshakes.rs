//! How long handshakes take at a site, and from which age on one that is not done is silence.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Handshake times that are remembered.
pub const HANDSHAKES_MAX: usize = 64;
/// Times that must be known before they set the limit.
const HANDSHAKES_MIN: usize = 8;
/// The limit while too few times are known.
const PRIOR: Duration = Duration::from_secs(3);
/// No connect is suspected younger than this.
const FLOOR: Duration = Duration::from_millis(700);
/// How many times the usual (75th percentile) handshake one may take. Three times the 90th percentile
/// gives as many false holds and contacts 6 % more silent devices: one slow device moves it more.
const PATIENCE: u32 = 4;
/// Old enough to open the site whatever its handshakes take: covers a retransmission after 3 s.
const OPEN_AGE: Duration = Duration::from_secs(5);

/// The last handshake times of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshakes {
    recent: VecDeque<Duration>,
    sorted: Vec<Duration>,
}

impl Handshakes {
    /// Remembers one more, and forgets the oldest beyond [`HANDSHAKES_MAX`].
    pub fn push(&mut self, took: Duration) {
        if self.recent.len() >= HANDSHAKES_MAX
            && let Some(oldest) = self.recent.pop_front()
            && let Ok(at) = self.sorted.binary_search(&oldest)
        {
            self.sorted.remove(at);
        }
        self.recent.push_back(took);
        let at = self.sorted.partition_point(|known| *known < took);
        self.sorted.insert(at, took);
    }

    /// From this age on a connect is suspected (`T_s`), with this connect timeout.
    pub fn suspect_age(&self, timeout: Duration) -> Duration {
        let usual = if self.sorted.len() < HANDSHAKES_MIN {
            PRIOR
        } else {
            let at = (self.sorted.len() * 3 / 4).min(self.sorted.len() - 1);
            self.sorted.get(at).map_or(PRIOR, |usual| *usual * PATIENCE).max(FLOOR)
        };
        usual.min(timeout / 2)
    }

    /// From this age on a connect speaks for opening the site (`T_o`), with this connect timeout.
    pub fn open_age(&self, timeout: Duration) -> Duration {
        let near_end = if timeout <= OPEN_AGE {
            (timeout / 2).max(timeout.saturating_sub(Duration::from_millis(500)))
        } else {
            timeout / 2
        };
        self.suspect_age(timeout).max(OPEN_AGE.min(near_end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    #[test]
    fn the_limit_follows_the_sites_own_handshakes_within_its_bounds() {
        let mut site = Handshakes::default();
        assert_eq!(site.suspect_age(seconds(30.0)), seconds(3.0), "nothing is known yet");
        assert_eq!(site.suspect_age(seconds(5.0)), seconds(2.5), "never beyond half the timeout");
        (0..7).for_each(|_| site.push(seconds(0.1)));
        assert_eq!(site.suspect_age(seconds(30.0)), seconds(3.0), "seven are too few");
        site.push(seconds(0.1));
        assert_eq!(site.suspect_age(seconds(30.0)), seconds(0.7), "the floor");
        (0..64).for_each(|_| site.push(seconds(0.5)));
        assert_eq!(site.suspect_age(seconds(30.0)), seconds(2.0), "four times the usual");
        assert_eq!(site.recent.len(), HANDSHAKES_MAX);
        assert_eq!(site.sorted.len(), HANDSHAKES_MAX);
        (0..64).for_each(|_| site.push(seconds(9.0)));
        assert_eq!(site.suspect_age(seconds(30.0)), seconds(15.0));
    }

    #[test]
    fn the_age_that_opens_is_five_seconds_or_just_before_the_timeout() {
        let site = Handshakes::default();
        for (timeout, age) in [(30.0, 5.0), (10.0, 5.0), (5.0, 4.5), (3.0, 2.5), (0.6, 0.3)] {
            assert_eq!(site.open_age(seconds(timeout)), seconds(age), "timeout {timeout}");
        }
    }
}
