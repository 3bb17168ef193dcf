//! Many trials in figures: medians, tails and shares.

use super::figures::Figures;
use serde::Serialize;

/// Middle, tail and extreme of a figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the trials have no more.
    pub median: f64,
    /// 95 % of the trials have no more.
    pub p95: f64,
    /// The most of any trial.
    pub worst: f64,
    /// The mean.
    pub mean: f64,
}

/// What many trials come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How many trials.
    pub trials: u32,
    /// Truly broken devices that were started.
    pub harmed: Spread,
    /// Mean share of the good and reachable devices that got the change, 0 to 1.
    pub delivered: f64,
    /// Share of the rollouts that ended early.
    pub stopped: f64,
    /// Share of the rollouts that ended early although no more than the tolerated share was broken.
    pub stopped_falsely: f64,
    /// Groups held in a rollout, mean.
    pub held: f64,
    /// Groups held wrongly in a rollout, mean: less than 30 % of the group is broken.
    pub held_wrongly: f64,
    /// Share of the rollouts with a hold in which exactly the labels to blame were held; absent when there
    /// are none.
    pub named: Option<f64>,
    /// Silent devices of dark sites that were contacted before the site opened.
    pub contacted: Spread,
    /// The same afterwards, by probes.
    pub contacted_later: Spread,
    /// Sites that opened without being dark, in a rollout, mean.
    pub opened_falsely: f64,
    /// Share of the rollouts whose harm was beyond what `plan` calls expected.
    pub beyond_expected: f64,
    /// Seconds from start to the last end.
    pub duration_s: Spread,
    /// Time as a multiple of the same worlds' without any stop or pace, of the rollouts that were not
    /// stopped; absent when all were.
    pub price: Option<Spread>,
}

/// Sums up trials, of which there should be at least one.
pub fn summarize(trials: &[Figures]) -> Summary {
    let of = |figure: fn(&Figures) -> f64| -> Vec<f64> { trials.iter().map(figure).collect() };
    let mean = |figure: fn(&Figures) -> f64| mean(&of(figure));
    let named: Vec<f64> = trials.iter().filter_map(|trial| trial.named).map(one_or_nothing).collect();
    let prices: Vec<f64> = trials.iter().filter_map(|trial| trial.price).collect();
    Summary {
        trials: u32::try_from(trials.len()).unwrap_or(u32::MAX),
        harmed: spread(of(|trial| f64::from(trial.harmed))),
        delivered: mean(|trial| trial.delivered),
        stopped: mean(|trial| one_or_nothing(trial.stopped)),
        stopped_falsely: mean(|trial| one_or_nothing(trial.stopped_falsely)),
        held: mean(|trial| f64::from(trial.held)),
        held_wrongly: mean(|trial| f64::from(trial.held_wrongly)),
        named: (!named.is_empty()).then(|| self::mean(&named)),
        contacted: spread(of(|trial| f64::from(trial.contacted))),
        contacted_later: spread(of(|trial| f64::from(trial.contacted_later))),
        opened_falsely: mean(|trial| f64::from(trial.opened_falsely)),
        beyond_expected: mean(|trial| one_or_nothing(trial.beyond_expected)),
        duration_s: spread(of(|trial| trial.duration as f64 / 1e6)),
        price: (!prices.is_empty()).then(|| spread(prices)),
    }
}

fn one_or_nothing(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let Some(worst) = values.last().copied() else { return Spread::default() };
    let median = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
    let p95 = values[(count * 95).div_ceil(100).clamp(1, count) - 1];
    Spread { median, p95, worst, mean: mean(&values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_tail_of_a_hundred_are_what_people_expect() {
        let all = spread((1..=100).map(f64::from).collect());
        assert_eq!((all.median, all.p95, all.worst, all.mean), (50.5, 95.0, 100.0, 50.5));
        let one = spread(vec![3.0]);
        assert_eq!((one.median, one.p95, one.worst), (3.0, 3.0, 3.0));
        let twenty = spread((1..=20).map(f64::from).collect());
        assert_eq!(twenty.p95, 19.0);
    }
}
