//! What a row must keep to, and what it breaks.

use switchyard_shared::rehearse::Summary;

/// Upper bounds for harm, stops and price, a lower one for delivery; what is absent is not bounded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// Median and 95 % of the harm.
    pub harmed: Option<(f64, f64)>,
    /// The most harm of any trial.
    pub worst: Option<f64>,
    /// Mean share of the good and reachable devices that got the change.
    pub delivered: Option<f64>,
    /// Least and greatest share of the rollouts that are stopped.
    pub stopped: Option<(f64, f64)>,
    /// Wrongly held groups in a rollout.
    pub held_wrongly: Option<f64>,
    /// Share of the rollouts in which exactly the labels to blame are held.
    pub named: Option<f64>,
    /// Median of the price in time.
    pub price: Option<f64>,
    /// Silent devices contacted at a dark site, mean.
    pub contacted: Option<f64>,
}

impl Bounds {
    /// The same for a few trials, where one rollout weighs much: 3 % less delivered, one in twenty held or
    /// stopped otherwise, 10 % more contacts.
    pub fn for_few(mut self) -> Self {
        self.delivered = self.delivered.map(|least| least - 0.03);
        self.stopped = self.stopped.map(|(least, most)| (least, if most > 0.0 { most + 0.05 } else { most }));
        self.held_wrongly = self.held_wrongly.map(|most| most + 0.05);
        self.named = self.named.map(|least| least - 0.05);
        self.contacted = self.contacted.map(|most| most * 1.1);
        self
    }

    /// Each bound that `summary` breaks, in words. The medians of harm may exceed theirs by 1 or 10 %, the
    /// 95 % by 25 %: those bounds come from another program's random numbers.
    pub fn broken(&self, summary: &Summary) -> Vec<String> {
        let mut broken = Vec::new();
        let mut most = |what: &str, found: f64, bound: Option<f64>| {
            if let Some(bound) = bound.filter(|bound| found > *bound) {
                broken.push(format!("{what} {found:.3} is more than {bound:.3}"));
            }
        };
        let some = |(bound, further): (f64, f64)| if bound == 0.0 { 0.0 } else { bound.max(further) };
        let median = self.harmed.map(|(median, _)| some((median + 1.0, median * 1.1)));
        let median = if self.harmed.is_some_and(|(median, _)| median == 0.0) { Some(0.0) } else { median };
        most("harmed (median)", summary.harmed.median, median);
        most("harmed (95 %)", summary.harmed.p95, self.harmed.map(|(_, p95)| p95 * 1.25));
        most("harmed (worst)", summary.harmed.worst, self.worst);
        most("stopped", summary.stopped, self.stopped.map(|(_, most)| most));
        most("held wrongly", summary.held_wrongly, self.held_wrongly);
        most("contacted", summary.contacted.mean, self.contacted);
        most("opened falsely", summary.opened_falsely, Some(0.0));
        most("price", summary.price.map_or(0.0, |price| price.median), self.price);
        let mut least = |what: &str, found: Option<f64>, bound: Option<f64>| match (found, bound) {
            (Some(found), Some(bound)) if found < bound => {
                broken.push(format!("{what} {found:.4} is less than {bound:.4}"));
            }
            (None, Some(bound)) => {
                broken.push(format!("{what} is unknown and should be at least {bound:.4}"))
            }
            (Some(_) | None, _) => {}
        };
        least("delivered", Some(summary.delivered), self.delivered);
        least("stopped", Some(summary.stopped), self.stopped.map(|(least, _)| least));
        least("named", summary.named, self.named);
        broken
    }
}
