//! A real OpenBao in development mode: secrets in memory, a port of its own, gone when it is dropped.
#![expect(clippy::disallowed_methods, reason = "a test's own files")]

use crate::programs::Running;
use crate::wait;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// Names the program `bao`; `tests/run` installs it.
const PROGRAM_VARIABLE: &str = "SWITCHYARD_TEST_OPENBAO";

/// A running OpenBao with a KV engine, version 2, mounted at `kv`.
pub struct OpenBao {
    /// Where it listens.
    pub address: String,
    program: PathBuf,
    home: TempDir,
    root: String,
    _server: Running,
}

impl OpenBao {
    /// Starts it; when this returns it answers.
    pub fn start(root: &str) -> Self {
        let program = std::env::var_os(PROGRAM_VARIABLE)
            .map(PathBuf::from)
            .unwrap_or_else(|| panic!("{PROGRAM_VARIABLE} names no bao: use tests/run"));
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let home = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(&program);
        command.args(["server", "-dev", "-dev-no-store-token", "-log-level=err"]);
        command.arg(format!("-dev-listen-address={free}")).arg(format!("-dev-root-token-id={root}"));
        command.env("HOME", home.path());
        let server = Running::start("openbao", command);
        let address = format!("http://{free}");
        let bao = Self { address, program, home, root: root.to_owned(), _server: server };
        wait::until("OpenBao answers", || bao.run(&["status"]).ok());
        bao.say(&["secrets", "enable", "-path=kv", "kv-v2"]);
        bao
    }

    /// Puts `values`, each `KEY=VALUE` or `KEY=@FILE`, at `path` of the engine.
    pub fn put(&self, path: &str, values: &[&str]) {
        self.say(&[&["kv", "put", "-mount=kv", path], values].concat());
    }

    /// Makes `token`, which lives for `ttl`, can be renewed, and may read everything of the engine.
    pub fn token(&self, token: &str, ttl: &str) {
        let policy = self.home.path().join("net.hcl");
        std::fs::write(&policy, "path \"kv/data/*\" { capabilities = [\"read\"] }\n").expect("a file");
        self.say(&["policy", "write", "net", &policy.display().to_string()]);
        self.say(&["token", "create", "-policy=net", &format!("-ttl={ttl}"), &format!("-id={token}")]);
    }

    /// What it knows of `token`, as JSON.
    pub fn look_up(&self, token: &str) -> serde_json::Value {
        serde_json::from_str(&self.say(&["token", "lookup", "-format=json", token])).expect("JSON")
    }

    /// A file with `token` in it, for its owner alone, in a folder of OpenBao's own.
    pub fn token_file(&self, token: &str) -> PathBuf {
        let path = self.home.path().join("agent-token");
        std::fs::write(&path, format!("{token}\n")).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("a mode");
        path
    }

    fn say(&self, words: &[&str]) -> String {
        self.run(words).unwrap_or_else(|said| panic!("bao {}: {said}", words.join(" ")))
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(words).env("BAO_ADDR", &self.address).env("BAO_TOKEN", &self.root);
        let output = command.env("HOME", self.home.path()).output().expect("bao runs");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }
}
