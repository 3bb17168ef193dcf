//! Random fleets, outcomes, delays and people: the rules hold at every step, and a replay decides the same.

use super::super::{Budget, Decision, Entry, Group, Mode, Pace, Share, Verdict, Watched};
use super::bench::watch;
use super::invariants::{check_counts, check_end, check_start};
use super::world::Dice;
use crate::time::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a log would record.
#[derive(Debug, Clone)]
enum Event {
    Offer(u32),
    Start(u32, Timestamp),
    Wrote(u32, Timestamp),
    Finish(u32, Verdict, Option<Duration>, Timestamp),
    Settle(u32, bool),
    Hold(Group),
    Release(Group),
    Resume,
}

fn apply(pace: &mut Pace, event: &Event) {
    match event {
        Event::Offer(rank) => pace.offer(*rank),
        Event::Start(rank, at) => pace.start(*rank, *at),
        Event::Wrote(rank, at) => pace.wrote(*rank, *at),
        Event::Finish(rank, verdict, wrote_for, at) => pace.finish(*rank, *verdict, *wrote_for, *at),
        Event::Settle(rank, failed) => pace.settle(*rank, *failed),
        Event::Hold(group) => drop(pace.hold(group)),
        Event::Release(group) => drop(pace.release(group)),
        Event::Resume => pace.resume(),
    }
}

struct Case {
    dice: Dice,
    pace: Pace,
    sites: Vec<u32>,
    used: Vec<u32>,
    pool: u32,
    now: Timestamp,
    /// Who is in flight, since when, and since when it writes.
    flight: Vec<(u32, Timestamp, Option<Timestamp>)>,
    put_off: Vec<u32>,
    /// Devices that will fail.
    bad: Vec<bool>,
    events: Vec<(Timestamp, Event)>,
    decisions: Vec<Decision>,
    people: bool,
}

fn fleet(dice: &mut Dice) -> (Arc<Watched>, Vec<u32>, Vec<bool>) {
    let most = if dice.share() < 0.5 { 8 } else { 60 };
    let count = 1 + dice.below(most);
    let labels: Vec<String> = (0..count)
        .map(|_| {
            let (os, role, group) = (dice.below(3), dice.below(4), dice.below(3));
            if group == 0 { format!("os={os} role={role} group=a") } else { format!("os={os} role={role}") }
        })
        .collect();
    let kind = dice.below(5);
    let bad = labels
        .iter()
        .map(|labels| match kind {
            0 => false,
            1 => true,
            2 => labels.contains("os=1"),
            3 => labels.contains("os=1 role=2"),
            _ => dice.share() < 0.3,
        })
        .collect();
    let sites = (0..count).map(|_| dice.below(3)).collect();
    (watch(&labels), sites, bad)
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (watched, sites, bad) = fleet(&mut dice);
        let budget = Budget {
            devices: 1 + dice.below(12),
            tolerated_share: Share([0, 10_000, 40_000][dice.below(3) as usize]),
            mode: if dice.share() < 0.3 { Mode::Strict } else { Mode::Expected },
        };
        let pace = Pace::new(watched, sites.clone(), budget);
        let (pool, people) = (1 + dice.below(6), dice.share() < 0.3);
        Self {
            dice,
            pace,
            used: vec![0; 3],
            sites,
            pool,
            now: Timestamp(0),
            flight: Vec::new(),
            put_off: Vec::new(),
            bad,
            events: Vec::new(),
            decisions: Vec::new(),
            people,
        }
    }

    fn record(&mut self, event: Event) {
        self.pace.tick(self.now);
        apply(&mut self.pace, &event);
        self.events.push((self.now, event));
        self.decisions.extend(std::iter::from_fn(|| self.pace.poll_decision()));
        check_counts(&self.pace);
    }

    fn start_all(&mut self) {
        loop {
            let (used, pool, sites, put_off, dice) =
                (&self.used, self.pool, &self.sites, &mut self.put_off, &mut self.dice);
            let mut door = |rank: u32| {
                if used[sites[rank as usize] as usize] >= pool {
                    Entry::SiteFull
                } else if dice.share() < 0.05 {
                    put_off.push(rank);
                    Entry::Later
                } else {
                    Entry::Free
                }
            };
            let found = self.pace.next(self.now, &mut door);
            check_counts(&self.pace);
            let Some(rank) = found else { return };
            check_start(&self.pace, rank);
            self.used[self.sites[rank as usize] as usize] += 1;
            self.flight.push((rank, self.now, None));
            self.record(Event::Start(rank, self.now));
        }
    }

    fn end_one(&mut self) {
        let index = self.dice.below(self.flight.len() as u32) as usize;
        let (rank, _, wrote) = self.flight.swap_remove(index);
        let verdict = match (self.dice.below(12), self.bad[rank as usize]) {
            (0, _) => Verdict::Neutral,
            (1, _) => Verdict::Lost,
            (2, _) => Verdict::Doubtful,
            (_, true) => Verdict::Failed,
            (_, false) => Verdict::Ok,
        };
        self.record(Event::Finish(rank, verdict, wrote.map(|wrote| self.now.since(wrote)), self.now));
        let site = self.sites[rank as usize];
        self.used[site as usize] -= 1;
        self.pace.wake_site(site, self.pool - self.used[site as usize]);
        if verdict == Verdict::Neutral && self.dice.share() < 0.5 {
            self.record(Event::Offer(rank));
        }
    }

    fn person(&mut self) {
        let rank = self.dice.below(self.sites.len() as u32);
        let names: Vec<String> =
            self.pace.watched.values.iter().map(|value| value.label.to_string()).collect();
        let name = |dice: &mut Dice| names.get(dice.below(names.len() as u32) as usize).cloned();
        let (one, other) = (name(&mut self.dice), name(&mut self.dice));
        let text = match (one, other) {
            (Some(one), Some(other)) if self.dice.share() < 0.5 => format!("{one}&{other}"),
            (Some(one), _) => one,
            (None, _) => return,
        };
        let group = Group::parse(&text).unwrap();
        match self.dice.below(6) {
            0 => self.record(Event::Settle(rank, self.bad[rank as usize])),
            1 => self.record(Event::Hold(group)),
            2 if self.pace.is_stopped() => self.record(Event::Resume),
            3 => {
                for (group, _) in self.pace.holds() {
                    self.record(Event::Release(group));
                }
            }
            _ => self.record(Event::Finish(rank, Verdict::Ok, None, self.now)),
        }
    }

    fn run(&mut self) {
        let half = self.sites.len() / 2;
        (0..half as u32).for_each(|rank| self.record(Event::Offer(rank)));
        let mut second_wave = false;
        for _ in 0..3000 {
            self.start_all();
            if self.flight.is_empty() {
                check_end(&self.pace);
                if !self.put_off.is_empty() {
                    for rank in std::mem::take(&mut self.put_off) {
                        self.record(Event::Offer(rank));
                    }
                } else if !std::mem::replace(&mut second_wave, true) {
                    (half as u32..self.sites.len() as u32).for_each(|rank| self.record(Event::Offer(rank)));
                } else {
                    return;
                }
                continue;
            }
            self.now = self.now.plus(Duration::from_millis(u64::from(self.dice.below(1500))));
            let index = self.dice.below(self.flight.len() as u32) as usize;
            match self.dice.below(3) {
                0 if self.flight[index].2.is_none() => {
                    self.flight[index].2 = Some(self.now);
                    self.record(Event::Wrote(self.flight[index].0, self.now));
                }
                1 if self.people => self.person(),
                _ => self.end_one(),
            }
        }
        panic!("not at an end after 3000 steps");
    }

    /// The same events on a fresh pace, with ticks at odd times.
    fn replay(&self, fresh: &mut Pace, dice: &mut Dice, ticks: bool) {
        let mut decisions = Vec::new();
        let mut before = Timestamp(0);
        for (at, event) in &self.events {
            while ticks && dice.share() < 0.7 {
                let due = fresh.poll_timeout().filter(|due| due <= at);
                let anywhere = before.plus(at.since(before) / (1 + dice.below(4)));
                before = due.unwrap_or(anywhere).max(before);
                fresh.tick(before);
            }
            fresh.tick(*at);
            before = *at;
            apply(fresh, event);
            decisions.extend(std::iter::from_fn(|| fresh.poll_decision()));
        }
        fresh.tick(self.now);
        assert_eq!(decisions, self.decisions);
        assert_eq!(fresh.harm(), self.pace.harm());
        assert_eq!(fresh.holds(), self.pace.holds());
        assert_eq!(fresh.is_stopped(), self.pace.is_stopped());
        for (ours, theirs) in fresh.tallies.iter().zip(&self.pace.tallies) {
            let all = |tally: &super::super::tally::Tally| {
                let counts = [tally.seen, tally.failed, tally.mature, tally.late, tally.flight];
                (counts, tally.blocking, tally.lost, tally.doubt, tally.sums, tally.reserve)
            };
            assert_eq!(all(ours), all(theirs));
            assert_eq!((ours.proven, ours.trial), (theirs.proven, theirs.trial));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_rules_hold_at_every_step_and_a_replay_decides_the_same(seed in any::<u64>()) {
        hold(seed);
    }
}

fn hold(seed: u64) {
    let mut case = Case::new(seed);
    let fresh = case.pace.clone();
    case.run();
    let mut dice = Dice::new(seed ^ 1);
    case.replay(&mut fresh.clone(), &mut dice, false);
    case.replay(&mut fresh.clone(), &mut dice, true);
}

#[test]
fn nobody_overtakes_a_lower_rank_whose_value_or_site_has_room_again() {
    hold(554_341_267_398_255_840);
    hold(14_529_656_307_933_990_042);
}
