//! `spec.targets` and `spec.strategy`: which devices, in which order, how many at once.

use super::budget;
use super::size::Size;
use crate::filter::Filter;
use crate::id::is_valid_name;
use crate::outcome::words;
use crate::pace::Budget;
use crate::yaml::{Field, Section, shown};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Most waves of a rollout, not counting its canary.
pub const WAVES_MAX: usize = 100;
/// The name of the wave of canaries.
pub const CANARY: &str = "canary";
const PARALLEL_MAX: u32 = 100_000;
const SELECT_MAX: usize = 100;

/// Which devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Devices that match; all when absent.
    pub filter: Option<Filter>,
    /// Devices that match are left out.
    pub exclude: Option<Filter>,
    /// Whether a selection of nothing is fine.
    pub allow_empty: bool,
}

words!(
    /// How devices are ordered.
    Order {
        /// As the inventory lists them.
        Listed = "listed",
        /// Shuffled by the plan's own digest.
        Shuffled = "shuffled",
    }
);

words!(
    /// Who lets the next wave start.
    Promote {
        /// The end of the soak.
        Auto = "auto",
        /// A person.
        Manual = "manual",
    }
);

/// The first few devices, before any wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// How many; all that `select` names when absent.
    pub size: Option<Size>,
    /// Only devices that match one of these; any device when empty.
    pub select: Vec<Filter>,
    /// How long the next wave waits after the last canary.
    pub soak: Duration,
    /// Who lets the next wave start; a person unless the spec says otherwise.
    pub promote: Promote,
}

/// One wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveSpec {
    /// Its name.
    pub name: String,
    /// At most that many of all selected devices.
    pub size: Option<Size>,
    /// Only devices that match.
    pub filter: Option<Filter>,
    /// How long the next wave waits after its last device.
    pub soak: Duration,
    /// Who lets the next wave start.
    pub promote: Promote,
}

/// In which order, how many at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strategy {
    /// How devices are ordered within their wave.
    pub order: Order,
    /// The first few.
    pub canary: Option<Canary>,
    /// The waves; none means one called `all`.
    pub waves: Vec<WaveSpec>,
    /// Most devices in flight; 0 when only the pools limit it.
    pub max_parallel: u32,
    /// Most devices in flight at one site; 0 when only its pool limits it.
    pub max_parallel_per_site: u32,
    /// How much harm is accepted; sets the pace.
    #[serde(default)]
    pub budget: Budget,
}

impl Default for Strategy {
    fn default() -> Self {
        let order = Order::Shuffled;
        let (canary, waves, budget) = (None, Vec::new(), Budget::default());
        Self { order, canary, waves, max_parallel: 0, max_parallel_per_site: 0, budget }
    }
}

pub(super) fn read_targets(mut section: Section<'_>) -> Targets {
    Targets {
        filter: section.take("filter").and_then(|field| filter(&field)),
        exclude: section.take("exclude").and_then(|field| filter(&field)),
        allow_empty: section.take("allow_empty").and_then(|field| field.boolean()).unwrap_or(false),
    }
}

pub(super) fn read(mut section: Section<'_>) -> Strategy {
    section.not_supported_yet(&["progress_deadline"]);
    let order = section
        .take("order")
        .and_then(|field| field.word(&[("shuffled", Order::Shuffled), ("listed", Order::Listed)]));
    let parallel =
        |field: Option<Field<'_>>| field.and_then(|field| field.number(1..=PARALLEL_MAX)).unwrap_or(0);
    let canary = section.section("canary").map(canary);
    let waves = section.take("waves").map(|field| waves(&field, canary.is_some())).unwrap_or_default();
    Strategy {
        order: order.unwrap_or(Order::Shuffled),
        canary,
        waves,
        max_parallel: parallel(section.take("max_parallel")),
        max_parallel_per_site: parallel(section.take("max_parallel_per_site")),
        budget: section.section("budget").map(budget::read).unwrap_or_default(),
    }
}

fn filter(field: &Field<'_>) -> Option<Filter> {
    field.parsed(Filter::parse)
}

fn canary(mut section: Section<'_>) -> Canary {
    section.not_supported_yet(&["spread_by", "max_failures"]);
    let select = section.take("select");
    let selects = select.is_some();
    let select = select.and_then(|field| field.list(SELECT_MAX)).unwrap_or_default();
    let (soak, promote) = (soak(&mut section), promote(&mut section));
    let size = section.take("size");
    if size.is_none() && !selects {
        section.problem("says neither size nor select", "for example size: 1");
    }
    Canary {
        size: size.and_then(|field| Size::read(&field)),
        select: select.iter().filter_map(filter).collect(),
        soak,
        promote: promote.unwrap_or(Promote::Manual),
    }
}

fn soak(section: &mut Section<'_>) -> Duration {
    let soak = section.take("soak").and_then(|field| field.duration(Duration::ZERO..=super::DURATION_MAX));
    soak.unwrap_or(Duration::ZERO)
}

fn promote(section: &mut Section<'_>) -> Option<Promote> {
    section.take("promote")?.word(&[("auto", Promote::Auto), ("manual", Promote::Manual)])
}

fn waves(field: &Field<'_>, has_canary: bool) -> Vec<WaveSpec> {
    let Some(items) = field.list(WAVES_MAX) else { return Vec::new() };
    if items.is_empty() {
        field.problem("names no wave", "leave waves out for one wave with everything");
    }
    let last = items.len().saturating_sub(1);
    let mut seen: BTreeSet<String> = has_canary.then(|| CANARY.to_owned()).into_iter().collect();
    let mut waves = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(mut section) = item.section() else { continue };
        section.not_supported_yet(&["require_approval"]);
        let name = section.require("name", "name: early").and_then(|field| wave_name(&field, &mut seen));
        let (size, filtered) = (section.take("size"), section.take("filter"));
        if size.is_none() && filtered.is_none() && index < last {
            section.problem(
                "has neither size nor filter, so nothing is left for the waves after it",
                "say size: 5%",
            );
        }
        let wave = WaveSpec {
            name: name.unwrap_or_default(),
            size: size.and_then(|field| Size::read(&field)),
            filter: filtered.and_then(|field| filter(&field)),
            soak: soak(&mut section),
            promote: promote(&mut section).unwrap_or(Promote::Auto),
        };
        waves.push(wave);
    }
    waves
}

fn wave_name(field: &Field<'_>, seen: &mut BTreeSet<String>) -> Option<String> {
    let name = field.text()?;
    if !is_valid_name(name) {
        let hint = "1 to 63 letters, digits, '.', '_' or '-', starting with a letter or digit";
        field.problem(format!("{} is not a name", shown(name)), hint);
        return None;
    }
    if !seen.insert(name.to_owned()) {
        field.problem(format!("another wave is called {name}"), "");
        return None;
    }
    Some(name.to_owned())
}
