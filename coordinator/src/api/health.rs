//! Health as gRPC has it: the coordinator serves while its disk is full, agents it does not.

use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::agent_v1::link_service_server::SERVICE_NAME;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// How often the store is asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reports until `stop`. What people ask of the whole server is always answered, so that nothing that
/// looks at its health ends a coordinator whose disk is full: it would not start again.
pub(super) async fn report(reporter: HealthReporter, store: Arc<dyn Store>, stop: CancellationToken) {
    let mut known = None;
    loop {
        let status = match store.full() {
            None => ServingStatus::Serving,
            Some(_) => ServingStatus::NotServing,
        };
        if known != Some(status) {
            reporter.set_service_status(SERVICE_NAME, status).await;
            known = Some(status);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Answer, Batch, StoredEvent};
    use std::sync::atomic::{AtomicBool, Ordering};
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus as Said;
    use tonic_health::pb::health_client::HealthClient;

    #[derive(Default)]
    struct Cramped(MemoryStore, AtomicBool);

    impl Store for Cramped {
        fn full(&self) -> Option<String> {
            self.1.load(Ordering::SeqCst).then(|| "write: the disk is full".to_owned())
        }
        fn append(&self, batch: Batch) -> Answer<'_, ()> {
            self.0.append(batch)
        }
        fn read(&self, stream: &str, version: u64) -> Answer<'_, Vec<StoredEvent>> {
            self.0.read(stream, version)
        }
        fn read_all(&self, sequence: u64) -> Answer<'_, Vec<StoredEvent>> {
            self.0.read_all(sequence)
        }
        fn document(&self, kind: &'static str, id: &str) -> Answer<'_, Option<Vec<u8>>> {
            self.0.document(kind, id)
        }
        fn documents(&self, kind: &'static str) -> Answer<'_, Vec<(String, Vec<u8>)>> {
            self.0.documents(kind)
        }
    }

    #[tokio::test]
    async fn health_says_that_agents_are_not_served_while_the_disk_is_full_and_people_are() {
        let (reporter, server) = tonic_health::server::health_reporter();
        reporter.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
        let (store, mut client) = (Arc::new(Cramped::default()), HealthClient::new(server));
        tokio::spawn(report(reporter, store.clone(), CancellationToken::new()));
        let of = |service: &str| HealthCheckRequest { service: service.into() };
        let mut news = client.watch(of(SERVICE_NAME)).await.unwrap().into_inner();
        for (full, expected) in [(false, Said::Serving), (true, Said::NotServing), (false, Said::Serving)] {
            store.1.store(full, Ordering::SeqCst);
            while news.message().await.unwrap().expect("it goes on").status() != expected {}
            assert_eq!(client.check(of("")).await.unwrap().into_inner().status(), Said::Serving);
        }
    }
}
