//! The one way by which requests reach a device, and by which what only reads cannot write.

use super::dial;
use super::rpc;
use crate::executor::device::Job;
use crate::executor::tls_dial::TlsDial;
use crate::executor::wanted::Redactor;
use crate::executor::{Failure, WritePass};
use crate::http_client::{Connection, NoReply, Reply, Request};
use crate::platform::{HttpApi, Platform};
use crate::secrets::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_MATCH, USER_AGENT};
use std::time::Duration;
use switchyard_shared::procedure::LINE_TIME;
use switchyard_shared::time::format_duration;
use zeroize::Zeroizing;

/// Largest body of an answer, in bytes: that of the largest snapshot.
pub(super) const BODY_BYTES_MAX: usize = crate::executor::snapshots::SNAPSHOT_BYTES_MAX;

/// What is asked.
pub(super) enum Ask<'a> {
    /// Reads.
    Get,
    /// Puts the body in the place of what is there.
    Put(Body<'a>),
    /// Changes what is there as the body says.
    Patch(Body<'a>),
    /// Takes it away.
    Delete,
    /// Says lines to a command line behind an API.
    Lines(Lines<'a>),
}

/// Lines of a platform.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) platform: &'a Platform,
    pub(super) api: &'a HttpApi,
    pub(super) lines: &'a [String],
    /// Whether they may change the device; otherwise each must be known to only look.
    pub(super) change: bool,
}

impl Lines<'_> {
    fn only_look(&self) -> bool {
        let escalates = |line: &String| {
            self.platform.escalation.as_ref().is_some_and(|escalation| escalation.command == *line)
        };
        self.lines.iter().all(|line| escalates(line) || self.platform.looks.allow(line))
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) kind: &'a str,
    pub(super) text: &'a str,
}

/// Where, and under which condition.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The path and what follows it.
    pub(super) path: &'a str,
    /// What kind of answer is understood.
    pub(super) accept: &'a str,
    /// Only if what is there still has this tag, RFC 9110 section 13.1.1.
    pub(super) only_if: Option<&'a str>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// The attempt may not say it: nothing was sent.
    NotAllowed(&'static str),
    /// The device cannot be reached again, or is another one now: nothing of it has left.
    NoWay(Box<Failure>),
    /// Nothing of it has left.
    NotSent(String),
    /// The answer is larger than what is read; this says how large that is.
    TooLarge(String),
    /// The device may have got it, and nobody heard the whole answer.
    Lost(String),
}

impl Ask<'_> {
    fn method(&self) -> hyper::Method {
        match self {
            Self::Get => hyper::Method::GET,
            Self::Put(_) => hyper::Method::PUT,
            Self::Patch(_) => hyper::Method::PATCH,
            Self::Delete => hyper::Method::DELETE,
            Self::Lines(_) => hyper::Method::POST,
        }
    }

    /// Its name in messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put(_) => "PUT",
            Self::Patch(_) => "PATCH",
            Self::Delete => "DELETE",
            Self::Lines(lines) if lines.change => "lines that change",
            Self::Lines(_) => "lines that look",
        }
    }

    /// Whether it can change the device.
    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Get => false,
            Self::Put(_) | Self::Patch(_) | Self::Delete => true,
            Self::Lines(lines) => lines.change || !lines.only_look(),
        }
    }

    /// How long the device may be at work on it beyond what any answer takes: it gets all lines at once.
    fn work(&self) -> Duration {
        match self {
            Self::Get | Self::Put(_) | Self::Patch(_) | Self::Delete => Duration::ZERO,
            Self::Lines(lines) => {
                LINE_TIME.saturating_mul(u32::try_from(lines.lines.len()).unwrap_or(u32::MAX))
            }
        }
    }

    /// The kind of what is sent, and its text.
    fn body(&self) -> Option<(&str, Zeroizing<String>)> {
        match self {
            Self::Put(body) | Self::Patch(body) => Some((body.kind, Zeroizing::new(body.text.to_owned()))),
            Self::Lines(lines) => Some((&lines.api.kind, rpc::message(lines.api, lines.lines, lines.change))),
            Self::Get | Self::Delete => None,
        }
    }
}

/// A user and a password as HTTP carries them, RFC 7617 section 2.
pub(super) fn login(user: &str, password: &Secret) -> Secret {
    let both = Zeroizing::new(format!("{user}:{}", password.reveal()));
    Secret::new(STANDARD.encode(&*both))
}

/// An open way to one device.
pub(super) struct Wire {
    dial: TlsDial,
    connection: Option<Connection>,
    login: HeaderValue,
    may_write: bool,
    /// For messages.
    pub(super) user: String,
    pub(super) redactor: Redactor,
    /// Longest wait for the answer to a request that writes, beside the time for its lines.
    patience: Duration,
}

impl Wire {
    /// Connects, to say everything with the [`login`] of the task's user.
    pub(super) async fn open(dial: TlsDial, job: &Job<'_>, login: &Secret) -> Result<Self, Failure> {
        let user = &job.task.endpoint.username;
        let login = Zeroizing::new(format!("Basic {}", login.reveal()));
        let mut login = HeaderValue::from_str(&login).expect("base64 is visible ASCII");
        login.set_sensitive(true);
        let connection = Some(dial::connect(&dial).await?);
        let (may_write, patience) = (job.task.purpose.writes(), job.task.timeouts.command);
        let (user, redactor) = (user.clone(), job.redactor.clone());
        Ok(Self { dial, connection, login, may_write, user, redactor, patience })
    }

    /// How messages name the device.
    pub(super) fn place(&self) -> &str {
        &self.dial.place
    }

    /// Longest wait for the answer to one request that writes.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Asks and waits for the answer; the caller bounds the time of readings. Every request to a device goes through here: what
    /// writes needs an attempt that may write and the pass of its gate.
    pub(super) async fn send(
        &mut self,
        ask: &Ask<'_>,
        place: Place<'_>,
        pass: Option<&WritePass>,
    ) -> Result<Reply, CallError> {
        if ask.is_write() && !(self.may_write && pass.is_some()) {
            return Err(CallError::NotAllowed(ask.name()));
        }
        if !ask.is_write() {
            return self.answer(ask, place).await;
        }
        let patience = self.patience.saturating_add(ask.work());
        match tokio::time::timeout(patience, self.answer(ask, place)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Lost(format!("no answer within {}", format_duration(patience)))),
        }
    }

    async fn answer(&mut self, ask: &Ask<'_>, place: Place<'_>) -> Result<Reply, CallError> {
        let reused = self.connection.is_some();
        match self.exchange(ask, place).await {
            // A device may close a connection that stands idle: what did not reach it is said over a new one, and what
            // only reads may be said twice.
            Err(CallError::NotSent(_)) if reused => self.exchange(ask, place).await,
            Err(CallError::Lost(_)) if reused && !ask.is_write() => self.exchange(ask, place).await,
            answered => answered,
        }
    }

    async fn exchange(&mut self, ask: &Ask<'_>, place: Place<'_>) -> Result<Reply, CallError> {
        let request = self.request(ask, place)?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => dial::connect(&self.dial).await.map_err(|failure| CallError::NoWay(Box::new(failure)))?,
        };
        let reply = connection.ask(request, BODY_BYTES_MAX).await.map_err(|error| match error {
            NoReply::NotSent(why) => CallError::NotSent(why),
            NoReply::Lost(why) => CallError::Lost(why),
            NoReply::TooLarge(_) => CallError::TooLarge(error.to_string()),
        })?;
        self.connection = Some(connection);
        Ok(reply)
    }

    fn request(&self, ask: &Ask<'_>, place: Place<'_>) -> Result<Request, CallError> {
        let mut request = hyper::Request::builder()
            .method(ask.method())
            .uri(place.path)
            .header(HOST, self.dial.host())
            .header(USER_AGENT, "switchyard-agent")
            .header(AUTHORIZATION, self.login.clone())
            .header(ACCEPT, place.accept);
        if let Some(tag) = place.only_if {
            request = request.header(IF_MATCH, tag);
        }
        let mut bytes = Vec::new();
        if let Some((kind, text)) = ask.body() {
            request = request.header(CONTENT_TYPE, kind);
            bytes.extend_from_slice(text.as_bytes());
        }
        request
            .body(hyper::body::Bytes::from(bytes).into())
            .map_err(|error| CallError::NotSent(format!("it cannot be asked for {}: {error}", place.path)))
    }
}
