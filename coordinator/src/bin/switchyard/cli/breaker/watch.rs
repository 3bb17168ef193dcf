//! `switchyard breaker watch`: a line for each breaker that is not closed, then one for each that moves.

use crate::client::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::again::{Ended, Lost, Tries};
use crate::json;
use crate::render::lists;
use crate::session::Session;
use serde_json::json;
use std::time::Duration;
use switchyard_proto::v1::{self, watch_breakers_response::Event};
use switchyard_shared::time::format_duration;
use tonic::Streaming;

/// Follows until Ctrl-C, `--timeout`, or a refusal. A broken connection is opened again; the snapshot that
/// comes first then has what was missed.
pub async fn watch(session: &mut Session) -> Result<Exit, Failure> {
    let mut moves =
        Moves { api: session.api().await?, stream: None, tries: Tries::default(), wait: Duration::ZERO };
    let mut interrupted = std::pin::pin!(session.interrupted());
    let mut time_up = std::pin::pin!(session.time_up());
    loop {
        let news = tokio::select! {
            biased;
            () = &mut interrupted => return Ok(Exit::Interrupted),
            () = &mut time_up => return Ok(Exit::Timeout),
            news = moves.next() => news?,
        };
        match news {
            News::Event { event, is_back } => {
                if is_back {
                    session.note("reconnected");
                }
                show(session, &event);
            }
            News::Lost(Lost { cause, wait, .. }) => {
                session.note(&format!("reconnecting in {}: {cause}", format_duration(wait)));
            }
        }
        if session.is_broken() {
            return Ok(Exit::Ok);
        }
    }
}

enum News {
    /// A snapshot or a move; `is_back`: the first since the connection was lost.
    Event {
        event: Event,
        is_back: bool,
    },
    Lost(Lost),
}

/// Moves of breakers over any number of connections.
struct Moves {
    api: Api,
    stream: Option<Streaming<v1::WatchBreakersResponse>>,
    tries: Tries,
    /// How long until the next connection is tried.
    wait: Duration,
}

impl Moves {
    async fn next(&mut self) -> Result<News, Failure> {
        match self.event().await {
            Ok(event) => Ok(News::Event { event, is_back: self.tries.heard() }),
            Err(Ended::Failed(failure)) => Err(failure),
            Err(Ended::Broken(failure)) => {
                let lost = self.tries.again(failure)?;
                (self.stream, self.wait) = (None, lost.wait);
                Ok(News::Lost(lost))
            }
        }
    }

    async fn event(&mut self) -> Result<Event, Ended> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                tokio::time::sleep(self.wait).await;
                let mut breakers = self.api.breakers();
                let opened = breakers.watch_breakers(v1::WatchBreakersRequest {});
                none.insert(self.api.call(opened).await.map_err(Ended::call)?)
            }
        };
        let message = stream.message().await.map_err(|status| Ended::stream(&self.api, &status))?;
        let event = message.and_then(|message| message.event);
        event.ok_or_else(|| Ended::broken(&self.api, "the coordinator closed the stream"))
    }
}

fn show(session: &mut Session, event: &Event) {
    match (event, session.for_people()) {
        (Event::Snapshot(snapshot), true) => {
            let (now, closed) = (session.now(), i32::from(v1::breaker::State::Closed));
            let open: Vec<String> = snapshot
                .breakers
                .iter()
                .filter(|breaker| breaker.state != closed)
                .map(|breaker| lists::breaker(breaker, now))
                .collect();
            session.note(&format!("{} breakers, {} not closed", snapshot.breakers.len(), open.len()));
            session.say_all(&open);
        }
        (Event::Snapshot(snapshot), false) => {
            let breakers: Vec<_> = snapshot.breakers.iter().map(json::breaker).collect();
            session.say(&json!({"snapshot": {"breakers": breakers}}).to_string());
        }
        (Event::Breaker(breaker), true) => {
            let now = session.now();
            session.say(&format!("{} {}", now.clock(), lists::breaker(breaker, now)));
        }
        (Event::Breaker(breaker), false) => {
            session.say(&json!({"breaker": json::breaker(breaker)}).to_string());
        }
    }
}

#[cfg(test)]
mod tests;
