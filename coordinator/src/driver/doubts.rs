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
        let person = of(&|_, device| !device.is_settling());
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
    let which = match unknown {
        [one] => one.to_string(),
        _ => format!("--all --rollout {}", rollout.name),
    };
    let say = format!(
        "say what {} with: switchyard device reconcile {which} --as succeeded|failed|not-applied --reason WHY",
        if unknown.len() == 1 { "it has" } else { "they have" }
    );
    match rollout.layout.readable {
        true => format!("read again: switchyard device reconcile {which}; or {say}"),
        false => format!("its change has no `ssh.read`: {say}"),
    }
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
