//! `count(…)` of a path: a device's filter selects nodes and counts none, so they are counted here.

use super::xml::Element;

/// The path that is counted, when the whole expression counts one.
pub fn counted(expression: &str) -> Option<&str> {
    let path = expression.trim().strip_prefix("count(")?.strip_suffix(')')?.trim();
    let is_one = path.chars().try_fold(0_u32, |open, c| match c {
        '(' => Some(open + 1),
        ')' => open.checked_sub(1),
        _ => Some(open),
    });
    (is_one == Some(0) && last_name(path).is_some()).then_some(path)
}

/// How many nodes `path` has selected in `data`, where they come with what stands above them: elements of its last
/// name that do not stand in one another.
pub fn count(path: &str, data: &[Element]) -> usize {
    let Some(name) = last_name(path) else { return 0 };
    let below = |element: &Element| match element.name == name {
        true => 1,
        false => count(path, &element.children),
    };
    data.iter().map(below).sum()
}

/// The name of the last step, without prefix and conditions.
fn last_name(path: &str) -> Option<&str> {
    let (mut depth, mut quote, mut start, mut end) = (0_u32, None, 0, path.len());
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => {
                depth += 1;
                end = end.min(at);
            }
            (None, ']') => depth = depth.checked_sub(1)?,
            (None, '/') if depth == 0 => (start, end) = (at + 1, path.len()),
            (None, _) => {}
        }
    }
    let step = path.get(start..end)?.trim();
    let name = step.rsplit(':').next().unwrap_or(step);
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    (depth == 0 && !name.is_empty() && name.chars().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::netconf::xml::parse;

    #[test]
    fn peers_are_counted_as_the_device_has_selected_them() {
        let data = parse(
            "<data><bgp xmlns='urn:b'><bgp-peer><name>1</name><bgp-peer>within</bgp-peer></bgp-peer><bgp-peer/>\
             <other><bgp-peer/></other></bgp></data>",
        )
        .unwrap();
        let expression = "count(//bgp-peer[peer-state='Established'])";
        let path = counted(expression).unwrap();
        assert_eq!((path, count(path, &data.children)), ("//bgp-peer[peer-state='Established']", 3));
        assert_eq!(count(path, &[]), 0);
        for (path, name) in
            [("/a:b/c:d[e='/f[']", Some("d")), ("//x[y[z]/w]", Some("x")), ("/a/*", None), ("", None)]
        {
            assert_eq!(last_name(path), name, "{path}");
        }
        for other in ["//bgp-peer", "count(//a) + count(//b)", "count()", "sum(//a)", "count(//a[)"] {
            assert_eq!(counted(other), None, "{other}");
        }
    }
}
