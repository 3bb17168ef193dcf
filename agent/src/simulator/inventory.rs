//! The inventory of a fleet, as its operator would write it.

use super::Persona;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;

/// A device as the inventory names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its site.
    pub site: String,
    /// What it plays.
    pub persona: Persona,
}

/// An inventory of `entries` that share user, credential and host key. The port stands in the
/// defaults where all have the same.
pub fn inventory_yaml(entries: &[Entry], username: &str, credential_ref: &str, host_key: &str) -> String {
    let ports: BTreeSet<u16> = entries.iter().map(|entry| entry.address.port()).collect();
    let shared = ports.first().copied().filter(|_| ports.len() == 1);
    let sites: BTreeSet<&str> = entries.iter().map(|entry| entry.site.as_str()).collect();
    let mut text = String::from("api_version: switchyard/v1\nkind: Inventory\ndefaults:\n");
    let _ = writeln!(text, "  username: {}", quoted(username));
    if let Some(port) = shared {
        let _ = writeln!(text, "  port: {port}");
    }
    let _ = writeln!(text, "  credential_ref: {}", quoted(credential_ref));
    let _ = writeln!(text, "  host_keys: [{}]\nsites:", quoted(host_key));
    for site in sites {
        let _ = writeln!(text, "  {}: {{}}", quoted(site));
    }
    text.push_str("devices:\n");
    for Entry { name, address, site, persona } in entries {
        let port = if shared.is_some() { String::new() } else { format!(", port: {}", address.port()) };
        let (name, site) = (quoted(name), quoted(site));
        let way = match persona.in_inventory() {
            Some((platform, transport)) => format!(", platform: {platform}, transport: {transport}"),
            None => String::new(),
        };
        let _ = writeln!(text, "  {name}: {{hostname: {}{port}, site: {site}{way}}}", address.ip());
    }
    text
}

/// Plain where YAML reads it as the same text, else in quotes.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.into() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, address: &str, site: &str) -> Entry {
        Entry {
            name: name.into(),
            address: address.parse().expect("an address"),
            site: site.into(),
            persona: Persona::Command,
        }
    }

    #[test]
    fn the_inventory_is_written_as_its_operator_would() {
        let entries = [entry("dev001", "127.10.0.1:2222", "ams"), entry("dev002", "127.10.0.2:2222", "no")];
        let text = inventory_yaml(&entries, "netops", "file:/x/key", "SHA256:abc");
        assert_eq!(
            text,
            "api_version: switchyard/v1\nkind: Inventory\ndefaults:\n  username: netops\n  port: 2222\n  \
             credential_ref: \"file:/x/key\"\n  host_keys: [\"SHA256:abc\"]\nsites:\n  ams: {}\n  \"no\": {}\n\
             devices:\n  dev001: {hostname: 127.10.0.1, site: ams}\n  \
             dev002: {hostname: 127.10.0.2, site: \"no\"}\n"
        );
    }

    #[test]
    fn devices_on_ports_of_their_own_carry_them() {
        let entries = [entry("dev001", "127.10.0.1:4001", "lab"), entry("dev002", "127.10.0.2:4002", "lab")];
        let text = inventory_yaml(&entries, "netops", "file:/x/key", "SHA256:abc");
        assert!(text.contains("  dev002: {hostname: 127.10.0.2, port: 4002, site: lab}\n"), "{text}");
        assert!(!text.contains("\n  port:"), "{text}");
    }

    #[test]
    fn a_device_that_plays_a_platform_is_named_with_it_and_the_way_to_it() {
        let entry = Entry { persona: Persona::Cli("cisco_ios"), ..entry("dev001", "127.10.0.1:22", "lab") };
        let text = inventory_yaml(&[entry], "netops", "file:/x/key", "SHA256:abc");
        let line = "  dev001: {hostname: 127.10.0.1, site: lab, platform: cisco_ios, transport: ssh_cli}\n";
        assert!(text.ends_with(line), "{text}");
    }
}
