//! Texts of several lines: each is one value, whatever ends it.

use super::*;

fn eos() -> Dialect {
    Dialect { texts: vec![Text { begins: "banner *".into(), ends: Some("EOF".into()) }], ..indented() }
}

const BANNER: &str = "banner motd ^C\n  Keep out!\nexit\n\n! really\n^C\nhostname r1\n";

#[test]
fn a_text_of_several_lines_is_one_value_and_its_lines_are_none_of_the_configuration() {
    for (text, dialect) in
        [(BANNER.to_owned(), indented()), (BANNER.replace("motd ^C", "motd").replace("^C", "EOF"), eos())]
    {
        let blocks = parse(&text, &dialect);
        assert_eq!(blocks.len(), 2, "{blocks:#?}");
        assert_eq!(parse(&print(&blocks), &dialect), blocks);
        assert!(print(&blocks).contains("\n  Keep out!\nexit\n\n! really\n"), "{}", print(&blocks));
    }
}

#[test]
fn whatever_ends_a_text_when_it_is_typed_it_is_the_same_text() {
    let dialect = indented();
    let shown = parse(BANNER, &dialect);
    assert_eq!(to_send(BANNER, &BANNER.replace("^C", "#"), &dialect), Vec::<String>::new());
    assert_eq!(
        to_send(BANNER, &BANNER.replace("^C\nhostname", "^C trailing\nhostname"), &dialect),
        Vec::<String>::new()
    );
    assert_eq!(parse("banner login #a#\n", &dialect), [Block::line("banner login ^Ca^C")]);
    let typed = |line: &str| dialect.typed(line);
    assert_eq!(typed(&shown[0].line).as_deref(), Some("banner motd @\n  Keep out!\nexit\n\n! really\n@"));
    assert_eq!(typed("banner login ^Ca@b^C").as_deref(), Some("banner login ~a@b~"));
    assert_eq!(typed("banner login ^C@~#%|*=+&$^C"), None, "no character is left to end it");
    assert_eq!(typed("hostname r1").as_deref(), Some("hostname r1"));
    assert_eq!(typed("no banner motd").as_deref(), Some("no banner motd"));
    let blocks = parse("banner motd\na\nEOF\n", &eos());
    assert_eq!(eos().typed(&blocks[0].line).as_deref(), Some("banner motd\na\nEOF"));
}

#[test]
fn one_changed_line_of_a_text_changes_the_whole_and_the_way_back_takes_its_place() {
    for (dialect, end) in [(indented(), "^C"), (eos(), "")] {
        let text = |words: &str| match end {
            "" => format!("banner motd\n{words}\nEOF\n"),
            end => format!("banner motd {end}\n{words}\n{end}\n"),
        };
        let (old, new) = (parse(&text("old"), &dialect), parse(&text("new"), &dialect));
        let steps = missing(&old, &new, &dialect);
        assert_eq!(steps, new, "it is sent whole");
        assert_eq!(after(&old, &steps, &dialect), new);
        assert_eq!(way(&new, &old, &dialect), old, "the old one takes its place");
        let gone = commands(&way(&new, &[], &dialect), &[], &dialect);
        assert_eq!(gone, ["no banner motd"]);
        assert_eq!(missing(&new, &parse("no banner motd\n", &dialect), &dialect).len(), 1, "it has one");
    }
}

#[test]
fn a_certificate_is_one_value_however_it_is_indented() {
    let dialect = indented();
    let shown = "crypto pki certificate chain TP\n certificate self-signed 01\n  30820229 3081\n  864886F7\n  \tquit\n\
        crypto pki certificate chain B\n certificate ca 02\n  30820229 3081\n  quit\nhostname r1\n";
    let blocks = parse(shown, &dialect);
    assert_eq!(blocks.iter().map(|block| block.children.len()).collect::<Vec<_>>(), [1, 1, 0], "{blocks:#?}");
    assert_eq!(parse(&print(&blocks), &dialect), blocks);
    let template = shown.replace("  3082", "    3082").replace("  \tquit", " quit");
    assert_eq!(to_send(shown, &template, &dialect), Vec::<String>::new());
    assert_eq!(dialect.negated(&blocks[0].children[0].line), "no certificate self-signed 01");
}

#[test]
fn a_text_without_an_end_swallows_nothing() {
    let dialect = indented();
    for text in [
        "banner motd ^C\nhello\nhostname r1\n",
        "certificate self-signed 01 nvram:x.cer\na\nhostname r1\n",
        "banner motd\na\nb\n",
    ] {
        assert_eq!(parse(text, &dialect).len(), 3, "{text}");
    }
    let long = format!("banner motd ^C\n{}^C\n", "x\n".repeat(2_000));
    assert_eq!(parse(&long, &dialect).len(), 2_002);
}
