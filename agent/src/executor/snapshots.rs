//! What devices had before each write, kept at the site: a few for each device, readable by the agent alone.

mod room;
mod since;

pub use room::{Held, SITE_BYTES_MAX};
pub use since::{Left, Since};

use super::Failure;
use super::device::Running;
use crate::fs::{Fs, is_full, replace};
use crate::turns::Turns;
use room::{Ledger, Needed};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, Phase};
use zeroize::Zeroizing;

/// Snapshots kept for one device; the oldest goes first.
pub const PER_DEVICE_MAX: usize = 8;
/// Largest snapshot, in bytes.
pub const SNAPSHOT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Snapshots that are written at once, and those that are read.
const AT_ONCE: usize = 4;
/// Digits of a snapshot's number in its name, so that names sort as numbers do.
const DIGITS: usize = 8;

/// What the name of a note begins with, where a snapshot has its number.
const LEFT: &str = "left";
/// Largest note of what a device was left as, in bytes: two digests.
const LEFT_BYTES_MAX: u64 = 512;
/// What the name of a file ends with that is not whole.
const UNFINISHED: &str = ".unfinished";

/// The snapshots of one agent.
#[derive(Clone)]
pub struct Snapshots {
    folder: PathBuf,
    fs: Arc<dyn Fs>,
    ledger: Arc<Mutex<Ledger>>,
    needed: Arc<Needed>,
    /// Room is made in these, and whoever else keeps one waits for it in them.
    keeps: Turns,
    /// A way back and a save wait for these: never behind room that is made for new writes.
    looks: Turns,
    bytes_max: u64,
}

impl Snapshots {
    /// Those under `data`, the agent's data folder.
    pub fn new(data: &Path, fs: Arc<dyn Fs>) -> Self {
        let (ledger, needed) = Default::default();
        let (keeps, looks) = (Turns::new(AT_ONCE), Turns::new(AT_ONCE));
        let folder = data.join("snapshots");
        Self { folder, fs, ledger, needed, keeps, looks, bytes_max: SITE_BYTES_MAX }
    }

    /// The same with room for so many bytes in all.
    #[cfg(test)]
    pub fn with_room(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Keeps what the device had before the write of `op`; when this returns it is on the disk. What is kept of an
    /// attempt of the same name stays beside it: a coordinator that was built anew gives names again. What is kept of
    /// `spared`, which the device is about to be put back to, makes no room; and nothing of both does until what is given
    /// back here is dropped.
    pub async fn keep(&self, op: &OpId, running: &Running, spared: Option<OpId>) -> Result<Held, Failure> {
        let held = Held::new(&self.needed, &op.device, spared.clone());
        let (this, op, text) = (self.clone(), op.clone(), running.0.clone());
        let kept = self.keeps.run(move || this.keep_now(&op, &text, spared.as_ref())).await.flatten();
        let Err(error) = kept else { return Ok(held) };
        let message =
            format!("failed to keep the device's configuration in {}: {error}", self.folder.display());
        let hint = "nothing was written; make room or mend the folder, then try again";
        Err(Failure::new(Class::AgentError, Phase::Validate, message).with_hint(hint))
    }

    /// What the device had before the write of `op`: the newest that `is_it` says yes to.
    pub async fn read(&self, op: &OpId, is_it: impl Fn(&Running) -> bool) -> Result<Running, Failure> {
        let (this, op_read) = (self.clone(), op.clone());
        let why = match self.looks.run(move || this.read_now(&op_read)).await.flatten() {
            Ok(kept) if kept.is_empty() => "no snapshot of it is kept".to_owned(),
            Ok(kept) => match kept.into_iter().map(Running).find(is_it) {
                Some(found) => return Ok(found),
                None => "what is kept under its name is of another change, or was kept under another fingerprint.key than this \
                         agent has now"
                    .to_owned(),
            },
            Err(error) => error.to_string(),
        };
        let message = format!("failed to find what {} had before attempt {}: {why}", op.device, op.attempt);
        let hint = format!(
            "nothing was written; the last {PER_DEVICE_MAX} configurations of a device are kept at its agent, in snapshots: \
             plan the one that is wanted and apply it"
        );
        Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(hint))
    }

    /// Notes the digest of what the device has after the write of `op`. What cannot be noted is a warning: a way back
    /// will not know then whether the device was changed since.
    pub async fn note_left(&self, op: &OpId, digest: String) {
        let (this, op_noted) = (self.clone(), op.clone());
        let note = move || replace(&*this.fs, &this.left_file(&op_noted), digest.as_bytes());
        if let Err(error) = self.looks.run(note).await.flatten() {
            tracing::warn!(%op, %error, "failed to note what the device has after its change");
        }
    }

    /// Notes the digest of what a way back from the write of `op` left, beside what that write left.
    pub async fn note_way_back(&self, op: &OpId, digest: String) {
        let (this, op_noted) = (self.clone(), op.clone());
        let note = move || {
            let left = this.left_now(&op_noted)?.into_iter().take(1);
            let both: Vec<String> = left.chain([digest]).collect();
            replace(&*this.fs, &this.left_file(&op_noted), both.join("\n").as_bytes())
        };
        if let Err(error) = self.looks.run(note).await.flatten() {
            tracing::warn!(%op, %error, "failed to note what the way back left");
        }
    }

    /// Notes the digest of what the device has after the write of that attempt of `op`'s rollout before which it had what
    /// `is_it` says yes to; that attempt need not be the one of `op`.
    pub async fn note_left_after(&self, op: &OpId, digest: String, is_it: impl Fn(&Running) -> bool) {
        let (this, op_read) = (self.clone(), op.clone());
        let kept = match self.looks.run(move || this.of_rollout_now(&op_read)).await.flatten() {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%op, %error, "failed to find the write after which the device has its change");
                return;
            }
        };
        let attempt = kept.into_iter().find(|(_, kept)| is_it(kept)).map(|(attempt, _)| attempt);
        if let Some(attempt) = attempt {
            self.note_left(&OpId { attempt, ..op.clone() }, digest).await;
        }
    }

    /// What is known of the time since the write of `op`.
    pub async fn since(&self, op: &OpId) -> Result<Since, Failure> {
        let (this, op_read) = (self.clone(), op.clone());
        self.looks.run(move || this.since_now(&op_read)).await.flatten().map_err(|error| {
            let message = format!(
                "failed to read in {} what {} had after its change: {error}",
                self.folder.display(),
                op.device
            );
            Failure::new(Class::AgentError, Phase::Validate, message)
                .with_hint("nothing was written; mend the folder, then try again")
        })
    }

    fn left_now(&self, op: &OpId) -> io::Result<Vec<String>> {
        match self.fs.read(&self.left_file(op), LEFT_BYTES_MAX) {
            Ok(left) => {
                let left = String::from_utf8(left).map_err(io::Error::other)?;
                Ok(left.lines().map(str::to_owned).collect())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn since_now(&self, op: &OpId) -> io::Result<Since> {
        let folder = self.folder.join(op.device.as_str());
        let names = self.names(&folder)?;
        let after = |own: Option<usize>| own.map_or(&[][..], |own| &names[own + 1..]);
        let of_write = after(names.iter().rposition(|name| is_of(name, op)));
        let of_last = after(names.iter().rposition(|name| rollout(name) == Some(op.rollout.as_str())));
        let noted = self.left_now(op)?.into_iter().zip([of_write, of_last]);
        let left = noted.map(|(digest, since)| Ok(Left { digest, writes: self.of_others_now(op, since)? }));
        let left = left.collect::<io::Result<_>>()?;
        let written_by = of_last.last().and_then(|name| rollout(name)).map(str::to_owned);
        Ok(Since { left, written_by, was_tried: of_write.len() > of_last.len() })
    }

    /// Those of `names` that are of other rollouts than that of `op`: whose they are, and what is kept.
    fn of_others_now(&self, op: &OpId, names: &[String]) -> io::Result<Vec<(String, Running)>> {
        let folder = self.folder.join(op.device.as_str());
        let of_others = names.iter().filter_map(|name| Some((rollout(name)?, name)));
        let of_others = of_others.filter(|(rollout, _)| *rollout != op.rollout.as_str());
        of_others
            .map(|(rollout, name)| Ok((rollout.to_owned(), Running(self.kept(&folder, name)?))))
            .collect()
    }

    /// What is kept of the attempts of `op`'s rollout at its device, newest first.
    fn of_rollout_now(&self, op: &OpId) -> io::Result<Vec<(u32, Running)>> {
        let folder = self.folder.join(op.device.as_str());
        let mut found = Vec::new();
        for name in self.names(&folder)?.iter().rev() {
            let attempt = name.split('@').nth(2).and_then(|attempt| attempt.parse().ok());
            if let Some(attempt) = attempt.filter(|_| rollout(name) == Some(op.rollout.as_str())) {
                found.push((attempt, Running(self.kept(&folder, name)?)));
            }
        }
        Ok(found)
    }

    fn left_file(&self, op: &OpId) -> PathBuf {
        self.folder.join(op.device.as_str()).join(format!("{LEFT}@{}", stem(op)))
    }

    /// Removes a snapshot and what was noted with it, if they are there.
    fn remove(&self, folder: &Path, name: &str) -> io::Result<()> {
        let left = name.split_once('@').map(|(_, stem)| folder.join(format!("{LEFT}@{stem}")));
        let both = std::iter::once(folder.join(name)).chain(left);
        both.map(|path| self.fs.remove(&path)).try_for_each(|removed| match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        })
    }

    fn keep_now(&self, op: &OpId, text: &str, spared: Option<&OpId>) -> io::Result<()> {
        if text.len() > SNAPSHOT_BYTES_MAX {
            return Err(io::Error::other(format!("it is larger than {SNAPSHOT_BYTES_MAX} bytes")));
        }
        let folder = self.folder.join(op.device.as_str());
        self.fs.create_dirs(&folder)?;
        self.drop_unfinished(&folder)?;
        let names = self.names(&folder)?;
        let newest = names.last().filter(|name| is_of(name, op));
        if newest.map(|name| self.kept(&folder, name)).transpose()?.is_some_and(|kept| *kept == text) {
            return Ok(());
        }
        self.take_room(&op.device, text.len() as u64)?;
        // What made room may have been of this device.
        let names = self.names(&folder)?;
        let next = names.last().and_then(|name| number(name)).map_or(1, |last| last.saturating_add(1));
        let path = folder.join(format!("{next:0DIGITS$}@{}", stem(op)));
        self.write(op, &path, text)?;
        let names = self.names(&folder)?;
        let too_many = names.len().saturating_sub(PER_DEVICE_MAX);
        let may_go = names.iter().filter(|name| !spared.is_some_and(|spared| is_of(name, spared)));
        may_go.take(too_many).try_for_each(|name| {
            let bytes = self.fs.stat(&folder.join(name)).map_or(0, |stat| stat.bytes);
            self.remove(&folder, name)?;
            self.give_room(bytes);
            Ok(())
        })
    }

    /// Puts a whole snapshot at `path`; on a full disk the oldest of all go for it.
    fn write(&self, op: &OpId, path: &Path, text: &str) -> io::Result<()> {
        let bytes = text.len() as u64;
        let write = || replace(&*self.fs, path, text.as_bytes());
        let written = write().or_else(|error| match is_full(&error) {
            true => self.give_way(op, bytes).and_then(|()| write()),
            false => Err(error),
        });
        if written.is_err() {
            self.give_room(bytes);
        }
        written
    }

    /// What an agent that was killed while it wrote has left is no snapshot, and may hold what is secret.
    fn drop_unfinished(&self, folder: &Path) -> io::Result<()> {
        let names = self.fs.list(folder)?;
        let mut unfinished = names.iter().filter(|name| name.ends_with(UNFINISHED));
        unfinished.try_for_each(|name| self.fs.remove(&folder.join(name)))
    }

    /// What is kept of `op`, newest first.
    fn read_now(&self, op: &OpId) -> io::Result<Vec<Zeroizing<String>>> {
        let folder = self.folder.join(op.device.as_str());
        let names = self.names(&folder)?;
        names.iter().rev().filter(|name| is_of(name, op)).map(|name| self.kept(&folder, name)).collect()
    }

    fn kept(&self, folder: &Path, name: &str) -> io::Result<Zeroizing<String>> {
        let bytes = Zeroizing::new(self.fs.read(&folder.join(name), SNAPSHOT_BYTES_MAX as u64)?);
        let text = std::str::from_utf8(&bytes).map_err(io::Error::other)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Whole snapshots, oldest first.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = self.fs.list(folder)?.into_iter().filter(|name| number(name).is_some());
        Ok(names.filter(|name| !name.ends_with(UNFINISHED)).collect())
    }
}

fn stem(op: &OpId) -> String {
    format!("{}@{}", op.rollout, op.attempt)
}

fn is_of(name: &str, op: &OpId) -> bool {
    name.split_once('@').is_some_and(|(_, rest)| rest == stem(op))
}

fn rollout(name: &str) -> Option<&str> {
    name.split('@').nth(1)
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
        let _ = snapshots.keep(&op(1), &running, None).await.unwrap();
        let _ = snapshots.keep(&op(1), &running, None).await.unwrap();
        assert_eq!(text(&snapshots.read(&op(1), |_| true).await.unwrap()), *running.0);
        let file = data.path().join("snapshots/r1/00000001@ntp.v2@1");
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(RealFs.list(&data.path().join("snapshots/r1")).unwrap().len(), 1, "the same is kept once");
    }

    #[tokio::test]
    async fn of_two_attempts_of_one_name_the_one_that_is_meant_is_found() {
        let data = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::new(data.path(), Arc::new(RealFs));
        for had in ["of a coordinator that is no more", "of this one"] {
            let _ = snapshots.keep(&op(1), &Running(Zeroizing::new(had.into())), None).await.unwrap();
        }
        let older = snapshots.read(&op(1), |kept| kept.0.contains("no more")).await.unwrap();
        assert_eq!(text(&older), "of a coordinator that is no more");
        assert_eq!(text(&snapshots.read(&op(1), |_| true).await.unwrap()), "of this one");
        let refused = snapshots.read(&op(1), |_| false).await.unwrap_err();
        assert!(refused.message.contains("is of another change"), "{}", refused.message);
    }

    #[tokio::test]
    async fn who_wrote_before_a_name_was_given_again_has_not_written_since() {
        let data = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::new(data.path(), Arc::new(RealFs));
        let other = OpId { rollout: RolloutName::new("other").unwrap(), ..op(1) };
        for (op, had) in [(op(1), "old"), (other, "its own"), (op(1), "old")] {
            let _ = snapshots.keep(&op, &Running(Zeroizing::new(had.into())), None).await.unwrap();
        }
        let since = snapshots.since(&op(1)).await.unwrap();
        assert_eq!((since.written_by, since.was_tried), (None, false));
    }

    #[tokio::test]
    async fn the_oldest_snapshots_of_a_device_make_room_for_new_ones() {
        let data = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::new(data.path(), Arc::new(RealFs));
        for attempt in 1..=12 {
            let running = Running(Zeroizing::new(attempt.to_string()));
            let _ = snapshots.keep(&op(attempt), &running, None).await.unwrap();
        }
        let gone = snapshots.read(&op(4), |_| true).await.unwrap_err();
        assert!(gone.message.contains("r1 had before attempt 4"), "{}", gone.message);
        assert_eq!(text(&snapshots.read(&op(5), |_| true).await.unwrap()), "5");
        assert_eq!(text(&snapshots.read(&op(12), |_| true).await.unwrap()), "12");
    }

    #[tokio::test]
    async fn what_a_device_is_about_to_be_put_back_to_makes_no_room() {
        let data = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::new(data.path(), Arc::new(RealFs));
        for attempt in 1..=20 {
            let running = Running(Zeroizing::new(attempt.to_string()));
            let _ = snapshots.keep(&op(attempt), &running, (attempt > 1).then(|| op(1))).await.unwrap();
        }
        assert_eq!(text(&snapshots.read(&op(1), |_| true).await.unwrap()), "1");
        assert_eq!(RealFs.list(&data.path().join("snapshots/r1")).unwrap().len(), PER_DEVICE_MAX);
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_device_whose_configuration_cannot_be_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let snapshots = Snapshots::new(file.path(), Arc::new(RealFs));
        let failure = snapshots.keep(&op(1), &Running(Zeroizing::new("x".into())), None).await.unwrap_err();
        assert_eq!(failure.class, Class::AgentError);
    }
}
