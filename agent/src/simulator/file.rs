//! A device that plays a host with one file, whose shell is real: faults around what the driver says to it.

mod shell;

use super::session::{Call, answer, flood, read};
use super::trick::Trick;
use super::{Kind, Mode, listener};
use russh::Channel;
use russh::server::Msg;
use shell::{Does, Said};
use std::process::Output;

/// Lines of an answer without bound.
const MANY_LINES: usize = 1_000_000;
/// What a login prints before the answer of a command.
const NOISE: &[u8] = b"\x1b[1mAuthorized use only.\x1b[0m\r\nanother-device# \xc3\n";
/// The kind of an SSH channel's data that is standard error.
const STDERR: u32 = 1;

/// Carries one command out.
pub(super) async fn run(call: Call, channel: Channel<Msg>) {
    if matches!(call.device.mode(), Mode::Slow | Mode::SlowFailure) {
        tokio::time::sleep(call.slow_delay).await;
    }
    let Some(said) = Said::of(&call.command) else {
        // No script of the driver: nobody knows what it would do on a device.
        listener::note(&call.device, Kind::Typed, call.client, &call.command);
        return answer(&channel, b"Switchyard simulated device\n", 0).await;
    };
    match said.does {
        Does::Read => show(&call, said, channel).await,
        Does::Stage => stage(&call, said, channel).await,
        Does::Install => change(&call, said, "install", channel).await,
        Does::Remove => change(&call, said, "remove", channel).await,
    }
}

/// Runs a script; notes first what it does, where that can write, and then what it said to programs.
async fn ran(call: &Call, said: Said, input: &[u8], what: Option<&str>) -> Option<Output> {
    let note = |line: &str| listener::note(&call.device, Kind::Typed, call.client, line);
    if let Some(what) = what {
        note(what);
    }
    let before = call.device.file();
    let (output, lines) = match said.run(&call.device, input).await {
        Ok(ran) => ran,
        Err(error) => {
            tracing::error!(device = call.device.name, %error, "a simulated device failed to run its shell");
            return None;
        }
    };
    lines.iter().for_each(|line| note(line));
    if before != call.device.file() {
        call.device.took(call.client, what.unwrap_or_default());
    }
    Some(output)
}

async fn said_so(channel: &Channel<Msg>, output: &Output) {
    let _ = channel.extended_data_bytes(STDERR, output.stderr.clone()).await;
    let status = output.status.code().and_then(|code| u32::try_from(code).ok());
    answer(channel, &output.stdout, status.unwrap_or(1)).await;
}

async fn change(call: &Call, said: Said, what: &str, mut channel: Channel<Msg>) {
    let Some(output) = ran(call, said, b"", Some(what)).await else { return };
    let mode = call.device.mode();
    if let Mode::DropAfterWrite | Mode::Trick(Trick::DropBeforeReload) = mode {
        return call.cut.cancel();
    }
    if mode == Mode::StallAfterWrite {
        while channel.wait().await.is_some() {}
        return;
    }
    said_so(&channel, &output).await;
}

async fn stage(call: &Call, said: Said, mut channel: Channel<Msg>) {
    let what = format!("stage {} bytes", said.arguments.first().map_or("", String::as_str));
    let mode = call.device.mode();
    if let Mode::Stall | Mode::Half | Mode::Reject | Mode::SlowFailure = mode {
        listener::note(&call.device, Kind::Typed, call.client, &what);
    }
    if mode == Mode::Stall {
        while channel.wait().await.is_some() {}
        return;
    }
    if mode == Mode::Half {
        return call.cut.cancel();
    }
    if let Mode::Reject | Mode::SlowFailure = mode {
        return answer(&channel, b"cp: cannot create regular file: Permission denied\n", 1).await;
    }
    let Ok(text) = read(&mut channel).await else { return };
    let Some(output) = ran(call, said, &text, Some(&what)).await else { return };
    said_so(&channel, &output).await;
}

async fn show(call: &Call, said: Said, mut channel: Channel<Msg>) {
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
    let Some(shown) = ran(call, said, b"", None).await else { return };
    if !shown.status.success() {
        return said_so(&channel, &shown).await;
    }
    output.extend_from_slice(&shown.stdout);
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
