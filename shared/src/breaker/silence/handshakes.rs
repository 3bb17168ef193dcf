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
const PATIENCE: u64 = 4;
/// Old enough to open the site whatever its handshakes take: covers a retransmission after 3 s.
const OPEN_AGE: Duration = Duration::from_secs(5);

/// The last handshake times of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Times", into = "Times")]
pub struct Handshakes {
    /// In microseconds, as `sorted`.
    recent: VecDeque<u64>,
    sorted: Vec<u64>,
    /// Which age is suspicious where the connect timeout is no bound.
    limit: Duration,
}

/// As they are written down.
#[derive(Serialize, Deserialize)]
struct Times {
    recent: VecDeque<Duration>,
    sorted: Vec<Duration>,
}

impl From<Times> for Handshakes {
    fn from(times: Times) -> Self {
        let mut handshakes = Self::default();
        times.recent.into_iter().for_each(|took| handshakes.push(took));
        handshakes
    }
}

impl From<Handshakes> for Times {
    fn from(handshakes: Handshakes) -> Self {
        let times = |all: &mut dyn Iterator<Item = u64>| all.map(Duration::from_micros).collect::<Vec<_>>();
        let recent = times(&mut handshakes.recent.into_iter()).into();
        Self { recent, sorted: times(&mut handshakes.sorted.into_iter()) }
    }
}

impl Default for Handshakes {
    fn default() -> Self {
        Self { recent: VecDeque::new(), sorted: Vec::new(), limit: PRIOR }
    }
}

impl Handshakes {
    /// Remembers one more, and forgets the oldest beyond [`HANDSHAKES_MAX`].
    pub fn push(&mut self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let oldest = if self.recent.len() < HANDSHAKES_MAX { None } else { self.recent.pop_front() };
        self.recent.push_back(took);
        let to = self.sorted.partition_point(|known| *known < took);
        match oldest.map(|oldest| self.sorted.partition_point(|known| *known < oldest)) {
            None => self.sorted.insert(to, took),
            // Only what lies between the two moves, by one.
            Some(from) if from < to => {
                self.sorted.copy_within(from + 1..to, from);
                self.sorted[to - 1] = took;
            }
            Some(from) => {
                self.sorted.copy_within(to..from, to + 1);
                self.sorted[to] = took;
            }
        }
        if self.sorted.len() >= HANDSHAKES_MIN
            && let Some(usual) = self.sorted.get(self.sorted.len() * 3 / 4)
        {
            self.limit = Duration::from_micros(usual.saturating_mul(PATIENCE)).max(FLOOR);
        }
    }

    /// From this age on a connect is suspected (`T_s`), with this connect timeout.
    pub fn suspect_age(&self, timeout: Duration) -> Duration {
        self.limit.min(timeout / 2)
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
    fn the_limit_is_that_of_the_last_64_in_whatever_order_they_came_and_survives_a_restart() {
        let mut site = Handshakes::default();
        let mut all = Vec::new();
        for n in 0..500_u64 {
            all.push(Duration::from_millis(200 + n * 7919 % 1009));
            site.push(all[all.len() - 1]);
            let last = &all[all.len().saturating_sub(HANDSHAKES_MAX)..];
            let mut sorted = last.to_vec();
            sorted.sort();
            let usual = if last.len() < 8 { PRIOR } else { sorted[last.len() * 3 / 4] * 4 };
            assert_eq!(site.suspect_age(seconds(1000.0)), usual, "after {n}");
            let text = serde_json::to_string(&site).unwrap();
            assert_eq!(serde_json::from_str::<Handshakes>(&text).unwrap(), site);
        }
    }

    #[test]
    fn the_age_that_opens_is_five_seconds_or_just_before_the_timeout() {
        let site = Handshakes::default();
        for (timeout, age) in [(30.0, 5.0), (10.0, 5.0), (5.0, 4.5), (3.0, 2.5), (0.6, 0.3)] {
            assert_eq!(site.open_age(seconds(timeout)), seconds(age), "timeout {timeout}");
        }
    }
}
