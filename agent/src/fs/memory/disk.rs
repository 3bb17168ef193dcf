//! The disk behind files in memory: what a process sees, and what would be left if power were lost now.

use super::{Op, is_file};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    Folder,
    File(u64),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    synced: usize,
    /// A failed sync was for these: they never reach the disk.
    gone: Vec<Range<usize>>,
    open: usize,
}

#[derive(Debug, Clone)]
enum Rename {
    Link(PathBuf, u64),
    Move(PathBuf, PathBuf),
    Unlink(PathBuf),
}

#[derive(Debug, Clone)]
struct Fault {
    op: Op,
    after: u64,
    times: u64,
    error: io::ErrorKind,
}

#[derive(Debug, Clone)]
pub struct Disk {
    random: u64,
    /// Counts crashes: a file that was open before one is dead.
    life: u64,
    next_inode: u64,
    inodes: BTreeMap<u64, Inode>,
    seen: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// By folder, in order.
    unsynced_names: BTreeMap<PathBuf, Vec<Rename>>,
    capacity: Option<u64>,
    faults: Vec<Fault>,
    counts: BTreeMap<Op, u64>,
}

impl Disk {
    pub fn new(seed: u64) -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Folder)]);
        Self {
            random: seed,
            life: 0,
            next_inode: 0,
            inodes: BTreeMap::new(),
            seen: root.clone(),
            durable: root,
            unsynced_names: BTreeMap::new(),
            capacity: None,
            faults: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    pub fn reseed(&mut self, seed: u64) {
        self.random = seed;
    }

    pub fn fail(&mut self, op: Op, after: u64, times: u64, error: io::ErrorKind) {
        self.faults.push(Fault { op, after, times, error });
    }

    pub fn heal(&mut self) {
        self.faults.clear();
    }

    pub fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    pub fn count(&self, op: Op) -> u64 {
        self.counts.get(&op).copied().unwrap_or(0)
    }

    pub fn used(&self) -> u64 {
        let linked = |id: &u64| self.seen.values().any(|node| *node == Node::File(*id));
        let used = self.inodes.iter().filter(|(id, inode)| inode.open > 0 || linked(id));
        used.map(|(_, inode)| inode.bytes.len() as u64).sum()
    }

    /// Counts one operation and tells whether it fails.
    pub fn decide(&mut self, op: Op) -> io::Result<()> {
        *self.counts.entry(op).or_default() += 1;
        let mut failed = None;
        for fault in self.faults.iter_mut().filter(|fault| fault.op == op && fault.times > 0) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if failed.is_none() {
                fault.times = if fault.times == u64::MAX { u64::MAX } else { fault.times - 1 };
                failed = Some(fault.error);
            }
        }
        failed.map_or(Ok(()), |kind| Err(kind.into()))
    }

    pub fn append(&mut self, id: u64, life: u64, bytes: &[u8]) -> io::Result<()> {
        self.alive(life)?;
        let room = self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()));
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let (written, result) = match self.decide(Op::Append) {
            Err(error) => (self.below(bytes.len().min(fits) + 1), Err(error)),
            Ok(()) if fits < bytes.len() => (fits, Err(io::ErrorKind::StorageFull.into())),
            Ok(()) => (fits, Ok(())),
        };
        self.inode(id)?.bytes.extend_from_slice(&bytes[..written]);
        result
    }

    pub fn sync(&mut self, id: u64, life: u64) -> io::Result<()> {
        self.alive(life)?;
        let result = self.decide(Op::Sync);
        let inode = self.inode(id)?;
        let fresh = inode.synced..inode.bytes.len();
        if result.is_err() {
            inode.gone.push(fresh.clone());
        }
        inode.synced = fresh.end;
        result
    }

    pub fn close(&mut self, id: u64, life: u64) {
        if life == self.life
            && let Some(inode) = self.inodes.get_mut(&id)
        {
            inode.open = inode.open.saturating_sub(1);
        }
        self.collect();
    }

    pub fn create_dirs(&mut self, path: &Path) {
        for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            self.seen.insert(folder.to_owned(), Node::Folder);
            self.durable.insert(folder.to_owned(), Node::Folder);
        }
    }

    pub fn create(&mut self, path: &Path) -> io::Result<(u64, u64)> {
        self.decide(Op::Create)?;
        let folder = self.folder_of(path)?;
        let id = match self.seen.get(path) {
            Some(Node::Folder) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(Node::File(id)) => *id,
            None => {
                self.next_inode += 1;
                self.inodes.insert(self.next_inode, Inode::default());
                self.seen.insert(path.to_owned(), Node::File(self.next_inode));
                self.note(folder, Rename::Link(path.to_owned(), self.next_inode));
                self.next_inode
            }
        };
        // Cutting a file off may reach the disk at any time: at once is the worst.
        let inode = self.inode(id)?;
        *inode = Inode { open: inode.open + 1, ..Inode::default() };
        Ok((id, self.life))
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.decide(Op::Rename)?;
        let folder = self.folder_of(to)?;
        if self.folder_of(from)? != folder {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let node = self.seen.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.move_below(from, to);
        self.seen.insert(to.to_owned(), node);
        self.note(folder, Rename::Move(from.to_owned(), to.to_owned()));
        self.collect();
        Ok(())
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.decide(Op::Remove)?;
        let folder = self.folder_of(path)?;
        if !self.seen.get(path).is_some_and(is_file) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.seen.remove(path);
        self.note(folder, Rename::Unlink(path.to_owned()));
        self.collect();
        Ok(())
    }

    pub fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.decide(Op::SyncDir)?;
        self.list(dir)?;
        for rename in self.unsynced_names.remove(dir).unwrap_or_default() {
            self.make_durable(rename);
        }
        self.collect();
        Ok(())
    }

    pub fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        if self.seen.get(dir) != Some(&Node::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = self.seen.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.seen.get(path) {
            Some(Node::File(id)) => {
                Ok(self.inodes.get(id).map(|inode| inode.bytes.clone()).unwrap_or_default())
            }
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub fn files(&self) -> Vec<PathBuf> {
        self.seen.iter().filter(|(_, node)| is_file(node)).map(|(path, _)| path.clone()).collect()
    }

    pub fn put(&mut self, path: &Path, bytes: &[u8]) {
        if let Some(folder) = path.parent() {
            self.create_dirs(folder);
        }
        self.next_inode += 1;
        let inode = Inode { bytes: bytes.to_vec(), synced: bytes.len(), ..Inode::default() };
        self.inodes.insert(self.next_inode, inode);
        self.seen.insert(path.to_owned(), Node::File(self.next_inode));
        self.durable.insert(path.to_owned(), Node::File(self.next_inode));
        self.collect();
    }

    pub fn kill(&mut self) {
        self.life += 1;
        self.inodes.values_mut().for_each(|inode| inode.open = 0);
        self.collect();
    }

    pub fn crash_bare(&mut self) {
        self.unsynced_names.clear();
        for inode in self.inodes.values_mut() {
            inode.bytes.truncate(inode.synced);
        }
        self.restart();
    }

    pub fn crash(&mut self) {
        for (_, renames) in std::mem::take(&mut self.unsynced_names) {
            let kept = if self.below(2) == 0 { 0 } else { self.below(renames.len() + 1) };
            renames.into_iter().take(kept).for_each(|rename| self.make_durable(rename));
        }
        let ids: Vec<u64> = self.inodes.keys().copied().collect();
        for id in ids {
            let (whole, synced) =
                self.inodes.get(&id).map_or((0, 0), |inode| (inode.bytes.len(), inode.synced));
            let kept = if self.below(2) == 0 { 0 } else { self.below(whole - synced + 1) };
            let hole = if self.below(4) == 0 { self.below(kept + 1) } else { 0 };
            if let Some(inode) = self.inodes.get_mut(&id) {
                inode.bytes.truncate(synced + kept);
                inode.bytes[synced..synced + hole].fill(0);
            }
        }
        self.restart();
    }

    fn restart(&mut self) {
        self.seen = self.durable.clone();
        for inode in self.inodes.values_mut() {
            for gone in std::mem::take(&mut inode.gone) {
                let end = gone.end.min(inode.bytes.len());
                inode.bytes[gone.start.min(end)..end].fill(0);
            }
            inode.synced = inode.bytes.len();
        }
        self.kill();
    }

    fn make_durable(&mut self, rename: Rename) {
        match rename {
            Rename::Link(path, id) => {
                self.durable.insert(path, Node::File(id));
            }
            Rename::Move(from, to) => {
                if let Some(node) = self.durable.remove(&from) {
                    self.durable.insert(to, node);
                }
            }
            Rename::Unlink(path) => {
                self.durable.remove(&path);
            }
        }
    }

    /// A folder that is moved takes its content along; that is durable at once.
    fn move_below(&mut self, from: &Path, to: &Path) {
        for names in [&mut self.seen, &mut self.durable] {
            let moved: Vec<PathBuf> =
                names.keys().filter(|path| path.starts_with(from) && *path != from).cloned().collect();
            for path in moved {
                if let (Ok(rest), Some(node)) = (path.strip_prefix(from), names.get(&path).copied()) {
                    names.insert(to.join(rest), node);
                    names.remove(&path);
                }
            }
        }
    }

    fn note(&mut self, folder: PathBuf, rename: Rename) {
        self.unsynced_names.entry(folder).or_default().push(rename);
    }

    fn folder_of(&self, path: &Path) -> io::Result<PathBuf> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        match self.seen.get(folder) {
            Some(Node::Folder) => Ok(folder.to_owned()),
            Some(Node::File(_)) | None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn inode(&mut self, id: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn alive(&self, life: u64) -> io::Result<()> {
        if life == self.life {
            Ok(())
        } else {
            Err(io::Error::other("the file was open when power was lost"))
        }
    }

    /// Forgets files that nothing leads to, now or after a crash.
    fn collect(&mut self) {
        let unsynced = self.unsynced_names.values().flatten().filter_map(|rename| match rename {
            Rename::Link(_, id) => Some(Node::File(*id)),
            Rename::Move(..) | Rename::Unlink(_) => None,
        });
        let live: Vec<Node> =
            self.seen.values().chain(self.durable.values()).copied().chain(unsynced).collect();
        self.inodes.retain(|id, inode| inode.open > 0 || live.contains(&Node::File(*id)));
    }

    /// A number below `end`, which is at least 1.
    fn below(&mut self, end: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end as u64)).unwrap_or(0)
    }
}
