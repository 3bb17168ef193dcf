//! Why nothing more starts now, in one line for people.

use super::engine::{Pace, Spot};
use super::rule::IN_FLIGHT_MAX;

impl Pace {
    /// One line why the pace starts nothing more now although devices wait; `None` when it is not the
    /// pace that keeps them: nobody waits, all are held, the rollout stopped, or their surroundings.
    pub fn limit(&self) -> Option<String> {
        if self.stopped || self.waits == self.held_wait {
            return None;
        }
        let all = self.all();
        let (flight, budget) = (all.flight, self.rule.budget.devices);
        if flight >= IN_FLIGHT_MAX {
            return Some(format!("pace: {flight} in flight, the most at once"));
        }
        if self.strict_is_full() {
            let line = self.line;
            return Some(format!(
                "pace: {} failed, {} unknown and {flight} in flight fill the strict budget of {budget}; more with each success",
                line.failed, line.unknown
            ));
        }
        if !all.proven && all.blocking > 0 {
            return Some("pace: the first device is in flight".into());
        }
        let first = self.ready.first_in(0, usize::MAX).map(|rank| rank as u32);
        let cost = if first.is_some_and(|rank| self.is_probe(rank)) { 1.0 } else { all.reserve };
        if (first.is_some() || self.at_values > 0) && !self.fits(cost) {
            return Some(format!("pace: {}", self.full(flight, self.reserved(), self.slack(), "")));
        }
        if first.is_some() {
            return None;
        }
        let Some(value) = self.waiting_value() else { return self.trial_in_flight() };
        let label = &self.watched.values[value].label;
        let tally = &self.tallies[value];
        if !tally.proven {
            return Some(format!("pace: the first device of {label} is in flight"));
        }
        let reserved = f64::from(tally.flight + tally.doubt) * tally.reserve + f64::from(tally.lost);
        let with = format!(" with {label}");
        Some(format!("pace: {}", self.full(tally.flight, reserved, tally.slack(&self.rule), &with)))
    }

    fn trial_in_flight(&self) -> Option<String> {
        let waiter = self.devices.iter().position(|device| device.spot == Spot::Trial)?;
        let trial = self.trial_ahead(waiter as u32)?;
        Some(format!(
            "pace: the first device of {} since its release is in flight",
            self.group_of(trial.cut())
        ))
    }

    fn full(&self, flight: u32, reserved: f64, slack: f64, with: &str) -> String {
        let budget = self.rule.budget.devices;
        let left = if slack + 0.05 < self.rule.devices() {
            format!("the {:.1} left of the budget of {budget}", slack.max(0.0))
        } else {
            format!("the budget of {budget}")
        };
        format!("{flight} in flight{with} reserve {reserved:.1} of {left}; more with each success")
    }

    /// The value that the lowest rank waits for.
    fn waiting_value(&self) -> Option<usize> {
        let waiter = |device: &&super::engine::Device| matches!(device.spot, Spot::Value(_));
        match self.devices.iter().find(waiter)?.spot {
            Spot::Value(place) => Some(self.fleet.label(place as usize)),
            Spot::Away | Spot::Ready | Spot::Trial | Spot::Site | Spot::Held | Spot::Flight => None,
        }
    }
}
