//! One session: hello, welcome, heartbeats under a lease, and everything else to the driver.

use super::together::{self, AtOnce};
use super::{Ending, Session};
use crate::driver::Message;
use futures_util::{Stream, StreamExt as _};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use switchyard_proto::agent_v1::link_service_client::LinkServiceClient;
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse};
use switchyard_proto::convert::link::{FromAgent, FromCoordinator, Hello, Welcome};
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::time::{Timestamp, format_duration};
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

/// Messages that may wait for the network.
const UP_MAX: usize = 64;
/// How long the coordinator may take to say welcome.
const WELCOME_WAIT: Duration = Duration::from_secs(10);
/// Heartbeats that may wait for their answer.
const UNANSWERED_MAX: usize = 1_000;

/// Runs one session to its end; `welcomed` tells when the coordinator welcomed us.
pub(super) async fn run(session: &Session, channel: Channel, welcomed: &mut Option<Timestamp>) -> Ending {
    let (reply, hello) = oneshot::channel();
    let _driver_is_gone = session.driver.send(Message::HelloWanted(reply)).await;
    let Ok(hello) = hello.await else {
        return Ending::Lost("begin a session: the agent is ending".into());
    };
    let (up, outgoing) = mpsc::channel(UP_MAX);
    let at_once = AtOnce::default();
    let sent_at = session.clock.now();
    let greeting = greet(channel, hello.clone(), &up, together::stream(outgoing, at_once.clone()));
    let (welcome, number, incoming) = match tokio::time::timeout(WELCOME_WAIT, greeting).await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(ending)) => return ending,
        Err(_) => {
            let wait = format_duration(WELCOME_WAIT);
            return Ending::Lost(format!("hear a welcome from {} within {wait}", session.connector.peer()));
        }
    };
    if let Some(ending) = objection(session, &hello, &welcome) {
        return ending;
    }
    session.lease.renew(sent_at.plus(welcome.lease));
    at_once.allow(welcome.results_at_once);
    tracing::info!(
        "connected to {} as agents/{} for site {}",
        session.connector.peer(),
        welcome.agent,
        welcome.site
    );
    *welcomed = Some(session.clock.now());
    if session.driver.send(Message::Connected(welcome.clone(), up.clone())).await.is_err() {
        return Ending::Lost("go on: the agent is ending".into());
    }
    Link { session, welcome, number, up, incoming, sent: VecDeque::new(), count: 0 }.run().await
}

async fn greet(
    channel: Channel,
    hello: Hello,
    up: &mpsc::Sender<FromAgent>,
    requests: impl Stream<Item = ConnectRequest> + Send + 'static,
) -> Result<(Welcome, u64, Streaming<ConnectResponse>), Ending> {
    // The queue was made a moment ago and is empty.
    let _has_room = up.try_send(FromAgent::Hello(hello));
    let mut client = LinkServiceClient::new(channel);
    let number = Arc::new(AtomicU64::new(0));
    let of_stream = Arc::clone(&number);
    let stamped = move |wire| ConnectRequest { session: of_stream.load(Ordering::SeqCst), ..wire };
    let mut incoming =
        client.connect(requests.map(stamped)).await.map_err(|status| judge(&status))?.into_inner();
    let first = incoming.message().await.map_err(|status| judge(&status))?;
    let Some(first) = first else {
        return Err(Ending::Lost("hear a welcome: the coordinator closed the session".into()));
    };
    number.store(first.session, Ordering::SeqCst);
    let number = first.session;
    match FromCoordinator::try_from(first) {
        Ok(FromCoordinator::Welcome(welcome)) => Ok((welcome, number, incoming)),
        Ok(_) => Err(Ending::Refused("understand the coordinator: it did not begin with a welcome".into())),
        Err(error) => Err(Ending::Refused(format!("{error} of the coordinator's welcome"))),
    }
}

fn objection(session: &Session, hello: &Hello, welcome: &Welcome) -> Option<Ending> {
    let peer = session.connector.peer();
    if welcome.site != session.site {
        return Some(Ending::Fatal(format!(
            "serve site {} at {peer}: this agent's identity is bound to site {}; start it with --site {}, or enrol it \
             anew for {}",
            session.site, welcome.site, welcome.site, session.site
        )));
    }
    if welcome.coordinator_epoch < hello.coordinator_epoch && guard::holds(Guard::CoordinatorEpoch) {
        return Some(Ending::Refused(format!(
            "follow {peer}: it is at epoch {} and this agent has seen epoch {}; it is an old or restored copy, so \
             nothing is started for it",
            welcome.coordinator_epoch, hello.coordinator_epoch
        )));
    }
    if welcome.site_epoch < hello.site_epoch && guard::holds(Guard::CoordinatorEpoch) {
        return Some(Ending::Refused(format!(
            "follow {peer}: it has site {} at epoch {} and this agent has seen epoch {}; it is an old or restored \
             copy, so nothing is started for it",
            welcome.site, welcome.site_epoch, hello.site_epoch
        )));
    }
    None
}

struct Link<'a> {
    session: &'a Session,
    welcome: Welcome,
    /// The session's number.
    number: u64,
    up: mpsc::Sender<FromAgent>,
    incoming: Streaming<ConnectResponse>,
    /// Heartbeats without an answer, with when they were sent.
    sent: VecDeque<(u64, Timestamp)>,
    count: u64,
}

impl Link<'_> {
    async fn run(mut self) -> Ending {
        let mut beat = tokio::time::interval(self.welcome.heartbeat_interval);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let lease = &self.session.lease;
            let left = lease.until().since(self.session.clock.now());
            tokio::select! {
                biased;
                () = tokio::time::sleep(left) => {
                    if !lease.is_held(self.session.clock.now()) {
                        let lease = format_duration(self.welcome.lease);
                        return Ending::Lost(format!("hear from the coordinator for {lease}: nothing new starts"));
                    }
                }
                _ = beat.tick() => self.heartbeat(),
                message = self.incoming.message() => {
                    if let Err(ending) = self.heard(message).await {
                        return ending;
                    }
                }
            }
        }
    }

    fn heartbeat(&mut self) {
        self.count += 1;
        // A full queue means that the network is stuck; the lease decides how long that may last.
        if self.up.try_send(FromAgent::Heartbeat(self.count)).is_ok() {
            self.sent.push_back((self.count, self.session.clock.now()));
            self.sent.truncate(UNANSWERED_MAX);
        }
    }

    async fn heard(&mut self, message: Result<Option<ConnectResponse>, Status>) -> Result<(), Ending> {
        let wire = match message {
            Ok(Some(wire)) => wire,
            Ok(None) => {
                return Err(Ending::Closed("stay connected: the coordinator closed the session".into()));
            }
            Err(status) => return Err(judge(&status)),
        };
        if wire.session != self.number {
            tracing::warn!(
                session = self.number,
                of = wire.session,
                "a message of another session; passed over"
            );
            return Ok(());
        }
        let message = FromCoordinator::try_from(wire)
            .map_err(|error| Ending::Refused(format!("{error} of the coordinator's message")))?;
        if let FromCoordinator::HeartbeatReply(count) = message {
            self.answered(count);
            return Ok(());
        }
        let delivered = self.session.driver.send(Message::Down(message)).await;
        delivered.map_err(|_| Ending::Lost("go on: the agent is ending".into()))
    }

    fn answered(&mut self, count: u64) {
        while let Some((sent, at)) = self.sent.front().copied()
            && sent <= count
        {
            self.sent.pop_front();
            if sent == count {
                self.session.lease.renew(at.plus(self.welcome.lease));
            }
        }
    }
}

/// What a status means for dialling again.
fn judge(status: &Status) -> Ending {
    let message = match switchyard_proto::tls::client::ConnectError::find(status) {
        Some(error) => error.to_string(),
        None => {
            let text = switchyard_shared::outcome::printable(status.message().as_bytes(), 512);
            // What tonic makes of a connection that ended under a session.
            if matches!(status.code(), Code::Unknown | Code::Internal) {
                format!("stay connected: the connection broke ({text})")
            } else {
                format!("stay connected: {text} ({:?})", status.code())
            }
        }
    };
    match status.code() {
        Code::PermissionDenied | Code::Unauthenticated => Ending::Fatal(message),
        Code::AlreadyExists | Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented => {
            Ending::Refused(message)
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Ending::Lost(message),
    }
}
