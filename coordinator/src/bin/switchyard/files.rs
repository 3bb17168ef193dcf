//! Reading files where the person is, never more than a bound.

use std::io::{ErrorKind, Read as _};
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
}

/// The bytes of the file at `path`, at most `bytes_max`.
pub fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX - 1);
    switchyard_coordinator::files::read(path, bound).map_err(|error| {
        if error.kind() == ErrorKind::FileTooLarge {
            ReadError::TooLarge(bytes_max)
        } else {
            ReadError::Io(error)
        }
    })
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
    fn a_file_is_read_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(matches!(read(dir.path(), 10), Err(ReadError::Io(_))));
        let file = dir.path().join("file");
        switchyard_coordinator::files::write(&file, b"12345").expect("a file");
        assert!(matches!(read(&file, 4), Err(ReadError::TooLarge(4))));
        assert_eq!(read_text(&file, 5).expect("it fits"), "12345");
        assert!(matches!(read(&dir.path().join("none"), 10), Err(ReadError::Io(_))));
    }
}
