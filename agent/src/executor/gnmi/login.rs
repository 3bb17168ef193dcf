//! The login that goes with every call, as metadata (gNMI specification §3.1).

use crate::executor::device::Job;
use crate::executor::{Failure, ssh};
use crate::secrets::{Credential, Secrets, SiteKey};
use switchyard_shared::outcome::{Class, Phase};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

/// A name and a password, ready to be sent.
pub struct Login {
    username: MetadataValue<Ascii>,
    password: MetadataValue<Ascii>,
}

impl Login {
    /// Resolves the credential of `job` before anything is sent.
    pub async fn of(job: &Job<'_>, secrets: &Secrets, key: &SiteKey) -> Result<Self, Failure> {
        let credential = ssh::credential(secrets, job.task).await?;
        job.context.secret(key.fingerprint(&credential));
        let Credential::Password(password) = credential else {
            return Err(unusable(job, "is a private key, and gNMI takes a name and a password"));
        };
        let mut password = MetadataValue::try_from(password.reveal())
            .map_err(|_| unusable(job, "holds what no header can: gRPC takes printable ASCII"))?;
        password.set_sensitive(true);
        let username = MetadataValue::try_from(job.task.endpoint.username.as_str())
            .map_err(|_| unusable(job, "has a username that no header can hold"))?;
        Ok(Self { username, password })
    }

    /// `message` with the login.
    pub fn with<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("username", self.username.clone());
        request.metadata_mut().insert("password", self.password.clone());
        request
    }
}

fn unusable(job: &Job<'_>, why: &str) -> Failure {
    let message = format!("{}: its credential {why}", super::place(job));
    Failure::new(Class::CredentialUnavailable, Phase::Queue, message)
        .with_hint("nothing was sent; name a password in credential_ref of the device")
}
