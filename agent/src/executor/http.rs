//! Devices over HTTPS: RESTCONF, RFC 8040, or command lines behind JSON-RPC, as the platform says.

mod dial;
mod errors;
mod json;
mod lines;
mod restconf;
mod rpc;
mod trouble;
mod wire;

#[cfg(test)]
mod tests;

use super::cli::{Names, Script};
use super::device::{Driver, Job, Session};
use super::ssh;
use super::tls_dial::{TlsDial, Trust};
use super::{Failure, json_order};
use crate::platform::Platforms;
use crate::secrets::{Credential, Secret, Secrets, SiteKey};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Procedure;
use wire::Wire;
use zeroize::Zeroizing;

pub use switchyard_shared::procedure::RESTCONF;

/// The driver of devices with an API over HTTP.
pub struct Http {
    secrets: Secrets,
    key: Arc<SiteKey>,
    platforms: Platforms,
    trust: Arc<Trust>,
}

impl Http {
    /// A driver that takes credentials and CAs from `secrets`.
    pub fn new(secrets: Secrets, key: Arc<SiteKey>, platforms: Platforms) -> Self {
        Self { secrets, key, platforms, trust: dial::trust() }
    }

    async fn open(&self, job: &Job<'_>) -> Result<Box<dyn Session>, Failure> {
        let name = &job.procedure.platform;
        let platform = self.platforms.get(name).filter(|platform| platform.http.is_some());
        if platform.is_none() && name != RESTCONF {
            return Err(unknown_platform(name));
        }
        let password = self.password(job).await?;
        let login = wire::login(&job.task.endpoint.username, &password);
        // A device may say in its errors what it was sent.
        let redactor = job.redactor.and(vec![password, login.clone()]);
        let job = &Job { redactor, unshown: job.unshown.clone(), ..*job };
        job.context.progress(Phase::Connect);
        let dial = TlsDial::new(job, &self.secrets, &self.trust).await?;
        let wire = Wire::open(dial, job, &login).await?;
        Ok(match platform {
            None => Box::new(restconf::begin(wire, job).await?),
            Some(platform) => {
                let script = Script::new(platform, Names::of(job));
                Box::new(lines::begin(wire, script, job).await?)
            }
        })
    }

    async fn password(&self, job: &Job<'_>) -> Result<Secret, Failure> {
        let task = job.task;
        let credential = ssh::credential(&self.secrets, task).await?;
        job.context.secret(self.key.fingerprint(&credential));
        match credential {
            Credential::Password(password) => Ok(password),
            Credential::PrivateKey(_) | Credential::SshAgent { .. } => {
                let message = format!("{}: its credential is a private key", task.op.device);
                Err(Failure::new(Class::CredentialUnavailable, Phase::Queue, message)
                    .with_hint("a login over HTTP needs a password: name one in credential_ref"))
            }
        }
    }
}

impl Driver for Http {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(self.open(job))
    }

    fn in_one_order(&self, procedure: &Procedure, text: &str) -> Option<Zeroizing<String>> {
        match procedure.platform == RESTCONF {
            true => json_order::of_text(text),
            false => None,
        }
    }
}

fn unknown_platform(name: &str) -> Failure {
    let message = match name {
        "" => "the device has no platform, so nobody knows what it speaks over HTTP".to_owned(),
        name => format!("this agent knows nothing that the platform {name} speaks over HTTP"),
    };
    Failure::new(Class::PrecheckFailed, Phase::Queue, message)
        .with_hint(format!(
            "write platform: {RESTCONF} or one whose definition has http, such as arista_eos, or use another transport"
        ))
}
