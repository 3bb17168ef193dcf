//! The file seam: append, sync, rename, bounded reads; nothing else in the agent calls the system for files.

pub mod memory;

use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use switchyard_shared::time::Timestamp;

/// Room beyond what a file has, in bytes, so that its end is found without growing or a copy on the side.
const READ_SPARE: usize = 64;
/// Most names that a listing gives.
pub const LIST_MAX: usize = 100_000;

/// A file that only grows.
pub trait AppendFile: Send {
    /// Writes all of `bytes` at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended is on the disk. After an error nothing is known of what was
    /// appended since the last success, and asking again does not tell.
    fn sync(&mut self) -> io::Result<()>;
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written last, by the wall clock of then; the beginning of time where the system keeps no times.
    pub modified: Timestamp,
}

/// Files as the journal needs them.
pub trait Fs: Send + Sync + 'static {
    /// Makes a folder and those above it; when it returns, their names are on the disk.
    fn create_dirs(&self, path: &Path) -> io::Result<()>;
    /// Names in a folder, sorted, at most [`LIST_MAX`].
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// How large a file is, and when it was written last.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// The whole file; an error if it holds more than `bytes_max`.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;
    /// A new, empty file in place of whatever was there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// Renames within a folder.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns when the names in a folder are on the disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// Puts `bytes` in the place of what was at `path`: after a crash there is the old or the new, whole.
pub fn replace(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("unfinished");
    let written = fs.create(&draft).and_then(|mut file| {
        file.append(bytes)?;
        file.sync()
    });
    written.and_then(|()| fs.rename(&draft, path)).inspect_err(|_| {
        // What stays of it takes the room that the next one needs.
        let _gone_or_written_over_next_time = fs.remove(&draft);
    })?;
    path.parent().map_or(Ok(()), |folder| fs.sync_dir(folder))
}

/// A file in memory, without a name, that holds all of `bytes` and is read from its beginning: gone with the last who has
/// it open.
pub fn nameless(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"switchyard", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// The system's files.
pub struct RealFs;

struct RealFile(File);

/// Whether the system refused for want of room.
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn is_missing(folder: &Path) -> bool {
    !folder.as_os_str().is_empty() && !folder.exists()
}

impl AppendFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the file seam")]
impl Fs for RealFs {
    fn create_dirs(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| is_missing(folder)).collect();
        std::fs::create_dir_all(path)?;
        missing.into_iter().filter_map(Path::parent).try_for_each(|parent| {
            let here = parent.as_os_str().is_empty();
            self.sync_dir(if here { Path::new(".") } else { parent })
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)?.take(LIST_MAX) {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let metadata = std::fs::metadata(path)?;
        let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(Stat { bytes: metadata.len(), modified: Timestamp(0).plus(modified) })
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        // With room for all from the start: what may be secret and grows leaves copies behind that nobody wipes.
        let known = usize::try_from(file.metadata()?.len().min(bytes_max)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(known.saturating_add(READ_SPARE));
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max) {
            return Ok(bytes);
        }
        Err(io::Error::other(format!("larger than {bytes_max} bytes")))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::memory::{MemoryFs, Op};
    use super::*;

    #[test]
    fn a_file_that_cannot_be_put_in_place_leaves_no_draft_and_the_old_one_as_it_was() {
        let path = Path::new("/data/key");
        for op in [Op::Append, Op::Sync, Op::Rename] {
            let fs = MemoryFs::new(1);
            fs.put(path, b"old");
            fs.fail(op, 0, 1, io::ErrorKind::StorageFull);
            let error = replace(&fs, path, b"new").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{op:?}");
            assert_eq!((fs.files(), fs.used()), (vec![path.to_owned()], 3), "{op:?}");
            replace(&fs, path, b"new").unwrap();
            assert_eq!(fs.read(path, 8).unwrap(), b"new", "{op:?}");
        }
    }

    #[test]
    fn a_file_is_read_into_memory_that_never_grew_and_not_beyond_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        replace(&RealFs, &path, &[b'x'; 10_000]).unwrap();
        let bytes = RealFs.read(&path, 10_000).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (10_000, 10_000 + READ_SPARE), "no copy was left behind");
        assert!(RealFs.read(&path, 9_999).is_err());
    }
}
