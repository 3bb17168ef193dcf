//! Addresses of checks: what may stand in one, and what of the device is put into it.

use crate::yaml::shown;

/// What may stand between double braces.
const KNOWN: [&str; 2] = ["device.name", "device.hostname"];

/// An `http` or `https` address without a login in it.
pub(super) fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else { return Err("must begin with https:// or http://".into()) };
    let parts = parts(rest)?;
    let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b));
    if let Some(bad) = parts.iter().step_by(2).find(|text| !plain(text)) {
        return Err(format!("must be an address: {} cannot stand in one", shown(bad)));
    }
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.is_empty() {
        return Err("names no server".into());
    }
    if host.contains('@') {
        return Err("must hold no login: everybody who sees the plan would read it".into());
    }
    Ok(text.to_owned())
}

/// Any text with what may be put into it.
pub(super) fn filled_later(text: &str) -> Result<String, String> {
    parts(text).map(|_| text.to_owned())
}

/// `text` for one device.
pub(super) fn fill(text: &str, name: &str, hostname: &str) -> String {
    let put = |(at, part): (usize, &str)| match (at % 2, part.trim()) {
        (1, "device.name") => name.to_owned(),
        (1, _) => hostname.to_owned(),
        (_, _) => part.to_owned(),
    };
    match parts(text) {
        Ok(parts) => parts.into_iter().enumerate().map(put).collect(),
        Err(_) => text.to_owned(),
    }
}

/// The texts outside of double braces, and between two of them what stands inside.
fn parts(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, after)) = after.split_once("}}") else { break };
        if !KNOWN.contains(&inside.trim()) {
            let known = KNOWN.join(" or ");
            return Err(format!(
                "knows nothing between double braces but {known}, not {}",
                shown(inside.trim())
            ));
        }
        parts.extend([before, inside]);
        rest = after;
    }
    parts.push(rest);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_filled_with_the_device_and_nothing_else() {
        let text = "https://{{ device.hostname }}:8443/health?of={{device.name}}";
        assert_eq!(url(text), Ok(text.into()));
        assert_eq!(fill(text, "r1", "[2001:db8::1]"), "https://[2001:db8::1]:8443/health?of=r1");
        assert_eq!(fill("up{a=\"{{ device.name }}\"}", "r1", "h"), "up{a=\"r1\"}");
        assert_eq!(fill("up{a={b={}}}", "r1", "h"), "up{a={b={}}}");
        for (text, why) in [
            ("ftp://h/", "must begin with"),
            ("http://", "names no server"),
            ("http://u:p@h/", "no login"),
            ("http://h/a b", "cannot stand"),
            ("http://h/{{ secrets.k }}", "knows nothing"),
            ("http://h/{{ device.name", "cannot stand"),
        ] {
            let said = url(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
            assert!(!said.contains("u:p"), "{said}");
        }
    }
}
