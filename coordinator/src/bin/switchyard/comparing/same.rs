//! Which differences are the same change: the lines around it may be each device's own.

/// What two differences have in common when they make the same change: their lines that come and go, each with the
/// sections that it stands in. A difference in XML or JSON, where a neighbour says which entry it is, is itself.
pub fn change(diff: &str) -> String {
    let body: Vec<&str> = diff.lines().skip_while(|line| is_head(line)).collect();
    if body.iter().any(|line| is_markup(line)) {
        return diff.to_owned();
    }
    let (mut change, mut sections) = (String::new(), Vec::new());
    for line in body {
        let Some(sign @ ('+' | '-' | ' ')) = line.chars().next() else {
            sections.clear();
            // A cut difference ends in how much is left out: who shares its beginning may differ behind it.
            change.push_str(if line.starts_with("@@") { "" } else { diff });
            continue;
        };
        let text = &line[1..];
        let indent = text.len() - text.trim_start().len();
        sections.retain(|(other, _): &(usize, &str)| *other < indent);
        if sign != ' ' {
            sections.iter().for_each(|(_, section)| change.extend([section, "\n"]));
            change.extend([line, "\n"]);
        }
        sections.push((indent, text));
    }
    change
}

fn is_head(line: &str) -> bool {
    line.starts_with("--- ") || line.starts_with("+++ ")
}

fn is_markup(line: &str) -> bool {
    line.get(1..).is_some_and(|text| text.trim_start().starts_with(['<', '{', '[', '"']))
}

#[cfg(test)]
mod tests {
    use super::change;

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
