//! Secrets in files of the agent's machine.

use super::{SECRET_BYTES_MAX, SecretError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

/// The text and the mode that matters: as OpenSSH does, only a file of our own user is judged.
pub(super) async fn read(path: &Path) -> Result<(Zeroizing<String>, u32), SecretError> {
    let unreadable = |error| SecretError::Unreadable(path.into(), error);
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile(path.into()));
    }
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText)?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    Ok((Zeroizing::new(text.to_owned()), if ours { metadata.mode() & 0o7777 } else { 0 }))
}
