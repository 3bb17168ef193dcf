//! AgentService.

use super::Api;
use super::page::page;
use crate::driver::World;
use switchyard_proto::convert::timestamp;
use switchyard_proto::v1::agent_service_server::AgentService;
use switchyard_proto::v1::{Agent, ListAgentsRequest, ListAgentsResponse, agent};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl AgentService for Api {
    async fn list_agents(
        &self,
        request: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        let asked = request.into_inner();
        let all = self.driver.ask(|world, _| Ok(agents(world))).await?;
        let (agents, next_page_token) = page(all, asked.page_size, &asked.page_token, "")?;
        Ok(Response::new(ListAgentsResponse { agents, next_page_token }))
    }
}

fn agents(world: &World) -> Vec<Agent> {
    let known = world.fleet.agents.values();
    known
        .map(|info| {
            let state = if info.connected { agent::State::Connected } else { agent::State::Disconnected };
            Agent {
                name: format!("agents/{}", info.agent),
                site: info.site.to_string(),
                state: state.into(),
                version: info.version.clone(),
                since: Some(timestamp(info.since)),
                last_heartbeat_at: Some(timestamp(info.last_heartbeat)),
                in_flight: world.fleet.in_flight(&info.site),
                credit: world.fleet.credit(&info.site),
                address: info.address.clone(),
            }
        })
        .collect()
}
