//! The bytes between an agent and a device's shell.

use crate::executor::Failure;
use crate::executor::ssh::Session;
use futures_util::future::BoxFuture;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use switchyard_shared::outcome::{Class, Phase};

/// Columns of the terminal: lines beyond it are scrolled by the device's editor.
const COLUMNS: u32 = 511;
/// Rows of the terminal, for devices that know no other way to turn paging off.
const ROWS: u32 = 1000;

/// A shell's two directions. An error says why the session is gone.
pub(super) trait Wire: Send {
    /// Sends all of `bytes`.
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>>;

    /// Some output, as soon as there is any.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>>;

    /// Says goodbye.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// An interactive shell over SSH.
pub(super) struct SshWire {
    session: Session,
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
}

impl SshWire {
    /// Asks for a terminal and a shell on the open channel of `session`.
    pub(super) async fn open(mut session: Session, terminal: &str, device: &str) -> Result<Self, Failure> {
        let refused = |what: &str| {
            let message = format!("{device} refuses to give {what}");
            Failure::new(Class::Unreachable, Phase::Connect, message)
                .with_hint("allow this user an interactive shell on the device")
        };
        let lost = |session: &Session| {
            let message = format!("{device}: session lost before its shell began: {}", session.lost());
            Failure::new(Class::Unreachable, Phase::Connect, message)
                .with_hint("nothing was written; log in by hand and look at its sessions")
        };
        let Some(channel) = session.channel.take() else { return Err(lost(&session)) };
        let (mut read, write) = channel.split();
        if write.request_pty(true, terminal, COLUMNS, ROWS, 0, 0, &[]).await.is_err() {
            return Err(lost(&session));
        }
        match answer(&mut read).await {
            Some(true) => {}
            Some(false) => return Err(refused("a terminal")),
            None => return Err(lost(&session)),
        }
        if write.request_shell(true).await.is_err() {
            return Err(lost(&session));
        }
        match answer(&mut read).await {
            Some(true) => Ok(Self { session, read, write }),
            Some(false) => Err(refused("a shell")),
            None => Err(lost(&session)),
        }
    }
}

/// Whether a request was granted; nothing is said before.
async fn answer(read: &mut ChannelReadHalf) -> Option<bool> {
    loop {
        let message = read.wait().await?;
        if matches!(message, ChannelMsg::Success) {
            return Some(true);
        }
        if matches!(message, ChannelMsg::Failure) {
            return Some(false);
        }
        if matches!(message, ChannelMsg::Close) {
            return None;
        }
    }
}

impl Wire for SshWire {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let sent = self.write.data_bytes(bytes).await;
            sent.map_err(|_| self.session.lost())
        })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        Box::pin(async move {
            loop {
                let Some(message) = self.read.wait().await else { return Err(self.session.lost()) };
                if let ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } = &message {
                    return Ok(data.to_vec());
                }
                if matches!(message, ChannelMsg::Close | ChannelMsg::Eof) {
                    return Err("the device ended the shell".into());
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { session, read, write } = *self;
            drop((read, write));
            session.close().await;
        })
    }
}
