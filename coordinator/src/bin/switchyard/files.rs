//! Reading files where the person is, never more than a bound.

use std::io::Read as _;
use std::path::Path;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It holds more than was asked for.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// It is not text.
    #[error("not UTF-8 text")]
    NotText,
    /// A folder, a device, a socket.
    #[error("not a regular file")]
    NotAFile,
}

/// The bytes of the file at `path`, at most `bytes_max`.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the file seam of the command line: it bounds every read"
)]
pub fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(ReadError::NotAFile);
    }
    bounded(file, bytes_max)
}

/// Everything `source` gives, at most `bytes_max` bytes.
pub fn bounded(source: impl std::io::Read, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    source.take(u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max { Err(ReadError::TooLarge(bytes_max)) } else { Ok(bytes) }
}

/// The text of the file at `path`, at most `bytes_max` bytes.
pub fn read_text(path: &Path, bytes_max: usize) -> Result<String, ReadError> {
    String::from_utf8(read(path, bytes_max)?).map_err(|_| ReadError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_stops_at_its_bound() {
        assert!(matches!(bounded(&b"12345"[..], 4), Err(ReadError::TooLarge(4))));
        assert_eq!(bounded(&b"12345"[..], 5).expect("it fits"), b"12345");
        assert!(matches!(bounded(std::io::repeat(0), 10), Err(ReadError::TooLarge(10))));
    }

    #[test]
    fn a_folder_is_no_file() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(matches!(read(dir.path(), 10), Err(ReadError::NotAFile)));
        assert!(matches!(read(&dir.path().join("none"), 10), Err(ReadError::Io(_))));
    }
}
