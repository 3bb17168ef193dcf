//! Devices over HTTPS: RESTCONF, RFC 8040, where the platform says so.

mod dial;
mod json;
mod restconf;
mod wire;

#[cfg(test)]
mod tests;

use super::Failure;
use super::device::{Driver, Job, Session};
use super::ssh;
use crate::secrets::{Credential, Secrets, SiteKey};
use dial::{Dial, Trust};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Phase};
use wire::Wire;

/// The platform of a device that speaks RESTCONF.
pub const RESTCONF: &str = "restconf";

/// The driver of devices with an API over HTTP.
pub struct Http {
    secrets: Secrets,
    key: Arc<SiteKey>,
    trust: Trust,
}

impl Http {
    /// A driver that takes credentials and CAs from `secrets`.
    pub fn new(secrets: Secrets, key: Arc<SiteKey>) -> Self {
        Self { secrets, key, trust: Trust::default() }
    }

    async fn open(&self, job: &Job<'_>) -> Result<Box<dyn Session>, Failure> {
        if job.procedure.platform != RESTCONF {
            return Err(unknown_platform(&job.procedure.platform));
        }
        let wire = self.log_in(job).await?;
        Ok(Box::new(restconf::begin(wire, job).await?))
    }

    /// A connection that carries the device's credential; nothing has been said over it.
    async fn log_in(&self, job: &Job<'_>) -> Result<Wire, Failure> {
        let task = job.task;
        let credential = ssh::credential(&self.secrets, task).await?;
        job.context.secret(self.key.fingerprint(&credential));
        let password = match credential {
            Credential::Password(password) => password,
            Credential::PrivateKey(_) => {
                let message = format!("{}: its credential is a private key", task.op.device);
                return Err(Failure::new(Class::CredentialUnavailable, Phase::Queue, message)
                    .with_hint("a login over HTTP needs a password: name one in credential_ref"));
            }
        };
        job.context.progress(Phase::Connect);
        let dial = Dial::new(job, &self.secrets, &self.trust).await?;
        Wire::open(dial, job, &password).await
    }
}

impl Driver for Http {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(self.open(job))
    }
}

fn unknown_platform(name: &str) -> Failure {
    let message = match name {
        "" => "the device has no platform, so nobody knows what it speaks over HTTP".to_owned(),
        name => format!("this agent knows nothing that the platform {name} speaks over HTTP"),
    };
    Failure::new(Class::PrecheckFailed, Phase::Queue, message)
        .with_hint(format!("write platform: {RESTCONF} in the inventory, or use another transport"))
}
