//! What a command runs with: settled flags, the streams, the clock, and the way to the coordinator.

mod surroundings;

#[cfg(test)]
pub use surroundings::Interrupt;
pub use surroundings::Surroundings;

use crate::cli::{Color, Format, Globals};
use crate::client::{Api, DEADLINE};
use crate::context::{self, Wish};
use crate::dial::{CONNECT_MAX, dial};
use crate::entropy;
use crate::failure::Failure;
use crate::text::Style;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use switchyard_shared::time::Timestamp;

/// How often `--wait` looks whether the coordinator is there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One run of the program.
pub struct Session {
    /// Streams, clock, terminal.
    pub around: Surroundings,
    /// The flags that every command takes.
    pub globals: Globals,
    /// How results are written.
    pub format: Format,
    /// Whether standard output may carry colour.
    pub color: bool,
    broken: bool,
}

impl Session {
    /// A run with `globals` within `around`, whose results are written as `format`.
    pub fn new(globals: Globals, around: Surroundings, format: Format) -> Self {
        let color = wants_color(globals.color, &around);
        Self { around, globals, format, color, broken: false }
    }

    /// Ends when the person presses Ctrl-C.
    pub fn interrupted(&self) -> impl Future<Output = ()> + use<> {
        let interrupt = self.around.interrupt.clone();
        async move { interrupt.wait().await }
    }

    /// Ends when `--timeout` is over; never without one.
    pub fn time_up(&self) -> impl Future<Output = ()> + use<> {
        let limit = self.globals.timeout;
        async move {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Whether results are for people.
    pub fn for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Whether a person sits at both ends and may be asked.
    pub fn may_ask(&self) -> bool {
        self.around.input_is_terminal && !self.globals.no_input
    }

    /// One line of result.
    pub fn say(&mut self, line: &str) {
        if writeln!(self.around.out, "{line}").and_then(|()| self.around.out.flush()).is_err() {
            self.broken = true;
        }
    }

    /// Text as it is, such as a drawn screen.
    pub fn draw(&mut self, text: &str) {
        if write!(self.around.out, "{text}").and_then(|()| self.around.out.flush()).is_err() {
            self.broken = true;
        }
    }

    /// Several lines of result.
    pub fn say_all(&mut self, lines: &[String]) {
        for line in lines {
            self.say(line);
        }
    }

    /// A table, or `nothing` beside the result when it has no rows.
    pub fn list(&mut self, lines: &[String], nothing: &str) {
        if lines.len() > 1 {
            self.say_all(lines);
        } else {
            self.note(nothing);
        }
    }

    /// The columns that a line may take; none when no terminal reads it.
    pub fn width(&self) -> Option<usize> {
        self.around.output_is_terminal.then(|| (self.around.size)().0)
    }

    /// One line for the person beside the result; silent with `--quiet`.
    pub fn note(&mut self, line: &str) {
        if !self.globals.quiet {
            self.warn(line);
        }
    }

    /// One line beside the result that is said in any case.
    pub fn warn(&mut self, line: &str) {
        if writeln!(self.around.err, "{line}").is_err() {
            self.broken = true;
        }
    }

    /// Whether the reader of the output went away.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The result as one JSON document.
    pub fn document(&mut self, document: &Value) {
        let text = if self.format == Format::Jsonl { document.to_string() } else { format!("{document:#}") };
        self.say(&text);
    }

    /// A list as one document, or one line per item with `-o jsonl`.
    pub fn documents(&mut self, items: Vec<Value>) {
        if self.format == Format::Jsonl {
            for item in items {
                self.say(&item.to_string());
            }
        } else {
            self.document(&crate::json::list(items));
        }
    }

    /// What went wrong, on standard error.
    pub fn complain(&mut self, failure: &Failure) {
        let text = if self.for_people() {
            failure.to_text(self.color && self.around.error_is_terminal)
        } else {
            failure.to_json().to_string()
        };
        self.warn(&text);
    }

    /// Asks a question that only `y` or `yes` answers with yes.
    pub fn confirm(&mut self, question: &str) -> bool {
        let prompt = format!("{} [y/N] ", Style::Bold.paint(question, self.color));
        let asked = write!(self.around.err, "{prompt}").and_then(|()| self.around.err.flush());
        let mut answer = String::new();
        let read =
            std::io::BufRead::read_line(&mut std::io::Read::take(&mut self.around.input, 64), &mut answer);
        asked.is_ok() && read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.around.clock.now()
    }

    /// The id of this command's requests: the operator's, or a fresh one.
    pub fn request_id(&mut self) -> String {
        self.globals.request_id.get_or_insert_with(entropy::request_id).clone()
    }

    /// How long one answer may take.
    pub fn deadline(&self) -> Duration {
        self.globals.timeout.unwrap_or(DEADLINE).min(DEADLINE)
    }

    /// Finds the coordinator and dials it, for as long as `--wait` says.
    pub async fn api(&self) -> Result<Api, Failure> {
        let until = self.now().plus(self.globals.wait.unwrap_or_default());
        loop {
            match self.dial().await {
                Err(failure) if may_come(&failure) && self.now() < until => {
                    tokio::time::sleep(LOOK_EVERY).await
                }
                settled => return settled,
            }
        }
    }

    async fn dial(&self) -> Result<Api, Failure> {
        let env = |name: &str| self.around.env(name).map(str::to_owned);
        let home = env("HOME").map(|home| PathBuf::from(home).join(".config"));
        let wish = Wish {
            server_flag: self.globals.server.clone(),
            server_env: env("SWITCHYARD_SERVER"),
            context_flag: self.globals.context.clone(),
            context_env: env("SWITCHYARD_CONTEXT"),
            cwd: self.around.cwd.clone(),
            config_home: env("XDG_CONFIG_HOME").map(PathBuf::from).or(home),
        };
        let context = context::resolve(&wish)?;
        let channel = dial(&context, self.deadline().min(CONNECT_MAX)).await?;
        Ok(Api::new(channel, context.server, self.deadline()))
    }
}

/// Whether a coordinator that is about to start would make it good: it listens after it has written its
/// context and credentials.
fn may_come(failure: &Failure) -> bool {
    matches!(failure.reason.as_str(), "UNAVAILABLE" | "NO_CONTEXT" | "NO_CREDENTIALS")
}

/// The format that flag and environment settle on.
pub fn format_of(flag: Option<Format>, around: &Surroundings) -> Result<Format, Failure> {
    let format = match (flag, around.env("SWITCHYARD_OUTPUT")) {
        (Some(format), _) => format,
        (None, Some(text)) => Format::parse(text).ok_or_else(|| {
            Failure::usage(format!("SWITCHYARD_OUTPUT is {text:?}: use table, json or jsonl"))
        })?,
        (None, None) => Format::Table,
    };
    if format == Format::Yaml {
        return Err(Failure::usage("-o yaml is not supported yet").hint("use -o json, which is also YAML"));
    }
    Ok(format)
}

fn wants_color(choice: Color, around: &Surroundings) -> bool {
    let forced = around.env("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if around.env("NO_COLOR").is_some() => false,
        Color::Auto if forced => true,
        Color::Auto => around.output_is_terminal && around.env("TERM") != Some("dumb"),
    }
}

#[cfg(test)]
mod tests;
