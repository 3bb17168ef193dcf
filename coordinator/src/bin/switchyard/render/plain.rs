//! One line per event for logs and pipes: a time, a verb, `key=value` pairs. The keys are a contract.

use crate::exit::Exit;
use crate::text::one_line;
use crate::view::{Counts, View};
use crate::words;
use std::time::Duration;
use switchyard_proto::v1::{self, watch_rollout_response::Event};
use switchyard_shared::outcome::{Class, DeviceState, Phase};
use switchyard_shared::time::{Timestamp, format_duration};

/// A line under construction.
struct Entry(String);

impl Entry {
    fn new(at: Timestamp, verb: &str) -> Self {
        Self(format!("{} {verb:<8}", seconds(at)))
    }

    fn with(mut self, key: &str, value: impl AsRef<str>) -> Self {
        self.0.push_str(&format!(" {key}={}", quoted(value.as_ref())));
        self
    }

    fn count(self, key: &str, value: u32) -> Self {
        self.with(key, value.to_string())
    }

    fn unless_empty(self, key: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(key, value) }
    }

    fn counts(self, counts: &Counts) -> Self {
        self.count("ok", counts.of(DeviceState::Succeeded))
            .count("unchanged", counts.of(DeviceState::Unchanged))
            .count("failed", counts.of(DeviceState::Failed))
            .count("skipped", counts.of(DeviceState::Skipped))
            .count("unknown", counts.of(DeviceState::Unknown))
    }
}

/// RFC 3339 in whole seconds.
fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

fn quoted(value: &str) -> String {
    let clean = one_line(value);
    let bare = !clean.is_empty() && !clean.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '='));
    if bare { clean } else { format!("\"{}\"", clean.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// The first line: what is watched, and how to come back to this very point.
pub fn start(view: &View, now: Timestamp) -> String {
    let resume = format!("switchyard watch {} --since {}", view.rollout, view.sequence);
    Entry::new(now, "start")
        .with("rollout", &view.rollout)
        .count("devices", view.counts.planned())
        .with("waves", view.waves.len().to_string())
        .with("state", view.state.as_str())
        .with("done", done(&view.counts))
        .with("resume", resume)
        .0
}

/// A snapshot came because lines were missed.
pub fn caught_up(view: &View, now: Timestamp) -> String {
    Entry::new(now, "snapshot").with("done", done(&view.counts)).counts(&view.counts).with("seq", seq(view)).0
}

/// The last line: `end` of the rollout, or `leave` when it goes on without us.
pub fn end(view: &View, exit: Exit, now: Timestamp) -> String {
    let leaves = matches!(exit, Exit::Blocked | Exit::Timeout | Exit::Interrupted);
    Entry::new(view.ended_at.unwrap_or(now), if leaves { "leave" } else { "end" })
        .with("rollout", &view.rollout)
        .with("state", view.state.as_str())
        .counts(&view.counts)
        .count("waiting", view.counts.of(DeviceState::Pending))
        .count("running", view.counts.of(DeviceState::Running))
        .with("duration", format_duration(view.elapsed(now)))
        .with("exit", exit.code().to_string())
        .0
}

/// How far it is come.
pub fn progress(view: &View, now: Timestamp) -> String {
    let wave = view.waves.get(view.current_wave);
    Entry::new(now, "progress")
        .with("wave", view.wave_name())
        .with("done", done(&wave.map_or(view.counts, |wave| wave.counts)))
        .counts(&view.counts)
        .count("running", view.counts.of(DeviceState::Running))
        .with("blocked", view.waiting_for().unwrap_or_default())
        .unless_empty("pace", view.pace.strip_prefix("pace: ").unwrap_or(&view.pace))
        .with("seq", seq(view))
        .0
}

/// What it waits for, or that it waits no more.
pub fn blocked(why: Option<&str>, now: Timestamp) -> String {
    match why {
        Some(why) => Entry::new(now, "blocked").with("on", why).0,
        None => Entry::new(now, "unblock").with("on", "nothing").0,
    }
}

/// `text` with every number, count-down and clock time blanked: two texts that differ in nothing else
/// say the same.
pub fn without_numbers(text: &str) -> String {
    let mut gist = String::new();
    let mut before = ' ';
    let mut in_number = false;
    for c in text.chars() {
        in_number = (in_number && (c.is_ascii_alphanumeric() || matches!(c, '.' | ':')))
            || (c.is_ascii_digit() && !before.is_alphanumeric() && !matches!(before, '-' | '.' | '_' | '/'));
        gist.push(if in_number { '#' } else { c });
        before = c;
    }
    while gist.contains("##") {
        gist = gist.replace("##", "#");
    }
    gist
}

/// The connection broke.
pub fn lost(now: Timestamp, cause: &str, attempt: u32, wait: Duration, sequence: u64) -> String {
    Entry::new(now, "lost")
        .with("reconnecting", "yes")
        .with("in", format_duration(wait))
        .count("attempt", attempt)
        .with("cause", cause)
        .with("seq", sequence.to_string())
        .0
}

/// The connection is back, and goes on after `sequence`.
pub fn back(now: Timestamp, sequence: u64) -> String {
    Entry::new(now, "back").with("seq", sequence.to_string()).0
}

/// The lines of one event, which `view` has folded in; `verbose` adds devices that start or were called
/// off, and what those said that went well.
pub fn event(view: &View, message: &v1::WatchRolloutResponse, now: Timestamp, verbose: bool) -> Vec<String> {
    let at = words::instant_of(message.at.as_ref()).unwrap_or(now);
    match &message.event {
        Some(Event::StateChanged(change)) => vec![
            Entry::new(at, "state")
                .with("state", words::rollout_state(change.state))
                .unless_empty("by", &change.by)
                .unless_empty("reason", &change.reason)
                .0,
        ],
        Some(Event::WaveChanged(change)) => vec![wave(view, change, at)],
        Some(Event::DevicesChanged(change)) => {
            change.devices.iter().filter_map(|result| device(result, at, verbose)).collect()
        }
        Some(Event::BreakerChanged(change)) => {
            change.breaker.iter().map(|changed| breaker(changed, at)).collect()
        }
        Some(Event::Snapshot(_) | Event::Heartbeat(_)) | None => Vec::new(),
    }
}

fn wave(view: &View, change: &v1::WaveChanged, at: Timestamp) -> String {
    let index = change.wave as usize;
    let name = view.waves.get(index).map_or_else(|| index.to_string(), |wave| wave.name.clone());
    let until = words::instant_of(change.soak_until.as_ref()).map(seconds).unwrap_or_default();
    Entry::new(at, "wave")
        .with("wave", name)
        .with("state", words::wave_state(change.state))
        .unless_empty("soak_until", &until)
        .unless_empty("by", &change.by)
        .0
}

fn breaker(breaker: &v1::Breaker, at: Timestamp) -> String {
    let next = words::instant_of(breaker.retry_at.as_ref()).map(seconds).unwrap_or_default();
    Entry::new(at, "breaker")
        .with("name", &breaker.name)
        .with("state", words::breaker_state(breaker.state))
        .count("failed", breaker.failed)
        .count("seen", breaker.seen)
        .unless_empty("next_try", &next)
        .unless_empty("by", &breaker.by)
        .unless_empty("reason", &breaker.reason)
        .0
}

fn device(result: &v1::DeviceResult, at: Timestamp, verbose: bool) -> Option<String> {
    let outcome = words::known_end(result);
    let was_tried = outcome.is_some_and(|outcome| {
        !matches!(words::to_class(outcome.class), None | Some(Class::Cancelled | Class::NotStarted))
    });
    let verb = match words::to_device_state(result.state)? {
        DeviceState::Running if verbose => "run",
        DeviceState::Pending if was_tried || verbose => "retry",
        DeviceState::Running | DeviceState::Pending => return None,
        DeviceState::Succeeded | DeviceState::Unchanged => "ok",
        DeviceState::Failed => "fail",
        DeviceState::Skipped => "skip",
        DeviceState::Unknown => "unknown",
        DeviceState::RolledBack => "undone",
    };
    let mut entry = Entry::new(at, verb)
        .with("device", &result.device)
        .with("site", &result.site)
        .with("wave", &result.wave)
        .count("attempt", result.attempt);
    if let Some(outcome) = outcome {
        let phase = words::phase_of(outcome).map_or("", Phase::as_str);
        entry = entry.with("class", words::class(outcome.class)).unless_empty("phase", phase);
        if !matches!(verb, "ok" | "retry") {
            entry = entry.with("left_as", words::left_as(outcome.left_as));
        }
        if verb != "ok" || verbose {
            entry = entry.unless_empty("msg", &outcome.message).unless_empty("hint", &outcome.hint);
        }
    }
    let is_said = outcome.is_some_and(|outcome| outcome.message == result.reason);
    Some(if is_said { entry.0 } else { entry.unless_empty("reason", &result.reason).0 })
}

fn done(counts: &Counts) -> String {
    format!("{}/{}", counts.done(), counts.planned())
}

fn seq(view: &View) -> String {
    view.sequence.to_string()
}

#[cfg(test)]
mod tests;
