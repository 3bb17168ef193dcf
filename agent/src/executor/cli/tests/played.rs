//! A device that plays a platform's command line, without a network.

use super::super::session::{CliSession, Names};
use super::super::shell::Shell;
use super::super::wire::Wire;
use crate::executor::device::Job;
use crate::executor::{AttemptContext, Failure, GateRefused, WritePass};
use crate::platform::Platform;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::configuration::{Block, after, parse, print};
use switchyard_shared::outcome::Phase;
use switchyard_shared::procedure::{Procedure, Transport};
use switchyard_shared::task::{Purpose, Task};

/// What a device does wrong.
#[derive(Clone, Copy, Default)]
pub(super) struct Fault {
    /// Everything comes in pieces of so many bytes; 0: whole.
    pub(super) pieces: usize,
    /// It pages after every third line, whatever it is told.
    pub(super) pages: bool,
    /// A greeting with a prompt in it stands before the first prompt.
    pub(super) banner: bool,
    /// It goes silent and away after so many configured lines.
    pub(super) lost_after: Option<usize>,
    /// Its answers end in the prompt of another device.
    pub(super) other_prompt: bool,
    /// Another session holds its configuration.
    pub(super) locked: bool,
}

/// What outlives a session.
#[derive(Default)]
pub(super) struct State {
    pub(super) running: Vec<Block>,
    /// What comes back unless the change is confirmed.
    awaited: Option<Vec<Block>>,
    checkpoint: Vec<Block>,
    pub(super) said: Vec<String>,
}

/// A device.
#[derive(Clone)]
pub(super) struct Device {
    pub(super) platform: Arc<Platform>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) fault: Fault,
}

pub(super) struct Gate;

impl AttemptContext for Gate {
    fn progress(&self, _phase: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

pub(super) async fn pass() -> WritePass {
    WritePass::ask(&Gate, None).await.expect("an open gate")
}

impl Device {
    pub(super) fn new(platform: &str, running: &str, fault: Fault) -> Self {
        let platform = super::platform(platform);
        let state = State { running: parse(running, &platform.dialect), ..State::default() };
        Self { platform, state: Arc::new(Mutex::new(state)), fault }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self) -> String {
        print(&self.state().running)
    }

    /// What was said to it that could change it.
    pub(super) fn writing_words(&self) -> Vec<String> {
        let platform = &self.platform;
        let only_looks =
            |line: &String| platform.looks.allow(line) || platform.setup.contains(line) || line.is_empty();
        self.state().said.iter().filter(|line| !only_looks(line)).cloned().collect()
    }

    pub(super) async fn session(&self) -> Result<CliSession, Failure> {
        let mut task: Task = crate::executor::ssh::played_task();
        task.purpose = Purpose::Apply;
        let procedure = Procedure::new(Transport::SshCli, self.platform.name.clone());
        let names = Names::of(&Job { task: &task, procedure: &procedure, context: &Gate });
        let mut played = Played { device: self.clone(), ..Played::default_for(self) };
        played.greet();
        let mut shell = Shell::new(Box::new(played), self.platform.clone(), None);
        super::super::begin(&mut shell, &self.platform, &names.device).await?;
        Ok(CliSession::new(shell, self.platform.clone(), names))
    }
}

/// One session.
struct Played {
    device: Device,
    out: VecDeque<Vec<u8>>,
    line: String,
    /// The candidate, or what is being configured at once.
    draft: Option<Vec<Block>>,
    path: Vec<String>,
    configured: usize,
    /// Pages that wait for a key, and whether a question waits.
    pages: VecDeque<String>,
    asks: bool,
    gone: bool,
}

impl Played {
    fn default_for(device: &Device) -> Self {
        Self {
            device: device.clone(),
            out: VecDeque::new(),
            line: String::new(),
            draft: None,
            path: Vec::new(),
            configured: 0,
            pages: VecDeque::new(),
            asks: false,
            gone: false,
        }
    }

    fn is(&self, platform: &str) -> bool {
        self.device.platform.name == platform
    }

    fn has_candidate(&self) -> bool {
        self.device.platform.configure.candidate.is_some()
    }

    fn greet(&mut self) {
        let banner = "\r\nAuthorized use only. Prompts:\r\nr1#\r\nops@r1>\r\nA:r1# \r\n and others\r\n\r\n";
        let text = if self.device.fault.banner { banner } else { "\r\n" };
        let prompt = self.prompt();
        self.emit(&format!("{text}{prompt}"));
    }

    fn prompt(&self) -> String {
        let said_something = self.device.state().said.iter().any(|line| !line.is_empty());
        let name = if self.device.fault.other_prompt && said_something { "r2" } else { "r1" };
        let configuring = self.draft.is_some();
        match self.device.platform.name.as_str() {
            "juniper_junos" if configuring => format!("[edit]\r\nops@{name}# "),
            "juniper_junos" => format!("ops@{name}> "),
            "nokia_srlinux" => {
                let mode = if configuring { "candidate exclusive default" } else { "running" };
                format!("--{{ {mode} }}--[  ]--\r\nA:{name}# ")
            }
            _ if configuring => format!("{name}(config{})#", if self.path.is_empty() { "" } else { "-sub" }),
            "frr" => format!("{name}# "),
            _ => format!("{name}#"),
        }
    }

    fn emit(&mut self, text: &str) {
        match self.device.fault.pieces {
            0 => self.out.push_back(text.as_bytes().to_vec()),
            size => self.out.extend(text.as_bytes().chunks(size).map(<[u8]>::to_vec)),
        }
    }

    /// Answers with `text`, page by page where it pages.
    fn answer(&mut self, text: &str) {
        let text = text.replace('\n', "\r\n");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        if self.device.fault.pages && lines.len() > 3 {
            self.pages = lines.chunks(3).map(|page| page.concat()).collect();
            return self.page();
        }
        let prompt = self.prompt();
        self.emit(&format!("{text}{prompt}"));
    }

    fn page(&mut self) {
        let page = self.pages.pop_front().unwrap_or_default();
        let more = match (self.pages.is_empty(), self.device.platform.name.as_str()) {
            (true, _) => self.prompt(),
            (false, "juniper_junos") => "---(more)---".into(),
            (false, "frr" | "nokia_srlinux") => "--More--".into(),
            (false, _) => " --More-- ".into(),
        };
        self.emit(&format!("\r            \r{page}{more}"));
    }

    fn hear(&mut self, byte: u8) {
        if self.gone {
            return;
        }
        if !self.pages.is_empty() && byte == b' ' {
            return self.page();
        }
        if byte != b'\n' {
            // Ctrl-V takes the next character as it stands.
            return if byte == 0x16 {
            } else {
                self.line.push(char::from(byte))
            };
        }
        let line = std::mem::take(&mut self.line);
        self.emit(&format!("{line}\r\n"));
        self.device.state().said.push(line.clone());
        let said = self.obey(&line);
        if self.device.fault.lost_after.is_some_and(|after| self.configured > after) {
            self.gone = true;
            self.out.clear();
            return;
        }
        if !self.asks {
            self.answer(&said);
        }
    }

    fn obey(&mut self, line: &str) -> String {
        if std::mem::take(&mut self.asks) {
            self.draft = (line == "yes").then(Vec::new).or(self.draft.take());
            return String::new();
        }
        if line.is_empty() || self.device.platform.setup.iter().any(|known| known == line) {
            return String::new();
        }
        if line == self.device.platform.running.command {
            let comment = self.device.platform.dialect.comments.first().cloned().unwrap_or_default();
            let end = if self.device.platform.running.whole.is_some() { "end\n" } else { "" };
            return format!("{comment} of this device\n{}{end}", self.device.running());
        }
        match self.draft.is_some() {
            false => self.outside(line),
            true => self.inside(line),
        }
    }

    fn refuse(&self) -> String {
        match self.device.platform.name.as_str() {
            "juniper_junos" => "          ^\nunknown command.\n".into(),
            "nokia_srlinux" => "Error: unknown token\n".into(),
            _ => "% Invalid input detected\n".into(),
        }
    }

    fn outside(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let enters = matches!(
            (words.as_slice(), self.device.platform.name.as_str()),
            (["configure", "terminal"], "cisco_ios" | "cisco_nxos" | "frr")
                | (["configure", "session", _], "arista_eos")
                | (["configure", "exclusive"], "juniper_junos")
                | (["enter", "candidate", "exclusive"], "nokia_srlinux")
        );
        if enters && self.device.fault.locked {
            return match self.device.platform.name.as_str() {
                "juniper_junos" => "error: configuration database locked by: bob terminal p0\n".into(),
                "arista_eos" => "% Maximum number of pending sessions reached\n".into(),
                "nokia_srlinux" => "Error: exclusive session held by user bob\n".into(),
                "frr" => "% VTY configuration is locked by other VTY\n".into(),
                _ => "Configuration mode locked exclusively by user bob\n".into(),
            };
        }
        let mut state = self.device.state();
        match words.as_slice() {
            _ if enters => {
                let running = state.running.clone();
                drop(state);
                self.draft = Some(running);
                String::new()
            }
            ["configure", "session", _, "commit"]
            | ["tools", "system", "configuration", "confirmed-accept"] => {
                state.awaited = None;
                String::new()
            }
            ["configure", "session", _, "abort"]
            | ["tools", "system", "configuration", "confirmed-reject"] => {
                if let Some(awaited) = state.awaited.take() {
                    state.running = awaited;
                }
                String::new()
            }
            ["checkpoint", _] | ["save", "checkpoint", "name", _] => {
                state.checkpoint = state.running.clone();
                String::new()
            }
            ["rollback", "running-config", "checkpoint", _] => {
                state.running = state.checkpoint.clone();
                String::new()
            }
            ["enter", "running"]
            | ["write", "memory"]
            | ["save", "startup"]
            | ["copy", "running-config", "startup-config"] => String::new(),
            _ => {
                drop(state);
                self.refuse()
            }
        }
    }

    fn inside(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let candidate = self.has_candidate();
        match words.as_slice() {
            ["end"] if !candidate => self.leave(false),
            ["exit"] if self.path.pop().is_some() => {}
            ["abort"] | ["discard", "now"] | ["exit", "configuration-mode"] if candidate => {
                (self.draft, self.path) = (None, Vec::new());
            }
            ["rollback", "0"] => self.draft = Some(self.device.state().running.clone()),
            ["rollback", "1"] => self.draft = self.device.state().awaited.take(),
            ["rollback", "clean-config"] => self.draft = Some(Vec::new()),
            ["load", "checkpoint", "name", _] => self.draft = Some(self.device.state().checkpoint.clone()),
            ["delete"] if self.is("juniper_junos") => {
                self.emit("This will delete the entire configuration\r\nDelete everything under this level? [yes,no] (no) ");
                self.asks = true;
            }
            ["commit", "timer", clock] => {
                assert_eq!(*clock, "00:05:00");
                self.leave(true);
            }
            ["commit", "confirmed", ..] => self.leave(true),
            ["commit", ..] => self.leave(false),
            _ => return self.configure(line),
        }
        String::new()
    }

    fn configure(&mut self, line: &str) -> String {
        let flat = ["set ", "delete "].iter().any(|word| line.starts_with(word));
        let known = !line.contains("nonsense") && (flat || self.device.platform.dialect.indented);
        if !known {
            return self.refuse();
        }
        self.configured += 1;
        let dialect = &self.device.platform.dialect;
        let step = self
            .path
            .iter()
            .rev()
            .fold(Block::line(line), |inner, section| Block { line: section.clone(), children: vec![inner] });
        let draft = self.draft.take().unwrap_or_default();
        let draft = after(&draft, &[step], dialect);
        if !self.has_candidate() {
            self.device.state().running = draft.clone();
        }
        self.draft = Some(draft);
        if dialect.indented && ["interface ", "router "].iter().any(|opens| line.starts_with(opens)) {
            self.path.push(line.to_owned());
        }
        String::new()
    }

    fn leave(&mut self, awaits: bool) {
        let mut state = self.device.state();
        if let Some(draft) = self.draft.take() {
            let before = std::mem::replace(&mut state.running, draft);
            state.awaited = awaits.then_some(before);
        }
        drop(state);
        self.path.clear();
    }
}

impl Wire for Played {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        for byte in bytes {
            self.hear(byte);
        }
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        let next = self.out.pop_front();
        Box::pin(async move {
            match next {
                Some(bytes) => Ok(bytes),
                None => Err("the device is gone, or waits for more".into()),
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
