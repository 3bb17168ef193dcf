//! One stop: a rollout in full flow, the deciding word, and what started after it.

use crate::fleet::Fleet;
use anyhow::Context as _;
use std::collections::BTreeSet;
use switchyard_proto::convert::to_timestamp;
use switchyard_proto::v1;
use switchyard_proto::v1::rollout::State;
use switchyard_proto::v1::watch_rollout_response::Event;
use switchyard_shared::time::Timestamp;
use tonic::Streaming;

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// Devices begin to refuse the change, and the pace stops the rollout.
    Pace,
    /// An operator aborts it.
    Abort,
}

/// What one stop took, times in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Stopped {
    /// From the turn in which the coordinator took the deciding word to the last start.
    pub from_held: i64,
    /// The same from the device's end of the deciding attempt, or from the operator's call.
    pub from_said: i64,
    /// Devices that started after the coordinator took it.
    pub overshoot: usize,
    /// Devices in flight when it took it.
    pub in_flight: usize,
    /// Device starts in the second before.
    pub rate: usize,
}

/// Rolls out until `after` devices have started, stops that, and waits until nothing can start any more.
pub async fn one(
    fleet: &mut Fleet,
    kind: Kind,
    turn: usize,
    parallel: u32,
    after: usize,
) -> anyhow::Result<Stopped> {
    fleet.devices.take_starts();
    let name = fleet.operator.apply(&spec(turn, parallel)).await?;
    let mut log = Log::follow(fleet.operator.watch(&name).await?);
    while fleet.devices.started() < after {
        log.next().await?;
        anyhow::ensure!(log.stopped.is_none(), "{name} stopped by itself: {:?}", log.stopped);
    }
    let mut said = fleet.clock.now();
    match kind {
        Kind::Pace => fleet.devices.set_refuse(true),
        Kind::Abort => fleet.operator.abort(&name).await?,
    }
    while log.stopped.is_none() {
        log.next().await?;
    }
    let (held, in_flight) = (log.stopped.context("it has stopped")?, log.running.len());
    if kind == Kind::Pace {
        said = log.last_failed.context("a device failed")?;
    }
    while !log.running.is_empty() {
        log.next().await?;
    }
    let starts = fleet.devices.take_starts();
    fleet.devices.set_refuse(false);
    if kind == Kind::Pace {
        fleet.operator.abort(&name).await?;
    }
    while !log.ended {
        log.next().await?;
    }
    anyhow::ensure!(fleet.devices.started() == 0, "{name} started devices after nothing was in flight");
    let last = starts.iter().max().map_or(0, |at| at.0);
    Ok(Stopped {
        from_held: (last - held.0).max(0),
        from_said: (last - said.0).max(0),
        overshoot: starts.iter().filter(|at| **at > held).count(),
        in_flight,
        rate: starts.iter().filter(|at| **at <= held && held.0 - at.0 <= 1_000_000).count(),
    })
}

fn spec(turn: usize, parallel: u32) -> String {
    format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: stop-{turn}}}\nspec:\n  change:\n    ssh: {{command: load}}\n    \
         templates: {{default: device.cfg}}\n  strategy:\n    budget: {{devices: 1000}}\n    max_parallel_per_site: {parallel}\n    waves: [{{name: all}}]\n"
    )
}

/// The rollout's log as it comes in.
struct Log {
    stream: Streaming<v1::WatchRolloutResponse>,
    /// Devices handed out and not back.
    running: BTreeSet<String>,
    last_failed: Option<Timestamp>,
    stopped: Option<Timestamp>,
    ended: bool,
}

impl Log {
    fn follow(stream: Streaming<v1::WatchRolloutResponse>) -> Self {
        Self { stream, running: BTreeSet::new(), last_failed: None, stopped: None, ended: false }
    }

    async fn next(&mut self) -> anyhow::Result<()> {
        let Some(message) = self.stream.message().await.context("watch")? else {
            self.ended = true;
            anyhow::ensure!(self.stopped.is_some(), "the rollout ended before it was stopped");
            return Ok(());
        };
        let at = to_timestamp(message.at, "at").ok();
        match message.event {
            Some(Event::DevicesChanged(changed)) => {
                for device in changed.devices {
                    self.device(device);
                }
            }
            Some(Event::StateChanged(changed))
                if [State::Paused, State::Stopped, State::Aborted].contains(&changed.state()) =>
            {
                self.stopped = self.stopped.or(at);
            }
            _ => {}
        }
        Ok(())
    }

    fn device(&mut self, device: v1::DeviceResult) {
        let state = device.state();
        if state == v1::DeviceState::Running {
            self.running.insert(device.device);
            return;
        }
        if state == v1::DeviceState::Failed && self.stopped.is_none() {
            let finished = device.outcome.map(|outcome| to_timestamp(outcome.finished_at, "finished_at"));
            self.last_failed = finished.and_then(Result::ok);
        }
        self.running.remove(&device.device);
    }
}
