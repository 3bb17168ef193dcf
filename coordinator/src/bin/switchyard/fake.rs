//! A coordinator for tests: it answers what it is told to answer and remembers what it was asked.

mod messages;
mod services;

pub use messages::{
    a_plan, advised, beat, dark_site, device, devices_changed, result, running, state_changed,
};

use crate::exit::Exit;
use crate::session::{Interrupt, Surroundings};
use std::collections::{BTreeMap, VecDeque};
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use switchyard_coordinator::clock::SystemClock;
use switchyard_proto::v1;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// What one connection of a watcher is sent.
pub enum Step {
    /// One message.
    Send(Box<v1::WatchRolloutResponse>),
    /// The connection breaks.
    Break,
    /// Nothing more, and it stays open.
    Hold,
}

/// What it answers, and what it was asked.
#[derive(Default)]
pub struct State {
    /// Answer to planning; an error when set.
    pub plan_error: Option<Status>,
    /// The rollout that it knows.
    pub rollout: v1::Rollout,
    /// That rollout's devices.
    pub devices: Vec<v1::DeviceResult>,
    /// What a comparison of the plan answers, device by device; a plan that is compared has no other devices, unless the
    /// answer is not whole.
    pub differences: Vec<v1::ComparePlanResponse>,
    /// Whether a comparison never ends.
    pub compares_for_ever: bool,
    /// What devices show when their host keys are collected; with more of them meant it never ends.
    pub host_keys: Vec<v1::CollectHostKeysResponse>,
    /// Whether an answer that is not whole ends, as when the coordinator is stopped.
    pub stops: bool,
    /// The devices that a reconcile answers with.
    pub doubts: Vec<v1::DeviceResult>,
    /// What the next connections of watchers are sent, one script each.
    pub watches: VecDeque<Vec<Step>>,
    /// How many connections of watchers of breakers are served, each with all there is; then they are refused.
    pub breaker_watches: u32,
    /// Every request as `method detail`.
    pub asked: Vec<String>,
    /// Fails every call.
    pub refuse: Option<Status>,
}

/// A coordinator on a loopback port.
#[derive(Clone)]
pub struct Fake {
    /// Its URL.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// Starts one that knows `rollout`; it ends with the test's runtime.
    pub async fn start(rollout: v1::Rollout) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let state = State { rollout, ..State::default() };
        let fake = Self { url, state: Arc::new(Mutex::new(state)) };
        let server = services::router(&fake).serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        fake
    }

    /// What it answers, and what it was asked.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self, what: String) -> Result<(), Status> {
        let mut state = self.state();
        state.asked.push(what);
        state.refuse.clone().map_or(Ok(()), Err)
    }

    /// Runs one command line against it, off a terminal, and gives how it ended and what it wrote.
    pub async fn run(&self, args: &[&str]) -> Ended {
        let (around, streams) = surroundings();
        self.run_within(args, around, streams).await
    }

    /// The same within given surroundings.
    pub async fn run_within(&self, args: &[&str], around: Surroundings, streams: Streams) -> Ended {
        let line = ["switchyard", "--server", &self.url].into_iter().chain(args.iter().copied());
        let exit = crate::cli::run(line.map(Into::into), around).await;
        Ended { exit, out: streams.out.text(), err: streams.err.text() }
    }
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub exit: Exit,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A stream that remembers.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Both output streams.
#[derive(Clone, Default)]
pub struct Streams {
    /// Standard output.
    pub out: Captured,
    /// Standard error.
    pub err: Captured,
}

/// Surroundings with no terminal, an empty environment and remembered streams.
pub fn surroundings() -> (Surroundings, Streams) {
    let streams = Streams::default();
    let around = Surroundings {
        environment: BTreeMap::new(),
        cwd: PathBuf::from("/nonexistent"),
        input: Box::new(Cursor::new("")),
        out: Box::new(streams.out.clone()),
        err: Box::new(streams.err.clone()),
        input_is_terminal: false,
        output_is_terminal: false,
        error_is_terminal: false,
        clock: SystemClock::shared(),
        interrupt: Interrupt::Token(CancellationToken::new()),
        size: || (80, 24),
    };
    (around, streams)
}
