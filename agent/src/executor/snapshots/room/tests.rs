//! Promises about the room that the snapshots of an agent take together.

use super::super::*;
use super::*;
use crate::fs::memory::MemoryFs;
use crate::fs::{Fs as _, RealFs};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Room for five snapshots of 100 bytes, and a little more.
const ROOM: u64 = 550;

fn op(device: &str, attempt: u32) -> OpId {
    OpId { rollout: RolloutName::new("ntp").unwrap(), device: DeviceName::new(device).unwrap(), attempt }
}

fn snapshots(data: &Path) -> Snapshots {
    Snapshots::new(data, Arc::new(RealFs)).with_room(ROOM)
}

/// Keeps 100 bytes of `device`.
async fn keep(snapshots: &Snapshots, device: &str, attempt: u32) -> Result<Held, Failure> {
    let text = format!("{device} {attempt}").repeat(100)[..100].to_owned();
    snapshots.keep(&op(device, attempt), &Running(Zeroizing::new(text)), None).await
}

async fn has(snapshots: &Snapshots, device: &str, attempt: u32) -> bool {
    snapshots.read(&op(device, attempt), |_| true).await.is_ok()
}

/// Makes a snapshot so many days old.
fn age(data: &Path, device: &str, attempt: u32, days: u64) {
    let folder = data.join("snapshots").join(device);
    let names = RealFs.list(&folder).unwrap();
    let name = names.iter().find(|name| is_of(name, &op(device, attempt))).unwrap();
    let file = std::fs::File::options().write(true).open(folder.join(name)).unwrap();
    let then = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(days * 86_400);
    file.set_modified(then).unwrap();
}

#[tokio::test]
async fn the_oldest_snapshots_of_a_site_make_room_for_new_ones_and_those_of_the_device_itself_last() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = snapshots(data.path());
    let days = [("r1", 1, 5), ("r2", 1, 3), ("r1", 2, 4), ("r3", 1, 2), ("r3", 2, 1)];
    for (device, attempt, days) in days {
        drop(keep(&snapshots, device, attempt).await.unwrap());
        age(data.path(), device, attempt, days);
    }
    drop(keep(&snapshots, "r1", 3).await.unwrap());
    for (device, attempt, stays) in [
        ("r1", 1, true),
        ("r1", 2, true),
        ("r2", 1, false),
        ("r3", 1, true),
        ("r3", 2, true),
        ("r1", 3, true),
    ] {
        assert_eq!(has(&snapshots, device, attempt).await, stays, "{device} {attempt}");
    }
}

#[tokio::test]
async fn what_a_way_back_needs_now_makes_no_room_and_without_room_nothing_is_written() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = snapshots(data.path());
    let mut held = Vec::new();
    for device in ["r1", "r2", "r3", "r4"] {
        held.push(keep(&snapshots, device, 1).await.unwrap());
    }
    drop(keep(&snapshots, "r5", 1).await.unwrap());
    held.push(keep(&snapshots, "r6", 1).await.unwrap());
    assert!(!has(&snapshots, "r5", 1).await, "nobody needs it now");
    let refused = keep(&snapshots, "r7", 1).await.unwrap_err();
    assert_eq!(refused.class, Class::AgentError);
    assert!(refused.message.contains("may take 550 bytes"), "{}", refused.message);
    assert!(refused.hint.contains("nothing was written"), "{}", refused.hint);
    for device in ["r1", "r2", "r3", "r4", "r6"] {
        assert!(has(&snapshots, device, 1).await, "{device}");
    }
    drop(held.remove(0));
    drop(keep(&snapshots, "r7", 1).await.unwrap());
    assert!(!has(&snapshots, "r1", 1).await && has(&snapshots, "r7", 1).await);
}

#[tokio::test]
async fn the_snapshot_that_a_device_is_put_back_to_makes_no_room() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = snapshots(data.path());
    for attempt in 1..=3 {
        drop(keep(&snapshots, "r1", attempt).await.unwrap());
        age(data.path(), "r1", attempt, 9 - u64::from(attempt));
    }
    let now = Running(Zeroizing::new("x".repeat(100)));
    let _held = snapshots.keep(&op("r1", 4), &now, Some(op("r1", 1))).await.unwrap();
    drop(keep(&snapshots, "r2", 1).await.unwrap());
    drop(keep(&snapshots, "r3", 1).await.unwrap());
    let left: Vec<bool> = vec![
        has(&snapshots, "r1", 1).await,
        has(&snapshots, "r1", 2).await,
        has(&snapshots, "r1", 3).await,
        has(&snapshots, "r1", 4).await,
    ];
    assert_eq!(left, [true, false, true, true]);
}

#[tokio::test]
async fn while_there_is_room_no_snapshot_goes_however_wrong_the_clock_was() {
    let data = tempfile::tempdir().unwrap();
    for (device, days) in [("before-its-clock-was-set", 20_000), ("seldom", 4_000), ("r1", 0)] {
        drop(keep(&snapshots(data.path()), device, 1).await.unwrap());
        age(data.path(), device, 1, days);
    }
    let after = snapshots(data.path());
    drop(keep(&after, "r1", 2).await.unwrap());
    for device in ["before-its-clock-was-set", "seldom", "r1"] {
        assert!(has(&after, device, 1).await, "{device}");
    }
}

#[tokio::test]
async fn an_attempt_begins_and_ends_while_everything_is_looked_through_for_room() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = snapshots(data.path());
    let looking = lock(&snapshots.ledger);
    drop(Held::new(&snapshots.needed, &DeviceName::new("r1").unwrap(), None));
    drop(looking);
}

#[tokio::test]
async fn a_way_back_reads_and_notes_while_many_new_writes_wait_for_room() {
    let data = tempfile::tempdir().unwrap();
    let snapshots = snapshots(data.path());
    drop(keep(&snapshots, "r1", 1).await.unwrap());
    let (let_go, held) = std::sync::mpsc::sync_channel::<()>(0);
    let (begin, begun) = tokio::sync::oneshot::channel();
    let ledger = snapshots.ledger.clone();
    let looks = tokio::task::spawn_blocking(move || {
        let _looking = lock(&ledger);
        begin.send(()).unwrap();
        held.recv().is_ok()
    });
    begun.await.unwrap();
    let names: Vec<String> = (2..40).map(|number| format!("r{number}")).collect();
    let mut waiting: FuturesUnordered<_> = names.iter().map(|name| keep(&snapshots, name, 1)).collect();
    assert!(waiting.next().now_or_never().is_none(), "they have no room yet");
    let goes_back = async {
        snapshots.note_left(&op("r1", 1), "a digest".into()).await;
        assert!(has(&snapshots, "r1", 1).await);
        snapshots.since(&op("r1", 1)).await.unwrap().left
    };
    let left = tokio::time::timeout(Duration::from_secs(20), goes_back).await;
    drop(let_go);
    looks.await.unwrap();
    assert_eq!(left.expect("it waits for no room")[0].digest, "a digest");
    while waiting.next().await.is_some() {}
}

#[tokio::test]
async fn room_is_counted_from_what_lies_on_the_disk_and_given_back_by_what_goes() {
    let data = tempfile::tempdir().unwrap();
    for device in ["r1", "r2", "r3", "r4", "r5"] {
        drop(keep(&snapshots(data.path()), device, 1).await.unwrap());
    }
    let used = |snapshots: &Snapshots| lock(&snapshots.ledger).used;
    let after = snapshots(data.path());
    drop(keep(&after, "r6", 1).await.unwrap());
    assert_eq!(used(&after), Some(500), "of five another agent made room for the sixth");
    let wide = Snapshots::new(data.path(), Arc::new(RealFs));
    for attempt in 1..=20 {
        drop(keep(&wide, "r7", attempt).await.unwrap());
    }
    assert_eq!(used(&wide), Some(500 + 100 * PER_DEVICE_MAX as u64));
}

#[tokio::test]
async fn on_a_full_disk_the_oldest_snapshots_go_before_a_device_is_refused() {
    let disk = MemoryFs::new(1);
    let snapshots = Snapshots::new(Path::new("/data"), Arc::new(disk.clone()));
    drop(keep(&snapshots, "r0", 1).await.unwrap());
    for device in ["r1", "r2", "r3"] {
        let op = OpId { rollout: RolloutName::new("earlier").unwrap(), ..op(device, 1) };
        let _ = snapshots.keep(&op, &Running(Zeroizing::new("x".repeat(100))), None).await.unwrap();
    }
    disk.set_capacity(Some(450));
    drop(keep(&snapshots, "r5", 1).await.unwrap());
    let kept = |disk: &MemoryFs| -> Vec<String> {
        disk.files()
            .iter()
            .map(|path| path.parent().unwrap().file_name().unwrap().to_string_lossy().into())
            .collect()
    };
    assert_eq!(kept(&disk), ["r0", "r3", "r5"], "the oldest of another rollout went");
    assert_eq!(lock(&snapshots.ledger).used, Some(disk.used()));
    disk.set_capacity(Some(0));
    let failure = keep(&snapshots, "r6", 1).await.unwrap_err();
    assert_eq!(failure.class, Class::AgentError);
    assert!(
        has(&snapshots, "r0", 1).await && has(&snapshots, "r5", 1).await,
        "its own rollout may need them"
    );
    assert_eq!(lock(&snapshots.ledger).used, Some(disk.used()));
}

#[tokio::test]
async fn what_a_killed_agent_had_not_finished_goes_with_the_next_snapshot_of_the_device() {
    let disk = MemoryFs::new(1);
    let draft = Path::new("/data/snapshots/r1/00000007@gone@1.unfinished");
    disk.put(draft, b"key s3cret");
    let snapshots = Snapshots::new(Path::new("/data"), Arc::new(disk.clone()));
    drop(keep(&snapshots, "r1", 1).await.unwrap());
    assert_eq!(disk.files(), [Path::new("/data/snapshots/r1/00000001@ntp@1")]);
}
