//! Everything outside the program that a command touches, so that tests can stand in for it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::Arc;
use switchyard_coordinator::clock::{Clock, SystemClock};
use tokio_util::sync::CancellationToken;

/// The terminal's size when it does not say: columns, lines.
const SIZE_UNKNOWN: (usize, usize) = (80, 24);

/// Streams, environment, clock.
pub struct Surroundings {
    /// `SWITCHYARD_*`, colour and home variables.
    pub environment: BTreeMap<String, String>,
    /// The folder the person stands in.
    pub cwd: PathBuf,
    /// Standard input.
    pub input: Box<dyn BufRead + Send>,
    /// Standard output.
    pub out: Box<dyn Write + Send>,
    /// Standard error.
    pub err: Box<dyn Write + Send>,
    /// Whether a person types.
    pub input_is_terminal: bool,
    /// Whether a person reads the result.
    pub output_is_terminal: bool,
    /// Whether a person reads the errors.
    pub error_is_terminal: bool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What Ctrl-C does.
    pub interrupt: Interrupt,
    /// Columns and lines of the terminal now.
    pub size: fn() -> (usize, usize),
}

/// The wish to stop.
#[derive(Clone)]
pub enum Interrupt {
    /// SIGINT or SIGTERM of this process.
    Signal,
    /// A test's token.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests interrupt by a token"))]
    Token(CancellationToken),
}

impl Interrupt {
    /// Waits for the wish; for ever should the system give no signals.
    pub async fn wait(&self) {
        match self {
            Self::Token(token) => token.cancelled().await,
            Self::Signal => {
                let Ok(mut terminate) =
                    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                else {
                    return std::future::pending().await;
                };
                tokio::select! {
                    result = tokio::signal::ctrl_c() => {
                        if result.is_err() {
                            std::future::pending::<()>().await;
                        }
                    }
                    _ = terminate.recv() => {}
                }
            }
        }
    }
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            environment: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            input: Box::new(BufReader::new(std::io::stdin())),
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            input_is_terminal: std::io::stdin().is_terminal(),
            output_is_terminal: std::io::stdout().is_terminal(),
            error_is_terminal: std::io::stderr().is_terminal(),
            clock: SystemClock::shared(),
            interrupt: Interrupt::Signal,
            size: terminal_size,
        }
    }

    /// A variable of the environment that is set and not empty.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn terminal_size() -> (usize, usize) {
    match crossterm::terminal::size() {
        Ok((columns, lines)) if columns > 0 && lines > 0 => (columns.into(), lines.into()),
        _ => SIZE_UNKNOWN,
    }
}
