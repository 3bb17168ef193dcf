//! A device's bytes of any kind, to the framer, and every message, to what reads it.

use super::framing::Framer;
use super::hello::Abilities;
use super::xml::{parse, print};
use super::{back, compare, reply};
use crate::executor::wanted::Redactor;
use switchyard_shared::procedure::Mode;

/// Reads `data` as what a device says: its first byte chooses the framing.
pub fn fuzz(data: &[u8]) -> usize {
    let Some((choice, said)) = data.split_first() else { return 0 };
    let (mut framer, mut messages) = (Framer::default(), 0);
    if choice & 1 != 0 {
        framer.use_chunks();
    }
    for piece in crate::fuzz::pieces(said) {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(message)) => {
                    messages += 1;
                    read(&message);
                }
                Ok(None) => break,
                Err(_) => return messages,
            }
        }
    }
    read(&String::from_utf8_lossy(said));
    messages
}

fn read(message: &str) {
    let _ = Abilities::of(message);
    if let Ok(tree) = parse(message) {
        let printed = print(std::slice::from_ref(&tree), "");
        let again = parse(&printed).expect("what is printed can be read");
        assert!(print(&[again], "") == printed, "and prints the same");
        let _ = reply::errors(&tree, &Redactor::of(Vec::new()));
    }
    let half = message.floor_char_boundary(message.len() / 2);
    if let (Ok(have), Ok(want)) = (compare::running(&message[..half]), compare::wanted(&message[half..])) {
        for mode in [Mode::Merge, Mode::Replace] {
            let _ = compare::difference(&have, &want, mode);
            let _ = compare::edits(&have, &want, mode);
        }
        let _ = back::step(&have, &want);
        assert_eq!(back::step(&have, &have), Ok(Vec::new()), "there is no way to where one is");
    }
}
