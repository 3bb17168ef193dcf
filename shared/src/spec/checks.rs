//! `spec.checks`: what must hold before a write and after it.

mod address;

use super::DEFAULT_TEMPLATE;
use super::limits::{DAY, SHORTEST};
use crate::gnmi_path::Path;
use crate::inventory::value::value_ref;
use crate::procedure::{
    CHECKS_MAX, Check, EXPECTATIONS_MAX, Expectation, Probe, RESTCONF, Transport, compile, parse_comparison,
    saved_name,
};
use crate::template::SECRETS;
use crate::time::format_duration;
use crate::yaml::{Field, Section, shown};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most looks of one check.
const LOOKS_MAX: u32 = 1000;
/// Longest expression, command or path, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
const PLATFORMS_MAX: usize = 64;
/// Keys of expectations.
const EXPECTATIONS: [&str; 4] = ["matches", "contains", "not_contains", "expect"];

/// The checks of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Before the write.
    pub pre: Vec<CheckSpec>,
    /// After it.
    pub post: Vec<CheckSpec>,
}

impl Checks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pre.is_empty() && self.post.is_empty()
    }
}

/// One check, for every platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSpec {
    /// Everything but a command that differs between platforms.
    pub check: Check,
    /// The command of each platform, and [`DEFAULT_TEMPLATE`] for the others; empty when it is no command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, String>,
}

impl CheckSpec {
    /// The check of a device called `name` at `hostname`; else as [`CheckSpec::for_platform`].
    pub fn for_device(
        &self,
        (name, hostname): (&str, &str),
        platform: Option<&str>,
        transport: Transport,
    ) -> Result<Check, String> {
        let check = self.for_platform(platform, transport)?;
        let probe = match check.probe {
            Probe::Http { url, status, ca_ref } => {
                let hostname = if hostname.contains(':') { format!("[{hostname}]") } else { hostname.into() };
                Probe::Http { url: address::fill(&url, name, &hostname), status, ca_ref }
            }
            Probe::Prometheus { url, query, ca_ref } => {
                Probe::Prometheus { url, query: address::fill(&query, name, hostname), ca_ref }
            }
            other @ (Probe::Tcp { .. }
            | Probe::Command { .. }
            | Probe::NetconfGet { .. }
            | Probe::GnmiGet { .. }) => other,
        };
        Ok(Check { probe, ..check })
    }

    /// The check of devices on `platform` that are reached over `transport`; the error says why there is none.
    pub fn for_platform(&self, platform: Option<&str>, transport: Transport) -> Result<Check, String> {
        let needs = match &self.check.probe {
            Probe::Command { .. } if transport == Transport::Http && platform != Some(RESTCONF) => None,
            Probe::Command { .. } => Some(Transport::SshCli),
            Probe::NetconfGet { .. } => Some(Transport::Netconf),
            Probe::GnmiGet { .. } => Some(Transport::Gnmi),
            Probe::Tcp { .. } | Probe::Http { .. } | Probe::Prometheus { .. } => None,
        };
        if let Some(needs) = needs.filter(|needs| *needs != transport) {
            return Err(format!(
                "the check {} looks over {needs} and the device is reached over {transport}",
                self.check.name
            ));
        }
        let Probe::Command { .. } = self.check.probe else { return Ok(self.check.clone()) };
        let own = platform.and_then(|platform| self.commands.get(platform));
        match own.or_else(|| self.commands.get(DEFAULT_TEMPLATE)) {
            Some(command) => {
                Ok(Check { probe: Probe::Command { command: command.clone() }, ..self.check.clone() })
            }
            None => {
                let platform = platform.unwrap_or("no platform");
                Err(format!(
                    "the check {} has no command for {platform}: add {platform} or default",
                    self.check.name
                ))
            }
        }
    }
}

/// The checks; `confirm_within` is how long those after the write may take before a change can be confirmed no more.
pub(super) fn read(section: Option<Section<'_>>, confirm_within: Option<Duration>) -> Checks {
    let Some(mut section) = section else { return Checks::default() };
    let mut saved = BTreeSet::new();
    let pre = list(section.take("pre"), true, &mut saved, None);
    let post = list(section.take("post"), false, &mut saved, confirm_within);
    Checks { pre, post }
}

fn list(
    field: Option<Field<'_>>,
    before: bool,
    saved: &mut BTreeSet<String>,
    within: Option<Duration>,
) -> Vec<CheckSpec> {
    let items = field.and_then(|field| field.list(CHECKS_MAX)).unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut checks = Vec::new();
    let mut end = Duration::ZERO;
    for item in items {
        let Some(read) = item.section().and_then(|section| check(section, before, saved)) else { continue };
        if !names.insert(read.check.name.clone()) {
            item.problem(format!("there is another check called {}", shown(&read.check.name)), "");
        }
        saved.extend(read.check.save_as.clone());
        let begin = end;
        end = end.saturating_add(read.check.shortest());
        if let Some(within) = within.filter(|within| begin < *within && end >= *within) {
            too_late(&item, end, within);
        }
        checks.push(read);
    }
    checks
}

fn too_late(item: &Field<'_>, end: Duration, within: Duration) {
    let (end, within) = (format_duration(end), format_duration(within));
    let message = format!(
        "passes {end} after the write at the earliest, with the checks before it, and a change is confirmed within \
         {within}, nine tenths of its confirm_timeout: a device that waits for that takes every change back"
    );
    let hint = "a longer change.commit.confirm_timeout, fewer or faster looks, or commit: {method: direct}";
    item.problem(message, hint);
}

fn check(mut section: Section<'_>, before: bool, saved: &BTreeSet<String>) -> Option<CheckSpec> {
    let name = section.require("name", "name: ntp-synced").and_then(|field| field.parsed(word));
    let probe = probe(&mut section);
    let expectations = expectations(&mut section, saved);
    let save_as = section.take("save_as").and_then(|field| {
        if !before {
            field.problem("means something only before the write", "");
        }
        field.parsed(word)
    });
    if let Some(field) = section.take("on_fail") {
        if !before {
            field.problem("means something only before the write", "");
        }
        field.word(&[("skip_device", ())]);
    }
    section.not_supported_yet(&["scope"]);
    let mut time = |key: &'static str, default: Duration| {
        section.take(key).and_then(|field| field.duration(SHORTEST..=DAY)).unwrap_or(default)
    };
    let initial_delay = time("initial_delay", Duration::ZERO);
    let interval = time("interval", Duration::from_secs(10));
    let count = section.take("count").and_then(|field| field.number(1..=LOOKS_MAX)).unwrap_or(1);
    let limit = section.take("failure_limit");
    let failure_limit = limit.and_then(|field| field.number(0..=count - 1)).unwrap_or(0);
    let (probe, commands) = probe?;
    let check =
        Check { name: name?, probe, expectations, save_as, initial_delay, interval, count, failure_limit };
    Some(CheckSpec { check, commands })
}

fn probe(section: &mut Section<'_>) -> Option<(Probe, BTreeMap<String, String>)> {
    let kind = section.require("type", "type: command")?;
    let kinds =
        [("tcp", 0), ("command", 1), ("netconf_get", 2), ("gnmi_get", 3), ("http", 4), ("prometheus", 5)];
    let text = |field: Option<Field<'_>>| field.and_then(|field| field.parsed(text)).unwrap_or_default();
    let probe = match kind.word(&kinds)? {
        0 => {
            let port = section.require("port", "port: 22").and_then(|field| field.number(1..=65_535));
            Probe::Tcp { port: u16::try_from(port.unwrap_or(1)).unwrap_or(1) }
        }
        1 => {
            let commands =
                section.require("command", "command: {default: show clock}").map(|field| commands(&field));
            return Some((Probe::Command { command: String::new() }, commands.unwrap_or_default()));
        }
        2 => Probe::NetconfGet {
            xpath: text(section.require("xpath", "xpath: \"//interface[name='eth0']/oper-status\"")),
        },
        3 => Probe::GnmiGet {
            path: section
                .require("path", "path: \"/interfaces/interface[name=eth0]/state/oper-status\"")
                .and_then(|field| field.parsed(gnmi_path))
                .unwrap_or_default(),
        },
        4 => {
            let url = section.require("url", "url: \"https://{{ device.hostname }}/health\"");
            let status = section.take("status").and_then(|field| field.number(200..=599));
            let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
            let ca_ref = section.take("ca_ref").and_then(|field| value_ref(&field));
            Probe::Http { url: url.and_then(web_address).unwrap_or_default(), status, ca_ref }
        }
        _ => {
            let url = section.take("url").and_then(web_address);
            let query = section.require("query", "query: 'up{instance=\"{{ device.hostname }}\"}'");
            let filled = |field: Field<'_>| {
                field.parsed(|query| self::text(query).and_then(|query| address::filled_later(&query)))
            };
            Probe::Prometheus {
                url,
                query: query.and_then(filled).unwrap_or_default(),
                ca_ref: section.take("ca_ref").and_then(|field| value_ref(&field)),
            }
        }
    };
    Some((probe, BTreeMap::new()))
}

/// An address of a server that an agent asks by itself; the error says what it must be.
pub fn server_address(text: &str) -> Result<String, String> {
    address::url(text)
}

fn web_address(field: Field<'_>) -> Option<String> {
    field.parsed(|url| text(url).and_then(|url| address::url(&url)))
}

fn commands(field: &Field<'_>) -> BTreeMap<String, String> {
    if field.is_text() {
        let command = field.parsed(text).unwrap_or_default();
        return BTreeMap::from([(DEFAULT_TEMPLATE.to_owned(), command)]);
    }
    let entries = field.map(PLATFORMS_MAX).unwrap_or_default();
    entries.into_iter().filter_map(|(key, _, field)| Some((key.to_owned(), field.parsed(text)?))).collect()
}

fn expectations(section: &mut Section<'_>, saved: &BTreeSet<String>) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for key in EXPECTATIONS {
        let Some(field) = section.take(key) else { continue };
        let Some(text) = field.parsed(text) else { continue };
        let expectation = match key {
            "matches" | "contains" | "not_contains" if text.contains("{{") => Err(format!(
                "{key} is taken as it stands and would look for the braces: compare with what another check saved \
                 by expect, such as expect: '== {{{{ before }}}}'"
            )),
            "matches" => compile(&text).map(|_| Expectation::Matches(text)),
            "contains" => Ok(Expectation::Contains(text)),
            "not_contains" => Ok(Expectation::NotContains(text)),
            _ => comparison(&text, saved).map(|()| Expectation::Expect(text)),
        };
        match expectation {
            Ok(expectation) => expectations.push(expectation),
            Err(why) => field.problem(why, ""),
        }
    }
    debug_assert!(expectations.len() <= EXPECTATIONS_MAX, "there are fewer keys");
    expectations
}

fn comparison(text: &str, saved: &BTreeSet<String>) -> Result<(), String> {
    let (_, operand) = parse_comparison(text)?;
    match saved_name(operand) {
        Some(name) if name.split('.').next() == Some(SECRETS) => {
            Err("no check compares with a secret: what it sees holds none, they are hidden from it".into())
        }
        Some(name) if !saved.contains(name) => Err(format!("no check before this one saves {}", shown(name))),
        None if operand.contains("{{") => Err(format!(
            "{} stands beside something else: compare with one saved value, such as == {{{{ before }}}}",
            shown(operand)
        )),
        Some(_) | None => Ok(()),
    }
}

fn word(text: &str) -> Result<String, String> {
    let good = !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if good { Ok(text.to_owned()) } else { Err(format!("{} is not a name", shown(text))) }
}

fn gnmi_path(path: &str) -> Result<String, String> {
    Path::parse(path).map(|_| path.to_owned()).map_err(|error| format!("failed to {error}"))
}

fn text(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("must be one line of 1 to {TEXT_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}
