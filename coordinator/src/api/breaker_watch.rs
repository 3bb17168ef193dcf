//! A watcher of breakers: told what moved since it last looked, so that a slow one misses steps, never the state.

use super::Api;
use crate::driver::Driver;
use crate::refused::Refused;
use std::collections::BTreeMap;
use std::time::Duration;
use switchyard_proto::v1::{self, watch_breakers_response::Event};
use switchyard_shared::breaker::{Name, Report};
use tokio::sync::{mpsc, watch};
use tonic::Status;

/// Messages on their way to one watcher.
const QUEUE_MAX: usize = 64;
/// A watcher looks at most this often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// With more moves than this between two looks, a watcher gets a snapshot instead.
const MOVES_MAX: usize = 256;

type Known = BTreeMap<Name, Report>;
type Sent = Result<v1::WatchBreakersResponse, Status>;

impl Api {
    /// Starts to watch every breaker; a snapshot comes first.
    pub(super) async fn follow_breakers(&self) -> Result<mpsc::Receiver<Sent>, Refused> {
        let moves = self.driver.look(|world, _| Ok(world.breaker_moves())).await?;
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let driver = self.driver.clone();
        tokio::spawn(async move {
            if let Err(refused) = follow(&driver, moves, &sender).await {
                let _ = sender.send(Err(refused.into())).await;
            }
        });
        Ok(receiver)
    }
}

async fn follow(
    driver: &Driver,
    mut moves: watch::Receiver<u64>,
    sender: &mpsc::Sender<Sent>,
) -> Result<(), Refused> {
    let mut known = None;
    loop {
        moves.mark_unchanged();
        let (now, all) = driver.look(|world, now| Ok((now, world.all_breakers(now)))).await?;
        let all: Known = all.into_iter().map(|report| (report.name.clone(), report)).collect();
        for event in news(known.as_ref(), &all, now) {
            if sender.send(Ok(v1::WatchBreakersResponse { event: Some(event) })).await.is_err() {
                return Ok(());
            }
        }
        known = Some(all);
        tokio::select! {
            () = sender.closed() => return Ok(()),
            changed = moves.changed() => changed.map_err(|_| Refused::Stopping)?,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a watcher that knows `known` must be told of `all`; one that left the list has closed.
fn news(known: Option<&Known>, all: &Known, now: switchyard_shared::time::Timestamp) -> Vec<Event> {
    let snapshot = || {
        let breakers = all.values().map(Into::into).collect();
        vec![Event::Snapshot(v1::BreakerSnapshot { breakers })]
    };
    let Some(known) = known else { return snapshot() };
    let same = |report: &Report, before: &Report| Report { since: before.since, ..report.clone() } == *before;
    let moved =
        all.iter().filter(|(name, report)| !known.get(*name).is_some_and(|before| same(report, before)));
    let gone = known.values().filter(|report| !all.contains_key(&report.name));
    let closed = gone.map(|report| Report::closed(report.name.clone(), report.site.clone(), now));
    let news: Vec<Event> = moved
        .map(|(_, report)| report.clone())
        .chain(closed)
        .map(|report| Event::Breaker((&report).into()))
        .collect();
    if news.len() > MOVES_MAX { snapshot() } else { news }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::breaker::State;
    use switchyard_shared::time::Timestamp;

    fn reports(states: &[(&str, State)]) -> Known {
        let report = |(name, state): &(&str, State)| {
            let name = Name::parse(name).unwrap();
            Report { state: *state, ..Report::closed(name, None, Timestamp(1)) }
        };
        states.iter().map(report).map(|report| (report.name.clone(), report)).collect()
    }

    fn told(events: Vec<Event>) -> Vec<String> {
        let tell = |event| match event {
            Event::Snapshot(snapshot) => format!("snapshot of {}", snapshot.breakers.len()),
            Event::Breaker(breaker) => format!("{} {}", breaker.name, breaker.state().as_str_name()),
        };
        events.into_iter().map(tell).collect()
    }

    #[test]
    fn a_watcher_is_told_a_snapshot_then_what_moved_and_what_closed() {
        let before =
            reports(&[("site/lon", State::Open), ("device/r1", State::Open), ("site/ams", State::Closed)]);
        let after = reports(&[("site/lon", State::HalfOpen), ("site/ams", State::Closed)]);
        assert_eq!(told(news(None, &before, Timestamp(2))), ["snapshot of 3"]);
        let moved = told(news(Some(&before), &after, Timestamp(2)));
        assert_eq!(moved, ["site/lon STATE_HALF_OPEN", "device/r1 STATE_CLOSED"]);
        assert_eq!(told(news(Some(&after), &after, Timestamp(3))), Vec::<String>::new());
    }

    #[test]
    fn a_watcher_that_fell_far_behind_gets_a_snapshot_instead() {
        let names: Vec<String> = (0..=MOVES_MAX).map(|n| format!("device/d{n}")).collect();
        let open: Vec<(&str, State)> = names.iter().map(|name| (name.as_str(), State::Open)).collect();
        assert_eq!(told(news(Some(&Known::new()), &reports(&open), Timestamp(2))), ["snapshot of 257"]);
    }
}
