//! An edit of a tree as a NETCONF server makes it: operations, and entries of lists known by their name.

use crate::executor::netconf::xml::Element;
use crate::executor::netconf::{BASE, YANG};

/// The leaves that tell one entry of a list from another.
const KEYS: [&str; 2] = ["name", "tag"];
/// Lists with the keys that an entry cannot do without.
const LISTS: [(&str, &[&str]); 3] = [("interface", &["name"]), ("rule", &["name"]), ("unit", &KEYS)];
/// What may stand more than once, each with another value.
const LEAF_LISTS: [&str; 1] = ["dns"];
/// What stands in the order that its user gives it, RFC 7950 section 7.7.7.
const ORDERED: [&str; 2] = ["rule", "dns"];
/// What no device takes as a value.
const NONSENSE: &str = "nonsense";

/// Why an edit is refused: the error's tag, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(super) tag: &'static str,
    pub(super) path: String,
}

/// Makes the edit that `wanted` asks for in `list`, found at `path`.
pub(crate) fn edit(list: &mut Vec<Element>, wanted: &Element, path: &str) -> Result<(), Refused> {
    let path = format!("{path}/{}", wanted.name);
    let refused = |tag| Err(Refused { tag, path: path.clone() });
    if wanted.text.contains(NONSENSE) {
        return refused("invalid-value");
    }
    let keys = LISTS.iter().find(|(list, _)| *list == wanted.name).map_or(&[][..], |(_, keys)| keys);
    if keys.iter().any(|key| wanted.text_of(key).is_empty()) {
        return refused("missing-element");
    }
    let at = list.iter().position(|have| is_entry(have, wanted));
    if let Some(place) = wanted.attribute(YANG, "insert") {
        return match at {
            Some(at) if place == "last" && ORDERED.contains(&wanted.name.as_str()) => {
                let moved = list.remove(at);
                insert(list, moved);
                Ok(())
            }
            Some(_) | None => refused("unknown-attribute"),
        };
    }
    match (wanted.attribute(BASE, "operation").unwrap_or("merge"), at) {
        ("delete", None) => refused("data-missing"),
        ("create", Some(_)) => refused("data-exists"),
        ("remove", None) => Ok(()),
        ("delete" | "remove", Some(at)) => {
            list.remove(at);
            Ok(())
        }
        ("replace", Some(at)) => {
            list[at] = built(wanted, &path)?;
            Ok(())
        }
        ("merge", Some(at)) if wanted.children.is_empty() => {
            (list[at].text, list[at].prefixes) = (wanted.text.clone(), wanted.prefixes.clone());
            Ok(())
        }
        ("merge", Some(at)) => {
            wanted.children.iter().try_for_each(|child| edit(&mut list[at].children, child, &path))
        }
        ("merge" | "replace" | "create", None) => {
            let new = built(wanted, &path)?;
            insert(list, new);
            Ok(())
        }
        (_, _) => refused("bad-attribute"),
    }
}

/// After the last of its name, else at the end.
fn insert(list: &mut Vec<Element>, new: Element) {
    let last = list.iter().rposition(|have| have.is_named_as(&new));
    list.insert(last.map_or(list.len(), |last| last + 1), new);
}

fn is_entry(have: &Element, wanted: &Element) -> bool {
    have.is_named_as(wanted)
        && KEYS.iter().all(|key| have.text_of(key) == wanted.text_of(key))
        && (!LEAF_LISTS.contains(&wanted.name.as_str()) || have.text == wanted.text)
}

/// `wanted` where nothing was before.
fn built(wanted: &Element, path: &str) -> Result<Element, Refused> {
    let mut element = wanted.clone();
    element.attributes.retain(|attribute| *attribute.namespace != *BASE);
    element.children.clear();
    wanted.children.iter().try_for_each(|child| edit(&mut element.children, child, path))?;
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::netconf::xml::{parse, print};

    fn tree(text: &str) -> Element {
        parse(&format!("<config xmlns:nc=\"{BASE}\" xmlns:yang=\"{YANG}\">{text}</config>")).expect("XML")
    }

    fn edited(have: &str, wanted: &str) -> Result<String, Refused> {
        let mut have = tree(have).children;
        tree(wanted).children.iter().try_for_each(|wanted| edit(&mut have, wanted, ""))?;
        Ok(print(&have, "").split_whitespace().collect())
    }

    #[test]
    fn entries_that_their_user_orders_can_be_moved_to_the_end() {
        let have = "<a><rule><name>x</name></rule><rule><name>y</name></rule><mtu>1</mtu></a>";
        let moved = "<a><rule><name>y</name></rule><rule><name>x</name></rule><mtu>1</mtu></a>";
        assert_eq!(
            edited(have, "<a><rule yang:insert='last'><name>x</name></rule></a>").as_deref(),
            Ok(moved)
        );
    }

    #[test]
    fn operations_do_what_the_protocol_says() {
        let have = "<a><if><name>x</name><mtu>1</mtu></if><if><name>y</name></if></a>";
        for (wanted, has) in [
            (
                "<a><if><name>x</name><mtu>2</mtu></if></a>",
                "<a><if><name>x</name><mtu>2</mtu></if><if><name>y</name></if></a>",
            ),
            (
                "<a><if><name>z</name></if></a>",
                "<a><if><name>x</name><mtu>1</mtu></if><if><name>y</name></if><if><name>z</name></if></a>",
            ),
            ("<a nc:operation='replace'><if><name>y</name></if></a>", "<a><if><name>y</name></if></a>"),
            ("<a><if nc:operation='delete'><name>x</name></if></a>", "<a><if><name>y</name></if></a>"),
            (
                "<a><dns>1</dns><dns>2</dns></a>",
                "<a><if><name>x</name><mtu>1</mtu></if><if><name>y</name></if><dns>1</dns><dns>2</dns></a>",
            ),
            (
                "<b nc:operation='remove'/>",
                "<a><if><name>x</name><mtu>1</mtu></if><if><name>y</name></if></a>",
            ),
        ] {
            assert_eq!(edited(have, wanted).as_deref(), Ok(has), "{wanted}");
        }
        for (wanted, tag) in [
            ("<b nc:operation='delete'/>", "data-missing"),
            ("<a nc:operation='create'/>", "data-exists"),
            ("<a nc:operation='destroy'/>", "bad-attribute"),
            ("<a><mtu>nonsense</mtu></a>", "invalid-value"),
            ("<c><d><e>nonsense</e></d></c>", "invalid-value"),
            ("<a><unit><name>x</name></unit></a>", "missing-element"),
            ("<a><if yang:insert='last'><name>x</name></if></a>", "unknown-attribute"),
        ] {
            assert_eq!(edited(have, wanted).expect_err(wanted).tag, tag);
        }
    }
}
