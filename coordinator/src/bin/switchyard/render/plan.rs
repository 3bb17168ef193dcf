//! The plan screen: how many devices, in which waves, with which configurations.

use super::table::table;
use crate::text::{Style, counted, number, one_line};
use crate::words;
use switchyard_proto::v1;
use switchyard_shared::outcome::printable;
use switchyard_shared::time::format_duration;

/// Rendered configurations that are shown one by one.
const GROUPS_MAX: usize = 8;
/// Lines of a configuration that are shown.
const CONTENT_LINES_MAX: usize = 12;
/// Warnings shown.
const WARNINGS_MAX: usize = 20;
/// A group at most this share of its template's largest is called out by name.
const ODD_SHARE: u32 = 10;

/// The screen of `plan`; `with_content` shows the head of every configuration.
pub fn plan(plan: &v1::Plan, with_content: bool, width: Option<usize>, color: bool) -> Vec<String> {
    let devices = counted(plan.devices.into(), "device");
    let mut lines = vec![
        format!("Plan {}   {}", Style::Bold.paint(&one_line(&plan.name), color), one_line(&plan.digest)),
        format!(
            "  {devices} in {}   {} order{}",
            counted(plan.sites.into(), "site"),
            plan.order,
            limits(plan)
        ),
        String::new(),
    ];
    lines.extend(waves(plan, width));
    lines.push(String::new());
    lines.extend(promise(plan));
    lines.extend(configurations(plan, with_content, color));
    lines.extend(warnings(plan, color));
    lines
}

/// What to type once the plan has been read.
pub fn next(plan: &v1::Plan) -> Vec<String> {
    let name = one_line(words::short("plans", &plan.name));
    vec![String::new(), format!("Next: switchyard apply {name}   switchyard plans get {name}")]
}

fn limits(plan: &v1::Plan) -> String {
    let limit =
        |n: u32, what: &str| if n == 0 { String::new() } else { format!("   at most {n} at once{what}") };
    format!("{}{}", limit(plan.max_parallel, ""), limit(plan.max_parallel_per_site, " per site"))
}

fn waves(plan: &v1::Plan, width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = plan
        .waves
        .iter()
        .enumerate()
        .map(|(index, wave)| {
            let soak = wave.soak.as_ref().map(words::span).filter(|soak| !soak.is_zero());
            let canary = if wave.canary { "canary" } else { "" };
            vec![
                format!("{index} {}", one_line(&wave.name)),
                number(wave.devices.into()),
                number(wave.sites.into()),
                soak.map_or("-".to_owned(), format_duration),
                one_line(&wave.promote),
                canary.to_owned(),
            ]
        })
        .collect();
    table(&["WAVE", "DEVICES", "SITES", "SOAK", "PROMOTE", ""], &rows, width)
}

/// What may honestly be said of harm and time.
fn promise(plan: &v1::Plan) -> Vec<String> {
    let titled = |title: &'static str| {
        move |(index, line): (usize, &String)| {
            format!("{:<6}{}", if index == 0 { title } else { "" }, one_line(line))
        }
    };
    let pace = Some(&plan.schedule).filter(|text| !text.is_empty());
    let mut lines: Vec<String> = plan.bound.iter().enumerate().map(titled("Harm")).collect();
    lines.extend(pace.into_iter().enumerate().map(titled("Pace")));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn configurations(plan: &v1::Plan, with_content: bool, color: bool) -> Vec<String> {
    let mut lines = vec!["Configurations (identical ones are shown once)".to_owned()];
    for (index, group) in plan.rendered.iter().take(GROUPS_MAX).enumerate() {
        lines.push(format!(
            "  #{}  {}   {}   {} bytes   {}",
            index + 1,
            one_line(&group.template),
            devices(group),
            number(group.bytes.into()),
            one_line(&group.digest).chars().take(19).collect::<String>(),
        ));
        if is_odd(group, &plan.rendered) {
            let names: Vec<String> = group.sample.iter().map(|name| one_line(name)).collect();
            let text = format!("      !! unlike the others of this template: {}", names.join(", "));
            lines.push(Style::Warn.paint(&text, color));
        }
        if with_content || index == 0 {
            lines.extend(content(group, color));
        }
    }
    let shown: u32 = plan.rendered.iter().take(GROUPS_MAX).map(|group| group.devices).sum();
    if shown < plan.devices {
        let more = counted((plan.devices - shown).into(), "device");
        lines.push(format!("  … {more} more, with other configurations"));
    }
    lines
}

fn devices(group: &v1::RenderedGroup) -> String {
    let few = group.devices as usize <= group.sample.len();
    let names: Vec<String> = group.sample.iter().map(|name| one_line(name)).collect();
    let names = if few { format!(" ({})", names.join(", ")) } else { String::new() };
    format!("{}{names}", counted(group.devices.into(), "device"))
}

fn is_odd(group: &v1::RenderedGroup, all: &[v1::RenderedGroup]) -> bool {
    let largest =
        all.iter().filter(|other| other.template == group.template).map(|other| other.devices).max();
    largest.is_some_and(|largest| group.devices.saturating_mul(ODD_SHARE) <= largest)
}

fn content(group: &v1::RenderedGroup, color: bool) -> Vec<String> {
    let text = printable(group.content.as_bytes(), 8192);
    let all: Vec<&str> = text.lines().collect();
    let mut lines: Vec<String> = all
        .iter()
        .take(CONTENT_LINES_MAX)
        .map(|line| Style::Dim.paint(&format!("      | {line}"), color))
        .collect();
    if all.len() > CONTENT_LINES_MAX || group.content.len() < group.bytes as usize {
        lines.push("      | …".to_owned());
    }
    lines
}

fn warnings(plan: &v1::Plan, color: bool) -> Vec<String> {
    if plan.warnings.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), format!("Warnings ({})", plan.warnings.len())];
    let shown = plan.warnings.iter().take(WARNINGS_MAX);
    lines.extend(shown.map(|warning| Style::Warn.paint(&format!("  {}", one_line(warning)), color)));
    if plan.warnings.len() > WARNINGS_MAX {
        lines.push(format!("  … {} more", plan.warnings.len() - WARNINGS_MAX));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::a_plan;

    #[test]
    fn the_plan_shows_devices_waves_configurations_and_what_to_type_next() {
        let text = plan(&a_plan(), false, Some(100), false).join("\n");
        assert!(text.starts_with("Plan plans/ntp-7f3a   sha256:7f3a"), "{text}");
        assert!(
            text.contains("100 devices in 3 sites   listed order   at most 10 at once per site"),
            "{text}"
        );
        assert!(
            text.contains("\nHarm  certain: known harm is never more than failed + unknown + in flight"),
            "{text}"
        );
        assert!(text.contains("\n      expected: in at least 95 of 100 rollouts at most 15"), "{text}");
        assert!(text.contains("\nPace  starts with 1 device"), "{text}");
        assert!(text.contains("0 canary        5      3  15m   manual   canary"), "{text}");
        assert!(text.contains("#1  motd.cfg.j2   99 devices   18 bytes"), "{text}");
        assert!(text.contains("      | banner hello"), "{text}");
        assert!(text.contains("!! unlike the others of this template: dev007"), "{text}");
        assert!(text.contains("Warnings (1)\n  dev009 has no platform"), "{text}");
        let many = v1::Plan { devices: 130, ..a_plan() };
        let many = plan(&many, false, None, false).join("\n");
        assert!(many.contains("… 30 devices more, with other configurations"), "{many}");
        assert!(!text.contains("Next:"), "{text}");
        assert_eq!(next(&a_plan())[1], "Next: switchyard apply ntp-7f3a   switchyard plans get ntp-7f3a");
    }
}
