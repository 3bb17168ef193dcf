//! What a credential reference may name, and what is refused.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PEM: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";

#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
fn put(folder: &Path, name: &str, bytes: &[u8], mode: u32) {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

async fn resolve(bytes: &[u8], mode: u32) -> Result<Credential, SecretError> {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "secret", bytes, mode);
    Secrets::new(folder.path()).resolve("file:secret").await
}

#[tokio::test]
async fn a_file_is_a_private_key_or_a_password() {
    let key = resolve(PEM.as_bytes(), 0o600).await.unwrap();
    assert_eq!(key, Credential::PrivateKey(Secret::new(PEM.into())));
    let password = resolve(b"open sesame\r\n", 0o644).await.unwrap();
    assert_eq!(password, Credential::Password(Secret::new("open sesame".into())));
}

#[tokio::test]
async fn no_change_has_a_secret_of_the_agent_itself_typed_into_a_device() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "fingerprint.key", b"canary", 0o600);
    put(folder.path(), "ntp", b"word", 0o600);
    let secrets = Secrets::new(folder.path());
    for own in
        ["file:fingerprint.key", "file:./fingerprint.key", "env:VAULT_TOKEN", "file:/proc/self/environ"]
    {
        assert!(matches!(secrets.value(own).await, Err(SecretError::Own)), "{own}");
    }
    assert_eq!(secrets.value("file:ntp").await.unwrap().reveal(), "word");
}

#[tokio::test]
async fn a_private_key_that_others_can_read_is_refused() {
    let error = resolve(PEM.as_bytes(), 0o640).await.unwrap_err();
    assert!(matches!(error, SecretError::Exposed(_, 0o640)), "{error}");
    assert!(error.hint().starts_with("chmod 600 /"), "{}", error.hint());
}

#[tokio::test]
async fn what_is_no_credential_is_refused_without_showing_it() {
    let big = vec![b'x'; usize::try_from(SECRET_BYTES_MAX).unwrap() + 1];
    assert!(matches!(resolve(&big, 0o600).await, Err(SecretError::TooLarge)));
    assert!(matches!(resolve(b"\n", 0o600).await, Err(SecretError::Empty)));
    assert!(matches!(resolve(b"\xff\xfe", 0o600).await, Err(SecretError::NotText)));
    assert!(matches!(resolve(b"ssh-ed25519 AAAA me", 0o600).await, Err(SecretError::NotPrivate)));
    assert!(matches!(resolve(b"-----BEGIN CERTIFICATE-----\n", 0o600).await, Err(SecretError::NotPrivate)));
}

#[tokio::test]
async fn absolute_paths_and_the_environment_are_references_too() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "secret", b"word\n", 0o600);
    let secrets = Secrets::new("/nowhere");
    let reference = format!("file:{}", folder.path().join("secret").display());
    assert!(matches!(secrets.resolve(&reference).await, Ok(Credential::Password(_))));
    assert!(matches!(secrets.resolve("env:PATH").await, Ok(Credential::Password(_))));
    assert!(matches!(secrets.resolve("env:SWITCHYARD_NOT_SET").await, Err(SecretError::NoVariable(_))));
    assert!(matches!(secrets.resolve("file:secret").await, Err(SecretError::Unreadable(..))));
    assert!(matches!(secrets.resolve("file:/").await, Err(SecretError::NotAFile(_))));
    for bad in ["", "secret", "file:", "env:", "vault:kv"] {
        assert!(matches!(secrets.resolve(bad).await, Err(SecretError::Reference(_))), "{bad}");
    }
}

#[test]
fn a_secret_never_shows_itself() {
    let credential = Credential::Password(Secret::new("hunter2".into()));
    assert!(!format!("{credential:?} {}", Secret::new("hunter2".into())).contains("hunter2"));
}

#[tokio::test]
async fn a_value_is_its_text_without_the_line_break_at_the_end_and_a_key_is_no_matter() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one", b"word\r\n", 0o600);
    put(folder.path(), "two", b"a\nb\n", 0o600);
    put(folder.path(), "none", b"\n", 0o600);
    let secrets = Secrets::new(folder.path());
    assert_eq!(secrets.value("file:one").await.unwrap(), Secret::new("word".into()));
    assert_eq!(secrets.value("file:two").await.unwrap(), Secret::new("a\nb".into()));
    assert!(matches!(secrets.value("file:none").await, Err(SecretError::Empty)));
    let error = secrets.value("vault:kv/x#key").await.unwrap_err();
    assert!(error.hint().contains("--vault-address"), "{error}: {}", error.hint());
    assert!(matches!(secrets.value("vault:kv/x").await, Err(SecretError::WhichKey(_))));
}
