//! Joining a coordinator over real sockets: the right one, the wrong one, twice, and with a bad answer.

use super::*;
use rcgen::{
    BasicConstraints, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer, PublicKeyData,
    SanType,
};
use rustls::pki_types::CertificateDer;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use switchyard_proto::tls::files;
use switchyard_proto::tls::server::{self, ServerIo};
use switchyard_proto::v1::enrollment_service_server::{EnrollmentService, EnrollmentServiceServer};
use switchyard_proto::v1::{CreateJoinTokenRequest, CreateJoinTokenResponse};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response};

const AGENT: &str = "spiffe://switchyard/site/lon/agent/lon-1";
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

struct Ca {
    der: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { der: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    fn sign(
        &self,
        name: SanType,
        usage: ExtendedKeyUsagePurpose,
        key: &impl PublicKeyData,
    ) -> rcgen::Certificate {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        params.extended_key_usages = vec![usage];
        params.signed_by(key, &self.issuer).unwrap()
    }

    fn token(&self, site: &str) -> String {
        let print = certificate::fingerprint(&self.der).unwrap();
        JoinToken::new(SiteName::new(site).unwrap(), [7; 32], &print).reveal()
    }
}

/// What the coordinator of a test does with a request.
#[derive(Clone, Copy)]
enum Manner {
    Admits,
    Refuses,
    NamesAnother,
    CertifiesAnotherKey,
    SendsAnotherCa,
}

struct Coordinator {
    ca: Ca,
    manner: Manner,
    asked: Arc<Mutex<Vec<EnrollAgentRequest>>>,
}

#[tonic::async_trait]
impl EnrollmentService for Coordinator {
    async fn create_join_token(
        &self,
        _: Request<CreateJoinTokenRequest>,
    ) -> Result<Response<CreateJoinTokenResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn enroll_agent(
        &self,
        request: Request<EnrollAgentRequest>,
    ) -> Result<Response<EnrollAgentResponse>, Status> {
        let request = request.into_inner();
        let csr = CertificateSigningRequestParams::from_pem(&request.certificate_request).unwrap();
        self.asked.lock().unwrap().push(request);
        let (mut uri, mut ca_certificate) = (AGENT, self.ca.pem.clone());
        let mut another_key = false;
        match self.manner {
            Manner::Admits => {}
            Manner::Refuses => return Err(Status::permission_denied("the token is used")),
            Manner::NamesAnother => uri = "spiffe://switchyard/site/fra/agent/fra-1",
            Manner::CertifiesAnotherKey => another_key = true,
            Manner::SendsAnotherCa => ca_certificate = Ca::new().pem,
        }
        let name = SanType::URI(uri.try_into().unwrap());
        let certificate = if another_key {
            self.ca.sign(name, ExtendedKeyUsagePurpose::ClientAuth, &KeyPair::generate().unwrap())
        } else {
            self.ca.sign(name, ExtendedKeyUsagePurpose::ClientAuth, &csr.public_key)
        };
        let certificate = certificate.pem();
        Ok(Response::new(EnrollAgentResponse { agent: "agents/lon-1".into(), certificate, ca_certificate }))
    }
}

struct Running {
    url: String,
    token: String,
    asked: Arc<Mutex<Vec<EnrollAgentRequest>>>,
}

async fn start(manner: Manner) -> Running {
    let ca = Ca::new();
    let token = ca.token("lon");
    let key = KeyPair::generate().unwrap();
    let name = SanType::IpAddress("127.0.0.1".parse().unwrap());
    let leaf = ca.sign(name, ExtendedKeyUsagePurpose::ServerAuth, &key).into();
    let config = server::config(ca.der.clone(), leaf, key.serialize_der().try_into().unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (sender, incoming) = tokio::sync::mpsc::channel::<io::Result<ServerIo>>(8);
    tokio::spawn(async move {
        while let Ok((stream, address)) = listener.accept().await {
            if let Ok(io) = ServerIo::accept(stream, address, &config).await {
                let _ = sender.send(Ok(io)).await;
            }
        }
    });
    let asked = Arc::default();
    let coordinator = Coordinator { ca, manner, asked: Arc::clone(&asked) };
    let service = EnrollmentServiceServer::new(coordinator);
    let serving = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(serving.serve_with_incoming(ReceiverStream::new(incoming)));
    Running { url, token, asked }
}

fn site(name: &str) -> SiteName {
    SiteName::new(name).unwrap()
}

async fn join(dir: &TempDir, at: &Running, token: Option<&str>) -> Result<ClientIdentity, EnrollError> {
    credentials(dir.path(), &site("lon"), &at.url, token, NOW).await
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn an_agent_joins_once_and_needs_no_token_after_that() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    let joined = join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap();
    for token in [None, Some("any text at all")] {
        assert_eq!(join(&dir, &coordinator, token).await.unwrap(), joined);
    }
    assert_eq!(coordinator.asked.lock().unwrap().len(), 1);

    let identity = dir.path().join("identity");
    assert_eq!(files::names_in(&identity).unwrap(), ["ca.pem", "cert.pem", "key.pem"]);
    for path in files::names_in(&identity).unwrap().iter().map(|name| identity.join(name)) {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn the_private_key_never_leaves() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    let joined = join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap();
    let key = String::from_utf8(joined.key_pem).unwrap();
    let key = KeyPair::from_pem(&key).unwrap();
    let asked = coordinator.asked.lock().unwrap();
    let csr = CertificateSigningRequestParams::from_pem(&asked[0].certificate_request).unwrap();
    assert_eq!(csr.public_key.subject_public_key_info(), key.subject_public_key_info());
    assert!(!asked[0].certificate_request.contains("PRIVATE"));
}

#[tokio::test]
async fn a_token_is_not_sent_to_a_coordinator_of_another_ca() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    let error = join(&dir, &coordinator, Some(&Ca::new().token("lon"))).await.unwrap_err();
    assert!(matches!(error, EnrollError::Connect(ConnectError::NotTrusted { .. })), "{error}");
    assert!(error.to_string().contains("join token"), "{error}");
    assert!(coordinator.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_of_another_site_or_a_mangled_one_is_not_sent() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    let other = coordinator.token.replace("sy1.lon.", "sy1.fra.");
    let error = join(&dir, &coordinator, Some(&other)).await.unwrap_err().to_string();
    assert!(error.contains("site lon") && error.contains("--site fra"), "{error}");
    let error = join(&dir, &coordinator, Some(&coordinator.token[..80])).await.unwrap_err();
    assert!(matches!(error, EnrollError::Token(_)), "{error}");
    assert!(coordinator.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_agent_without_anything_is_told_how_to_get_a_token() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    let error = join(&dir, &coordinator, None).await.unwrap_err().to_string();
    assert!(error.contains("switchyard agent token create --site lon"), "{error}");
}

#[tokio::test]
async fn a_refusal_arrives_in_the_coordinators_words_and_leaves_nothing_behind() {
    let (dir, coordinator) = (folder(), start(Manner::Refuses).await);
    let error = join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap_err();
    assert!(
        matches!(&error, EnrollError::Refused { message, .. } if message == "the token is used"),
        "{error}"
    );
    assert_eq!(files::names_in(dir.path()).unwrap(), [] as [String; 0]);
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_is_not_kept() {
    for (manner, hint) in [
        (Manner::NamesAnother, "this site"),
        (Manner::CertifiesAnotherKey, "another key"),
        (Manner::SendsAnotherCa, "not the one in the token"),
    ] {
        let (dir, coordinator) = (folder(), start(manner).await);
        let error = join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap_err();
        assert!(matches!(error, EnrollError::Answer { .. }), "{error}");
        assert!(error.to_string().contains(hint), "{error}");
        assert_eq!(files::names_in(dir.path()).unwrap(), [] as [String; 0]);
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_kept_say_that_the_token_is_used_up() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    std::os::unix::fs::symlink("nowhere", dir.path().join("identity")).unwrap();
    let error = join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap_err();
    assert!(matches!(error, EnrollError::Keep { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains("used up") && error.contains("token create --site lon"), "{error}");
}

#[tokio::test]
async fn credentials_that_are_not_whole_are_refused_by_what_is_wrong() {
    let coordinator = start(Manner::Admits).await;
    for (damage, hint) in [("ca.pem", "no ca.pem"), ("cert.pem", "no cert.pem"), ("key.pem", "no key.pem")] {
        let dir = folder();
        join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap();
        std::fs::remove_file(dir.path().join("identity").join(damage)).unwrap();
        let error = join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap_err().to_string();
        assert!(error.contains(hint) && error.contains("identity"), "{error}");
    }
    let dir = folder();
    join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap();
    files::write(&dir.path().join("identity/cert.pem"), b"junk").unwrap();
    let error = join(&dir, &coordinator, None).await.unwrap_err();
    assert!(matches!(error, EnrollError::Kept(KeptError::Damaged { .. })), "{error}");
}

#[tokio::test]
async fn the_credentials_of_one_site_do_not_serve_another() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap();
    let error =
        credentials(dir.path(), &site("fra"), &coordinator.url, None, NOW).await.unwrap_err().to_string();
    assert!(error.contains("site fra") && error.contains("agent lon-1 of site lon"), "{error}");
}

#[tokio::test]
async fn a_certificate_past_its_end_says_so_before_anything_is_dialled() {
    let (dir, coordinator) = (folder(), start(Manner::Admits).await);
    join(&dir, &coordinator, Some(&coordinator.token)).await.unwrap();
    let far = Timestamp(i64::MAX);
    let error =
        credentials(dir.path(), &site("lon"), &coordinator.url, None, far).await.unwrap_err().to_string();
    assert!(error.contains("expired") && error.contains("token create --site lon"), "{error}");
}
