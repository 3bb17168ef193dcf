//! Secrets of a HashiCorp Vault or an OpenBao: the KV engine, version 2, asked as seldom as possible.

mod answer;
mod error;
mod http;
mod keeper;
mod kept;
#[cfg(test)]
mod tests;

pub use answer::Values;
pub use error::VaultError;
pub use kept::KEPT_FOR;

use super::Secret;
use super::file::Files;
use crate::clock::Clock;
use crate::http_client::Reply;
use http::{Method, Server};
use kept::Kept;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchyard_shared::secret_ref::VaultRef;

/// Where the token is.
#[derive(Debug, Clone)]
pub enum Token {
    /// In a file, read anew for each question, so that whoever renews it may replace it.
    File(PathBuf),
    /// Here.
    Text(Secret),
}

/// How to reach a Vault.
#[derive(Debug, Clone)]
pub struct VaultSettings {
    /// `https://vault.example.net:8200`; `http` for trying things out.
    pub address: String,
    /// Who we are to it.
    pub token: Token,
    /// The CA of its certificate, in PEM; the system's when there is none.
    pub ca: Option<PathBuf>,
    /// Its namespace.
    pub namespace: Option<String>,
}

/// A Vault that is asked for secrets.
pub struct Vault {
    asker: Arc<Asker>,
    kept: Kept,
}

/// What asks, apart from what remembers.
struct Asker {
    server: Server,
    token: Token,
    files: Files,
    namespace: Option<String>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.asker.server.address())
    }
}

impl Vault {
    /// Where its token is kept, if that is a file.
    pub(super) fn token_file(&self) -> Option<&Path> {
        match &self.asker.token {
            Token::File(path) => Some(path),
            Token::Text(_) => None,
        }
    }

    /// Reads the CA; says nothing to the Vault yet.
    pub async fn new(settings: VaultSettings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, VaultError> {
        let VaultSettings { address, token, ca, namespace } = settings;
        let server = Server::new(&address, ca.as_deref()).await?;
        let asker = Asker { server, token, files: Files::default(), namespace };
        Ok(Arc::new(Self { asker: Arc::new(asker), kept: Kept::new(clock) }))
    }

    /// What stands at `place`. Many that ask for one place at once make one question of it, and an answer is
    /// believed for [`KEPT_FOR`].
    pub async fn read(&self, place: &VaultRef) -> Result<Arc<Values>, VaultError> {
        let place = VaultRef { key: None, ..place.clone() };
        let asker = self.asker.clone();
        self.kept.get(place.clone(), move || Box::pin(async move { asker.read(&place).await })).await
    }

    /// Keeps the agent's own token alive for as long as it is polled; see [`keeper`].
    pub async fn keep_token(self: Arc<Self>) {
        keeper::keep(&self.asker).await;
    }
}

impl Asker {
    async fn read(&self, place: &VaultRef) -> Result<Arc<Values>, VaultError> {
        let VaultRef { mount, path, version, .. } = place;
        let mut path = format!("{}/data/{}", http::escaped(mount), http::escaped(path));
        if let Some(version) = version {
            path.push_str(&format!("?version={version}"));
        }
        let reply = self.ask(Method::Get, &path).await?;
        match reply.status {
            200 => answer::values(&reply.body, place).map(Arc::new),
            404 => Err(answer::not_there(&reply.body, place)),
            403 => Err(VaultError::Denied {
                server: self.server.address().into(),
                place: Box::new(place.clone()),
            }),
            _ => Err(self.refused(&reply)),
        }
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Reply, VaultError> {
        let token = self.token().await?;
        self.server.ask(method, path, &token, self.namespace.as_deref()).await
    }

    async fn token(&self) -> Result<Secret, VaultError> {
        let path = match &self.token {
            Token::Text(token) => return Ok(token.clone()),
            Token::File(path) => path,
        };
        let no_token = |why: String| VaultError::NoToken { path: path.clone(), why };
        let (text, mode) = self.files.read(path).await.map_err(|error| no_token(error.to_string()))?;
        if mode & 0o077 != 0 {
            return Err(no_token(format!("mode {mode:04o} lets others read it: chmod 600 it")));
        }
        match text.trim() {
            "" => Err(no_token("it is empty".into())),
            token => Ok(Secret::new(token.to_owned())),
        }
    }

    /// What an answer means that is none of the expected ones.
    fn refused(&self, reply: &Reply) -> VaultError {
        let server = self.server.address().to_owned();
        match reply.status {
            403 => VaultError::TokenRefused { server },
            503 => VaultError::Sealed { server },
            301..=308 => VaultError::Elsewhere { server },
            status => VaultError::Refused { server, status, why: answer::errors(&reply.body) },
        }
    }
}
