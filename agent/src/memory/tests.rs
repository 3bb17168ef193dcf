//! The file of the breakers across restarts, clocks that jump and damage.

use super::*;
use crate::fs::RealFs;
use switchyard_shared::breaker::{Name, State, Tree};

fn site() -> SiteName {
    SiteName::new("lon").unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(1_700_000_000_000_000 + seconds * 1_000_000)
}

/// Breakers of which an operator has tripped the site's.
fn tripped(now: Timestamp) -> Snapshot {
    let mut tree = Tree::new(site(), 1, now);
    tree.trip(&Name::Site(site()), "ann", "fibre works", now).unwrap();
    tree.snapshot(now)
}

fn saved(data: &Path, now: Timestamp) {
    let file = BreakerFile::open(Arc::new(RealFs), data, site()).unwrap();
    file.keep(tripped(now), now);
    file.close();
}

fn names(data: &Path) -> Vec<String> {
    RealFs.list(data).unwrap()
}

#[test]
fn an_open_breaker_survives_the_agent() {
    let data = tempfile::tempdir().unwrap();
    saved(data.path(), at(0));
    let remembered = recall(&RealFs, data.path(), &site(), at(10)).unwrap();
    assert_eq!(remembered.as_of, at(0));
    let tree = Tree::restore(site(), remembered.breakers, 1, remembered.as_of);
    assert_eq!(tree.reports()[0].state, State::ForcedOpen);
    assert_eq!((tree.reports()[0].by.as_str(), names(data.path())), ("ann", vec![BREAKERS_FILE.to_owned()]));
}

#[test]
fn a_clock_that_went_back_counts_as_no_time() {
    let data = tempfile::tempdir().unwrap();
    saved(data.path(), at(3600));
    assert_eq!(recall(&RealFs, data.path(), &site(), at(0)).unwrap().as_of, at(0));
}

#[test]
fn a_file_that_cannot_be_used_is_moved_aside_and_the_agent_starts_anew() {
    let other = serde_json::to_vec(&Kept {
        version: VERSION,
        site: SiteName::new("ams").unwrap(),
        saved_at: at(0),
        breakers: tripped(at(0)),
    });
    for bad in [
        b"".to_vec(),
        b"{\"version\":1".to_vec(),
        b"{\"version\":99}".to_vec(),
        vec![0xff; 100],
        other.unwrap(),
    ] {
        let data = tempfile::tempdir().unwrap();
        crate::fs::replace(&RealFs, &data.path().join(BREAKERS_FILE), &bad).unwrap();
        assert_eq!(recall(&RealFs, data.path(), &site(), at(10)), None);
        assert_eq!(names(data.path()), [BAD_FILE]);
        assert_eq!(RealFs.read(&data.path().join(BAD_FILE), 1000).unwrap(), bad);
    }
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(recall(&RealFs, nothing.path(), &site(), at(10)), None);
    assert!(names(nothing.path()).is_empty());
}

#[test]
fn what_comes_faster_than_the_disk_is_written_once_and_the_last_one_wins() {
    let data = tempfile::tempdir().unwrap();
    let file = BreakerFile::open(Arc::new(RealFs), data.path(), site()).unwrap();
    (0..1000).for_each(|n| file.keep(tripped(at(n)), at(n)));
    file.close();
    assert_eq!(recall(&RealFs, data.path(), &site(), at(2000)).unwrap().as_of, at(999));
    file.close();
}

#[test]
fn a_disk_that_fails_neither_stops_nor_blocks_anything() {
    let nowhere = Path::new("/proc/switchyard-has-no-folder-here");
    let file = BreakerFile::open(Arc::new(RealFs), nowhere, site()).unwrap();
    (0..10).for_each(|n| file.keep(tripped(at(n)), at(n)));
    file.close();
}
