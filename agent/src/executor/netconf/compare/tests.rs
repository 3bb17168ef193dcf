//! What is there, what would be, and the way back, on trees of a made-up module.

use super::*;

const HAVE: &str = "<system xmlns=\"urn:x\"><hostname>r1</hostname><mtu>1500</mtu>\
    <interface><name>e1</name><unit>0</unit><description>up</description></interface>\
    <interface><name>e1</name><unit>1</unit></interface>\
    <dns>192.0.2.1</dns><dns>192.0.2.2</dns></system><clock xmlns=\"urn:c\"><zone>UTC</zone></clock>";

fn diff(want: &str, mode: Mode) -> String {
    difference(&running(HAVE).unwrap(), &wanted(want).unwrap(), mode)
}

fn merge(inner: &str) -> String {
    diff(&format!("<system xmlns=\"urn:x\">{inner}</system>"), Mode::Merge)
}

#[test]
fn what_is_there_in_any_order_and_with_any_keys_is_no_difference() {
    for inner in [
        "",
        "<mtu>1500</mtu><hostname>r1</hostname>",
        "<interface><name>e1</name><unit>1</unit></interface>",
        "<interface><name>e1</name><unit>0</unit><description>up</description></interface>",
        "<dns>192.0.2.2</dns>",
        "<banner nc:operation=\"delete\"/>",
        "<interface nc:operation=\"remove\"><name>e2</name></interface>",
        "<dns nc:operation=\"remove\">192.0.2.9</dns>",
        "<ntp><server nc:operation=\"remove\">192.0.2.9</server></ntp>",
        "<clock nc:operation=\"remove\"/>",
    ] {
        assert_eq!(merge(inner), "", "{inner}");
    }
    assert_eq!(diff("<config><clock xmlns='urn:c'/></config>", Mode::Merge), "");
    assert_eq!(diff("<?xml version=\"1.0\"?>\n<data><clock xmlns='urn:c'/></data>", Mode::Merge), "");
}

#[test]
fn what_is_missing_is_shown_where_it_would_be() {
    for (inner, lines) in [
        ("<hostname>r2</hostname>", &["-  <hostname>r1</hostname>", "+  <hostname>r2</hostname>"][..]),
        ("<dns>192.0.2.3</dns>", &["+  <dns>192.0.2.3</dns>"]),
        ("<mtu nc:operation='delete'/>", &["-  <mtu>1500</mtu>"]),
        (
            "<interface><name>e2</name><unit>0</unit></interface>",
            &["+  <interface>", "+    <name>e2</name>", "+    <unit>0</unit>", "+  </interface>"],
        ),
        ("<banner>hi</banner>", &["+  <banner>hi</banner>"]),
        (
            "<interface nc:operation='delete'><name>e1</name><unit>1</unit></interface>",
            &["-  <interface>", "-    <name>e1</name>", "-    <unit>1</unit>", "-  </interface>"],
        ),
    ] {
        let diff = merge(inner);
        let changed: Vec<&str> = diff.lines().skip(3).filter(|line| line.starts_with(['+', '-'])).collect();
        assert_eq!(changed, lines, "{inner}\n{diff}");
        assert!(!diff.contains("zone"), "only what is touched is shown: {diff}");
    }
}

#[test]
fn an_entry_is_found_by_all_of_its_keys() {
    let unit = "<interface><name>e1</name><unit>1</unit><description>up</description></interface>";
    assert_ne!(merge(unit), "", "the description is another unit's");
}

#[test]
fn a_replacement_is_all_that_may_be_there_and_touches_nothing_else() {
    let whole = HAVE.split("<clock").next().unwrap();
    assert_eq!(diff(whole, Mode::Replace), "");
    let fewer = whole.replace("<mtu>1500</mtu>", "");
    assert!(diff(&fewer, Mode::Replace).contains("\n-  <mtu>1500</mtu>\n"));
    let turned =
        whole.replace("<dns>192.0.2.1</dns><dns>192.0.2.2</dns>", "<dns>192.0.2.2</dns><dns>192.0.2.1</dns>");
    assert_ne!(diff(&turned, Mode::Replace), "", "the order within a list may count");
    let edits = edits(&running(HAVE).unwrap(), &wanted(&fewer).unwrap(), Mode::Replace);
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].attribute(BASE, "operation"), Some("replace"));
}

#[test]
fn what_a_device_has_marked_as_not_in_force_is_not_there() {
    let have = running(
        "<s xmlns=\"urn:x\" xmlns:m=\"urn:m\" m:of=\"1\"><e inactive=\"inactive\"><n>1</n></e><f><n>1</n></f></s>",
    );
    let have = have.unwrap();
    let differs = |inner: &str, mode| {
        let want = wanted(&format!("<s xmlns=\"urn:x\">{inner}</s>")).unwrap();
        difference(&have, &want, mode)
    };
    let (on, off) = ("<e><n>1</n></e>", "<e inactive=\"inactive\"><n>1</n></e>");
    let f = "<f><n>1</n></f>";
    assert!(
        differs(on, Mode::Merge).contains("-  <e inactive=\"inactive\">"),
        "{}",
        differs(on, Mode::Merge)
    );
    assert!(differs("<f inactive=\"inactive\"><n>1</n></f>", Mode::Merge).contains("+  <f inactive"));
    assert!(!differs(&format!("{on}{f}"), Mode::Replace).is_empty());
    assert_eq!(differs(off, Mode::Merge), "");
    assert_eq!(differs(&format!("{off}{f}"), Mode::Replace), "");
    assert_eq!(differs("<e nc:operation='merge' inactive='inactive'><n>1</n></e>", Mode::Merge), "");
}

#[test]
fn an_attribute_that_says_what_to_do_and_leaves_no_trace_is_refused() {
    let yang = "xmlns:y=\"urn:ietf:params:xml:ns:yang:1\"";
    for (attribute, instead) in [
        (format!("{yang} y:insert=\"first\""), "mode: replace"),
        (format!("{yang} y:key=\"[n='1']\""), "mode: replace"),
        ("operation=\"delete\"".into(), "nc:operation"),
        ("nc:insert=\"first\"".into(), "nc:operation alone"),
        ("active=\"active\"".into(), "what the device shall show"),
    ] {
        let error = wanted(&format!("<s xmlns=\"urn:x\"><e {attribute}><n>1</n></e></s>")).unwrap_err();
        assert!(error.contains("of <e> says what to do") && error.contains(instead), "{attribute}: {error}");
    }
}

#[test]
fn a_configuration_that_is_none_says_why() {
    for (text, why) in [
        ("hostname r1", "no XML"),
        ("<hostname>r1</hostname>", "has no namespace of its own"),
        ("<a xmlns='urn:x'><b nc:operation='destroy'/></a>", "none of NETCONF's"),
        ("<a xmlns='urn:x'></config></edit-config><commit/>", "failed to read XML"),
        ("<a xmlns='urn:x'/></config><commit/><config>", "failed to read XML"),
    ] {
        let error = wanted(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn secrets_that_no_template_names_are_in_no_difference_and_that_they_change_is() {
    let have = "<s xmlns=\"urn:x\"><user><name>bob</name><password>0ld-s3cr3t</password></user>\
                <user><name>eve</name><password>0ther-s3cr3t</password></user><pem><private-key>-----\nabc\n-----</private-key></pem></s>";
    let want = |password: &str, name: &str| {
        format!("<s xmlns=\"urn:x\"><user><name>{name}</name><password>{password}</password></user></s>")
    };
    let diff = |want: &str, mode| difference(&running(have).unwrap(), &wanted(want).unwrap(), mode);
    let changed = diff(&want("n3w-s3cr3t", "bob"), Mode::Merge);
    assert!(changed.contains("-    <password>(secret)</password>"), "{changed}");
    assert!(changed.contains("+    <password>(another secret)</password>"), "{changed}");
    let taken = format!("{}<s xmlns=\"urn:x\"><pem><n>1</n></pem></s>", want("0ther-s3cr3t", "bob"));
    let taken = diff(&taken, Mode::Merge);
    assert!(taken.contains("+    <password>(another secret)</password>"), "beside another change: {taken}");
    let replaced = diff(&want("0ld-s3cr3t", "bob"), Mode::Replace);
    let swapped = diff(&want("0ther-s3cr3t", "bob"), Mode::Merge);
    for text in [&changed, &replaced, &swapped] {
        assert!(!text.is_empty() && !text.contains("s3cr3t") && !text.contains("abc"), "{text}");
    }
}

#[test]
fn entries_of_a_long_list_are_found_in_any_order_and_one_that_differs_is_seen() {
    let entry = |number: u8, kind: &str, mtu: u32| {
        format!(
            "<if><on>true</on><kind>{kind}</kind><name>e:{number}</name><unit><mtu>{mtu}</mtu></unit></if>"
        )
    };
    let list = |entries: Vec<String>| {
        format!("<s xmlns=\"urn:x\" xmlns:p=\"urn:x\" xmlns:q=\"urn:q\">{}</s>", entries.concat())
    };
    let have = running(&list((0..40).map(|number| entry(number, "p:fast", 1500)).collect())).unwrap();
    let differs =
        |entries: Vec<String>| !difference(&have, &wanted(&list(entries)).unwrap(), Mode::Merge).is_empty();
    let turned =
        |kind: &str| -> Vec<String> { (0..40).rev().map(|number| entry(number, kind, 1500)).collect() };
    assert!(!differs(turned("p:fast")));
    assert!(!differs(turned("fast")), "written without its prefix it means the same");
    assert!(differs(turned("q:fast")));
    let gone = |number: u8| format!("<if nc:operation=\"remove\"><name>e:{number}</name></if>");
    for (one, expected) in [
        (entry(7, "p:fast", 1500), false),
        (entry(7, "p:fast", 9000), true),
        (entry(77, "p:fast", 1500), true),
        (gone(77), false),
        (gone(7), true),
        ("<if><unit><mtu>1500</mtu></unit></if>".into(), false),
        ("<if><unit><mtu>1501</mtu></unit></if>".into(), true),
        ("<other nc:operation=\"remove\"/>".into(), false),
        ("<other><a>1</a></other>".into(), true),
    ] {
        let mut entries = turned("p:fast");
        entries[20] = one.clone();
        assert_eq!(differs(entries), expected, "{one}");
    }
}

#[test]
fn a_change_of_every_entry_of_a_long_list_is_shown_as_that_of_a_short_one() {
    // Looked for among all others, one by one, they would take very long.
    let list = |entries: String| format!("<s xmlns=\"urn:x\"><list>{entries}</list></s>");
    let entry = |number: u32, mtu: u32| {
        format!("<e><name>e{number}</name><on>true</on><unit><mtu>{mtu}</mtu></unit></e>")
    };
    let entries = |numbers: std::ops::Range<u32>, mtu| numbers.map(|number| entry(number, mtu)).collect();
    let gone = |number: u32| format!("<e nc:operation='remove'><name>e{number}</name></e>");
    let want = [entries(500..2500, 9000), (0..500).map(gone).collect::<String>(), entries(2100..2200, 1500)];
    let mut after = running(&list(entries(0..2000, 1500))).unwrap();
    picture::merge(&mut after, &wanted(&list(want.concat())).unwrap(), true);
    let expected = [entries(500..2000, 9000), entries(2000..2100, 9000), entries(2100..2200, 1500)];
    let expected = [expected.concat(), entries(2200..2500, 9000)].concat();
    assert!(*print(&after, "") == *print(&running(&list(expected)).unwrap(), ""));
}

#[test]
fn pieces_of_one_thing_that_a_device_does_not_have_become_one() {
    let piece = |leaf: &str| format!("<new xmlns=\"urn:n\"><{leaf}>1</{leaf}></new>");
    let diff = diff(&[piece("a"), piece("b")].concat(), Mode::Merge);
    assert_eq!(diff.matches("<new").count(), 1, "{diff}");
    assert!(diff.contains("+  <a>1</a>\n+  <b>1</b>\n"), "{diff}");
}

#[test]
fn entries_in_whatever_order_are_there_and_another_value_mark_or_number_of_them_is_not() {
    let tree = |inner: &str| {
        format!("<s xmlns=\"urn:x\" xmlns:p=\"urn:p\" xmlns:q=\"urn:p\" xmlns:m=\"urn:m\">{inner}</s>")
    };
    let has = |have: &str, want: &str, mode| {
        has_in_some_order(&running(&tree(have)).unwrap(), &wanted(&tree(want)).unwrap(), mode)
    };
    for (have, want, is_there) in [
        (
            "<e><n>1</n><v>a</v><v>b</v></e><e><n>2</n></e>",
            "<e><n>2</n></e><e><v>b</v><v>a</v><n>1</n></e>",
            true,
        ),
        ("<e><n>1</n></e><e><n>2</n></e>", "<e><n>2</n></e><e><n>2</n></e>", false),
        ("<e><n>1</n></e><e><n>2</n></e>", "<e><n>1</n></e>", false),
        ("<e><n>1</n></e><e><n>2</n><v>a</v></e>", "<e><n>1</n><v>a</v></e><e><n>2</n></e>", false),
        ("<t>p:b</t><t>p:a</t>", "<t>q:a</t><t>q:b</t>", true),
        // The letters of one prefix stand before what is beside it, and those of the other behind.
        ("<t>p:b</t><t>pz</t>", "<t>pz</t><t>q:b</t>", true),
        ("<t>p:b</t><t>p:a</t>", "<t>m:a</t><t>m:b</t>", false),
        ("<t>00:11</t><t>01:11</t>", "<t>01:11</t><t>00:11</t>", true),
        (
            "<e><n>1</n></e><e inactive='inactive'><n>2</n></e>",
            "<e inactive='inactive'><n>2</n></e><e><n>1</n></e>",
            true,
        ),
        ("<e><n>1</n></e><e inactive='inactive'><n>2</n></e>", "<e><n>2</n></e><e><n>1</n></e>", false),
        ("<e m:by='bob'><n>2</n></e><e><n>1</n></e>", "<e><n>1</n></e><e><n>2</n></e>", true),
    ] {
        assert_eq!(has(have, want, Mode::Replace), is_there, "{have} {want}");
        let (have, want) = (format!("<l>{have}</l>"), format!("<l nc:operation='replace'>{want}</l>"));
        assert_eq!(has(&have, &want, Mode::Merge), is_there, "{have} {want}");
    }
}

#[test]
fn a_long_list_in_another_order_is_found_there_without_trying_every_pair() {
    let entry = |number: u32| format!("<e><on>true</on><l><x>1</x><x>1</x></l><name>e{number}</name></e>");
    let list = |entries: String| format!("<s xmlns=\"urn:x\">{entries}</s>");
    let have = running(&list((0..5000).map(entry).collect())).unwrap();
    let turned =
        |last: u32| wanted(&list((1..5000).rev().map(entry).collect::<String>() + &entry(last))).unwrap();
    assert!(has_in_some_order(&have, &turned(0), Mode::Replace));
    assert!(!has_in_some_order(&have, &turned(5000), Mode::Replace));
}
