//! A small file system that a test fills up. Needs root.

use std::path::PathBuf;
use std::process::Command;

/// A file system of its own, gone with this.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// One of `size`, such as `2m`, at `path`.
    pub fn mount(path: PathBuf, size: &str) -> Self {
        std::fs::create_dir_all(&path).expect("a folder");
        let words = ["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"];
        assert!(Command::new("mount").args(words).arg(&path).status().expect("mount runs").success());
        Self(path)
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let to = format!("of={}", self.filler().display());
        Command::new("dd").args(["if=/dev/zero", "bs=4096", &to]).output().expect("dd runs");
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).expect("it was full");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
