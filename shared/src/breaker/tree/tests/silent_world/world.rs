//! Devices as the reference simulator models them: how long each one's handshake and work take, and what
//! befalls the site.

/// What befalls a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// (a): no device answers any more.
    Dark,
    /// (c): every second device is silent.
    EverySecond,
    /// (d): 5 % are silent at random.
    FewSilent,
    /// (e): nothing passes for 2 s; what was lost is sent again after 1, 3 and 7 s.
    Freeze,
}

pub struct World {
    pub fault: Fault,
    pub pool: usize,
    pub timeout: f64,
    pub devices: usize,
    /// The device at whose start it begins.
    pub from: usize,
    pub connect: Vec<f64>,
    pub work: Vec<f64>,
    silent: Vec<bool>,
}

/// Uniform numbers by splitmix64: the same in every version.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.share() * n as f64) as usize
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

impl World {
    pub fn new(fault: Fault, seed: u64, pool: usize) -> Self {
        let mut dice = Dice(seed.wrapping_mul(1000) + pool as u64);
        let median = [0.06, 0.15, 0.30][dice.below(3)];
        let sigma = [0.3, 0.6, 1.0][dice.below(3)];
        let (least, most) = [(1.0, 3.0), (3.0, 10.0), (8.0, 20.0)][dice.below(3)];
        let timeout = [5.0, 10.0, 30.0][(seed as usize + pool) % 3];
        let (devices, from) = match fault {
            Fault::Dark | Fault::EverySecond => {
                let from = 40.max(3 * pool) + dice.below(pool);
                (from + 200, from)
            }
            Fault::Freeze => (1000, 300),
            Fault::None | Fault::FewSilent => (1000, usize::MAX),
        };
        let connect = |dice: &mut Dice| {
            let slow = dice.share();
            let retransmitted = if slow < 0.002 {
                3.0
            } else if slow < 0.012 {
                1.0
            } else {
                0.0
            };
            let usual = (f64::ln(median) + sigma * dice.normal()).exp() + retransmitted;
            if dice.share() < 0.02 { 2.0 + 4.0 * dice.share() } else { usual }
        };
        let connect = (0..devices).map(|_| connect(&mut dice)).collect();
        let work = (0..devices).map(|_| least + (most - least) * dice.share()).collect();
        let silent = (0..devices)
            .map(|n| match fault {
                Fault::FewSilent => dice.share() < 0.05,
                Fault::EverySecond => n >= from && (n - from) % 2 == 0,
                Fault::None | Fault::Dark | Fault::Freeze => false,
            })
            .collect();
        Self { fault, pool, timeout, devices, from, connect, work, silent }
    }

    /// How long a handshake that starts `now` takes; `None`: for ever. `struck`: since when the fault is there.
    pub fn handshake(&self, n: usize, now: f64, struck: Option<f64>) -> Option<f64> {
        if self.silent[n] {
            return None;
        }
        match (self.fault, struck) {
            (Fault::Dark, Some(_)) => None,
            (Fault::Freeze, Some(at)) if now < at + 2.0 => {
                let again = [1.0, 3.0, 7.0].into_iter().find(|after| now + after >= at + 2.0);
                Some(again.unwrap_or(7.0) + self.connect[n])
            }
            _ => Some(self.connect[n]),
        }
    }

    /// What a freeze adds to an exchange that runs when it strikes.
    pub fn delay(&self) -> f64 {
        let mut again = 0.25;
        while again < 2.0 {
            again = 2.0 * again + 0.25;
        }
        again
    }
}
