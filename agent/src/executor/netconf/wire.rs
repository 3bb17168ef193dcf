//! The one way by which words reach a device, and by which what only reads cannot write.

use super::framing::{Framer, FramingError};
use super::hello::{Abilities, BASE, HelloError, OURS};
use super::reply::{self, RpcError};
use super::rpc::{Might, Rpc};
use super::xml::{Element, parse};
use crate::executor::WritePass;
use crate::executor::wanted::Redactor;
use std::time::Duration;
use switchyard_shared::time::format_duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Messages that are no answer and are passed over while one is waited for.
const PASSED_OVER_MAX: usize = 256;
/// How long the first answer may take before the device is asked for nothing: some servers read what follows
/// the hello together with it and look at it only when more comes.
const NUDGE_AFTER: Duration = Duration::from_secs(1);

/// What carries the bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a call has no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The attempt may not say it: nothing was sent.
    NotAllowed(&'static str),
    /// The session was gone: the device has not got the whole message, so it cannot have acted on it.
    NotSent(String),
    /// The session ended before the answer.
    Lost(String),
    /// The answer cannot be understood; the session is of no more use.
    Garbled(String),
    /// The device said no.
    Refused(Vec<RpcError>),
}

/// What a session may do, and what its errors hide.
pub struct Terms {
    /// Whether locks and writing words pass.
    pub may_write: bool,
    /// Longest wait for the answer to a writing word.
    pub patience: Duration,
    /// Hides the secrets of the change.
    pub redactor: Redactor,
}

/// An open NETCONF session.
pub struct Wire {
    stream: Box<dyn Stream>,
    framer: Framer,
    number: u64,
    terms: Terms,
    /// Nothing more can be said: half a message was, or the answer to a word that does something is still to come, or an
    /// answer was none. One to a reading that nobody waits for any more is passed over by its number when it comes.
    spent: bool,
    fresh: bool,
}

impl Wire {
    /// Says hello over `stream` and hears the device's.
    pub async fn open(stream: Box<dyn Stream>, terms: Terms) -> Result<(Self, Abilities), CallError> {
        let framer = Framer::default();
        let mut wire = Self { stream, framer, number: 0, terms, spent: false, fresh: true };
        wire.put(OURS).await?;
        let hello = wire.message().await?;
        let abilities =
            Abilities::of(&hello).map_err(|error: HelloError| CallError::Garbled(error.to_string()))?;
        if abilities.chunks {
            wire.framer.use_chunks();
        }
        Ok((wire, abilities))
    }

    /// Says `rpc` and waits for its answer; the caller bounds the time of what only reads. Every word to a device goes through here:
    /// what writes needs the pass of this attempt's gate, and a lock an attempt that may write.
    pub async fn call(&mut self, rpc: &Rpc<'_>, pass: Option<&WritePass>) -> Result<Element, CallError> {
        match rpc.might() {
            Might::Reads => {}
            Might::Locks if self.terms.may_write => {}
            Might::Writes if self.terms.may_write && pass.is_some() => {}
            Might::Locks | Might::Writes => return Err(CallError::NotAllowed(rpc.name())),
        }
        if self.spent {
            return Err(CallError::NotSent("an earlier answer is still to come".into()));
        }
        let patience = self.terms.patience;
        let reply = match rpc.might() {
            Might::Reads | Might::Locks => self.exchange(rpc).await,
            Might::Writes => tokio::time::timeout(patience, self.exchange(rpc)).await.unwrap_or_else(|_| {
                let waited = format_duration(patience);
                Err(CallError::Lost(format!("no answer to {} within {waited}", rpc.name())))
            }),
        };
        self.spent = reply.is_err();
        let reply = reply?;
        let errors = reply::errors(&reply, &self.terms.redactor);
        if !errors.is_empty() {
            return Err(CallError::Refused(errors));
        }
        // RFC 6241 §4.4: what returns no data returns <ok>; without it nobody knows what was done.
        if rpc.might() == Might::Writes && !reply.children.iter().any(|child| child.is(BASE, "ok")) {
            return Err(CallError::Garbled(format!("find <ok/> in the answer to {}", rpc.name())));
        }
        Ok(reply)
    }

    /// How long an answer is waited for.
    pub fn patience(&self) -> Duration {
        self.terms.patience
    }

    /// Whether nothing more can be said.
    pub fn is_spent(&self) -> bool {
        self.spent
    }

    async fn exchange(&mut self, rpc: &Rpc<'_>) -> Result<Element, CallError> {
        let number = self.say(rpc).await?;
        if !std::mem::take(&mut self.fresh) {
            return self.answer(number).await;
        }
        match tokio::time::timeout(NUDGE_AFTER, self.answer(number)).await {
            Ok(reply) => reply,
            Err(_) => {
                self.say(&Rpc::Nothing).await?;
                self.answer(number).await
            }
        }
    }

    async fn say(&mut self, rpc: &Rpc<'_>) -> Result<u64, CallError> {
        self.number += 1;
        let awaits = std::mem::replace(&mut self.spent, true);
        self.put(&rpc.message(self.number)).await?;
        self.spent = awaits || rpc.might() != Might::Reads;
        Ok(self.number)
    }

    async fn put(&mut self, message: &str) -> Result<(), CallError> {
        let framed = self.framer.frame(message);
        let sent = self.stream.write_all(&framed).await;
        sent.map_err(|error| CallError::NotSent(format!("the session broke ({error})")))?;
        self.stream.flush().await.map_err(|error| CallError::Lost(format!("the session broke ({error})")))
    }

    /// The answer to `number`. Those to earlier numbers are passed over, and so are notifications.
    async fn answer(&mut self, number: u64) -> Result<Element, CallError> {
        for _ in 0..PASSED_OVER_MAX {
            let message = self.message().await?;
            let reply = parse(&message).map_err(|error| CallError::Garbled(error.to_string()))?;
            if !reply.is(BASE, "rpc-reply") {
                if reply.name == "notification" {
                    continue;
                }
                return Err(CallError::Garbled("find an answer: it sent another message".into()));
            }
            match reply.attribute("", "message-id").map(str::parse::<u64>) {
                Some(Ok(of)) if of < number => {}
                // A device that could not read the message does not know its number, and says what is wrong with it.
                None if !reply::errors(&reply, &self.terms.redactor).is_empty() => return Ok(reply),
                None => {
                    return Err(CallError::Garbled("tell what its answer without a number is about".into()));
                }
                Some(Ok(of)) if of == number => return Ok(reply),
                // An answer to the nudge tells nothing of what was asked.
                Some(Ok(of)) if of <= self.number => {}
                Some(_) => return Err(CallError::Garbled("match its answer with what was asked".into())),
            }
        }
        Err(CallError::Garbled("find an answer among so many messages".into()))
    }

    async fn message(&mut self) -> Result<Zeroizing<String>, CallError> {
        let mut bytes = Zeroizing::new(vec![0; READ_BYTES]);
        loop {
            let next = self.framer.next();
            if let Some(message) =
                next.map_err(|error: FramingError| CallError::Garbled(error.to_string()))?
            {
                return Ok(message);
            }
            match self.stream.read(&mut bytes).await {
                Ok(0) => return Err(CallError::Lost("the device ended the NETCONF session".into())),
                Ok(read) => self.framer.push(&bytes[..read]),
                Err(error) => return Err(CallError::Lost(format!("the session broke ({error})"))),
            }
        }
    }
}
