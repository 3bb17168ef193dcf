//! Promises of drafts over eAPI: what stays in one is no configuration, and is never put in force by another change.

use super::Bench;
use crate::clock::SystemClock;
use crate::simulator::http::{Answered, Asked, Persona, PlayedLines};
use std::sync::{Arc, Mutex};
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::task::Purpose;

const RUNNING: &str = "hostname r1\nntp server 192.0.2.1\n";
/// A change of which the device refuses the last line.
const HALF_GOOD: &str = "hostname r1\nntp server 192.0.2.1\nntp server 192.0.2.2\nnonsense\n";

/// A device that does some things another way.
struct Odd(PlayedLines, fn(&Asked<'_>, Answered) -> Answered);

impl Persona for Odd {
    fn writes(&self, asked: &Asked<'_>) -> bool {
        self.0.writes(asked)
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Answered {
        let answered = self.0.answer(asked);
        (self.1)(asked, answered)
    }

    fn meddle(&mut self) {
        self.0.meddle();
    }

    fn running(&self) -> String {
        self.0.running()
    }
}

async fn odd(answers: fn(&Asked<'_>, Answered) -> Answered) -> Bench {
    Bench::new(Odd(PlayedLines::eos(RUNNING, SystemClock::shared()), answers), "arista_eos").await
}

/// A device behind a proxy that loses each request to abort, whereupon somebody else changes it; and all that ever ran.
struct LosesAborts {
    device: PlayedLines,
    ran: Arc<Mutex<Vec<String>>>,
}

impl Persona for LosesAborts {
    fn writes(&self, asked: &Asked<'_>) -> bool {
        self.device.writes(asked)
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Answered {
        if asked.body.contains("abort") {
            self.device.meddle();
            return Answered { status: 502, ..Answered::default() };
        }
        let answered = self.device.answer(asked);
        self.ran.lock().unwrap().push(self.device.running());
        answered
    }

    fn meddle(&mut self) {
        self.device.meddle();
    }

    fn running(&self) -> String {
        self.device.running()
    }
}

async fn losing_aborts() -> (Bench, Arc<Mutex<Vec<String>>>) {
    let ran = Arc::new(Mutex::new(Vec::new()));
    let device = PlayedLines::eos(RUNNING, SystemClock::shared());
    (Bench::new(LosesAborts { device, ran: ran.clone() }, "arista_eos").await, ran)
}

#[tokio::test]
async fn a_change_refused_in_its_draft_changed_nothing_and_takes_nobodys_work_away() {
    let (bench, _) = losing_aborts().await;
    let outcome = bench.apply(HALF_GOOD).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unchanged), "{}", outcome.message);
    assert_eq!(bench.device.running(), format!("{RUNNING}banner somebody else\n"));
}

#[tokio::test]
async fn what_a_lost_abort_left_in_a_draft_is_never_put_in_force_by_a_way_back() {
    for replaces in [false, true] {
        let (bench, ran) = losing_aborts().await;
        let bench = if replaces { bench.replaces() } else { bench };
        assert_eq!(bench.apply(HALF_GOOD).await.class, Class::Rejected);
        let before = bench.told.before.lock().unwrap().clone();
        let back = Purpose::Restore { attempt: 1, before, overwrite: true };
        let outcome = bench.attempt(back, HALF_GOOD, 2).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
        assert_eq!(bench.device.running(), RUNNING);
        for ran in ran.lock().unwrap().iter() {
            assert!(ran.starts_with("hostname r1\n") && !ran.contains("192.0.2.2"), "{replaces}: {ran}");
        }
    }
}

#[tokio::test]
async fn lines_that_a_device_took_are_not_said_again_for_what_an_answer_among_them_reads_like() {
    let bench = odd(|asked, answered| {
        let takes = asked.body.contains("ntp server 192.0.2.2") && answered.body.contains("\"result\"");
        let body = answered.body.replacen("\"output\":\"\"", "\"output\":\"% Session is new\"", 2);
        Answered { body: if takes { body } else { answered.body }, ..answered }
    })
    .await;
    let outcome = bench.apply("ntp server 192.0.2.2\n").await;
    assert_eq!(outcome.class, Class::Rejected, "{}", outcome.message);
    assert_ne!(outcome.left_as, LeftAs::Unchanged, "it took them: {}", outcome.message);
    let said = bench.device.writes();
    let times = said.iter().filter(|said| said.body.contains("\"ntp server 192.0.2.2\"")).count();
    assert_eq!(times, 1, "{said:?}");
}

#[tokio::test]
async fn a_way_back_that_cannot_tell_whether_a_draft_is_left_is_not_begun_and_says_why() {
    let bench = odd(|asked, answered| match asked.body.contains("no configure session") {
        true => Answered { status: 503, ..Answered::default() },
        false => answered,
    })
    .await;
    assert_eq!(bench.apply("ntp server 192.0.2.2\n").await.class, Class::Ok);
    let after = bench.device.running();
    let before = bench.told.before.lock().unwrap().clone();
    let back = Purpose::Restore { attempt: 1, before, overwrite: false };
    let outcome = bench.attempt(back, "", 2).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Overloaded, LeftAs::Changed), "{}", outcome.message);
    assert!(outcome.message.contains("status 503 before the change"), "{}", outcome.message);
    assert_eq!(bench.device.running(), after);
}
