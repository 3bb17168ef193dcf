//! Proves to a device who we are: a private key or a password, each tried as seldom as possible.

use super::certificate_names::CertificateNames;
use super::peer::{Farewell, Peer, Record};
use super::{Failure, explain, ssh_agent};
use crate::executor::ssh::connect::Stage;
use crate::secrets::{Credential, Secret, Secrets};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::Signature;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{MethodKind, MethodSet, Signer};
use std::error::Error;
use std::sync::Arc;
use switchyard_shared::ssh::Algorithms;
use switchyard_shared::task::Task;
use switchyard_shared::time::format_duration;

/// The part of a device's connect deadline in which its credential must be there, as one in so many.
const CREDENTIAL_SHARE: u32 = 2;
/// The part of it in which an ssh-agent must answer each question, as one in so many.
const SSH_AGENT_SHARE: u32 = 3;
/// Most rounds of questions of a login; all but one of them ask nothing.
const QUESTION_ROUNDS_MAX: usize = 4;
/// SSH reason codes with which a device ends a session because it refuses the login.
const LOGIN_REFUSED_CODES: [u32; 3] = [13, 14, 15];
/// What the name of every certificate has.
const CERTIFICATE_MARK: &str = "-cert-v01@openssh.com ";
/// The SSH reason code for too many connections.
const TOO_MANY_CODE: u32 = 12;

/// A credential that is ready for use.
pub(super) enum Proof {
    Key(Arc<PrivateKey>, Option<Box<Certificate>>),
    Agent(Box<ssh_agent::Held>),
    Password(Secret),
}

/// Resolves the task's credential before anything is sent to the device: within a part of its deadline, so that what
/// keeps us from it is never told as the silence of the device.
pub(super) async fn credential(secrets: &Secrets, task: &Task) -> Result<Credential, Failure> {
    let patience = task.timeouts.connect / CREDENTIAL_SHARE;
    match tokio::time::timeout(patience, secrets.resolve(&task.endpoint.credential_ref)).await {
        Ok(resolved) => {
            resolved.map_err(|error| explain::credential(task, &error.to_string(), &error.hint()))
        }
        Err(_) => Err(explain::credential(
            task,
            &format!("read it: no answer within {}", format_duration(patience)),
            "the device was not asked: look at what the reference names (the agent's disk, its Vault, the program)",
        )),
    }
}

/// What can be shown to the device.
pub(super) async fn proof(credential: Credential, task: &Task) -> Result<Proof, Failure> {
    match credential {
        Credential::Password(password) => Ok(Proof::Password(password)),
        Credential::SshAgent { socket, fingerprint } => {
            let patience = task.timeouts.connect / SSH_AGENT_SHARE;
            match ssh_agent::find(&socket, fingerprint.as_deref(), patience).await {
                Ok(held) => Ok(Proof::Agent(Box::new(held))),
                Err(no_key) => Err(explain::credential(task, &no_key.why, no_key.hint)),
            }
        }
        Credential::PrivateKey(pem) => match decode_secret_key(pem.reveal(), None) {
            Ok(key) if key.is_encrypted() => Err(locked(task)),
            Err(russh::keys::Error::KeyIsEncrypted) => Err(locked(task)),
            Ok(key) if signs(&key) => {
                let certificate = certificate(pem.reveal(), &key, task)?;
                Ok(Proof::Key(Arc::new(key), certificate))
            }
            Ok(_) | Err(_) => Err(explain::credential(
                task,
                "use the private key: it is damaged or of an unknown kind",
                "check it with ssh-keygen -y -f FILE; ed25519, ECDSA and RSA keys are understood",
            )),
        },
    }
}

fn locked(task: &Task) -> Failure {
    explain::credential(
        task,
        "use the private key: it is protected by a passphrase",
        "use a key without a passphrase (ssh-keygen -p -N ''), readable by the agent alone",
    )
}

/// Whether the file is all that a signature takes: not where a token at somebody's desk has the key.
fn signs(key: &PrivateKey) -> bool {
    matches!(key.algorithm(), Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. })
}

/// The certificate of the key, when one stands behind it: the line of its `-cert.pub` file.
fn certificate(pem: &str, key: &PrivateKey, task: &Task) -> Result<Option<Box<Certificate>>, Failure> {
    let Some(line) = pem.lines().find(|line| line.contains(CERTIFICATE_MARK)) else { return Ok(None) };
    match Certificate::from_openssh(line) {
        Ok(certificate) if certificate.public_key() == key.public_key().key_data() => {
            Ok(Some(Box::new(certificate)))
        }
        Ok(_) | Err(_) => Err(explain::credential(
            task,
            "use the certificate behind the private key: it is damaged or for another key",
            "put the line of the key's own -cert.pub file behind it; ssh-keygen -L -f FILE shows what it is for",
        )),
    }
}

enum Answer {
    Accepted,
    Refused { methods: MethodSet, partly: bool },
}

impl From<AuthResult> for Answer {
    fn from(result: AuthResult) -> Self {
        match result {
            AuthResult::Success => Self::Accepted,
            AuthResult::Failure { remaining_methods, partial_success } => {
                Self::Refused { methods: remaining_methods, partly: partial_success }
            }
        }
    }
}

/// Logs in, or says why not.
pub(super) async fn authenticate(
    handle: &mut Handle<Peer>,
    proof: Proof,
    task: &Task,
    record: &Record,
    names: CertificateNames,
) -> Result<(), Failure> {
    let (offered, answer) = match proof {
        Proof::Key(key, certificate) => {
            let offered = if certificate.is_some() { "certificate" } else { "private key" };
            (offered, with_key(handle, &key, certificate.as_deref().zip(Some(names)), task).await?)
        }
        Proof::Agent(held) => ("key of the ssh-agent", with_agent(handle, *held, names, task).await?),
        Proof::Password(password) => ("password", with_password(handle, &password, task).await?),
    };
    let (methods, partly) = match answer {
        Ok(Answer::Accepted) => return Ok(()),
        Ok(Answer::Refused { methods, partly }) => (methods, partly),
        Err(_) => (MethodSet::empty(), false),
    };
    if partly {
        return Err(explain::login_partly(task, offered, &listed(&methods)));
    }
    if methods.is_empty() {
        // The library reports a lost session as a refusal without methods: the record tells them apart.
        let _ = handle.await;
        if let Some(lost) = lost_session(record) {
            return Err(match explain::is_too_much(&lost) {
                true => explain::too_much(task, Stage::Authenticate, &lost),
                false => explain::lost(task, Stage::Authenticate, &lost),
            });
        }
    }
    Err(explain::login_refused(task, offered, &listed(&methods)))
}

/// How the session was lost, unless its end was a way to refuse the login.
fn lost_session(record: &Record) -> Option<String> {
    // The library says nothing more when it cannot even close what carries the session, such as a way through a jump host.
    let Some(farewell) = record.farewell() else { return Some("the connection broke".into()) };
    match farewell {
        Farewell::Message { code, text } => {
            let refused = LOGIN_REFUSED_CODES.contains(&code) || text.contains("uthentication failures");
            let why = if code == TOO_MANY_CODE { "it has too many connections: " } else { "" };
            (!refused).then(|| format!("{why}it said {text:?}"))
        }
        Farewell::Broken(why) => (why != russh::Error::NoAuthMethod.to_string()).then_some(why),
    }
}

fn listed(methods: &MethodSet) -> String {
    methods.iter().map(<&'static str>::from).collect::<Vec<_>>().join(", ")
}

/// The hashes to sign with, where a device has `told` the best one it verifies or nothing.
fn rsa_hashes(profile: Algorithms, told: Option<Option<HashAlg>>) -> Vec<Option<HashAlg>> {
    match (told, profile) {
        // Only SHA-1, which this profile does not sign with: the device will say no.
        (Some(None), Algorithms::Modern) => vec![Some(HashAlg::Sha512)],
        (Some(told), _) => vec![told],
        // What tells nothing and is that old verifies SHA-1 alone, and every refusal may count towards a lock.
        (None, Algorithms::Legacy) => vec![None],
        (None, Algorithms::Modern | Algorithms::Compat) => vec![Some(HashAlg::Sha512), Some(HashAlg::Sha256)],
    }
}

/// A key of our own that signs with a hash, whatever the certificate is named by: the library's own way to log in with a
/// certificate names SHA-1 for an RSA key.
struct OwnKey<'a>(&'a PrivateKey, Option<HashAlg>);

impl Signer for OwnKey<'_> {
    type Error = Box<dyn Error + Send + Sync>;

    async fn auth_sign(
        &mut self,
        _of: &AgentIdentity,
        _name: Option<HashAlg>,
        mut text: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        let signature: Signature = match self.0.key_data().rsa() {
            Some(pair) => (pair, self.1).try_sign(&text)?,
            None => self.0.try_sign(&text)?,
        };
        signature.encode_prefixed(&mut text)?;
        Ok(text)
    }
}

/// One try; two for an RSA key when the device does not say which hashes it knows. The outer error is a key that does
/// not sign.
async fn with_key(
    handle: &mut Handle<Peer>,
    key: &Arc<PrivateKey>,
    certificate: Option<(&Certificate, CertificateNames)>,
    task: &Task,
) -> Result<Result<Answer, russh::Error>, Failure> {
    let told = match matches!(key.algorithm(), Algorithm::Rsa { .. }) {
        true => handle.best_supported_rsa_hash().await.map(Some),
        false => Ok(None),
    };
    let hashes = match told {
        Ok(Some(told)) => rsa_hashes(task.endpoint.ssh.algorithms, told),
        Ok(None) => vec![None],
        Err(error) => return Ok(Err(error)),
    };
    let mut answer = Answer::Refused { methods: MethodSet::empty(), partly: false };
    for hash in hashes {
        let user = &task.endpoint.username;
        let tried = match certificate {
            Some((certificate, names)) => {
                let (name, signer) = (names.of_hash(hash), &mut OwnKey(key, hash));
                let tried =
                    handle.authenticate_certificate_with(user, certificate.clone(), name, signer).await;
                match tried {
                    Err(why) if !handle.is_closed() => {
                        let hint = "check the file with ssh-keygen -y -f FILE; the device was asked and waits no more";
                        return Err(explain::credential(
                            task,
                            &format!("sign with the private key: {why}"),
                            hint,
                        ));
                    }
                    tried => tried.map_err(|error| russh::Error::IO(std::io::Error::other(error))),
                }
            }
            None => {
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
                handle.authenticate_publickey(user, key).await
            }
        };
        answer = match tried {
            Ok(result) => result.into(),
            Err(error) => return Ok(Err(error)),
        };
        match &answer {
            Answer::Refused { methods, partly: false } if methods.contains(&MethodKind::PublicKey) => {}
            Answer::Accepted | Answer::Refused { .. } => break,
        }
    }
    Ok(Ok(answer))
}

/// As with a key of our own; the outer error is an ssh-agent that does not sign.
async fn with_agent(
    handle: &mut Handle<Peer>,
    mut held: ssh_agent::Held,
    names: CertificateNames,
    task: &Task,
) -> Result<Result<Answer, russh::Error>, Failure> {
    let told = match held.is_rsa() {
        false => Ok(vec![None]),
        true => {
            let told = handle.best_supported_rsa_hash().await;
            told.map(|told| rsa_hashes(task.endpoint.ssh.algorithms, told))
        }
    };
    let hashes = match told {
        Ok(hashes) => hashes,
        Err(error) => return Ok(Err(error)),
    };
    let mut answer = Answer::Refused { methods: MethodSet::empty(), partly: false };
    for hash in hashes {
        let tried = held.log_in(handle, &task.endpoint.username, hash, names).await;
        answer = match tried {
            Ok(result) => result.into(),
            Err(why) if handle.is_closed() => return Ok(Err(russh::Error::IO(std::io::Error::other(why)))),
            Err(why) => {
                let hint = "unlock the ssh-agent, or let it sign without a question";
                return Err(explain::credential(task, &format!("have the ssh-agent sign: {why}"), hint));
            }
        };
        match &answer {
            Answer::Refused { methods, partly: false } if methods.contains(&MethodKind::PublicKey) => {}
            Answer::Accepted | Answer::Refused { .. } => break,
        }
    }
    Ok(Ok(answer))
}

/// The password method; questions and answers only where the device does not have it. The outer error is a question
/// that is not for a password.
async fn with_password(
    handle: &mut Handle<Peer>,
    password: &Secret,
    task: &Task,
) -> Result<Result<Answer, russh::Error>, Failure> {
    let user = &task.endpoint.username;
    let answer: Answer = match handle.authenticate_password(user, password.reveal()).await {
        Ok(result) => result.into(),
        Err(error) => return Ok(Err(error)),
    };
    match answer {
        Answer::Refused { methods, partly: false }
            if methods.contains(&MethodKind::KeyboardInteractive)
                && !methods.contains(&MethodKind::Password) =>
        {
            with_questions(handle, password, task).await
        }
        Answer::Accepted | Answer::Refused { .. } => Ok(Ok(answer)),
    }
}

/// The password is the answer to one question whose answer is hidden, and to no second one: that may be for the code of
/// a token, or for a new password.
async fn with_questions(
    handle: &mut Handle<Peer>,
    password: &Secret,
    task: &Task,
) -> Result<Result<Answer, russh::Error>, Failure> {
    let mut response =
        handle.authenticate_keyboard_interactive_start(task.endpoint.username.as_str(), None).await;
    let mut said = false;
    for _ in 0..QUESTION_ROUNDS_MAX {
        let prompts = match response {
            Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(Ok(Answer::Accepted)),
            Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success }) => {
                return Ok(Ok(Answer::Refused { methods: remaining_methods, partly: partial_success }));
            }
            Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => prompts,
            Err(error) => return Ok(Err(error)),
        };
        let answers = match &prompts[..] {
            [] => Vec::new(),
            [only] if !only.echo && !said => {
                said = true;
                vec![password.reveal().to_owned()]
            }
            more => {
                let asked: Vec<&str> = more.iter().map(|prompt| prompt.prompt.trim()).collect();
                return Err(explain::login_asks(task, &asked.join(" "), said));
            }
        };
        response = handle.authenticate_keyboard_interactive_respond(answers).await;
    }
    let methods = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
    Ok(Ok(Answer::Refused { methods, partly: false }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::ssh::tests::task;
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::{LineEnding, private, public};
    use switchyard_shared::outcome::Class;

    #[tokio::test]
    async fn a_key_that_is_in_a_token_is_told_before_the_device_is_asked() {
        let public = public::SkEd25519::new(public::Ed25519PublicKey([7; 32]), "ssh:");
        let token = private::SkEd25519::new(public, 1, vec![1; 32]).expect("a handle");
        let key = PrivateKey::new(private::KeypairData::SkEd25519(token), "me").expect("a key");
        let pem = key.to_openssh(LineEnding::LF).expect("a file").to_string();
        let proof = proof(Credential::PrivateKey(Secret::new(pem)), &task()).await;
        let failure = proof.err().expect("it is refused");
        assert_eq!(failure.class, Class::CredentialUnavailable);
        assert!(failure.message.contains("of an unknown kind"), "{}", failure.message);
    }

    #[tokio::test]
    async fn an_rsa_certificate_is_signed_for_with_the_chosen_hash_whatever_name_it_goes_by() {
        let pair = private::RsaKeypair::random(&mut safe_rng(), 2048).expect("a key");
        let key = PrivateKey::from(pair);
        let of = AgentIdentity::PublicKey { key: key.public_key().clone(), comment: String::new() };
        let signed =
            OwnKey(&key, Some(HashAlg::Sha512)).auth_sign(&of, None, Vec::new()).await.expect("signed");
        assert!(signed.windows(12).any(|part| part == b"rsa-sha2-512"), "{signed:?}");
    }

    #[test]
    fn modern_never_signs_with_sha1_and_legacy_does_at_once_where_the_device_tells_nothing() {
        let sha2 = Some(HashAlg::Sha256);
        for told in [None, Some(None), Some(sha2)] {
            assert!(!rsa_hashes(Algorithms::Modern, told).contains(&None), "{told:?}");
        }
        assert_eq!(rsa_hashes(Algorithms::Legacy, None), [None]);
        assert_eq!(rsa_hashes(Algorithms::Legacy, Some(sha2)), [sha2]);
        assert_eq!(rsa_hashes(Algorithms::Compat, Some(None)), [None]);
        assert!(!rsa_hashes(Algorithms::Compat, None).contains(&None));
    }
}
