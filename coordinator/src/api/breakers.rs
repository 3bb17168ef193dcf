//! BreakerService.

use super::Api;
use super::page::page;
use crate::driver::World;
use crate::guard::caller_name;
use crate::refused::Refused;
use switchyard_proto::convert::link::BreakerAction;
use switchyard_proto::v1;
use switchyard_proto::v1::breaker_service_server::BreakerService;
use switchyard_shared::breaker::Name;
use switchyard_shared::time::Timestamp;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl BreakerService for Api {
    async fn list_breakers(
        &self,
        request: Request<v1::ListBreakersRequest>,
    ) -> Result<Response<v1::ListBreakersResponse>, Status> {
        let asked = request.into_inner();
        let all = self.driver.ask(|world, turn| Ok(breakers(world, turn.now))).await?;
        let (breakers, next_page_token) = page(all, asked.page_size, &asked.page_token, "")?;
        Ok(Response::new(v1::ListBreakersResponse { breakers, next_page_token }))
    }

    async fn trip_breaker(
        &self,
        request: Request<v1::TripBreakerRequest>,
    ) -> Result<Response<v1::TripBreakerResponse>, Status> {
        let by = caller_name(&request);
        let asked = request.into_inner();
        let breaker = Some(self.command(asked.name, asked.reason, by, BreakerAction::Trip).await?);
        Ok(Response::new(v1::TripBreakerResponse { breaker }))
    }

    async fn reset_breaker(
        &self,
        request: Request<v1::ResetBreakerRequest>,
    ) -> Result<Response<v1::ResetBreakerResponse>, Status> {
        let by = caller_name(&request);
        let asked = request.into_inner();
        let breaker = Some(self.command(asked.name, asked.reason, by, BreakerAction::Reset).await?);
        Ok(Response::new(v1::ResetBreakerResponse { breaker }))
    }
}

impl Api {
    /// Sends the word to the agent that holds the breaker; the answer is the breaker as it will be.
    async fn command(
        &self,
        name: String,
        reason: String,
        by: String,
        action: BreakerAction,
    ) -> Result<v1::Breaker, Refused> {
        let bad = |field: &str, why: String| Refused::BadRequest { field: field.into(), why };
        let name = Name::parse(&name).map_err(|error| bad("name", error.to_string()))?;
        if reason.trim().is_empty() {
            return Err(bad("reason", "say why: the next operator reads it".into()));
        }
        self.driver
            .ask(move |world, turn| Ok((&world.command_breaker(&name, action, &by, &reason, turn)?).into()))
            .await
    }
}

/// Every site's breaker, and those of devices that are not closed.
fn breakers(world: &World, now: Timestamp) -> Vec<v1::Breaker> {
    let sites = world.inventory.sites.keys().filter_map(|site| world.breaker(&Name::Site(site.clone()), now));
    let devices =
        world.fleet.open_breakers().filter(|report| matches!(report.name, Name::Device(_))).cloned();
    sites.chain(devices).map(|report| (&report).into()).collect()
}
