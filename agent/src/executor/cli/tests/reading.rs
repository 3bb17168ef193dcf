//! Where an answer ends, whatever the device sends.

use super::super::reader::{Event, Prompt, Reader};
use super::super::screen::TooMuch;
use proptest::prelude::*;

/// The mark in these tests.
const MARK: &str = "!5eed";

fn reader(platform: &str) -> Reader {
    Reader::new(super::platform(platform))
}

/// A reader that has seen the first prompt of `r1`.
fn greeted(platform: &str) -> Reader {
    let prompt: &[u8] = match platform {
        "nokia_srlinux" => b"\r\n--{ running }--[  ]--\r\nA:r1# ",
        _ => b"\r\nr1#",
    };
    let mut reader = reader(platform);
    assert_eq!(reader.push(prompt), Ok(Some(Event::Doubt)));
    reader.asked_again();
    assert_eq!(reader.push(prompt), Ok(Some(Event::OtherName(Prompt::Ready, "r1".into()))));
    reader.learn("r1");
    reader.take();
    reader
}

#[test]
fn an_answer_is_what_stands_between_the_echo_and_the_prompt() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show clock", false, false);
    assert_eq!(reader.push(b"show clock\r\n"), Ok(None));
    assert_eq!(reader.push(b"12:00\r\nr1#"), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "12:00\n");
}

#[test]
fn the_prompt_of_the_line_before_is_no_answer() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show clock", false, false);
    assert_eq!(reader.push(b"\x1b[6n"), Ok(None));
    assert_eq!(reader.push(b"r1#"), Ok(None), "an editor draws its line again");
    assert_eq!(reader.push(b"\rr1#show clock\r\nx\r\nr1#"), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "x\n");
}

#[test]
fn text_that_looks_like_a_prompt_does_not_end_an_answer() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show running-config", true, false);
    assert_eq!(reader.push(b"show running-config\r\nbanner motd\r\nr1#"), Ok(Some(Event::Doubt)));
    reader.asked_again();
    assert_eq!(reader.push(b"\r\nmore\r\nend\r\nr1#"), Ok(None), "the line before it is no prompt");
    assert_eq!(reader.push(b"\r\nr1#"), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "banner motd\nr1#\nmore\nend\n");
}

#[test]
fn prompts_in_a_text_without_an_end_mark_do_not_end_it_wherever_it_pauses() {
    let mut reader = greeted("cisco_nxos");
    reader.sent("show running-config", true, false);
    assert_eq!(reader.push(b"show running-config\r\nbanner motd @\r\nr1#"), Ok(Some(Event::Doubt)));
    reader.asked_again();
    assert_eq!(reader.push(b"\r\nr1#"), Ok(Some(Event::Unmarked)), "still the text");
    reader.marked(MARK);
    assert_eq!(reader.push(b"\r\nr1#"), Ok(None), "and once more");
    assert_eq!(reader.push(b"\r\n@\r\nhostname r1\r\n\r\nr1# "), Ok(None), "nothing is echoed yet");
    assert_eq!(reader.push(b"\r\nr1# "), Ok(None));
    assert_eq!(reader.push(b"!5eed"), Ok(None));
    assert_eq!(reader.push(b"\r\nr1# "), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "banner motd @\nr1#\nr1#\nr1#\n@\nhostname r1\n");
}

#[test]
fn a_device_that_refuses_the_mark_has_told_its_end_all_the_same() {
    let mut reader = greeted("nokia_srlinux");
    let prompt = "\r\n--{ running }--[  ]--\r\nA:r1# ";
    reader.sent("info flat from running", true, false);
    let text = format!("info flat from running\r\nset / system x\r\n{prompt}");
    assert_eq!(reader.push(text.as_bytes()), Ok(Some(Event::Doubt)));
    reader.asked_again();
    assert_eq!(reader.push(prompt.as_bytes()), Ok(Some(Event::Unmarked)));
    reader.marked("#5eed");
    let refused =
        format!("#5eed\r\nError: Path not valid - unknown element '#5eed'\r\nOptions are: x, y{prompt}");
    assert_eq!(reader.push(refused.as_bytes()), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "set / system x\n");
}

#[test]
fn a_banner_with_a_prompt_in_it_is_not_the_first_prompt() {
    let mut reader = reader("cisco_ios");
    assert_eq!(reader.push(b"Welcome. Your prompt is\r\nr9#"), Ok(Some(Event::Doubt)));
    reader.asked_again();
    assert_eq!(reader.push(b" or another.\r\n\r\nr1#"), Ok(None));
    assert_eq!(reader.push(b"\r\nr1#"), Ok(Some(Event::OtherName(Prompt::Ready, "r1".into()))));
}

#[test]
fn only_the_escalation_is_answered_with_a_question_for_a_password() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show running-config", false, false);
    assert_eq!(reader.push(b"show running-config\r\nbanner motd ^C\r\nPassword: "), Ok(None));
    assert_eq!(reader.push(b"\r\n^C\r\nend\r\nr1#"), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "banner motd ^C\nPassword:\n^C\nend\n");
    reader.sent("enable", false, false);
    assert_eq!(reader.push(b"enable\r\nPassword: "), Ok(Some(Event::Password)));
    reader.sent("enable", false, true);
    assert_eq!(reader.push(b"enable\r\nPassword: "), Ok(None), "a line of configuration");
}

#[test]
fn another_prompt_is_told_apart() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show clock", false, false);
    assert_eq!(reader.push(b"show clock\r\nr2#"), Ok(Some(Event::Doubt)));
    reader.asked_again();
    assert_eq!(reader.push(b"\r\nr2#"), Ok(Some(Event::OtherName(Prompt::Ready, "r2".into()))));
}

#[test]
fn a_long_name_may_be_shortened_in_a_prompt() {
    let mut reader = greeted("cisco_ios");
    reader.learn("a-switch-with-a-very-long-name");
    reader.sent("interface lo", false, true);
    let said = reader.push(b"interface lo\r\na-switch-with-a-very(config-if)#");
    assert_eq!(said, Ok(Some(Event::Prompt(Prompt::Configure))));
}

#[test]
fn the_mode_of_a_prompt_may_stand_in_the_line_above_it() {
    let mut reader = greeted("nokia_srlinux");
    reader.sent("enter candidate exclusive", false, true);
    let said =
        reader.push(b"enter candidate exclusive\r\n--{ candidate exclusive default }--[  ]--\r\nA:r1# ");
    assert_eq!(said, Ok(Some(Event::Prompt(Prompt::Configure))));
    assert_eq!(reader.take(), "", "what stands above a prompt is no answer");
}

#[test]
fn a_pager_and_its_traces_are_no_part_of_an_answer() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show run", false, false);
    assert_eq!(reader.push(b"show run\r\none\r\n --More-- "), Ok(Some(Event::Pager)));
    reader.answered();
    let rest = b"\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08two\r\nr1#";
    assert_eq!(reader.push(rest), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "one\ntwo\n");
}

#[test]
fn half_a_character_at_the_end_of_a_packet_is_whole_in_the_answer() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show run", false, false);
    let text = "show run\r\ndescription café\r\nr1#".as_bytes();
    let cut = text.iter().position(|byte| *byte == 0xc3).expect("an é") + 1;
    assert_eq!(reader.push(&text[..cut]), Ok(None));
    assert_eq!(reader.push(&text[cut..]), Ok(Some(Event::Prompt(Prompt::Ready))));
    assert_eq!(reader.take(), "description café\n");
}

#[test]
fn output_without_an_end_is_given_up_at_its_bound() {
    let mut reader = greeted("cisco_ios");
    reader.sent("show tech", false, false);
    let piece = [b'x'; 4096];
    let gave_up = (0..1000).find_map(|count| reader.push(&piece).is_err().then_some(count * piece.len()));
    assert_eq!(gave_up, Some(1024 * 1024));
    reader.sent("show tech", false, false);
    let lines = (0..1000).find_map(|_| reader.push(&[b'\n'; 4096]).err());
    assert_eq!(lines, Some(TooMuch));
}

proptest! {
    #[test]
    fn no_output_makes_a_reader_panic(pieces in proptest::collection::vec(prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(b"r1#".to_vec()), Just(b"\r\n".to_vec()), Just(b" --More-- ".to_vec()), Just(b"\x1b[K".to_vec()),
        Just(b"r1(config)#".to_vec()), Just(b"Password: ".to_vec()), Just(b"[edit]".to_vec()), Just(MARK.into()),
    ], 0..60), certain in any::<bool>(), configuring in any::<bool>()) {
        for platform in ["cisco_ios", "cisco_nxos", "juniper_junos", "nokia_srlinux"] {
            let mut reader = reader(platform);
            reader.sent("show run", certain, configuring);
            for piece in &pieces {
                match reader.push(piece) {
                    Ok(Some(Event::Doubt)) => reader.asked_again(),
                    Ok(Some(Event::Unmarked)) => reader.marked(MARK),
                    Ok(Some(Event::OtherName(_, name))) => reader.learn(&name),
                    Ok(Some(Event::Pager | Event::Question(_) | Event::Password)) => reader.answered(),
                    Ok(Some(Event::Prompt(_)) | None) | Err(TooMuch) => {}
                }
            }
            prop_assert!(reader.take().len() <= 1024 * 1024 * 3 + 64);
        }
    }
}
