//! A device that plays a host with one file: what an agent says to its shell is known word by word, nothing is run.

use super::session::{Call, answer, flood, read};
use super::trick::Trick;
use super::{Kind, Mode, listener};
use crate::executor::cli::file::{DROP, INSTALL, OWN, PLACES, READ, REMOVE, STAGE};
use russh::Channel;
use russh::server::Msg;
use std::sync::{Mutex, PoisonError};

/// Lines of an answer without bound.
const MANY_LINES: usize = 1_000_000;
/// What a login prints before the answer of a command.
const NOISE: &[u8] = b"\x1b[1mAuthorized use only.\x1b[0m\r\nanother-device# \xc3\n";

/// What waits beside the file.
#[derive(Debug, Default)]
pub(super) struct File {
    staged: Mutex<Option<Vec<u8>>>,
}

/// A command as a shell would take it apart.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    script: String,
    second: String,
}

/// Carries one command out.
pub(super) async fn run(call: Call, file: &File, mut channel: Channel<Msg>) {
    let mode = call.device.mode();
    if matches!(mode, Mode::Slow | Mode::SlowFailure) {
        tokio::time::sleep(call.slow_delay).await;
    }
    let Some(said) = taken_apart(&call.command) else { return answer(&channel, b"", 127).await };
    if said.script == READ {
        return show(&call, &said.second, channel).await;
    }
    let Some(script) = said.script.strip_prefix(PLACES) else {
        return answer(&channel, b"Switchyard simulated device\n", 0).await;
    };
    if script == STAGE {
        return stage(&call, file, &said.second, channel).await;
    }
    if script == INSTALL {
        listener::note(&call.device, Kind::Typed, call.client, "install");
        let staged = file.staged().take();
        let Some(staged) = staged else { return answer(&channel, b"", 1).await };
        call.device.puts(call.client, "install", &staged);
        if mode == Mode::DropAfterWrite {
            return call.cut.cancel();
        }
        if mode == Mode::StallAfterWrite {
            while channel.wait().await.is_some() {}
            return;
        }
        return answer(&channel, b"", 0).await;
    }
    let own = if [DROP, REMOVE].contains(&script) { "remove" } else { script.trim_start_matches(OWN) };
    listener::note(&call.device, Kind::Typed, call.client, own);
    if script == REMOVE {
        call.device.removes(call.client);
    }
    if script == DROP {
        file.staged().take();
    }
    let staged = file.staged().clone().unwrap_or_default();
    let nonsense = script.contains("$t") && String::from_utf8_lossy(&staged).contains("nonsense");
    match nonsense && script != DROP {
        true => answer(&channel, b"line 1: nonsense\n", 1).await,
        false => answer(&channel, b"", 0).await,
    }
}

impl File {
    fn staged(&self) -> std::sync::MutexGuard<'_, Option<Vec<u8>>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn stage(call: &Call, file: &File, bytes: &str, mut channel: Channel<Msg>) {
    listener::note(&call.device, Kind::Typed, call.client, &format!("stage {bytes} bytes"));
    let mode = call.device.mode();
    if mode == Mode::Stall {
        while channel.wait().await.is_some() {}
        return;
    }
    if mode == Mode::Half {
        return call.cut.cancel();
    }
    if matches!(mode, Mode::Reject | Mode::SlowFailure) {
        return answer(&channel, b"cp: cannot create regular file: Permission denied\n", 1).await;
    }
    let Ok(text) = read(&mut channel).await else { return };
    let whole = text.len().to_string() == bytes;
    *file.staged() = whole.then_some(text);
    answer(&channel, b"", u32::from(!whole)).await;
}

async fn show(call: &Call, mark: &str, mut channel: Channel<Msg>) {
    let mode = call.device.mode();
    if mode == Mode::NoRead {
        return answer(&channel, b"cat: Permission denied\n", 1).await;
    }
    if mode == Mode::Flood {
        return flood(&channel).await;
    }
    if let Err(error) = call.device.show(call.client, "cat") {
        tracing::error!(device = call.device.name, %error, "a simulated device failed to write its ledger");
    }
    let mut output = Vec::new();
    if let Mode::Trick(
        Trick::Banner | Trick::OtherPrompt | Trick::ForgedPrompt | Trick::ForgedPrompts | Trick::Paging,
    )
    | Mode::Garble = mode
    {
        output.extend_from_slice(NOISE);
    }
    if mode == Mode::Trick(Trick::ManyLines) {
        output.extend_from_slice(&b"!\n".repeat(MANY_LINES));
    }
    output.extend_from_slice(mark.as_bytes());
    match call.device.file() {
        Some(text) => output.extend_from_slice(&[b"+", &text[..]].concat()),
        None => output.push(b'-'),
    }
    output.extend_from_slice(mark.as_bytes());
    let half = output[..output.len() / 2].to_vec();
    if mode == Mode::HalfRead {
        let _ = channel.data_bytes(half).await;
        return call.cut.cancel();
    }
    if mode == Mode::StuckRead {
        let _ = channel.data_bytes(half).await;
        while channel.wait().await.is_some() {}
        return;
    }
    if mode == Mode::Trick(Trick::Partial) {
        return answer(&channel, &half, 0).await;
    }
    if mode == Mode::Trick(Trick::OneByte) {
        for byte in output.drain(..) {
            tokio::time::sleep(call.slow_delay).await;
            if channel.data_bytes(vec![byte]).await.is_err() {
                return;
            }
        }
    }
    answer(&channel, &output, 0).await;
}

/// The script of `sh -c` and its second argument.
fn taken_apart(command: &str) -> Option<Said> {
    let (_, rest) = command.split_once("sh -c '")?;
    let mut script = String::new();
    let mut rest = rest;
    loop {
        let (piece, after) = rest.split_once('\'')?;
        script.push_str(piece);
        match after.strip_prefix(r"\''") {
            Some(more) => {
                script.push('\'');
                rest = more;
            }
            None => {
                let second = after.split_whitespace().nth(2).unwrap_or_default().to_owned();
                return Some(Said { script, second });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_apart_as_a_shell_does() {
        let said = |script: &str, second: &str| Some(Said { script: script.into(), second: second.into() });
        assert_eq!(taken_apart(r"sudo -n sh -c 'a '\''b'\'' $t' sh /etc/x 12"), said("a 'b' $t", "12"));
        assert_eq!(taken_apart("sh -c 'a' sh /etc/x"), said("a", ""));
        assert_eq!(taken_apart("reload"), None);
    }
}
