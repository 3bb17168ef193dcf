//! A watcher: reads the durable log at its own pace, so that the driver never waits for it.

use super::Api;
use crate::driver::Driver;
use crate::refused::Refused;
use crate::store::StoredEvent;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::convert::{self, timestamp};
use switchyard_proto::v1;
use switchyard_shared::id::RolloutName;
use switchyard_shared::rollout::Layout;
use switchyard_shared::rollout::event::Event;
use tokio::sync::{mpsc, watch};
use tonic::Status;

/// Messages on their way to one watcher.
const WATCH_QUEUE_MAX: usize = 64;
/// How often a watcher looks at what the rollout waits for when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A heartbeat is sent after this many looks without news.
const LOOKS_PER_HEARTBEAT: u32 = 15;

type Sender = mpsc::Sender<Result<v1::WatchRolloutResponse, Status>>;
/// What a watcher is sent.
pub(super) type Watched = mpsc::Receiver<Result<v1::WatchRolloutResponse, Status>>;

struct Watcher {
    driver: Driver,
    name: RolloutName,
    layout: Arc<Layout>,
    latest: watch::Receiver<u64>,
    after: u64,
    sender: Sender,
    said: Said,
}

/// What a heartbeat says; one with news does not wait for its turn.
type Said = (Vec<String>, bool);

fn said(rollout: &v1::Rollout) -> Said {
    (rollout.blocked_on.clone(), rollout.pace.is_empty())
}

impl Api {
    /// Starts to watch a rollout: with `after`, exactly the events after that sequence; else a snapshot
    /// first.
    pub(super) async fn watch(&self, name: &str, after: Option<u64>) -> Result<Watched, Refused> {
        let asked = name.to_owned();
        let (name, rollout, layout, latest) = self
            .driver
            .look_about(move |world, now| {
                let active = world.rollout(&asked)?;
                let latest = active.latest.subscribe();
                let (rollout, layout) = (world.shown(&asked, now)?, active.rollout.layout.clone());
                Ok((active.rollout.name.clone(), rollout, layout, latest))
            })
            .await?;
        if let Some(after) = after.filter(|after| *after > rollout.sequence) {
            let why = format!("{after} is later than the last event, {}", rollout.sequence);
            return Err(Refused::BadRequest { field: "after_sequence".into(), why });
        }
        let (sender, receiver) = mpsc::channel(WATCH_QUEUE_MAX);
        let (driver, said) = (self.driver.clone(), said(&rollout));
        let has_ended = rollout.end_time.is_some();
        let last = rollout.sequence;
        let start = after.unwrap_or(last);
        if after.is_none() {
            let now = self.driver.clock.now();
            let event = Some(v1::watch_rollout_response::Event::Snapshot(rollout));
            let first = v1::WatchRolloutResponse { sequence: start, at: Some(timestamp(now)), event };
            let _ = sender.try_send(Ok(first));
        }
        if !(has_ended && start == last) {
            let watcher = Watcher { driver, name, layout, latest, after: start, sender, said };
            tokio::spawn(watcher.run());
        }
        Ok(receiver)
    }
}

impl Watcher {
    async fn run(mut self) {
        if let Err(status) = self.follow().await {
            let _ = self.sender.send(Err(status)).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Status> {
        let mut looks = 0;
        loop {
            let page = self.driver.store.read(&format!("rollouts/{}", self.name), self.after).await;
            let page = page.map_err(|error| Refused::Store(error.to_string()))?;
            for stored in &page {
                if self.pass_on(stored).await? {
                    return Ok(());
                }
            }
            if !page.is_empty() {
                looks = 0;
                continue;
            }
            let after = self.after;
            let news = tokio::select! {
                () = self.sender.closed() => return Ok(()),
                changed = self.latest.wait_for(|latest| *latest > after) => {
                    changed.is_ok().then_some(true)
                }
                () = tokio::time::sleep(LOOK_EVERY) => Some(false),
            };
            let Some(news) = news else { return self.was_put_away().await };
            looks += 1;
            if !news && self.look(looks >= LOOKS_PER_HEARTBEAT).await? {
                looks = 0;
            }
        }
    }

    /// Sends one event on; true when it was the last one or nobody listens any more.
    async fn pass_on(&mut self, stored: &StoredEvent) -> Result<bool, Status> {
        let event: Event = serde_json::from_str(&stored.body)
            .map_err(|error| Refused::Store(format!("event {} cannot be read: {error}", stored.sequence)))?;
        self.after = stored.version;
        let wire = convert::rollout::event(&self.name, &self.layout, stored.version, stored.at, &event);
        let gone = self.sender.send(Ok(wire)).await.is_err();
        Ok(gone || matches!(event, Event::Ended { .. }))
    }

    /// Nothing more happens to a rollout that was put away; otherwise the driver is gone.
    async fn was_put_away(&mut self) -> Result<(), Status> {
        let name = self.name.clone();
        Ok(self.driver.look(move |world, now| world.shown(name.as_str(), now).map(drop)).await?)
    }

    /// Sends a heartbeat when it is due or when what the rollout waits for has changed.
    async fn look(&mut self, due: bool) -> Result<bool, Status> {
        let name = self.name.clone();
        let (now, rollout) =
            self.driver.look(move |world, now| Ok((now, world.shown(name.as_str(), now)?))).await?;
        let said = said(&rollout);
        if !due && said == self.said {
            return Ok(false);
        }
        self.said = said;
        let v1::Rollout { blocked_on, counts, harm, pace, .. } = rollout;
        let heartbeat = v1::Heartbeat { blocked_on, counts, harm, pace };
        let event = Some(v1::watch_rollout_response::Event::Heartbeat(heartbeat));
        let wire = v1::WatchRolloutResponse { sequence: self.after, at: Some(timestamp(now)), event };
        let _ = self.sender.send(Ok(wire)).await;
        Ok(true)
    }
}
