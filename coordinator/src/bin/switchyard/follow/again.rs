//! A stream that is opened again when it breaks: when it may be, after how long, and when it is given up.

use super::backoff;
use crate::client::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use std::time::Duration;
use tonic::{Code, Status};

/// Why nothing more comes.
#[derive(Debug)]
pub enum Ended {
    /// The connection broke: it may be opened again.
    Broken(Failure),
    /// It was refused.
    Failed(Failure),
}

impl Ended {
    /// A call that opens the stream failed.
    pub fn call(failure: Failure) -> Self {
        if failure.exit == Exit::Unavailable { Self::Broken(failure) } else { Self::Failed(failure) }
    }

    /// The stream ended with a status.
    pub fn stream(api: &Api, status: &Status) -> Self {
        if is_transient(status) {
            Self::broken(api, status.message())
        } else {
            Self::Failed(api.failure(status))
        }
    }

    /// It broke for this cause.
    pub fn broken(api: &Api, cause: &str) -> Self {
        Self::Broken(api.failure(&Status::unavailable(cause.to_owned())))
    }
}

/// The connection broke; it is tried again after `wait`.
#[derive(Debug)]
pub struct Lost {
    /// Why.
    pub cause: String,
    /// Which try comes next, from 1.
    pub attempt: u32,
    /// How long until it.
    pub wait: Duration,
}

/// How often it was tried without a word.
#[derive(Debug, Default)]
pub struct Tries {
    attempt: u32,
    heard: bool,
}

impl Tries {
    /// Something came; whether it is the first after the connection was lost.
    pub fn heard(&mut self) -> bool {
        self.heard = true;
        std::mem::take(&mut self.attempt) > 0
    }

    /// It broke. Given up, with the failure, when nothing was ever heard or after
    /// [`backoff::ATTEMPTS_MAX`] tries.
    pub fn again(&mut self, failure: Failure) -> Result<Lost, Failure> {
        if !self.heard || self.attempt >= backoff::ATTEMPTS_MAX {
            return Err(failure);
        }
        self.attempt += 1;
        let wait = backoff::wait(self.attempt, crate::entropy::share());
        let cause = failure.causes.first().unwrap_or(&failure.message).clone();
        Ok(Lost { cause, attempt: self.attempt, wait })
    }
}

/// Whether the stream may be opened again: it broke, nothing was refused.
fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::Cancelled
        | Code::Unknown
        | Code::Internal
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}
