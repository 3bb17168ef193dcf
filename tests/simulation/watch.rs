//! Stands before an agent's journal and notes what became durable, and when.

use crate::hardware::Machine;
use crate::world::World;
use std::sync::Arc;
use switchyard_agent::journal::{Entry, JournalLost, Log, NotDurable};
use switchyard_shared::id::SiteName;
use switchyard_tests::checkers::Journalled;
use tokio::sync::oneshot;

/// Whose journal is watched.
pub struct WatchedLog {
    /// Where the notes go.
    pub world: World,
    /// Whose.
    pub site: SiteName,
}

/// A journal that is watched.
pub struct Watching {
    of: WatchedLog,
    log: Arc<dyn Log>,
}

impl WatchedLog {
    /// Watches `log`.
    pub fn before(self, log: Arc<dyn Log>) -> Watching {
        Watching { of: self, log }
    }
}

impl Log for Watching {
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), NotDurable>> {
        let (world, site) = (self.of.world.clone(), self.of.site.clone());
        if entries.iter().any(|entry| matches!(entry, Entry::Intent { .. })) {
            world.machine_of(&site).into_iter().for_each(Machine::intent_comes);
        }
        for entry in &entries {
            if let Entry::Acked { sequence } = entry {
                world.watched().acks.push((world.time.now(), site.clone(), *sequence));
            }
        }
        let (done, answer) = oneshot::channel();
        let inner = self.log.submit(entries.clone());
        tokio::spawn(async move {
            let result =
                inner.await.unwrap_or_else(|_| Err(JournalLost("its writer has ended".into()).into()));
            if result.is_ok() {
                let at = world.time.now();
                let note = |entry| Journalled { at, site: site.clone(), entry };
                world.watched().journals.extend(entries.into_iter().map(note));
            }
            let _nobody_waits = done.send(result);
        });
        answer
    }

    fn full(&self) -> Option<String> {
        self.log.full()
    }
}
