//! A check that could not be made is none that failed: a look without an answer says nothing of a change.

use super::fake::{Bench, Deed, World};
use super::*;
use switchyard_shared::outcome::Found;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn checked(awaits: bool) -> Bench {
    let mut bench = Bench::new("old", "new");
    bench.procedure.post = vec![command("show", Expectation::Contains("new".into()))];
    if awaits {
        bench.awaits_confirmation();
    }
    bench
}

fn looks(bench: &Bench) -> usize {
    bench.deeds().iter().filter(|deed| **deed == Deed::Look).count()
}

#[tokio::test(start_paused = true)]
async fn a_look_that_gets_no_answer_is_made_once_more_over_a_new_session() {
    for (awaits, is_slow) in [(false, false), (false, true), (true, false), (true, true)] {
        let bench = checked(awaits);
        match is_slow {
            true => bench.is_slow_once((Deed::Look, 1)),
            false => bench.when(Deed::Look, |world: &mut World| {
                if world.has_done(Deed::Look) == 1 {
                    world.hangs_up();
                }
            }),
        }
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
        assert_eq!((looks(&bench), bench.has().as_str()), (2, "new"));
        assert!(!bench.deeds().contains(&Deed::Restore) && !bench.deeds().contains(&Deed::Cancel));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_check_gets_no_answer_twice_stays_and_is_read_back() {
    for (class, ends_as) in [
        (Class::Unreachable, Class::LostAfterWrite),
        (Class::Timeout, Class::LostAfterWrite),
        (Class::Overloaded, Class::Inconclusive),
    ] {
        let bench = checked(false);
        bench.fails_looks(class);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (ends_as, LeftAs::Unknown), "{class}: {outcome:?}");
        assert!(outcome.message.contains("the check look could not be made"), "{}", outcome.message);
        assert_eq!((looks(&bench), bench.has().as_str()), (2, "new"), "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_device_answers_to_a_check_is_evidence_although_it_is_a_refusal() {
    for class in [Class::PrecheckFailed, Class::AuthFailed] {
        let bench = checked(false);
        bench.fails_looks(class);
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PostcheckFailed, LeftAs::Reverted),
            "{outcome:?}"
        );
        assert!(outcome.message.contains("the check look failed: no such look"), "{}", outcome.message);
        assert_eq!(bench.times_unseen(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_before_the_write_that_gets_no_answer_is_none_that_failed_and_says_why_there_was_none() {
    let looked_twice = |bench: &mut Bench| {
        let old = command("show", Expectation::Contains("old".into()));
        bench.procedure.pre = vec![Check { count: 2, failure_limit: 1, ..old }];
    };
    for class in [Class::Unreachable, Class::Timeout, Class::Overloaded, Class::AgentError] {
        let mut bench = Bench::new("old", "new");
        looked_twice(&mut bench);
        bench.fails_looks(class);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Unchanged), "{outcome:?}");
        assert!(outcome.message.contains("the check look before the write could not be made"), "{outcome:?}");
        assert!(looks(&bench) == 2 && !bench.deeds().contains(&Deed::Gate), "{:?}", bench.deeds());
    }
    let mut bench = Bench::new("old", "new");
    looked_twice(&mut bench);
    bench.fails_looks(Class::PrecheckFailed);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("before the write failed: no such look"), "{outcome:?}");
}

/// Timers end on whole milliseconds: with these, a deadline of the whole comes before the last of its steps.
fn on_broken_milliseconds(bench: &mut Bench, check: Check, count: u32) {
    let odd = Duration::from_micros(400);
    bench.task.timeouts.command += odd;
    bench.procedure.pre = vec![Check { count, failure_limit: count - 1, initial_delay: odd, ..check }];
}

#[tokio::test(start_paused = true)]
async fn a_check_before_the_write_that_hangs_is_ended_by_its_looks_and_named() {
    for count in [1, 2] {
        let mut bench = Bench::new("old", "new");
        on_broken_milliseconds(&mut bench, command("show", Expectation::Contains("old".into())), count);
        bench.hang(Deed::Look);
        bench.is_slow_once((Deed::Close, 1));
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Timeout, LeftAs::Unchanged), "{outcome:?}");
        assert!(outcome.message.contains("the check look before the write could not be made"), "{outcome:?}");
        assert_eq!(looks(&bench), count as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_under_a_check_before_the_write_is_no_failure_of_the_device() {
    // Takes every connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let asks = Probe::Prometheus { url: Some(url.clone()), query: "up".into(), ca_ref: None };
    for (probe, count) in
        [(asks.clone(), 1), (asks, 2), (Probe::Http { url: url.clone(), status: 200, ca_ref: None }, 1)]
    {
        let mut bench = Bench::new("old", "new");
        on_broken_milliseconds(&mut bench, check(probe, None), count);
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PrecheckFailed, LeftAs::Unchanged),
            "{outcome:?}"
        );
        let says = ["the check look before the write could not be made", url.as_str(), "no answer within"];
        assert!(says.iter().all(|part| outcome.message.contains(part)), "{}", outcome.message);
        assert!(outcome.hint.contains("nothing was written; ask it by hand"), "{}", outcome.hint);
        assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close], "no word more to the device");
    }
}

#[tokio::test]
async fn a_page_that_says_no_before_the_write_fails_its_check_and_says_what_to_do_about_the_page() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _question = stream.read(&mut [0; 1024]).await.unwrap();
        let answer = b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut bench = Bench::new("old", "new");
    bench.procedure.pre = vec![check(Probe::Http { url, status: 200, ca_ref: None }, None)];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("the check look before the write failed: http"), "{}", outcome.message);
    assert!(outcome.hint.contains("nothing was written; ask it by hand"), "{}", outcome.hint);
    bench.procedure.pre =
        vec![check(Probe::Prometheus { url: None, query: "up".into(), ca_ref: None }, None)];
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::PrecheckFailed, "{outcome:?}");
    assert!(outcome.message.contains("failed: it names no Prometheus"), "{}", outcome.message);
    assert!(outcome.hint.contains("start the agent with --prometheus"), "{}", outcome.hint);
}

#[tokio::test(start_paused = true)]
async fn whether_the_link_was_cut_is_asked_when_it_is_lost_under_the_checks_of_an_unconfirmed_change() {
    let bench = checked(true);
    bench.when(Deed::Look, World::hangs_up);
    bench.refuses_sessions_from((Deed::Look, 1), Class::Unreachable);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Reverted), "{outcome:?}");
    assert_eq!(bench.times_unseen(), 1, "the core judges it by that");
}

#[tokio::test(start_paused = true)]
async fn whether_the_link_was_cut_is_asked_when_a_page_says_nothing_after_the_change() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let page = Probe::Http { url, status: 200, ca_ref: None };
    for (awaits, revert) in [(true, true), (false, true), (false, false)] {
        let mut bench = checked(awaits);
        bench.procedure.post = vec![check(page.clone(), None)];
        bench.procedure.revert = revert;
        let outcome = bench.apply().await;
        let left_as = if revert { LeftAs::Reverted } else { LeftAs::Changed };
        assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, left_as), "{outcome:?}");
        assert_eq!(bench.times_unseen(), 1, "the core judges it by that: {outcome:?}");
    }
    let mut bench = checked(false);
    bench.set("new");
    bench.task.purpose = Purpose::Settle { before: None };
    bench.procedure.post = vec![check(page, None)];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.found), (Class::PostcheckFailed, Some(Found::Applied)));
    assert_eq!(bench.times_unseen(), 0, "a reading has written nothing that could have cut it");
}

#[tokio::test]
async fn a_port_or_a_page_that_refuses_after_the_change_has_shown_that_the_link_works() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let page = Probe::Http { url: format!("http://127.0.0.1:{port}"), status: 200, ca_ref: None };
    for probe in [Probe::Tcp { port }, page] {
        let mut bench = checked(false);
        bench.procedure.post = vec![check(probe, None)];
        let outcome = bench.apply().await;
        let told = (outcome.class, outcome.left_as);
        assert_eq!(told, (Class::PostcheckFailed, LeftAs::Reverted), "{outcome:?}");
        assert_eq!(bench.times_unseen(), 0, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_stands_when_the_checks_that_settle_it_get_no_answer() {
    for class in [Class::Unreachable, Class::Overloaded, Class::AgentError] {
        let mut bench = checked(false);
        bench.set("new");
        bench.task.purpose = Purpose::Settle { before: Some(bench.digest("old")) };
        bench.fails_looks(class);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.found), (class, None), "{outcome:?}");
    }
    let mut bench = checked(false);
    bench.set("new");
    bench.task.purpose = Purpose::Settle { before: Some(bench.digest("old")) };
    bench.is_slow_once((Deed::Look, 1));
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.found), (Class::Ok, Some(Found::Applied)), "{outcome:?}");
}
