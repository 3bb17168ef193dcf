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
