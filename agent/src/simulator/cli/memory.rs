//! What outlives the sessions with a played device: what runs, what awaits its confirmation, checkpoints, the lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use switchyard_shared::configuration::{Block, print};

/// Most checkpoints; the first by name goes when there is one more.
const CHECKPOINTS_MAX: usize = 16;
/// Most drafts under names.
const DRAFTS_MAX: usize = 5;

/// A change that the device takes back unless it is confirmed.
struct Awaited {
    before: Vec<Block>,
    /// The draft that it came from, where drafts have names.
    name: String,
    number: u64,
}

#[derive(Default)]
struct State {
    running: Vec<Block>,
    startup: Vec<Block>,
    awaited: Option<Awaited>,
    commits: u64,
    readings: u64,
    checkpoints: BTreeMap<String, Vec<Block>>,
    holder: Option<u64>,
    /// What was not committed, by the name of the draft.
    drafts: BTreeMap<String, Vec<Block>>,
    /// The draft that was committed last.
    completed: Option<String>,
}

/// What a session finds that enters a draft by its name.
pub(super) enum Entered {
    Draft(Vec<Block>),
    /// It was committed.
    Completed,
    /// There is no room for another one.
    NoRoom,
}

/// One device's memory.
pub(in crate::simulator) struct Memory(Mutex<State>);

impl Memory {
    pub(super) fn new(running: Vec<Block>) -> Self {
        Self(Mutex::new(State { startup: running.clone(), running, ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self) -> Vec<Block> {
        self.state().running.clone()
    }

    /// Counts a reading; gives its number, from 1.
    pub(super) fn is_read(&self) -> u64 {
        let mut state = self.state();
        state.readings += 1;
        state.readings
    }

    /// Keeps what runs for the next boot.
    pub(super) fn save(&self) {
        let mut state = self.state();
        state.startup = state.running.clone();
    }

    /// What the next boot would begin with, and what runs.
    pub(super) fn startup_and_running(&self) -> [String; 2] {
        let state = self.state();
        [print(&state.startup), print(&state.running)]
    }

    /// Puts a configuration in force; one that awaited its confirmation has it now.
    pub(super) fn put(&self, running: Vec<Block>) {
        let mut state = self.state();
        state.running = running;
        state.awaited = None;
    }

    /// Puts a configuration in force until it is confirmed; gives its number.
    pub(super) fn put_until_confirmed(&self, running: Vec<Block>, name: &str) -> u64 {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.running, running);
        state.drafts.remove(name);
        state.commits += 1;
        let number = state.commits;
        state.awaited = Some(Awaited { before, name: name.to_owned(), number });
        number
    }

    /// Whether a change awaits its confirmation.
    pub(super) fn awaits(&self) -> bool {
        self.state().awaited.is_some()
    }

    /// What was there before the change that awaits its confirmation.
    pub(super) fn before(&self) -> Option<Vec<Block>> {
        self.state().awaited.as_ref().map(|awaited| awaited.before.clone())
    }

    /// Makes the change of the draft `name` last; `false` when none awaits that.
    pub(super) fn confirm(&self, name: &str) -> bool {
        let mut state = self.state();
        let awaited = state.awaited.take_if(|awaited| awaited.name == name);
        if awaited.is_some() {
            state.completed = Some(name.to_owned());
        }
        awaited.is_some()
    }

    /// Enters the draft `name`, or makes it out of what runs.
    pub(super) fn enter(&self, name: &str) -> Entered {
        let mut state = self.state();
        if state.completed.as_deref() == Some(name) {
            return Entered::Completed;
        }
        if !state.drafts.contains_key(name) && state.drafts.len() >= DRAFTS_MAX {
            return Entered::NoRoom;
        }
        let running = state.running.clone();
        Entered::Draft(state.drafts.entry(name.to_owned()).or_insert(running).clone())
    }

    /// Its session has ended: the draft stays as it is, unless it was taken away.
    pub(super) fn leaves(&self, name: &str, draft: Vec<Block>) {
        if let Some(left) = self.state().drafts.get_mut(name) {
            *left = draft;
        }
    }

    /// The draft `name` was committed for good.
    pub(super) fn completes(&self, name: &str) {
        let mut state = self.state();
        state.drafts.remove(name);
        state.completed = Some(name.to_owned());
    }

    /// Takes the draft `name` away; `false` when there is none.
    pub(super) fn discard(&self, name: &str) -> bool {
        let mut state = self.state();
        let was_completed = state.completed.take_if(|completed| completed == name).is_some();
        state.drafts.remove(name).is_some() || was_completed
    }

    /// Takes the change of the draft `name` back; gives what runs then.
    pub(super) fn cancel(&self, name: &str) -> Option<String> {
        self.back(|awaited| awaited.name == name)
    }

    /// Takes the change with this number back, if it is still not confirmed; gives what runs then.
    pub(super) fn take_back(&self, number: u64) -> Option<String> {
        self.back(|awaited| awaited.number == number)
    }

    fn back(&self, is_it: impl Fn(&Awaited) -> bool) -> Option<String> {
        let mut state = self.state();
        let awaited = state.awaited.take_if(|awaited| is_it(awaited))?;
        state.running = awaited.before;
        Some(print(&state.running))
    }

    /// Keeps what runs under `name`.
    pub(super) fn keep(&self, name: &str) {
        let mut state = self.state();
        let running = state.running.clone();
        state.checkpoints.insert(name.to_owned(), running);
        if state.checkpoints.len() > CHECKPOINTS_MAX {
            state.checkpoints.pop_first();
        }
    }

    pub(super) fn kept(&self, name: &str) -> Option<Vec<Block>> {
        self.state().checkpoints.get(name).cloned()
    }

    /// Takes the lock for a session; `false` when another one has it.
    pub(super) fn hold(&self, session: u64) -> bool {
        let mut state = self.state();
        *state.holder.get_or_insert(session) == session
    }

    /// Gives the lock back, if this session has it.
    pub(super) fn release(&self, session: u64) {
        self.state().holder.take_if(|holder| *holder == session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Block> {
        vec![Block::line(text)]
    }

    #[test]
    fn a_change_that_nobody_confirms_is_taken_back_once_and_a_confirmed_one_stays() {
        let memory = Memory::new(line("old"));
        let first = memory.put_until_confirmed(line("new"), "sw1");
        assert!(!memory.confirm("another"), "another draft confirms nothing");
        assert_eq!(memory.take_back(first).as_deref(), Some("old\n"));
        assert_eq!(memory.take_back(first), None);
        let second = memory.put_until_confirmed(line("new"), "sw1");
        assert!(memory.confirm("sw1"));
        assert_eq!((memory.take_back(second), memory.cancel("sw1")), (None, None));
        assert_eq!(memory.running(), line("new"));
    }

    #[test]
    fn a_lock_has_one_holder_and_only_that_one_gives_it_back() {
        let memory = Memory::new(Vec::new());
        assert!(memory.hold(1) && memory.hold(1) && !memory.hold(2));
        memory.release(2);
        assert!(!memory.hold(2));
        memory.release(1);
        assert!(memory.hold(2));
    }

    #[test]
    fn a_draft_stays_under_its_name_until_it_is_committed_or_taken_away_and_there_are_few() {
        let memory = Memory::new(line("x"));
        let has = |name: &str| match memory.enter(name) {
            Entered::Draft(draft) => Some(draft),
            Entered::Completed | Entered::NoRoom => None,
        };
        assert_eq!(has("sw1"), Some(line("x")));
        memory.leaves("sw1", line("y"));
        assert_eq!(has("sw1"), Some(line("y")));
        assert!(memory.discard("sw1") && !memory.discard("sw1"));
        assert_eq!(has("sw1"), Some(line("x")));
        memory.completes("sw1");
        assert!(matches!(memory.enter("sw1"), Entered::Completed));
        (0..DRAFTS_MAX).for_each(|number| assert!(has(&format!("left{number}")).is_some()));
        assert!(matches!(memory.enter("one more"), Entered::NoRoom));
    }

    #[test]
    fn checkpoints_have_a_bound() {
        let memory = Memory::new(line("x"));
        (0..40).for_each(|number| memory.keep(&format!("sw{number:02}")));
        assert_eq!((memory.kept("sw00"), memory.kept("sw39")), (None, Some(line("x"))));
    }
}
