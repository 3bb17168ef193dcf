//! Every platform by everything that happens to it, over real SSH, as an agent carries attempts out.

use super::bench::{Bench, Part};
use super::platforms::{PLATFORMS, Row, Way};
use crate::simulator::{Mode, Trick};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task};
use tokio::task::JoinSet;

/// What is wanted of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Merge,
    /// What the platform takes: the merge, or of a file the whole text.
    Change,
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
/// Where every line works at once, where there is a candidate, and of one file; absent where it cannot happen.
type Column = (&'static str, Mode, Wanted, [Option<Expected>; 3]);

const OK: Expected = (Class::Ok, Phase::Verify, LeftAs::Changed, Has::Merged, Typed::All);
const LOST: Expected = (Class::LostAfterWrite, Phase::Write, LeftAs::Unknown, Has::Merged, Typed::Begun);
const REFUSED_AND_BACK: Expected =
    (Class::Rejected, Phase::Write, LeftAs::Reverted, Has::Before, Typed::Refused);
const REFUSED: Expected = (Class::Rejected, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Refused);

/// What whoever reads of such an end is told to do next, in one of these words; nothing of any other end.
const NEXT: [(Class, Phase, &[&str]); 12] = [
    (Class::Unreachable, Phase::Connect, &["log in by hand", "allow this user an interactive shell"]),
    (Class::Unreachable, Phase::Read, &["log in by hand", "allow this user commands"]),
    (Class::Unreachable, Phase::Write, &["look at the device's log and its sessions, then try again"]),
    (Class::Timeout, Phase::Read, &["see what keeps the device from answering, and try again"]),
    (Class::Overloaded, Phase::Connect, &["lower max_parallel_per_site"]),
    (Class::Overloaded, Phase::Write, &["wait for the other session, or end it"]),
    (Class::PrecheckFailed, Phase::Queue, &["write change: {mode: replace} into the spec"]),
    (Class::PrecheckFailed, Phase::Read, &["by hand", "may this user read it?", "look at its log"]),
    (Class::Rejected, Phase::Write, &["correct the template, then plan again"]),
    (Class::RollbackFailed, Phase::Write, &["to put back what it had: switchyard rollback ntp --device dev"]),
    (Class::LostAfterWrite, Phase::Write, &["read the device before anything else"]),
    (Class::LostAfterWrite, Phase::Confirm, &["if it stays unknown, look at the device"]),
];

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
    let refused_late = (Rejected, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Any);
    let same = untouched(Unchanged, Phase::Read);
    let not_staged = (Unreachable, Phase::Write, LeftAs::Unchanged, Has::Before, Typed::Begun);
    let not_back = (RollbackFailed, Phase::Write, LeftAs::Unknown, Has::Before, Typed::Any);
    let alike = |expected| [Some(expected); 3];
    let of_a_file = |expected| [None, None, Some(expected)];
    let typed = |expected| [Some(expected), Some(expected), None];
    let but = |expected, file| [Some(expected), Some(expected), Some(file)];
    let no_merge = untouched(PrecheckFailed, Phase::Queue);
    let too_many = untouched(Overloaded, Phase::Connect);
    let no_shell = unreachable(Phase::Connect);
    use Wanted::{Bad, Change, Merge, Replace, Same};
    vec![
        ("merge", Mode::Good, Merge, but(OK, no_merge)),
        ("replace", Mode::Good, Replace, alike(replaced)),
        ("reject", Mode::Good, Bad, [Some(REFUSED_AND_BACK), Some(REFUSED), Some(refused_late)]),
        ("unchanged", Mode::Good, Same, alike(same)),
        ("lost after write", Mode::DropAfterWrite, Change, alike(LOST)),
        ("wrong prompt", trick(Trick::OtherPrompt), Change, but(unreachable(Phase::Connect), OK)),
        ("slow", trick(Trick::OneByte), Change, alike(OK)),
        ("paging", trick(Trick::Paging), Change, alike(OK)),
        ("banner", trick(Trick::Banner), Change, alike(OK)),
        ("forged prompt", trick(Trick::ForgedPrompt), Change, alike(OK)),
        ("forged prompts", trick(Trick::ForgedPrompts), Change, typed(OK)),
        ("late", Mode::Slow, Replace, alike(replaced)),
        ("escapes and half characters", Mode::Garble, Change, alike(OK)),
        ("locked", trick(Trick::Locked), Change, typed(busy)),
        ("too many sessions", trick(Trick::SessionLimit), Change, typed(too_many)),
        ("no shell", Mode::NoCommand, Change, but(no_shell, unreachable(Phase::Read))),
        ("reading refused", Mode::NoRead, Change, alike(unread)),
        ("reading by half", trick(Trick::Partial), Change, alike(unread)),
        ("every second reading by half", trick(Trick::HalfReading), Change, typed(unread)),
        ("reading without an end", Mode::StuckRead, Change, alike(silent)),
        ("reading cut off", Mode::HalfRead, Change, alike(unreachable(Phase::Read))),
        ("output that never ends", Mode::Flood, Change, alike(unread)),
        ("a million lines", trick(Trick::ManyLines), Change, alike(unread)),
        ("lost among the lines", Mode::Half, Change, [Some(half), Some(dropped), Some(not_staged)]),
        ("silent at the first line", Mode::Stall, Change, but(dropped, not_staged)),
        ("silent after the write", Mode::StallAfterWrite, Change, alike(LOST)),
        ("the change refused", Mode::Reject, Change, alike(refused_late)),
        ("a service that does not start", trick(Trick::ReloadFails), Change, of_a_file(not_back)),
        ("lost before the service is told", trick(Trick::DropBeforeReload), Change, of_a_file(LOST)),
        (
            "lost before it is confirmed",
            trick(Trick::DropBeforeConfirm),
            Change,
            [None, Some(unconfirmed), None],
        ),
    ]
}

/// What is expected of a platform in a column; absent where that cannot happen to it, or cannot be seen.
fn expected(row: &Row, column: &Column) -> Option<Expected> {
    let [direct, candidate, file] = column.3;
    // Half of every reading is seen by its end alone, and one that pauses is told apart where there is none.
    let is = |trick| column.1 == Mode::Trick(trick);
    if (is(Trick::Partial) && !row.tells_its_end) || (is(Trick::ForgedPrompts) && row.tells_its_end) {
        return None;
    }
    match row.way {
        Way::Direct => direct,
        Way::Candidate => candidate,
        Way::File => file,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_platform_tells_the_truth_whatever_happens_to_it() {
    let columns = columns();
    let cells = columns.iter().flat_map(|column| PLATFORMS.iter().map(move |row| (*row, *column)));
    let cells: Vec<(Row, Column)> = cells.filter(|(row, column)| expected(row, column).is_some()).collect();
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
    let Some((class, phase, left_as, has, typed)) = expected(&row, &column) else { return Vec::new() };
    let (what, mode, wanted, _) = column;
    let bad = format!("{}{}", row.merge, row.bad);
    let (text, wants) = match wanted {
        Wanted::Merge => (row.merge, Wants::Merge),
        Wanted::Change => (row.merge, row.change()),
        Wanted::Replace => (row.replace, Wants::Replace),
        Wanted::Same => (row.has, Wants::Replace),
        Wanted::Bad => (bad.as_str(), row.change()),
    };
    let task = bench.task(number, row.platform, text, wants);
    let mut wrong = Vec::new();
    let mut check = |is_right: bool, said: String| {
        if !is_right {
            wrong.push(format!("{} × {what}: {said}", row.platform));
        }
    };
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
    check(says_what_to_do(&outcome), format!("what now? {} | {}", outcome.message, outcome.hint));
    let text = bench.has(number);
    check(row.is(has, &text), format!("it has\n{text}"));
    let words = if wanted == Wanted::Replace { row.replace_words } else { row.merge_words };
    let said = bench.typed(number);
    check(is_typed(typed, &said, words), format!("typed {said:?}"));
    let settled = doubts(&bench, &row, mode, &task, &outcome).await;
    check(settled.is_ok(), settled.err().unwrap_or_default());
    if class == Class::Ok && mode != Mode::Trick(Trick::OneByte) {
        let second = bench.again(&task, Purpose::Apply).await;
        check(second.class == Class::Unchanged, format!("the second time {second:?}"));
        check(bench.typed(number) == said, "something was typed the second time".into());
        let back = bench
            .again(
                &task,
                Purpose::Restore { attempt: task.op.attempt, before: outcome.before, overwrite: false },
            )
            .await;
        check((back.class, back.left_as) == (Class::Ok, LeftAs::Reverted), format!("the way back: {back:?}"));
        // What is added again stands last on a played device; a section is never taken down for its place.
        let told = row.way == Way::Direct && back.message.contains("in another order");
        let sections = |text: &str| super::sections(row.platform, text);
        let is_back =
            bench.has(number) == row.has || (told && sections(&bench.has(number)) == sections(row.has));
        check(is_back, format!("after the way back it has\n{}", bench.has(number)));
        let served = bench.served(&task);
        check(row.way != Way::File || served.as_deref() == Some(row.has), format!("served {served:?}"));
    }
    wrong
}

/// How a reading settles what is not known; and what it takes until the service of a file has what the file has.
async fn doubts(bench: &Bench, row: &Row, mode: Mode, task: &Task, outcome: &Outcome) -> Result<(), String> {
    let is_untold = matches!(mode, Mode::Trick(Trick::DropBeforeReload | Trick::ReloadFails));
    if mode != Mode::DropAfterWrite && !is_untold {
        return Ok(());
    }
    let must = |is_right: bool, said: String| if is_right { Ok(()) } else { Err(said) };
    let settled = bench.again(task, Purpose::Settle { before: outcome.before.clone() }).await;
    let found = if is_untold { Found::Different } else { Found::Applied };
    must(settled.found == Some(found), format!("settled {settled:?}"))?;
    if is_untold {
        must(settled.hint.contains("look at the device"), settled.hint)?;
        must(settled.message.contains("is still due"), settled.message)?;
        bench.mends(task).await;
        let plan = bench.again(task, Purpose::Compare).await;
        must(plan.class == Class::Ok, format!("it would not be changed again: {plan:?}"))?;
        let second = bench.again(task, Purpose::Apply).await;
        must((second.class, second.left_as) == (Class::Ok, LeftAs::Changed), format!("then {second:?}"))?;
    }
    let served = bench.served(task);
    must(row.way != Way::File || served.as_deref() == Some(row.merged), format!("served {served:?}"))
}

/// Whether a person is told what to do next wherever one is needed, and nowhere else.
fn says_what_to_do(outcome: &Outcome) -> bool {
    let next = NEXT.iter().find(|(class, phase, _)| (*class, *phase) == (outcome.class, outcome.phase));
    match next {
        Some((_, _, words)) => words.iter().any(|words| outcome.hint.contains(words)),
        None => matches!(outcome.class, Class::Ok | Class::Unchanged) && outcome.hint.is_empty(),
    }
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
