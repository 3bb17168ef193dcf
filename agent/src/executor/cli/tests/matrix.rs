//! Every platform by everything that happens to it.

use super::played::{Device, Fault, pass};
use crate::executor::device::{Running, Session, WriteEnd};
use crate::executor::wanted::Wanted;
use crate::secrets::Secret;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::procedure::Mode;

/// Platform, what it has, what is merged into it, and all that it shall have.
type Row = (&'static str, &'static str, &'static str, &'static str);

const INDENTED: (&str, &str, &str) = (
    "hostname r1\ninterface Loopback1\n description one\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\n",
    "interface Loopback1\n description two?\nrouter bgp 1\n neighbor 10.0.0.3 remote-as 3\n",
    "hostname r1\nrouter bgp 1\n neighbor 10.0.0.9 remote-as 9\n",
);
const JUNOS: (&str, &str, &str) = (
    "set system host-name r1\nset interfaces lo0 description one\nset protocols bgp group x neighbor 10.0.0.2\n",
    "set interfaces lo0 description two\nset protocols bgp group x neighbor 10.0.0.3\n",
    "set system host-name r1\nset protocols bgp group x neighbor 10.0.0.9\n",
);
const SRL: (&str, &str, &str) = (
    "set / system name host-name r1\nset / interface lo0 description one\nset / interface lo0 admin-state enable\n",
    "set / interface lo0 description two\nset / interface lo1 admin-state enable\n",
    "set / system name host-name r1\nset / interface lo9 admin-state enable\n",
);

fn rows() -> Vec<Row> {
    let indented = ["arista_eos", "cisco_ios", "cisco_nxos", "frr"];
    let indented = indented.into_iter().map(|name| (name, INDENTED));
    let rows = indented.chain([("juniper_junos", JUNOS), ("nokia_srlinux", SRL)]);
    rows.map(|(name, (has, merge, replace))| (name, has, merge, replace)).collect()
}

fn wanted(text: &str, mode: Mode) -> Wanted {
    Wanted::new(Secret::new(text.to_owned()), Vec::new(), mode)
}

async fn read(device: &Device) -> Running {
    let name = &device.platform.name;
    let mut session = device.session().await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
    session.read().await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"))
}

/// Applies and confirms; the device has it afterwards and a second look finds nothing to do.
async fn applies(device: &Device, wanted: &Wanted) {
    let name = &device.platform.name;
    let mut session = device.session().await.expect("a session");
    let running = session.read().await.expect("a reading");
    assert!(!session.compare(&running, wanted).expect("a difference").is_nothing(), "{name}");
    let pass = pass().await;
    let written = session.write(&pass, &running, wanted).await.unwrap_or_else(|end| panic!("{name}: {end}"));
    let confirms =
        device.platform.configure.candidate.as_ref().is_some_and(|candidate| candidate.confirmed.is_some());
    assert_eq!(written.awaits_confirmation, confirms, "{name}");
    let mut session = device.session().await.expect("a session");
    let running = session.read().await.expect("a reading");
    assert!(session.compare(&running, wanted).expect("a difference").is_nothing(), "{name}: {}", *running.0);
    if confirms {
        session.confirm(&pass).await.unwrap_or_else(|end| panic!("{name}: {end}"));
        let said = session.cancel(&pass).await;
        assert_eq!(read(device).await, running, "{name}: what is confirmed stays: {said:?}");
    }
    session.save(&pass).await.unwrap_or_else(|end| panic!("{name}: {end}"));
}

fn faults() -> [(&'static str, Fault); 5] {
    let plain = Fault::default();
    [
        ("plain", plain),
        ("slow", Fault { pieces: 1, ..plain }),
        ("paging", Fault { pages: true, ..plain }),
        ("banner", Fault { banner: true, pieces: 1, ..plain }),
        ("paging slowly", Fault { pages: true, pieces: 7, ..plain }),
    ]
}

#[tokio::test]
async fn every_platform_merges_replaces_and_comes_back_however_it_answers() {
    for (name, has, merge, replace) in rows() {
        for (what, fault) in faults() {
            for (text, mode) in [(merge, Mode::Merge), (replace, Mode::Replace)] {
                let device = Device::new(name, has, fault);
                let before = read(&device).await;
                applies(&device, &wanted(text, mode)).await;
                assert_ne!(read(&device).await, before, "{name} {what}");
                let mut session = device.session().await.expect("a session");
                let now = session.read().await.expect("a reading");
                let back = session.restore(&pass().await, &now, &before).await;
                assert!(back.is_ok(), "{name} {what} {mode}: {back:?}");
                assert_eq!(*read(&device).await.0, *before.0, "{name} {what} {mode}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_device_has_already_is_not_said_to_it() {
    for (name, has, _, _) in rows() {
        for mode in [Mode::Merge, Mode::Replace] {
            let device = Device::new(name, has, Fault::default());
            let mut session = device.session().await.expect("a session");
            let running = session.read().await.expect("a reading");
            assert!(
                session.compare(&running, &wanted(has, mode)).expect("a difference").is_nothing(),
                "{name}"
            );
            assert_eq!(device.writing_words(), Vec::<String>::new(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_refused_line_leaves_every_platform_as_it_was() {
    for (name, has, merge, _) in rows() {
        let device = Device::new(name, has, Fault::default());
        let first_word = if merge.starts_with("set ") { "set / nonsense\n" } else { "nonsense\n" };
        let mut session = device.session().await.expect("a session");
        let before = session.read().await.expect("a reading");
        let pass = pass().await;
        let end = session.write(&pass, &before, &wanted(&format!("{merge}{first_word}"), Mode::Merge)).await;
        let Err(WriteEnd::Rejected { message, left_as }) = end else { panic!("{name}: {end:?}") };
        assert!(message.contains("nonsense"), "{name}: {message}");
        let candidate = device.platform.configure.candidate.is_some();
        assert_eq!(left_as, if candidate { LeftAs::Unchanged } else { LeftAs::Unknown }, "{name}");
        let now = session.read().await.expect("the session goes on");
        assert_eq!(now == before, candidate, "{name}");
        session.restore(&pass, &now, &before).await.unwrap_or_else(|end| panic!("{name}: {end}"));
        assert_eq!(*read(&device).await.0, *before.0, "{name}");
    }
}

#[tokio::test]
async fn a_session_that_is_lost_among_the_lines_leaves_doubt() {
    for (name, has, merge, _) in rows() {
        let device = Device::new(name, has, Fault { lost_after: Some(1), ..Fault::default() });
        let mut session = device.session().await.expect("a session");
        let running = session.read().await.expect("a reading");
        let end = session.write(&pass().await, &running, &wanted(merge, Mode::Merge)).await;
        assert!(matches!(end, Err(WriteEnd::Lost(_))), "{name}: {end:?}");
    }
}

#[tokio::test]
async fn a_configuration_that_somebody_else_holds_is_busy_and_nothing_is_written() {
    for (name, has, merge, _) in rows() {
        let device = Device::new(name, has, Fault { locked: true, ..Fault::default() });
        let mut session = device.session().await.expect("a session");
        let running = session.read().await.expect("a reading");
        let end = session.write(&pass().await, &running, &wanted(merge, Mode::Merge)).await;
        assert!(matches!(end, Err(WriteEnd::Busy(_))), "{name}: {end:?}");
        assert_eq!(*read(&device).await.0, *running.0, "{name}");
    }
}

#[tokio::test]
async fn an_answer_under_the_prompt_of_another_device_is_not_believed() {
    for (name, has, _, _) in rows() {
        let device = Device::new(name, has, Fault { other_prompt: true, ..Fault::default() });
        let failure = match device.session().await {
            Ok(mut session) => session.read().await.map(drop).expect_err("no answer"),
            Err(failure) => failure,
        };
        assert_eq!(failure.class, Class::Unreachable, "{name}: {failure:?}");
        assert!(failure.message.contains("r2"), "{name}: {failure:?}");
        assert_eq!(device.writing_words(), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_typed_is_refused_before_anything_is_said() {
    for (name, has, _, _) in rows() {
        let device = Device::new(name, has, Fault::default());
        let mut session = device.session().await.expect("a session");
        let running = session.read().await.expect("a reading");
        for text in ["set a \u{1b}[A\n", "set a \u{3}reload\n"] {
            let failure = session.compare(&running, &wanted(text, Mode::Merge)).err().expect("a refusal");
            assert_eq!(failure.class, Class::PrecheckFailed, "{name}");
            assert!(failure.message.contains("control character"), "{name}: {}", failure.message);
        }
        let failure = session.compare(&running, &wanted("", Mode::Replace)).err().expect("a refusal");
        assert!(failure.message.contains("would take everything away"), "{name}: {}", failure.message);
    }
}
