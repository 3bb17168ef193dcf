//! A real NETCONF server, Debian's netconfd, behind real sshds; every byte that a client says to it is kept.
#![expect(clippy::disallowed_methods, reason = "it reads what the server keeps")]

mod other;

#[cfg(test)]
mod tests;

use crate::openssh::listener::{Server, serve};
use crate::openssh::setup::{PRIVILEGES_FOLDER, SSHD_PLACES, keygen, output, write};
use crate::wait;
pub use other::Other;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use switchyard_agent::clock::SystemClock;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// Where the package puts the server, and where sshd finds the door to it.
const SERVER: &str = "/usr/sbin/netconfd";
const DOOR: &str = "/usr/sbin/netconf-subsystem";
/// Our module.
const MODULE: &str = include_str!("netconfd/switchyard-test.yang");

/// A running server with its door; all of it ends when this is dropped.
pub struct Netconfd {
    dir: PathBuf,
    address: SocketAddr,
    user: String,
    fingerprint: String,
    cut_off: Arc<AtomicBool>,
    cut_off_at: Arc<AtomicUsize>,
    _server: Child,
    _door: JoinSet<()>,
}

impl Netconfd {
    /// Starts one in `dir`; when this returns it answers. `datastore` is `candidate` or `running`.
    pub async fn start(dir: &Path, datastore: &str) -> Self {
        let user = output("id", &["-un"]).await.expect("id");
        if user == "root" {
            std::fs::create_dir_all(PRIVILEGES_FOLDER).expect("the folder that sshd needs");
        }
        let host = keygen(&dir.join("host_ed25519")).await.expect("a key").display().to_string();
        let shown = output("ssh-keygen", &["-l", "-E", "sha256", "-f", &host]).await.expect("a fingerprint");
        let fingerprint = shown.split_whitespace().nth(1).expect("a fingerprint").to_owned();
        let client = keygen(&dir.join("netops_ed25519")).await.expect("a key");
        std::fs::copy(client, dir.join("authorized_keys")).expect("a file");
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let files = [
            ("switchyard-test.yang", MODULE.to_owned(), 0o644),
            ("door", door(dir, address.port()), 0o755),
            ("sshd_config", sshd_config(dir), 0o644),
        ];
        for (name, text, mode) in files {
            write(&dir.join(name), &text, mode).expect("a file");
        }
        let server = server(dir, address.port(), &user, datastore);
        let log = dir.join("netconfd.log");
        wait::until("netconfd runs", || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            (text.contains("Running netconfd server") && dir.join("ncx.sock").exists()).then_some(())
        });
        let cut_off = Arc::new(AtomicBool::new(false));
        let cut_off_at = Arc::new(AtomicUsize::new(usize::MAX));
        let sshd = SSHD_PLACES.into_iter().find(|place| Path::new(place).is_file()).expect("sshd");
        let clock = SystemClock::shared();
        let ssh = Arc::new(Server { sshd, config: dir.join("sshd_config"), clock });
        let mut door = JoinSet::new();
        let (said, off, at) = (dir.join("said"), cut_off.clone(), cut_off_at.clone());
        let is_cut_off =
            move || off.load(Ordering::SeqCst) || confirmed_commits(&said) >= at.load(Ordering::SeqCst);
        door.spawn(listen(socket, ssh, is_cut_off));
        Self {
            dir: dir.into(),
            address,
            user,
            fingerprint,
            cut_off,
            cut_off_at,
            _server: server,
            _door: door,
        }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The user to log in as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What names the key to log in with.
    pub fn credential_ref(&self) -> String {
        format!("file:{}", self.dir.join("netops_ed25519").display())
    }

    /// The fingerprint of its host key.
    pub fn host_key(&self) -> &str {
        &self.fingerprint
    }

    /// Everything that clients have said to it so far, also what it refused.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.dir.join("said")).unwrap_or_default()
    }

    /// How often its own log has `words`.
    pub fn logged(&self, words: &str) -> usize {
        std::fs::read_to_string(self.dir.join("netconfd.log")).expect("a log").matches(words).count()
    }

    /// How often clients have asked for a commit that awaits its confirmation.
    pub fn confirmed_commits(&self) -> usize {
        confirmed_commits(&self.dir.join("said"))
    }

    /// Turns new connections away from the commit on that is the `count`-th to await its confirmation; sessions that are
    /// open stay.
    pub fn cut_off_at_commit(&self, count: usize) {
        self.cut_off_at.store(count, Ordering::SeqCst);
    }

    /// Takes new connections again.
    pub fn heal(&self) {
        self.cut_off.store(false, Ordering::SeqCst);
        self.cut_off_at.store(usize::MAX, Ordering::SeqCst);
    }

    /// A session of somebody else.
    pub async fn other(&self) -> Other {
        Other::open(&self.dir, self.address.port(), &self.user).await
    }
}

fn server(dir: &Path, port: u16, user: &str, datastore: &str) -> Child {
    let socket = dir.join("ncx.sock");
    let log = std::fs::File::create(dir.join("netconfd.out")).expect("a file");
    // It keeps the number of its transactions in its home folder, and what a commit may go back to where it stands.
    Command::new(SERVER)
        .env("HOME", dir)
        .current_dir(dir)
        .args(["--no-startup", "--access-control=off", "--module=switchyard-test", "--log-level=debug"])
        .arg(format!("--superuser={user}"))
        .arg(format!("--port={port}"))
        .arg(format!("--target={datastore}"))
        .arg(format!("--modpath={}:/usr/share/yuma/modules", dir.display()))
        .arg(format!("--ncxserver-sockname={}", socket.display()))
        .arg(format!("--log={}", dir.join("netconfd.log").display()))
        .stdin(Stdio::null())
        .stderr(log.try_clone().expect("a file"))
        .stdout(log)
        .kill_on_drop(true)
        .spawn()
        .expect("netconfd: install the package netconfd")
}

/// The subsystem: what the client says goes through `tee` into the file `said`.
fn door(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!("#!/bin/sh\ntee -a {dir}/said | {DOOR} --ncxserver-sockname={port}@{dir}/ncx.sock\n")
}

fn sshd_config(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "HostKey {dir}/host_ed25519\nAuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM no\n\
         UseDNS no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nSubsystem netconf {dir}/door\nPermitUserRC no\nSetEnv HOME={dir}\n\
         PrintMotd no\nPrintLastLog no\nPidFile none\nLogLevel ERROR\n"
    )
}

fn confirmed_commits(said: &Path) -> usize {
    std::fs::read_to_string(said).unwrap_or_default().matches("<confirmed/>").count()
}

async fn listen(socket: TcpListener, server: Arc<Server>, is_cut_off: impl Fn() -> bool) {
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        if is_cut_off() {
            continue;
        }
        let server = server.clone();
        sessions.spawn(async move { serve(stream, &server).await });
    }
}
