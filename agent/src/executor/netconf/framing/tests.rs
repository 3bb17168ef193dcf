//! Messages in any cut, chunks that lie, and bytes of any kind.

use super::*;
use proptest::prelude::*;

fn all(framer: &mut Framer) -> Result<Vec<String>, FramingError> {
    let mut messages = Vec::new();
    while let Some(message) = framer.next()? {
        messages.push(message.to_string());
    }
    Ok(messages)
}

fn chunked() -> Framer {
    let mut framer = Framer::default();
    framer.use_chunks();
    framer
}

fn said(mut framer: Framer, bytes: &[u8]) -> Result<Vec<String>, FramingError> {
    framer.push(bytes);
    all(&mut framer)
}

#[test]
fn a_message_ends_at_its_mark_wherever_the_reads_are_cut() {
    let bytes = b"<hello/>]]>]]><rpc-reply>]]>]]</rpc-reply>]]>]]>";
    for cut in 0..bytes.len() {
        let mut framer = Framer::default();
        framer.push(&bytes[..cut]);
        let mut messages = all(&mut framer).unwrap();
        framer.push(&bytes[cut..]);
        messages.extend(all(&mut framer).unwrap());
        assert_eq!(messages, ["<hello/>", "<rpc-reply>]]>]]</rpc-reply>"], "cut at {cut}");
    }
}

#[test]
fn what_follows_the_hello_in_the_same_read_is_cut_as_chunks() {
    let mut framer = Framer::default();
    framer.push(b"<hello/>]]>]]>\n#3\nabc\n##\n");
    assert_eq!(framer.next().unwrap().unwrap().as_str(), "<hello/>");
    framer.use_chunks();
    assert_eq!(all(&mut framer).unwrap(), ["abc"]);
}

#[test]
fn chunks_of_one_message_are_joined_byte_by_byte() {
    let bytes = "\n#4\n<rpc\n#18\n message-id=\"102\">\n##\n\n#2\nä\n##\n".as_bytes();
    let mut framer = chunked();
    let mut messages = Vec::new();
    for byte in bytes {
        framer.push(&[*byte]);
        messages.extend(all(&mut framer).unwrap());
    }
    assert_eq!(messages, ["<rpc message-id=\"102\">", "ä"]);
}

#[test]
fn chunks_that_lie_about_their_size_are_refused() {
    for (bytes, error) in [
        (&b"\n#2\nabc\n##\n"[..], FramingError::NoChunk(6)),
        (b"\n#0\n\n##\n", FramingError::Size(0)),
        (b"\n#03\nabc", FramingError::Size(0)),
        (b"\n#3x", FramingError::Size(0)),
        (b"\n#99999999999", FramingError::Size(0)),
        (b"\n#4294967295\n", FramingError::TooLarge),
        (b"\n##\n", FramingError::Empty),
        (b"<rpc-reply/>]]>]]>", FramingError::NoChunk(0)),
        (b"\n#1\n\xff\n##\n", FramingError::NotText),
    ] {
        assert_eq!(said(chunked(), bytes), Err(error), "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(said(chunked(), b"\n#10\nabc\n##\n"), Ok(vec![]), "the rest may still come");
}

#[test]
fn what_is_wrong_with_the_framing_is_told_by_its_place_and_not_by_its_words() {
    let mut framer = chunked();
    framer.push(b"\n#1\na\n##\n");
    assert!(framer.next().is_ok());
    framer.push(b"\n#1\nas3cr3t\n##\n");
    let said = framer.next().expect_err("no chunk").to_string();
    assert_eq!(said, "find a chunk of NETCONF 1.1 at byte 14 of what it sent");
}

#[test]
fn chunks_before_both_sides_know_of_them_are_refused() {
    assert_eq!(said(Framer::default(), b"\n#3\nabc\n##\n"), Err(FramingError::ChunkTooEarly));
}

#[test]
fn no_message_is_larger_than_its_bound_in_any_framing() {
    let piece = vec![b'x'; 64 * 1024];
    let mut framer = Framer::default();
    let refused = (0..=MESSAGE_BYTES_MAX / piece.len()).find_map(|_| {
        framer.push(&piece);
        framer.next().err()
    });
    assert_eq!(refused, Some(FramingError::TooLarge));
    let mut framer = chunked();
    let refused = (0..=MESSAGE_BYTES_MAX / piece.len()).find_map(|_| {
        framer.push(b"\n#65536\n");
        framer.push(&piece);
        framer.next().err()
    });
    assert_eq!(refused, Some(FramingError::TooLarge));
}

proptest! {
    #[test]
    fn bytes_of_any_kind_never_break_it(
        chunks in any::<bool>(),
        reads in prop::collection::vec(prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'#'), Just(b']'), Just(b'>'), b'0'..=b'9', any::<u8>()], 0..24), 0..24),
    ) {
        let mut framer = if chunks { chunked() } else { Framer::default() };
        for read in reads {
            framer.push(&read);
            if all(&mut framer).is_err() {
                break;
            }
        }
    }

    #[test]
    fn what_one_side_frames_the_other_reads_in_any_cut(
        chunks in any::<bool>(),
        messages in prop::collection::vec("[a-z\n#]{1,40}", 1..5),
        size in 1_usize..9,
    ) {
        let mut framer = if chunks { chunked() } else { Framer::default() };
        let bytes: Vec<u8> =
            messages.iter().flat_map(|message| framer.frame(&format!("<{message}>")).to_vec()).collect();
        let mut got = Vec::new();
        for read in bytes.chunks(size) {
            framer.push(read);
            got.extend(all(&mut framer).unwrap());
        }
        let sent: Vec<String> = messages.iter().map(|message| format!("<{message}>")).collect();
        prop_assert_eq!(got, sent);
    }
}
