//! Credentials on disk: reads are bounded; files appear whole and synced, for their owner alone.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Largest credential file, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024;
const OWNER_FILE: u32 = 0o600;
const OWNER_FOLDER: u32 = 0o700;
/// Permission bits that a private key must not have: any for others, write for the group.
const TOO_OPEN: u32 = 0o027;

/// What could not be done, on which file.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// Whether it failed because nothing is there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Reads a file of at most [`FILE_BYTES_MAX`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    open_bounded(path, 0).map_err(failed("read", path))
}

/// Like [`read`], for a private key: refuses one that other users can read.
pub fn read_private(path: &Path) -> Result<Vec<u8>, FileError> {
    open_bounded(path, TOO_OPEN).map_err(failed("read", path))
}

fn open_bounded(path: &Path, forbidden: u32) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & forbidden != 0 {
        return Err(io::Error::other(
            "other users can read or change this private key; run `chmod 600` on it",
        ));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Writes or replaces a file: readers see the old or the new content, also after a power cut.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let unfinished = beside(path);
    remove(&unfinished).map_err(failed("remove", &unfinished))?;
    write_new(&unfinished, bytes).map_err(failed("write", &unfinished))?;
    rename(&unfinished, path).map_err(failed("write", path))
}

/// Creates the folder `path` with `files` in it, all or nothing. Fails if it exists and is not empty.
pub fn create_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<(), FileError> {
    let unfinished = beside(path);
    remove(&unfinished).map_err(failed("remove", &unfinished))?;
    make_folder(&unfinished)?;
    for (name, bytes) in files {
        let file = unfinished.join(name);
        write_new(&file, bytes).map_err(failed("write", &file))?;
    }
    sync_folder(&unfinished).map_err(failed("sync", &unfinished))?;
    rename(&unfinished, path).map_err(failed("create", path))
}

/// Makes sure that the folder `path` and those above it exist; a new one is for its owner alone.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(OWNER_FOLDER).create(path).map_err(failed("create", path))
}

/// The names in the folder `path`, sorted; none if it does not exist.
pub fn names_in(path: &Path) -> Result<Vec<String>, FileError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", path)(error)),
    };
    let mut names = entries
        .take(FOLDER_ENTRIES_MAX)
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed("list", path))?;
    names.sort();
    Ok(names)
}

/// Most entries that are looked at in a folder.
const FOLDER_ENTRIES_MAX: usize = 100;

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_FILE).open(path)?;
    file.set_permissions(Permissions::from_mode(OWNER_FILE))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[expect(clippy::disallowed_methods, reason = "this is the seam that syncs files")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder(to.parent().unwrap_or(Path::new("/")))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    OpenOptions::new().read(true).open(path)?.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Where something is built before it gets its name; left behind only by a crash.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".unfinished");
    path.with_file_name(name)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn credentials_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("ca");
        create_folder(&folder, &[("key.pem", b"secret")]).unwrap();
        assert_eq!((mode(&folder), mode(&folder.join("key.pem"))), (0o700, 0o600));
        write(&folder.join("key.pem"), b"other").unwrap();
        assert_eq!(mode(&folder.join("key.pem")), 0o600);
        assert_eq!(names_in(&folder).unwrap(), ["key.pem"]);
        assert_eq!(names_in(dir.path()).unwrap(), ["ca"]);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.pem");
        write(&key, b"secret").unwrap();
        assert_eq!(read_private(&key).unwrap(), b"secret");
        std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        let error = read_private(&key).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains("key.pem"), "{error}");
        assert_eq!(read(&key).unwrap(), b"secret");
    }

    #[test]
    fn a_folder_half_made_before_a_crash_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("ca");
        let unfinished = beside(&folder);
        make_folder(&unfinished).unwrap();
        write_new(&unfinished.join("key.pem"), b"old").unwrap();
        create_folder(&folder, &[("key.pem", b"new")]).unwrap();
        assert_eq!(read(&folder.join("key.pem")).unwrap(), b"new");
        assert!(create_folder(&folder, &[("key.pem", b"again")]).is_err());
        assert_eq!(read(&folder.join("key.pem")).unwrap(), b"new");
    }

    #[test]
    fn a_file_past_the_bound_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        write(&path, &vec![b'x'; 64 * 1024 + 1]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("larger"));
        assert!(read(&dir.path().join("none")).unwrap_err().is_not_found());
    }
}
