//! What devices had before each write, kept at the site: a few for each device, readable by the agent alone.

use super::Failure;
use super::device::Running;
use crate::fs::{Fs, replace};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, Phase};
use zeroize::Zeroizing;

/// Snapshots kept for one device; the oldest goes first.
pub const PER_DEVICE_MAX: usize = 8;
/// Largest snapshot, in bytes.
pub const SNAPSHOT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Digits of a snapshot's number in its name, so that names sort as numbers do.
const DIGITS: usize = 8;

/// The snapshots of one agent.
#[derive(Clone)]
pub struct Snapshots {
    folder: PathBuf,
    fs: Arc<dyn Fs>,
}

impl Snapshots {
    /// Those under `data`, the agent's data folder.
    pub fn new(data: &Path, fs: Arc<dyn Fs>) -> Self {
        Self { folder: data.join("snapshots"), fs }
    }

    /// Keeps what the device had before the write of `op`; when this returns it is on the disk. A snapshot of the
    /// same attempt stays: it was taken before the first byte.
    pub async fn keep(&self, op: &OpId, running: &Running) -> Result<(), Failure> {
        let (this, op, text) = (self.clone(), op.clone(), running.0.clone());
        let kept = tokio::task::spawn_blocking(move || this.keep_now(&op, &text)).await;
        let error = match kept {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its thread has ended".into(),
        };
        let message =
            format!("failed to keep the device's configuration in {}: {error}", self.folder.display());
        let hint = "nothing was written; make room or mend the folder, then try again";
        Err(Failure::new(Class::AgentError, Phase::Validate, message).with_hint(hint))
    }

    /// What the device had before the write of `op`.
    pub async fn read(&self, op: &OpId) -> Result<Running, Failure> {
        let (this, op_read) = (self.clone(), op.clone());
        let read = tokio::task::spawn_blocking(move || this.read_now(&op_read)).await;
        let error = match read {
            Ok(Ok(text)) => return Ok(Running(text)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its thread has ended".into(),
        };
        let message = format!("failed to find what {} had before attempt {}: {error}", op.device, op.attempt);
        let hint = format!(
            "the last {PER_DEVICE_MAX} configurations of a device are kept at its agent, in snapshots"
        );
        Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(hint))
    }

    fn keep_now(&self, op: &OpId, text: &str) -> io::Result<()> {
        if text.len() > SNAPSHOT_BYTES_MAX {
            return Err(io::Error::other(format!("it is larger than {SNAPSHOT_BYTES_MAX} bytes")));
        }
        let folder = self.folder.join(op.device.as_str());
        self.fs.create_dirs(&folder)?;
        let names = self.names(&folder)?;
        if names.iter().any(|name| is_of(name, op)) {
            return Ok(());
        }
        let next = names.last().and_then(|name| number(name)).map_or(1, |last| last.saturating_add(1));
        replace(&*self.fs, &folder.join(format!("{next:0DIGITS$}@{}", stem(op))), text.as_bytes())?;
        let too_many = (names.len() + 1).saturating_sub(PER_DEVICE_MAX);
        names.iter().take(too_many).try_for_each(|name| self.fs.remove(&folder.join(name)))
    }

    fn read_now(&self, op: &OpId) -> io::Result<Zeroizing<String>> {
        let folder = self.folder.join(op.device.as_str());
        let names = self.names(&folder)?;
        let name = names.iter().find(|name| is_of(name, op));
        let name =
            name.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no snapshot of it is kept"))?;
        let bytes = Zeroizing::new(self.fs.read(&folder.join(name), SNAPSHOT_BYTES_MAX as u64)?);
        let text = std::str::from_utf8(&bytes).map_err(io::Error::other)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Whole snapshots, oldest first.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = self.fs.list(folder)?.into_iter().filter(|name| number(name).is_some());
        Ok(names.filter(|name| !name.ends_with(".unfinished")).collect())
    }
}

fn stem(op: &OpId) -> String {
    format!("{}@{}", op.rollout, op.attempt)
}

fn is_of(name: &str, op: &OpId) -> bool {
    name.split_once('@').is_some_and(|(_, rest)| rest == stem(op))
}

fn number(name: &str) -> Option<u64> {
    name.split_once('@')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::RealFs;
    use switchyard_shared::id::{DeviceName, RolloutName};

    fn op(attempt: u32) -> OpId {
        OpId { rollout: RolloutName::new("ntp.v2").unwrap(), device: DeviceName::new("r1").unwrap(), attempt }
    }

    fn text(running: &Running) -> String {
        running.0.to_string()
    }

    #[tokio::test]
    async fn what_a_device_had_is_kept_to_the_byte_and_for_the_agent_alone() {
        let data = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::new(data.path(), Arc::new(RealFs));
        let running = Running(Zeroizing::new("hostname r1\n key s3cret \n".into()));
        snapshots.keep(&op(1), &running).await.unwrap();
        snapshots.keep(&op(1), &Running(Zeroizing::new("half written".into()))).await.unwrap();
        assert_eq!(text(&snapshots.read(&op(1)).await.unwrap()), *running.0, "the first one stays");
        let file = data.path().join("snapshots/r1/00000001@ntp.v2@1");
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn the_oldest_snapshots_of_a_device_make_room_for_new_ones() {
        let data = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::new(data.path(), Arc::new(RealFs));
        for attempt in 1..=12 {
            let running = Running(Zeroizing::new(attempt.to_string()));
            snapshots.keep(&op(attempt), &running).await.unwrap();
        }
        let gone = snapshots.read(&op(4)).await.unwrap_err();
        assert!(gone.message.contains("r1 had before attempt 4"), "{}", gone.message);
        assert_eq!(text(&snapshots.read(&op(5)).await.unwrap()), "5");
        assert_eq!(text(&snapshots.read(&op(12)).await.unwrap()), "12");
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_device_whose_configuration_cannot_be_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let snapshots = Snapshots::new(file.path(), Arc::new(RealFs));
        let failure = snapshots.keep(&op(1), &Running(Zeroizing::new("x".into()))).await.unwrap_err();
        assert_eq!(failure.class, Class::AgentError);
    }
}
