//! Words of a template that are the agent's own to say, and words of a device that are no refusal.

use super::super::script::{Carrier, Refusal, Script};
use super::bench::{Bench, Part};
use crate::executor::device::Running;
use crate::executor::wanted::Wanted;
use crate::secrets::Secret;
use crate::simulator::Mode;
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

fn script(platform: &str) -> Script {
    Script::new(super::platform(platform), super::names())
}

fn wanted(text: &str) -> Wanted {
    Wanted::new(Secret::new(text.into()), Vec::new(), Wants::Merge)
}

#[test]
fn a_template_that_says_the_agents_own_words_is_refused_before_anything_is_said() {
    for (platform, lines) in [
        (
            "cisco_ios",
            vec!["configure terminal", "conf t", "write memory", "do reload", "interface Lo0\n do reload"],
        ),
        ("cisco_nxos", vec!["checkpoint x", "rollback running-config checkpoint x", "copy running-config x"]),
        ("arista_eos", vec!["commit", "abort", "commit timer 00:05:00", "interface Lo0\n commit", "comm"]),
        (
            "juniper_junos",
            vec!["delete", "commit and-quit", "commit confirmed 5", "rollback 0", "exit", "run reload"],
        ),
        ("nokia_srlinux", vec!["quit", "commit now", "discard now", "enter candidate", "save startup"]),
        ("frr", vec!["configure", "write"]),
    ] {
        for line in lines {
            let running = Running(String::new().into());
            let refused = script(platform).difference(&running, &wanted(line), Carrier::Keyboard);
            let failure = refused.err().unwrap_or_else(|| panic!("{platform}: {line} is let through"));
            assert_eq!((failure.class, failure.phase), (Class::PrecheckFailed, Phase::Read), "{line}");
            assert!(
                failure.message.contains("no configuration of"),
                "{platform} {line}: {}",
                failure.message
            );
        }
    }
}

#[test]
fn lines_that_only_begin_like_the_agents_own_words_are_configuration() {
    for (platform, text) in [
        ("cisco_ios", "config-register 0x2102\ncontrol-plane\ndomain lookup\nexit\nend\n"),
        ("arista_eos", "interface Lo0\n description commit\n exit\naaa group\n"),
        ("juniper_junos", "set system commit synchronize\ndelete interfaces lo0\n"),
    ] {
        let running = Running(String::new().into());
        let told = script(platform).difference(&running, &wanted(text), Carrier::Keyboard);
        assert!(told.is_ok(), "{platform}: {:?}", told.err().map(|failure| failure.message));
    }
}

#[tokio::test]
async fn a_template_that_leaves_its_sections_by_hand_is_typed_as_one_that_does_not() {
    let platforms = ["cisco_ios", "cisco_nxos", "arista_eos", "frr"];
    let has = "hostname r1\n";
    let bench = Bench::new(&platforms.map(|platform| Part { platform, has, mode: Mode::Good })).await;
    let text = "interface Loopback1\n description one\n exit\n!\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\nexit\nend\n";
    for (number, platform) in (1..).zip(platforms) {
        let outcome = bench.attempt(&bench.task(number, platform, text, Wants::Merge)).await;
        assert_eq!(outcome.class, Class::Ok, "{platform}: {outcome:?}");
        let expected = "hostname r1\ninterface Loopback1\n description one\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\n";
        assert_eq!(bench.has(number), expected, "{platform}");
    }
}

#[tokio::test]
async fn a_line_that_ends_the_configuration_is_a_refusal_whose_part_is_put_back() {
    let platforms = ["cisco_ios", "cisco_nxos", "frr", "arista_eos"];
    let has = "hostname r1\n";
    let bench = Bench::new(&platforms.map(|platform| Part { platform, has, mode: Mode::Good })).await;
    let text = "ntp server 192.0.2.1\nleaves\nntp server 192.0.2.2\n";
    for (number, platform) in (1..).zip(platforms) {
        let outcome = bench.attempt(&bench.task(number, platform, text, Wants::Merge)).await;
        let is_back = matches!(outcome.left_as, LeftAs::Reverted | LeftAs::Unchanged);
        assert!(outcome.class == Class::Rejected && is_back, "{platform}: {outcome:?}");
        let told = "`leaves` has ended its configuration";
        assert!(outcome.message.contains(told), "{platform}: {}", outcome.message);
        assert_eq!(bench.has(number), has, "{platform}");
        let typed = bench.typed(number);
        let is_typed = |line: &str| typed.iter().any(|typed| typed == line);
        assert!(is_typed("leaves") && !is_typed("ntp server 192.0.2.2"), "{platform}: {typed:?}");
    }
}

#[test]
fn words_of_a_configuration_are_no_refusal_and_those_of_a_device_are() {
    let said = |refusal: Option<Refusal>| refusal.map(|refusal| refusal.words().to_owned());
    for (platform, shown) in [
        ("juniper_junos", "set version 22.1\nset interfaces lo0 description \"error: see ticket\"\n"),
        ("nokia_srlinux", "set / interface lo0 description \"Error: see ticket\"\n"),
        (
            "cisco_ios",
            "version 15\nhostname r1\ninterface Lo0\n description x\nerror-like\n% Invalid input\nend\n",
        ),
        (
            "cisco_nxos",
            "hostname r1\nbanner motd @\n% Invalid command\n@\ninterface lo0\n  description error: x\n",
        ),
    ] {
        assert_eq!(said(script(platform).refusal_to_read(shown)), None, "{platform}");
    }
    let log = "Nov 22 09:00:00 r1 mgd: error: x\nline\nline\nline\nerror: old\n";
    assert_eq!(said(script("juniper_junos").refusal_to_show(log)), None, "a log shows what it holds");
    for (platform, answer) in [
        ("juniper_junos", "            ^\nunknown command.\n"),
        ("juniper_junos", "set version 22.1\nerror: communication failure with mgd\n"),
        ("nokia_srlinux", "Error: unknown token\n"),
        ("cisco_ios", "     ^\n% Invalid input detected at '^' marker.\n"),
        ("cisco_nxos", "     ^\n% Invalid command at '^' marker.\n"),
        ("frr", "% Unknown command: x\n"),
    ] {
        assert!(script(platform).refusal_to_read(answer).is_some(), "{platform}: {answer}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_is_not_there_leaves_no_draft_open_and_the_lines_bring_the_device_back() {
    let has = "set / system name host-name r1\nset / interface lo0 description one\n";
    let bench = Bench::new(&[Part { platform: "nokia_srlinux", has, mode: Mode::Good }]).await;
    let task = bench.task(1, "forgetful", "set / interface lo0 description two\n", Wants::Merge);
    let outcome = bench.attempt(&task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    assert_eq!(
        (back.class, back.left_as, bench.has(1).as_str()),
        (Class::Ok, LeftAs::Reverted, has),
        "{back:?}"
    );
    let typed = bench.typed(1);
    let refused = typed.iter().position(|line| line == "load checkpoint name ID").expect("it was tried");
    assert_eq!(typed[refused + 1], "discard now");
}

#[test]
fn a_checkpoint_is_named_after_what_it_holds() {
    let script = script("cisco_nxos");
    let name = |text: &str| {
        let configure = &script.platform.configure;
        script.of_place(&configure.checkpoint, &Running(text.to_owned().into()))
    };
    assert_eq!(name("hostname r1\n"), name("hostname r1\n"));
    assert_ne!(name("hostname r1\n"), name("hostname r2\n"));
    let secret = |word: &str| name(&format!("username ann password {word}\n"));
    assert_eq!(secret("hunter2"), secret("hunter3"), "its name tells nothing of a secret");
}
