//! Sessions with a peer that answers by a script: what is said to it, and what each of its answers means.

mod dripping;
mod order;
mod peer;
mod saving;
mod table;
mod way_back;

use super::hello::BASE;
use super::reply::RpcError;
use super::rpc::{Datastore, Edit, Rpc};
use super::session::NetconfSession;
use super::wire::{CallError, Terms, Wire};
use crate::executor::device::{Running, Session, WriteEnd, Written};
use crate::executor::wanted::{Redactor, Wanted};
use crate::secrets::Secret;
use peer::{Answer, CANDIDATE, Peer, RUNNING_ONLY, pass, refusal};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::procedure::{Commit, Mode};
use zeroize::Zeroizing;

const WANT: &str = "<s xmlns=\"urn:x\"><a>2</a></s>";

fn running(text: &str) -> Running {
    Running(Zeroizing::new(text.into()))
}

fn wanted() -> Wanted {
    Wanted::new(Secret::new(WANT.into()), Vec::new(), Mode::Merge)
}

fn terms(may_write: bool) -> Terms {
    Terms { may_write, patience: Duration::from_secs(30), redactor: Redactor::of(Vec::new()) }
}

async fn session(peer: &Peer, abilities: &str, may_write: bool) -> NetconfSession {
    let (wire, abilities) = Wire::open(peer.stream(abilities), terms(may_write)).await.unwrap();
    NetconfSession {
        wire,
        abilities,
        commit: Commit::default(),
        persist: "ntp/r1/1".into(),
        place: "r1 (192.0.2.1:830)".into(),
        locked: Vec::new(),
        runs: None,
        ssh: None,
    }
}

async fn write(session: &mut NetconfSession) -> Result<bool, WriteEnd> {
    let before = running("<s xmlns=\"urn:x\"><a>1</a></s>");
    let written = session.write(&pass().await, &before, &wanted()).await;
    written.map(|written| written != Written::ForGood)
}

#[tokio::test]
async fn not_one_writing_word_passes_without_the_pass_of_the_gate_and_no_lock_in_an_attempt_that_reads() {
    let persist = "p";
    let edit = || Edit { target: Datastore::Running, config: "", test: false, all_or_nothing: false };
    let words = || {
        [
            Rpc::Discard,
            Rpc::Edit(edit()),
            Rpc::Commit,
            Rpc::CommitUntil { timeout: Duration::from_secs(1), persist },
            Rpc::Confirm { persist },
            Rpc::Cancel { persist },
            Rpc::Save,
        ]
    };
    let peer = Peer::new(|_| Answer::Ok);
    let mut reads = session(&peer, CANDIDATE, false).await.wire;
    let mut writes = session(&peer, CANDIDATE, true).await.wire;
    let pass = pass().await;
    for word in words() {
        assert_eq!(writes.call(&word, None).await, Err(CallError::NotAllowed(word.name())));
        assert_eq!(reads.call(&word, Some(&pass)).await, Err(CallError::NotAllowed(word.name())));
    }
    let lock = Rpc::Lock(Datastore::Running);
    assert_eq!(reads.call(&lock, None).await, Err(CallError::NotAllowed("lock")));
    assert_eq!(peer.said(), Vec::<String>::new(), "nothing has left");
    writes.call(&lock, None).await.unwrap();
    writes.call(&Rpc::Discard, Some(&pass)).await.unwrap();
    reads.call(&Rpc::GetConfig, None).await.unwrap();
    assert_eq!(peer.said(), ["lock", "discard-changes", "get-config"]);
}

#[tokio::test]
async fn a_change_is_edited_in_the_candidate_and_committed_until_it_is_confirmed() {
    let peer = Peer::new(|_| Answer::Ok);
    let mut session = session(&peer, CANDIDATE, true).await;
    session.prepare().await.unwrap();
    assert_eq!(write(&mut session).await, Ok(true));
    Box::new(session).close().await;
    assert_eq!(
        peer.said(),
        ["lock", "lock", "discard-changes", "edit-config", "commit", "unlock", "unlock", "close-session"]
    );
    assert!(peer.heard().contains("<persist>ntp/r1/1</persist>"));
    assert!(peer.heard().contains("<error-option>rollback-on-error</error-option>"));
}

#[tokio::test]
async fn a_device_that_can_validate_is_told_to_test_before_it_sets_and_no_other_is() {
    let validates = |version| format!("{CANDIDATE} urn:ietf:params:netconf:capability:validate:{version}");
    for (abilities, is_told) in
        [(validates("1.1"), true), (validates("1.0"), true), (CANDIDATE.into(), false)]
    {
        let peer = Peer::new(|_| Answer::Ok);
        assert_eq!(write(&mut session(&peer, &abilities, true).await).await, Ok(true));
        let says = "<default-operation>merge</default-operation><test-option>test-then-set</test-option><error-option>";
        assert_eq!(peer.heard().contains(says), is_told, "{abilities}: {}", peer.heard());
        assert_eq!(peer.heard().contains("test-option"), is_told, "{abilities}: {}", peer.heard());
    }
}

#[tokio::test]
async fn a_device_that_cannot_wait_is_changed_for_good_and_the_outcome_says_so() {
    let peer = Peer::new(|_| Answer::Ok);
    let mut direct = session(&peer, RUNNING_ONLY, true).await;
    assert_eq!(write(&mut direct).await, Ok(false));
    assert_eq!(peer.said(), ["edit-config"]);
    assert!(direct.remark().contains("for good at once"), "{}", direct.remark());
    assert_eq!(session(&peer, CANDIDATE, true).await.remark(), "");
}

#[tokio::test]
async fn what_a_device_refuses_before_the_commit_is_dropped_from_its_candidate() {
    let peer = Peer::new(|word| match word {
        "edit-config" => Answer::Error(refusal("invalid-value", "")),
        _ => Answer::Ok,
    });
    let end = write(&mut session(&peer, CANDIDATE, true).await).await.unwrap_err();
    let WriteEnd::Rejected { message, left_as: LeftAs::Unchanged } = end else { panic!("{end:?}") };
    assert_eq!(message, "invalid-value at /s/a: no");
    assert_eq!(peer.said(), ["discard-changes", "edit-config", "discard-changes"]);
}

#[tokio::test]
async fn contact_lost_before_the_commit_leaves_no_doubt_and_at_the_commit_it_does() {
    for (lost_at, doubt) in
        [("discard-changes", false), ("edit-config", false), ("commit", true), ("none", false)]
    {
        let peer = Peer::new(move |word| if word == lost_at { Answer::Close } else { Answer::Ok });
        let written = write(&mut session(&peer, CANDIDATE, true).await).await;
        match written {
            Ok(_) => assert_eq!(lost_at, "none"),
            Err(WriteEnd::Lost(_)) => assert!(doubt, "{lost_at}"),
            Err(WriteEnd::NotSent(_)) => assert!(!doubt, "{lost_at}"),
            Err(other) => panic!("{lost_at}: {other:?}"),
        }
    }
    let peer = Peer::new(|_| Answer::Close);
    let end = write(&mut session(&peer, RUNNING_ONLY, true).await).await.unwrap_err();
    assert!(matches!(end, WriteEnd::Lost(_)), "an edit of the running configuration: {end:?}");
}

#[tokio::test]
async fn an_answer_without_ok_to_a_commit_is_a_doubt_and_never_a_success() {
    let peer = Peer::new(|word| if word == "commit" { Answer::Data(String::new()) } else { Answer::Ok });
    let end = write(&mut session(&peer, CANDIDATE, true).await).await.unwrap_err();
    assert!(matches!(&end, WriteEnd::Lost(why) if why.contains("<ok/>")), "{end:?}");
}

#[tokio::test]
async fn a_confirmation_never_commits_what_somebody_else_prepares() {
    for (tag, said) in [("lock-denied", &["lock"][..]), ("in-use", &["lock", "commit"])] {
        let peer = Peer::new(move |word| match word {
            "lock" => Answer::Error(refusal(tag, "")),
            _ => Answer::Ok,
        });
        let confirmed = session(&peer, CANDIDATE, true).await.confirm(&pass().await).await;
        assert_eq!(confirmed.is_err(), tag == "lock-denied", "{confirmed:?}");
        assert_eq!(peer.said(), said, "{tag}");
    }
}

#[tokio::test]
async fn a_device_is_locked_before_it_is_put_back() {
    let peer = Peer::new(|word| match word {
        "get-config" => Answer::Data(String::new()),
        _ => Answer::Ok,
    });
    let mut session = session(&peer, CANDIDATE, true).await;
    let (now, before) = (running(WANT), running(""));
    session.restore(&pass().await, &now, &before).await.unwrap();
    assert_eq!(peer.said(), ["lock", "lock", "discard-changes", "edit-config", "get-config", "commit"]);
    assert!(peer.heard().contains("nc:operation=\"delete\""));
    assert!(!peer.heard().contains("<confirmed/>"), "nobody would confirm the way back");
}

#[tokio::test]
async fn a_way_back_that_the_candidate_does_not_show_is_never_put_in_force() {
    let peer = Peer::new(|word| match word {
        "get-config" => Answer::Data(WANT.into()),
        _ => Answer::Ok,
    });
    let mut session = session(&peer, CANDIDATE, true).await;
    let end = session.restore(&pass().await, &running(WANT), &running("")).await.unwrap_err();
    assert!(matches!(end, WriteEnd::Rejected { left_as: LeftAs::Changed, .. }), "{end:?}");
    let said = peer.said();
    assert!(!said.contains(&"commit".to_owned()), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("discard-changes"), "{said:?}");
}

#[tokio::test]
async fn a_lock_that_somebody_holds_against_a_way_back_is_told_as_one_to_wait_for() {
    for abilities in [CANDIDATE, RUNNING_ONLY] {
        let peer = Peer::new(|word| match word {
            "lock" => Answer::Error(refusal("lock-denied", "<session-id>7</session-id>")),
            _ => Answer::Ok,
        });
        let mut session = session(&peer, abilities, true).await;
        let end = session.restore(&pass().await, &running(WANT), &running("")).await.unwrap_err();
        assert!(matches!(&end, WriteEnd::Busy(why) if why.contains("session 7 holds it")), "{end:?}");
        assert!(!peer.said().contains(&"edit-config".to_owned()), "{:?}", peer.said());
    }
}

#[tokio::test]
async fn when_junos_was_written_last_and_by_whom_is_no_part_of_what_it_has() {
    let read = async |seconds: u32| {
        let junos = format!(
            "<configuration xmlns=\"urn:x\" xmlns:junos=\"urn:j\" junos:commit-seconds=\"{seconds}\" \
             junos:commit-user=\"anna\"><a inactive=\"inactive\">1</a></configuration>"
        );
        let peer = Peer::new(move |_| Answer::Data(junos.clone()));
        session(&peer, CANDIDATE, false).await.read().await.unwrap()
    };
    let (one, other) = (read(1).await, read(2).await);
    assert!(one == other, "{} {}", *one.0, *other.0);
    assert!(one.0.contains("inactive"), "{}", *one.0);
}

#[tokio::test]
async fn a_lock_that_is_denied_names_its_holder_and_is_overload() {
    let peer = Peer::new(|word| match word {
        "lock" => Answer::Error(refusal("lock-denied", "<session-id>7</session-id>")),
        _ => Answer::Data(
            "<netconf-state><sessions><session><session-id>7</session-id><username>anna</username>\
             <source-host>192.0.2.9</source-host></session></sessions></netconf-state>"
                .into(),
        ),
    });
    let mut session = session(&peer, CANDIDATE, true).await;
    let failure = session.prepare().await.unwrap_err();
    assert_eq!(failure.class, Class::Overloaded);
    assert!(failure.message.contains("session 7 of anna from 192.0.2.9 holds it"), "{}", failure.message);
}

#[tokio::test]
async fn answers_that_are_none_end_the_session_and_nothing_more_is_said() {
    let bomb = "<!DOCTYPE l [<!ENTITY a \"aaaa\">]><rpc-reply>&a;</rpc-reply>";
    for (raw, why) in [
        (framed(bomb), "document type"),
        (framed(&"<a>".repeat(10_000)), "nested deeper"),
        (framed("<hello/>"), "find an answer"),
        (framed(&reply(99)), "match its answer"),
        (b"\n#3\nabcd\n##\n".to_vec(), "find a chunk"),
        (b"\n#4294967295\n".to_vec(), "more than"),
        (b"r1# show version\n".to_vec(), "find a chunk"),
    ] {
        let peer = Peer::new(move |_| Answer::Raw(raw.clone()));
        let mut session = session(&peer, CANDIDATE, true).await;
        let failure = session.read().await.unwrap_err();
        assert_eq!(failure.class, Class::PrecheckFailed, "{why}");
        assert!(failure.message.contains(why) && failure.message.contains("r1 ("), "{}", failure.message);
        assert!(session.read().await.is_err());
        Box::new(session).close().await;
        assert_eq!(peer.said(), ["get-config"], "{why}");
    }
}

fn framed(message: &str) -> Vec<u8> {
    format!("\n#{}\n{message}\n##\n", message.len()).into_bytes()
}

fn reply(number: u64) -> String {
    format!("<rpc-reply xmlns=\"{}\" message-id=\"{number}\"><ok/></rpc-reply>", super::hello::BASE)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_sleeps_over_its_first_question_is_woken_by_asking_for_nothing() {
    let peer = Peer::new(|word| if word == "get-config" { Answer::Later } else { Answer::Ok });
    let mut wire = session(&peer, CANDIDATE, false).await.wire;
    let answer = wire.call(&Rpc::GetConfig, None).await.unwrap();
    assert_eq!(answer.attribute("", "message-id"), Some("1"), "the answer is that to the question");
    assert_eq!(peer.said(), ["get-config", "get"]);
}

#[tokio::test]
async fn notifications_and_answers_that_come_too_late_are_passed_over() {
    let raw = ["<notification/>".to_owned(), reply(0), reply(1)].map(|message| framed(&message)).concat();
    let peer = Peer::new(move |_| Answer::Raw(raw.clone()));
    let mut wire = session(&peer, CANDIDATE, false).await.wire;
    let answer = wire.call(&Rpc::GetConfig, None).await.unwrap();
    assert_eq!(answer.attribute("", "message-id"), Some("1"));
}

#[tokio::test]
async fn a_peer_that_is_no_netconf_server_is_told_so() {
    for (hello, why) in [("SSH-2.0-x]]>]]>", "read XML"), ("<a/>]]>]]>", "find a hello"), ("", "ended")] {
        let opened = Wire::open(Peer::new(|_| Answer::Ok).says(hello), terms(true)).await;
        let error = opened.err().expect("no session");
        let failure = super::trouble::failure(error, switchyard_shared::outcome::Phase::Connect, "r1");
        assert_eq!(failure.class, Class::Unreachable);
        assert!(failure.message.contains(why) && !failure.hint.is_empty(), "{}", failure.message);
    }
}

#[test]
fn errors_that_may_pass_are_told_from_those_that_will_not() {
    let class = |tag: &str| {
        let error = RpcError { tag: tag.into(), path: String::new(), message: String::new(), session: None };
        error.class()
    };
    for tag in ["lock-denied", "in-use", "resource-denied"] {
        assert_eq!(class(tag), Class::Overloaded, "{tag}");
    }
    for tag in ["data-missing", "data-exists", "operation-not-supported", "unknown-element"] {
        assert_eq!(class(tag), Class::PrecheckFailed, "{tag}");
    }
    assert_eq!(class("access-denied"), Class::AuthFailed);
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_never_answered_was_not_committed_and_a_commit_that_is_not_is_a_doubt() {
    for (silent, is_lost) in [("edit-config", false), ("commit", true)] {
        let peer = Peer::new(move |word| if word == silent { Answer::Later } else { Answer::Ok });
        let mut session = session(&peer, CANDIDATE, true).await;
        let end = write(&mut session).await.unwrap_err();
        assert!(end.to_string().contains(&format!("no answer to {silent} within 30s")), "{end}");
        assert_eq!(matches!(end, WriteEnd::Lost(_)), is_lost, "{end:?}");
        assert_eq!(matches!(end, WriteEnd::NotSent(_)), !is_lost, "{end:?}");
    }
}

#[tokio::test]
async fn an_answer_without_a_number_is_believed_only_when_it_is_an_error() {
    let unnumbered = |inner: &str| {
        let text = format!("<rpc-reply xmlns=\"{BASE}\">{inner}</rpc-reply>");
        Answer::Raw(format!("\n#{}\n{text}\n##\n", text.len()).into_bytes())
    };
    let silent = Peer::new(move |word| if word == "commit" { unnumbered("<ok/>") } else { Answer::Ok });
    let end = write(&mut session(&silent, CANDIDATE, true).await).await.unwrap_err();
    assert!(matches!(&end, WriteEnd::Lost(why) if why.contains("without a number")), "{end:?}");
    let refuses =
        Peer::new(
            move |word| {
                if word == "commit" { unnumbered(&refusal("malformed-message", "")) } else { Answer::Ok }
            },
        );
    let end = write(&mut session(&refuses, CANDIDATE, true).await).await.unwrap_err();
    assert!(matches!(end, WriteEnd::Rejected { .. }), "{end:?}");
}

const STARTUP: &str = "urn:ietf:params:netconf:capability:startup:1.0";

#[tokio::test]
async fn whether_a_device_is_saved_is_read_and_nothing_is_written_for_it() {
    let startup = format!("{CANDIDATE} {STARTUP}");
    for (abilities, starts, saved) in [
        (CANDIDATE, "<a>1</a><b>2</b>", None),
        (&startup, "<a>1</a><b>2</b>", Some(true)),
        (&startup, "<b>2</b><a>1</a>", None),
        (&startup, "<a>2</a><b>2</b>", Some(false)),
    ] {
        let asked = std::sync::atomic::AtomicU32::new(0);
        let peer = Peer::new(move |_| {
            let is_first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            let has = if is_first { "<a>1</a><b>2</b>" } else { starts };
            Answer::Data(format!("<s xmlns=\"urn:x\">{has}</s>"))
        });
        let mut session = session(&peer, abilities, false).await;
        assert_eq!(session.is_saved().await.unwrap(), saved);
        assert_eq!(session.save_remark().is_empty(), abilities != CANDIDATE, "{}", session.save_remark());
        assert!(peer.said().iter().all(|word| word == "get-config"), "{:?}", peer.said());
    }
}

#[tokio::test]
async fn what_runs_is_not_read_again_to_tell_whether_it_is_saved_unless_something_was_written_since() {
    let peer = Peer::new(|word| match word {
        "get-config" => Answer::Data(WANT.into()),
        _ => Answer::Ok,
    });
    let mut session = session(&peer, &format!("{CANDIDATE} {STARTUP}"), true).await;
    session.commit.save = true;
    session.read().await.unwrap();
    assert_eq!(session.is_saved().await.unwrap(), Some(true));
    assert_eq!(peer.said(), ["get-config"; 2], "what runs, and what it starts with");
    write(&mut session).await.unwrap();
    session.is_saved().await.unwrap();
    let read = peer.said().iter().filter(|word| *word == "get-config").count();
    assert_eq!(read, 4);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_nobody_waits_for_any_more_keeps_no_save_from_being_sent() {
    let peer = Peer::new(|word| if word == "get-config" { Answer::Later } else { Answer::Ok });
    let mut session = session(&peer, &format!("{CANDIDATE} {STARTUP}"), true).await;
    session.wire.call(&Rpc::Sessions, None).await.unwrap();
    let late = tokio::time::timeout(Duration::from_secs(30), session.is_saved()).await;
    assert!(late.is_err(), "it never answers by itself");
    session.save(&pass().await).await.unwrap();
    assert_eq!(peer.said(), ["get", "get-config", "copy-config"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_more_is_said_while_the_answer_to_a_word_that_does_something_is_still_to_come() {
    for silent in ["lock", "commit"] {
        let peer = Peer::new(move |word| if word == silent { Answer::Later } else { Answer::Ok });
        let mut wire = session(&peer, CANDIDATE, true).await.wire;
        wire.call(&Rpc::Sessions, None).await.unwrap();
        let pass = pass().await;
        let word = if silent == "lock" { Rpc::Lock(Datastore::Running) } else { Rpc::Commit };
        let late = tokio::time::timeout(Duration::from_secs(10), wire.call(&word, Some(&pass))).await;
        assert!(late.is_err(), "{silent}");
        assert!(matches!(wire.call(&Rpc::Save, Some(&pass)).await, Err(CallError::NotSent(_))), "{silent}");
        assert_eq!(peer.said(), ["get", silent]);
    }
}
