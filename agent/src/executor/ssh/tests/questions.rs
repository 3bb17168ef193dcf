//! Logins by questions and answers: a password is the answer to one question, and never to a second one.

use super::bench::Bench;
use crate::simulator::Mode;
use russh::keys::{Algorithm, HashAlg, PrivateKey, key::safe_rng};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session, run_stream};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use tokio::net::TcpListener;

const PASSWORD: &str = "tr0ub4dor";

/// One round: what is asked, and whether the answer is shown.
type Round = &'static [(&'static str, bool)];

/// A device that asks its rounds one after the other, and then lets in whoever has said its password and nothing else.
struct Asks {
    rounds: Vec<Round>,
    password: &'static str,
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
            let heard = self.heard.lock().expect("no test panics with it").concat();
            return Ok(if heard == self.password { Auth::Accept } else { Auth::reject() });
        }
        let prompts: Vec<(Cow<'static, str>, bool)> =
            self.rounds.remove(0).iter().map(|(asks, shown)| (Cow::Borrowed(*asks), *shown)).collect();
        Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.exit_status_request(id, 0)?;
        session.close(id)
    }
}

/// Logs in to a device that asks these rounds and lets nobody in; gives the outcome and what the device heard.
async fn asked(rounds: &[Round]) -> (Outcome, Vec<String>) {
    let (outcome, heard) = attempt("", rounds).await;
    assert_eq!((outcome.class, outcome.phase), (Class::AuthFailed, Phase::Authenticate), "{outcome:?}");
    assert_eq!(outcome.left_as, LeftAs::Unchanged);
    (outcome, heard)
}

/// The same of a device with this password.
async fn attempt(password: &'static str, rounds: &[Round]) -> (Outcome, Vec<String>) {
    let mut bench = Bench::new(Mode::Good).await;
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key");
    let print = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    let methods = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
    let at_once = Duration::ZERO;
    let config = Config { keys: vec![key], methods, auth_rejection_time: at_once, ..Config::default() };
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    bench.task.endpoint.port = listener.local_addr().expect("an address").port();
    bench.task.endpoint.hostname = "127.0.0.1".into();
    bench.task.endpoint.host_keys = vec![print];
    bench.task.endpoint.credential_ref = bench.put("password", PASSWORD);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let device = Asks { rounds: rounds.to_vec(), password, heard: heard.clone() };
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        if let Ok(session) = run_stream(config, stream, device).await {
            let _ = session.await;
        }
    });
    let outcome = bench.attempt().await;
    serving.abort();
    assert!(!format!("{outcome:?}").contains(PASSWORD), "{outcome:?}");
    let heard = heard.lock().expect("no test panics with it").clone();
    (outcome, heard)
}

#[tokio::test]
async fn a_password_is_the_answer_to_one_question_and_a_round_without_questions_is_answered_with_nothing() {
    let asks: Round = &[("Password: ", false)];
    for rounds in [&[asks][..], &[asks, &[]], &[&[], asks, &[]]] {
        let (outcome, heard) = attempt(PASSWORD, rounds).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
        assert_eq!(heard, [PASSWORD], "once");
    }
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
