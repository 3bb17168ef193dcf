//! SystemService.

use super::Api;
use crate::driver::{Adopted, Turn, World};
use crate::guard::caller_name;
use switchyard_proto::convert::timestamp;
use switchyard_proto::v1::system_service_server::SystemService;
use switchyard_proto::v1::{
    AdoptEpochRequest, AdoptEpochResponse, GetServerInfoRequest, GetServerInfoResponse,
};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl SystemService for Api {
    async fn get_server_info(
        &self,
        request: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        let identity = caller_name(&request);
        let epoch = self.driver.look(|world, _| Ok(world.epoch)).await?;
        Ok(Response::new(GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            epoch,
            started_at: Some(timestamp(self.started_at)),
            identity,
            trouble: self.driver.store.full().unwrap_or_default(),
        }))
    }

    async fn adopt_epoch(
        &self,
        request: Request<AdoptEpochRequest>,
    ) -> Result<Response<AdoptEpochResponse>, Status> {
        let by = caller_name(&request);
        let AdoptEpochRequest { reason, request_id } = request.into_inner();
        let adopt =
            move |world: &mut World, turn: &mut Turn| world.adopt_epoch_once(&request_id, &by, &reason, turn);
        let adopted = self.driver.command(adopt);
        let Adopted { epoch, agents, unknown } = adopted.await?;
        Ok(Response::new(AdoptEpochResponse {
            epoch,
            agents: agents.iter().map(|agent| format!("agents/{agent}")).collect(),
            unknown: u32::try_from(unknown).unwrap_or(u32::MAX),
        }))
    }
}
