//! Context files and the project file, as TOML.

use super::{Context, Credentials, user_file};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, ReadError};
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use switchyard_shared::id::is_valid_name;

const FILE_BYTES_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextFile {
    server: String,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectFile {
    context: Option<String>,
}

/// The file that `name` means: a path (of the file or its folder), or a name among the user's contexts.
pub fn locate(name: &str, cwd: &Path, config_home: Option<&Path>) -> Result<PathBuf, Failure> {
    if name.contains('/') || name.ends_with(".toml") {
        let path = cwd.join(name);
        return Ok(if path.is_dir() { path.join("context.toml") } else { path });
    }
    if !is_valid_name(name) {
        return Err(Failure::usage(format!("{name:?} is neither a context's name nor a path")));
    }
    let home = config_home.ok_or_else(|| {
        Failure::usage(format!(
            "the context {name} cannot be looked up: neither XDG_CONFIG_HOME nor HOME is set"
        ))
    })?;
    let path = user_file(home, name);
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::new(Exit::Usage, "NO_CONTEXT", format!("there is no context {name}"))
        .because(format!("{} does not exist", path.display()))
        .hint("give the file itself: --context DIR/operator/context.toml"))
}

/// The context named by the project file at `path`, if there is such a file.
pub fn project_choice(path: &Path) -> Result<Option<String>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let file: ProjectFile = parse(path)?;
    Ok(file.context)
}

/// The context in the file at `path`; its paths are relative to the file.
pub fn load(path: &Path) -> Result<Context, Failure> {
    let file: ContextFile = parse(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let credentials = match (file.ca, file.cert, file.key) {
        (Some(ca), Some(cert), Some(key)) => {
            Some(Credentials { ca: folder.join(ca), cert: folder.join(cert), key: folder.join(key) })
        }
        (None, None, None) => None,
        _ => {
            return Err(bad(
                path,
                "ca, cert and key belong together: give all three, or none for http://".into(),
            ));
        }
    };
    Ok(Context { server: file.server, credentials })
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    let text = files::read_text(path, FILE_BYTES_MAX).map_err(|error| match error {
        ReadError::Io(error) if error.kind() == ErrorKind::NotFound => missing(path),
        ReadError::Io(_) | ReadError::TooLarge(_) | ReadError::NotText => bad(path, error.to_string()),
    })?;
    toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        bad(path, format!("line {at}: {}", error.message()))
    })
}

fn missing(path: &Path) -> Failure {
    Failure::new(Exit::Usage, "NO_CONTEXT", format!("there is no context file {}", path.display()))
        .hint("`switchyard serve --data DIR` writes DIR/operator/context.toml when it starts; --wait 30s waits for it")
}

fn bad(path: &Path, cause: String) -> Failure {
    Failure::new(Exit::Usage, "CONTEXT_INVALID", format!("the file {} cannot be used", path.display()))
        .because(cause)
        .hint("a context holds server = \"https://HOST:PORT\" and ca, cert, key: paths relative to the file")
}
