//! What is said about devices in doubt: how many, who settles them, and by which command.

use super::world::{Active, World};
use switchyard_shared::id::DeviceName;
use switchyard_shared::rollout::{Device, LayoutDevice, Rollout};

/// Devices that one line names.
const NAMED_MAX: usize = 5;

impl World {
    /// A line for each kind of doubt that a rollout has, also after its end.
    pub(super) fn doubt_lines(&self, active: &Active) -> Vec<String> {
        let rollout = &active.rollout;
        let unknown: Vec<(&LayoutDevice, &Device)> =
            rollout.in_doubt().filter_map(|name| rollout.device(name)).collect();
        let is_away = |place: &LayoutDevice| !self.fleet.sessions.contains_key(&place.site);
        let of = |wanted: &dyn Fn(&LayoutDevice, &Device) -> bool| -> Vec<&DeviceName> {
            let found = unknown.iter().filter(|(place, device)| wanted(place, device));
            found.map(|(place, _)| &place.name).collect()
        };
        let read = of(&|place, device| device.is_settling() && !is_away(place));
        let away = of(&|place, device| device.is_settling() && is_away(place));
        let reports = |place: &LayoutDevice| {
            rollout.waits_for_its_agent(&place.name)
                && self.fleet.agents.get(&place.site).is_some_and(|agent| !agent.unbound)
        };
        let back = of(&|place, _| reports(place) && !is_away(place));
        let gone = of(&|place, _| reports(place) && is_away(place));
        let person = of(&|place, device| !device.is_settling() && !reports(place));
        let mut lines = Vec::new();
        if !read.is_empty() {
            lines.push(format!("{} UNKNOWN, being read back: {}", counted(&read), named(&read)));
        }
        if !away.is_empty() {
            lines.push(format!(
                "{} UNKNOWN, to be read when the agent is back: {}",
                counted(&away),
                named(&away)
            ));
        }
        if !back.is_empty() {
            lines.push(format!(
                "{} UNKNOWN, with the agent, which will report: {}",
                counted(&back),
                named(&back)
            ));
        }
        if !gone.is_empty() {
            lines.push(format!(
                "{} UNKNOWN, the agent will report when it is back: {}; if it never comes, {} (a word that its report \
                 contradicts later puts the device in doubt again)",
                counted(&gone),
                named(&gone),
                say(&which(rollout, &gone), gone.len())
            ));
        }
        if !person.is_empty() {
            lines.push(format!(
                "{} UNKNOWN, a person is needed: {}; {}",
                counted(&person),
                named(&person),
                settle(rollout, &person)
            ));
        }
        lines
    }

    /// What keeps a device that another rollout holds: nobody's attempt but a doubt, when it is one.
    pub(super) fn explain_busy(&self, line: String) -> String {
        let Some((device, holder)) =
            line.strip_prefix("device ").and_then(|rest| rest.split_once(": held by rollouts/"))
        else {
            return line;
        };
        let holding = self.rollouts.get(holder).map(|active| &active.rollout);
        let unknown = holding.filter(|rollout| rollout.in_doubt().any(|name| name.as_str() == device));
        let Some(rollout) = unknown else { return line };
        let ended = if rollout.has_ended() { ", which has ended" } else { "" };
        format!("{line}{ended}: it is UNKNOWN there; settle it with: switchyard device reconcile {device}")
    }
}

fn settle(rollout: &Rollout, unknown: &[&DeviceName]) -> String {
    let which = which(rollout, unknown);
    let say = say(&which, unknown.len());
    match rollout.layout.readable {
        true => format!("read again: switchyard device reconcile {which}; or {say}"),
        false => format!("its change has no `ssh.read`: {say}"),
    }
}

fn which(rollout: &Rollout, unknown: &[&DeviceName]) -> String {
    match unknown {
        [one] => one.to_string(),
        _ => format!("--all --rollout {}", rollout.name),
    }
}

fn say(which: &str, count: usize) -> String {
    let have = if count == 1 { "it has" } else { "they have" };
    format!(
        "say what {have} with: switchyard device reconcile {which} --as succeeded|failed|not-applied --reason WHY"
    )
}

fn counted(names: &[&DeviceName]) -> String {
    if names.len() == 1 { "1 device".into() } else { format!("{} devices", names.len()) }
}

fn named(names: &[&DeviceName]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).map(|name| name.as_str()).collect();
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
