//! The keys of a fleet: one host key for all devices and one key for their operator, kept between runs.

use super::files;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey, decode_secret_key, key::safe_rng};
use std::io;
use std::path::{Path, PathBuf};

/// The operator's private key below a fleet's data folder.
const CLIENT_KEY: &str = "keys/netops_ed25519";
/// The devices' host key.
const HOST_KEY: &str = "keys/host_ed25519";
/// Largest key file that is read, in bytes.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// What a fleet proves itself with, and whom it lets in.
pub(super) struct Keys {
    pub(super) host: PrivateKey,
    pub(super) client: PublicKey,
    pub(super) client_path: PathBuf,
}

impl Keys {
    /// Reads the keys in `data`, or makes them.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let data = std::path::absolute(data)?;
        std::fs::create_dir_all(data.join("keys"))?;
        let client_path = data.join(CLIENT_KEY);
        let client = read_or_make(&client_path)?.public_key().clone();
        Ok(Self { host: read_or_make(&data.join(HOST_KEY))?, client, client_path })
    }

    /// The host key as an inventory pins it.
    pub(super) fn fingerprint(&self) -> String {
        self.host.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

fn read_or_make(path: &Path) -> io::Result<PrivateKey> {
    if let Some(bytes) = files::read(path, KEY_BYTES_MAX)? {
        let text = String::from_utf8(bytes).map_err(io::Error::other)?;
        return decode_secret_key(&text, None).map_err(io::Error::other);
    }
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(io::Error::other)?;
    let pem = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    files::replace(path, pem.as_bytes(), 0o600)?;
    Ok(key)
}
