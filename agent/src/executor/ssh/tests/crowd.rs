//! Many devices at once.

use super::bench::{Gate, task};
use crate::clock::SystemClock;
use crate::executor::Executor;
use crate::executor::ssh::SshExecutor;
use crate::simulator::{Fleet, FleetConfig, Kind};
use futures_util::future::join_all;
use switchyard_shared::outcome::Class;
use tokio_util::sync::CancellationToken;

/// Devices of the crowd; all are configured at the same time.
const CROWD: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_devices_at_once_are_configured_once_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = Fleet::start(FleetConfig::new(folder.path(), CROWD)).await.expect("a fleet");
    let executor = SshExecutor::new(folder.path(), SystemClock::shared());
    let gate = Gate::default();
    let entries = fleet.entries();
    let attempts = entries.iter().map(async |entry| {
        let mut task = task();
        (task.endpoint.hostname, task.endpoint.port) = (entry.address.ip().to_string(), entry.address.port());
        task.endpoint.credential_ref = fleet.credential_ref().into();
        task.endpoint.host_keys = vec![fleet.host_key().into()];
        executor.attempt(&task, &gate, CancellationToken::new()).await
    });
    for (entry, outcome) in entries.iter().zip(join_all(attempts).await) {
        assert_eq!(outcome.class, Class::Ok, "{}: {outcome:?}", entry.name);
        let ledger = fleet.ledger(&entry.name).expect("a ledger");
        assert_eq!(ledger.iter().filter(|event| event.event == Kind::Apply).count(), 1, "{}", entry.name);
    }
}
