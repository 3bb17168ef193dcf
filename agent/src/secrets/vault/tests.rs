//! A Vault that is played by a few lines: what is asked, how often, and what its answers mean.

use super::keeper::{Next, next};
use super::*;
use crate::clock::SystemClock;
use crate::secrets::{Credential, SecretError, Secrets};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Answers by path; the questions as they came.
struct FakeVault {
    address: String,
    asked: watch::Sender<Vec<String>>,
    _serving: JoinSet<()>,
}

impl FakeVault {
    async fn start(answers: &[(&str, u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers: BTreeMap<String, (u16, String)> =
            answers.iter().map(|(path, status, body)| ((*path).into(), (*status, (*body).into()))).collect();
        let asked = watch::Sender::new(Vec::new());
        let (mut serving, seen) = (JoinSet::new(), asked.clone());
        serving.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut lines = BufReader::new(stream);
                let mut question = String::new();
                while lines.read_line(&mut question).await.unwrap() > 2 {}
                let path = question.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.send_modify(|asked| asked.push(question));
                let (status, body) = answers.get(&path).cloned().unwrap_or((404, r#"{"errors":[]}"#.into()));
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = lines.get_mut().write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { address, asked, _serving: serving }
    }

    async fn secrets(&self) -> Secrets {
        let settings = VaultSettings {
            address: self.address.clone(),
            token: Token::Text(Secret::new("hvs.canary".into())),
            ca: None,
            namespace: Some("net/team".into()),
        };
        let vault = Vault::new(settings, SystemClock::shared()).await.unwrap();
        Secrets::new("/nowhere").with_vault(Some(vault))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

const NTP: &str =
    r#"{"data":{"data":{"key":"s3cr\\\"t","old":7,"flag":true},"metadata":{"version":2,"destroyed":false}}}"#;

#[tokio::test]
async fn a_thousand_devices_that_need_one_secret_ask_once() {
    let vault = FakeVault::start(&[("/v1/kv/data/net/ntp", 200, NTP)]).await;
    let secrets = vault.secrets().await;
    let all = (0..1000).map(|_| secrets.value("vault:kv/net/ntp#key"));
    for value in futures_util::future::join_all(all).await {
        assert_eq!(value.unwrap().reveal(), "s3cr\\\"t");
    }
    assert_eq!(secrets.value("vault:kv/net/ntp#old").await.unwrap().reveal(), "7");
    let asked = vault.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let question = asked[0].to_lowercase();
    for line in
        ["get /v1/kv/data/net/ntp http/1.1", "x-vault-token: hvs.canary", "x-vault-namespace: net/team"]
    {
        assert!(question.contains(line), "no {line} in {question}");
    }
}

#[tokio::test]
async fn another_value_is_seen_soon_after_it_was_put_there() {
    let places = Kept::new(SystemClock::shared());
    let place = VaultRef { mount: "kv".into(), path: "x".into(), version: None, key: None };
    let count = Arc::new(Mutex::new(0));
    let ask = |result: Result<Arc<Values>, VaultError>| {
        let count = count.clone();
        let question: futures_util::future::BoxFuture<'static, _> = Box::pin(async move {
            *count.lock().unwrap() += 1;
            result
        });
        places.get(place.clone(), move || question)
    };
    tokio::time::pause();
    let sealed = VaultError::Sealed { server: "x".into() };
    assert!(ask(Err(sealed.clone())).await.is_err());
    assert!(ask(Ok(Arc::default())).await.is_err(), "the refusal is believed for a moment");
    tokio::time::advance(Duration::from_millis(1100)).await;
    assert!(ask(Ok(Arc::default())).await.is_ok());
    tokio::time::advance(Duration::from_secs(4)).await;
    assert!(ask(Err(sealed.clone())).await.is_ok());
    assert_eq!(*count.lock().unwrap(), 2);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(ask(Err(sealed)).await.is_err());
}

#[tokio::test]
async fn a_credential_is_a_private_key_or_a_password_of_its_place() {
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----\\n";
    let place = |data: &str| format!(r#"{{"data":{{"data":{data},"metadata":{{"version":1}}}}}}"#);
    let key = place(&format!(r#"{{"password":"x","private_key":"{pem}"}}"#));
    let (word, none) = (place(r#"{"password":"open sesame"}"#), place(r#"{"secret":"x"}"#));
    let answers = [
        ("/v1/kv/data/key", 200, &*key),
        ("/v1/kv/data/word", 200, &*word),
        ("/v1/kv/data/none", 200, &*none),
    ];
    let secrets = FakeVault::start(&answers).await;
    let vault = secrets.secrets().await;
    assert!(matches!(vault.resolve("vault:kv/key").await, Ok(Credential::PrivateKey(_))));
    assert!(matches!(vault.resolve("vault:kv/key#password").await, Ok(Credential::Password(_))));
    assert!(matches!(vault.resolve("vault:kv/word").await, Ok(Credential::Password(_))));
    let error = vault.resolve("vault:kv/none").await.unwrap_err();
    assert!(
        matches!(error, SecretError::NoCredential(_)) && error.to_string().contains("private_key"),
        "{error}"
    );
}

#[tokio::test]
async fn every_answer_that_is_no_secret_says_what_to_do_and_shows_no_token() {
    let deleted = r#"{"data":{"data":null,"metadata":{"version":3,"deletion_time":"2026-11-22T10:00:00Z"}}}"#;
    let vault = FakeVault::start(&[
        ("/v1/kv/data/ntp", 200, NTP),
        ("/v1/kv/data/ntp?version=3", 404, deleted),
        ("/v1/kv/data/no", 403, r#"{"errors":["1 error occurred: permission denied"]}"#),
        ("/v1/kv/data/sealed", 503, r#"{"errors":["Vault is sealed"]}"#),
        ("/v1/kv/data/standby", 307, ""),
        ("/v1/kv/data/odd", 500, r#"{"errors":["\u001b[2J boom"]}"#),
        ("/v1/kv/data/one", 200, r#"{"data":{"key":"of version 1"}}"#),
        ("/v1/kv/data/a%20b", 200, "{"),
    ])
    .await;
    let secrets = vault.secrets().await;
    for (reference, said, hint) in [
        ("vault:kv/ntp#nope", "it has flag, key, old", "correct the key"),
        ("vault:kv/ntp#flag", "it has flag, key, old", "correct the key"),
        ("vault:kv/ntp?version=3#key", "kv/ntp version 3 in the Vault: this version was deleted", "undelete"),
        ("vault:kv/gone#key", "no such path", "kv get -mount=kv gone"),
        ("vault:kv/no#key", "permission denied", "policy of the agent's token"),
        ("vault:kv/sealed#key", "it is sealed", "unseal"),
        ("vault:kv/standby#key", "names another address", "active node"),
        ("vault:kv/odd#key", "it answered 500: \\u{1b}[2J boom", "own log"),
        ("vault:kv/one#key", "no secret of a KV engine, version 2", "version 2"),
        ("vault:kv/a b#key", "no secret of a KV engine, version 2", "version 2"),
    ] {
        let error = secrets.value(reference).await.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.hint());
        assert!(error.to_string().contains(said), "{reference}: {error}");
        assert!(error.hint().contains(hint), "{reference}: {}", error.hint());
        assert!(!shown.contains("canary") && !shown.contains("s3cr") && !shown.contains('\u{1b}'), "{shown}");
    }
}

#[tokio::test]
async fn a_vault_that_cannot_be_reached_or_says_nothing_is_named_with_its_address() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut vault = FakeVault::start(&[]).await;
    vault.address = format!("http://{free}");
    let error = vault.secrets().await.value("vault:kv/x#y").await.unwrap_err();
    assert!(error.to_string().contains(&free.to_string()), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    vault.address = format!("http://{}", silent.local_addr().unwrap());
    let secrets = vault.secrets().await;
    let error = secrets.value("vault:kv/x#y").await.unwrap_err();
    assert!(error.to_string().ends_with("no answer within 4s"), "{error}");
}

#[tokio::test]
async fn a_token_that_others_can_read_is_not_used_and_a_new_one_is_used_at_once() {
    let vault = FakeVault::start(&[("/v1/kv/data/ntp", 200, NTP), ("/v1/kv/data/b", 200, NTP)]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let put = |text: &str| crate::fs::replace(&crate::fs::RealFs, &file, text.as_bytes()).unwrap();
    let settings = VaultSettings {
        address: vault.address.clone(),
        token: Token::File(file.clone()),
        ca: None,
        namespace: None,
    };
    let secrets =
        Secrets::new("/nowhere").with_vault(Some(Vault::new(settings, SystemClock::shared()).await.unwrap()));
    let error = secrets.value("vault:kv/none#x").await.unwrap_err();
    assert!(error.hint().contains(&file.display().to_string()), "{}", error.hint());
    put("first\n");
    assert!(secrets.value("vault:kv/ntp#key").await.is_ok());
    put("second\n");
    assert!(secrets.value("vault:kv/b#key").await.is_ok());
    let tokens: Vec<bool> = ["first", "second"]
        .iter()
        .zip(vault.asked())
        .map(|(token, question)| question.contains(&format!("x-vault-token: {token}\r\n")))
        .collect();
    assert_eq!(tokens, [true, true]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, open).unwrap();
    let error = secrets.value("vault:kv/c#key").await.unwrap_err();
    assert!(error.to_string().contains("lets others read it"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_the_start() {
    for address in ["", "vault", "vault:8200", "ftp://vault", "https://me:pw@vault:8200"] {
        let settings = VaultSettings {
            address: address.into(),
            token: Token::Text(Secret::new("x".into())),
            ca: None,
            namespace: None,
        };
        let error = Vault::new(settings, SystemClock::shared()).await.unwrap_err();
        assert!(matches!(error, VaultError::Settings { .. }), "{address}: {error}");
        assert!(!error.to_string().contains("me:pw"), "{error}");
    }
}

#[test]
fn a_token_is_renewed_at_half_of_its_life_and_one_that_cannot_be_is_warned_of() {
    let seconds = Duration::from_secs;
    let lease = |ttl, renewable| next(answer::Lease { ttl, renewable });
    assert_eq!(lease(600, true), Next { rest: seconds(300), renew: true, ends_in: None });
    assert_eq!(lease(1, true), Next { rest: seconds(1), renew: true, ends_in: None });
    assert_eq!(lease(0, false), Next { rest: seconds(3600), renew: false, ends_in: None });
    assert_eq!(lease(600, false), Next { rest: seconds(300), renew: false, ends_in: Some(seconds(600)) });
    assert_eq!(lease(30 * 86_400, false).ends_in, None);
}

#[tokio::test]
async fn the_token_is_looked_at_and_renewed_with_the_vaults_own_words() {
    let vault = FakeVault::start(&[
        ("/v1/auth/token/lookup-self", 200, r#"{"data":{"ttl":2,"renewable":true,"id":"hvs.canary"}}"#),
        ("/v1/auth/token/renew-self", 200, r#"{"auth":{"lease_duration":60,"renewable":true}}"#),
    ])
    .await;
    let settings = VaultSettings {
        address: vault.address.clone(),
        token: Token::Text(Secret::new("hvs.canary".into())),
        ca: None,
        namespace: None,
    };
    let keeping = tokio::spawn(Vault::new(settings, SystemClock::shared()).await.unwrap().keep_token());
    let renewed = |asked: &Vec<String>| {
        asked.iter().any(|question| question.starts_with("POST /v1/auth/token/renew-self "))
    };
    let mut asked = vault.asked.subscribe();
    let waited = tokio::time::timeout(Duration::from_secs(20), asked.wait_for(renewed)).await;
    assert!(waited.is_ok(), "{:?}", vault.asked());
    keeping.abort();
}
