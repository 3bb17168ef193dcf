//! Every device's configuration, rendered once; equal errors of many devices are one problem.

use super::build::PlanInput;
use super::{CONFIGURATIONS_BYTES_MAX, vars};
use crate::inventory::{Device, Inventory};
use crate::secret_text;
use crate::spec::{DEFAULT_TEMPLATE, RolloutSpec};
use crate::template::{SECRETS, TemplateError, Templates};
use crate::yaml::{Problem, shown};
use minijinja::value::{Serde, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What rendering gives: a template and a configuration's digest for each selected device.
#[derive(Default)]
pub(super) struct Rendered {
    pub(super) by_device: BTreeMap<usize, (String, String)>,
    pub(super) configs: BTreeMap<String, Vec<u8>>,
    pub(super) warnings: Vec<String>,
}

/// What templates see as `device`; what is not set is undefined.
#[derive(Serialize)]
struct DeviceContext<'a> {
    name: &'a str,
    hostname: &'a str,
    port: u16,
    site: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redundancy_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ha_role: Option<&'a str>,
    status: &'a str,
    groups: &'a [String],
    labels: &'a BTreeMap<String, String>,
    data: &'a BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize)]
struct SiteContext<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'a str>,
}

#[derive(Serialize)]
struct RolloutContext<'a> {
    name: &'a str,
    labels: &'a BTreeMap<String, String>,
}

pub(super) fn render(input: &PlanInput<'_>, devices: &[usize], problems: &mut Vec<Problem>) -> Rendered {
    let known = problems.len();
    let vars = vars::merged(input, problems);
    let templates = compile(input, problems);
    let mut rendered = Rendered::default();
    let chosen = choose(input, devices, problems);
    let used: BTreeSet<&str> = chosen.iter().map(|(_, platform, _)| *platform).collect();
    let unused = input.spec.change.templates.keys().filter(|platform| !used.contains(platform.as_str()));
    rendered
        .warnings
        .extend(unused.map(|platform| format!("no device uses the template for {}", shown(platform))));
    if problems.len() > known {
        return rendered;
    }
    let secrets: BTreeMap<&str, String> =
        input.spec.change.secrets.keys().map(|name| (name.as_str(), secret_text::named(name))).collect();
    problems.extend(forged(input, &vars, devices));
    if problems.len() > known {
        return rendered;
    }
    let mut base: Vec<(String, Value)> =
        vars.into_iter().map(|(name, value)| (name, Value::from(Serde(value)))).collect();
    if !secrets.is_empty() {
        base.push((SECRETS.to_owned(), Value::from(Serde(secrets))));
    }
    let mut failures = Failures::default();
    let mut bytes = 0;
    for (index, _, template) in chosen {
        if failures.exhausted.contains(template) {
            continue;
        }
        let device = &input.inventory.devices[index];
        match templates.render(template, context(input.spec, input.inventory, device, &base)) {
            Ok(config) if is_broken(input.spec, &config) => {
                failures.add(broken(template), device.name.as_str());
            }
            Ok(config) => {
                let digest = crate::digest::of_bytes(&config);
                if !rendered.configs.contains_key(&digest) {
                    bytes += config.len();
                    rendered.configs.insert(digest.clone(), config);
                }
                rendered.by_device.insert(index, (template.to_owned(), digest));
            }
            Err(error) => failures.add(error, device.name.as_str()),
        }
        if bytes > CONFIGURATIONS_BYTES_MAX {
            let message =
                format!("the configurations together are larger than {CONFIGURATIONS_BYTES_MAX} bytes");
            problems.push(input.spec.places.problem(
                "spec.change.templates",
                message,
                "roll out to fewer devices",
            ));
            break;
        }
    }
    problems.extend(failures.into_problems());
    rendered
}

/// Values that hold the marks of secrets: nothing but the planner may write them.
fn forged(
    input: &PlanInput<'_>,
    vars: &BTreeMap<String, serde_json::Value>,
    devices: &[usize],
) -> Option<Problem> {
    if input.spec.change.secrets.is_empty() {
        return None;
    }
    let var = vars.iter().find(|(_, value)| secret_text::is_value_marked(value));
    let device = || {
        let devices = devices.iter().map(|index| &input.inventory.devices[*index]);
        let marked = |device: &&Device| {
            serde_json::to_value(device).is_ok_and(|value| secret_text::is_value_marked(&value))
        };
        devices.into_iter().find(marked).map(|device| format!("the device {}", device.name))
    };
    let whose = var.map(|(name, _)| format!("the var {name}")).or_else(device)?;
    let message = format!("{whose} holds a character of private use that marks secrets");
    Some(input.spec.places.problem("spec.change.secrets", message, "take it out: no configuration needs it"))
}

/// Whether the names of secrets did not come through the rendering whole.
fn is_broken(spec: &RolloutSpec, config: &[u8]) -> bool {
    let secrets = &spec.change.secrets;
    let known = |segment: &secret_text::Segment<'_>| match segment {
        secret_text::Segment::Text(_) => true,
        secret_text::Segment::Secret(name) => secrets.contains_key(*name),
    };
    let text = || std::str::from_utf8(config).ok().and_then(|text| secret_text::segments(text).ok());
    !secrets.is_empty() && !text().is_some_and(|segments| segments.iter().all(known))
}

fn broken(template: &str) -> TemplateError {
    TemplateError {
        template: template.to_owned(),
        line: 0,
        column: 0,
        message: "a secret did not come through whole: it can only be printed, as {{ secrets.NAME }}".into(),
        exhausted: false,
    }
}

fn compile(input: &PlanInput<'_>, problems: &mut Vec<Problem>) -> Templates {
    let mut templates = Templates::new(input.spec.change.secrets.keys().cloned());
    let mut seen = BTreeSet::new();
    for (platform, path) in &input.spec.change.templates {
        let Some(source) = input.files.get(path) else {
            let key = format!("spec.change.templates.{platform}");
            let message = format!("the template {path} was not found");
            problems.push(input.spec.places.problem(&key, message, "paths are relative to the spec"));
            continue;
        };
        if seen.insert(path)
            && let Err(error) = templates.add(path, source)
        {
            problems.push(problem(&error, String::new()));
        }
    }
    templates
}

/// Device, the key of `templates` that serves it, and that template.
fn choose<'a>(
    input: &PlanInput<'a>,
    devices: &[usize],
    problems: &mut Vec<Problem>,
) -> Vec<(usize, &'a str, &'a str)> {
    let mut chosen = Vec::new();
    let mut without: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    let templates = &input.spec.change.templates;
    for index in devices {
        let device = &input.inventory.devices[*index];
        let own = device.platform.as_deref().and_then(|platform| templates.get_key_value(platform));
        match own.or_else(|| templates.get_key_value(DEFAULT_TEMPLATE)) {
            Some((platform, template)) => chosen.push((*index, platform.as_str(), template.as_str())),
            None => without.entry(device.platform.as_deref()).or_default().push(device.name.as_str()),
        }
    }
    for (platform, names) in without {
        let whose = match platform {
            Some(platform) => format!("the platform {}", shown(platform)),
            None => "devices without a platform".into(),
        };
        let message = format!("no template serves {whose}: {}", names_of(&names));
        let hint = match platform {
            Some(platform) => format!("add {platform} or default"),
            None => "add default".into(),
        };
        problems.push(input.spec.places.problem("spec.change.templates", message, hint));
    }
    chosen
}

fn names_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [first, ..] => with_others(first, names.len()),
    }
}

fn with_others(device: &str, count: usize) -> String {
    match count {
        0 | 1 => format!("device {device}"),
        2 => format!("device {device} and 1 other"),
        _ => format!("device {device} and {} others", count - 1),
    }
}

fn context(spec: &RolloutSpec, inventory: &Inventory, device: &Device, base: &[(String, Value)]) -> Value {
    let site = inventory.sites.get(&device.site);
    let fixed = [
        (
            "device",
            Value::from(Serde(DeviceContext {
                name: device.name.as_str(),
                hostname: &device.hostname,
                port: device.port,
                site: device.site.as_str(),
                platform: device.platform.as_deref(),
                role: device.role.as_deref(),
                redundancy_group: device.redundancy_group.as_deref(),
                ha_role: device.ha_role.as_deref(),
                status: &device.status,
                groups: &device.groups,
                labels: &device.labels,
                data: &device.data,
            })),
        ),
        (
            "site",
            Value::from(Serde(SiteContext {
                name: device.site.as_str(),
                region: site.and_then(|site| site.region.as_deref()),
                time_zone: site.and_then(|site| site.time_zone.as_deref()),
            })),
        ),
        ("rollout", Value::from(Serde(RolloutContext { name: spec.name.as_str(), labels: &spec.labels }))),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::from_pairs(base.iter().cloned().chain(fixed))
}

/// Errors by what they say, with the devices that met them.
#[derive(Default)]
struct Failures {
    by_error: BTreeMap<TemplateError, (String, usize)>,
    exhausted: BTreeSet<String>,
}

impl Failures {
    fn add(&mut self, error: TemplateError, device: &str) {
        if error.exhausted {
            self.exhausted.insert(error.template.clone());
        }
        self.by_error.entry(error).or_insert_with(|| (device.to_owned(), 0)).1 += 1;
    }

    fn into_problems(self) -> Vec<Problem> {
        let one = |(error, (device, count)): (TemplateError, (String, usize))| {
            let whose = match count {
                _ if error.exhausted => format!("device {device}; the others were not tried"),
                _ => with_others(&device, count),
            };
            problem(&error, whose)
        };
        self.by_error.into_iter().take(crate::yaml::PROBLEMS_MAX).map(one).collect()
    }
}

fn problem(error: &TemplateError, hint: String) -> Problem {
    Problem {
        source: error.template.clone(),
        line: error.line,
        column: error.column,
        path: String::new(),
        message: error.message.clone(),
        hint,
    }
}
