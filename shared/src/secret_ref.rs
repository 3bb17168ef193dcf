//! What a reference to a secret says: where it is, never what it is. Only an agent resolves it.

/// Longest reference, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 512;
/// What a reference looks like.
pub const FORMS: &str = "file:PATH, env:NAME, exec:NAME#ARGUMENT, vault:MOUNT/PATH#KEY or, for logins over SSH, ssh-agent:, resolved by the agent";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// In a file of the agent's machine; a relative path starts at its data folder.
    File(String),
    /// In a variable of the agent's environment.
    Env(String),
    /// On the standard output of a program that the agent's own configuration allows.
    Exec {
        /// The name under which it is allowed.
        command: String,
        /// What it is asked for; may be empty.
        argument: String,
    },
    /// In the KV engine, version 2, of a HashiCorp Vault or an OpenBao.
    Vault(VaultRef),
    /// A key that an ssh-agent beside our agent holds and never gives away: for logins over SSH alone.
    SshAgent {
        /// Its `SHA256:…` fingerprint; absent where the ssh-agent holds one key.
        fingerprint: Option<String>,
    },
}

/// Where in a Vault a secret is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VaultRef {
    /// Where the engine is mounted; one segment.
    pub mount: String,
    /// The path below it.
    pub path: String,
    /// A version; the newest when there is none.
    pub version: Option<u32>,
    /// The key within the secret; a credential may do without.
    pub key: Option<String>,
}

/// Why a text is no reference. Does not repeat the text: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefError {
    /// Neither of the known words and a colon.
    #[error("does not refer to a secret")]
    Scheme,
    /// More than [`REFERENCE_BYTES_MAX`], or with a control character.
    #[error("is too long for a reference, or holds control characters")]
    Unprintable,
    /// Nothing, or what cannot be a name, after the prefix.
    #[error("names nothing after its prefix")]
    Empty,
    /// A bad character, or an argument that would be an option.
    #[error("must be exec: and a name, then # and an argument of letters, digits and ._/@-, not first a '-'")]
    Exec,
    /// No mount, no path, or a segment that climbs.
    #[error("must be vault: and MOUNT/PATH, then #KEY, such as vault:kv/net/ntp#key")]
    Vault,
    /// What follows the question mark.
    #[error("knows nothing but ?version=N after the path, with N from 1")]
    Version,
    /// What follows is no fingerprint.
    #[error("must be ssh-agent: alone, or with the SHA256:… fingerprint of the key after it")]
    SshAgent,
}

impl SecretRef {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Self, SecretRefError> {
        if text.len() > REFERENCE_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(SecretRefError::Unprintable);
        }
        let (scheme, rest) = text.split_once(':').ok_or(SecretRefError::Scheme)?;
        match scheme {
            "file" if rest.is_empty() => Err(SecretRefError::Empty),
            "file" => Ok(Self::File(rest.to_owned())),
            "env" if is_name(rest, "_") => Ok(Self::Env(rest.to_owned())),
            "env" => Err(SecretRefError::Empty),
            "exec" => exec(rest),
            "vault" => vault(rest).map(Self::Vault),
            "ssh-agent" if rest.is_empty() => Ok(Self::SshAgent { fingerprint: None }),
            "ssh-agent" => match rest.strip_prefix("SHA256:") {
                Some(hash) if is_name(hash, "+/=") => {
                    Ok(Self::SshAgent { fingerprint: Some(rest.to_owned()) })
                }
                Some(_) | None => Err(SecretRefError::SshAgent),
            },
            _ => Err(SecretRefError::Scheme),
        }
    }

    /// Whether it names one value: a place in a Vault without a key holds several.
    pub fn is_one_value(&self) -> bool {
        match self {
            Self::File(_) | Self::Env(_) | Self::Exec { .. } => true,
            Self::Vault(place) => place.key.is_some(),
            Self::SshAgent { .. } => false,
        }
    }
}

impl std::fmt::Display for VaultRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.mount, self.path)?;
        self.version.map_or(Ok(()), |version| write!(f, " version {version}"))
    }
}

fn is_name(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn exec(rest: &str) -> Result<SecretRef, SecretRefError> {
    let (command, argument) = rest.split_once('#').unwrap_or((rest, ""));
    let good = argument.is_empty() || is_name(argument, "._/@-") && !argument.starts_with('-');
    if !is_name(command, "_-") || !good {
        return Err(SecretRefError::Exec);
    }
    Ok(SecretRef::Exec { command: command.to_owned(), argument: argument.to_owned() })
}

fn vault(rest: &str) -> Result<VaultRef, SecretRefError> {
    let (place, key) = rest.split_once('#').map_or((rest, None), |(place, key)| (place, Some(key)));
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    let version = query.map(|query| {
        let number = query.strip_prefix("version=").filter(|digits| is_name(digits, ""));
        number.and_then(|digits| digits.parse().ok()).filter(|version| *version > 0)
    });
    let version = match version {
        Some(None) => return Err(SecretRefError::Version),
        Some(given) => given,
        None => None,
    };
    let (mount, path) = place.split_once('/').ok_or(SecretRefError::Vault)?;
    let climbs = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
    if place.split('/').any(climbs) || key.is_some_and(str::is_empty) {
        return Err(SecretRefError::Vault);
    }
    Ok(VaultRef { mount: mount.to_owned(), path: path.to_owned(), version, key: key.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_reference_is_read() {
        let vault = |mount: &str, path: &str, version, key: Option<&str>| {
            SecretRef::Vault(VaultRef {
                mount: mount.into(),
                path: path.into(),
                version,
                key: key.map(Into::into),
            })
        };
        let exec = |command: &str, argument: &str| SecretRef::Exec {
            command: command.into(),
            argument: argument.into(),
        };
        for (text, expected) in [
            ("file:keys/a#b", SecretRef::File("keys/a#b".into())),
            ("env:NTP_KEY", SecretRef::Env("NTP_KEY".into())),
            ("exec:pass", exec("pass", "")),
            ("ssh-agent:", SecretRef::SshAgent { fingerprint: None }),
            ("ssh-agent:SHA256:ab+/", SecretRef::SshAgent { fingerprint: Some("SHA256:ab+/".into()) }),
            ("exec:pass#net/ntp@v1", exec("pass", "net/ntp@v1")),
            ("vault:kv/net/ntp#key", vault("kv", "net/ntp", None, Some("key"))),
            ("vault:kv/net/ntp?version=3#key", vault("kv", "net/ntp", Some(3), Some("key"))),
            ("vault:kv/net/svc-switchyard", vault("kv", "net/svc-switchyard", None, None)),
        ] {
            assert_eq!(SecretRef::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_or_climbs_is_refused_without_being_repeated() {
        for text in [
            "",
            "hunter2",
            "File:x",
            "file:",
            "env:",
            "env:A B",
            "ssh-agent:me@here",
            "exec:",
            "exec:a b",
            "exec:pass#-rf",
            "exec:pass#$(id)",
            "exec:/bin/sh",
            "vault:",
            "vault:kv",
            "vault:kv/",
            "vault:/net",
            "vault:kv//x",
            "vault:kv/../sys/x",
            "vault:kv/x#",
            "vault:kv/x?version=0",
            "vault:kv/x?version=-1",
            "vault:kv/x?v=1",
            "file:a\nb",
        ] {
            let error = SecretRef::parse(text).expect_err(text);
            assert!(!text.contains("hunter2") || !error.to_string().contains(text), "{error}");
        }
        assert_eq!(SecretRef::parse(&format!("file:{}", "x".repeat(600))), Err(SecretRefError::Unprintable));
    }
}
