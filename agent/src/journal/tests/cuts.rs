//! A journal cut off anywhere tells a shorter truth, or is refused.

use super::*;

fn frames() -> [Vec<Entry>; 4] {
    [vec![intent(1)], vec![result(1), intent(2)], vec![result(2)], vec![intent(3)]]
}

#[tokio::test]
async fn a_journal_cut_at_any_length_loses_only_its_torn_end_or_is_refused() {
    let fs = disk();
    write(&fs, &frames()).await;
    let (path, whole) = only_segment(&fs);
    let prefixes = prefixes(&frames());
    let mut lost = prefixes.len();
    for length in (0..whole.len()).rev() {
        match look(&disk_with(&path, &whole[..length])) {
            Ok((state, tail)) => {
                assert!(!matches!(tail, Tail::Doubtful(_)), "{length}: a cut is no doubt");
                let at = prefixes.iter().position(|prefix| *prefix == state).expect("a whole prefix");
                assert!(at <= lost, "a shorter file never tells more");
                lost = at;
            }
            Err(error) => {
                assert!(lost <= 1, "refused only within what was synced before the file had a name: {error}");
                lost = 0;
            }
        }
    }
    assert_eq!(lost, 0);
}

#[tokio::test]
async fn power_lost_after_any_step_loses_nothing_that_was_called_durable_and_is_never_refused() {
    for seed in 0..60 {
        let fs = MemoryFs::new(seed);
        let journal = open(&fs).unwrap().journal;
        let mut prefixes = prefixes(&frames()).to_vec();
        for (n, entries) in frames().into_iter().enumerate() {
            put(&journal, entries).await.unwrap();
            put(&journal, vec![Entry::Acked { sequence: 0 }]).await.unwrap();
            let after = fs.fork(seed);
            after.crash();
            let state = open(&after).unwrap_or_else(|error| panic!("seed {seed}, step {n}: {error}")).state;
            assert_eq!(state, prefixes.remove(1), "seed {seed}, step {n}");
        }
    }
}

#[tokio::test]
async fn power_lost_in_the_middle_of_any_step_leaves_the_state_before_or_after_it() {
    use crate::fs::memory::Op;
    use std::sync::Mutex;
    for seed in 0..30 {
        let fs = MemoryFs::new(seed);
        let images: Arc<Mutex<Vec<MemoryFs>>> = Arc::default();
        let journal = open(&fs).unwrap().journal;
        let (disk, taken) = (fs.clone(), images.clone());
        fs.set_hook(Some(Arc::new(move |op| {
            if matches!(op, Op::Sync | Op::SyncDir | Op::Rename | Op::Remove) {
                taken.lock().unwrap().push(disk.fork(seed));
            }
        })));
        for entries in frames() {
            put(&journal, entries).await.unwrap();
        }
        journal.close().await;
        fs.set_hook(None);
        open(&fs).unwrap().journal.close().await;
        let prefixes = prefixes(&frames());
        for image in images.lock().unwrap().iter() {
            image.crash();
            let opened = open(image).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let state = opened.state;
            let is_it = |prefix: &State| match opened.tail {
                Tail::Whole | Tail::Torn(_) => *prefix == state,
                Tail::Doubtful(_) => operations(prefix) == operations(&state),
            };
            assert!(prefixes.iter().any(is_it), "seed {seed}: {state:?}");
        }
    }
}
