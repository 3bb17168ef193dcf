//! Which differences are the same change: the lines around it may be each device's own.

use switchyard_shared::digest::of_bytes;
use switchyard_shared::procedure::SECTIONED;

/// What two differences of one `platform` have in common when they make the same change: their lines that come and go,
/// each with the sections that it stands in. A difference in XML or JSON, where a neighbour says which entry it is, and
/// one of a platform that is not known to have lines in sections, is itself.
pub fn change(platform: &str, diff: &str) -> String {
    let body: Vec<&str> = diff.lines().skip_while(|line| is_head(line)).collect();
    if !SECTIONED.contains(&platform) || body.iter().any(|line| is_markup(line) || is_shortened(line)) {
        return diff.to_owned();
    }
    // A section is known by the digest of its line and of the section around it, however long they are.
    let (mut change, mut sections) = (String::new(), Vec::<(usize, String)>::new());
    for line in body {
        let Some(sign @ ('+' | '-' | ' ')) = line.chars().next() else {
            sections.clear();
            // A cut difference ends in how much is left out: who shares its beginning may differ behind it.
            change.push_str(if line.starts_with("@@") { "" } else { diff });
            continue;
        };
        let text = &line[1..];
        let begins_none = matches!(text.trim(), "" | "…");
        if !begins_none {
            let indent = text.len() - text.trim_start().len();
            sections.retain(|(other, _)| *other < indent);
        }
        let section = sections.last().map_or("", |(_, section)| section);
        if sign != ' ' {
            change.extend([section, line, "\n"]);
        }
        if !begins_none {
            let section = of_bytes(format!("{section}{text}").as_bytes());
            sections.push((text.len() - text.trim_start().len(), section));
        }
    }
    change
}

fn is_head(line: &str) -> bool {
    line.starts_with("--- ") || line.starts_with("+++ ")
}

fn is_markup(line: &str) -> bool {
    line.get(1..).is_some_and(|text| text.trim_start().starts_with(['<', '{', '[', '"']))
}

/// A section that is too long to be shown: which one it is nobody can tell.
fn is_shortened(line: &str) -> bool {
    line.get(1..).is_some_and(|text| text.trim_start().starts_with("… "))
}

#[cfg(test)]
mod tests {
    fn change(diff: &str) -> String {
        super::change("cisco_ios", diff)
    }

    const ONE: &str = "--- running\n+++ planned\n@@ -1,4 +1,5 @@\n hostname r1\n interface Loopback0\n- description old\n\
                       + description new\n ntp server 192.0.2.1\n+ntp server 192.0.2.7\n";

    #[test]
    fn the_same_change_beside_other_lines_is_the_same() {
        let other =
            ONE.replace("r1", "r2").replace("-1,4 +1,5", "-7,4 +7,5").replace("192.0.2.1\n", "203.0.113.9\n");
        assert_ne!(ONE, other);
        assert_eq!(change(ONE), change(&other));
    }

    #[test]
    fn the_same_line_in_another_section_is_another_change() {
        assert_ne!(change(ONE), change(&ONE.replace("Loopback0", "Loopback1")));
        assert_ne!(change(ONE), change(&ONE.replace("+ntp", "-ntp")));
        let deep = |section: &str| {
            format!("@@ -9,3 +9,4 @@\n router bgp 1\n  address-family {section}\n   …\n   a\n+  b\n")
        };
        assert_ne!(change(&deep("ipv4")), change(&deep("ipv6")));
    }

    #[test]
    fn an_empty_line_ends_no_section_and_a_mark_is_none() {
        let inner = |section: &str, between: &str| {
            format!("@@ -9,5 +9,6 @@\n interface {section}\n{between}  mtu 1\n+  mtu 2\n")
        };
        for between in [" \n", "   …\n", " \n   …\n \n"] {
            let (one, other) = (inner("a", between), inner("b", between));
            assert_ne!(change(&one), change(&other), "{between:?}");
        }
        assert_eq!(
            change(&inner("a", "   …\n")),
            change(&inner("a", "")),
            "the distance is each device's own"
        );
        assert_eq!(change(&inner("a", " \n")), change(&inner("a", "")));
    }

    #[test]
    fn what_is_not_known_to_be_lines_in_sections_is_the_same_only_as_a_whole() {
        let ini = |name: &str| format!("@@ -7,3 +7,3 @@\n host={name}\n-port=1\n+port=2\n");
        let long = |name: &str| format!("@@ -7,3 +7,3 @@\n … 900 bytes\n  host {name}\n+ port 2\n");
        assert_ne!(change(&long("a")), change(&long("b")), "a section that is too long to be shown");
        for platform in ["linux", "terraform", ""] {
            let of = |name| super::change(platform, &ini(name));
            assert_ne!(of("a"), of("b"), "{platform}: they may stand in different sections");
            assert_eq!(of("a"), of("a"));
        }
        assert_eq!(change(&ini("a")), change(&ini("b")));
    }

    #[test]
    fn a_long_section_of_many_lines_is_not_repeated_for_each_of_them() {
        let section = "x".repeat(30_000);
        let lines: String = (0..5_000).map(|n| format!("+  {n}\n")).collect();
        let diff = format!("@@ -1,1 +1,9 @@\n {section}\n{lines}");
        assert!(change(&diff).len() < 20 * diff.len());
        assert_ne!(change(&diff), change(&diff.replace("xx\n", "xy\n")));
    }

    #[test]
    fn neighbours_that_say_which_entry_it_is_count() {
        let xml = |name: &str| {
            format!(
                "@@ -1,3 +1,3 @@\n   <interface>\n     <name>{name}</name>\n-    <mtu>1</mtu>\n+    <mtu>2</mtu>\n"
            )
        };
        assert_ne!(change(&xml("eth0")), change(&xml("eth1")));
        let json = |name: &str| {
            format!("@@ -1,3 +1,3 @@\n     \"name\": \"{name}\",\n-    \"mtu\": 1\n+    \"mtu\": 2\n")
        };
        assert_ne!(change(&json("eth0")), change(&json("eth1")));
    }

    #[test]
    fn what_is_cut_is_not_held_for_the_same() {
        let cut = |host: &str| format!("@@ -1 +1 @@\n hostname {host}\n+a\n… 7 lines more\n");
        assert_ne!(change(&cut("r1")), change(&cut("r2")));
    }
}
