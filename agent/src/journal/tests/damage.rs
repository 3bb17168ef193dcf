//! A journal whose bytes have changed: refused, or read as the truth that was before its last write.
//!
//! The whole sweep takes minutes: `SWITCHYARD_SWEEP=full` asks for it.

use super::*;

/// Results and intents of about this size, in bytes.
const JOURNAL_BYTES: usize = 64 * 1024;

/// What reading one damaged journal may take beyond the file, in KiB.
const MEMORY_KIB_MAX: u64 = 16 * 1024;

/// One position in so many is tried, unless the whole sweep is asked for.
fn step() -> usize {
    if std::env::var_os("SWITCHYARD_SWEEP").is_some_and(|sweep| sweep == "full") { 1 } else { 251 }
}

/// The most memory that this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = crate::fs::RealFs.read(Path::new("/proc/self/status"), 64 * 1024).unwrap();
    let status = String::from_utf8(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn frames() -> Vec<Vec<Entry>> {
    let of = |n: u32| {
        let text = format!("{n:>350}");
        let outcome = Outcome { output: text, ..outcome() };
        let end = Entry::Result { sequence: u64::from(n / 2 + 1), op: op(n), outcome };
        vec![vec![intent(n), intent(n + 1)], vec![end]]
    };
    (0..JOURNAL_BYTES as u32).step_by(2).flat_map(of).take(170).collect()
}

async fn journal() -> (PathBuf, Vec<u8>, Vec<State>) {
    let (fs, frames) = (disk(), frames());
    let journal = open(&fs).unwrap().journal;
    for entries in &frames {
        put(&journal, entries.clone()).await.unwrap();
    }
    let (path, bytes) = only_segment(&fs);
    assert!((JOURNAL_BYTES..2 * JOURNAL_BYTES).contains(&bytes.len()), "{}", bytes.len());
    (path, bytes, prefixes(&frames))
}

/// What is read is the whole truth up to the last write, or the file is refused; tells which.
fn accept(path: &Path, bytes: &[u8], last_two: &[State], case: &str) -> bool {
    match look(&disk_with(path, bytes)) {
        Ok((state, torn)) => {
            assert!(state == last_two[0] && torn > 0 || state == last_two[1], "{case}");
            true
        }
        Err(error) => {
            assert!(error.to_string().contains("cannot be used"), "{case}: {error}");
            false
        }
    }
}

#[tokio::test]
async fn no_flipped_byte_is_passed_over_in_silence() {
    let (path, whole, prefixes) = journal().await;
    let last_two = &prefixes[prefixes.len() - 2..];
    let (mut tried, mut accepted, mut bytes) = (0_u32, 0_u32, whole.clone());
    let (ends, memory) = (0..64, peak_memory());
    let last = whole.len() - 700..whole.len();
    for at in (0..whole.len()).step_by(step()).chain(ends).chain(last) {
        for xor in [1, 0x80, 0xff] {
            bytes[at] ^= xor;
            accepted += u32::from(accept(&path, &bytes, last_two, &format!("byte {at} xor {xor:#x}")));
            bytes[at] ^= xor;
            tried += 1;
        }
    }
    let more = peak_memory() - memory;
    println!(
        "{tried} flips: {accepted} taken for a torn last write, {} refused, {more} KiB more memory at most",
        tried - accepted
    );
    // Other tests of this process have memory of their own.
    assert!(step() > 1 || more < MEMORY_KIB_MAX, "{more} KiB");
    assert!(accepted > 0 && tried - accepted > 2 * accepted / 3);
}

#[tokio::test]
async fn a_journal_of_any_length_is_a_shorter_truth_or_refused() {
    let (path, whole, prefixes) = journal().await;
    let mut shorter = prefixes.len() - 1;
    println!("{} lengths", (0..whole.len()).step_by(step()).count());
    for length in (0..whole.len()).rev().step_by(step()) {
        match look(&disk_with(&path, &whole[..length])) {
            Ok((state, _)) => {
                while prefixes[shorter] != state {
                    assert!(shorter > 0, "{length}: no state that ever was");
                    shorter -= 1;
                }
            }
            Err(error) => assert!(length < 400, "{length}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_page_of_zeros_anywhere_but_at_the_end_is_refused() {
    let (path, whole, prefixes) = journal().await;
    let last_two = &prefixes[prefixes.len() - 2..];
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0);
        assert!(!accept(&path, &bytes, last_two, &format!("page {page}")), "page {page}");
    }
}

#[tokio::test]
async fn segments_that_changed_places_or_names_are_refused() {
    let (path, whole, _) = journal().await;
    let next = Path::new(DIR).join("00000000000000000002.journal");
    let fs = disk_with(&path, &whole);
    fs.put(&next, &whole);
    let text = open(&fs).err().unwrap().to_string();
    assert!(text.contains("it is segment 1 under the name of segment 2"), "{text}");
    let fs = disk_with(&path, &whole);
    open(&fs).unwrap().journal.close().await;
    let second = fs.read(&next, READ_MAX).unwrap();
    fs.put(&next, &whole);
    fs.put(&path, &second);
    let text = open(&fs).err().unwrap().to_string();
    assert!(text.contains("it is segment 1 under the name of segment 2"), "{text}");
}

#[tokio::test]
async fn an_empty_file_a_newer_version_and_another_site_are_refused_by_name() {
    let (path, whole, _) = journal().await;
    let ams = SiteName::new("ams").unwrap();
    let fs = Arc::new(disk_with(&path, &whole));
    let text = Journal::open(fs, Path::new(DIR), &ams, "new", Timestamp(0)).err().unwrap().to_string();
    assert!(text.contains("belongs to site lon, and this agent is for site ams"), "{text}");
    let mut newer = whole.clone();
    newer[8] = 2;
    let zeros = vec![0; whole.len()];
    for (content, found) in [
        (&[][..], "it is empty"),
        (&newer, "format version 2"),
        (b"x", "does not begin"),
        (&zeros, "does not begin"),
    ] {
        let text = open(&disk_with(&path, content)).err().unwrap().to_string();
        assert!(text.contains(found), "{text}");
    }
}

#[tokio::test]
async fn what_is_longer_than_any_one_write_is_never_taken_for_a_torn_one() {
    let (path, mut whole, _) = journal().await;
    whole.extend(vec![0; record::FRAME_BYTES_MAX + 16]);
    let text = open(&disk_with(&path, &whole)).err().unwrap().to_string();
    assert!(text.contains("damaged"), "{text}");
}
