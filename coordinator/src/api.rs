//! The services: convert, ask the driver, convert back. A refusal becomes a status in one table.

mod agents;
mod breaker_watch;
mod breakers;
mod enrollment;
mod health;
mod host_keys;
mod inventory;
mod link;
mod page;
mod plans;
mod rollouts;
mod status;
mod system;
mod watch;

pub use status::DOMAIN;

use crate::driver::Driver;
use crate::pki::Pki;
use std::sync::Arc;
use switchyard_proto::agent_v1::link_service_server::LinkServiceServer;
use switchyard_proto::v1;
use switchyard_shared::time::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

/// Largest message of an operator: a spec with its files, or an inventory.
const OPERATOR_MESSAGE_BYTES_MAX: usize = 72 * 1024 * 1024;
/// Largest message of an agent: a Hello with everything in hand, or one result.
const AGENT_MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What every service holds.
#[derive(Clone)]
pub struct Api {
    pub(crate) driver: Driver,
    /// The CA; absent on an insecure loopback coordinator.
    pub(crate) pki: Option<Arc<Pki>>,
    pub(crate) started_at: Timestamp,
    pub(crate) stop: CancellationToken,
}

impl Api {
    /// The services over one driver.
    pub fn new(driver: Driver, pki: Option<Arc<Pki>>, stop: CancellationToken) -> Self {
        let started_at = driver.clock.now();
        Self { driver, pki, started_at, stop }
    }

    /// Every service of the one port, with reflection and health.
    pub async fn routes(self) -> Result<Routes, tonic_reflection::server::Error> {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
        tokio::spawn(health::report(reporter, self.driver.store.clone(), self.stop.clone()));
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(switchyard_proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes
            .add_service(
                v1::rollout_service_server::RolloutServiceServer::new(self.clone())
                    .max_decoding_message_size(OPERATOR_MESSAGE_BYTES_MAX),
            )
            .add_service(
                v1::inventory_service_server::InventoryServiceServer::new(self.clone())
                    .max_decoding_message_size(OPERATOR_MESSAGE_BYTES_MAX),
            )
            .add_service(v1::breaker_service_server::BreakerServiceServer::new(self.clone()))
            .add_service(v1::agent_service_server::AgentServiceServer::new(self.clone()))
            .add_service(v1::enrollment_service_server::EnrollmentServiceServer::new(self.clone()))
            .add_service(v1::system_service_server::SystemServiceServer::new(self.clone()))
            .add_service(LinkServiceServer::new(self).max_decoding_message_size(AGENT_MESSAGE_BYTES_MAX))
            .add_service(health)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        Ok(routes.routes())
    }
}
