//! A journal whose bytes have changed: refused, or what may be forgotten is told.
//!
//! The whole sweep takes minutes: `SWITCHYARD_SWEEP=full` asks for it.

use super::*;

/// Results and intents of about this size, in bytes.
const JOURNAL_BYTES: usize = 64 * 1024;

/// So many of them.
const FRAMES: usize = 170;

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
    (0..JOURNAL_BYTES as u32).step_by(2).flat_map(of).take(FRAMES).collect()
}

/// A journal of so many frames: an even number ends in a result, an odd one in intents.
async fn journal_of(count: usize) -> (PathBuf, Vec<u8>, Vec<State>) {
    let (fs, mut frames) = (disk(), frames());
    frames.truncate(count);
    let journal = open(&fs).unwrap().journal;
    for entries in &frames {
        put(&journal, entries.clone()).await.unwrap();
    }
    let (path, bytes) = only_segment(&fs);
    (path, bytes, prefixes(&frames))
}

async fn journal() -> (PathBuf, Vec<u8>, Vec<State>) {
    let journal = journal_of(FRAMES).await;
    assert!((JOURNAL_BYTES..2 * JOURNAL_BYTES).contains(&journal.1.len()), "{}", journal.1.len());
    journal
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// The file is refused.
    Refused,
    /// The agent goes on under another name: the coordinator reads back what was in flight.
    Doubt,
    /// All that was ever durable.
    Everything,
}

/// Holds what reading damaged bytes says against the truth: what is forgotten is told.
fn held_to_the_truth(path: &Path, bytes: &[u8], truth: &[State], case: &str) -> Told {
    let [.., before_the_last, whole] = truth else { panic!("two states") };
    match look(&disk_with(path, bytes)) {
        Ok((state, Tail::Doubtful(_))) => {
            assert_ne!(state.id, whole.id, "{case}: the coordinator must see it");
            assert!(state.last_sequence > whole.last_sequence, "{case}: no number is given twice");
            assert_eq!(operations(&state), operations(before_the_last), "{case}: what is readable is kept");
            Told::Doubt
        }
        Ok((state, Tail::Whole | Tail::Torn(_))) => {
            assert_eq!(operations(&state), operations(whole), "{case}: forgotten and not told");
            assert_eq!(&state, whole, "{case}");
            Told::Everything
        }
        Err(error) => {
            assert!(error.to_string().contains("cannot be used"), "{case}: {error}");
            Told::Refused
        }
    }
}

#[tokio::test]
async fn no_flipped_byte_makes_an_agent_forget_an_intent_or_a_result_without_telling() {
    let journals = [(journal_of(FRAMES).await, step()), (journal_of(FRAMES - 1).await, 251)];
    let memory = peak_memory();
    for ((path, whole, truth), step) in journals {
        let (ends, last) = (0..64, (whole.len() - 1000..whole.len()).step_by(step.min(7)));
        let (mut refused, mut doubts, mut bytes) = (0_u32, 0_u32, whole.clone());
        for at in (0..whole.len()).step_by(step).chain(ends).chain(last) {
            for xor in [1, 0x80, 0xff] {
                bytes[at] ^= xor;
                match held_to_the_truth(&path, &bytes, &truth, &format!("byte {at} xor {xor:#x}")) {
                    Told::Refused => refused += 1,
                    Told::Doubt => doubts += 1,
                    Told::Everything => panic!("byte {at} xor {xor:#x} was not noticed"),
                }
                bytes[at] ^= xor;
            }
        }
        println!(
            "{} bytes, {} flips: {refused} refused, {doubts} doubts told",
            whole.len(),
            refused + doubts
        );
        assert!(doubts > 50 && refused > doubts / 2);
    }
    let more = peak_memory() - memory;
    println!("{more} KiB more memory at most");
    // Other tests of this process have memory of their own.
    assert!(step() > 1 || more < MEMORY_KIB_MAX, "{more} KiB");
}

#[tokio::test]
async fn an_agent_whose_last_record_was_changed_goes_on_under_another_name_and_keeps_what_is_readable() {
    let fs = disk();
    let epoch = Entry::Epoch { coordinator_epoch: 4, site_epoch: 3 };
    write(&fs, &[vec![epoch], vec![intent(1), intent(2)], vec![result(1)], vec![intent(3)]]).await;
    let (path, mut bytes) = only_segment(&fs);
    let last = bytes.len() - 1;
    bytes[last - 20] ^= 1;
    fs.put(&path, &bytes);
    let opened = open(&fs).unwrap();
    let state = &opened.state;
    assert!(matches!(opened.tail, Tail::Doubtful(_)));
    assert_eq!((opened.in_doubt.as_slice(), operations(state)), (&[op(2)][..], vec![&op(1), &op(2)]));
    assert_eq!((state.coordinator_epoch, state.site_epoch), (4, 3));
    assert!(state.id.starts_with("new") && state.id != "new", "{}", state.id);
    let (id, first) = (state.id.clone(), state.last_sequence);
    opened.journal.close().await;
    let again = open(&fs).unwrap();
    let (former, last) = (again.state.former, again.state.last_sequence);
    assert_eq!(
        (again.tail, former, last),
        (Tail::Whole, vec![id], first),
        "told once, and known by that name"
    );
}

#[tokio::test]
async fn a_journal_of_the_first_version_is_read_and_goes_on_in_this_one() {
    let (path, whole, truth) = journal().await;
    let mut old = whole[..8].to_vec();
    old.extend(1_u32.to_le_bytes());
    let mut at = 12;
    while let Some(payload) = frame::Format::Checked.payload(&whole[at..]) {
        let length = (payload.len() as u32).to_le_bytes();
        old.extend(length);
        old.extend(crc32c::crc32c_append(crc32c::crc32c(&length), payload).to_le_bytes());
        old.extend(payload);
        at += frame::Format::Checked.framed_len(payload);
    }
    assert_eq!(look(&disk_with(&path, &old)).unwrap(), (truth[FRAMES].clone(), Tail::Whole));
    for at in old.len() - 600..old.len() {
        let mut bad = old.clone();
        bad[at] ^= 1;
        let told = held_to_the_truth(&path, &bad, &truth, &format!("byte {at}"));
        assert!(matches!(told, Told::Doubt | Told::Refused), "byte {at}");
    }
    let fs = disk_with(&path, &old);
    open(&fs).unwrap().journal.close().await;
    assert_eq!(only_segment(&fs).1[8..12], 2_u32.to_le_bytes());
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
    let (path, whole, truth) = journal().await;
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0);
        let told = held_to_the_truth(&path, &bytes, &truth, &format!("page {page}"));
        assert_ne!(told, Told::Everything, "page {page}");
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
    newer[8] = 3;
    let zeros = vec![0; whole.len()];
    for (content, found) in [
        (&[][..], "it is empty"),
        (&newer, "format version 3"),
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
    whole.extend(vec![0; frame::FRAME_BYTES_MAX + 16]);
    let text = open(&disk_with(&path, &whole)).err().unwrap().to_string();
    assert!(text.contains("damaged"), "{text}");
}
