//! An edit of a tree as a NETCONF server makes it: operations, and entries of lists known by their name.

use crate::executor::netconf::BASE;
use crate::executor::netconf::xml::Element;

/// The leaf that tells one entry of a list from another.
const KEY: &str = "name";
/// What no device takes as a value.
const NONSENSE: &str = "nonsense";

/// Why an edit is refused: the error's tag, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) tag: &'static str,
    pub(super) path: String,
}

/// Makes the edit that `wanted` asks for in `list`, found at `path`.
pub(super) fn edit(list: &mut Vec<Element>, wanted: &Element, path: &str) -> Result<(), Refused> {
    let path = format!("{path}/{}", wanted.name);
    let refused = |tag| Err(Refused { tag, path: path.clone() });
    if wanted.text.contains(NONSENSE) {
        return refused("invalid-value");
    }
    let at = list.iter().position(|have| is_entry(have, wanted));
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
            let last = list.iter().rposition(|have| have.is_named_as(wanted));
            list.insert(last.map_or(list.len(), |last| last + 1), built(wanted, &path)?);
            Ok(())
        }
        (_, _) => refused("bad-attribute"),
    }
}

fn is_entry(have: &Element, wanted: &Element) -> bool {
    have.is_named_as(wanted) && have.text_of(KEY) == wanted.text_of(KEY)
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
        parse(&format!("<config xmlns:nc=\"{BASE}\">{text}</config>")).expect("XML")
    }

    fn edited(have: &str, wanted: &str) -> Result<String, Refused> {
        let mut have = tree(have).children;
        tree(wanted).children.iter().try_for_each(|wanted| edit(&mut have, wanted, ""))?;
        Ok(print(&have, "").split_whitespace().collect())
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
        ] {
            assert_eq!(edited(have, wanted).expect_err(wanted).tag, tag);
        }
    }
}
