//! Secrets in files of the agent's machine.

use super::own::OwnFiles;
use super::{SECRET_BYTES_MAX, SecretError};
use crate::fs::{Fs as _, RealFs};
use crate::turns::Turns;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// How long a file may take before it is said to hang.
const HANGS_AFTER: Duration = Duration::from_secs(5);
/// Files that are read at once, and reads that may hang besides.
static TURNS: Turns = Turns::with_losses(8, 64);
/// Files with a read that hangs, and how many: none of them is read again before it has ended.
static HANGING: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());

/// The text and the mode that matters: as OpenSSH does, only a file of our own user is judged.
pub(super) async fn read(path: &Path) -> Result<(Zeroizing<String>, u32), SecretError> {
    read_by(path, HANGS_AFTER, read_now).await
}

/// The text of a file that is none of the agent's `own`, by whatever links or `..` it is named: what is compared is what
/// is opened.
pub(super) async fn read_foreign(path: &Path, own: OwnFiles) -> Result<Zeroizing<String>, SecretError> {
    let read = move |path: &Path| {
        let real =
            std::fs::canonicalize(path).map_err(|error| SecretError::Unreadable(path.into(), error))?;
        if own.have(&real) { Err(SecretError::Own) } else { read_now(&real) }
    };
    Ok(read_by(path, HANGS_AFTER, read).await?.0)
}

async fn read_by<T: Send + 'static>(
    path: &Path,
    patience: Duration,
    read: impl FnOnce(&Path) -> Result<T, SecretError> + Send + 'static,
) -> Result<T, SecretError> {
    refuse_hanging(path)?;
    let (file, hanging) = (PathBuf::from(path), PathBuf::from(path));
    // Asked again when there is a place: others that waited for the same file may have found that it hangs.
    let work = move || refuse_hanging(&file).and_then(|()| read(&file));
    let read = TURNS.run_within(patience, work, move || Hanging::begin(hanging)).await;
    read.map_err(|error| match error.kind() == io::ErrorKind::TimedOut {
        true => SecretError::Hangs(path.into()),
        false => SecretError::Unreadable(path.into(), error),
    })?
}

fn hanging() -> MutexGuard<'static, BTreeMap<PathBuf, usize>> {
    HANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refuse_hanging(path: &Path) -> Result<(), SecretError> {
    if hanging().contains_key(path) { Err(SecretError::Hangs(path.into())) } else { Ok(()) }
}

/// A read that hangs, until it ends.
struct Hanging(PathBuf);

impl Hanging {
    fn begin(path: PathBuf) -> Self {
        *hanging().entry(path.clone()).or_default() += 1;
        Self(path)
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let mut hanging = hanging();
        let left = hanging.get(&self.0).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(hanging.remove(&self.0)),
            left => drop(hanging.insert(self.0.clone(), left)),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[tokio::test]
    async fn a_file_that_hangs_is_told_at_once_to_whoever_comes_next_and_keeps_nobody_from_other_files() {
        let path = Path::new("/hanging/mount/key");
        let mut held = Vec::new();
        for _ in 0..20 {
            let (let_go, hangs) = sync_channel::<()>(0);
            held.push(let_go);
            let read = read_by(path, Duration::ZERO, move |_| {
                let _until_it_is_let_go = hangs.recv();
                Ok(())
            });
            let error = read.await.unwrap_err();
            assert!(matches!(&error, SecretError::Hangs(at) if at == path), "{error}");
            assert!(error.hint().contains("/hanging/mount/key"), "{}", error.hint());
        }
        let other = read_by(Path::new("/other"), HANGS_AFTER, |_| Ok(7)).await;
        assert_eq!(other.unwrap(), 7);
        drop(held);
        while refuse_hanging(path).is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(read_by(path, HANGS_AFTER, |_| Ok(8)).await.unwrap(), 8, "it answers again");
    }
}
