//! What a played NETCONF server keeps between sessions, and what each word does to it: RFC 6241, no socket, no clock.

use super::edit::{Refused, edit};
use crate::executor::netconf::xml::{Element, print};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a commit waits for its confirmation when nobody says: RFC 6241 section 8.4.
const PATIENCE: Duration = Duration::from_secs(600);
/// The session that holds the locks of a device that is always locked, and who that is.
pub(super) const BOB: &str = "<session><session-id>99</session-id><transport>netconf-ssh</transport>\
    <username>bob</username><source-host>192.0.2.66</source-host></session>";

struct Awaited {
    before: Vec<Element>,
    persist: Option<String>,
    session: u64,
    number: u64,
}

/// The datastores, their locks and the sessions.
#[derive(Default)]
pub(super) struct State {
    running: Vec<Element>,
    candidate: Vec<Element>,
    /// What it boots with.
    startup: Vec<Element>,
    /// Who holds the lock of a datastore.
    locks: BTreeMap<&'static str, u64>,
    awaited: Option<Awaited>,
    commits: u64,
    sessions: BTreeMap<u64, String>,
}

/// What comes of one word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ok,
    /// These elements in `data`.
    Data(String),
    Error {
        tag: &'static str,
        path: String,
        message: &'static str,
        session: Option<u64>,
    },
    /// What runs now; with a patience it is taken back unless it is confirmed.
    Runs {
        running: String,
        taken_back: Option<(Duration, u64)>,
    },
    Goodbye,
}

fn error(tag: &'static str, message: &'static str) -> Answer {
    Answer::Error { tag, path: String::new(), message, session: None }
}

impl State {
    pub(super) fn new(running: Vec<Element>) -> Self {
        Self { candidate: running.clone(), startup: running.clone(), running, ..Self::default() }
    }

    /// A session of a user from an address has begun.
    pub(super) fn begins(&mut self, session: u64, user: &str, from: &str) {
        let listed = format!(
            "<session><session-id>{session}</session-id><transport>netconf-ssh</transport>\
             <username>{user}</username><source-host>{from}</source-host></session>"
        );
        self.sessions.insert(session, listed);
    }

    /// A session has ended: its locks go, its changes of the candidate too; gives what runs, if that changes.
    pub(super) fn ends(&mut self, session: u64) -> Option<String> {
        self.sessions.remove(&session);
        if self.locks.get("candidate") == Some(&session) {
            self.candidate = self.running.clone();
        }
        self.locks.retain(|_, holder| *holder != session);
        self.back(|awaited| awaited.persist.is_none() && awaited.session == session)
    }

    /// Takes the commit of this number back, if it still awaits its confirmation; gives what runs then.
    pub(super) fn take_back(&mut self, number: u64) -> Option<String> {
        self.back(|awaited| awaited.number == number)
    }

    fn back(&mut self, is_it: impl Fn(&Awaited) -> bool) -> Option<String> {
        let awaited = self.awaited.take_if(|awaited| is_it(awaited))?;
        self.running = awaited.before;
        self.candidate = self.running.clone();
        Some(print(&self.running, "").to_string())
    }

    /// Whether a commit awaits its confirmation.
    pub(super) fn awaits(&self) -> bool {
        self.awaited.is_some()
    }

    /// Carries out one word of a session.
    pub(super) fn obey(&mut self, session: u64, word: &Element, locked_by_bob: bool) -> Answer {
        match word.name.as_str() {
            "get-config" => self.shows(word),
            "get" => self.tells(word, locked_by_bob),
            "lock" if locked_by_bob => Answer::Error {
                tag: "lock-denied",
                path: String::new(),
                message: "the lock is held",
                session: Some(99),
            },
            "lock" => self.lock(session, word),
            "unlock" => match store(word, "target").and_then(|store| self.locks.get(store).copied()) {
                Some(holder) if holder == session => {
                    self.locks
                        .retain(|store, _| word.child("target").is_none_or(|t| t.child(store).is_none()));
                    Answer::Ok
                }
                Some(_) | None => error("operation-failed", "it is not locked by this session"),
            },
            "edit-config" => self.edits(session, word),
            "discard-changes" => {
                self.candidate = self.running.clone();
                Answer::Ok
            }
            "commit" => self.commit(session, word),
            "copy-config" => self.saves(word),
            "cancel-commit" => match self.back(|awaited| is_persist(awaited, word, session)) {
                Some(running) => Answer::Runs { running, taken_back: None },
                None => error("invalid-value", "no such commit awaits its confirmation"),
            },
            "validate" => Answer::Ok,
            "close-session" => Answer::Goodbye,
            _ => error("operation-not-supported", "this device does not know that"),
        }
    }

    fn shows(&self, word: &Element) -> Answer {
        let of = match store(word, "source") {
            Some("candidate") => &self.candidate,
            Some("startup") => &self.startup,
            Some(_) => &self.running,
            None => return error("missing-element", "which datastore?"),
        };
        Answer::Data(print(of, "").to_string())
    }

    /// RFC 6241 section 8.7.5.
    fn saves(&mut self, word: &Element) -> Answer {
        match (store(word, "target"), store(word, "source")) {
            (Some("startup"), Some("running")) => {
                self.startup = self.running.clone();
                Answer::Ok
            }
            (_, _) => error("operation-not-supported", "what runs can be saved, and nothing else"),
        }
    }

    fn tells(&self, word: &Element, locked_by_bob: bool) -> Answer {
        let asks = word.child("filter").is_some_and(|filter| filter.child("netconf-state").is_some());
        if !asks {
            return Answer::Data(String::new());
        }
        let listed: String = self.sessions.values().map(String::as_str).collect();
        let bob = if locked_by_bob { BOB } else { "" };
        Answer::Data(format!(
            "<netconf-state xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\">\
             <sessions>{listed}{bob}</sessions></netconf-state>"
        ))
    }

    /// RFC 6241 section 7.5.
    fn lock(&mut self, session: u64, word: &Element) -> Answer {
        let Some(store) = store(word, "target") else { return error("missing-element", "which datastore?") };
        let denied = |session| Answer::Error {
            tag: "lock-denied",
            path: String::new(),
            message: "the lock is held",
            session: Some(session),
        };
        if let Some(holder) = self.locks.get(store) {
            return denied(*holder);
        }
        if store == "candidate" && self.candidate != self.running {
            return denied(0);
        }
        if let Some(awaited) =
            self.awaited.as_ref().filter(|awaited| store == "running" && awaited.session != session)
        {
            return denied(awaited.session);
        }
        self.locks.insert(store, session);
        Answer::Ok
    }

    fn is_held(&self, store: &str, session: u64) -> bool {
        self.locks.get(store).is_some_and(|holder| *holder != session)
    }

    fn edits(&mut self, session: u64, word: &Element) -> Answer {
        let (Some(store), Some(config)) = (store(word, "target"), word.child("config")) else {
            return error("missing-element", "target and config are needed");
        };
        if store != "candidate" {
            return error("operation-not-supported", "only the candidate can be edited");
        }
        if self.is_held(store, session) {
            return error("in-use", "another session holds the candidate");
        }
        let mut edited = self.candidate.clone();
        match config.children.iter().try_for_each(|wanted| edit(&mut edited, wanted, "")) {
            Ok(()) => {
                self.candidate = edited;
                Answer::Ok
            }
            Err(Refused { tag, path }) => {
                Answer::Error { tag, path, message: "the device will not have it", session: None }
            }
        }
    }

    /// RFC 6241 section 8.4.
    fn commit(&mut self, session: u64, word: &Element) -> Answer {
        if self.is_held("candidate", session) || self.is_held("running", session) {
            return error("in-use", "another session holds the lock");
        }
        let known = self.awaited.as_ref().is_none_or(|awaited| is_persist(awaited, word, session));
        let names_none = self.awaited.is_none() && word.child("persist-id").is_some();
        if !known || names_none {
            return error("invalid-value", "another commit awaits its confirmation, or none does");
        }
        let before = std::mem::replace(&mut self.running, self.candidate.clone());
        let before = self.awaited.take().map_or(before, |awaited| awaited.before);
        let mut taken_back = None;
        if word.child("confirmed").is_some() {
            let seconds = word.text_of("confirm-timeout").parse().ok().map(Duration::from_secs);
            self.commits += 1;
            taken_back = Some((seconds.unwrap_or(PATIENCE), self.commits));
            let persist = word.child("persist").map(|persist| persist.text.to_string());
            self.awaited = Some(Awaited { before, persist, session, number: self.commits });
        }
        Answer::Runs { running: print(&self.running, "").to_string(), taken_back }
    }
}

/// Whether `word` names the commit that awaits its confirmation.
fn is_persist(awaited: &Awaited, word: &Element, session: u64) -> bool {
    match &awaited.persist {
        Some(persist) => word.text_of("persist-id") == persist,
        None => awaited.session == session && word.child("persist-id").is_none(),
    }
}

/// The datastore that a word names.
fn store(word: &Element, place: &str) -> Option<&'static str> {
    let place = word.child(place)?;
    ["running", "candidate", "startup"].into_iter().find(|store| place.child(store).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::netconf::xml::parse;

    fn word(text: &str) -> Element {
        parse(text).expect("XML")
    }

    fn says(state: &mut State, session: u64, text: &str) -> Answer {
        state.obey(session, &word(text), false)
    }

    fn is(answer: &Answer, expected: &str) -> bool {
        matches!(answer, Answer::Error { tag, .. } if *tag == expected)
    }

    const EDIT: &str =
        "<edit-config><target><candidate/></target><config><a><b>1</b></a></config></edit-config>";
    const UNTIL: &str =
        "<commit><confirmed/><confirm-timeout>5</confirm-timeout><persist>p</persist></commit>";

    #[test]
    fn a_commit_lasts_only_once_its_name_is_said_again() {
        let mut state = State::new(Vec::new());
        assert_eq!(says(&mut state, 1, EDIT), Answer::Ok);
        let Answer::Runs { taken_back: Some((patience, number)), running } = says(&mut state, 1, UNTIL)
        else {
            panic!("no commit")
        };
        assert_eq!((patience, running.contains("<b>1</b>")), (Duration::from_secs(5), true));
        assert_eq!(state.ends(1), None, "it is known by its name and outlives its session");
        assert!(is(&says(&mut state, 2, "<commit/>"), "invalid-value"));
        assert!(is(&says(&mut state, 2, "<lock><target><running/></target></lock>"), "lock-denied"));
        let confirm = "<commit><persist-id>p</persist-id></commit>";
        assert!(matches!(says(&mut state, 2, confirm), Answer::Runs { taken_back: None, .. }));
        assert_eq!(state.take_back(number), None);
        assert!(is(&says(&mut state, 2, confirm), "invalid-value"), "none awaits it any more");
    }

    #[test]
    fn what_is_not_confirmed_goes_and_so_does_what_has_no_name_with_its_session() {
        let mut state = State::new(Vec::new());
        says(&mut state, 1, EDIT);
        let Answer::Runs { taken_back: Some((_, number)), .. } = says(&mut state, 1, UNTIL) else { panic!() };
        assert_eq!(state.take_back(number).as_deref(), Some(""));
        says(&mut state, 1, EDIT);
        says(&mut state, 1, "<commit><confirmed/></commit>");
        assert!(state.awaits());
        assert_eq!(state.ends(1).as_deref(), Some(""));
    }

    #[test]
    fn a_lock_keeps_others_out_until_its_session_ends_and_takes_its_candidate_along() {
        let mut state = State::new(Vec::new());
        let lock = "<lock><target><candidate/></target></lock>";
        assert_eq!(says(&mut state, 1, lock), Answer::Ok);
        assert!(is(&says(&mut state, 2, lock), "lock-denied"));
        assert!(is(&says(&mut state, 2, EDIT), "in-use"));
        assert_eq!(says(&mut state, 1, EDIT), Answer::Ok);
        state.ends(1);
        assert_eq!(says(&mut state, 2, lock), Answer::Ok, "nothing is left in the candidate");
    }
}
