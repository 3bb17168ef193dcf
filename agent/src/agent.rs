//! The door to an agent, for its program and for tests.

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::core::Core;
use crate::driver::{Driver, DriverError, INBOX_MAX};
use crate::executor::Executor;
use crate::fs::{Fs, RealFs};
use crate::journal::{Journal, Log, OpenError, Opened, Runs, Tail};
use crate::lock::{DataLock, LockError};
use crate::memory::{self, BreakerFile, Memory};
use crate::sentinel::{Sentinel, TcpSentinel};
use crate::session::{Connector, Lease, Session};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder is not free.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// There is no thread to be had for the breakers.
    #[error("start the thread that keeps the breakers: {0}")]
    Memory(std::io::Error),
}

/// Why an agent ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its driver says why.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A fault of this program.
    #[error("go on: {0}, which is a fault of this program")]
    Broken(String),
}

/// Everything outside of an agent that it uses; a simulation brings its own.
pub struct Seams {
    /// The way to the coordinator.
    pub connector: Arc<dyn Connector>,
    /// The way to devices.
    pub executor: Arc<dyn Executor>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub fs: Arc<dyn Fs>,
    /// The way to sentinels.
    pub sentinel: Arc<dyn Sentinel>,
    /// Where the breakers are written down.
    pub breakers: Arc<dyn Memory>,
    /// What every random choice is drawn from; names a new journal too.
    pub seed: u64,
    /// Where the journal's writer runs.
    pub runs: Runs,
    /// Stands before the journal, to watch what is written.
    pub log: WatchLog,
}

/// Gives what is written to instead of the journal.
pub type WatchLog = Box<dyn FnOnce(Arc<dyn Log>) -> Arc<dyn Log> + Send>;

/// An agent.
pub struct Agent;

/// An agent that runs.
pub struct AgentHandle {
    task: JoinHandle<Result<(), AgentError>>,
}

impl AgentHandle {
    /// Returns when the agent has ended: after `shutdown`, or because it cannot go on.
    pub async fn ended(self) -> Result<(), AgentError> {
        self.task.await.unwrap_or_else(|error| Err(AgentError::Broken(error.to_string())))
    }
}

impl Agent {
    /// Locks the data folder, opens the journal and starts; needs a tokio runtime. Cancelling `shutdown`
    /// drains: nothing new starts, what runs may end, within bounds.
    pub fn start(
        config: Config,
        connector: Arc<dyn Connector>,
        executor: Arc<dyn Executor>,
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
    ) -> Result<AgentHandle, StartError> {
        let lock = DataLock::take(&config.data)?;
        let breakers = Arc::new(
            BreakerFile::open(Arc::new(RealFs), &config.data, config.site.clone())
                .map_err(StartError::Memory)?,
        );
        let seams = Seams {
            connector,
            executor,
            clock,
            fs: Arc::new(RealFs),
            sentinel: Arc::new(TcpSentinel),
            breakers: breakers.clone(),
            seed: crate::entropy::seed(),
            runs: Runs::OnThread,
            log: Box::new(|log| log),
        };
        let ended = Self::start_on(config, seams, shutdown)?;
        let task = tokio::spawn(async move {
            let result = ended.ended().await;
            let _closed = tokio::task::spawn_blocking(move || breakers.close()).await;
            drop(lock);
            result
        });
        Ok(AgentHandle { task })
    }

    /// The same on what stands for the world outside: nothing else of it is used. The caller sees to it
    /// that no other agent has these files.
    pub fn start_on(
        config: Config,
        seams: Seams,
        shutdown: CancellationToken,
    ) -> Result<AgentHandle, StartError> {
        let Seams { connector, executor, clock, fs, sentinel, breakers, seed, runs, log } = seams;
        let now = clock.now();
        let (folder, new_id) = (config.data.join("journal"), format!("{seed:016x}"));
        let opened = Journal::open_with(fs.clone(), &folder, &config.site, &new_id, now, runs)?;
        tell_of(&opened, &config);
        let journal = opened.journal;
        let lease = Arc::new(Lease::default());
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let remembered = memory::recall(&*fs, &config.data, &config.site, now);
        let core = Core::new(config.site.clone(), config.max_in_flight, opened.state, remembered, now);
        let log = log(Arc::new(journal.clone()));
        let seams = (sentinel, breakers);
        let driver = Driver::new(core, executor, log, lease.clone(), clock.clone(), seams, inbox);
        let backoff = Backoff::new(seed);
        let session = Session { site: config.site, connector, driver: sender, lease, clock, backoff };
        let task = tokio::spawn(async move {
            let stop = CancellationToken::new();
            let session = tokio::spawn(session.run(stop.clone()));
            let result = driver.run(shutdown).await;
            stop.cancel();
            let _a_panic_there_ends_nothing_here = session.await;
            journal.close().await;
            result.map_err(AgentError::from)
        });
        Ok(AgentHandle { task })
    }
}

fn tell_of(opened: &Opened, config: &Config) {
    match opened.tail {
        Tail::Whole => {}
        Tail::Torn(bytes) => tracing::warn!(
            "the journal ended in {bytes} bytes of a torn write, which nobody relied on; they were dropped"
        ),
        Tail::Doubtful(bytes) => tracing::error!(
            "the last {bytes} bytes of the journal in {} were changed after they were written, and may have named a \
             device that was written to: it goes on under another name, so the coordinator marks what was in flight \
             at this site as UNKNOWN and has it read back; check this disk",
            config.data.join("journal").display()
        ),
    }
    for op in &opened.in_doubt {
        tracing::warn!(%op, "this agent was stopped while it wrote to {}; reported as inconclusive, not run again", op.device);
    }
    tracing::info!(
        "agent for site {} ready: up to {} attempts at once, {} results to deliver",
        config.site,
        config.max_in_flight,
        opened.state.results.len()
    );
}

#[cfg(test)]
mod tests;
