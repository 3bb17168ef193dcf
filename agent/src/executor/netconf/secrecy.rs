//! Which leaves hold secrets, by their names: their values are shown to nobody.

use super::xml::Element;
use std::collections::{BTreeMap, BTreeSet};
use switchyard_shared::digest::of_bytes;
use zeroize::Zeroizing;

/// What stands for a secret.
pub const HIDDEN: &str = "(secret)";
/// What stands for a secret that the device does not have there yet.
const ANOTHER: &str = "(another secret)";
/// Words that make a leaf a secret wherever they stand in its name.
const WORDS: [&str; 7] = ["password", "passwd", "passphrase", "secret", "psk", "pwd", "credential"];
/// Words that make it one at the end of its name.
const LAST_WORDS: [&str; 7] = ["key", "keystring", "community", "md5", "token", "cleartext", "hexadecimal"];
/// Last words of names that tell about a secret and are none.
const ABOUT: [&str; 15] = [
    "id",
    "type",
    "name",
    "algorithm",
    "policy",
    "length",
    "timeout",
    "encryption",
    "index",
    "level",
    "lifetime",
    "version",
    "size",
    "format",
    "ref",
];

/// Whether a leaf of this name holds a secret: `auth-password`, `keyString`, `snmp_community`.
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before.last().map_or("", String::as_str)),
        None => return false,
    };
    if ABOUT.contains(&last) || (last == "key" && before == "public") {
        return false;
    }
    (last == "string" && before == "key")
        || LAST_WORDS.contains(&last)
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// What a leaf stands in, as far as that makes it a secret: in SNMP the name of a community is its password.
#[derive(Debug, Clone, Copy)]
pub struct Within {
    snmp: bool,
    community: bool,
}

impl Within {
    /// At the top.
    pub const TOP: Self = Self { snmp: false, community: false };

    /// What stands in a node of this name; `beside_name` where that has a name beside it, so that names further down are
    /// those of something else.
    pub fn below(self, name: &str, beside_name: bool) -> Self {
        let words = words(name);
        let snmp = self.snmp || words.iter().any(|word| word.starts_with("snmp"));
        let is_community = words.iter().any(|word| matches!(word.as_str(), "community" | "communities"));
        Self { snmp, community: snmp && (is_community || (self.community && !beside_name)) }
    }

    /// Whether a leaf of this name holds a secret here.
    pub fn hides(self, name: &str) -> bool {
        let words = words(name);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let is_community = match words.as_slice() {
            [.., "community" | "comm", "name"] => self.snmp,
            [.., "name"] => self.community,
            [.., last] => self.snmp && words.contains(&"community") && !ABOUT.contains(last),
            [] => false,
        };
        is_community || is_secret(name)
    }
}

/// Whether a leaf of this name says what something is called.
pub fn is_name(name: &str) -> bool {
    words(name).last().is_some_and(|last| last == "name")
}

/// Whether a leaf of this name that shows this text shows it in the place of its secret: stars, or what Junos shows.
pub fn is_masked(name: &str, text: &str) -> bool {
    let text = text.trim();
    let stars = !text.is_empty() && text.bytes().all(|byte| byte == b'*');
    (stars || text.contains("SECRET-DATA")) && is_secret(name)
}

/// Why a template that sets a masked leaf is refused: nobody could tell whether the device has it, before the write or
/// after it.
pub fn unseen(leaf: &str) -> String {
    format!(
        "the device shows no {leaf}, so nobody could tell whether it has that of the template: leave it out and set it \
         another way"
    )
}

fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        let ends = c.is_uppercase() && words.last().is_some_and(|word| word.ends_with(char::is_lowercase));
        if ends || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The secrets that a device has, by digest.
#[derive(Default)]
pub struct Known {
    places: BTreeMap<String, BTreeSet<String>>,
    anywhere: BTreeSet<String>,
}

impl Known {
    /// The secret of this `digest` stands at `place`.
    pub fn add(&mut self, place: &str, digest: String) {
        self.places.entry(place.to_owned()).or_default().insert(digest.clone());
        self.anywhere.insert(digest);
    }

    /// What stands for a secret at `place`. A place that the device does not have may be one under another name: there
    /// a secret counts as known that stands anywhere.
    pub fn shown(&self, place: &str, digest: &str) -> &'static str {
        let is_known = self.places.get(place).unwrap_or(&self.anywhere).contains(digest);
        if is_known { HIDDEN } else { ANOTHER }
    }
}

/// Hides the secrets of two trees that are compared; that one has another value than the other can still be seen.
pub fn hide_both(before: &mut [Element], after: &mut [Element]) {
    let mut known = Known::default();
    visit(before, "", Within::TOP, &mut |place, leaf| {
        known.add(place, of_bytes(leaf.text.as_bytes()));
        leaf.text = hidden(HIDDEN);
    });
    visit(after, "", Within::TOP, &mut |place, leaf| {
        leaf.text = hidden(known.shown(place, &of_bytes(leaf.text.as_bytes())));
    });
}

/// Hides the secrets of one tree.
pub fn hide(elements: &mut [Element]) {
    visit(elements, "", Within::TOP, &mut |_, leaf| leaf.text = hidden(HIDDEN));
}

fn hidden(shown: &str) -> Zeroizing<String> {
    Zeroizing::new(shown.to_owned())
}

/// Every secret leaf, and the names on the way to it from the top.
fn visit(elements: &mut [Element], above: &str, within: Within, to: &mut dyn FnMut(&str, &mut Element)) {
    let has_name = elements.iter().any(|element| element.children.is_empty() && is_name(&element.name));
    for element in elements {
        let inside = within.below(&element.name, has_name);
        let place = format!("{above}/{}{}", element.name, key(element, inside));
        if element.children.is_empty() && !element.text.trim().is_empty() && within.hides(&element.name) {
            to(&place, element);
            element.prefixes.clear();
        }
        visit(&mut element.children, &place, inside, to);
    }
}

/// What tells an entry from its neighbours: keys come first (RFC 7950 section 7.8.5).
fn key(element: &Element, inside: Within) -> String {
    let first =
        element.children.first().filter(|first| first.children.is_empty() && !inside.hides(&first.name));
    first.map_or_else(String::new, |first| format!("[{}={}]", first.name, first.text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_are_called_tells_which_of_them_are_secrets() {
        for name in [
            "password",
            "auth-password",
            "encrypted-password",
            "secret",
            "shared-secret",
            "secret-key",
            "community",
            "key",
            "auth-key",
            "authKey",
            "private-key",
            "key-string",
            "keystring",
            "psk",
            "pre_shared_key",
            "md5",
            "wpa-psk",
            "passphrase",
            "Password",
            "snmp_community",
            "hashed-password-value",
            "bearer-token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "key-id",
            "key-chain",
            "password-type",
            "public-key",
            "name",
            "keyed",
            "monkey",
            "password-min-length",
            "mtu",
            "description",
            "secret-name",
            "community-id",
            "encryption-algorithm",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    /// The text of the leaf at `path`, hidden or not, where all that is below its first name is alone.
    fn is_hidden_at(path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        let (leaf, above) = names.split_last().unwrap();
        above.iter().fold(Within::TOP, |within, name| within.below(name, false)).hides(leaf)
    }

    #[test]
    fn the_name_of_an_snmp_community_is_its_password() {
        for path in [
            "configuration/snmp/community/name",
            "configuration/snmp/v3/snmp-community/community-name",
            "native/snmp-server/community-config/name",
            "snmp/community/text-name",
            "snmp/default-communities/default-community/community-name",
            "configure/system/security/snmp/community/community-string",
            "System/snmp-items/inst-items/community-items/CommSecP-list/name",
            "System/snmp-items/inst-items/host-items/Host-list/commName",
            "native/snmp-server/host-config/ip-community/community-or-user",
        ] {
            assert!(is_hidden_at(path), "{path}");
        }
        for path in [
            "configuration/policy-options/community/name",
            "configuration/snmp/name",
            "configuration/snmp/trap-group/name",
            "routing-policy/community-name",
            "snmp/community/index",
            "snmp/community-index",
        ] {
            assert!(!is_hidden_at(path), "{path}");
        }
    }

    #[test]
    fn a_community_that_is_the_key_of_its_entry_is_hidden_and_its_clients_are_not() {
        let entry = |name: &str| {
            let text = format!(
                "<snmp><community><name>{name}</name><clients><name>192.0.2.0/24</name></clients></community></snmp>"
            );
            [super::super::xml::parse(&text).unwrap()]
        };
        let (mut before, mut after, mut same) = (entry("c4n4ry"), entry("other"), entry("c4n4ry"));
        hide_both(&mut before, &mut after);
        let shown = [before, after].map(|tree| super::super::xml::print(&tree, "").to_string());
        assert!(shown.iter().all(|tree| !tree.contains("c4n4ry") && !tree.contains(">other<")), "{shown:?}");
        assert!(shown.iter().all(|tree| tree.contains("192.0.2.0/24")), "{shown:?}");
        assert!(shown[1].contains(ANOTHER) && !shown[0].contains(ANOTHER), "{shown:?}");
        hide_both(&mut entry("c4n4ry"), &mut same);
        assert!(!super::super::xml::print(&same, "").contains(ANOTHER));
    }
}
