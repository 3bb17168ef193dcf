//! Watching a rollout to its end, on a terminal or off it, and telling the truth by the exit code.

mod ending;
mod show;

use crate::client::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::again::Lost;
use crate::follow::{News, follow};
use crate::session::Session;
use crate::view::View;
use ending::Ending;
use show::Show;
use std::time::Duration;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::time::Timestamp;
use tokio::time::MissedTickBehavior;

/// The screen is drawn at most this often.
const REDRAW: Duration = Duration::from_millis(200);
/// How long the last words of a rollout that is over are waited for.
const LINGER: Duration = Duration::from_secs(1);
/// How long devices in flight are waited for once a person is needed.
const SETTLE: Duration = Duration::from_secs(30);

/// What to watch, and when to stop.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The rollout.
    pub rollout: String,
    /// Events after this sequence, instead of a snapshot.
    pub since: Option<u64>,
    /// Stop as soon as a person is needed.
    pub exit_on_block: bool,
}

/// Watches until the rollout ends, a person is needed, time is up or Ctrl-C.
pub async fn watch(session: &mut Session, api: &Api, wish: &Wish) -> Result<Exit, Failure> {
    let mut watcher = Watcher { view: None, show: Show::new(session), over_since: None, held_since: None };
    let result = watcher.until_the_end(session, api, wish).await;
    watcher.show.leave(session);
    let ending = result?;
    watcher.last_look(api, &ending).await;
    Ok(ending::conclude(session, watcher.view.as_ref(), &watcher.show, &ending, &wish.rollout))
}

struct Watcher {
    view: Option<View>,
    show: Show,
    over_since: Option<Timestamp>,
    held_since: Option<Timestamp>,
}

impl Watcher {
    async fn until_the_end(
        &mut self,
        session: &mut Session,
        api: &Api,
        wish: &Wish,
    ) -> Result<Ending, Failure> {
        let mut news = follow(api.clone(), &wish.rollout, wish.since);
        let mut interrupted = std::pin::pin!(session.interrupted());
        let mut time_up = std::pin::pin!(session.time_up());
        let mut tick = tokio::time::interval(REDRAW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = &mut interrupted => return Ok(Ending::Detached),
                () = &mut time_up => return Ok(Ending::TimedOut),
                _ = tick.tick() => {
                    if let Some(view) = &self.view {
                        self.show.tick(session, view);
                    }
                }
                item = news.recv() => match item {
                    None => return Ok(Ending::Over),
                    Some(Err(failure)) => return Err(failure),
                    Some(Ok(news)) => self.take(session, news),
                },
            }
            if session.is_broken() {
                return Ok(Ending::Detached);
            }
            if let Some(ending) = self.settled(session, wish) {
                return Ok(ending);
            }
        }
    }

    fn take(&mut self, session: &mut Session, news: News) {
        match news {
            News::Base { rollout, devices, is_snapshot } => {
                let view = View::new(&rollout, &devices);
                self.show.base(session, &view, is_snapshot.then_some(&*rollout));
                self.view = Some(view);
            }
            News::Event(message) => {
                if let Some(view) = &mut self.view {
                    view.apply(&message);
                    self.show.event(session, view, &message);
                }
            }
            News::Lost(Lost { cause, attempt, wait }) => {
                if let Some(view) = &mut self.view {
                    view.reconnecting = Some(cause.clone());
                    self.show.lost(session, view, &cause, attempt, wait);
                }
            }
            News::Back => {
                if let Some(view) = &mut self.view {
                    view.reconnecting = None;
                    self.show.back(session, view);
                }
            }
        }
    }

    fn settled(&mut self, session: &Session, wish: &Wish) -> Option<Ending> {
        let view = self.view.as_ref()?;
        let now = session.now();
        self.over_since = view.is_over().then(|| self.over_since.unwrap_or(now));
        if self.over_since.is_some_and(|since| now.since(since) >= LINGER) {
            return Some(Ending::Over);
        }
        let alone = !self.show.is_on_terminal() && view.is_held();
        let why = view.needs_a_person().filter(|_| wish.exit_on_block || alone);
        self.held_since = why.is_some().then(|| self.held_since.unwrap_or(now));
        let since = self.held_since?;
        let settled = view.counts.of(DeviceState::Running) == 0 || now.since(since) >= SETTLE;
        why.filter(|_| settled).map(Ending::Blocked)
    }

    async fn last_look(&mut self, api: &Api, ending: &Ending) {
        let Some(view) = &mut self.view else { return };
        if *ending == Ending::Detached {
            return;
        }
        if let Ok(rollout) = api.rollout(&view.rollout).await
            && rollout.sequence >= view.sequence
        {
            view.refresh(&rollout);
        }
    }
}

#[cfg(test)]
mod tests;
