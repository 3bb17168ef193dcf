//! `switchyard breaker watch`: a line for each breaker that is not closed, then one for each that moves.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::lists;
use crate::session::Session;
use serde_json::json;
use switchyard_proto::v1::{self, watch_breakers_response::Event};

/// Follows until Ctrl-C, `--timeout`, or the coordinator ends.
pub async fn watch(session: &mut Session) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let mut stream = api.call(api.breakers().watch_breakers(v1::WatchBreakersRequest {})).await?;
    let interrupt = session.around.interrupt.clone();
    let mut interrupted = std::pin::pin!(async move { interrupt.wait().await });
    let limit = session.globals.timeout;
    let mut time_up = std::pin::pin!(async move {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    });
    loop {
        let next = tokio::select! {
            biased;
            () = &mut interrupted => return Ok(Exit::Interrupted),
            () = &mut time_up => return Ok(Exit::Timeout),
            next = stream.message() => next.map_err(|status| api.failure(&status))?,
        };
        match next.and_then(|message| message.event) {
            Some(event) => show(session, &event),
            None => return Err(Failure::unreachable(api.server(), "the stream ended; watch again")),
        }
        if session.is_broken() {
            return Ok(Exit::Ok);
        }
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
