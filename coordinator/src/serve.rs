//! The coordinator as a program: its data folder, its port, its end.

use crate::api::Api;
use crate::clock::{Clock, SystemClock};
use crate::driver::Driver;
use crate::guard::GuardLayer;
use crate::listener::{self, ListenMode};
use crate::pki::Pki;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};
use crate::{driver, files};
use fs4::fs_std::FileExt as _;
use futures_util::Stream;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::identity::PeerInfo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// How often the server asks an idle connection whether it is still there, and how long it waits.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));
/// Streams that one connection may have open.
const STREAMS_PER_CONNECTION_MAX: u32 = 128;
/// How long open streams may take to end at a shutdown.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(3);

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// The data folder; made when there is none.
    pub data: PathBuf,
    /// Plaintext and no certificates; only on a loopback address.
    pub insecure_loopback: bool,
    /// Further DNS names or addresses for the server's certificate.
    pub names: Vec<String>,
}

/// Why a coordinator did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder cannot be used.
    #[error("use the data folder {folder}: {cause}")]
    Folder {
        /// The folder.
        folder: String,
        /// The cause.
        cause: String,
    },
    /// Another coordinator uses it.
    #[error(
        "use the data folder {0}: another switchyard serve is running on it; stop that one, or give this one its own --data"
    )]
    InUse(String),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The CA refused.
    #[error(transparent)]
    Pki(#[from] crate::pki::PkiError),
    /// The address cannot be served.
    #[error("listen: {0}")]
    Listen(String),
}

/// Everything outside of a coordinator that it uses beside its connections; a simulation brings its own.
pub struct Seams {
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A running coordinator.
pub struct Coordinator {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), ServeError>>,
}

impl Coordinator {
    /// Opens the data folder, recovers, and serves `listener` until `stop`.
    pub async fn start(
        config: ServeConfig,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<Self, ServeError> {
        let lock = lock_folder(&config.data)?;
        let clock = SystemClock::shared();
        let address = listener.local_addr().map_err(|error| ServeError::Listen(error.to_string()))?;
        let store = Arc::new(open_store(&config.data)?);
        let (pki, mode) = open_identity(&config, address, clock.now())?;
        let started = driver::start(store, clock, stop.clone()).await?;
        let incoming = listener::incoming(listener, mode, stop.clone())
            .map_err(|error| ServeError::Listen(error.to_string()))?;
        let within = Self::serve(started, pki, incoming, stop.clone()).await?;
        let ended = tokio::spawn(async move {
            let result = within.await.unwrap_or_else(|error| Err(ServeError::Listen(error.to_string())));
            drop(lock);
            result
        });
        Ok(Self { address, stop, ended })
    }

    /// A coordinator on what stands for the world outside, within this thread's `LocalSet`; gives the handle
    /// to its driver too. Each connection says itself who is at its other end.
    pub async fn start_on<C>(
        seams: Seams,
        incoming: impl Stream<Item = io::Result<C>> + Send + 'static,
        stop: CancellationToken,
    ) -> Result<(Self, Driver), ServeError>
    where
        C: AsyncRead + AsyncWrite + Connected<ConnectInfo = PeerInfo> + Unpin + Send + 'static,
    {
        let Seams { store, clock, address } = seams;
        let started = driver::start_here(store, clock, stop.clone()).await?;
        let driver = started.0.clone();
        let ended = Self::serve(started, None, incoming, stop.clone()).await?;
        Ok((Self { address, stop, ended }, driver))
    }

    async fn serve<C>(
        (driver, running): (Driver, JoinHandle<Result<(), StoreError>>),
        pki: Option<Arc<Pki>>,
        incoming: impl Stream<Item = io::Result<C>> + Send + 'static,
        stop: CancellationToken,
    ) -> Result<JoinHandle<Result<(), ServeError>>, ServeError>
    where
        C: AsyncRead + AsyncWrite + Connected<ConnectInfo = PeerInfo> + Unpin + Send + 'static,
    {
        let routes = Api::new(driver, pki, stop.clone()).routes().await;
        let routes = routes.map_err(|error| ServeError::Listen(error.to_string()))?;
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE.0))
            .http2_keepalive_timeout(Some(KEEPALIVE.1))
            .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
            .layer(GuardLayer)
            .layer(tower::util::MapResponseLayer::new(crate::explain::explain))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        Ok(tokio::spawn(async move {
            let serving = tokio::spawn(serving);
            let driven = running.await;
            stop.cancel();
            let _ = tokio::time::timeout(SHUTDOWN_WITHIN, serving).await;
            match driven {
                Ok(result) => Ok(result?),
                Err(error) => Err(ServeError::Listen(format!("the driver ended: {error}"))),
            }
        }))
    }

    /// Stops it and waits for its end.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(self) -> Result<(), ServeError> {
        self.ended.await.unwrap_or_else(|error| Err(ServeError::Listen(error.to_string())))
    }
}

fn folder_error(folder: &Path, cause: impl ToString) -> ServeError {
    ServeError::Folder { folder: folder.display().to_string(), cause: cause.to_string() }
}

fn lock_folder(folder: &Path) -> Result<std::fs::File, ServeError> {
    files::create_private_folder(folder).map_err(|error| folder_error(folder, error))?;
    let file = files::open_lock(&folder.join("lock")).map_err(|error| folder_error(folder, error))?;
    match file.try_lock_exclusive() {
        Ok(true) => Ok(file),
        Ok(false) => Err(ServeError::InUse(folder.display().to_string())),
        Err(error) => Err(folder_error(folder, error)),
    }
}

/// A marker says that the folder has been used, so that a database that is gone is noticed.
fn open_store(folder: &Path) -> Result<SqliteStore, ServeError> {
    let marker = folder.join("coordinator.txt");
    let used_before = marker.exists();
    let store = SqliteStore::open(&folder.join("switchyard.db"), used_before)?;
    if !used_before {
        let text = b"The data folder of a Switchyard coordinator. Back it up whole.\n";
        files::write(&marker, text).map_err(|error| folder_error(folder, error))?;
    }
    Ok(store)
}

fn open_identity(
    config: &ServeConfig,
    address: SocketAddr,
    now: switchyard_shared::time::Timestamp,
) -> Result<(Option<Arc<Pki>>, ListenMode), ServeError> {
    if config.insecure_loopback {
        return Ok((None, ListenMode::InsecureLoopback));
    }
    let mut names = config.names.clone();
    if !address.ip().is_unspecified() {
        names.push(address.ip().to_string());
    }
    let pki = Pki::open_or_create(&config.data, &names, now)?;
    let reach = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
    let reach =
        if address.is_ipv6() && !address.ip().is_unspecified() { format!("[{reach}]") } else { reach };
    pki.write_context(&format!("https://{reach}:{}", address.port()))?;
    let server = pki.server_config()?;
    Ok((Some(Arc::new(pki)), ListenMode::Tls(server)))
}
