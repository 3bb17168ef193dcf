//! What a plan would change, gathered as the devices are read.

mod same;

use crate::client::Api;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::text::{counted, number};
use crate::words::full;
use std::collections::BTreeMap;
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_proto::v1::compare_plan_response::State;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often it is said how many devices are read.
const WORD_EVERY: Duration = Duration::from_secs(10);
/// Most bytes of different diffs that are kept; of those beyond only the devices are.
const DIFFS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is known of a plan's devices.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Devices that would be changed, by platform and diff; most devices first once it is sorted.
    pub groups: Vec<Group>,
    /// Devices that have it already.
    pub unchanged: Vec<String>,
    /// Devices that were read and of which something is not known all the same.
    pub open: Vec<v1::ComparePlanResponse>,
    /// Devices that could not be read.
    pub unknown: Vec<v1::ComparePlanResponse>,
    /// Devices of which nothing came before it was left.
    pub unread: u32,
    bytes: usize,
    places: BTreeMap<(String, String), usize>,
}

/// Devices of one platform that would be changed in the same way.
#[derive(Debug)]
pub struct Group {
    /// What they run; may be empty.
    pub platform: String,
    /// How, as `shown_of` was read; absent when too many others are kept already.
    pub diff: Option<String>,
    /// Whose difference `diff` is.
    pub shown_of: String,
    /// Whether the lines around the change, which are not a part of it, are others on other devices.
    pub lines_around_vary: bool,
    /// Lines that come.
    pub added: usize,
    /// Lines that go.
    pub removed: usize,
    /// Their names, in order once it is sorted.
    pub devices: Vec<String>,
}

/// How the gathering ended.
#[derive(Debug)]
pub enum Ended {
    /// Every device was told of.
    Whole,
    /// `--timeout` passed.
    TimedOut,
    /// Ctrl-C.
    Detached,
    /// The coordinator went away.
    Lost(Failure),
}

impl Comparison {
    /// How many devices would be changed.
    pub fn changes(&self) -> usize {
        self.groups.iter().map(|group| group.devices.len()).sum()
    }

    /// How many devices nobody knows of.
    pub fn not_read(&self) -> usize {
        self.unknown.len() + self.unread as usize
    }

    /// Whether every device has it already, for certain.
    pub fn is_nothing(&self) -> bool {
        self.changes() == 0 && self.not_read() == 0
    }

    /// Takes what is known of one device.
    pub fn take(&mut self, told: v1::ComparePlanResponse) {
        let is_read = matches!(told.state(), State::Changes | State::Unchanged);
        if is_read && !told.reason.is_empty() {
            self.open.push(v1::ComparePlanResponse { diff: String::new(), ..told.clone() });
        }
        match told.state() {
            State::Changes => self.change(told),
            State::Unchanged => self.unchanged.push(told.device),
            State::Unknown | State::Unspecified => self.unknown.push(told),
        }
    }

    fn change(&mut self, told: v1::ComparePlanResponse) {
        let change = same::change(&told.platform, &told.diff);
        let key = (told.platform.clone(), switchyard_shared::digest::of_bytes(change.as_bytes()));
        let place = *self.places.entry(key).or_insert_with(|| {
            let has_room = self.bytes + told.diff.len() <= DIFFS_BYTES_MAX;
            self.bytes += if has_room { told.diff.len() } else { 0 };
            let (added, removed) = lines(&told.diff);
            self.groups.push(Group {
                platform: told.platform,
                diff: has_room.then(|| told.diff.clone()),
                shown_of: told.device.clone(),
                lines_around_vary: false,
                added,
                removed,
                devices: Vec::new(),
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        group.lines_around_vary |= group.diff.as_ref().is_some_and(|diff| *diff != told.diff);
        group.devices.push(told.device);
    }

    fn sort(&mut self) {
        self.unchanged.sort_unstable();
        for told in [&mut self.open, &mut self.unknown] {
            told.sort_by(|a, b| (&a.site, &a.device).cmp(&(&b.site, &b.device)));
        }
        self.groups.iter_mut().for_each(|group| group.devices.sort_unstable());
        let order = |group: &Group| (std::cmp::Reverse(group.devices.len()), group.devices.first().cloned());
        self.groups.sort_by_cached_key(order);
        self.places.clear();
    }
}

fn lines(diff: &str) -> (usize, usize) {
    let body = || diff.lines().skip_while(|line| line.starts_with("--- ") || line.starts_with("+++ "));
    (body().filter(|line| line.starts_with('+')).count(), body().filter(|line| line.starts_with('-')).count())
}

/// Has a plan's devices read, or those that are named, and gathers what comes. With `-o jsonl` and `by_line` each is
/// printed as it comes.
pub async fn compare(
    session: &mut Session,
    api: &Api,
    (plan, devices): (&str, Vec<String>),
    expected: u32,
    by_line: bool,
) -> Result<(Comparison, Ended), Failure> {
    let request = v1::ComparePlanRequest { name: full("plans", plan), devices };
    let mut told = api.call(api.rollouts().compare_plan(request)).await?;
    let mut interrupted = std::pin::pin!(session.interrupted());
    let mut time_up = std::pin::pin!(session.time_up());
    let mut words = word_every();
    let (mut found, mut count) = (Comparison::default(), 0u32);
    let ended = loop {
        tokio::select! {
            biased;
            () = &mut interrupted => break Ended::Detached,
            () = &mut time_up => break Ended::TimedOut,
            message = told.message() => match message {
                Ok(Some(one)) => {
                    count += 1;
                    if by_line {
                        session.say(&json::difference(&one).to_string());
                    }
                    found.take(one);
                }
                Ok(None) => break Ended::Whole,
                Err(status) => break Ended::Lost(api.failure(&status)),
            },
            _ = words.tick() => {
                let of = counted(expected.into(), "device");
                session.note(&format!("{} of {of} read; nothing is written to any", number(count.into())));
            }
        }
        if session.is_broken() {
            break Ended::Detached;
        }
    };
    found.unread = expected.saturating_sub(count);
    found.sort();
    Ok((found, ended))
}

/// When it is said how far it is.
#[expect(clippy::disallowed_methods, reason = "the interval of a progress line, which decides nothing")]
pub fn word_every() -> tokio::time::Interval {
    let mut words = interval_at(Instant::now() + WORD_EVERY, WORD_EVERY);
    words.set_missed_tick_behavior(MissedTickBehavior::Skip);
    words
}
