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
