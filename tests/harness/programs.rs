//! The real programs: built once, started, killed, started again.

use crate::wait;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// The folder of the built programs; builds them at the first call.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bins", "--locked"])
            .current_dir(root)
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the programs cannot be built");
        let me = std::env::current_exe().expect("a test has a path");
        let folder = me.parent().expect("a program is in a folder");
        let deps = folder.ends_with("deps");
        folder.ancestors().nth(usize::from(deps)).expect("target/PROFILE").to_owned()
    })
}

/// The folder of the programs with named points at which a campaign kills them; builds them at the first call.
pub fn with_failpoints() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = folder();
        let into = target.join("with-failpoints");
        std::fs::create_dir_all(&into).expect("a folder");
        build(&["--features", "switchyard-agent/failpoints,switchyard-coordinator/failpoints"]);
        for program in PROGRAMS {
            std::fs::copy(target.join(program), into.join(program)).expect("a program is copied");
        }
        // Whoever comes next finds the ordinary programs in their place.
        build(&[]);
        into
    })
}

/// The programs that people run.
const PROGRAMS: [&str; 2] = ["switchyard", "switchyard-agent"];

fn build(more: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "-p", "switchyard-agent", "-p", "switchyard-coordinator"]);
    command.args(["--bins"]).args(more).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(command.status().expect("cargo runs").success(), "the programs cannot be built");
}

/// A program in the background; killed when dropped.
pub struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    name: String,
}

impl Running {
    /// Starts it; everything it prints is kept and, when the test fails, shown.
    pub fn start(name: &str, mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            keep(child.stdout.take().expect("piped"), lines.clone()),
            keep(child.stderr.take().expect("piped"), lines.clone()),
        ];
        Self { child, lines, readers, name: name.to_owned() }
    }

    /// What it has printed so far.
    pub fn output(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a line that contains `text` and returns it.
    pub fn line_with(&self, text: &str) -> String {
        let what = format!("{} prints {text:?}; it printed {:#?}", self.name, self.output());
        wait::until(&what, || self.output().into_iter().find(|line| line.contains(text)))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end and for all that it printed, and returns its exit status.
    pub fn exit_status(&mut self) -> i32 {
        let child = &mut self.child;
        let status = wait::until("a program ends", || child.try_wait().ok().flatten());
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        status.code().unwrap_or(-1)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end with SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Stops it where it is.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("---- {} ----\n{}", self.name, self.output().join("\n"));
        }
    }
}

fn keep(from: impl std::io::Read + Send + 'static, into: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            into.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}
