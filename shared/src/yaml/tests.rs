//! Promises of the YAML reader.

use super::*;
use proptest::prelude::*;

fn problems_of(document: &str) -> Vec<String> {
    let problems = Problems::new("f.yaml");
    let node = parse(document, INVENTORY_BYTES_MAX, &problems);
    if let Some(node) = &node {
        let _ = Field::root(node, &problems).json();
    }
    problems.into_list().iter().map(Problem::to_string).collect()
}

fn json_of(document: &str) -> serde_json::Value {
    let problems = Problems::new("f.yaml");
    let node = parse(document, SPEC_BYTES_MAX, &problems).expect("a document");
    assert!(problems.is_empty(), "{:?}", problems.into_list());
    Field::root(&node, &problems).json()
}

#[test]
fn scalars_never_change_their_type_silently() {
    let json = json_of(
        "{a: yes, b: 1e3, c: 1.10, d: 007, e: 12, f: 1.5, g: true, h: '12', i: ~, on: off, j: -0, k: .5}",
    );
    let want = r#"{"a":"yes","b":"1e3","c":"1.10","d":"007","e":12,"f":1.5,"g":true,"h":"12","i":null,"on":"off","j":"-0","k":".5"}"#;
    assert_eq!(json.to_string(), want);
}

#[test]
fn a_duplicate_key_names_both_places() {
    let said = problems_of("a: 1\nb: 2\na: 3\n");
    assert_eq!(said, [r#"f.yaml:3:1: the key "a" stands here a second time (first at line 1 column 1)"#]);
}

#[test]
fn tabs_merge_keys_tags_and_second_documents_are_named() {
    for (document, want) in [
        (
            "a:\n\tb: 1\n\tc: 2\n",
            "f.yaml:2:2: a tab in the indentation (indent with spaces; 2 lines begin with a tab)",
        ),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "f.yaml:3:3: merge keys (<<) are not supported"),
        ("a: !!str 5\n", "tags (!…) are not supported"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here"),
        ("%YAML 1.1\n---\na: 1\n", "f.yaml:1:1: directives"),
        ("a: *nobody\n", "f.yaml:1:4: this alias refers to nothing"),
        ("a: &a [*a]\n", "this alias stands inside what it refers to"),
        ("? [a]\n: 1\n", "a key must be text"),
        ("", "f.yaml:1:1: the document is empty"),
        ("a: 'x\n", "not YAML"),
    ] {
        let said = problems_of(document);
        assert!(said.iter().any(|line| line.contains(want)), "{document:?} said {said:?}");
    }
}

#[test]
fn an_alias_stands_for_its_value() {
    assert_eq!(json_of("a: &x {b: [1, 2]}\nc: *x\n").to_string(), r#"{"a":{"b":[1,2]},"c":{"b":[1,2]}}"#);
}

#[test]
fn an_alias_bomb_is_refused_where_it_grows_too_large() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..20 {
        let prev = n - 1;
        bomb += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{prev}"); 10].join(", "));
    }
    let said = problems_of(&bomb);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("f.yaml:7:") && said[0].contains("more than 2000000 values"), "{said:?}");

    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 1000].join(", "));
    assert!(problems_of(&long)[0].contains("more than 2000000 values"));
}

#[test]
fn nesting_is_bounded_also_through_aliases() {
    let nested = format!("{}x{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problems_of(&nested)[0].contains("nested deeper than 32 levels"));
    let mut chain = String::from("a0: &a0 [x]\n");
    for n in 1..10_000 {
        chain += &format!("a{n}: &a{n} [*a{}]\n", n - 1);
    }
    let said = problems_of(&chain);
    assert!(said[0].starts_with("f.yaml:32:") && said[0].contains("nested deeper"), "{said:?}");
}

#[test]
fn ten_megabytes_of_noise_end_in_a_problem() {
    let noise: Vec<String> =
        ["[", "- ", "{", "? ", "\"", "a: b: ", "%", "&a ", "\t", "\0", "#\n", "[a,", "'\n", ": "]
            .iter()
            .map(|piece| piece.repeat(10_000_000 / piece.len()))
            .collect();
    for document in noise {
        let started = document.chars().take(8).collect::<String>();
        assert!(!problems_of(&document).is_empty(), "{started:?}");
    }
    let problems = Problems::new("f.yaml");
    assert!(parse(&"a".repeat(SPEC_BYTES_MAX + 1), SPEC_BYTES_MAX, &problems).is_none());
    assert!(problems.into_list()[0].message.contains("more than the 1048576 allowed"));
}

#[test]
fn text_that_is_not_utf_8_is_pointed_at() {
    let said = text(b"a: 1\nb: \xff\n", "f.yaml", 100).expect_err("not text");
    assert_eq!(said[0].to_string(), "f.yaml:2:4: not UTF-8 text");
}

#[test]
fn problems_are_counted_beyond_their_bound() {
    let document: String = (0..500).map(|_| "a: 1\n").collect();
    let said = problems_of(&document);
    assert_eq!(said.len(), PROBLEMS_MAX + 1);
    assert_eq!(said[PROBLEMS_MAX], "f.yaml: and 399 more problems");
}

#[test]
fn a_section_reports_what_nobody_asked_for_with_the_nearest_key() {
    let problems = Problems::new("f.yaml");
    let node =
        parse("maxParallel: 3\non: 1\nwindows: []\nmax_parallel_per_site: '7'\n", SPEC_BYTES_MAX, &problems)
            .expect("a document");
    let mut section = Field::root(&node, &problems).section().expect("a mapping");
    assert!(section.take("max_parallel").is_none());
    assert_eq!(section.take("max_parallel_per_site").and_then(|field| field.number(1..=9)), None);
    section.not_supported_yet(&["windows"]);
    drop(section);
    let said: Vec<String> = problems.into_list().iter().map(Problem::to_string).collect();
    assert_eq!(
        said,
        [
            r#"f.yaml:1:1: maxParallel: the key "maxParallel" is not known here (did you mean max_parallel?)"#,
            r#"f.yaml:2:1: on: the key "on" is not known here"#,
            "f.yaml:3:1: windows: not supported yet",
            r#"f.yaml:4:24: max_parallel_per_site: must be a whole number from 1 to 9, not the quoted text "7""#,
        ]
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(document in any::<String>()) {
        problems_of(&document);
    }

    #[test]
    fn no_yaml_like_text_makes_the_reader_panic(document in "[-a&*:#!|>'\"%@?\\[\\]{}, \n\t0-9<]{0,80}") {
        problems_of(&document);
    }
}
