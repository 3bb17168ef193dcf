//! Plays one device with a command line like Cisco IOS: an sshd runs it as its forced command, on the session's terminal.
//!
//! It knows nothing of this project, starts fast, and keeps its configuration and its ledger in the folder of the
//! address that the session was opened to. While the file `hold` stands beside those folders, devices whose names come
//! after the name in it do not show what they have. The file `next_host_key` becomes the key of all with the next write.
#![expect(clippy::disallowed_methods, reason = "a device has its own files and its own clock")]

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Interfaces of the configuration that every device comes with.
const INTERFACES: usize = 24;
/// Longest line that is typed, in bytes; more is another line.
const LINE_BYTES_MAX: u64 = 4096;
/// Rest between two looks whether it is still held.
const HELD_REST: Duration = Duration::from_millis(100);
/// What a line of configuration may begin with.
const KNOWN: [&str; 3] = ["ntp server ", "logging host ", "snmp-server location "];

struct Device {
    fleet: PathBuf,
    folder: PathBuf,
    name: String,
    client: String,
    running: Vec<String>,
}

/// What is being configured: `None` outside.
type Draft = Option<Vec<String>>;

impl Device {
    fn open() -> io::Result<Self> {
        let fleet = PathBuf::from(std::env::args().nth(1).unwrap_or_default());
        let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
        let words: Vec<&str> = connection.split(' ').collect();
        let [client, port, address, own_port] = words[..] else {
            return Err(io::Error::other("this is to be run by an sshd"));
        };
        let folder = fs::canonicalize(fleet.join("by-address").join(format!("{address}:{own_port}")))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let running = match fs::read_to_string(folder.join("running")) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(_) => factory(&name),
        };
        Ok(Self { fleet, folder, name, client: format!("{client}:{port}"), running })
    }

    /// One write at the end of the ledger.
    fn note(&self, event: &str) -> io::Result<()> {
        let at_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let line = format!("{{\"at_us\":{at_us},\"event\":\"{event}\",\"client\":\"{}\"}}\n", self.client);
        let ledger = self.folder.join("ledger.jsonl");
        OpenOptions::new().create(true).append(true).open(ledger)?.write_all(line.as_bytes())
    }

    fn is_held(&self) -> bool {
        fs::read_to_string(self.fleet.join("hold")).is_ok_and(|last| *self.name > *last.trim())
    }

    fn shown(&self) -> String {
        let lines: String = self.running.iter().flat_map(|line| [line, "\n"]).collect();
        format!("Building configuration...\n\nCurrent configuration : {} bytes\n!\n{lines}end\n", lines.len())
    }

    /// Everything at once, as a device does that keeps a change at the end of its session.
    fn keep(&mut self, draft: Vec<String>) -> io::Result<()> {
        if draft == self.running {
            return Ok(());
        }
        self.running = draft;
        let next = self.folder.join(format!("running.{}", std::process::id()));
        let text: String = self.running.iter().flat_map(|line| [line, "\n"]).collect();
        fs::write(&next, text)?;
        fs::rename(next, self.folder.join("running"))?;
        // A device whose host key changes with its configuration.
        let _ = fs::rename(self.fleet.join("next_host_key"), self.fleet.join("keys/host_ed25519"));
        self.note("apply")
    }

    /// What it says to a line outside the configuration; `None` ends the session.
    fn command(&self, line: &str, draft: &mut Draft) -> io::Result<Option<String>> {
        Ok(Some(match line {
            // Whoever typed before the prompt came finds the next one on a line of its own.
            "" => "\n".into(),
            "enable" => String::new(),
            "exit" | "logout" => return Ok(None),
            "configure terminal" => {
                *draft = Some(self.running.clone());
                "Enter configuration commands, one per line.  End with CNTL/Z.\n".into()
            }
            "show running-config" => {
                self.note("read")?;
                while self.is_held() {
                    std::thread::sleep(HELD_REST);
                }
                self.shown()
            }
            "write memory" => "Building configuration...\n[OK]\n".into(),
            line if line.starts_with("terminal ") => String::new(),
            _ => "                ^\n% Invalid input detected at '^' marker.\n\n".into(),
        }))
    }
}

/// What it says to a line of configuration.
fn configure(line: &str, draft: &mut Vec<String>) -> String {
    let (takes_back, plain) = match line.strip_prefix("no ") {
        Some(plain) => (true, plain),
        None => (false, line),
    };
    if !KNOWN.iter().any(|known| plain.starts_with(known)) {
        return "                ^\n% Invalid input detected at '^' marker.\n\n".into();
    }
    draft.retain(|known| known != plain);
    if !takes_back {
        draft.push(plain.to_owned());
    }
    String::new()
}

fn factory(name: &str) -> Vec<String> {
    let mut lines = vec![format!("hostname {name}"), "!".into()];
    for number in 1..=INTERFACES {
        lines.extend([
            format!("interface GigabitEthernet1/0/{number}"),
            format!(" description access port {number} of {name}"),
            " switchport access vlan 20".into(),
            " switchport mode access".into(),
            " spanning-tree portfast".into(),
            "!".into(),
        ]);
    }
    lines
}

fn serve(device: &mut Device) -> io::Result<()> {
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut draft: Draft = None;
    loop {
        let mode = if draft.is_some() { "(config)" } else { "" };
        write!(out, "{}{mode}#", device.name)?;
        out.flush()?;
        let mut line = String::new();
        if input.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim();
        let said = match (draft.take(), line) {
            (Some(done), "end" | "exit") => {
                device.keep(done)?;
                String::new()
            }
            (Some(mut open), line) => {
                let said = if line.is_empty() { String::new() } else { configure(line, &mut open) };
                draft = Some(open);
                said
            }
            (None, line) => match device.command(line, &mut draft)? {
                Some(said) => said,
                None => return Ok(()),
            },
        };
        out.write_all(said.as_bytes())?;
    }
}

fn main() -> io::Result<()> {
    let mut device = Device::open()?;
    device.note("login")?;
    serve(&mut device)
}
