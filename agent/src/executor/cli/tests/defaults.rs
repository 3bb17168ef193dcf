//! Lines that take back what a device does not show: its defaults tell whether it has them, and where nobody knows
//! them the outcome says so.

use super::super::script::{Names, Script};
use super::super::session::CliSession;
use super::super::shell::Shell;
use super::super::wire::Wire;
use crate::clock::SystemClock;
use crate::executor::WritePass;
use crate::executor::device::{Running, Session as _};
use crate::executor::played::OpenGate;
use crate::executor::wanted::Wanted;
use crate::secrets::Secret;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use switchyard_shared::procedure::Mode;

const MERGE: &str = "interface Gi1\n no ip proxy-arp\n no shutdown\n no mop enabled\n";

/// A device of IOS's kind: `ip proxy-arp` and `no shutdown` are its defaults, which it hides.
struct Hides {
    waiting: Vec<u8>,
    configures: bool,
    proxies: bool,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Hides {
    fn shows(&self, all: bool) -> String {
        let proxy = match (self.proxies, all) {
            (true, true) => " ip proxy-arp\r\n",
            (true, false) => "",
            (false, _) => " no ip proxy-arp\r\n",
        };
        let state = if all { " no shutdown\r\n" } else { "" };
        format!("hostname r1\r\ninterface Gi1\r\n mtu 9000\r\n{proxy}{state}end\r\n")
    }
}

impl Wire for Hides {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        let line = String::from_utf8_lossy(&bytes).trim().to_owned();
        self.heard.lock().expect("no test panics with it").push(line.clone());
        self.configures = (self.configures || line == "configure terminal") && line != "end";
        self.proxies &= line != "no ip proxy-arp";
        let said = match line.as_str() {
            "show running-config" => self.shows(false),
            "show running-config all" => self.shows(true),
            _ => String::new(),
        };
        let prompt = if self.configures { "r1(config)#" } else { "r1#" };
        self.waiting = format!("{line}\r\n{said}{prompt}").into_bytes();
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        Box::pin(async {
            match self.waiting.is_empty() {
                false => Ok(std::mem::take(&mut self.waiting)),
                true => std::future::pending().await,
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

async fn session(template: &str) -> (CliSession, Arc<Mutex<Vec<String>>>) {
    let (platform, heard) = (super::platform("cisco_ios"), Arc::<Mutex<Vec<String>>>::default());
    let wire = Hides { waiting: b"\r\nr1#".to_vec(), configures: false, proxies: true, heard: heard.clone() };
    let mut shell = Shell::new(Box::new(wire), platform.clone(), None);
    shell.greeting().await.expect("a prompt");
    let names = Names { template: template.as_bytes().into(), ..super::names() };
    (CliSession::new(shell, platform, names), heard)
}

fn wanted(text: &str, mode: Mode) -> Wanted {
    Wanted::new(Secret::new(text.into()), Vec::new(), mode)
}

async fn read(session: &mut CliSession) -> Running {
    let running = session.read().await.expect("a reading");
    session.ask_defaults(&running).await.expect("an answer");
    running
}

fn asked(heard: &Mutex<Vec<String>>) -> usize {
    heard.lock().expect("no test panics with it").iter().filter(|line| line.ends_with(" all")).count()
}

#[tokio::test]
async fn what_is_on_by_default_is_switched_off_once_and_what_is_off_already_is_not() {
    let replace = format!("hostname r1\n{}", MERGE.replace("Gi1\n", "Gi1\n mtu 9000\n"));
    for (template, mode) in [(MERGE, Mode::Merge), (replace.as_str(), Mode::Replace)] {
        let (mut session, heard) = session(template).await;
        let wanted = wanted(template, mode);
        let running = read(&mut session).await;
        let difference = session.compare(&running, &wanted).expect("a difference");
        assert!(difference.text.contains("+ no ip proxy-arp"), "{mode:?}: {}", *difference.text);
        let pass = WritePass::ask(&OpenGate, SystemClock::shared(), None).await.expect("an open gate");
        session.write(&pass, &running, &wanted).await.expect("it takes it");
        let typed = heard.lock().expect("no test panics with it").clone();
        let expected = ["configure terminal", "interface Gi1", "no ip proxy-arp", "exit", "end"];
        assert_eq!(typed[typed.len() - expected.len()..], expected, "{mode:?}");
        let running = session.read().await.expect("a reading");
        assert!(session.compare(&running, &wanted).expect("a difference").is_nothing(), "{mode:?}");
        assert_eq!((session.not_shown().as_str(), asked(&heard)), ("", 1), "it is asked once");
    }
}

#[tokio::test]
async fn a_device_is_asked_for_its_defaults_only_where_a_template_needs_them() {
    let (mut session, heard) = session("interface Gi1\n mtu 9000\n no mtu 1500\n").await;
    read(&mut session).await;
    assert_eq!(asked(&heard), 1, "the one line is not shown");
    let (mut session, heard) = self::session("interface Gi1\n mtu 9000\ninterface Gi2\n no shutdown\n").await;
    read(&mut session).await;
    assert_eq!(asked(&heard), 0, "a new section is typed whole");
    let (mut session, heard) = self::session("interface Gi1\n no shutdown\n").await;
    read(&mut session).await;
    assert_eq!((asked(&heard), session.not_shown()), (0, String::new()), "it shows what is shut");
}

#[test]
fn where_nobody_knows_the_defaults_a_script_tells_what_the_device_does_not_show_and_says_nothing_of_it() {
    let template: Arc<[u8]> = MERGE.as_bytes().into();
    let names = Names { template, ..super::names() };
    let script = Script::new(super::platform("frr"), names);
    let running = "hostname r1\ninterface Gi1\n mtu 9000\nend\n";
    script.note_running(running);
    assert_eq!(script.asks_defaults(), None, "it has no command for that");
    let told = script.not_shown();
    assert!(told.starts_with("; it shows neither `ip proxy-arp` nor `no ip proxy-arp`, neither "), "{told}");
    let steps = script.steps(&script.blocks(running), &wanted(MERGE, Mode::Merge));
    assert_eq!(steps, [], "nobody knows that it lacks them");
    script.note_running("interface Gi1\n no ip proxy-arp\n shutdown\n no mop enabled\n");
    assert_eq!(script.not_shown(), "");
}
