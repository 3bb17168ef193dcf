//! Logins by questions and answers: a password is the answer to one question, and never to a second one.

use super::bench::Bench;
use crate::simulator::Mode;
use russh::keys::{Algorithm, HashAlg, PrivateKey, key::safe_rng};
use russh::server::{Auth, Config, Handler, Response, run_stream};
use russh::{MethodKind, MethodSet};
use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use tokio::net::TcpListener;

const PASSWORD: &str = "tr0ub4dor";

/// One round: what is asked, and whether the answer is shown.
type Round = &'static [(&'static str, bool)];

/// A device that asks its rounds one after the other and then lets nobody in.
struct Asks {
    rounds: Vec<Round>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Handler for Asks {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let said = response.into_iter().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.heard.lock().expect("no test panics with it").extend(said);
        if self.rounds.is_empty() {
            return Ok(Auth::reject());
        }
        let prompts: Vec<(Cow<'static, str>, bool)> =
            self.rounds.remove(0).iter().map(|(asks, shown)| (Cow::Borrowed(*asks), *shown)).collect();
        Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() })
    }
}

/// Logs in to a device that asks these rounds; gives the outcome and what the device heard.
async fn asked(rounds: &[Round]) -> (Outcome, Vec<String>) {
    let mut bench = Bench::new(Mode::Good).await;
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key");
    let print = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    let methods = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
    let config = Arc::new(Config { keys: vec![key], methods, ..Config::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    bench.task.endpoint.port = listener.local_addr().expect("an address").port();
    bench.task.endpoint.hostname = "127.0.0.1".into();
    bench.task.endpoint.host_keys = vec![print];
    bench.task.endpoint.credential_ref = bench.put("password", PASSWORD);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let device = Asks { rounds: rounds.to_vec(), heard: heard.clone() };
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        if let Ok(session) = run_stream(config, stream, device).await {
            let _ = session.await;
        }
    });
    let outcome = bench.attempt().await;
    serving.abort();
    assert_eq!((outcome.class, outcome.phase), (Class::AuthFailed, Phase::Authenticate), "{outcome:?}");
    assert_eq!(outcome.left_as, LeftAs::Unchanged);
    assert!(!format!("{outcome:?}").contains(PASSWORD), "{outcome:?}");
    let heard = heard.lock().expect("no test panics with it").clone();
    (outcome, heard)
}

#[tokio::test]
async fn a_second_question_never_gets_the_password() {
    let (outcome, heard) = asked(&[&[("Password: ", false)], &[("New password: ", false)]]).await;
    assert_eq!(heard, [PASSWORD], "once");
    let told = "had the password and asks for more: \"New password:\"";
    assert!(outcome.message.contains(told) && outcome.hint.contains("log in by hand"), "{outcome:?}");
}

#[tokio::test]
async fn two_questions_at_once_and_one_that_shows_its_answer_get_nothing() {
    let (outcome, heard) = asked(&[&[("Password: ", false), ("Token: ", false)]]).await;
    assert_eq!(heard, Vec::<String>::new());
    assert!(outcome.message.contains("asks for more than a password: \"Password: Token:\""), "{outcome:?}");
    let (outcome, heard) = asked(&[&[("Why do you log in? ", true)]]).await;
    assert_eq!(heard, Vec::<String>::new());
    assert!(outcome.message.contains("Why do you log in?"), "{outcome:?}");
}

#[tokio::test]
async fn a_password_that_is_refused_is_told_as_refused() {
    let (outcome, heard) = asked(&[&[("Password: ", false)], &[]]).await;
    assert_eq!(heard, [PASSWORD]);
    assert!(outcome.message.contains("refused the password"), "{outcome:?}");
}
