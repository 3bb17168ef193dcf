//! The SSH server of a simulated device: who may log in, and which command gets a session.

use super::cli;
use super::cut_after::CutAfter;
use super::device::{Device, Role};
use super::file;
use super::freeze::FrozenStream;
use super::listener::note;
use super::netconf;
use super::session::{self, Call};
use super::{Kind, Mode, Trick};
use crate::executor::ssh::cut::CutStream;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey, run_stream,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// The user that every device knows.
pub(super) const USER: &str = "netops";

/// What all devices of a fleet have in common.
pub(super) struct Shared {
    pub(super) config: Arc<Config>,
    pub(super) client_key: PublicKey,
    pub(super) password: Option<String>,
    pub(super) slow_delay: Duration,
    pub(super) stop: CancellationToken,
    pub(super) cut_after: Arc<CutAfter>,
}

/// The server's settings; `host_key` is the identity of every device.
pub(super) fn config(host_key: PrivateKey, passwords: bool) -> Config {
    let mut methods = MethodSet::empty();
    methods.push(MethodKind::PublicKey);
    if passwords {
        methods.push(MethodKind::Password);
    }
    Config {
        keys: vec![host_key],
        methods,
        nodelay: true,
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        ..Config::default()
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(device: Arc<Device>, shared: Arc<Shared>, stream: TcpStream, client: SocketAddr) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let cut = shared.stop.child_token();
    let _ends_with_us = cut.clone().drop_guard();
    let stream = FrozenStream::new(CutStream::new(stream, cut.clone()), device.modes());
    let config = Arc::clone(&shared.config);
    let visitor = Visitor { device, shared, client, cut, channels: BTreeMap::new(), opened: 0 };
    if let Ok(session) = run_stream(config, stream, visitor).await {
        let _ = session.await;
    }
}

struct Visitor {
    device: Arc<Device>,
    shared: Arc<Shared>,
    client: SocketAddr,
    cut: CancellationToken,
    channels: BTreeMap<ChannelId, Channel<Msg>>,
    /// How many channels there were.
    opened: u8,
}

impl Visitor {
    fn answer(&self, user: &str, accepted: bool) -> Auth {
        let accepted = accepted && user == USER && self.device.mode() != Mode::Auth;
        let kind = if accepted { Kind::Login } else { Kind::Refusal };
        note(&self.device, kind, self.client, user);
        if accepted { Auth::Accept } else { Auth::reject() }
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(self.answer(user, self.shared.password.as_deref() == Some(password)))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let known = offer.public_key.key_data() == self.shared.client_key.key_data();
        if known && user == USER && self.device.mode() != Mode::Auth {
            return Ok(Auth::Accept);
        }
        Ok(self.answer(user, false))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let known = key.public_key.key_data() == self.shared.client_key.key_data();
        Ok(self.answer(user, known))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let mode = self.device.mode();
        let is_full = matches!(mode, Mode::Trick(Trick::Channels(most)) if self.opened >= most);
        if mode == Mode::Busy || is_full || !self.channels.is_empty() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        } else {
            self.opened = self.opened.saturating_add(1);
            self.channels.insert(channel.id(), channel);
            reply.accept().await;
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let plays = !matches!(self.device.role, Role::Cli(_) | Role::Netconf(_))
            && self.device.mode() != Mode::NoCommand;
        let channel = self.channels.remove(&id).filter(|_| plays);
        let Some(channel) = channel else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let call = Call {
            device: Arc::clone(&self.device),
            client: self.client,
            command: String::from_utf8_lossy(command).into_owned(),
            handle: session.handle(),
            cut: self.cut.clone(),
            slow_delay: self.shared.slow_delay,
            cut_after: Arc::clone(&self.shared.cut_after),
        };
        match &self.device.role {
            Role::File => {
                tokio::spawn(file::run(call, channel));
            }
            Role::Command | Role::Cli(_) | Role::Netconf(_) => {
                tokio::spawn(session::run(call, channel));
            }
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _terminal: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.device.role {
            Role::Cli(_) => session.channel_success(id),
            Role::Command | Role::File | Role::Netconf(_) => session.channel_failure(id),
        }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        let channel = self.channels.remove(&id).filter(|_| self.device.mode() != Mode::NoCommand);
        let (Role::Cli(cli), Some(channel)) = (&self.device.role, channel) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let call = cli::Call {
            device: Arc::clone(&self.device),
            cli: Arc::clone(cli),
            client: self.client,
            cut: self.cut.clone(),
            stop: self.shared.stop.clone(),
            slow_delay: self.shared.slow_delay,
        };
        tokio::spawn(cli::run(call, channel));
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let speaks = name == "netconf" && self.device.mode() != Mode::NoCommand;
        let channel = self.channels.remove(&id).filter(|_| speaks);
        let (Role::Netconf(netconf), Some(channel)) = (&self.device.role, channel) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let call = netconf::Call {
            device: Arc::clone(&self.device),
            netconf: Arc::clone(netconf),
            client: self.client,
            cut: self.cut.clone(),
            stop: self.shared.stop.clone(),
            slow_delay: self.shared.slow_delay,
        };
        tokio::spawn(netconf::run(call, channel));
        Ok(())
    }
}
