//! The pool of the site: whose settings hold, what is overdue, and what is told of its changes.

use super::Core;
use switchyard_shared::pool::most_cautious;
use switchyard_shared::task::SiteSettings;
use switchyard_shared::time::Timestamp;

impl Core {
    pub(super) fn site_settings(&mut self, settings: SiteSettings, now: Timestamp) {
        self.breakers.set_devices(settings.devices, now);
        self.pool.set_site(settings);
        self.note_pool_changes();
    }

    /// The most cautious settings of the rollouts that have work here; the last ones stay when none has.
    pub(super) fn merge_pool_settings(&mut self) {
        let queued = self.queue.iter().map(|task| &task.pools);
        let running = self.running.values().map(|running| &running.task.pools);
        if let Some(settings) = most_cautious(queued.chain(running)) {
            self.pool.set_settings(settings);
            self.note_pool_changes();
        }
    }

    pub(super) fn take_back_overdue(&mut self, now: Timestamp) {
        for device in self.pool.handle_timeout(now) {
            tracing::error!(
                "the attempt at {device} is long past its deadlines, which is a fault of this agent; its place in \
                 the pool is free again, its result is still taken if it comes"
            );
        }
    }

    /// The slow start of a site ends where its pool does.
    pub(super) fn tell_breakers_of_pool(&mut self) {
        self.breakers.set_pool(u32::try_from(self.pool.limit()).unwrap_or(u32::MAX));
    }

    pub(super) fn note_pool_changes(&mut self) {
        self.tell_breakers_of_pool();
        for change in self.pool.take_changes() {
            let (from, to, max, why) = (change.from, change.to, change.max, change.why);
            tracing::info!("the pool of site/{} is {to}, was {from}, may be {max}: {why}", self.site);
        }
    }
}
