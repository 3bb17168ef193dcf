//! Clients and servers over real sockets: who gets in, who does not, and what they are told.

use super::*;
use crate::identity::PeerInfo;
use crate::tls::certificate;
use crate::tls::server::{self, ServerIo};
use crate::v1::system_service_client::SystemServiceClient;
use crate::v1::system_service_server::{SystemService, SystemServiceServer};
use crate::v1::{GetServerInfoRequest, GetServerInfoResponse};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

const TIMEOUT: Duration = Duration::from_secs(5);
const OPERATOR: &str = "spiffe://switchyard/operator/first";
const AGENT: &str = "spiffe://switchyard/site/lon/agent/lon-1";

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

    fn leaf(&self, name: SanType, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        self.leaf_of(2000..2100, name, usage)
    }

    /// Valid between these years.
    fn leaf_of(
        &self,
        years: std::ops::Range<i32>,
        name: SanType,
        usage: ExtendedKeyUsagePurpose,
    ) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        params.extended_key_usages = vec![usage];
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn server(&self) -> Arc<ServerConfig> {
        self.server_of(2000..2100)
    }

    fn server_of(&self, years: std::ops::Range<i32>) -> Arc<ServerConfig> {
        let name = SanType::IpAddress("127.0.0.1".parse().unwrap());
        let (leaf, key) = self.leaf_of(years, name, ExtendedKeyUsagePurpose::ServerAuth);
        server::config(self.der.clone(), leaf.into(), key.serialize_der().try_into().unwrap()).unwrap()
    }

    fn client(&self, uri: &str, trusted: &Self) -> Security {
        let name = SanType::URI(uri.try_into().unwrap());
        let (leaf, key) = self.leaf(name, ExtendedKeyUsagePurpose::ClientAuth);
        credentials(trusted, &leaf, &key)
    }

    fn joining(&self) -> Security {
        Security::Enroll { ca_fingerprint: certificate::fingerprint(&self.der).unwrap() }
    }
}

fn credentials(trusted: &Ca, leaf: &rcgen::Certificate, key: &KeyPair) -> Security {
    Security::Tls(ClientIdentity {
        ca_pem: trusted.pem.clone().into_bytes(),
        cert_pem: leaf.pem().into_bytes(),
        key_pem: key.serialize_pem().into_bytes(),
    })
}

struct Mirror;

#[tonic::async_trait]
impl SystemService for Mirror {
    async fn adopt_epoch(
        &self,
        _: Request<crate::v1::AdoptEpochRequest>,
    ) -> Result<Response<crate::v1::AdoptEpochResponse>, Status> {
        Ok(Response::new(crate::v1::AdoptEpochResponse::default()))
    }

    async fn get_server_info(
        &self,
        request: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        let peer = request.extensions().get::<PeerInfo>().expect("the connection says who is there");
        Ok(Response::new(GetServerInfoResponse { identity: peer.peer.to_string(), ..Default::default() }))
    }
}

/// Accepts TLS or, without a configuration, plaintext.
fn serve(listener: TcpListener, config: Option<Arc<ServerConfig>>) {
    let (sender, incoming) = tokio::sync::mpsc::channel::<io::Result<ServerIo>>(8);
    tokio::spawn(async move {
        let accepting = async {
            while let Ok((stream, address)) = listener.accept().await {
                let (sender, config) = (sender.clone(), config.clone());
                tokio::spawn(async move {
                    let io = match &config {
                        Some(config) => ServerIo::accept(stream, address, config).await.ok(),
                        None => Some(ServerIo::plaintext(stream, address)),
                    };
                    if let Some(io) = io {
                        let _ = sender.send(Ok(io)).await;
                    }
                });
            }
        };
        let serving = tonic::transport::Server::builder()
            .add_service(SystemServiceServer::new(Mirror))
            .serve_with_incoming(ReceiverStream::new(incoming));
        tokio::select! { () = accepting => {}, _ = serving => {} }
    });
}

async fn start(config: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    serve(listener, config);
    port
}

async fn who_am_i(channel: &Channel) -> Result<String, Status> {
    let answer = SystemServiceClient::new(channel.clone()).get_server_info(GetServerInfoRequest {}).await?;
    Ok(answer.into_inner().identity)
}

async fn refusal(url: &str, security: &Security) -> ConnectError {
    match connect(url, security, TIMEOUT).await {
        Ok(_) => panic!("{url} let {security:?} in"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_server_knows_everybody_by_certificate() {
    let ca = Ca::new();
    let url = format!("https://127.0.0.1:{}", start(Some(ca.server())).await);
    let cases = [
        (ca.client(OPERATOR, &ca), "operator first"),
        (ca.client(AGENT, &ca), "agent lon-1 of site lon"),
        (ca.joining(), "a caller without certificate"),
    ];
    for (security, expected) in cases {
        let channel = connect(&url, &security, TIMEOUT).await.unwrap();
        assert_eq!(who_am_i(&channel).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused_and_the_client_is_told() {
    let (ours, theirs) = (Ca::new(), Ca::new());
    let url = format!("https://127.0.0.1:{}", start(Some(ours.server())).await);
    for _ in 0..20 {
        let error = refusal(&url, &theirs.client(OPERATOR, &ours)).await;
        assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_servers_certificate_is_no_clients_certificate() {
    let ca = Ca::new();
    let url = format!("https://127.0.0.1:{}", start(Some(ca.server())).await);
    let (leaf, key) =
        ca.leaf(SanType::URI(OPERATOR.try_into().unwrap()), ExtendedKeyUsagePurpose::ServerAuth);
    let error = refusal(&url, &credentials(&ca, &leaf, &key)).await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_now_is_told_with_the_clocks_that_may_be_wrong() {
    let ca = Ca::new();
    let url = format!("https://127.0.0.1:{}", start(Some(ca.server())).await);
    for years in [2090..2100, 2000..2001] {
        let name = SanType::URI(AGENT.try_into().unwrap());
        let (leaf, key) = ca.leaf_of(years.clone(), name, ExtendedKeyUsagePurpose::ClientAuth);
        let text = refusal(&url, &credentials(&ca, &leaf, &key)).await.to_string();
        assert!(text.contains("expired or is not valid yet") && text.contains("clock"), "{text}");
        let wrong = start(Some(ca.server_of(years.clone()))).await;
        let text = refusal(&format!("https://127.0.0.1:{wrong}"), &ca.client(AGENT, &ca)).await.to_string();
        assert!(text.contains("clock") && text.contains("not valid yet") == (years.start > 2050), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_ours_is_not_trusted() {
    let (ours, theirs) = (Ca::new(), Ca::new());
    let port = start(Some(theirs.server())).await;
    let url = format!("https://127.0.0.1:{port}");
    let other_name = format!("https://localhost:{port}");
    let cases = [
        (&url, ours.client(OPERATOR, &ours), "another coordinator"),
        (&url, ours.joining(), "join token"),
        (&other_name, theirs.client(OPERATOR, &theirs), "localhost"),
        (&other_name, theirs.joining(), "localhost"),
    ];
    for (url, security, hint) in cases {
        let error = refusal(url, &security).await;
        assert!(matches!(error, ConnectError::NotTrusted { .. }), "{error}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn plaintext_never_leaves_this_machine() {
    for url in ["http://192.0.2.1:7443", "http://[2001:db8::1]:7443", "http://0.0.0.0:7443"] {
        let error = refusal(url, &Security::InsecureLoopback).await;
        assert!(matches!(error, ConnectError::NotLoopback { .. }), "{error}");
    }
    let url = format!("http://127.0.0.1:{}", start(None).await);
    let channel = connect(&url, &Security::InsecureLoopback, TIMEOUT).await.unwrap();
    assert_eq!(who_am_i(&channel).await.unwrap(), "insecure-loopback");
}

#[tokio::test]
async fn a_url_that_does_not_fit_the_credentials_is_refused_before_dialling() {
    let ca = Ca::new();
    let cases = [
        ("http://127.0.0.1:1", ca.client(OPERATOR, &ca)),
        ("http://127.0.0.1:1", ca.joining()),
        ("https://127.0.0.1:1", Security::InsecureLoopback),
        ("127.0.0.1:1", ca.joining()),
        ("ftp://127.0.0.1:1", ca.joining()),
        ("https://", ca.joining()),
        ("", Security::InsecureLoopback),
    ];
    for (url, security) in cases {
        let error = refusal(url, &security).await;
        assert!(matches!(error, ConnectError::InvalidUrl { .. }), "{url}: {error}");
    }
    let Security::Tls(mut identity) = ca.client(OPERATOR, &ca) else { panic!("TLS was asked for") };
    identity.key_pem = b"junk".to_vec();
    let error = refusal("https://127.0.0.1:1", &Security::Tls(identity)).await;
    assert!(matches!(error, ConnectError::Credentials { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_otherwise_is_unreachable_with_a_hint() {
    let ca = Ca::new();
    let (tls, plain) = (start(Some(ca.server())).await, start(None).await);
    let cases = [
        (format!("http://127.0.0.1:{tls}"), Security::InsecureLoopback, "https://"),
        (format!("https://127.0.0.1:{plain}"), ca.client(OPERATOR, &ca), "--insecure-loopback"),
    ];
    for (url, security, hint) in cases {
        let error = refusal(&url, &security).await;
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_within_the_timeout() {
    let ca = Ca::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let cases = [
        (format!("https://127.0.0.1:{port}"), ca.client(OPERATOR, &ca)),
        (format!("http://127.0.0.1:{port}"), Security::InsecureLoopback),
    ];
    for (url, security) in cases {
        let error = connect(&url, &security, Duration::from_millis(200)).await.err();
        assert!(matches!(error, Some(ConnectError::Unreachable { .. })), "{error:?}");
    }
    drop(silent);
    let error = refusal(&format!("https://127.0.0.1:{port}"), &ca.joining()).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

/// A server on a runtime of its own, so that it can be killed with all its connections.
async fn start_killable(address: SocketAddr, config: Arc<ServerConfig>) -> (Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let serving = runtime.spawn(async move {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, Some(config));
        address
    });
    let address = serving.await.unwrap();
    (runtime, address)
}

#[tokio::test]
async fn a_channel_comes_back_when_the_server_does_and_says_why_while_it_cannot() {
    let ca = Ca::new();
    let (server, address) = start_killable("127.0.0.1:0".parse().unwrap(), ca.server()).await;
    let url = format!("https://{address}");
    let channel = connect(&url, &ca.client(AGENT, &ca), TIMEOUT).await.unwrap();
    assert_eq!(who_am_i(&channel).await.unwrap(), "agent lon-1 of site lon");

    server.shutdown_background();
    let deadline = tokio::time::sleep(TIMEOUT);
    let reason = async {
        loop {
            if let Err(status) = who_am_i(&channel).await
                && let Some(reason) = ConnectError::find(&status)
            {
                break reason.clone();
            }
        }
    };
    let reason = tokio::select! { reason = reason => reason, () = deadline => panic!("no reason was given") };
    assert!(matches!(reason, ConnectError::Unreachable { .. }), "{reason}");

    let (server, _) = start_killable(address, ca.server()).await;
    let back = async {
        while who_am_i(&channel).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, back).await.expect("the channel comes back");
    server.shutdown_background();
}

#[test]
fn a_key_never_shows_in_debug_output() {
    let identity = ClientIdentity { ca_pem: vec![], cert_pem: vec![], key_pem: b"canary".to_vec() };
    let shown = format!("{:?}", Security::Tls(identity));
    assert!(!shown.contains("canary") && !shown.contains("99"), "{shown}");
}
