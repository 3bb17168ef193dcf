//! The door to an agent, for its program and for tests.

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::core::Core;
use crate::driver::{Driver, DriverError, INBOX_MAX};
use crate::executor::Executor;
use crate::fs::RealFs;
use crate::journal::{Journal, OpenError};
use crate::lock::{DataLock, LockError};
use crate::memory::{self, BreakerFile};
use crate::sentinel::TcpSentinel;
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
        let now = clock.now();
        let (folder, new_id) = (config.data.join("journal"), format!("{:016x}", crate::entropy::seed()));
        let opened = Journal::open(Arc::new(RealFs), &folder, &config.site, &new_id, now)?;
        if opened.torn_bytes > 0 {
            tracing::warn!(
                "the journal ended in {} bytes of a torn write, which nobody relied on; they were dropped",
                opened.torn_bytes
            );
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
        let journal = opened.journal;
        let lease = Arc::new(Lease::default());
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let remembered = memory::recall(&RealFs, &config.data, &config.site, now);
        let core = Core::new(config.site.clone(), config.max_in_flight, opened.state, remembered, now);
        let log = Arc::new(journal.clone());
        let breakers = Arc::new(
            BreakerFile::open(Arc::new(RealFs), &config.data, config.site.clone())
                .map_err(StartError::Memory)?,
        );
        let seams = (Arc::new(TcpSentinel) as _, breakers.clone() as _);
        let driver = Driver::new(core, executor, log, lease.clone(), clock.clone(), seams, inbox);
        let backoff = Backoff::new(crate::entropy::seed());
        let session = Session { site: config.site, connector, driver: sender, lease, clock, backoff };
        let task = tokio::spawn(async move {
            let stop = CancellationToken::new();
            let session = tokio::spawn(session.run(stop.clone()));
            let result = driver.run(shutdown).await;
            stop.cancel();
            let _a_panic_there_ends_nothing_here = session.await;
            journal.close().await;
            let _closed = tokio::task::spawn_blocking(move || breakers.close()).await;
            drop(lock);
            result.map_err(AgentError::from)
        });
        Ok(AgentHandle { task })
    }
}

#[cfg(test)]
mod tests;
