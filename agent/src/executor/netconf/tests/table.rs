//! A NETCONF device of each version by everything that happens to it, over real SSH, as an agent makes attempts.

use crate::executor::cli::tests::bench::{Bench, Part};
use crate::simulator::{Kind, Mode, Trick};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task};
use tokio::task::JoinSet;

const HAS: &str = "<system xmlns=\"urn:x\">\n  <hostname>r1</hostname>\n  <interface>\n    <name>lo0</name>\n    \
    <description>one</description>\n  </interface>\n</system>\n";
const MERGE: &str = "<system xmlns=\"urn:x\"><interface><name>lo0</name><description>two &amp; 'more'</description></interface>\
    <interface><name>lo1</name></interface></system>";
const MERGED: &str = "<system xmlns=\"urn:x\">\n  <hostname>r1</hostname>\n  <interface>\n    <name>lo0</name>\n    \
    <description>two &amp; 'more'</description>\n  </interface>\n  <interface>\n    <name>lo1</name>\n  </interface>\n</system>\n";
const REPLACE: &str = "<system xmlns=\"urn:x\"><hostname>r9</hostname></system>";
const REPLACED: &str = "<system xmlns=\"urn:x\">\n  <hostname>r9</hostname>\n</system>\n";
const BAD: &str = "<system xmlns=\"urn:x\"><mtu>nonsense</mtu></system>";

/// Class, phase, what it is left as, what it has, and which words were said that write.
type Expected = (Class, Phase, LeftAs, &'static str, &'static [&'static str]);
/// A device with commits that must be confirmed, and one of the first version without.
type Column = (&'static str, Mode, (&'static str, Wants), [Option<Expected>; 2]);

const EDITED: &[&str] = &["discard-changes", "edit-config"];
const DROPPED: &[&str] = &["discard-changes", "edit-config", "discard-changes"];
const UNTIL: &[&str] = &["discard-changes", "edit-config", "commit confirmed"];
const REFUSED_UNTIL: &[&str] = &["discard-changes", "edit-config", "commit confirmed", "discard-changes"];
const CONFIRMED: &[&str] = &["discard-changes", "edit-config", "commit confirmed", "commit persist-id"];
const FOR_GOOD: &[&str] = &["discard-changes", "edit-config", "commit"];
const REFUSED: &[&str] = &["discard-changes", "edit-config", "commit", "discard-changes"];

/// What whoever reads of such an end is told to do next; nothing of any other end.
const NEXT: [(Class, Phase, &str); 13] = [
    (Class::Unreachable, Phase::Connect, "turn NETCONF on, or correct the port"),
    (Class::Unreachable, Phase::Read, "look at the device's log and its session limit"),
    (Class::Unreachable, Phase::Write, "look at the device's log and its sessions, then try again"),
    (Class::Timeout, Phase::Connect, "see what keeps the device from answering, and try again"),
    (Class::Timeout, Phase::Read, "see what keeps the device from answering, and try again"),
    (Class::Overloaded, Phase::Authenticate, "close idle ones, or lower max_parallel_per_site"),
    (Class::Overloaded, Phase::Read, "close idle sessions, or lower max_parallel_per_site"),
    (Class::Overloaded, Phase::Validate, "wait for the other session, or end it"),
    (Class::AuthFailed, Phase::Read, "give the user the right to do this"),
    (Class::PrecheckFailed, Phase::Read, "see what this device says over NETCONF"),
    (Class::Rejected, Phase::Write, "correct the template, then plan again"),
    (Class::LostAfterWrite, Phase::Write, "read the device before anything else"),
    (Class::LostAfterWrite, Phase::Confirm, "if it stays unknown, look at the device"),
];

fn columns() -> Vec<Column> {
    use Class::*;
    let trick = Mode::Trick;
    let (merge, replace) = ((MERGE, Wants::Merge), (REPLACE, Wants::Replace));
    let done = |has| {
        let ok = |words| Some((Ok, Phase::Verify, LeftAs::Changed, has, words));
        [ok(CONFIRMED), ok(FOR_GOOD)]
    };
    let lost = |words| Some((LostAfterWrite, Phase::Write, LeftAs::Unknown, MERGED, words));
    let untouched = |class, phase| [Some((class, phase, LeftAs::Unchanged, HAS, &[][..])); 2];
    let unsent = [Some((Unreachable, Phase::Write, LeftAs::Unchanged, HAS, EDITED)); 2];
    let rejected = |words| Some((Rejected, Phase::Write, LeftAs::Unchanged, HAS, words));
    let unconfirmed = Some((LostAfterWrite, Phase::Confirm, LeftAs::Unknown, MERGED, CONFIRMED));
    let newer = |mut columns: [Option<Expected>; 2]| {
        columns[1] = None;
        columns
    };
    let garbled = untouched(PrecheckFailed, Phase::Read);
    vec![
        ("merge", Mode::Good, merge, done(MERGED)),
        ("replace", Mode::Good, replace, done(REPLACED)),
        ("unchanged", Mode::Good, (HAS, Wants::Merge), untouched(Unchanged, Phase::Read)),
        ("reject", Mode::Good, (BAD, Wants::Merge), [rejected(DROPPED), rejected(DROPPED)]),
        ("the commit refused", Mode::Reject, merge, [rejected(REFUSED_UNTIL), rejected(REFUSED)]),
        ("one byte at a time", trick(Trick::OneByte), merge, done(MERGED)),
        ("late", Mode::Slow, replace, done(REPLACED)),
        ("lost after write", Mode::DropAfterWrite, merge, [lost(UNTIL), lost(FOR_GOOD)]),
        ("silent after write", Mode::StallAfterWrite, merge, [lost(UNTIL), lost(FOR_GOOD)]),
        ("lost at the edit", Mode::Half, merge, unsent),
        ("silent at the edit", Mode::Stall, merge, unsent),
        ("lost before it is confirmed", trick(Trick::DropBeforeConfirm), merge, [unconfirmed, None]),
        ("locked", trick(Trick::Locked), merge, untouched(Overloaded, Phase::Validate)),
        ("too many sessions", trick(Trick::SessionLimit), merge, untouched(Overloaded, Phase::Read)),
        ("no room for a channel", Mode::Busy, merge, untouched(Overloaded, Phase::Authenticate)),
        ("no NETCONF", Mode::NoCommand, merge, untouched(Unreachable, Phase::Connect)),
        ("no hello", Mode::Mute, merge, untouched(Timeout, Phase::Connect)),
        ("reading refused", Mode::NoRead, merge, untouched(AuthFailed, Phase::Read)),
        ("no answer", Mode::StuckRead, merge, untouched(Timeout, Phase::Read)),
        ("half a message", trick(Trick::Partial), merge, untouched(Timeout, Phase::Read)),
        ("half a message and gone", Mode::HalfRead, merge, untouched(Unreachable, Phase::Read)),
        ("a chunk that lies", trick(Trick::LyingChunk), merge, newer(garbled)),
        ("wrong framing", trick(Trick::WrongFraming), merge, garbled),
        ("a bomb", trick(Trick::Bomb), merge, garbled),
        ("deep nesting", trick(Trick::Deep), merge, garbled),
        ("a message without end", Mode::Flood, merge, garbled),
        ("no text", Mode::Garble, merge, garbled),
    ]
}

const VERSIONS: [&str; 2] = ["netconf", "netconf-1.0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_netconf_device_tells_the_truth_whatever_happens_to_it() {
    let columns = columns();
    let cells = columns.iter().flat_map(|column| (0..VERSIONS.len()).map(move |version| (*column, version)));
    let cells: Vec<(Column, usize)> =
        cells.filter(|(column, version)| column.3[*version].is_some()).collect();
    let parts =
        cells.iter().map(|(column, version)| Part { platform: VERSIONS[*version], has: HAS, mode: column.1 });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    let mut running = JoinSet::new();
    for (number, (column, version)) in (1..).zip(cells) {
        running.spawn(cell(bench.clone(), number, column, version));
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with one cell.
async fn cell(bench: Arc<Bench>, number: usize, column: Column, version: usize) -> Vec<String> {
    let (what, mode, (text, wants), expected) = column;
    let Some((class, phase, left_as, has, words)) = expected[version] else { return Vec::new() };
    let task = bench.task(number, VERSIONS[version], text, wants);
    let mut wrong = Vec::new();
    let mut check = |is_right: bool, said: String| {
        if !is_right {
            wrong.push(format!("{} × {what}: {said}", VERSIONS[version]));
        }
    };
    if class == Class::Ok && mode == Mode::Good {
        let compared = bench.again(&task, Purpose::Compare).await;
        check(
            compared.class == Class::Ok && bench.typed(number).is_empty(),
            format!("compared {compared:?}"),
        );
    }
    let outcome = bench.attempt(&task).await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    check(got == (class, phase, left_as), format!("{got:?} {} | {}", outcome.message, outcome.hint));
    check(names(&outcome, &task), format!("which device? {}", outcome.message));
    check(says_what_to_do(&outcome), format!("what now? {} | {}", outcome.message, outcome.hint));
    check(bench.has(number) == has, format!("it has\n{}", bench.has(number)));
    let said = bench.typed(number);
    check(said == words, format!("said {said:?}"));
    let bob =
        mode != Mode::Trick(Trick::Locked) || outcome.message.contains("session 99 of bob from 192.0.2.66");
    check(bob, outcome.message.clone());
    if mode == Mode::DropAfterWrite {
        let settled = bench.again(&task, Purpose::Settle { before: outcome.before.clone() }).await;
        check(settled.found == Some(Found::Applied), format!("settled {settled:?}"));
    }
    if class == Class::Ok && mode == Mode::Good {
        let second = bench.again(&task, Purpose::Apply).await;
        check(second.class == Class::Unchanged && bench.typed(number) == said, format!("again {second:?}"));
        let back = bench
            .again(
                &task,
                Purpose::Restore { attempt: task.op.attempt, before: outcome.before, overwrite: false },
            )
            .await;
        check((back.class, back.left_as) == (Class::Ok, LeftAs::Reverted), format!("the way back: {back:?}"));
        check(bench.has(number) == HAS, format!("after the way back it has\n{}", bench.has(number)));
    }
    wrong
}

/// Whether its message says which device it is about.
fn names(outcome: &Outcome, task: &Task) -> bool {
    let address = format!("{}:{}", task.endpoint.hostname, task.endpoint.port);
    outcome.message.contains(task.op.device.as_str()) || outcome.message.contains(&address)
}

/// Whether a person is told what to do next wherever one is needed, and nowhere else.
fn says_what_to_do(outcome: &Outcome) -> bool {
    let next = NEXT.iter().find(|(class, phase, _)| (*class, *phase) == (outcome.class, outcome.phase));
    match next {
        Some((_, _, words)) => outcome.hint.contains(words),
        None => matches!(outcome.class, Class::Ok | Class::Unchanged) && outcome.hint.is_empty(),
    }
}

#[tokio::test]
async fn a_commit_that_nobody_can_confirm_is_taken_back_by_the_device_and_found_so() {
    let mode = Mode::Trick(Trick::DropBeforeConfirm);
    let bench = Bench::new(&[Part { platform: "netconf", has: HAS, mode }]).await;
    let task = bench.with_patience(&bench.task(1, "netconf", MERGE, Wants::Merge), 2);
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, outcome.phase), (Class::LostAfterWrite, Phase::Confirm), "{outcome:?}");
    bench.until(1, Kind::Reverted).await;
    assert_eq!(bench.has(1), HAS);
    let settled = bench.again(&task, Purpose::Settle { before: outcome.before.clone() }).await;
    assert_eq!((settled.found, settled.left_as), (Some(Found::NotApplied), LeftAs::Unchanged));
}
