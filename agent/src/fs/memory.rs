//! Files in memory on a disk that loses power, fills up and fails: for tests and for the simulation.

mod disk;

use super::{AppendFile, Fs, LIST_MAX, Stat};
use disk::{Disk, Node};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use switchyard_shared::time::Timestamp;

/// What may be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Writing at the end of a file.
    Append,
    /// Syncing a file.
    Sync,
    /// Making a file.
    Create,
    /// Renaming a file.
    Rename,
    /// Removing a file.
    Remove,
    /// Syncing the names in a folder.
    SyncDir,
    /// Reading a file or a folder.
    Read,
}

/// Is called before each operation, which waits for it: a slow disk, or one that hangs.
pub type Hook = Arc<dyn Fn(Op) + Send + Sync>;

/// A disk in memory. Its clones are the same disk. The same seed and the same calls end in the same bytes.
#[derive(Clone)]
pub struct MemoryFs {
    disk: Arc<Mutex<Disk>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl MemoryFs {
    /// An empty disk without an end; `seed` decides what of the unsynced survives a crash.
    pub fn new(seed: u64) -> Self {
        Self { disk: Arc::new(Mutex::new(Disk::new(seed))), hook: Arc::default() }
    }

    /// Power is lost and comes back. What was synced is there. Of what was not, a part may be: some of the
    /// first bytes, maybe with a hole of zeros; some of the first names. Files that were open are dead.
    /// Faults and capacity stay.
    pub fn crash(&self) {
        self.disk().crash();
    }

    /// As [`MemoryFs::crash`], but all that was not synced is gone.
    pub fn crash_bare(&self) {
        self.disk().crash_bare();
    }

    /// Every process that has files open is gone, and what they wrote is not: nothing was lost but them.
    pub fn kill(&self) {
        self.disk().kill();
    }

    /// Lets `after` more operations of this kind succeed, then `times` of them fail with `error`. A failing
    /// append has written a part; after a failing sync the bytes it was for never reach the disk, whatever
    /// a later sync says.
    pub fn fail(&self, op: Op, after: u64, times: u64, error: io::ErrorKind) {
        self.disk().fail(op, after, times, error);
    }

    /// Ends all faults, the limit of the capacity and the hook.
    pub fn heal(&self) {
        let mut disk = self.disk();
        disk.heal();
        disk.set_capacity(None);
        drop(disk);
        self.set_hook(None);
    }

    /// What is appended beyond so many bytes in all files is refused as on a full disk.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().set_capacity(bytes);
    }

    /// Bytes in all files, those included that are removed and still open.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// How many operations of this kind were asked for.
    pub fn count(&self, op: Op) -> u64 {
        self.disk().count(op)
    }

    /// Calls `hook` before each operation.
    pub fn set_hook(&self, hook: Option<Hook>) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Another disk with the same content, which goes its own way from here; without faults.
    pub fn fork(&self, seed: u64) -> Self {
        let mut disk = self.disk().clone();
        disk.reseed(seed);
        disk.heal();
        disk.kill();
        Self { disk: Arc::new(Mutex::new(disk)), hook: Arc::default() }
    }

    /// The paths of all files.
    pub fn files(&self) -> Vec<PathBuf> {
        self.disk().files()
    }

    /// Puts `bytes` at `path`, synced, name and all; the folders above it too.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        self.disk().put(path, bytes);
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, op: Op) -> MutexGuard<'_, Disk> {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(op);
        }
        self.disk()
    }
}

struct MemoryFile {
    fs: MemoryFs,
    inode: u64,
    life: u64,
}

impl AppendFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.fs.begin(Op::Append).append(self.inode, self.life, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.fs.begin(Op::Sync).sync(self.inode, self.life)
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.fs.disk().close(self.inode, self.life);
    }
}

impl Fs for MemoryFs {
    fn create_dirs(&self, path: &Path) -> io::Result<()> {
        self.disk().create_dirs(path);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut disk = self.begin(Op::Read);
        disk.decide(Op::Read)?;
        let mut names = disk.list(dir)?;
        names.truncate(LIST_MAX);
        Ok(names)
    }

    /// This disk has no clock: everything on it is of the beginning of time.
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let mut disk = self.begin(Op::Read);
        disk.decide(Op::Read)?;
        let bytes = disk.read(path)?.len() as u64;
        Ok(Stat { bytes, modified: Timestamp(0) })
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut disk = self.begin(Op::Read);
        disk.decide(Op::Read)?;
        let bytes = disk.read(path)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max) {
            return Ok(bytes);
        }
        Err(io::Error::other(format!("larger than {bytes_max} bytes")))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let (inode, life) = self.begin(Op::Create).create(path)?;
        Ok(Box::new(MemoryFile { fs: self.clone(), inode, life }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin(Op::Rename).rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.begin(Op::Remove).remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.begin(Op::SyncDir).sync_dir(dir)
    }
}

impl std::fmt::Debug for MemoryFs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let disk = self.disk();
        let sizes = disk.files().into_iter().map(|path| {
            let len = disk.read(&path).map_or(0, |bytes| bytes.len());
            (path, len)
        });
        f.debug_map().entries(sizes).finish()
    }
}

fn is_file(node: &Node) -> bool {
    matches!(node, Node::File(_))
}

#[cfg(test)]
mod tests;
