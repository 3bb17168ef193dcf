//! Secrets in files of the agent's machine.

use super::own::OwnFiles;
use super::{SECRET_BYTES_MAX, SecretError};
use crate::fs::{Fs as _, RealFs};
use crate::turns::Turns;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// How long a file may take before it is said to hang.
const HANGS_AFTER: Duration = Duration::from_secs(5);
/// Files that are read at once.
const AT_ONCE: usize = 8;
/// Reads that may hang besides.
const HANGING_MAX: usize = 64;

/// How one agent reads such files. Its clones wait for the same turns.
#[derive(Debug, Clone)]
pub(super) struct Files {
    turns: Turns,
    hanging: Hanging,
}

impl Default for Files {
    fn default() -> Self {
        Self { turns: Turns::with_losses(AT_ONCE, HANGING_MAX), hanging: Hanging::default() }
    }
}

impl Files {
    /// The text and the mode that matters: as OpenSSH does, only a file of our own user is judged.
    pub(super) async fn read(&self, path: &Path) -> Result<(Zeroizing<String>, u32), SecretError> {
        self.read_by(path, HANGS_AFTER, read_now).await
    }

    /// The same of a file that is none of the agent's `own`, by whatever links or `..` it is named: what is compared is
    /// what is opened.
    pub(super) async fn read_foreign(
        &self,
        path: &Path,
        own: OwnFiles,
    ) -> Result<(Zeroizing<String>, u32), SecretError> {
        let read = move |path: &Path| {
            let real =
                std::fs::canonicalize(path).map_err(|error| SecretError::Unreadable(path.into(), error))?;
            if own.have(&real) { Err(SecretError::Own) } else { read_now(&real) }
        };
        self.read_by(path, HANGS_AFTER, read).await
    }

    async fn read_by<T: Send + 'static>(
        &self,
        path: &Path,
        patience: Duration,
        read: impl FnOnce(&Path) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        self.hanging.refuse(path)?;
        let (file, hanging) = (PathBuf::from(path), self.hanging.clone());
        // Asked again when there is a place: others that waited for the same file may have found that it hangs.
        let work = move || hanging.refuse(&file).and_then(|()| read(&file));
        let (file, hanging) = (PathBuf::from(path), self.hanging.clone());
        let read = self.turns.run_within(patience, work, move || hanging.begin(file)).await;
        read.map_err(|error| match error.kind() == io::ErrorKind::TimedOut {
            true => SecretError::Hangs(path.into()),
            false => SecretError::Unreadable(path.into(), error),
        })?
    }
}

/// Files with a read that hangs, and how many: none of them is read again before it has ended.
#[derive(Debug, Default, Clone)]
struct Hanging(Arc<Mutex<BTreeMap<PathBuf, usize>>>);

impl Hanging {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, path: &Path) -> Result<(), SecretError> {
        if self.lock().contains_key(path) { Err(SecretError::Hangs(path.into())) } else { Ok(()) }
    }

    fn begin(self, path: PathBuf) -> HangingRead {
        *self.lock().entry(path.clone()).or_default() += 1;
        HangingRead { of: self, path }
    }
}

/// A read that hangs, until it ends.
struct HangingRead {
    of: Hanging,
    path: PathBuf,
}

impl Drop for HangingRead {
    fn drop(&mut self) {
        let mut hanging = self.of.lock();
        let left = hanging.get(&self.path).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(hanging.remove(&self.path)),
            left => drop(hanging.insert(self.path.clone(), left)),
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
    use futures_util::stream::FuturesUnordered;
    use futures_util::{FutureExt as _, StreamExt as _};
    use std::sync::mpsc::sync_channel;

    #[tokio::test]
    async fn a_file_that_hangs_is_told_at_once_to_whoever_comes_next_and_keeps_nobody_from_other_files() {
        let (files, path) = (Files::default(), Path::new("/hanging/mount/key"));
        let mut held = Vec::new();
        for _ in 0..20 {
            let (let_go, hangs) = sync_channel::<()>(0);
            held.push(let_go);
            let read = files.read_by(path, Duration::ZERO, move |_| {
                let _until_it_is_let_go = hangs.recv();
                Ok(())
            });
            let error = read.await.unwrap_err();
            assert!(matches!(&error, SecretError::Hangs(at) if at == path), "{error}");
            assert!(error.hint().contains("/hanging/mount/key"), "{}", error.hint());
        }
        let other = files.read_by(Path::new("/other"), HANGS_AFTER, |_| Ok(7)).await;
        assert_eq!(other.unwrap(), 7);
        drop(held);
        while files.hanging.refuse(path).is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(files.read_by(path, HANGS_AFTER, |_| Ok(8)).await.unwrap(), 8, "it answers again");
    }

    #[tokio::test]
    async fn who_reads_slow_files_keeps_nobody_waiting_who_reads_for_another_agent() {
        let (slow, path) = (Files::default(), Path::new("/slow"));
        let mut reads = FuturesUnordered::new();
        let mut held = Vec::new();
        for _ in 0..=AT_ONCE {
            let (let_go, hangs) = sync_channel::<()>(0);
            held.push(let_go);
            reads.push(slow.read_by(path, HANGS_AFTER, move |_| {
                let _until_it_is_let_go = hangs.recv();
                Ok(())
            }));
        }
        assert!(reads.next().now_or_never().is_none(), "one of them has no place");
        let files = Files::default();
        let other = files.read_by(Path::new("/other"), HANGS_AFTER, |_| Ok(7));
        let other = tokio::time::timeout(HANGS_AFTER / 2, other).await;
        drop(held);
        assert_eq!(other.expect("it waits for nobody").unwrap(), 7);
        while reads.next().await.is_some() {}
    }
}
