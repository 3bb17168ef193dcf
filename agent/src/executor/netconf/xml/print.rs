//! A tree as text: one element a line, the namespace where it changes, always the same for the same tree.

use super::Element;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// `elements`, one after the other, as the children of an element of `namespace` are written.
pub fn print(elements: &[Element], namespace: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    for element in elements {
        write(&mut out, element, namespace, 0);
    }
    out
}

fn write(out: &mut String, element: &Element, outside: &str, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
    out.push('<');
    out.push_str(&element.name);
    if *element.namespace != *outside {
        attribute(out, "xmlns", &element.namespace);
    }
    let of_attributes = element.attributes.iter().map(|attribute| (&attribute.prefix, &attribute.namespace));
    let declared: BTreeMap<_, _> = of_attributes.chain(&element.prefixes).collect();
    for (prefix, namespace) in
        declared.into_iter().filter(|(prefix, _)| !["", "xml"].contains(&prefix.as_str()))
    {
        attribute(out, &format!("xmlns:{prefix}"), namespace);
    }
    for own in &element.attributes {
        let colon = if own.prefix.is_empty() { "" } else { ":" };
        attribute(out, &format!("{}{colon}{}", own.prefix, own.name), &own.value);
    }
    if element.children.is_empty() && element.text.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push('>');
    if element.children.is_empty() {
        escape(out, &element.text);
    } else {
        out.push('\n');
        for child in &element.children {
            write(out, child, &element.namespace, depth + 1);
        }
        out.extend(std::iter::repeat_n("  ", depth));
    }
    out.push_str("</");
    out.push_str(&element.name);
    out.push_str(">\n");
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    let mut escaped = String::new();
    escape(&mut escaped, value);
    out.push_str(&escaped.replace('\n', "&#10;").replace('\t', "&#9;"));
    out.push('"');
}

/// Adds `text` to `out` as XML holds it.
pub fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}
