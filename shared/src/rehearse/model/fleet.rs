//! A fleet to draw: how many devices and sites, and how their labels hang together.

use super::number::{numbers, one_or_more, probability, shares};
use crate::id::is_valid_name;
use crate::outcome::words;
use crate::pool::MAX_IN_FLIGHT_MAX;
use crate::yaml::{Field, Position, Section, did_you_mean, shown};

const DEVICES_MAX: u32 = 100_000;
const SITES_MAX: u32 = 10_000;
const LABELS_MAX: usize = 32;
const VALUES_MAX: u32 = 1000;
/// Most values of a key whose values stand within those of another.
const DERIVED_MAX: u32 = 65_000;

words!(
    /// Where the inventory lists the devices that the first cause breaks.
    Listing {
        /// Anywhere.
        Random = "random",
        /// Not among the first fifth.
        Late = "late",
        /// At the end.
        Last = "last",
    }
);

/// A fleet that is drawn when no inventory is given.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetModel {
    /// How many devices.
    pub devices: u32,
    /// How many sites; each device is at any of them with the same probability.
    pub sites: u32,
    /// Most devices in flight at each site; one of these, drawn for each trial.
    pub pools: Vec<u32>,
    /// The order of the inventory.
    pub listing: Listing,
    /// The labels; `platform` and `role` become the fields of that name, `region` that of the site.
    pub labels: Vec<LabelModel>,
}

/// One label; its values are the numbers from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelModel {
    /// Its key.
    pub key: String,
    /// How many values it may have.
    pub values: u32,
    /// Which device has which.
    pub by: Values,
}

/// How the value of a label comes about.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Drawn by shares.
    Drawn(Vec<f64>),
    /// From another label's value `v`: `(bases[v] + one of steps) modulo values`.
    Stepped {
        /// Index of the other label.
        parent: usize,
        /// For each value of the other label.
        bases: Vec<u32>,
        /// What may be added.
        steps: Vec<u32>,
        /// How likely each step is.
        shares: Vec<f64>,
    },
    /// Another label's value with a probability, else any.
    Copied {
        /// Index of the other label.
        parent: usize,
        /// How likely.
        share: f64,
    },
    /// The number of the site divided by this.
    SitesEach(u32),
    /// By the number of the site, over and over.
    SitePattern(Vec<u32>),
}

impl FleetModel {
    /// The name of a site.
    pub fn site_name(&self, number: u32) -> String {
        let width = self.sites.saturating_sub(1).max(1).ilog10() as usize + 1;
        format!("s{number:0width$}")
    }

    /// The name of a device.
    pub fn device_name(&self, number: u32) -> String {
        let width = self.devices.saturating_sub(1).max(1).ilog10() as usize + 1;
        format!("d{number:0width$}")
    }

    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let devices =
            section.require("devices", "devices: 10000").and_then(|field| field.number(1..=DEVICES_MAX));
        let sites = section.require("sites", "sites: 100").and_then(|field| field.number(1..=SITES_MAX));
        let pool_max = u32::try_from(MAX_IN_FLIGHT_MAX).unwrap_or(u32::MAX);
        let pools = section
            .require("pool", "pool: 10")
            .and_then(|field| one_or_more(&field, |field| field.number(1..=pool_max)));
        let listing = section.take("order").and_then(|field| {
            field.word(&[("random", Listing::Random), ("late", Listing::Late), ("last", Listing::Last)])
        });
        let mut labels: Vec<LabelModel> = Vec::new();
        let entries = section.take("labels").and_then(|field| field.map(LABELS_MAX)).unwrap_or_default();
        for (key, at, field) in entries {
            labels.extend(label(key, at, &field, &labels, sites));
        }
        Some(Self {
            devices: devices?,
            sites: sites?,
            pools: pools?,
            listing: listing.unwrap_or(Listing::Random),
            labels,
        })
    }
}

fn label(
    key: &str,
    at: Position,
    field: &Field<'_>,
    known: &[LabelModel],
    sites: Option<u32>,
) -> Option<LabelModel> {
    if !is_valid_name(key) {
        field.problem_at(at, format!("{} cannot be the key of a label", shown(key)), "");
    }
    let mut section = field.section()?;
    let kinds = ["within", "from", "copies", "sites_each", "site_pattern"];
    let given: Vec<_> =
        kinds.iter().filter_map(|kind| section.take(kind).map(|field| (*kind, field))).collect();
    if given.len() > 1 {
        let names: Vec<&str> = given.iter().map(|(kind, _)| *kind).collect();
        field.problem(format!("says both {}", names.join(" and ")), "say one of them");
        return None;
    }
    let values = section.take("values").map(|field| field.number(1..=VALUES_MAX));
    let weights = section.take("shares").map(|field| shares(&field));
    let (values, by) = match given.into_iter().next() {
        None => drawn(field, values, weights)?,
        Some(("within", parent)) => within(&parent, known, weights??)?,
        Some(("from", parent)) => {
            let parent = parent_of(&parent, known)?;
            let number = 0..=VALUES_MAX;
            let bases =
                section.require("bases", "bases: [0, 1, 2]").and_then(|field| numbers(&field, &number));
            let steps = section.require("steps", "steps: [0, 3]").and_then(|field| numbers(&field, &number));
            stepped(field, known, parent, bases?, steps?, weights.unwrap_or(Some(Vec::new()))?, values??)?
        }
        Some(("copies", parent)) => {
            let share = section.require("share", "share: 0.5").and_then(|field| probability(&field))?;
            let parent = parent_of(&parent, known)?;
            (values??.max(known[parent].values), Values::Copied { parent, share })
        }
        Some(("sites_each", each)) => {
            let each = each.number(1..=SITES_MAX)?;
            (sites?.div_ceil(each), Values::SitesEach(each))
        }
        Some((_, pattern)) => {
            let pattern = numbers(&pattern, &(0..=VALUES_MAX))?;
            (pattern.iter().max().map_or(1, |most| most + 1), Values::SitePattern(pattern))
        }
    };
    Some(LabelModel { key: key.to_owned(), values, by })
}

fn drawn(
    field: &Field<'_>,
    values: Option<Option<u32>>,
    weights: Option<Option<Vec<f64>>>,
) -> Option<(u32, Values)> {
    match (values, weights) {
        (Some(values), None) => {
            let values = values?;
            Some((values, Values::Drawn(vec![1.0; values as usize])))
        }
        (None, Some(weights)) => {
            let weights = weights?;
            Some((u32::try_from(weights.len()).ok()?, Values::Drawn(weights)))
        }
        (Some(values), Some(weights)) => {
            let (values, weights) = (values?, weights?);
            if weights.len() != values as usize {
                field
                    .problem(format!("says {values} values but {} shares", weights.len()), "say one of them");
            }
            Some((values, Values::Drawn(weights)))
        }
        (None, None) => {
            field.problem("says neither values nor shares", "for example values: 10");
            None
        }
    }
}

fn within(parent: &Field<'_>, known: &[LabelModel], shares: Vec<f64>) -> Option<(u32, Values)> {
    let field = parent;
    let parent = parent_of(field, known)?;
    let each = u32::try_from(shares.len()).ok()?;
    let of_parent = known[parent].values;
    let Some(values) = of_parent.checked_mul(each).filter(|values| *values <= DERIVED_MAX) else {
        let message =
            format!("{of_parent} values of {} with {each} shares each are too many", known[parent].key);
        field.problem(message, format!("at most {DERIVED_MAX} in all"));
        return None;
    };
    let bases = (0..of_parent).map(|value| value * each).collect();
    Some((values, Values::Stepped { parent, bases, steps: (0..each).collect(), shares }))
}

fn stepped(
    field: &Field<'_>,
    known: &[LabelModel],
    parent: usize,
    bases: Vec<u32>,
    steps: Vec<u32>,
    shares: Vec<f64>,
    values: u32,
) -> Option<(u32, Values)> {
    let shares = if shares.is_empty() { vec![1.0; steps.len()] } else { shares };
    if bases.len() != known[parent].values as usize {
        let (key, wanted) = (&known[parent].key, known[parent].values);
        field.problem(format!("has {} bases for the {wanted} values of {key}", bases.len()), "one for each");
        return None;
    }
    if shares.len() != steps.len() {
        field.problem(format!("has {} shares for {} steps", shares.len(), steps.len()), "one for each");
        return None;
    }
    Some((values, Values::Stepped { parent, bases, steps, shares }))
}

fn parent_of(field: &Field<'_>, known: &[LabelModel]) -> Option<usize> {
    let key = field.text()?;
    let found = known.iter().position(|label| label.key == key);
    if found.is_none() {
        let hint = did_you_mean(key, known.iter().map(|label| label.key.as_str()));
        field.problem(format!("no label above is called {}", shown(key)), hint);
    }
    found
}
