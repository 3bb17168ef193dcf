//! The write: the command, the configuration on its standard input, and the device's answer.

use super::capture::Capture;
use super::connect::Session;
use super::peer::{Farewell, Record};
use crate::executor::WritePass;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::time::Duration;
use switchyard_shared::task::Task;

/// Longest wait for the rest of the output once the exit status is known.
const OUTPUT_WAIT: Duration = Duration::from_secs(2);

/// How the write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The session was gone before the command was sent, or the attempt may not send it: the device saw nothing.
    NotSent(String),
    /// The device refused to run any command.
    NoCommand,
    /// The command ended by itself. `whole`: all of the configuration had been sent by then.
    Exit { status: u32, whole: bool },
    /// A signal ended the command.
    Signal(String),
    /// No exit status before the deadline.
    Silence,
    /// The connection or the channel ended without an exit status.
    Lost(String),
}

/// Runs the task's command within its deadline. It needs the pass of the gate, and never leaves an attempt that only
/// reads.
pub(super) async fn exchange(
    session: &mut Session,
    _: &WritePass,
    task: &Task,
    capture: &mut Capture,
) -> Ending {
    if !task.purpose.writes() {
        return Ending::NotSent("this attempt only reads".into());
    }
    let Some(channel) = session.channel.take() else {
        return Ending::NotSent("the channel was used before".into());
    };
    let (mut read, write) = channel.split();
    let deadline = task.timeouts.command;
    let ending = tokio::time::timeout(deadline, converse(&mut read, &write, task, capture, &session.record));
    let ending = ending.await.unwrap_or(Ending::Silence);
    if matches!(ending, Ending::Exit { .. } | Ending::Signal(_)) {
        let _ = tokio::time::timeout(OUTPUT_WAIT, drain(&mut read, capture)).await;
    }
    ending
}

async fn converse(
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    task: &Task,
    capture: &mut Capture,
    record: &Record,
) -> Ending {
    if write.exec(true, task.work.write_command().as_bytes()).await.is_err() {
        return Ending::NotSent(reason(record));
    }
    let mut sent = Sent::Partly;
    let sending = send(write, task.configuration.to_vec());
    tokio::pin!(sending);
    loop {
        let message = tokio::select! {
            over = &mut sending, if sent == Sent::Partly => {
                sent = over;
                continue;
            }
            message = read.wait() => message,
        };
        let Some(message) = message else { return Ending::Lost(reason(record)) };
        if let Some(ending) = judge(message, sent, capture) {
            return ending;
        }
    }
}

/// How much of the configuration has left for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// Sending goes on.
    Partly,
    /// All of it, and that it ends there.
    Whole,
    /// The session ended before all of it was sent: the reading side tells how.
    Never,
}

async fn send(write: &ChannelWriteHalf<Msg>, configuration: Vec<u8>) -> Sent {
    let data = write.data_bytes(configuration).await;
    match data.is_ok() && write.eof().await.is_ok() {
        true => Sent::Whole,
        false => Sent::Never,
    }
}

/// The ending that a message means, if it means one.
fn judge(message: ChannelMsg, sent: Sent, capture: &mut Capture) -> Option<Ending> {
    if let ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } = &message {
        capture.add(data);
    }
    if let ChannelMsg::ExitSignal { signal_name, .. } = &message {
        return Some(Ending::Signal(format!("{signal_name:?}")));
    }
    if let ChannelMsg::ExitStatus { exit_status } = message {
        return Some(Ending::Exit { status: exit_status, whole: sent == Sent::Whole });
    }
    if matches!(message, ChannelMsg::Failure) {
        return Some(Ending::NoCommand);
    }
    matches!(message, ChannelMsg::Close)
        .then(|| Ending::Lost("the device closed the channel without an exit status".into()))
}

async fn drain(read: &mut ChannelReadHalf, capture: &mut Capture) {
    while let Some(message) = read.wait().await {
        if let ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } = &message {
            capture.add(data);
        }
        if matches!(message, ChannelMsg::Close) {
            return;
        }
    }
}

/// Why the session ended.
pub(super) fn reason(record: &Record) -> String {
    match record.farewell() {
        Some(Farewell::Message { text, .. }) => format!("the device disconnected and said {text:?}"),
        Some(Farewell::Broken(why)) => format!("the connection broke ({why})"),
        None => "the connection broke".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_exit_counts_only_when_all_of_the_configuration_was_sent() {
        for (sent, whole) in [(Sent::Partly, false), (Sent::Never, false), (Sent::Whole, true)] {
            let message = ChannelMsg::ExitStatus { exit_status: 0 };
            let ending = judge(message, sent, &mut Capture::default());
            assert_eq!(ending, Some(Ending::Exit { status: 0, whole }), "{sent:?}");
        }
    }
}
