//! Secrets that a program prints: only programs that a file of the agent allows, never a shell.

use super::{SECRET_BYTES_MAX, file};
use crate::fs::{Fs as _, RealFs};
use crate::process_group::Group;
use crate::turns::Turns;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::yaml::{self, Field, Problem, Problems};
use tokio::process::Command;
use zeroize::Zeroizing;

/// The file's name in the agent's data folder; without it nothing may run.
pub const FILE: &str = "secret-commands.yaml";
/// Its largest size, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Readings of it at once.
const READ_AT_ONCE: usize = 4;
/// Most programs, words of one, and variables of one.
const PROGRAMS_MAX: usize = 64;
const WORDS_MAX: usize = 32;
const VARIABLES_MAX: usize = 32;
/// What stands in a word for the argument of the reference.
const ARGUMENT: &str = "{{ argument }}";
/// Longest run of a program.
const RUN_MAX: Duration = Duration::from_secs(10);

/// Why a program gave no secret. Never holds what it printed.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The file cannot be read.
    #[error("read {file}: {1}", file = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// The file says what cannot be.
    #[error("read {file}: {1}", file = .0.display())]
    Problem(PathBuf, Box<Problem>),
    /// The file does not allow it.
    #[error("run the command {0}: {file} does not allow it", file = .1.display())]
    NotAllowed(String, PathBuf),
    /// It takes an argument and got none, or the other way round.
    #[error("run the command {0}: {1}")]
    Argument(String, &'static str),
    /// It did not start.
    #[error("run the command {0}: {1}")]
    Start(String, io::Error),
    /// It ended badly.
    #[error("ask the command {0}: it ended with {1}")]
    Ended(String, ExitStatus),
    /// It did not end.
    #[error("ask the command {0}: no end within {wait}", wait = switchyard_shared::time::format_duration(RUN_MAX))]
    Endless(String),
    /// It printed too much, or no text.
    #[error("ask the command {0}: it printed more than {SECRET_BYTES_MAX} bytes, or no UTF-8 text")]
    Output(String),
}

impl ExecError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable(file, _) | Self::Problem(file, _) => format!("mend {}", file.display()),
            Self::NotAllowed(name, file) => format!(
                "allow it on the agent's machine in {}, such as {name}: {{argv: [/usr/bin/pass, show, \"{ARGUMENT}\"]}}",
                file.display()
            ),
            Self::Argument(name, _) => {
                format!("write exec:{name}#ARGUMENT exactly where its words have {ARGUMENT}")
            }
            Self::Start(name, _) | Self::Ended(name, _) | Self::Endless(name) | Self::Output(name) => {
                format!("run {name} by hand as the agent's user, with the words that {FILE} has for it")
            }
        }
    }
}

/// The programs that one agent may ask, read anew each time.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    file: Arc<Path>,
    turns: Turns,
}

/// One program: its words, and the only variables it gets from the agent's environment.
struct Program {
    argv: Vec<String>,
    environment: Vec<String>,
}

impl Programs {
    pub(super) fn of(data: &Path) -> Self {
        Self { file: data.join(FILE).into(), turns: Turns::new(READ_AT_ONCE) }
    }

    /// What the program allowed as `name` prints for `argument`.
    pub(super) async fn ask(&self, name: &str, argument: &str) -> Result<Zeroizing<String>, ExecError> {
        let mut allowed = self.read().await?;
        let program = allowed.remove(name);
        let program = program.ok_or_else(|| ExecError::NotAllowed(name.into(), self.file.to_path_buf()))?;
        match (argument.is_empty(), program.argv.iter().any(|word| word.contains(ARGUMENT))) {
            (true, true) => return Err(ExecError::Argument(name.into(), "it needs an argument")),
            (false, false) => return Err(ExecError::Argument(name.into(), "it takes no argument")),
            (true, false) | (false, true) => {}
        }
        let asked = tokio::time::timeout(RUN_MAX, program.run(name, argument)).await;
        asked.unwrap_or_else(|_| Err(ExecError::Endless(name.into())))
    }

    async fn read(&self) -> Result<BTreeMap<String, Program>, ExecError> {
        let unreadable = |error| ExecError::Unreadable(self.file.to_path_buf(), error);
        let file = self.file.clone();
        let text = match self.turns.run(move || RealFs.read(&file, FILE_BYTES_MAX)).await.flatten() {
            Ok(bytes) => String::from_utf8(bytes).map_err(|error| unreadable(io::Error::other(error)))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let problems = Problems::new(FILE);
        let node = yaml::parse(&text, usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX), &problems);
        let programs = node.map(|node| programs(&Field::root(&node, &problems)));
        problems
            .into_result(programs)
            .map_err(|mut found| ExecError::Problem(self.file.to_path_buf(), Box::new(found.swap_remove(0))))
    }
}

fn programs(root: &Field<'_>) -> BTreeMap<String, Program> {
    let program = |(name, _, field): (&str, yaml::Position, Field<'_>)| {
        let mut section = field.section()?;
        let argv = section.require("argv", "argv: [/usr/bin/pass, show, \"{{ argument }}\"]")?;
        let texts = |field: &Field<'_>, most| -> Option<Vec<String>> {
            field.list(most)?.iter().map(|word| word.text().map(str::to_owned)).collect()
        };
        let words = texts(&argv, WORDS_MAX)?;
        if !words.first().is_some_and(|program| program.starts_with('/')) || words[0].contains(ARGUMENT) {
            argv.problem("must begin with the absolute path of a program", "for example /usr/bin/pass");
        }
        let environment = section.take("environment").and_then(|field| texts(&field, VARIABLES_MAX));
        Some((name.to_owned(), Program { argv: words, environment: environment.unwrap_or_default() }))
    };
    root.map(PROGRAMS_MAX).unwrap_or_default().into_iter().filter_map(program).collect()
}

impl Program {
    async fn run(&self, name: &str, argument: &str) -> Result<Zeroizing<String>, ExecError> {
        let mut words = self.argv.iter().map(|word| word.replace(ARGUMENT, argument));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear();
        for variable in &self.environment {
            command.envs(std::env::var_os(variable).map(|value| (variable, value)));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let start = |error| ExecError::Start(name.into(), error);
        // Killed with all that it started at every end, also when nobody waits any more.
        let mut group = Group::start(&mut command).map_err(start)?;
        let output = group.child.stdout.take();
        let bytes = file::bounded(output.ok_or_else(|| start(io::ErrorKind::BrokenPipe.into()))?)
            .await
            .map_err(start)?;
        if bytes.len() as u64 > SECRET_BYTES_MAX {
            return Err(ExecError::Output(name.into()));
        }
        let status = group.child.wait().await.map_err(start)?;
        if !status.success() {
            return Err(ExecError::Ended(name.into(), status));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| ExecError::Output(name.into()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> (Programs, tempfile::TempDir) {
        let data = tempfile::tempdir().unwrap();
        crate::fs::replace(&crate::fs::RealFs, &data.path().join(FILE), text.as_bytes()).unwrap();
        (Programs::of(data.path()), data)
    }

    #[tokio::test]
    async fn a_program_that_the_agent_allows_is_asked_with_the_argument_as_one_word() {
        let (programs, _data) =
            allowed("say: {argv: [/bin/echo, -n, \"<{{ argument }}>\"]}\nfixed: {argv: [/bin/echo, x]}\n");
        assert_eq!(*programs.ask("say", "net/ntp").await.unwrap(), "<net/ntp>");
        assert_eq!(*programs.ask("fixed", "").await.unwrap(), "x\n");
        assert!(matches!(programs.ask("say", "").await, Err(ExecError::Argument(..))));
        assert!(matches!(programs.ask("fixed", "more").await, Err(ExecError::Argument(..))));
    }

    #[tokio::test]
    async fn nothing_else_runs_and_no_file_allows_nothing() {
        let (programs, _data) = allowed("say: {argv: [/bin/echo]}\n");
        let error = programs.ask("id", "").await.unwrap_err();
        assert!(
            matches!(error, ExecError::NotAllowed(..)) && error.hint().contains("secret-commands.yaml"),
            "{error}"
        );
        let (relative, _data) = allowed("say: {argv: [echo]}\n");
        assert!(matches!(relative.ask("say", "").await, Err(ExecError::Problem(..))));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(Programs::of(empty.path()).ask("say", "").await, Err(ExecError::NotAllowed(..))));
    }

    #[tokio::test]
    async fn a_file_that_is_larger_than_it_may_be_allows_nothing_and_is_named_with_its_bound() {
        let said = "say: {argv: [/bin/echo, x]}\n";
        let (programs, _data) = allowed(&format!("{said}{}", "#\n".repeat(FILE_BYTES_MAX as usize / 2)));
        let error = programs.ask("say", "").await.unwrap_err();
        assert!(matches!(error, ExecError::Unreadable(..)), "{error}");
        assert!(error.to_string().contains("larger than 65536 bytes"), "{error}");
    }

    #[tokio::test]
    async fn a_program_sees_only_the_variables_that_it_was_given() {
        let (programs, _data) = allowed("some: {argv: [/usr/bin/env], environment: [CARGO_PKG_NAME]}\n");
        assert_eq!(*programs.ask("some", "").await.unwrap(), "CARGO_PKG_NAME=switchyard-agent\n");
    }

    #[tokio::test]
    async fn a_program_that_fails_or_never_stops_printing_gives_no_secret_and_shows_none() {
        let (programs, _data) =
            allowed("bad: {argv: [/bin/sh, -c, \"echo s3cr3t; exit 3\"]}\nlong: {argv: [/usr/bin/yes]}\n");
        let error = programs.ask("bad", "").await.unwrap_err();
        assert!(
            matches!(error, ExecError::Ended(..)) && !format!("{error:?}").contains("s3cr3t"),
            "{error:?}"
        );
        assert!(matches!(programs.ask("long", "").await, Err(ExecError::Output(_))));
    }

    #[tokio::test]
    async fn what_a_program_starts_is_gone_when_nobody_waits_for_the_secret_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
        let (programs, _data) = allowed(&format!("hang: {{argv: [/bin/sh, -c, {script:?}]}}\n"));
        let started = async {
            loop {
                if let Ok(id) = tokio::fs::read_to_string(&pid).await {
                    return id.trim().to_owned();
                }
                tokio::task::yield_now().await;
            }
        };
        let id = tokio::select! {
            asked = programs.ask("hang", "") => panic!("{asked:?}"),
            id = started => id,
        };
        let status = format!("/proc/{id}/status");
        let gone = async {
            while tokio::fs::read_to_string(&status).await.is_ok_and(|status| !status.contains("(zombie)")) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), gone).await.expect("its child is gone");
    }
}
