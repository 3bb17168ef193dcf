//! One program: started as it stands, with bounds on what it prints, and gone with all its children when dropped.

use super::allowed::{DEVICE, Programs};
use crate::executor::WritePass;
use crate::fs::nameless;
use crate::process_group::Group;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use switchyard_shared::outcome::printable;
use switchyard_shared::readback::ANSWER_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use zeroize::Zeroizing;

/// Most bytes of its complaints that are kept: no secret that stands in the part that is quoted ends beyond them.
const WORDS_BYTES_MAX: usize = 256 * 1024;
/// How long what a program has printed is read after its end: somebody that it left behind may hold its output open.
const DRAINED_WITHIN: Duration = Duration::from_secs(1);
/// Longest quotation of them in a message, in bytes.
pub(super) const QUOTED_BYTES_MAX: usize = 200;

/// A program with its arguments. One that writes can only be made with the right to write.
pub(super) struct Program {
    words: Vec<String>,
    environment: Vec<String>,
}

/// How it ended.
pub(super) enum End {
    /// Exit status 0, with what it printed.
    Done(Zeroizing<Vec<u8>>),
    /// Another end, with what it said: secrets may be in it.
    Failed { why: String, said: Zeroizing<Vec<u8>> },
    /// It printed more than [`ANSWER_BYTES_MAX`], and exit status 0.
    TooLong,
    /// It never ran.
    NotStarted(String),
}

impl Program {
    pub(super) fn reading(programs: &Programs, device: &str) -> Self {
        Self::of(&programs.read, programs, device)
    }

    pub(super) fn writing(programs: &Programs, device: &str, _: &WritePass) -> Self {
        Self::of(&programs.write, programs, device)
    }

    fn of(words: &[String], programs: &Programs, device: &str) -> Self {
        let words = words.iter().map(|word| word.replace(DEVICE, device)).collect();
        Self { words, environment: programs.environment.clone() }
    }

    pub(super) fn name(&self) -> &str {
        &self.words[0]
    }

    /// How a person would type it.
    pub(super) fn shown(&self) -> String {
        printable(self.words.join(" ").as_bytes(), QUOTED_BYTES_MAX)
    }

    /// Runs it to its end, with `input` on its standard input.
    pub(super) async fn run(&self, input: Option<&str>) -> End {
        let mut group = match self.start(input) {
            Ok(group) => group,
            Err(error) => return End::NotStarted(error.to_string()),
        };
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let (mut output, mut words) = (Kept::of(ANSWER_BYTES_MAX), Kept::of(WORDS_BYTES_MAX));
        let talking = async {
            tokio::join!(output.read(stdout), words.read(stderr));
        };
        let status = match end_of(&mut group, talking).await {
            Ok(status) => status,
            Err(error) => {
                return End::Failed { why: format!("was lost: {error}"), said: Zeroizing::default() };
            }
        };
        let (whole, output, words) = (output.whole, output.bytes, words.bytes);
        match (status.success(), whole) {
            (true, true) => End::Done(output),
            (true, false) => End::TooLong,
            (false, _) => {
                let said = if words.is_empty() { output } else { words };
                End::Failed { why: format!("ended with {status}"), said }
            }
        }
    }

    /// Starts it with all of `input` there already: through a pipe, one that outlives this agent would take the part that
    /// had come for the whole.
    fn start(&self, input: Option<&str>) -> io::Result<Group> {
        let stdin = match input {
            Some(input) => Stdio::from(nameless(input.as_bytes())?),
            None => Stdio::null(),
        };
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).env_clear();
        command.envs(self.environment.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        Group::start(command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }
}

/// Waits for the program at the head of `group`, which ends all that it has left behind, and for what was said until then.
async fn end_of(group: &mut Group, talking: impl Future<Output = ()>) -> io::Result<ExitStatus> {
    let mut talking = std::pin::pin!(talking);
    tokio::select! {
        status = group.child.wait() => {
            group.kill();
            let _all_that_it_printed = tokio::time::timeout(DRAINED_WITHIN, talking).await;
            status
        }
        () = &mut talking => group.child.wait().await,
    }
}

/// What a program prints, to a bound; what is beyond it is read and not kept.
struct Kept {
    bytes: Zeroizing<Vec<u8>>,
    most: usize,
    whole: bool,
}

impl Kept {
    /// With room for all from the start, of which the system gives what is used: a text that grows leaves copies behind
    /// that nobody wipes.
    fn of(most: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(most)), most, whole: true }
    }

    /// Reads to the end.
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut piece = Zeroizing::new(vec![0; 16 * 1024]);
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            let room = self.most - self.bytes.len();
            self.whole &= count <= room;
            self.bytes.extend_from_slice(&piece[..count.min(room)]);
        }
    }
}
