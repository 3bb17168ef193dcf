//! SystemService.

use super::Api;
use crate::guard::caller_name;
use switchyard_proto::convert::timestamp;
use switchyard_proto::v1::system_service_server::SystemService;
use switchyard_proto::v1::{GetServerInfoRequest, GetServerInfoResponse};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl SystemService for Api {
    async fn get_server_info(
        &self,
        request: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        let identity = caller_name(&request);
        let epoch = self.driver.ask(|world, _| Ok(world.epoch)).await?;
        Ok(Response::new(GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            epoch,
            started_at: Some(timestamp(self.started_at)),
            identity,
        }))
    }
}
