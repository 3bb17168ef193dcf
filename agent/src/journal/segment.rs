//! One journal file: magic, version, whose it is, the state it starts from, then everything since.

use super::frame::{FRAME_BYTES_MAX, Format, Tail, frame};
use super::record::Entry;
use super::state::State;
use crate::failpoint;
use crate::fs::{AppendFile, Fs};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::SiteName;

const MAGIC: &[u8; 8] = b"SWYDJRNL";
/// What this program writes; it reads 1 too.
const VERSION: u32 = 2;
const HEAD: usize = 12;
/// Largest segment that is read, in bytes.
pub const SEGMENT_BYTES_MAX: u64 = 512 * 1024 * 1024;
const SUFFIX: &str = ".journal";
const SNAPSHOT_ENTRIES_PER_FRAME: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    site: SiteName,
    segment: u64,
    /// Entries that were synced before the file got its name; fewer is damage.
    snapshot_entries: u64,
}

/// What is wrong with a segment, continuing "… cannot be used: ".
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Nothing in it.
    #[error("it is empty, which this program never leaves behind")]
    Empty,
    /// Not ours.
    #[error("it does not begin as a journal does")]
    NotAJournal,
    /// Written by a newer program.
    #[error("it has format version {0}, and this program knows {VERSION}; use the program that wrote it")]
    Version(u32),
    /// Another site's.
    #[error("it belongs to site {found}, and this agent is for site {expected}")]
    OtherSite {
        /// Whose it is.
        found: SiteName,
        /// Whose it should be.
        expected: SiteName,
    },
    /// A file under another file's name.
    #[error("it is segment {found} under the name of segment {expected}")]
    OtherSegment {
        /// What it says.
        found: u64,
        /// What its name says.
        expected: u64,
    },
    /// Bytes that were on the disk have changed or gone.
    #[error("it is damaged at byte {0}, and more follows there than the end of a torn write")]
    Damaged(usize),
    /// Less than was synced before it got its name.
    #[error("it is cut off at byte {0}, within what was safely on the disk")]
    CutOff(usize),
    /// An intact record that means nothing here.
    #[error("the record at byte {0} is intact but not understood: {1}")]
    Unknown(usize, serde_json::Error),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl SegmentError {
    /// What to do about it; `dir` is the journal's folder.
    pub fn advice(&self, dir: &Path) -> String {
        let (data, dir) = (dir.parent().unwrap_or(dir).display(), dir.display());
        match self {
            Self::OtherSite { found, .. } => {
                format!("Start this agent with --site {found}, or give it a --data folder of its own")
            }
            Self::Version(_) => "Nothing was changed".into(),
            Self::Io(_) => "Mend that and start again; nothing was changed".into(),
            Self::Empty
            | Self::NotAJournal
            | Self::OtherSegment { .. }
            | Self::Damaged(_)
            | Self::CutOff(_)
            | Self::Unknown(..) => format!(
                "Devices may have been written to that only this file knows of: set {dir} aside with \
                 `switchyard-agent journal set-aside --data {data} --yes` and start again; then what was in flight here \
                 is UNKNOWN and is read back. Put no older copy in its place: it would not know of them"
            ),
        }
    }
}

/// A segment read back.
#[derive(Debug)]
pub struct ReadBack {
    /// The fold of its entries.
    pub state: State,
    /// What its end is.
    pub tail: Tail,
}

/// The number in a segment's file name.
pub fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}

/// The path of segment `number`.
pub fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}{SUFFIX}"))
}

/// Why there is no new segment.
#[derive(Debug)]
pub enum CreateError {
    /// There is no file of that name, now or after a crash.
    Nameless(io::Error),
    /// There may be a whole file of that name, now or after a crash.
    Named(io::Error),
}

impl CreateError {
    /// What the system said.
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Nameless(error) | Self::Named(error) => error,
        }
    }
}

/// Writes a new segment that starts from `state`; when this returns it is on the disk under its name.
/// Gives the open file and its length.
pub fn create(
    fs: &dyn Fs,
    dir: &Path,
    number: u64,
    site: &SiteName,
    state: &State,
) -> Result<(Box<dyn AppendFile>, u64), CreateError> {
    let path = segment_path(dir, number);
    let unfinished = path.with_extension("unfinished");
    let bytes = snapshot(number, site, state).map_err(CreateError::Nameless)?;
    let written = fs.create(&unfinished).and_then(|mut file| {
        file.append(&bytes)?;
        file.sync()?;
        Ok(file)
    });
    let file = written.map_err(|error| {
        // It may be what keeps a full disk full.
        let _gone_or_found_by_the_next_start = fs.remove(&unfinished);
        CreateError::Nameless(error)
    })?;
    failpoint::here("segment-before-rename");
    let renamed = fs.rename(&unfinished, &path);
    failpoint::here("segment-before-folder-sync");
    let is_named = |()| if guard::holds(Guard::FolderFsync) { fs.sync_dir(dir) } else { Ok(()) };
    renamed.and_then(is_named).map_err(CreateError::Named)?;
    Ok((file, u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
}

fn snapshot(number: u64, site: &SiteName, state: &State) -> io::Result<Vec<u8>> {
    let entries: Vec<Entry> = state.entries().collect();
    let identity = Identity {
        site: site.clone(),
        segment: number,
        snapshot_entries: entries.len().try_into().unwrap_or(0),
    };
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(frame(&identity)?);
    for chunk in entries.chunks(SNAPSHOT_ENTRIES_PER_FRAME) {
        bytes.extend(frame(&chunk)?);
    }
    Ok(bytes)
}

/// Reads segment `number` of `site`.
pub fn read(fs: &dyn Fs, dir: &Path, number: u64, site: &SiteName) -> Result<ReadBack, SegmentError> {
    let bytes = fs.read(&segment_path(dir, number), SEGMENT_BYTES_MAX)?;
    let (identity, format, mut at) = identity(&bytes)?;
    if identity.site != *site {
        return Err(SegmentError::OtherSite { found: identity.site, expected: site.clone() });
    }
    if identity.segment != number {
        return Err(SegmentError::OtherSegment { found: identity.segment, expected: number });
    }
    let mut state = State::default();
    let mut seen = 0_u64;
    while let Some(payload) = format.payload(&bytes[at..]) {
        let entries: Vec<Entry> =
            serde_json::from_slice(payload).map_err(|error| SegmentError::Unknown(at, error))?;
        seen += u64::try_from(entries.len()).unwrap_or(u64::MAX);
        entries.into_iter().for_each(|entry| state.apply(entry));
        at += format.framed_len(payload);
    }
    // One frame at most is on its way to the disk at any time.
    let rest = &bytes[at..];
    if rest.len() > format.largest() || format.next_frame(rest).is_some() {
        return Err(SegmentError::Damaged(at));
    }
    if seen < identity.snapshot_entries {
        return Err(SegmentError::CutOff(at));
    }
    Ok(ReadBack { state, tail: format.tail(rest, at) })
}

fn identity(bytes: &[u8]) -> Result<(Identity, Format, usize), SegmentError> {
    if bytes.is_empty() {
        return Err(SegmentError::Empty);
    }
    if bytes.get(..8) != Some(MAGIC.as_slice()) {
        return Err(SegmentError::NotAJournal);
    }
    let version: [u8; 4] =
        bytes.get(8..HEAD).and_then(|v| v.try_into().ok()).ok_or(SegmentError::CutOff(bytes.len()))?;
    let format = format(u32::from_le_bytes(version))?;
    let payload = format.payload(&bytes[HEAD..]).ok_or(SegmentError::CutOff(HEAD))?;
    let identity = serde_json::from_slice(payload).map_err(|error| SegmentError::Unknown(HEAD, error))?;
    Ok((identity, format, HEAD + format.framed_len(payload)))
}

fn format(version: u32) -> Result<Format, SegmentError> {
    match version {
        1 => Ok(Format::Bare),
        VERSION => Ok(Format::Checked),
        other => Err(SegmentError::Version(other)),
    }
}

/// How the frames of a file that begins so are written; a file of an unknown kind as this program does.
pub fn format_of(bytes: &[u8]) -> Format {
    let version = bytes.get(8..HEAD).and_then(|v| v.try_into().ok()).map(u32::from_le_bytes);
    version.and_then(|version| format(version).ok()).unwrap_or(Format::Checked)
}

/// A frame of entries that are synced together; refuses more than a reader would take.
pub fn entries_frame(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let bytes = frame(&entries)?;
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(io::Error::other("too much to journal at once"));
    }
    Ok(bytes)
}
