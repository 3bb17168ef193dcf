//! Which coordinator to talk to, and as whom: flag, environment, project file, user file.

mod file;

use crate::exit::Exit;
use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// What the person said about the coordinator, before any file is read.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// `--server`.
    pub server_flag: Option<String>,
    /// `SWITCHYARD_SERVER`.
    pub server_env: Option<String>,
    /// `--context`.
    pub context_flag: Option<String>,
    /// `SWITCHYARD_CONTEXT`.
    pub context_env: Option<String>,
    /// The folder the person stands in.
    pub cwd: PathBuf,
    /// `$XDG_CONFIG_HOME` or `~/.config`.
    pub config_home: Option<PathBuf>,
}

/// A coordinator and the files that prove who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// `https://…`, or `http://` on loopback.
    pub server: String,
    /// Absent for plaintext.
    pub credentials: Option<Credentials>,
}

/// Where the certificates and the key lie; never their content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The coordinator's CA.
    pub ca: PathBuf,
    /// Our certificate.
    pub cert: PathBuf,
    /// Our private key.
    pub key: PathBuf,
}

/// Settles `wish`: flag before environment before `./.switchyard.toml` before the user's files.
pub fn resolve(wish: &Wish) -> Result<Context, Failure> {
    let server = given(&[&wish.server_flag, &wish.server_env]);
    if let Some(server) = server.as_ref().filter(|server| server.starts_with("http://")) {
        return Ok(Context { server: server.clone(), credentials: None });
    }
    let mut context = match chosen(wish)? {
        Some(path) => file::load(&path)?,
        None => return Err(nothing_set(server.as_deref())),
    };
    if let Some(server) = server {
        context.server = server;
    }
    if context.credentials.is_none() && !context.server.starts_with("http://") {
        return Err(no_credentials(&context.server));
    }
    Ok(context)
}

fn given(candidates: &[&Option<String>]) -> Option<String> {
    candidates.iter().find_map(|candidate| candidate.as_ref().filter(|text| !text.is_empty()).cloned())
}

fn chosen(wish: &Wish) -> Result<Option<PathBuf>, Failure> {
    if let Some(name) = given(&[&wish.context_flag, &wish.context_env]) {
        return file::locate(&name, &wish.cwd, wish.config_home.as_deref()).map(Some);
    }
    if let Some(name) = file::project_choice(&wish.cwd.join(".switchyard.toml"))? {
        return file::locate(&name, &wish.cwd, wish.config_home.as_deref()).map(Some);
    }
    let default = wish.config_home.as_deref().map(|home| user_file(home, "default"));
    Ok(default.filter(|path| path.exists()))
}

fn user_file(config_home: &Path, name: &str) -> PathBuf {
    config_home.join("switchyard").join("contexts").join(format!("{name}.toml"))
}

fn nothing_set(server: Option<&str>) -> Failure {
    let message = match server {
        Some(server) => return no_credentials(server),
        None => "no coordinator is set",
    };
    how_to_set(Failure::new(Exit::Usage, "NO_CONTEXT", message))
}

fn no_credentials(server: &str) -> Failure {
    how_to_set(Failure::new(Exit::Auth, "NO_CREDENTIALS", format!("no credentials for {server}")))
}

fn how_to_set(failure: Failure) -> Failure {
    failure
        .hint("name its context: --context DIR/operator/context.toml (`switchyard serve --data DIR` writes it), or SWITCHYARD_CONTEXT")
        .hint("keep it: copy that folder to ~/.config/switchyard/contexts/ with the file named default.toml, or write context = \"…\" to ./.switchyard.toml")
        .hint("a coordinator on this machine without TLS: --server http://127.0.0.1:7443")
}

#[cfg(test)]
mod tests;
