//! A device's ear: accepts connections as its mode says, and takes orders to change the mode.

use super::device::Device;
use super::freeze::Swallow;
use super::server::{self, Shared};
use super::{Kind, Mode};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Most connections that one device holds at once; more are closed.
const CONNECTIONS_MAX: usize = 64;
/// Rest after a connection could not be accepted, as when descriptors run out.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Longest wait for a client that was turned away to leave.
const TURN_AWAY_WAIT: Duration = Duration::from_secs(2);

/// A new mode; `done` tells when the device behaves so.
pub(super) struct Order {
    pub(super) mode: Mode,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

/// One device's accept loop; ends when the fleet stops.
pub(super) async fn listen(
    device: Arc<Device>,
    address: SocketAddr,
    listener: TcpListener,
    shared: Arc<Shared>,
    mut orders: mpsc::Receiver<Order>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut ear = (device.mode() != Mode::Refuse).then_some(listener);
    let mut swallow = Swallow::default();
    if device.mode() == Mode::Cut
        && let Some(listener) = &ear
        && let Err(error) = swallow.begin(listener).await
    {
        tracing::error!(device = device.name, %error, "a simulated device failed to cut its link");
    }
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            order = orders.recv() => match order {
                Some(order) => {
                    let result = obey(&device, order.mode, address, &mut ear, &mut swallow).await;
                    let _ = order.done.send(result);
                }
                None => return,
            },
            accepted = accept(ear.as_ref().filter(|_| device.mode() != Mode::Cut)) => match (accepted, Arc::clone(&places).try_acquire_owned()) {
                (Ok((_, client)), _) if swallow.is_ours(client) => {}
                (Ok((stream, client)), Ok(place)) => {
                    let (device, shared) = (Arc::clone(&device), Arc::clone(&shared));
                    tokio::spawn(async move {
                        let stop = shared.stop.clone();
                        let served = serve(device, shared, stream, client);
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = served => {}
                        }
                        drop(place);
                    });
                }
                (Ok(_), Err(_)) => {}
                (Err(_), _) => tokio::time::sleep(ACCEPT_REST).await,
            },
        }
    }
}

async fn accept(ear: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match ear {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}

async fn obey(
    device: &Device,
    mode: Mode,
    address: SocketAddr,
    ear: &mut Option<TcpListener>,
    swallow: &mut Swallow,
) -> io::Result<()> {
    let was_cut = device.mode() == Mode::Cut;
    device.set_mode(mode);
    match (mode == Mode::Refuse, ear.is_some()) {
        (true, _) => *ear = None,
        (false, false) => *ear = Some(TcpListener::bind(address).await?),
        (false, true) => {}
    }
    match ear {
        Some(listener) if mode == Mode::Cut => swallow.begin(listener).await,
        Some(listener) if was_cut => swallow.end(listener),
        Some(_) | None => Ok(()),
    }
}

async fn serve(device: Arc<Device>, shared: Arc<Shared>, stream: TcpStream, client: SocketAddr) {
    if device.mode() == Mode::Cut {
        // Accepted in the instant of the cut: the device never saw it.
        let mut modes = device.modes();
        let _device_is_gone = modes.wait_for(|mode| *mode != Mode::Cut).await.is_err();
        return;
    }
    if let Err(error) = device.contact(client) {
        tracing::error!(device = device.name, %error, "a simulated device failed to write its ledger");
        return;
    }
    match device.mode() {
        Mode::Refuse | Mode::Close => {}
        Mode::Hang => hang(stream).await,
        Mode::Overloaded => turn_away(stream).await,
        Mode::Good
        | Mode::Slow
        | Mode::Wait
        | Mode::Reject
        | Mode::Stall
        | Mode::Auth
        | Mode::SlowFailure
        | Mode::Cut
        | Mode::DropAfterWrite
        | Mode::StallAfterWrite
        | Mode::Half
        | Mode::NoRead
        | Mode::StuckRead
        | Mode::HalfRead
        | Mode::Flood
        | Mode::Garble
        | Mode::Mute
        | Mode::Signal
        | Mode::Busy
        | Mode::NoCommand
        | Mode::Trick(_) => server::serve(device, shared, stream, client).await,
    }
}

/// Says what OpenSSH says when it has too many connections, and closes.
async fn turn_away(mut stream: TcpStream) {
    if stream.write_all(b"Exceeded MaxStartups\r\n").await.is_ok() && stream.shutdown().await.is_ok() {
        // Closing with bytes unread would reset the connection and take the words with it.
        let _ = tokio::time::timeout(TURN_AWAY_WAIT, hang(stream)).await;
    }
}

/// Reads and never speaks, until the client has had enough.
async fn hang(mut stream: TcpStream) {
    let mut unheard = [0; 512];
    while matches!(stream.read(&mut unheard).await, Ok(1..)) {}
}

/// Notes what a device cannot afford to lose; a full disk is told to the log.
pub(super) fn note(device: &Device, kind: Kind, client: SocketAddr, detail: &str) {
    if let Err(error) = device.note(kind, client, detail) {
        tracing::error!(device = device.name, %error, "a simulated device failed to write its ledger");
    }
}
