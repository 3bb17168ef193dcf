//! Promises of filters.

use super::*;
use proptest::prelude::*;
use std::borrow::Cow;

fn lookup(path: &[&str]) -> Lookup<'static> {
    match path {
        ["name"] => Lookup::Text(Cow::Borrowed("edge1.ams1")),
        ["site"] => Lookup::Text(Cow::Borrowed("ams1")),
        ["port"] => Lookup::Text(Cow::Borrowed("830")),
        ["groups"] => Lookup::List(vec![Cow::Borrowed("edge"), Cow::Borrowed("core")]),
        ["star"] => Lookup::Text(Cow::Borrowed("a*b")),
        ["role"] => Lookup::Unset,
        ["rack"] => Lookup::Conflict("label says r1, data says r2".into()),
        _ => Lookup::Unknown,
    }
}

fn holds(text: &str) -> bool {
    Filter::parse(text)
        .and_then(|filter| filter.evaluate(lookup))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    match Filter::parse(text).and_then(|filter| filter.evaluate(lookup)) {
        Ok(_) => panic!("{text:?} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn comparisons_hold_as_written() {
    for yes in [
        r#"site = "ams1""#,
        "site=ams1",
        "site = 'ams1'",
        "name = edge1.ams1",
        r#"name = "edge*""#,
        r#"name = "*.ams1""#,
        r#"name = "e*1.a*1""#,
        r#"name != "core*""#,
        "port > 99",
        "port <= 830",
        "port >= -5",
        "site < b",
        "name:GE1",
        "groups:edge",
        "groups = core",
        "groups != access",
        "site:*",
        "groups:*",
        "role != spine",
        "NOT role = spine",
        "-site = fra1",
        r#"star = "a\*b""#,
        r#"star = "a*""#,
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in [
        "site = AMS1",
        "port > 1000",
        "groups:ed",
        "groups != edge",
        "role:*",
        "role = spine",
        "nothing = x",
        r#"site = "a\*""#,
        r#"name = "edge1*edge1*""#,
        r#"name = "edge1.ams1*1""#,
    ] {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn or_binds_tighter_than_and() {
    assert!(!holds("site = ams1 OR site = fra1 AND port = 1"));
    assert!(holds("port = 830 AND site = fra1 OR site = ams1"));
    assert!(holds("(port = 1 AND site = fra1) OR site = ams1"));
    assert!(holds("site = ams1 port = 830"));
    assert!(!holds("site = ams1 port = 831"));
    assert!(holds("NOT (site = fra1 OR port = 1)"));
}

#[test]
fn what_is_wrong_is_pointed_at() {
    for (text, want) in [
        ("", "column 1: the name of a field is missing"),
        ("site", "column 2: a comparison is missing after \"site\""),
        ("site = ", "column 7: a value is missing"),
        ("site = AND", "column 8: a value is missing"),
        ("site = 'x", "column 8: this quoted text does not end"),
        ("(site = x", "column 1: this ( is never closed"),
        ("site = x)", "column 9: this ) closes nothing"),
        ("site ! x", "column 6: ! stands alone"),
        ("'x' = site", "column 1: \"x\" is a text without a field"),
        ("a..b = 1", "column 1: \"a..b\" is not the name of a field"),
        ("port > 8*", "column 8: * is a wildcard with = and != only"),
        ("site = x AND", "column 11: the name of a field is missing"),
        ("site = a,b", "column 9: , is not allowed here"),
        ("rack = r1", "column 1: \"rack\" is ambiguous: label says r1, data says r2"),
    ] {
        let said = refused(text);
        assert!(said.contains(want), "{text:?} said {said:?}");
    }
}

#[test]
fn size_and_nesting_are_bounded() {
    assert!(refused(&"(".repeat(1000)).contains("nested deeper than 32 levels"));
    assert!(refused(&"NOT ".repeat(1000)).contains("nested deeper than 32 levels"));
    assert!(refused(&"-".repeat(1000)).contains("nested deeper than 32 levels"));
    assert!(refused(&"a".repeat(5000)).contains("more than the 4096 allowed"));
}

#[test]
fn a_field_that_nothing_has_is_refused() {
    let filter = Filter::parse("site = ams1 AND sitte = x").unwrap();
    let error =
        select(&[1, 2], &filter, |_, path| lookup(path), |field| format!("no {field}")).expect_err("unknown");
    assert_eq!(error, FilterError { column: 17, message: "no sitte".into() });
    let filter = Filter::parse("role = x OR site = ams1").unwrap();
    assert_eq!(select(&[1, 2], &filter, |_, path| lookup(path), |_| String::new()), Ok(vec![0, 1]));
}

#[test]
fn a_filter_is_stored_as_its_text() {
    let filter = Filter::parse("site = ams1").unwrap();
    let json = serde_json::to_string(&filter).unwrap();
    assert_eq!(json, r#""site = ams1""#);
    assert_eq!(serde_json::from_str::<Filter>(&json).unwrap(), filter);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = Filter::parse(&text).and_then(|filter| filter.evaluate(lookup));
    }

    #[test]
    fn no_filter_like_text_makes_the_reader_panic(text in "(AND|OR|NOT|-|[()]|site|rack|groups|=|!=|<=|>|:|\"a\\*\"|'| |\\*|\\\\){0,30}") {
        let _ = Filter::parse(&text).and_then(|filter| filter.evaluate(lookup));
    }
}
