//! What the reference simulators found, from the figures that are kept beside the models.

use anyhow::{Context as _, Result};

/// The reference's figures of one model, budget 10, 300 trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Harm: median, 95 %, worst.
    pub harmed: (f64, f64, f64),
    /// Mean share delivered.
    pub delivered: f64,
    /// Share stopped.
    pub stopped: f64,
    /// Price in time: median; absent when every rollout was stopped.
    pub price: Option<f64>,
    /// Wrongly held groups in a rollout.
    pub held_wrongly: f64,
}

/// What the reference says of `model` under its own rule.
pub fn known(model: &str) -> Result<Known> {
    let text = super::text("pace_reference.csv")?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        header.iter().position(|known| *known == name).with_context(|| format!("no column {name}"))
    };
    let (of, rule) = (column("model")?, column("rule")?);
    let cells = lines.map(|line| line.split(',').collect::<Vec<&str>>());
    let mut found =
        cells.filter(|cells| cells.get(of) == Some(&model) && cells.get(rule) == Some(&"paced10"));
    let cells = found.next().with_context(|| format!("the reference has no {model}"))?;
    let figure = |name: &str| -> Result<Option<f64>> {
        let cell = cells.get(column(name)?).copied().unwrap_or_default();
        if cell.is_empty() { Ok(None) } else { Ok(Some(cell.parse()?)) }
    };
    let must = |name: &str| figure(name)?.with_context(|| format!("the reference has no {name} of {model}"));
    Ok(Known {
        harmed: (must("harm_med")?, must("harm_p95")?, must("harm_max")?),
        delivered: must("deliv_mean")?,
        stopped: must("stop")?,
        price: figure("price_med")?,
        held_wrongly: must("wrong")?,
    })
}
