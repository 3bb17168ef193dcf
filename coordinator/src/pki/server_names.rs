//! The names under which the coordinator may be dialled.

use super::PkiError;
use rcgen::SanType;
use rustls::pki_types::ServerName;
use std::collections::BTreeSet;
use std::path::Path;
use switchyard_proto::tls::files;

const ALWAYS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const MACHINE_NAME: &str = "/proc/sys/kernel/hostname";

/// `localhost`, the loopback addresses, this machine's name if it is known, and `names`.
pub(super) fn all(names: &[String]) -> Result<Vec<SanType>, PkiError> {
    let machine = machine_name().filter(|name| parse(name).is_ok());
    let distinct: BTreeSet<&str> =
        ALWAYS.into_iter().chain(machine.as_deref()).chain(names.iter().map(String::as_str)).collect();
    distinct.into_iter().map(parse).collect()
}

fn machine_name() -> Option<String> {
    let text = String::from_utf8(files::read(Path::new(MACHINE_NAME)).ok()?).ok()?;
    Some(text.trim().to_owned())
}

fn parse(name: &str) -> Result<SanType, PkiError> {
    let invalid = || PkiError::Name(name.to_owned());
    let checked = ServerName::try_from(name).map_err(|_| invalid())?;
    if let ServerName::IpAddress(address) = checked {
        return Ok(SanType::IpAddress(address.into()));
    }
    Ok(SanType::DnsName(name.to_ascii_lowercase().try_into().map_err(|_| invalid())?))
}
