//! Room that is taken while the disk has it and given back when the disk is full: results of what runs
//! still fit then.

use crate::fs::Fs;
use crate::fs::is_full;
use std::io;
use std::path::{Path, PathBuf};

/// The reserve's file in the journal's folder.
pub const RESERVE_FILE: &str = "reserve";
/// What a reserve holds, in bytes: the largest that the disk has room for.
const SIZES: [usize; 3] = [4 * 1024 * 1024, 1024 * 1024, 256 * 1024];
/// Room that must be left beside a reserve, as a part of it: a disk on which only the reserve fits is full.
const LEFT_BESIDE: usize = 4;
const CHUNK: usize = 64 * 1024;
/// No byte of the reserve is zero, so that no disk stores it as a hole.
const FILLING: u8 = 0xa5;

/// The reserve of one journal.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    /// What is held now, in bytes; 0 when it was given back.
    held: usize,
    /// What was held last, in bytes; 0 when there was never room for any.
    wanted: usize,
}

impl Reserve {
    /// The reserve in `dir`, of which `names` tells what is there.
    pub fn of(dir: &Path, names: &[String], fs: &dyn Fs) -> Self {
        let path = dir.join(RESERVE_FILE);
        let is_there = names.iter().any(|name| name == RESERVE_FILE);
        let found = is_there.then(|| fs.read(&path, SIZES[0] as u64).ok()).flatten();
        let held = found.map_or(0, |bytes| bytes.len());
        let held = if SIZES.contains(&held) { held } else { 0 };
        Self { path, held, wanted: held }
    }

    /// Whether nothing is held.
    pub fn is_spent(&self) -> bool {
        self.held == 0
    }

    /// Takes as much as was held last, or else the most that there is room for. An error that is not of a
    /// full disk is one of the disk.
    pub fn take(&mut self, fs: &dyn Fs) -> io::Result<()> {
        if self.held > 0 {
            return Ok(());
        }
        let wanted = self.wanted;
        let sizes = SIZES.into_iter().filter(|size| wanted == 0 || *size == wanted);
        let mut last = Ok(());
        for size in sizes {
            last = self.try_take(fs, size);
            match &last {
                Err(error) if is_full(error) => {}
                Ok(()) | Err(_) => break,
            }
        }
        last
    }

    fn try_take(&mut self, fs: &dyn Fs, size: usize) -> io::Result<()> {
        let beside = self.path.with_extension("unfinished");
        let taken = fill(fs, &beside, size / LEFT_BESIDE).and_then(|()| fill(fs, &self.path, size));
        let freed = fs.remove(&beside);
        if taken.is_err() {
            let _gone_or_found_by_the_next_start = fs.remove(&self.path);
        }
        taken.and(freed)?;
        (self.held, self.wanted) = (size, size);
        Ok(())
    }

    /// Gives the room back to the disk.
    pub fn give_back(&mut self, fs: &dyn Fs) -> io::Result<()> {
        self.held = 0;
        match fs.remove(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

fn fill(fs: &dyn Fs, path: &Path, size: usize) -> io::Result<()> {
    let mut file = fs.create(path)?;
    let chunk = [FILLING; CHUNK];
    for _ in 0..size / CHUNK {
        file.append(&chunk)?;
    }
    file.sync()
}
