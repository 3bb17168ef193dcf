//! A command line behind JSON-RPC, played as Arista's eAPI and Cisco's NX-API have it: sessions with a commit timer, or
//! lines that work at once and checkpoints.

use super::{Answered, Asked, Persona};
use crate::clock::Clock;
use hyper::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::{Block, Dialect, Text, after, parse, print, unified};
use switchyard_shared::time::Timestamp;

const KIND: &str = "application/json-rpc";
/// What no line may hold.
const NONSENSE: &str = "nonsense";
/// What opens a section.
const OPENS: [&str; 2] = ["interface ", "router "];
/// Most checkpoints; the first by name goes when there is one more.
const CHECKPOINTS_MAX: usize = 16;

/// A change that is taken back unless it is confirmed.
struct Awaited {
    before: Vec<Block>,
    name: String,
    until: Timestamp,
}

/// One request's way through the modes of the command line.
#[derive(Default)]
struct Draft {
    blocks: Vec<Block>,
    name: String,
    path: Vec<String>,
}

/// The device behind the API.
pub struct PlayedLines {
    is_eos: bool,
    running: Vec<Block>,
    startup: Vec<Block>,
    saved: bool,
    awaited: Option<Awaited>,
    checkpoints: BTreeMap<String, Vec<Block>>,
    /// Sessions that were neither committed nor aborted, and the one that was committed last.
    pending: BTreeMap<String, Vec<Block>>,
    completed: Option<String>,
    clock: Arc<dyn Clock>,
}

impl PlayedLines {
    /// One that speaks eAPI and starts with `running`.
    pub fn eos(running: &str, clock: Arc<dyn Clock>) -> Self {
        let running = parse(running, &dialect());
        let startup = running.clone();
        let (checkpoints, pending) = (BTreeMap::new(), BTreeMap::new());
        let (awaited, completed) = (None, None);
        Self { is_eos: true, running, startup, saved: false, awaited, checkpoints, pending, completed, clock }
    }

    /// One that speaks NX-API and starts with `running`.
    pub fn nxos(running: &str, clock: Arc<dyn Clock>) -> Self {
        Self { is_eos: false, ..Self::eos(running, clock) }
    }

    fn lines(&self, body: &str) -> Vec<String> {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.is_eos {
            true => body["params"]["cmds"].as_array().into_iter().flatten().map(text).collect(),
            false => body.as_array().into_iter().flatten().map(|call| text(&call["params"]["cmd"])).collect(),
        }
    }

    /// What a line says; the error is what the device says against it.
    fn obey(&mut self, line: &str, draft: &mut Option<Draft>) -> Result<String, String> {
        if let Some(open) = draft {
            let done = self.configure(line, open)?;
            if done {
                *draft = None;
            }
            return Ok(String::new());
        }
        let words: Vec<&str> = line.split(' ').collect();
        match (self.is_eos, &words[..]) {
            (true, ["enable"]) => {}
            (_, ["show", "running-config"]) => {
                let end = if self.is_eos { "end\n" } else { "" };
                return Ok(format!("! simulated\n{}{end}", print(&self.running)));
            }
            (true, ["show", "running-config", "diffs"]) => {
                return Ok(unified(&print(&self.startup), &print(&self.running)));
            }
            (_, ["show", "clock"]) => return Ok("12:00:00 UTC\n".into()),
            (true, ["configure", "session", name]) if self.completed.as_deref() == Some(name) => {
                return Err(format!("Cannot enter session {name} (already completed)"));
            }
            (true, ["configure", "session", name]) => *draft = Some(self.draft(name)),
            (true, ["no", "configure", "session", name]) => {
                let was_completed = self.completed.take_if(|completed| completed == name).is_some();
                if self.pending.remove(*name).is_none() && !was_completed {
                    return Err(format!("Cannot delete non-existent session {name}"));
                }
            }
            (false, ["configure", "terminal"]) => *draft = Some(self.draft("")),
            (true, ["configure", "session", name, "commit"]) => {
                self.awaited.take_if(|awaited| awaited.name == *name).ok_or("nothing awaits that")?;
                self.completed = Some((*name).into());
            }
            (true, ["configure", "session", name, "abort"]) => {
                let awaited = self.awaited.take_if(|awaited| awaited.name == *name);
                self.running = awaited.ok_or("nothing awaits that")?.before;
            }
            (false, ["checkpoint", name]) => {
                self.checkpoints.insert((*name).into(), self.running.clone());
                if self.checkpoints.len() > CHECKPOINTS_MAX {
                    self.checkpoints.pop_first();
                }
            }
            (false, ["rollback", "running-config", "checkpoint", name]) => {
                self.running = self.checkpoints.get(*name).cloned().ok_or("there is no such checkpoint")?;
            }
            (true, ["write", "memory"]) | (false, ["copy", "running-config", "startup-config"]) => {
                self.saved = true;
                self.startup.clone_from(&self.running);
            }
            (_, _) => return Err(format!("Invalid input (at token 0: '{}')", words[0])),
        }
        Ok(String::new())
    }

    fn draft(&mut self, name: &str) -> Draft {
        let blocks = self.pending.remove(name).unwrap_or_else(|| self.running.clone());
        Draft { blocks, name: name.to_owned(), path: Vec::new() }
    }

    /// A line of configuration; `true` when it was the last.
    fn configure(&mut self, line: &str, draft: &mut Draft) -> Result<bool, String> {
        match line {
            "rollback clean-config" if self.is_eos => draft.blocks.clear(),
            "abort" | "end" => return Ok(true),
            "exit" => drop(draft.path.pop()),
            "commit" if self.is_eos => {
                self.running = std::mem::take(&mut draft.blocks);
                self.awaited = None;
                self.completed = Some(draft.name.clone());
                return Ok(true);
            }
            _ if line.contains(NONSENSE) => return Err(format!("Invalid input (at token 0: '{line}')")),
            _ => match line.strip_prefix("commit timer ") {
                Some(time) if self.is_eos => {
                    let patience = clock(time).ok_or("no time")?;
                    let before = std::mem::replace(&mut self.running, std::mem::take(&mut draft.blocks));
                    let until = self.clock.now().plus(patience);
                    self.awaited = Some(Awaited { before, name: draft.name.clone(), until });
                    return Ok(true);
                }
                Some(_) | None => self.step(line, draft),
            },
        }
        Ok(false)
    }

    fn step(&mut self, line: &str, draft: &mut Draft) {
        if OPENS.iter().any(|word| line.starts_with(word)) {
            draft.path = vec![line.to_owned()];
        }
        let leaf =
            if draft.path.last().is_some_and(|open| open == line) { None } else { Some(Block::line(line)) };
        let step = draft.path.iter().rev().fold(leaf, |inner, section| {
            Some(Block { line: section.clone(), children: inner.into_iter().collect() })
        });
        draft.blocks = after(&draft.blocks, step.as_slice(), &dialect());
        if !self.is_eos {
            self.running.clone_from(&draft.blocks);
        }
    }

    fn answers(&self, lines: &[String], texts: &[String], refusal: Option<&str>) -> Value {
        if self.is_eos {
            let mut results: Vec<Value> = texts.iter().map(|text| json!({"output": text})).collect();
            let Some(why) = refusal else { return json!({"jsonrpc": "2.0", "id": 1, "result": results}) };
            let (at, line) = (texts.len() + 1, &lines[texts.len()]);
            results.push(json!({"errors": [why]}));
            let message = format!("CLI command {at} of {} '{line}' failed: invalid command", lines.len());
            return json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1002, "message": message, "data": results}});
        }
        let mut answers: Vec<Value> = texts
            .iter()
            .zip(1..)
            .map(|(text, id)| json!({"jsonrpc": "2.0", "result": {"msg": text}, "id": id}))
            .collect();
        if let Some(why) = refusal {
            let data = json!({"msg": format!("% Invalid command\n{why}\n")});
            let error = json!({"code": -32602, "message": "Invalid params", "data": data});
            answers.push(json!({"jsonrpc": "2.0", "error": error, "id": texts.len() + 1}));
        }
        match &answers[..] {
            [only] => only.clone(),
            _ => Value::Array(answers),
        }
    }
}

impl Persona for PlayedLines {
    fn writes(&self, asked: &Asked<'_>) -> bool {
        let looks = |line: &String| line == "enable" || line.starts_with("show ");
        !self.lines(asked.body).iter().all(looks)
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Answered {
        let now = self.clock.now();
        if let Some(late) = self.awaited.take_if(|awaited| awaited.until <= now) {
            self.running = late.before;
        }
        let path = if self.is_eos { "/command-api" } else { "/ins" };
        if *asked.method != Method::POST || asked.path != path {
            return Answered { status: 404, ..Answered::default() };
        }
        let lines = self.lines(asked.body);
        let (mut draft, mut texts, mut refusal) = (None, Vec::new(), None);
        for line in &lines {
            match self.obey(line, &mut draft) {
                Ok(text) => texts.push(text),
                Err(why) => {
                    refusal = Some(why);
                    break;
                }
            }
        }
        if let Some(left) = draft.filter(|_| self.is_eos) {
            self.pending.insert(left.name, left.blocks);
        }
        let body = self.answers(&lines, &texts, refusal.as_deref()).to_string();
        Answered { status: 200, kind: KIND, tag: None, body }
    }

    fn meddle(&mut self) {
        self.running.push(Block::line("banner somebody else"));
    }

    fn running(&self) -> String {
        format!("{}{}", print(&self.running), if self.saved { "! saved\n" } else { "" })
    }
}

/// `hh:mm:ss`.
fn clock(time: &str) -> Option<Duration> {
    let parts: Vec<u64> = time.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some(Duration::from_secs(
        hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?,
    ))
}

fn dialect() -> Dialect {
    Dialect {
        indented: true,
        comments: vec!["!".into()],
        ends: vec!["end".into()],
        leave: Some("exit".into()),
        single: vec!["hostname".into(), "description".into()],
        short: vec!["description".into()],
        texts: vec![Text { begins: "banner *".into(), ends: Some("EOF".into()) }],
        ..Dialect::default()
    }
}
