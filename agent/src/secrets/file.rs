//! Secrets in files of the agent's machine.

use super::{SECRET_BYTES_MAX, SecretError};
use crate::fs::{Fs as _, RealFs};
use crate::turns::Turns;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// Files that are read at once.
static TURNS: Turns = Turns::new(8);

/// The text and the mode that matters: as OpenSSH does, only a file of our own user is judged.
pub(super) async fn read(path: &Path) -> Result<(Zeroizing<String>, u32), SecretError> {
    let file = PathBuf::from(path);
    let read = TURNS.run(move || read_now(&file)).await;
    read.map_err(|error| SecretError::Unreadable(path.into(), error))?
}

fn read_now(path: &Path) -> Result<(Zeroizing<String>, u32), SecretError> {
    let unreadable = |error| SecretError::Unreadable(path.into(), error);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile(path.into()));
    }
    if metadata.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLarge);
    }
    let bytes = Zeroizing::new(RealFs.read(path, SECRET_BYTES_MAX).map_err(unreadable)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText)?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    Ok((Zeroizing::new(text.to_owned()), if ours { metadata.mode() & 0o7777 } else { 0 }))
}

/// What `from` holds, or one byte more than [`SECRET_BYTES_MAX`] of it. With room for all from the start: a text that
/// grows leaves copies behind that nobody wipes.
pub(super) async fn bounded(mut from: impl AsyncRead + Unpin) -> io::Result<Zeroizing<Vec<u8>>> {
    let room = usize::try_from(SECRET_BYTES_MAX + 1).unwrap_or(usize::MAX);
    let (mut bytes, mut filled) = (Zeroizing::new(vec![0; room]), 0);
    while filled < room {
        match from.read(&mut bytes[filled..]).await? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
