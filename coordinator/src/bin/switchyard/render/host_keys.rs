//! Host keys as a table for people, and as a document that a person reviews and imports.

use super::table;
use crate::collecting::{Collected, is_believed};
use crate::text::{beside_name, counted, one_line};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use switchyard_proto::v1::collect_host_keys_response::State;
use switchyard_proto::v1::{CollectHostKeysResponse as Device, HostKey};
use switchyard_shared::time::Timestamp;

/// One row for each key, or for a device that shows none. Never cut to a width: half a fingerprint is worth nothing.
pub fn table(found: &Collected) -> Vec<String> {
    let rows: Vec<Vec<String>> = found.devices.iter().flat_map(rows).collect();
    table::table(&["DEVICE", "SITE", "ADDRESS", "TYPE", "FINGERPRINT", "STATUS"], &rows, None)
}

fn rows(device: &Device) -> Vec<Vec<String>> {
    let row = |algorithm: &str, fingerprint: &str, status: String| {
        let address = format!("{}:{}", device.hostname, device.port);
        let texts = [device.device.as_str(), &device.site, &address, algorithm, fingerprint, &status];
        texts.map(one_line).to_vec()
    };
    let why = beside_name(&device.device, &device.reason);
    if device.keys.is_empty() {
        let status = if device.state() == State::NoSsh { "no SSH" } else { "UNKNOWN" };
        return vec![row("-", "-", format!("{status}: {why}"))];
    }
    let keys = device.keys.iter().map(|key| row(&key.algorithm, &key.fingerprint, status(device, key)));
    let more = (!why.is_empty()).then(|| row("-", "-", format!("not all: {why}")));
    keys.chain(more).collect()
}

fn status(device: &Device, key: &HostKey) -> String {
    let certificate = match &key.certificate {
        Some(certificate) if certificate.refusal.is_empty() => {
            return format!("pinned: its certificate is that of {}", certificate.authority);
        }
        Some(certificate) => format!("; with a certificate that {}", certificate.refusal),
        None => String::new(),
    };
    let pinned = &device.pinned_keys;
    if is_believed(device, key) {
        format!("pinned{certificate}")
    } else if device.state() == State::Unknown {
        format!("UNKNOWN: it is not pinned{certificate}")
    } else if device.state() != State::Changed {
        format!("NEW{certificate}")
    } else if pinned.is_empty() {
        format!("CHANGED: a certificate of host_ca is expected{certificate}")
    } else {
        format!("CHANGED: pinned is {}{certificate}", pinned.join(", "))
    }
}

/// How many devices are in which state, in one line.
pub fn summary(found: &Collected) -> String {
    let mut line = counted(found.meant.into(), "device");
    let states = [
        (found.count(State::Pinned), "pinned"),
        (found.count(State::New), "new"),
        (found.count(State::Changed), "CHANGED"),
        (found.unknown(), "not reached"),
        (found.count(State::NoSsh), "without SSH"),
        (found.left() as usize, "not asked"),
    ];
    for (count, what) in states.iter().filter(|(count, _)| *count > 0) {
        let _ = write!(line, "   {count} {what}");
    }
    line
}

/// What is not pinned yet, of the kind HostKeys; none when there is nothing. Of a device that shows none of its
/// pinned keys it is a comment: who accepts that has to mean it.
pub fn document(found: &Collected, now: Timestamp, file: &Path) -> Option<String> {
    let new: Vec<&Device> = found.devices.iter().filter(|device| device.state() == State::New).collect();
    if new.is_empty() && found.changed().next().is_none() {
        return None;
    }
    let file = one_line(&file.display().to_string());
    let mut text = format!(
        "# SSH host keys that devices showed to their agents until {now}. Nobody has checked them: compare each with the\n\
         # device's console or another way that you trust, take out what you do not accept, then:\n\
         #   switchyard inventory import INVENTORY --host-keys {file}\n\
         api_version: switchyard/v1\nkind: HostKeys\ndevices:{}\n",
        if new.is_empty() { " {}  # take {} out when you accept one below" } else { "" }
    );
    new.iter().for_each(|device| text.push_str(&entry(device)));
    for device in found.changed() {
        let pinned: Vec<String> = device.pinned_keys.iter().map(|pin| one_line(pin)).collect();
        let _ = writeln!(
            text,
            "# CHANGED: pinned is {}. Find out why before you accept this:",
            pinned.join(", ")
        );
        for line in entry(device).lines() {
            let _ = writeln!(text, "#{line}");
        }
    }
    Some(text)
}

/// The keys of one device: what is pinned stays, unless it shows none of it.
fn entry(device: &Device) -> String {
    let place = one_line(&format!("{}, {}:{}", device.site, device.hostname, device.port));
    let mut text = format!("  {}:  # {place}\n    host_keys:\n", quoted(&device.device));
    if device.state() != State::Changed {
        for pin in &device.pinned_keys {
            let _ = writeln!(text, "      - {}  # pinned already", quoted(pin));
        }
    }
    for key in device.keys.iter().filter(|key| !is_believed(device, key)) {
        let _ = writeln!(text, "      - {}  # {}", quoted(&key.fingerprint), one_line(&key.algorithm));
    }
    text
}

/// In YAML as in JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
