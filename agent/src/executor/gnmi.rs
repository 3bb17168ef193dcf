//! gNMI over TLS: a template is an object of paths and values, one Set is one transaction, and a commit is confirmed
//! where the device can.

mod back;
mod change;
mod commits;
mod compare;
mod dial;
mod login;
mod messages;
mod session;
mod tree;
mod trouble;
mod value;
mod wire;

#[cfg(test)]
mod tests;

use super::device::{Driver, Job, Session};
use super::tls_dial::Trust;
use super::{Failure, json_order};
use crate::secrets::{Secrets, SiteKey};
use futures_util::future::BoxFuture;
use login::Login;
use session::GnmiSession;
use std::sync::Arc;
use switchyard_shared::outcome::Phase;
use switchyard_shared::procedure::Procedure;
use zeroize::Zeroizing;

/// The driver of gNMI devices.
pub struct Gnmi {
    secrets: Secrets,
    key: Arc<SiteKey>,
    trust: Arc<Trust>,
}

impl Gnmi {
    /// Takes credentials and CAs from `secrets`.
    pub fn new(secrets: Secrets, key: Arc<SiteKey>) -> Self {
        Self { secrets, key, trust: dial::trust() }
    }

    async fn open(&self, job: &Job<'_>) -> Result<Box<dyn Session>, Failure> {
        let login = Login::of(job, &self.secrets, &self.key).await?;
        job.context.progress(Phase::Connect);
        let connection = dial::connect(job, &self.secrets, &self.trust).await?;
        job.context.progress(Phase::Authenticate);
        let wire = wire::Wire::open(connection, login, job).await?;
        Ok(Box::new(GnmiSession::new(wire, job)))
    }
}

impl Driver for Gnmi {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(self.open(job))
    }

    fn in_one_order(&self, _: &Procedure, text: &str) -> Option<Zeroizing<String>> {
        json_order::of_text(text)
    }
}

/// How messages name the device of `job`.
fn place(job: &Job<'_>) -> String {
    let endpoint = &job.task.endpoint;
    format!("{} ({}:{})", job.task.op.device, endpoint.hostname, endpoint.port)
}
