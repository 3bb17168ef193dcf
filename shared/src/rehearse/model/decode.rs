//! The document of a model into its parts.

use super::number::{duration, factor, one_or_more, probability, some_duration};
use super::{Cause, Dark, DarkWhen, Failures, FleetModel, Handshake, Known, Model, Rule, Spread};
use crate::inventory::Inventory;
use crate::yaml::{Field, Node, Problems, Section};
use std::collections::BTreeMap;
use std::time::Duration;

const CAUSES_MAX: usize = 100;
const LABELS_MAX: usize = 8;
const SITES_MAX: usize = 10_000;
const LATENCY: Spread = Spread::LogNormal { median: Duration::from_secs(10), sigma: 0.4 };
const HANDSHAKE: Spread = Spread::LogNormal { median: Duration::from_millis(150), sigma: 0.6 };

pub(super) fn model(node: &Node, problems: &Problems, inventory: Option<&Inventory>) -> Option<Model> {
    let mut root = Field::root(node, problems).section()?;
    root.envelope("RehearsalModel");
    root.take("metadata");
    let section = match inventory {
        Some(_) => root.section("fleet"),
        None => {
            root.require("fleet", "fleet: {devices: 1000, sites: 10, pool: 10}").and_then(|f| f.section())
        }
    };
    let fleet = section.and_then(FleetModel::read);
    let known = match (inventory, &fleet) {
        (Some(inventory), _) => Some(Known::of_inventory(inventory)),
        (None, Some(fleet)) => Some(Known::of_fleet(fleet)),
        (None, None) => None,
    };
    let failures = root.section("failures").map(|section| failures(section, known.as_ref()));
    let latency = root.take("latency").and_then(|field| one_or_more(&field, spread));
    let handshake = root.take("handshake").and_then(|field| one_or_more(&field, handshake));
    let unreachable = root.take("unreachable").and_then(|field| probability(&field));
    let dark = root.section("dark").and_then(|section| dark(section, known.as_ref()));
    let sensitivity = root.take("sensitivity").and_then(|field| probability(&field));
    let rules = root.take("rules").and_then(|field| rules(&field));
    Some(Model {
        fleet,
        failures: failures.unwrap_or(Failures { overall: 0.0, slower: 1.0, causes: Vec::new() }),
        latency: latency.unwrap_or_else(|| vec![LATENCY]),
        handshake: handshake.unwrap_or_else(|| vec![Handshake { spread: HANDSHAKE, stragglers: false }]),
        unreachable: unreachable.unwrap_or(0.0),
        dark,
        sensitivity: sensitivity.unwrap_or(1.0),
        rules: rules.unwrap_or_default(),
    })
}

fn failures(mut section: Section<'_>, known: Option<&Known>) -> Failures {
    let overall = section.take("overall").and_then(|field| probability(&field));
    let slower = section.take("slower").and_then(|field| factor(&field, 1.0..=1000.0));
    let causes = section.take("where").and_then(|field| field.list(CAUSES_MAX)).unwrap_or_default();
    Failures {
        overall: overall.unwrap_or(0.0),
        slower: slower.unwrap_or(1.0),
        causes: causes.iter().filter_map(|field| cause(field, known)).collect(),
    }
}

fn cause(field: &Field<'_>, known: Option<&Known>) -> Option<Cause> {
    let mut section = field.section()?;
    let labels = section.take("labels").map(|field| labels(&field, known)).unwrap_or_default();
    let sites = section.take("sites").map(|field| sites(&field, known)).unwrap_or_default();
    let probability = section.require("probability", "probability: 1").and_then(|field| probability(&field));
    let from = section.take("from").and_then(|field| duration(&field)).unwrap_or_default();
    Some(Cause { labels, sites, probability: probability?, from })
}

fn labels(field: &Field<'_>, known: Option<&Known>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let entries = field.map(LABELS_MAX).unwrap_or_default();
    if entries.is_empty() {
        field.problem("names no label", "for example {platform: ios}");
    }
    for (key, at, field) in entries {
        let Some(value) = field.text() else { continue };
        if let Some(known) = known {
            known.check_label(key, at, value, &field);
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels
}

fn sites(field: &Field<'_>, known: Option<&Known>) -> Vec<String> {
    let mut sites = Vec::new();
    let items = field.list(SITES_MAX).unwrap_or_default();
    if items.is_empty() {
        field.problem("names no site", "");
    }
    for field in items {
        let Some(site) = field.text() else { continue };
        if let Some(known) = known {
            known.check_site(site, &field);
        }
        sites.push(site.to_owned());
    }
    sites
}

/// `{median: 10s, sigma: 0.4}` or `{from: 1s, to: 3s}`.
fn spread(field: &Field<'_>) -> Option<Spread> {
    spread_of(&mut field.section()?)
}

fn spread_of(section: &mut Section<'_>) -> Option<Spread> {
    let (from, to) = (section.take("from"), section.take("to"));
    let (median, sigma) = (section.take("median"), section.take("sigma"));
    match (from, to, median) {
        (Some(from), Some(to), None) => {
            let (from, to) = (duration(&from)?, some_duration(&to)?);
            if to < from {
                section.problem("to is shorter than from", "");
            }
            Some(Spread::Even { from, to })
        }
        (None, None, Some(median)) => {
            let sigma = sigma.map_or(Some(0.0), |field| factor(&field, 0.0..=3.0));
            Some(Spread::LogNormal { median: some_duration(&median)?, sigma: sigma? })
        }
        (_, _, _) => {
            section.problem("must say median and sigma, or from and to", "{median: 10s, sigma: 0.4}");
            None
        }
    }
}

fn handshake(field: &Field<'_>) -> Option<Handshake> {
    let mut section = field.section()?;
    let stragglers = section.take("stragglers").and_then(|field| field.boolean()).unwrap_or(false);
    Some(Handshake { spread: spread_of(&mut section)?, stragglers })
}

fn dark(mut section: Section<'_>, known: Option<&Known>) -> Option<Dark> {
    let sites = section.require("sites", "sites: [s07]").map(|field| sites(&field, known));
    let (at, after) = (section.take("from"), section.take("after"));
    let timeouts = section.take("timeout").and_then(|field| one_or_more(&field, some_duration));
    let when = match (at, after) {
        (Some(at), None) => DarkWhen::At(duration(&at)?),
        (None, Some(after)) => DarkWhen::After(after.number(0..=100_000)?),
        (_, _) => {
            section.problem("must say either from or after", "from: 60s, or after: 40 devices of the site");
            return None;
        }
    };
    Some(Dark { sites: sites?, when, timeouts: timeouts.unwrap_or_default() })
}

fn rules(field: &Field<'_>) -> Option<Vec<Rule>> {
    let words: Vec<(&'static str, Rule)> = Rule::ALL.iter().map(|rule| (rule.as_str(), *rule)).collect();
    let items = field.list(Rule::ALL.len())?;
    Some(items.iter().filter_map(|item| item.word(&words)).collect())
}
