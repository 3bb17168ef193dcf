//! A journal that cannot be used is set aside: what it still shows is told, nothing of it is removed.

use super::record::Entry;
use super::segment::{SEGMENT_BYTES_MAX, format_of, segment_number};
use super::state::State;
use crate::fs::Fs;
use std::io;
use std::path::{Path, PathBuf};
use switchyard_shared::id::OpId;

/// Most journals that one data folder keeps set aside.
const ASIDE_MAX: u32 = 1000;

/// What the intact parts of a journal show.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Attempts that may have written and have no end there.
    pub in_doubt: Vec<OpId>,
    /// Results that no acknowledgement is there for.
    pub unacknowledged: Vec<OpId>,
    /// Bytes that say nothing.
    pub unreadable_bytes: usize,
}

/// Why a journal is where it was.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// There is none.
    #[error("find a journal in {0}: there is none, so an agent starts there with a new one")]
    Nothing(PathBuf),
    /// The system refused.
    #[error("set the journal {0} aside: {1}")]
    Io(PathBuf, io::Error),
}

/// What is intact of the journal in `dir`, whatever lies between.
pub fn show(fs: &dyn Fs, dir: &Path) -> Result<Shown, AsideError> {
    let names = fs.list(dir).map_err(|_| AsideError::Nothing(dir.to_owned()))?;
    let segments: Vec<&String> = names.iter().filter(|name| segment_number(name).is_some()).collect();
    if segments.is_empty() {
        return Err(AsideError::Nothing(dir.to_owned()));
    }
    let (mut state, mut unreadable_bytes) = (State::default(), 0);
    for name in segments {
        let path = dir.join(name);
        let bytes = fs.read(&path, SEGMENT_BYTES_MAX).map_err(|error| AsideError::Io(path, error))?;
        unreadable_bytes += salvage(&bytes, &mut state);
    }
    let unacknowledged = state.results.into_values().map(|(op, _)| op).collect();
    Ok(Shown { in_doubt: state.intents.into_keys().collect(), unacknowledged, unreadable_bytes })
}

/// Adds every intact record; gives how many bytes lie between them.
fn salvage(bytes: &[u8], state: &mut State) -> usize {
    let (format, mut at, mut unreadable) = (format_of(bytes), 0, 0);
    loop {
        let Some(found) = format.payload(&bytes[at..]) else {
            let Some(skip) = format.next_frame(&bytes[at..]) else { return unreadable + bytes.len() - at };
            // The first bytes of a segment are no record.
            unreadable += if at == 0 { 0 } else { skip };
            at += skip;
            continue;
        };
        let entries: Vec<Entry> = serde_json::from_slice(found).unwrap_or_default();
        entries.into_iter().for_each(|entry| state.apply(entry));
        at += format.framed_len(found);
    }
}

/// Moves the journal in `dir` to a name beside it that is free, and gives that. The next agent begins a
/// new journal, by whose name the coordinator knows that the old one is lost.
pub fn set_aside(fs: &dyn Fs, dir: &Path) -> Result<PathBuf, AsideError> {
    let io = |error| AsideError::Io(dir.to_owned(), error);
    let parent = dir.parent().ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    let taken = fs.list(parent).map_err(io)?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let mut free = (1..=ASIDE_MAX).map(|number| format!("{name}.aside-{number}"));
    let free = free.find(|name| !taken.contains(name));
    let free = free.ok_or_else(|| io(io::Error::other(format!("{ASIDE_MAX} are there already"))))?;
    let to = parent.join(free);
    fs.rename(dir, &to).and_then(|()| fs.sync_dir(parent)).map_err(io)?;
    Ok(to)
}
