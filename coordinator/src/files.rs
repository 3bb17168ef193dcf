//! The file seam of the coordinator: bounded reads, and writes that are on disk when they return.
#![expect(clippy::disallowed_methods, reason = "this is the file seam")]

use std::fs::{File, rename};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The content of `path`; more than `bytes_max` is an error, not a cut.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut content)?;
    if content.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {bytes_max} bytes"),
        ));
    }
    Ok(content)
}

/// Replaces `path` by `content` so that a crash leaves the old or the new one, and syncs both the file
/// and its folder.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

/// Writes `path`, which must not be there, and syncs it.
pub fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes `folder`, for its owner only when it is new.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes `path`, empty, when there is none, and leaves it to its owner only.
pub fn create_private(path: &Path) -> io::Result<()> {
    File::options().append(true).create(true).mode(0o600).open(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// A file to lock; made when there is none.
pub fn open_lock(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}
