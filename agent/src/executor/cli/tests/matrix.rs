//! Every platform by everything that happens to it, over real SSH, as an agent carries attempts out.

use super::bench::{Bench, Part};
use super::platforms::{PLATFORMS, Row};
use crate::simulator::{Mode, Trick};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Found, LeftAs, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;
use tokio::task::JoinSet;

/// What is wanted of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Merge,
    Replace,
    /// What it has already.
    Same,
    /// The merge, and then a line that no device takes.
    Bad,
}

/// What the device has afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    Before,
    Merged,
    Replaced,
    /// The first lines of the merge.
    Part,
}

/// What was typed that can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    Nothing,
    /// Exactly the words of the merge or the replacement.
    All,
    /// The first of them, and nothing else.
    Begun,
    /// A bad line once, and no word that commits.
    Refused,
    /// Whatever it takes to put it back.
    Any,
}

type Expected = (Class, Phase, LeftAs, Has, Typed);
/// Where every line works at once, and where there is a candidate.
type Column = (&'static str, Mode, Wanted, Expected, Expected);

const OK: Expected = (Class::Ok, Phase::Verify, LeftAs::Changed, Has::Merged, Typed::All);
const LOST: Expected = (Class::LostAfterWrite, Phase::Write, LeftAs::Unknown, Has::Merged, Typed::Begun);
const REFUSED_AND_BACK: Expected =
    (Class::Rejected, Phase::Write, LeftAs::Reverted, Has::Before, Typed::Refused);
const REFUSED: Expected = (Class::Rejected, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Refused);

const fn untouched(class: Class, phase: Phase) -> Expected {
    (class, phase, LeftAs::Unchanged, Has::Before, Typed::Nothing)
}

fn columns() -> Vec<Column> {
    use Class::*;
    let trick = Mode::Trick;
    let replaced = (Ok, Phase::Verify, LeftAs::Changed, Has::Replaced, Typed::All);
    let unreachable = |phase| untouched(Unreachable, phase);
    let unread = untouched(PrecheckFailed, Phase::Read);
    let silent = untouched(Timeout, Phase::Read);
    let busy = (Overloaded, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Begun);
    let half = (LostAfterWrite, Phase::Write, LeftAs::Unknown, Has::Part, Typed::Begun);
    let dropped = (LostAfterWrite, Phase::Write, LeftAs::Unknown, Has::Before, Typed::Begun);
    let unconfirmed = (LostAfterWrite, Phase::Confirm, LeftAs::Unknown, Has::Merged, Typed::Begun);
    let all_refused = (Rejected, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Any);
    let refused_late = (Rejected, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Any);
    let same = untouched(Unchanged, Phase::Read);
    vec![
        ("merge", Mode::Good, Wanted::Merge, OK, OK),
        ("replace", Mode::Good, Wanted::Replace, replaced, replaced),
        ("reject", Mode::Good, Wanted::Bad, REFUSED_AND_BACK, REFUSED),
        ("unchanged", Mode::Good, Wanted::Same, same, same),
        ("lost after write", Mode::DropAfterWrite, Wanted::Merge, LOST, LOST),
        (
            "wrong prompt",
            trick(Trick::OtherPrompt),
            Wanted::Merge,
            unreachable(Phase::Connect),
            unreachable(Phase::Connect),
        ),
        ("slow", trick(Trick::OneByte), Wanted::Merge, OK, OK),
        ("paging", trick(Trick::Paging), Wanted::Merge, OK, OK),
        ("banner", trick(Trick::Banner), Wanted::Merge, OK, OK),
        ("forged prompt", trick(Trick::ForgedPrompt), Wanted::Merge, OK, OK),
        ("late", Mode::Slow, Wanted::Replace, replaced, replaced),
        ("escapes and half characters", Mode::Garble, Wanted::Merge, OK, OK),
        ("locked", trick(Trick::Locked), Wanted::Merge, busy, busy),
        (
            "too many sessions",
            trick(Trick::SessionLimit),
            Wanted::Merge,
            untouched(Overloaded, Phase::Connect),
            untouched(Overloaded, Phase::Connect),
        ),
        (
            "no shell",
            Mode::NoCommand,
            Wanted::Merge,
            unreachable(Phase::Connect),
            unreachable(Phase::Connect),
        ),
        ("reading refused", Mode::NoRead, Wanted::Merge, unread, unread),
        ("reading without an end", Mode::StuckRead, Wanted::Merge, silent, silent),
        (
            "reading cut off",
            Mode::HalfRead,
            Wanted::Merge,
            unreachable(Phase::Read),
            unreachable(Phase::Read),
        ),
        ("output that never ends", Mode::Flood, Wanted::Merge, unread, unread),
        ("a million lines", trick(Trick::ManyLines), Wanted::Merge, unread, unread),
        ("lost among the lines", Mode::Half, Wanted::Merge, half, dropped),
        ("silent at the first line", Mode::Stall, Wanted::Merge, dropped, dropped),
        ("silent after the write", Mode::StallAfterWrite, Wanted::Merge, LOST, LOST),
        ("the change refused", Mode::Reject, Wanted::Merge, all_refused, refused_late),
        ("lost before it is confirmed", trick(Trick::DropBeforeConfirm), Wanted::Merge, OK, unconfirmed),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_platform_tells_the_truth_whatever_happens_to_it() {
    let cells: Vec<(Row, Column)> =
        columns().into_iter().flat_map(|column| PLATFORMS.iter().map(move |row| (*row, column))).collect();
    let parts =
        cells.iter().map(|(row, column)| Part { platform: row.platform, has: row.has, mode: column.1 });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    let mut running = JoinSet::new();
    for (number, (row, column)) in (1..).zip(cells) {
        running.spawn(cell(bench.clone(), number, row, column));
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with one cell.
async fn cell(bench: Arc<Bench>, number: usize, row: Row, column: Column) -> Vec<String> {
    let (what, mode, wanted, direct, candidate) = column;
    let expected = if row.confirms { candidate } else { direct };
    let bad = format!("{}{}", row.merge, row.bad);
    let (text, wants) = match wanted {
        Wanted::Merge => (row.merge, Wants::Merge),
        Wanted::Replace => (row.replace, Wants::Replace),
        Wanted::Same => (row.has, Wants::Replace),
        Wanted::Bad => (bad.as_str(), Wants::Merge),
    };
    let task = bench.task(number, row.platform, text, wants);
    let mut wrong = Vec::new();
    let mut check = |is_right: bool, said: String| {
        if !is_right {
            wrong.push(format!("{} × {what}: {said}", row.platform));
        }
    };
    let (class, phase, left_as, has, typed) = expected;
    if class == Class::Ok && mode != Mode::Trick(Trick::OneByte) {
        let compared = bench.again(&task, Purpose::Compare).await;
        check(compared.class == Class::Ok, format!("compared {compared:?}"));
        check(bench.typed(number).is_empty(), "a comparison typed something".into());
    }
    let outcome = bench.attempt(&task).await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    check(got == (class, phase, left_as), format!("{got:?} {} | {}", outcome.message, outcome.hint));
    check(
        outcome.message.contains(&format!("dev{number:03}")) || outcome.message.contains("127.10."),
        outcome.message.clone(),
    );
    check(
        class != Class::Overloaded || outcome.message.contains(who(row.platform, mode)),
        outcome.message.clone(),
    );
    let text = bench.has(number);
    check(row.is(has, &text), format!("it has\n{text}"));
    let words = if wanted == Wanted::Replace { row.replace_words } else { row.merge_words };
    let said = bench.typed(number);
    check(is_typed(typed, &said, words), format!("typed {said:?}"));
    if mode == Mode::DropAfterWrite {
        let settled = bench.again(&task, Purpose::Settle { before: outcome.before }).await;
        check(settled.found == Some(Found::Applied), format!("settled {settled:?}"));
    }
    if class == Class::Ok && mode != Mode::Trick(Trick::OneByte) {
        let second = bench.again(&task, Purpose::Apply).await;
        check(second.class == Class::Unchanged, format!("the second time {second:?}"));
        check(bench.typed(number) == said, "something was typed the second time".into());
        let back = bench.again(&task, Purpose::Restore { attempt: task.op.attempt }).await;
        check((back.class, back.left_as) == (Class::Ok, LeftAs::Reverted), format!("the way back: {back:?}"));
        check(bench.has(number) == row.has, format!("after the way back it has\n{}", bench.has(number)));
    }
    wrong
}

/// What a device says of whoever is in the way.
fn who(platform: &str, mode: Mode) -> &'static str {
    match (mode, platform) {
        (Mode::Trick(Trick::Locked), "frr") => "other VTY",
        (Mode::Trick(Trick::Locked), _) => "bob",
        (_, _) => "Too many sessions",
    }
}

impl Row {
    fn is(&self, has: Has, text: &str) -> bool {
        match has {
            Has::Before => text == self.has,
            Has::Merged => text == self.merged,
            Has::Replaced => text == self.replace,
            Has::Part => text != self.has && text != self.merged,
        }
    }
}

fn is_typed(expected: Typed, said: &[String], words: &[&str]) -> bool {
    match expected {
        Typed::Nothing => said.is_empty(),
        Typed::All => said == words,
        Typed::Begun => {
            !said.is_empty()
                && words.iter().zip(said).all(|(word, said)| word == said)
                && said.len() <= words.len()
        }
        Typed::Refused => said.iter().filter(|line| line.contains("nonsense")).count() == 1,
        Typed::Any => !said.is_empty(),
    }
}
