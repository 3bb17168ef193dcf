//! Reads what a device has: a command in a channel of its own, and all of its answer or none of it.

use super::capture::Capture;
use super::connect::Session;
use super::exchange::reason;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::time::Duration;
use switchyard_shared::readback::ANSWER_BYTES_MAX;
use switchyard_shared::task::Task;

/// Longest wait for the end of the channel once the answer is whole: some devices have room for one only.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Why there is no answer that could be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unread {
    /// The device refused to run any command.
    NoCommand,
    /// The command failed.
    Exit(u32),
    /// A signal ended the command.
    Signal(String),
    /// The answer has more than [`ANSWER_BYTES_MAX`].
    TooLong,
    /// No whole answer before the deadline.
    Silence,
    /// The connection or the channel ended before the answer did.
    Lost(String),
}

/// What the device has sent so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    answer: Vec<u8>,
    /// What it said beside its answer, or instead of one.
    pub(super) words: Capture,
    status: Option<u32>,
    ended: bool,
}

/// Runs `command` on the session's open channel within the task's command deadline; the channel is used up.
pub(super) async fn read(
    session: &mut Session,
    task: &Task,
    command: &str,
    heard: &mut Heard,
) -> Result<Vec<u8>, Unread> {
    let Some(channel) = session.channel.take() else {
        return Err(Unread::Lost("the channel was used before".into()));
    };
    let (mut read, write) = channel.split();
    let asked = tokio::time::timeout(task.timeouts.command, ask(&mut read, &write, command, heard)).await;
    match asked.unwrap_or(Err(Asked::Silence)) {
        Ok(()) => {}
        Err(Asked::Silence) => return Err(Unread::Silence),
        Err(Asked::Lost) => return Err(Unread::Lost(reason(&session.record))),
        Err(Asked::Unread(unread)) => return Err(unread),
    }
    let leaving = async {
        let _ = write.close().await;
        while let Some(message) = read.wait().await {
            if matches!(message, ChannelMsg::Close) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(CLOSE_WAIT, leaving).await;
    Ok(std::mem::take(&mut heard.answer))
}

enum Asked {
    Silence,
    Lost,
    Unread(Unread),
}

async fn ask(
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    command: &str,
    heard: &mut Heard,
) -> Result<(), Asked> {
    if write.exec(true, command.as_bytes()).await.is_err() || write.eof().await.is_err() {
        return Err(Asked::Lost);
    }
    while !heard.is_whole() {
        let message = read.wait().await.ok_or(Asked::Lost)?;
        heard.take(message).map_err(Asked::Unread)?;
    }
    Ok(())
}

impl Heard {
    /// The status alone does not end an answer: output may still be on its way.
    fn is_whole(&self) -> bool {
        self.ended && self.status.is_some()
    }

    fn take(&mut self, message: ChannelMsg) -> Result<(), Unread> {
        if let ChannelMsg::Data { data } = &message {
            if self.answer.len() + data.len() > ANSWER_BYTES_MAX {
                return Err(Unread::TooLong);
            }
            self.answer.extend_from_slice(data);
        }
        if let ChannelMsg::ExtendedData { data, .. } = &message {
            self.words.add(data);
        }
        if let ChannelMsg::ExitSignal { signal_name, .. } = &message {
            return Err(Unread::Signal(format!("{signal_name:?}")));
        }
        if matches!(message, ChannelMsg::Failure) {
            return Err(Unread::NoCommand);
        }
        if let ChannelMsg::ExitStatus { exit_status } = message {
            self.status = Some(exit_status);
        }
        if matches!(message, ChannelMsg::Eof | ChannelMsg::Close) {
            self.ended = true;
        }
        if matches!(message, ChannelMsg::Close) && self.status.is_none() {
            return Err(Unread::Lost("the device closed the channel without an exit status".into()));
        }
        match self.status {
            Some(status) if status != 0 && self.ended => {
                // Many devices print their errors where the answer would be.
                if self.words.total() == 0 {
                    self.words.add(&self.answer);
                }
                Err(Unread::Exit(status))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(bytes: &[u8]) -> ChannelMsg {
        ChannelMsg::Data { data: bytes.to_vec().into() }
    }

    #[test]
    fn an_answer_is_whole_only_with_its_status_and_its_end_in_any_order() {
        let status = || ChannelMsg::ExitStatus { exit_status: 0 };
        for messages in
            [[status(), data(b"late"), ChannelMsg::Eof], [data(b"late"), ChannelMsg::Eof, status()]]
        {
            let mut heard = Heard::default();
            for message in messages {
                assert!(!heard.is_whole(), "{heard:?}");
                heard.take(message).unwrap();
            }
            assert!(heard.is_whole() && heard.answer == b"late");
        }
        let closed = Heard::default().take(ChannelMsg::Close);
        assert!(matches!(closed, Err(Unread::Lost(_))), "{closed:?}");
    }

    #[test]
    fn an_answer_has_a_bound_and_what_is_beyond_it_is_not_held() {
        let mut heard = Heard::default();
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..ANSWER_BYTES_MAX / piece.len() {
            heard.take(data(&piece)).unwrap();
        }
        assert_eq!(heard.take(data(b"x")), Err(Unread::TooLong));
        assert_eq!(heard.answer.len(), ANSWER_BYTES_MAX);
    }

    #[test]
    fn a_command_that_fails_is_quoted_wherever_it_speaks() {
        let fail = |said: ChannelMsg| {
            let mut heard = Heard::default();
            heard.take(said).unwrap();
            heard.take(ChannelMsg::ExitStatus { exit_status: 2 }).unwrap();
            assert_eq!(heard.take(ChannelMsg::Eof), Err(Unread::Exit(2)));
            heard.words.first_line()
        };
        assert_eq!(fail(data(b"% Invalid input\n")).as_deref(), Some("% Invalid input"));
        let error = ChannelMsg::ExtendedData { data: b"denied".to_vec().into(), ext: 1 };
        assert_eq!(fail(error).as_deref(), Some("denied"));
    }
}
