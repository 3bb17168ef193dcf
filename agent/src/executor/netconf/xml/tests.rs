//! What is refused, and that print and parse are each other's way back.

use super::parse::ELEMENTS_MAX;
use super::*;
use proptest::prelude::*;

fn printed(text: &str) -> String {
    print(&[parse(text).unwrap()], "").to_string()
}

#[test]
fn the_same_tree_prints_the_same_whatever_its_prefixes_and_layout() {
    let one = "<a:s xmlns:a=\"urn:x\" xmlns:b=\"urn:y\"><a:n>1 &lt; 2</a:n>\n  <b:k/></a:s>";
    let two =
        "<?xml version=\"1.0\"?>\n<s xmlns=\"urn:x\"><n><![CDATA[1 < 2]]></n><k xmlns='urn:y'>\n</k></s>";
    assert_eq!(printed(one), "<s xmlns=\"urn:x\">\n  <n>1 &lt; 2</n>\n  <k xmlns=\"urn:y\"/>\n</s>\n");
    assert_eq!(printed(one), printed(two));
}

#[test]
fn a_value_that_names_an_identity_keeps_its_prefix() {
    let text = "<t xmlns=\"urn:x\" xmlns:i=\"urn:i\">i:eth</t>";
    let element = parse(text).unwrap();
    assert_eq!(printed(text), "<t xmlns=\"urn:x\" xmlns:i=\"urn:i\">i:eth</t>\n");
    let other = parse("<t xmlns=\"urn:x\" xmlns:j=\"urn:i\">j:eth</t>").unwrap();
    let own = parse("<t xmlns=\"urn:x\" xmlns:i=\"urn:x\">i:eth</t>").unwrap();
    let bare = parse("<t xmlns=\"urn:x\">eth</t>").unwrap();
    assert!(element.says_what(&other) && own.says_what(&bare));
    assert!(!element.says_what(&own) && !element.says_what(&bare));
}

#[test]
fn entities_of_ones_own_and_endless_nesting_are_refused() {
    let bomb = "<!DOCTYPE l [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><l>&b;</l>";
    assert_eq!(parse(bomb).unwrap_err(), XmlError::DocumentType);
    assert_eq!(parse("<l>&b;</l>").unwrap_err(), XmlError::Entity(3));
    assert_eq!(parse(&"<l>".repeat(100_000)).unwrap_err(), XmlError::TooDeep);
    let many = format!("<l>{}</l>", "<e/>".repeat(ELEMENTS_MAX));
    assert_eq!(parse(&many).unwrap_err(), XmlError::TooMany);
    let attributes: String = (0..1000).map(|number| format!(" a{number}=''")).collect();
    assert_eq!(parse(&format!("<l{attributes}/>")).unwrap_err(), XmlError::TooMany);
}

#[test]
fn a_prefix_is_in_force_within_its_element_and_found_at_once_among_very_many() {
    let inner =
        parse("<a xmlns='urn:1' xmlns:p='urn:p'><b xmlns='urn:2' xmlns:p='urn:q'><p:c/></b><p:d/><e/></a>")
            .unwrap();
    assert!(inner.children[0].children[0].is("urn:q", "c") && inner.children[1].is("urn:p", "d"));
    assert!(inner.children[2].is("urn:1", "e"));
    assert_eq!(parse("<a><b xmlns:p='urn:p'/><p:c/></a>").unwrap_err(), XmlError::Prefix(23));
    // A search among all prefixes in force would compare three thousand million names here.
    let declared =
        |depth: usize| -> String { (0..255).map(|number| format!(" xmlns:p{depth}x{number}='u'")).collect() };
    let open: String = (0..60).map(|depth| format!("<l{}>", declared(depth))).collect();
    let text = format!("{open}{}{}", "<p0x0:e/>".repeat(190_000), "</l>".repeat(60));
    assert!(parse(&text).unwrap().is("", "l"));
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for text in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<a b=1/>", "<p:a/>", "</a>", "<a b='&x;'/>"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_text_is_told_by_its_place_and_not_by_its_words() {
    for text in [
        "<a><key>s3&cr3t;</key></a>",
        "<a><key>x</s3cr3t></a>",
        "<a/>s3cr3t",
        "<a s3cr3t=x/>",
        "<a b='&s3cr3t;'/>",
        "<s3cr3t:a/>",
        "</s3cr3t>",
        "<a><s3cr3t>",
        "<a><!s3cr3t></a>",
    ] {
        let error = parse(text).expect_err(text);
        let said = format!("{error} {error:?}");
        assert!(!said.contains("cr3t"), "{said}");
    }
}

proptest! {
    #[test]
    fn text_of_any_kind_never_breaks_the_parser(text in "[<>/&;a-c:='\" \n!\\[\\]#x-]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_printed_reads_the_same(name in "[a-z][a-z0-9]{0,5}", text in "[ -~\n\r\tä:]{0,30}", deep in 0_usize..5) {
        let mut element = Element::new(&Arc::from("urn:x"), &name);
        element.text = Zeroizing::new(text);
        if element.text.contains('\n') && element.text.trim().is_empty() {
            element.text = Zeroizing::default();
        }
        for _ in 0..deep {
            let mut outer = Element::new(&Arc::from("urn:x"), "o");
            outer.children = vec![element.clone(), element];
            element = outer;
        }
        let text = print(std::slice::from_ref(&element), "");
        let again = parse(&text).unwrap();
        prop_assert!(again == element, "{}", &*text);
    }
}
