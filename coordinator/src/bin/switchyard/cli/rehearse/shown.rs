//! The figures of a rehearsal: a table for people, a document for programs.

use super::replay::Past;
use super::{Ground, Trial};
use crate::render::table::table;
use crate::text::{counted, number};
use serde_json::{Value, json};
use std::time::Duration;
use switchyard_shared::rehearse::{Figure, Figures, Model, Summary, summarize};
use switchyard_shared::time::format_duration;

/// Everything that is shown.
pub struct Shown<'a> {
    /// The specs, as they were named.
    pub names: &'a [&'a str],
    /// For each spec, its plans.
    pub grounds: &'a [Vec<Ground>],
    /// The model.
    pub model: &'a Model,
    /// The seed.
    pub seed: u64,
    /// The trials, in order.
    pub trials: &'a [Trial],
}

impl Shown<'_> {
    /// What each spec and each other system's rule came to; whether it is a spec.
    pub fn summaries(&self) -> Vec<(String, bool, Summary)> {
        let of = |pick: &dyn Fn(&Trial) -> Option<Figures>| {
            summarize(&self.trials.iter().filter_map(pick).collect::<Vec<_>>())
        };
        let own = self.names.iter().enumerate().map(|(index, name)| {
            ((*name).to_owned(), true, of(&|trial| trial.own.get(index).map(|(figures, _)| figures.clone())))
        });
        let others = self.model.rules.iter().enumerate().map(|(index, rule)| {
            let summary = of(&|trial| trial.others.get(index).map(|(figures, _)| figures.clone()));
            (rule.to_string(), false, summary)
        });
        own.chain(others).collect()
    }

    /// The table for people.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let rows: Vec<Vec<String>> =
            self.summaries().iter().map(|(name, _, summary)| row(name, summary)).collect();
        let headers = [
            "RULE",
            "HARMED",
            "DELIVERED",
            "STOPPED",
            "FALSELY",
            "HELD",
            "WRONGLY",
            "NAMED",
            "CONTACTED",
            "TOOK",
            "PRICE",
        ];
        table(&headers, &rows, width)
    }

    /// How the figures came about, and what they mean.
    pub fn note(&self, took: Duration) -> String {
        let devices = self.grounds.first().and_then(|fleet| fleet.first()).map_or(0, Ground::devices);
        format!(
            "{} of {} in {}, seed {}. harmed, contacted, took and price: median / 95 % / worst; \
             price: time as a multiple of no stop and no pace at all",
            counted(self.trials.len() as u64, "trial"),
            counted(devices as u64, "device"),
            format_duration(took),
            self.seed,
        )
    }

    /// The document for programs.
    pub fn document(&self, past: Option<&Past>) -> Value {
        let ground = self.grounds.first().and_then(|fleet| fleet.first());
        let rules: Vec<Value> = self
            .summaries()
            .into_iter()
            .map(|(name, is_spec, summary)| rule(&name, is_spec, &summary))
            .collect();
        let mut document = json!({
            "kind": "Rehearsal",
            "seed": self.seed,
            "trials": self.trials.len(),
            "devices": ground.map_or(0, Ground::devices),
            "sites": ground.map_or(0, Ground::sites),
            "rules": rules,
        });
        if let Some(past) = past {
            let (harmed, tried, untried) = past.counts();
            document["replay"] =
                json!({"rollout": past.rollout, "tried": tried, "harmed": harmed, "untried": untried});
        }
        document
    }
}

fn rule(name: &str, is_spec: bool, summary: &Summary) -> Value {
    let mut document = json!({"name": name, "spec": is_spec});
    let figures = serde_json::to_value(summary).unwrap_or_default();
    if let (Value::Object(document), Value::Object(figures)) = (&mut document, figures) {
        document.extend(figures.into_iter().filter(|(_, value)| !value.is_null()));
    }
    document
}

fn row(name: &str, summary: &Summary) -> Vec<String> {
    let dash = || "-".to_owned();
    let contacted = summary.contacted.worst > 0.0;
    vec![
        name.to_owned(),
        three(&summary.harmed, whole),
        percent(summary.delivered),
        percent(summary.stopped),
        percent(summary.stopped_falsely),
        format!("{:.2}", summary.held),
        format!("{:.2}", summary.held_wrongly),
        summary.named.map_or_else(dash, percent),
        if contacted { three(&summary.contacted, whole) } else { dash() },
        three(&summary.duration_s, |seconds| {
            format_duration(Duration::from_millis((seconds * 1000.0) as u64))
        }),
        summary.price.as_ref().map_or_else(dash, |price| three(price, |times| format!("{times:.2}"))),
    ]
}

fn three(figure: &Figure, show: impl Fn(f64) -> String) -> String {
    format!("{} / {} / {}", show(figure.median), show(figure.p95), show(figure.worst))
}

fn whole(value: f64) -> String {
    if value.fract() == 0.0 { number(value as u64) } else { format!("{value:.1}") }
}

/// In percent; what is not quite all or nothing never looks like it.
fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent <= 0.0 => "0 %".into(),
        percent if percent >= 100.0 => "100 %".into(),
        percent if percent < 0.1 => "<0.1 %".into(),
        percent if percent > 99.9 => ">99.9 %".into(),
        percent => format!("{percent:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_not_quite_all_or_nothing_never_looks_like_it() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.0001, "<0.1 %"),
            (0.005, "0.5 %"),
            (0.996, "99.6 %"),
            (0.9999, ">99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
