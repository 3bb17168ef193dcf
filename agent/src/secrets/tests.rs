//! What a credential reference may name, and what is refused.

use super::vault::{Token, VaultSettings};
use super::*;
use crate::clock::SystemClock;
use std::os::unix::fs::{PermissionsExt, symlink};

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

async fn of_agent(folder: &Path) -> Secrets {
    let settings = VaultSettings {
        address: "http://127.0.0.1:1".into(),
        token: Token::File(folder.join("run/token")),
        ca: None,
        namespace: None,
    };
    let vault = Vault::new(settings, SystemClock::shared()).await.unwrap();
    Secrets::new(folder.join("data")).with_vault(Some(vault))
}

#[tokio::test]
async fn no_change_and_no_login_gives_a_device_a_secret_of_the_agent_itself_by_whatever_way_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for dir in ["data/identity", "data/keys", "run", "far/below"] {
        std::fs::create_dir_all(at(dir)).unwrap();
    }
    put(folder.path(), "data/fingerprint.key", b"canary", 0o600);
    put(folder.path(), "data/identity/key.pem", b"canary", 0o600);
    put(folder.path(), "run/token", b"canary", 0o600);
    put(folder.path(), "run/token-of-ntp", b"word", 0o600);
    put(folder.path(), "data/keys/ntp", b"word", 0o600);
    for (link, to) in [("var-run", "run"), ("data-2", "data"), ("down", "data/keys"), ("token", "run/token")]
    {
        symlink(at(to), at(link)).unwrap();
    }
    let secrets = of_agent(folder.path()).await;
    for name in [
        "fingerprint.key",
        "./keys/../fingerprint.key",
        "keys/../identity/key.pem",
        "../data-2/fingerprint.key",
        "../data-2/identity/key.pem",
        "../down/../fingerprint.key",
        "../run/token",
        "../var-run/token",
        "../token",
        "/proc/self/environ",
    ] {
        let reference = format!("file:{name}");
        let (typed, shown) = (secrets.value(&reference).await, secrets.resolve(&reference).await);
        assert!(matches!(typed, Err(SecretError::Own)), "{name}: {typed:?}");
        assert!(matches!(shown, Err(SecretError::Own)), "{name}: {shown:?}");
    }
    for variable in ["env:VAULT_TOKEN", "env:SWITCHYARD_JOIN"] {
        assert!(matches!(secrets.value(variable).await, Err(SecretError::Own)), "{variable}");
        assert!(matches!(secrets.resolve(variable).await, Err(SecretError::Own)), "{variable}");
    }
    for name in ["keys/ntp", "../down/ntp", "../run/token-of-ntp"] {
        let reference = format!("file:{name}");
        assert_eq!(secrets.value(&reference).await.unwrap().reveal(), "word", "{name}");
        assert!(matches!(secrets.resolve(&reference).await, Ok(Credential::Password(_))), "{name}");
    }
}

#[tokio::test]
async fn the_agents_own_files_are_known_where_its_data_folder_is_reached_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("disk")).unwrap();
    put(folder.path(), "disk/fingerprint.key", b"canary", 0o600);
    symlink(folder.path().join("disk"), folder.path().join("data")).unwrap();
    let secrets = Secrets::new(folder.path().join("data"));
    for name in ["fingerprint.key".into(), format!("{}/disk/fingerprint.key", folder.path().display())] {
        let said = secrets.value(&format!("file:{name}")).await;
        assert!(matches!(said, Err(SecretError::Own)), "{name}: {said:?}");
    }
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
    assert!(matches!(secrets.resolve("env:NOT_SET_HERE").await, Err(SecretError::NoVariable(_))));
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
