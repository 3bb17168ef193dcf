//! AgentService.

use super::Api;
use super::page::page;
use crate::driver::{AgentInfo, Rebound, Stray, World};
use crate::guard::caller_name;
use crate::refused::Refused;
use switchyard_proto::convert::timestamp;
use switchyard_proto::v1::agent_service_server::AgentService;
use switchyard_proto::v1::{
    Agent, GetAgentRequest, GetAgentResponse, ListAgentsRequest, ListAgentsResponse, RebindSiteRequest,
    RebindSiteResponse, StrayResult, agent,
};
use switchyard_shared::id::SiteName;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl AgentService for Api {
    async fn list_agents(
        &self,
        request: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        let asked = request.into_inner();
        let all = self.driver.look(|world, _| Ok(agents(world))).await?;
        let (agents, next_page_token) = page(all, asked.page_size, &asked.page_token, "")?;
        Ok(Response::new(ListAgentsResponse { agents, next_page_token }))
    }

    async fn get_agent(
        &self,
        request: Request<GetAgentRequest>,
    ) -> Result<Response<GetAgentResponse>, Status> {
        let name = request.into_inner().name;
        let found = self.driver.look(move |world, _| {
            let bare = name.strip_prefix("agents/").unwrap_or(&name);
            let info = world.fleet.agents.values().find(|info| info.agent.as_str() == bare);
            let info = info.ok_or_else(|| Refused::NotFound {
                kind: "agent",
                name: bare.chars().take(80).collect(),
                list: "switchyard agent list",
            })?;
            let stray_results = world.strays_of(&info.agent).into_iter().map(stray_result).collect();
            Ok(GetAgentResponse { agent: Some(agent(world, info)), stray_results })
        });
        Ok(Response::new(found.await?))
    }

    async fn rebind_site(
        &self,
        request: Request<RebindSiteRequest>,
    ) -> Result<Response<RebindSiteResponse>, Status> {
        let by = caller_name(&request);
        let RebindSiteRequest { site, reason, request_id } = request.into_inner();
        let site = SiteName::new(&site)
            .map_err(|error| Refused::BadRequest { field: "site".into(), why: error.to_string() })?;
        let rebound =
            self.driver.command(move |world, turn| world.rebind_site(&site, &by, &reason, &request_id, turn));
        let Rebound { epoch, former, unknown } = rebound.await?;
        Ok(Response::new(RebindSiteResponse {
            site_epoch: epoch,
            former_agent: format!("agents/{former}"),
            unknown: unknown.iter().map(ToString::to_string).collect(),
        }))
    }
}

fn agents(world: &World) -> Vec<Agent> {
    world.fleet.agents.values().map(|info| agent(world, info)).collect()
}

fn agent(world: &World, info: &AgentInfo) -> Agent {
    let state = match (info.connected, info.unbound) {
        (true, _) => agent::State::Connected,
        (false, true) => agent::State::Unbound,
        (false, false) if world.is_ahead(&info.agent) => agent::State::Refused,
        (false, false) => agent::State::Disconnected,
    };
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
        site_epoch: world.site_epoch(&info.site),
        stray_results: u32::try_from(world.strays_of(&info.agent).len()).unwrap_or(u32::MAX),
    }
}

fn stray_result(stray: &Stray) -> StrayResult {
    StrayResult {
        sequence: stray.sequence,
        operation: stray.op.to_string(),
        reason: stray.why.clone(),
        received_at: Some(timestamp(stray.at)),
        outcome: Some((&stray.outcome).into()),
    }
}
