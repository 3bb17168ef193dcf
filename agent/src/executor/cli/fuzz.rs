//! A device's output of any kind, to a reader, and what was read, to what compares configurations.

use super::reader::{Event, Reader};
use crate::platform::{Platform, Platforms};
use std::sync::{Arc, OnceLock};
use switchyard_shared::configuration::{after, commands, contradiction, missing, parse, print, way};

/// Reads `data` as what a device says: its first byte chooses the platform and how the answer is read.
pub fn fuzz(data: &[u8]) -> usize {
    let Some((choice, output)) = data.split_first() else { return 0 };
    let platform = platform(usize::from(*choice));
    let mut reader = Reader::new(platform.clone());
    reader.sent("show running-config", choice & 64 != 0, choice & 128 != 0);
    for piece in crate::fuzz::pieces(output) {
        match reader.push(piece) {
            Ok(Some(Event::Doubt)) => reader.asked_again(),
            Ok(Some(Event::Unmarked)) => reader.marked("!5eed"),
            Ok(Some(Event::OtherName(_, name))) => reader.learn(&name),
            Ok(Some(Event::Pager | Event::Question(_) | Event::Password)) => reader.answered(),
            Ok(Some(Event::Prompt(_)) | None) => {}
            Err(_) => break,
        }
    }
    let text = reader.take();
    assert!(text.len() <= 3 * output.len() + 64, "what is read is no longer than what came");
    let _ = platform.redact(&text);
    compared(&text, &platform);
    text.len()
}

fn compared(text: &str, platform: &Platform) {
    let dialect = &platform.dialect;
    let (one, other) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let (running, wanted) = (parse(one, dialect), parse(other, dialect));
    assert_eq!(missing(&running, &running, dialect), [], "a device has what it has");
    assert_eq!(way(&running, &running, dialect), [], "there is no way to where one is");
    assert_eq!(parse(&print(&running), dialect), running, "what is printed reads the same");
    let _ = contradiction(&wanted, dialect);
    let steps = way(&running, &wanted, dialect);
    let _ = (commands(&steps, &running, dialect), after(&running, &steps, dialect));
}

fn platform(choice: usize) -> Arc<Platform> {
    static TYPED: OnceLock<Vec<Arc<Platform>>> = OnceLock::new();
    let typed = TYPED.get_or_init(|| {
        let platforms = Platforms::built_in();
        platforms.names().into_iter().filter_map(|name| platforms.get(name)).collect()
    });
    typed[choice % 64 % typed.len()].clone()
}
