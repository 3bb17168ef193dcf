//! The parts of the live screen, each with how soon its lines must be given room.

use super::Section;
use crate::render::advice::{Room, advice};
use crate::render::why::why;
use crate::render::wrap::wrap;
use crate::text::{Line, Style, number};
use crate::view::{Counts, View, Wave};
use std::cmp::Reverse;
use switchyard_proto::v1::wave_status::State as WaveState;
use switchyard_shared::breaker::State as BreakerState;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::time::{Timestamp, format_duration};

/// Most devices named under `Failing`.
const EXAMPLES_MAX: usize = 5;
/// How many of them come before what to do, where there is no room for all.
const EXAMPLES_FIRST: usize = 3;
/// Most ends for which the live screen says what to do.
const ADVISED_MAX: usize = 3;
/// Most lines of one hint.
const HINT_LINES_MAX: usize = 2;
/// Longest bar, in columns.
const BAR_MAX: usize = 20;
/// Before what the rollout waits for.
const BLOCKED: &str = "Blocked on";

pub fn state_style(state: RolloutState) -> Style {
    match state {
        RolloutState::Succeeded => Style::Good,
        RolloutState::Failed
        | RolloutState::PartiallySucceeded
        | RolloutState::Aborted
        | RolloutState::Stopped => Style::Bad,
        RolloutState::Paused
        | RolloutState::AwaitingApproval
        | RolloutState::RollingBack
        | RolloutState::RolledBack => Style::Warn,
        RolloutState::Pending | RolloutState::Running => Style::Bold,
    }
}

pub fn header(view: &View, now: Timestamp) -> Section {
    let wave = match view.waves.len() {
        0 | 1 => String::new(),
        waves => format!("  wave {}/{waves} {}", view.current_wave + 1, view.wave_name()),
    };
    let line = Line::default()
        .with(Style::Bold, format!("rollouts/{}", view.rollout))
        .with(Style::Plain, "  ")
        .with(state_style(view.state), view.state.as_str())
        .with(Style::Plain, format!("{wave}  {}", format_duration(whole_seconds(view, now))))
        .with(Style::Dim, format!("  seq {}", number(view.sequence)));
    Section(vec![(0, line)])
}

fn whole_seconds(view: &View, now: Timestamp) -> std::time::Duration {
    std::time::Duration::from_secs(view.elapsed(now).as_secs())
}

pub fn counts(view: &View) -> Section {
    let planned = number(view.counts.planned().into());
    let line =
        tally(Line::plain(format!("{}/{planned}", number(view.counts.done().into()))), &view.counts, true);
    Section(vec![(2, line)])
}

fn tally(line: Line, counts: &Counts, all: bool) -> Line {
    let shown = [
        (DeviceState::Succeeded, "ok", Style::Good, true),
        (DeviceState::Unchanged, "unchanged", Style::Good, false),
        (DeviceState::Failed, "failed", Style::Bad, all),
        (DeviceState::Unknown, "unknown", Style::Bad, false),
        (DeviceState::Skipped, "skipped", Style::Warn, false),
        (DeviceState::RolledBack, "rolled back", Style::Warn, false),
        (DeviceState::Running, "running", Style::Bold, all),
        (DeviceState::Pending, "waiting", Style::Dim, all),
    ];
    shown.into_iter().fold(line, |line, (state, word, style, always)| {
        let count = counts.of(state);
        let style = if count == 0 { Style::Dim } else { style };
        if count == 0 && !always {
            line
        } else {
            line.with(Style::Plain, "  ").with(style, format!("{} {word}", number(count.into())))
        }
    })
}

pub fn blocked(view: &View, width: usize) -> Section {
    if let Some(cause) = &view.reconnecting {
        let line = Line::default()
            .with(Style::Warn, "Reconnecting")
            .with(Style::Plain, format!(": {cause} (the rollout does not depend on this screen)"));
        return Section(vec![(1, line)]);
    }
    let waiting = view.waiting_for();
    let (style, priority) = if waiting.is_some() { (Style::Warn, 1) } else { (Style::Plain, 5) };
    let text = waiting.unwrap_or_else(|| "nothing".to_owned());
    let lines = wrap(&format!("{BLOCKED}: {text}"), width).into_iter().map(|text| {
        let line = match text.strip_prefix(BLOCKED) {
            Some(rest) => Line::default().with(style, BLOCKED).with(Style::Plain, rest),
            None => Line::plain(text),
        };
        (priority, line)
    });
    Section(lines.collect())
}

fn bar(counts: &Counts, width: usize) -> String {
    let width = (width / 4).min(BAR_MAX);
    let planned = (counts.planned() as usize).max(1);
    let full = counts.done() as usize * width / planned;
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

pub fn waves(view: &View, width: usize) -> Section {
    let names = view.waves.iter().map(|wave| wave.name.chars().count()).max().unwrap_or(0).min(16);
    let lines = view.waves.iter().enumerate().map(|(index, wave)| {
        let (sign, style) = match wave.state {
            WaveState::Done => ("✔", Style::Good),
            WaveState::Running => ("◌", Style::Bold),
            WaveState::Soaking | WaveState::AwaitingPromotion => ("⏸", Style::Warn),
            WaveState::Waiting | WaveState::Unspecified => ("·", Style::Dim),
        };
        let name: String = wave.name.chars().take(16).collect();
        let line = Line::default()
            .with(style, format!("  {sign} {index} {name:<names$}"))
            .with(Style::Plain, format!("  {}/{}  ", wave.counts.done(), wave.counts.planned()))
            .with(style, bar(&wave.counts, width));
        let line = tally(line, &wave.counts, false).with(Style::Dim, after(wave));
        (if index == view.current_wave { 3 } else { 9 }, line)
    });
    Section(lines.collect())
}

fn after(wave: &Wave) -> String {
    match (wave.state, wave.soak_until) {
        (WaveState::AwaitingPromotion, _) => "  waits for promotion".to_owned(),
        (WaveState::Soaking, Some(until)) => format!("  soaks until {}", until.clock()),
        _ => String::new(),
    }
}

pub fn sites(view: &View, width: usize) -> Section {
    let mut sites: Vec<_> = view.sites.iter().collect();
    if sites.len() < 2 {
        return Section(Vec::new());
    }
    sites.sort_by_key(|(name, counts)| {
        let open = view.breakers.contains_key(&format!("site/{name}"));
        let troubled = counts.of(DeviceState::Failed) + counts.of(DeviceState::Unknown);
        (Reverse(open), Reverse(troubled), counts.done() == counts.planned(), (*name).clone())
    });
    let names = sites.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(16);
    let lines = sites.into_iter().map(|(name, counts)| {
        let breaker = view.breakers.get(&format!("site/{name}"));
        let short: String = name.chars().take(16).collect();
        let line = Line::plain(format!("  {short:<names$}  {}/{}  ", counts.done(), counts.planned()))
            .with(Style::Plain, bar(counts, width / 2));
        let line = tally(line, counts, false);
        let line = match breaker {
            Some(breaker) => line.with(Style::Bad, format!("  {}", breaker.state)),
            None => line,
        };
        (if breaker.is_some() { 7 } else { 8 }, line)
    });
    Section(lines.collect())
}

pub fn breakers(view: &View, now: Timestamp) -> Section {
    let mut open: Vec<_> = view.breakers.iter().collect();
    open.sort_by_key(|(name, _)| (!name.starts_with("site/"), (*name).clone()));
    let lines = open.into_iter().enumerate().map(|(index, (name, breaker))| {
        let style = match breaker.state {
            BreakerState::HalfOpen | BreakerState::Held | BreakerState::ForcedClosed => Style::Warn,
            BreakerState::Open | BreakerState::ForcedOpen | BreakerState::Closed => Style::Bad,
        };
        let line = Line::plain("Breaker  ")
            .with(style, format!("{name} {}", breaker.state))
            .with(Style::Plain, format!("  {}", why(name, breaker, now)));
        (if index == 0 { 4 } else { 7 }, line)
    });
    Section(lines.collect())
}

/// What is known of the harm, once there is any or something is in flight, and what sets the pace.
pub fn harm(view: &View) -> Section {
    let at_risk = [DeviceState::Failed, DeviceState::Unknown, DeviceState::Running];
    let mut lines = Vec::new();
    if at_risk.iter().any(|state| view.counts.of(*state) > 0) {
        lines.push((6, Line::plain("Harm  ").with(Style::Plain, view.harm())));
    }
    if !view.pace.is_empty() {
        let pace = view.pace.strip_prefix("pace: ").unwrap_or(&view.pace);
        lines.push((6, Line::plain("Pace  ").with(Style::Dim, pace)));
    }
    Section(lines)
}

pub fn failing(view: &View, width: usize) -> Section {
    let classes = view.classes();
    if classes.is_empty() {
        return Section(Vec::new());
    }
    let words: Vec<String> = classes.iter().map(|(class, count)| format!("{class} {count}")).collect();
    let mut lines =
        vec![(6, Line::default().with(Style::Bad, "Failing  ").with(Style::Plain, words.join("   ")))];
    let tried = view.troubles.iter().filter(|(_, trouble)| trouble.was_tried());
    lines.extend(tried.take(EXAMPLES_MAX).enumerate().map(|(index, (name, trouble))| {
        let end = trouble.end_and_left();
        let priority = if index < EXAMPLES_FIRST { 7 } else { 8 };
        (priority, Line::plain(format!("  {name} ({})  {end}  {}", trouble.site, trouble.message)))
    }));
    let room = Room { ends: ADVISED_MAX, lines: HINT_LINES_MAX, width: Some(width) };
    let what_to_do = advice(&view.troubles, &view.rollout, &room);
    lines.extend(what_to_do.into_iter().map(|text| (7, Line::plain(text))));
    Section(lines)
}

pub fn hint(view: &View) -> Section {
    let name = &view.rollout;
    let look = view.worth_a_look();
    let look = look.map(|state| format!("   {state}: switchyard rollout devices {name} --state {state}"));
    let text = format!(
        "Ctrl-C leaves, the rollout goes on   stop it: switchyard rollout abort {name}{}",
        look.unwrap_or_default()
    );
    Section(vec![(5, Line::default().with(Style::Dim, text))])
}
