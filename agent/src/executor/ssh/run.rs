//! One command of several in a session: its input, and all of its answer with its exit status, or none of it.

use super::capture::Capture;
use super::connect::{Session, open_again};
use super::exchange::reason;
use super::explain::first_words;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest wait for the end of the channel once the answer is whole: some devices have room for one only.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A command that ended by itself.
pub(in crate::executor) struct Ran {
    /// Its exit status.
    pub(in crate::executor) status: u32,
    /// Its standard output.
    pub(in crate::executor) output: Zeroizing<Vec<u8>>,
    /// The first line of what it said beside that.
    pub(in crate::executor) words: Option<String>,
}

/// Why there is no exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::executor) enum NotRun {
    /// The session was gone before the command was sent.
    NotSent(String),
    /// The device opened no channel for it; the session lives.
    NoRoom(String),
    /// The device refused to run it.
    Refused,
    /// It printed more than was asked for.
    TooLong,
    /// The session ended, or a signal ended the command.
    Lost(String),
}

/// What is known so far.
struct Heard {
    output: Zeroizing<Vec<u8>>,
    output_max: usize,
    words: Capture,
    status: Option<u32>,
    ended: bool,
}

impl Session {
    /// Runs `command` in a channel of its own with `input` on its standard input; the caller bounds its time.
    /// At most `output_max` bytes are heard of it.
    pub(in crate::executor) async fn run(
        &mut self,
        command: &str,
        input: &[u8],
        output_max: usize,
    ) -> Result<Ran, NotRun> {
        let channel = match self.channel.take() {
            Some(channel) => channel,
            None => open_again(&self.handle).await.map_err(|error| self.not_opened(&error))?,
        };
        let (mut read, write) = channel.split();
        if write.exec(true, command.as_bytes()).await.is_err() {
            return Err(NotRun::NotSent(reason(&self.record)));
        }
        let words = Capture::default();
        let output = Zeroizing::new(Vec::new());
        let mut heard = Heard { output, output_max, words, status: None, ended: false };
        let lost = || NotRun::Lost(reason(&self.record));
        converse(&mut read, &write, input, &mut heard).await.map_err(|why| why.unwrap_or_else(lost))?;
        let _ = tokio::time::timeout(CLOSE_WAIT, leave(&mut read, &write)).await;
        let words = heard.words.first_line();
        match heard.status {
            Some(status) => Ok(Ran { status, output: heard.output, words }),
            None => Err(NotRun::Lost("the command ended without an exit status".into())),
        }
    }

    fn not_opened(&self, error: &russh::Error) -> NotRun {
        let russh::Error::ChannelOpenFailure(why) = error else {
            return NotRun::NotSent(reason(&self.record));
        };
        let said = first_words(why.description()).to_lowercase();
        NotRun::NoRoom(format!("it opened no channel for another command: {said}"))
    }
}

/// Until the answer is whole. `None`: the session ended.
async fn converse(
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    input: &[u8],
    heard: &mut Heard,
) -> Result<(), Option<NotRun>> {
    // That a command ends before it has read everything is told by its status.
    let sending = async {
        let _ = write.data_bytes(input.to_vec()).await;
        let _ = write.eof().await;
    };
    tokio::pin!(sending);
    let mut sent = false;
    while !(heard.ended && heard.status.is_some()) {
        let message = tokio::select! {
            () = &mut sending, if !sent => {
                sent = true;
                continue;
            }
            message = read.wait() => message.ok_or(None)?,
        };
        heard.take(message).map_err(Some)?;
    }
    Ok(())
}

async fn leave(read: &mut ChannelReadHalf, write: &ChannelWriteHalf<Msg>) {
    let _ = write.close().await;
    while let Some(message) = read.wait().await {
        if matches!(message, ChannelMsg::Close) {
            return;
        }
    }
}

impl Heard {
    fn take(&mut self, message: ChannelMsg) -> Result<(), NotRun> {
        if let ChannelMsg::Data { data } = &message {
            if self.output.len() + data.len() > self.output_max {
                return Err(NotRun::TooLong);
            }
            self.output.extend_from_slice(data);
        }
        if let ChannelMsg::ExtendedData { data, .. } = &message {
            self.words.add(data);
        }
        if let ChannelMsg::ExitSignal { signal_name, .. } = &message {
            return Err(NotRun::Lost(format!("the signal {signal_name:?} ended the command")));
        }
        if matches!(message, ChannelMsg::Failure) {
            return Err(NotRun::Refused);
        }
        if let ChannelMsg::ExitStatus { exit_status } = message {
            self.status = Some(exit_status);
        }
        if matches!(message, ChannelMsg::Eof | ChannelMsg::Close) {
            self.ended = true;
        }
        if matches!(message, ChannelMsg::Close) && self.status.is_none() {
            return Err(NotRun::Lost("the device closed the channel without an exit status".into()));
        }
        Ok(())
    }
}
