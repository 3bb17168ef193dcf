//! What the disk in memory loses and keeps, because everything that is tested on it rests on that.

use super::*;

fn path(name: &str) -> PathBuf {
    Path::new("/data/journal").join(name)
}

fn disk() -> MemoryFs {
    let fs = MemoryFs::new(7);
    fs.create_dirs(Path::new("/data/journal")).unwrap();
    fs
}

fn write(fs: &MemoryFs, name: &str, bytes: &[u8]) -> Box<dyn AppendFile> {
    let mut file = fs.create(&path(name)).unwrap();
    file.append(bytes).unwrap();
    file
}

#[test]
fn what_was_not_synced_is_lost_and_so_is_a_name_whose_folder_was_not() {
    let fs = disk();
    write(&fs, "named", b"synced").sync().unwrap();
    fs.sync_dir(Path::new("/data/journal")).unwrap();
    let mut more = fs.create(&path("longer")).unwrap();
    fs.sync_dir(Path::new("/data/journal")).unwrap();
    more.append(b"kept").unwrap();
    more.sync().unwrap();
    more.append(b"lost").unwrap();
    write(&fs, "nameless", b"synced").sync().unwrap();
    fs.rename(&path("named"), &path("renamed")).unwrap();
    fs.crash_bare();
    assert_eq!(fs.list(Path::new("/data/journal")).unwrap(), ["longer", "named"]);
    assert_eq!(fs.read(&path("longer"), 100).unwrap(), b"kept");
    assert!(more.append(b"x").is_err(), "a file that was open is dead");
}

#[test]
fn what_a_failed_sync_was_for_is_gone_although_the_next_sync_succeeds() {
    let fs = disk();
    let mut file = write(&fs, "a", b"one");
    fs.sync_dir(Path::new("/data/journal")).unwrap();
    file.sync().unwrap();
    fs.fail(Op::Sync, 0, 1, io::ErrorKind::Other);
    file.append(b"two").unwrap();
    file.sync().unwrap_err();
    file.append(b"six").unwrap();
    file.sync().unwrap();
    assert_eq!(fs.read(&path("a"), 100).unwrap(), b"onetwosix", "the process sees nothing of it");
    fs.crash();
    assert_eq!(fs.read(&path("a"), 100).unwrap(), b"one\0\0\0six");
}

#[test]
fn a_full_disk_takes_a_part_of_a_write_until_something_is_removed_and_closed() {
    let fs = disk();
    let first = write(&fs, "a", &[1; 60]);
    fs.set_capacity(Some(100));
    let mut second = fs.create(&path("b")).unwrap();
    assert_eq!(second.append(&[2; 60]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!((fs.read(&path("b"), 100).unwrap().len(), fs.used()), (40, 100));
    fs.remove(&path("a")).unwrap();
    assert_eq!(fs.used(), 100, "it is still open");
    drop(first);
    assert_eq!(fs.used(), 40);
    second.append(&[2; 60]).unwrap();
}

#[test]
fn faults_come_when_they_were_told_to_and_end() {
    let fs = disk();
    fs.fail(Op::Append, 2, 1, io::ErrorKind::Other);
    let mut file = fs.create(&path("a")).unwrap();
    let results = [0; 4].map(|_| file.append(b"x").is_ok());
    assert_eq!(results, [true, true, false, true]);
    fs.fail(Op::Sync, 0, u64::MAX, io::ErrorKind::Other);
    assert!(file.sync().is_err() && file.sync().is_err());
    fs.heal();
    file.sync().unwrap();
}

#[test]
fn the_same_seed_loses_the_same_and_another_seed_something_else() {
    let after_crash = |seed| {
        let fs = MemoryFs::new(seed);
        fs.create_dirs(Path::new("/data/journal")).unwrap();
        let mut file = fs.create(&path("a")).unwrap();
        fs.sync_dir(Path::new("/data/journal")).unwrap();
        file.append(&(1..=200).collect::<Vec<u8>>()).unwrap();
        fs.crash();
        fs.read(&path("a"), 1000).unwrap()
    };
    let all: Vec<Vec<u8>> = (0..32).map(after_crash).collect();
    assert_eq!(all, (0..32).map(after_crash).collect::<Vec<_>>());
    assert!(all.iter().any(Vec::is_empty), "sometimes all is lost");
    assert!(all.iter().any(|left| left.len() > 20 && !left.contains(&0)), "sometimes a part survives");
    assert!(all.iter().any(|left| left.first() == Some(&0)), "sometimes with a hole");
}
