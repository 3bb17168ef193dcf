//! The guard alone, and behind real connections with the CA, the listener and the client that go with it.

use super::*;
use crate::listener::{ListenMode, incoming};
use crate::pki::Pki;
use crate::pki::token::{JoinToken, TokenRecord};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_proto::agent_v1::link_service_client::LinkServiceClient;
use switchyard_proto::agent_v1::link_service_server::{LinkService, LinkServiceServer};
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse, Welcome, connect_response};
use switchyard_proto::tls::client::{ClientIdentity, Security, connect};
use switchyard_proto::v1;
use switchyard_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use switchyard_proto::v1::enrollment_service_server::{EnrollmentService, EnrollmentServiceServer};
use switchyard_proto::v1::system_service_client::SystemServiceClient;
use switchyard_proto::v1::system_service_server::{SystemService, SystemServiceServer};
use switchyard_shared::id::{AgentName, OperatorName, SiteName};
use switchyard_shared::time::Timestamp;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;
use tonic::{Response, Streaming};

const TIMEOUT: Duration = Duration::from_secs(5);

fn agent(site: &str, agent: &str) -> Identity {
    Identity::Agent { site: SiteName::new(site).unwrap(), agent: AgentName::new(agent).unwrap() }
}

fn operator(name: &str) -> Identity {
    Identity::Operator { name: OperatorName::new(name).unwrap() }
}

fn every_method() -> Vec<String> {
    let schema =
        FileDescriptorSet::decode(switchyard_proto::DESCRIPTORS).expect("the schema is a descriptor set");
    let mut paths = Vec::new();
    for file in &schema.file {
        for service in &file.service {
            for method in &service.method {
                paths.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    paths
}

#[test]
fn only_the_listed_methods_are_for_others_than_operators() {
    let methods = every_method();
    assert!(methods.len() > 10, "{methods:?}");
    let others: Vec<_> = methods.iter().filter(|path| audience(path) != Audience::Operators).collect();
    assert_eq!(
        others,
        ["/switchyard.v1.EnrollmentService/EnrollAgent", "/switchyard.agent.v1.LinkService/Connect"]
    );
    let elsewhere = [
        "",
        "/",
        "/switchyard.agent.v1.LinkServiceX/Connect",
        "/switchyard.agent.v1.NewService/Take",
        "/switchyard.v1.EnrollmentService/EnrollAgent/",
        "//switchyard.v1.EnrollmentService/EnrollAgent",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ];
    for path in elsewhere {
        assert_eq!(audience(path), Audience::Operators, "{path}");
    }
}

#[test]
fn every_pair_of_caller_and_audience_is_decided() {
    let peers =
        [Peer::InsecureLoopback, Peer::Anonymous, Peer::Known(operator("a")), Peer::Known(agent("lon", "a"))];
    let code = |path: &str, peer: &Peer| admit(path, peer).map_or_else(|status| status.code(), |()| Code::Ok);
    let table = [
        (ENROLL, [Code::Ok, Code::Ok, Code::Ok, Code::Ok]),
        (
            "/switchyard.agent.v1.LinkService/Connect",
            [Code::Ok, Code::Unauthenticated, Code::PermissionDenied, Code::Ok],
        ),
        ("/switchyard.v1.Any/Thing", [Code::Ok, Code::Unauthenticated, Code::Ok, Code::PermissionDenied]),
    ];
    for (path, expected) in table {
        assert_eq!(peers.each_ref().map(|peer| code(path, peer)), expected, "{path}");
    }
}

#[test]
fn a_request_whose_connection_says_nothing_is_nobodys() {
    let request = Request::new(());
    assert_eq!(caller(&request).0, Peer::Anonymous);
}

/// A coordinator with nothing behind its guard.
struct Empty {
    pki: Arc<Pki>,
    records: Mutex<Vec<TokenRecord>>,
}

#[tonic::async_trait]
impl SystemService for Empty {
    async fn adopt_epoch(
        &self,
        _: Request<v1::AdoptEpochRequest>,
    ) -> Result<Response<v1::AdoptEpochResponse>, Status> {
        Ok(Response::new(v1::AdoptEpochResponse::default()))
    }

    async fn get_server_info(
        &self,
        request: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        let identity = caller_name(&request);
        Ok(Response::new(v1::GetServerInfoResponse { identity, ..Default::default() }))
    }
}

#[tonic::async_trait]
impl LinkService for Empty {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<ConnectResponse, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (site, agent) = match caller(&request).0 {
            Peer::Known(Identity::Agent { site, agent }) => (site.to_string(), agent.to_string()),
            peer @ (Peer::InsecureLoopback | Peer::Anonymous | Peer::Known(Identity::Operator { .. })) => {
                (String::new(), peer.to_string())
            }
        };
        let welcome = connect_response::Message::Welcome(Welcome { site, agent, ..Default::default() });
        let first = Ok(ConnectResponse { message: Some(welcome), session: 0 });
        Ok(Response::new(Box::pin(tokio_stream::once(first))))
    }
}

#[tonic::async_trait]
impl EnrollmentService for Empty {
    async fn create_join_token(
        &self,
        request: Request<v1::CreateJoinTokenRequest>,
    ) -> Result<Response<v1::CreateJoinTokenResponse>, Status> {
        let site = SiteName::new(request.into_inner().site).unwrap();
        let (token, record) = self.pki.new_token(&site, Timestamp(i64::MAX), [7; 32]);
        self.records.lock().unwrap().push(record);
        Ok(Response::new(v1::CreateJoinTokenResponse { token: token.reveal(), expires_at: None }))
    }

    async fn enroll_agent(
        &self,
        request: Request<v1::EnrollAgentRequest>,
    ) -> Result<Response<v1::EnrollAgentResponse>, Status> {
        let (asked, now) = (request.into_inner(), crate::clock::SystemClock::shared().now());
        let (site, agent) = (SiteName::new(asked.site).unwrap(), AgentName::new("lon-1").unwrap());
        let token: JoinToken = asked.token.parse().unwrap();
        let mut records = self.records.lock().unwrap();
        let record = records.first_mut().ok_or(Status::permission_denied("no token was made"))?;
        record.redeem(&token, &site, now).map_err(|refused| Status::permission_denied(refused.reason()))?;
        record.used_by = Some(agent.to_string());
        let signed = self.pki.sign_agent(&asked.certificate_request, &site, &agent, now);
        let (certificate, ca_certificate) = signed.unwrap();
        Ok(Response::new(v1::EnrollAgentResponse {
            agent: format!("agents/{agent}"),
            certificate,
            ca_certificate,
        }))
    }
}

struct Running {
    dir: TempDir,
    url: String,
    pki: Arc<Pki>,
    _stop: DropGuard,
}

async fn start(insecure: bool) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::open_or_create(dir.path(), &[], crate::clock::SystemClock::shared().now()).unwrap();
    let pki = Arc::new(pki);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if insecure { "http" } else { "https" };
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let mode =
        if insecure { ListenMode::InsecureLoopback } else { ListenMode::Tls(pki.server_config().unwrap()) };
    let stop = CancellationToken::new();
    let incoming = incoming(listener, mode, stop.clone()).unwrap();
    let service = Arc::new(Empty { pki: Arc::clone(&pki), records: Mutex::default() });
    let serving = tonic::transport::Server::builder()
        .layer(GuardLayer)
        .add_service(SystemServiceServer::from_arc(Arc::clone(&service)))
        .add_service(LinkServiceServer::from_arc(Arc::clone(&service)))
        .add_service(EnrollmentServiceServer::from_arc(service))
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    tokio::spawn(serving);
    Running { dir, url, pki, _stop: stop.drop_guard() }
}

impl Running {
    async fn connect(&self, security: Security) -> Channel {
        connect(&self.url, &security, TIMEOUT).await.unwrap()
    }

    async fn operator(&self) -> Channel {
        let file = |name: &str| self.dir.path().join("operator").join(name);
        let identity = ClientIdentity::load(&file("ca.pem"), &file("cert.pem"), &file("key.pem")).unwrap();
        self.connect(Security::Tls(identity)).await
    }

    async fn stranger(&self) -> Channel {
        self.connect(Security::Enroll { ca_fingerprint: self.pki.fingerprint().to_owned() }).await
    }
}

async fn server_info(channel: Channel) -> Result<String, Status> {
    let answer = SystemServiceClient::new(channel).get_server_info(v1::GetServerInfoRequest {}).await?;
    Ok(answer.into_inner().identity)
}

async fn link(channel: Channel) -> Result<String, Status> {
    let answer = LinkServiceClient::new(channel).connect(tokio_stream::empty::<ConnectRequest>()).await?;
    match answer.into_inner().message().await?.and_then(|message| message.message) {
        Some(connect_response::Message::Welcome(welcome)) => {
            Ok(format!("{} {}", welcome.site, welcome.agent))
        }
        other => panic!("not a Welcome: {other:?}"),
    }
}

async fn enroll(
    channel: Channel,
    token: &str,
    site: &str,
) -> Result<(v1::EnrollAgentResponse, Vec<u8>), Status> {
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let request = v1::EnrollAgentRequest { token: token.into(), certificate_request: csr, site: site.into() };
    let answer = EnrollmentServiceClient::new(channel).enroll_agent(request).await?;
    Ok((answer.into_inner(), key.serialize_pem().into_bytes()))
}

async fn new_token(channel: Channel) -> Result<String, Status> {
    let request = v1::CreateJoinTokenRequest { site: "lon".into(), ..Default::default() };
    Ok(EnrollmentServiceClient::new(channel).create_join_token(request).await?.into_inner().token)
}

fn refusal_of<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.expect_err("the guard lets nobody in here");
    let info = status.get_details_error_info().expect("every refusal carries its reason");
    assert_eq!(info.domain, DOMAIN);
    (status.code(), info.reason)
}

#[tokio::test]
async fn an_agent_joins_once_and_is_itself_ever_after() {
    let running = start(false).await;
    assert_eq!(server_info(running.operator().await).await.unwrap(), "admin");
    let token = new_token(running.operator().await).await.unwrap();

    let refused = enroll(running.stranger().await, &token, "fra").await.unwrap_err();
    assert_eq!(refused.message(), "TOKEN_OTHER_SITE");
    let (answer, key_pem) = enroll(running.stranger().await, &token, "lon").await.unwrap();
    let again = enroll(running.stranger().await, &token, "lon").await.unwrap_err();
    assert_eq!(again.message(), "TOKEN_USED");

    let identity = ClientIdentity {
        ca_pem: answer.ca_certificate.into_bytes(),
        cert_pem: answer.certificate.into_bytes(),
        key_pem,
    };
    let agent = running.connect(Security::Tls(identity)).await;
    assert_eq!(link(agent.clone()).await.unwrap(), "lon lon-1");
    let operators_only = refusal_of(server_info(agent.clone()).await);
    assert_eq!(operators_only, (Code::PermissionDenied, "ROLE_MISSING".into()));
    assert_eq!(refusal_of(new_token(agent).await), (Code::PermissionDenied, "ROLE_MISSING".into()));
}

#[tokio::test]
async fn without_a_certificate_only_joining_is_possible() {
    let running = start(false).await;
    let required = (Code::Unauthenticated, "CERTIFICATE_REQUIRED".to_owned());
    assert_eq!(refusal_of(server_info(running.stranger().await).await), required);
    assert_eq!(refusal_of(new_token(running.stranger().await).await), required);
    assert_eq!(refusal_of(link(running.stranger().await).await), required);
    let token = new_token(running.operator().await).await.unwrap();
    enroll(running.stranger().await, &token, "lon").await.unwrap();
}

#[tokio::test]
async fn an_operator_is_no_agent() {
    let running = start(false).await;
    assert_eq!(
        refusal_of(link(running.operator().await).await),
        (Code::PermissionDenied, "ROLE_MISSING".into())
    );
}

#[tokio::test]
async fn an_insecure_loopback_caller_may_do_everything_under_that_name() {
    let running = start(true).await;
    let channel = running.connect(Security::InsecureLoopback).await;
    assert_eq!(server_info(channel.clone()).await.unwrap(), "insecure-loopback");
    assert_eq!(link(channel.clone()).await.unwrap(), " insecure-loopback");
    new_token(channel).await.unwrap();
}

#[tokio::test]
async fn the_credentials_of_another_coordinator_are_refused() {
    let (ours, theirs) = (start(false).await, start(false).await);
    let file = |running: &Running, name: &str| running.dir.path().join("operator").join(name);
    let mixed =
        ClientIdentity::load(&file(&ours, "ca.pem"), &file(&theirs, "cert.pem"), &file(&theirs, "key.pem"));
    let error = connect(&ours.url, &Security::Tls(mixed.unwrap()), TIMEOUT).await.expect_err("another CA");
    assert!(matches!(error, switchyard_proto::tls::client::ConnectError::Refused { .. }), "{error}");
}
