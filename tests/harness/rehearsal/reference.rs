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

/// Silent devices that the reference contacts at a site that goes dark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contacts {
    /// Mean of its runs.
    pub mean: f64,
    /// 95 % of its runs have no more.
    pub p95: f64,
    /// The most of any run.
    pub worst: f64,
}

/// What the reference says of `model` under its own rule.
pub fn known(model: &str) -> Result<Known> {
    let found = Line::find("pace_reference.csv", [("model", model), ("rule", "paced10")])?;
    Ok(Known {
        harmed: (found.must("harm_med")?, found.must("harm_p95")?, found.must("harm_max")?),
        delivered: found.must("deliv_mean")?,
        stopped: found.must("stop")?,
        price: found.figure("price_med")?,
        held_wrongly: found.must("wrong")?,
    })
}

/// What the reference says of sites that go dark, with a pool of this size or of all sizes, under the rule
/// that starts slowly.
pub fn contacts(pool: Option<u32>) -> Result<Contacts> {
    let of = pool.map_or_else(|| "all".to_owned(), |pool| format!("pool {pool}"));
    let found = Line::find("silence_reference.csv", [("of", &of), ("rule", "REC_ss")])?;
    Ok(Contacts {
        mean: found.must("contacted_mean")?,
        p95: found.must("contacted_p95")?,
        worst: found.must("contacted_max")?,
    })
}

/// One line of a file of figures, with the names of its cells.
struct Line {
    header: Vec<String>,
    cells: Vec<String>,
}

impl Line {
    /// The first line with these cells.
    fn find(file: &str, with: [(&str, &str); 2]) -> Result<Self> {
        let text = super::text(file)?;
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut lines = text.lines();
        let header = cells(lines.next().unwrap_or_default());
        let mut all = lines.map(|line| Self { header: header.clone(), cells: cells(line) });
        let found = all.find(|line| with.iter().all(|(name, cell)| line.cell(name) == Some(cell)));
        found.with_context(|| format!("{file} has no line with {with:?}"))
    }

    fn cell(&self, name: &str) -> Option<&str> {
        let at = self.header.iter().position(|known| known == name)?;
        self.cells.get(at).map(String::as_str)
    }

    fn figure(&self, name: &str) -> Result<Option<f64>> {
        let cell = self.cell(name).with_context(|| format!("no column {name}"))?;
        if cell.is_empty() { Ok(None) } else { Ok(Some(cell.parse()?)) }
    }

    fn must(&self, name: &str) -> Result<f64> {
        self.figure(name)?.with_context(|| format!("no {name} in {:?}", self.cells))
    }
}
