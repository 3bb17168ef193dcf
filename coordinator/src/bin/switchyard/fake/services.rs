//! The services of the fake coordinator.

use super::{Fake, Step, a_plan};
use std::pin::Pin;
use switchyard_proto::v1::agent_service_server::{AgentService, AgentServiceServer};
use switchyard_proto::v1::breaker_service_server::{BreakerService, BreakerServiceServer};
use switchyard_proto::v1::enrollment_service_server::{EnrollmentService, EnrollmentServiceServer};
use switchyard_proto::v1::inventory_service_server::{InventoryService, InventoryServiceServer};
use switchyard_proto::v1::rollout_service_server::{RolloutService, RolloutServiceServer};
use switchyard_proto::v1::system_service_server::{SystemService, SystemServiceServer};
use switchyard_proto::v1::{self, watch_rollout_response::Event};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// All services of `fake`.
pub fn router(fake: &Fake) -> tonic::transport::server::Router {
    tonic::transport::Server::builder()
        .add_service(RolloutServiceServer::new(fake.clone()))
        .add_service(BreakerServiceServer::new(fake.clone()))
        .add_service(InventoryServiceServer::new(fake.clone()).max_decoding_message_size(32 << 20))
        .add_service(AgentServiceServer::new(fake.clone()))
        .add_service(EnrollmentServiceServer::new(fake.clone()))
        .add_service(SystemServiceServer::new(fake.clone()))
}

macro_rules! steer {
    ($self:ident, $request:ident, $verb:literal, $response:ident, $state:ident) => {{
        let asked = $request.into_inner();
        $self.asked(format!("{} {} {} {}", $verb, asked.name, asked.reason, asked.request_id.len()))?;
        let state = v1::rollout::State::$state.into();
        let rollout = v1::Rollout { name: asked.name, state, ..$self.state().rollout.clone() };
        Ok(Response::new(v1::$response { rollout: Some(rollout) }))
    }};
}

impl Fake {
    fn known(&self, name: &str) -> Result<v1::Rollout, Status> {
        let rollout = self.state().rollout.clone();
        if rollout.name == name { Ok(rollout) } else { Err(missing(name)) }
    }
}

fn missing(name: &str) -> Status {
    use tonic_types::{ErrorDetails, StatusExt as _};
    let details = ErrorDetails::with_error_info(
        "NOT_FOUND",
        "switchyard.dev",
        [("name", name)].map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    Status::with_error_details(tonic::Code::NotFound, format!("find {name}: there is none"), details)
}

#[tonic::async_trait]
impl RolloutService for Fake {
    type WatchRolloutStream = Pin<Box<dyn Stream<Item = Result<v1::WatchRolloutResponse, Status>> + Send>>;

    async fn plan_rollout(
        &self,
        request: Request<v1::PlanRolloutRequest>,
    ) -> Answer<v1::PlanRolloutResponse> {
        let asked = request.into_inner();
        let files: Vec<&str> = asked.files.iter().map(|file| file.path.as_str()).collect();
        self.asked(format!("plan {} {} {}", asked.source, files.join(","), asked.vars_json))?;
        let state = self.state();
        let comparable = state.compares_for_ever || !state.differences.is_empty();
        let told = u32::try_from(state.differences.len()).unwrap_or(u32::MAX);
        let is_whole = comparable && !state.compares_for_ever && !state.stops;
        let devices = if is_whole { told } else { a_plan().devices };
        let plan = Some(v1::Plan { comparable, devices, ..a_plan() });
        state.plan_error.clone().map_or(Ok(Response::new(v1::PlanRolloutResponse { plan })), Err)
    }

    async fn get_plan(&self, request: Request<v1::GetPlanRequest>) -> Answer<v1::GetPlanResponse> {
        let name = request.into_inner().name;
        self.asked(format!("get_plan {name}"))?;
        if name != a_plan().name {
            return Err(missing(&name));
        }
        Ok(Response::new(v1::GetPlanResponse { plan: Some(a_plan()) }))
    }

    async fn list_plans(&self, _: Request<v1::ListPlansRequest>) -> Answer<v1::ListPlansResponse> {
        self.asked("list_plans".into())?;
        Ok(Response::new(v1::ListPlansResponse { plans: vec![a_plan()], next_page_token: String::new() }))
    }

    type ComparePlanStream = Pin<Box<dyn Stream<Item = Result<v1::ComparePlanResponse, Status>> + Send>>;

    async fn compare_plan(
        &self,
        request: Request<v1::ComparePlanRequest>,
    ) -> Answer<Self::ComparePlanStream> {
        let asked = request.into_inner();
        self.asked(format!("compare {} {}", asked.name, asked.devices.join(",")))?;
        let state = self.state();
        let stream = tokio_stream::iter(state.differences.clone().into_iter().map(Ok));
        let stream: Self::ComparePlanStream = match state.compares_for_ever {
            true => Box::pin(stream.chain(tokio_stream::pending())),
            false => Box::pin(stream),
        };
        Ok(Response::new(stream))
    }

    async fn create_rollout(
        &self,
        request: Request<v1::CreateRolloutRequest>,
    ) -> Answer<v1::CreateRolloutResponse> {
        let asked = request.into_inner();
        self.asked(format!("create {} {}", asked.plan, asked.digest))?;
        Ok(Response::new(v1::CreateRolloutResponse { rollout: Some(self.state().rollout.clone()) }))
    }

    async fn get_rollout(&self, request: Request<v1::GetRolloutRequest>) -> Answer<v1::GetRolloutResponse> {
        let name = request.into_inner().name;
        self.asked(format!("get {name}"))?;
        Ok(Response::new(v1::GetRolloutResponse { rollout: Some(self.known(&name)?) }))
    }

    async fn list_rollouts(
        &self,
        request: Request<v1::ListRolloutsRequest>,
    ) -> Answer<v1::ListRolloutsResponse> {
        let token = request.into_inner().page_token;
        self.asked(format!("list_rollouts {token}"))?;
        let next_page_token = if token.is_empty() { "2".to_owned() } else { String::new() };
        let rollouts = vec![self.state().rollout.clone()];
        Ok(Response::new(v1::ListRolloutsResponse { rollouts, next_page_token }))
    }

    async fn pause_rollout(
        &self,
        request: Request<v1::PauseRolloutRequest>,
    ) -> Answer<v1::PauseRolloutResponse> {
        steer!(self, request, "pause", PauseRolloutResponse, Paused)
    }

    async fn resume_rollout(
        &self,
        request: Request<v1::ResumeRolloutRequest>,
    ) -> Answer<v1::ResumeRolloutResponse> {
        steer!(self, request, "resume", ResumeRolloutResponse, Running)
    }

    async fn promote_rollout(
        &self,
        request: Request<v1::PromoteRolloutRequest>,
    ) -> Answer<v1::PromoteRolloutResponse> {
        steer!(self, request, "promote", PromoteRolloutResponse, Running)
    }

    async fn abort_rollout(
        &self,
        request: Request<v1::AbortRolloutRequest>,
    ) -> Answer<v1::AbortRolloutResponse> {
        let asked = request.into_inner();
        let force = if asked.force { " by force" } else { "" };
        let id = asked.request_id.len();
        self.asked(format!("abort {} {} {id}{force}", asked.name, asked.reason))?;
        let state = v1::rollout::State::Aborted.into();
        let rollout = Some(v1::Rollout { name: asked.name, state, ..self.state().rollout.clone() });
        let given_up = if asked.force { vec!["dev001".to_owned()] } else { Vec::new() };
        Ok(Response::new(v1::AbortRolloutResponse { rollout, given_up }))
    }

    async fn reconcile_devices(
        &self,
        request: Request<v1::ReconcileDevicesRequest>,
    ) -> Answer<v1::ReconcileDevicesResponse> {
        let asked = request.into_inner();
        let word = asked.word().as_str_name();
        self.asked(format!(
            "reconcile [{}] {} {word} {}",
            asked.devices.join(" "),
            asked.rollout,
            asked.reason
        ))?;
        Ok(Response::new(v1::ReconcileDevicesResponse {
            device_results: self.state().doubts.clone(),
            left: 0,
        }))
    }

    async fn rollback_device(
        &self,
        request: Request<v1::RollbackDeviceRequest>,
    ) -> Answer<v1::RollbackDeviceResponse> {
        let v1::RollbackDeviceRequest { rollout, device, reason, request_id, overwrite } =
            request.into_inner();
        let more = if overwrite { " overwrite" } else { "" };
        self.asked(format!("rollback {rollout} {device} {reason} {}{more}", request_id.len()))?;
        let state = v1::DeviceState::Running.into();
        let known = self.state().devices.iter().find(|known| known.device == device).cloned();
        let device_result = Some(v1::DeviceResult { device, state, ..known.unwrap_or_default() });
        Ok(Response::new(v1::RollbackDeviceResponse { device_result }))
    }

    async fn list_device_results(
        &self,
        request: Request<v1::ListDeviceResultsRequest>,
    ) -> Answer<v1::ListDeviceResultsResponse> {
        let asked = request.into_inner();
        self.asked(format!("devices {} {}", asked.parent, asked.filter))?;
        let device_results = self.state().devices.clone();
        Ok(Response::new(v1::ListDeviceResultsResponse { device_results, ..Default::default() }))
    }

    async fn watch_rollout(
        &self,
        request: Request<v1::WatchRolloutRequest>,
    ) -> Answer<Self::WatchRolloutStream> {
        let asked = request.into_inner();
        self.asked(format!("watch {} after {:?}", asked.name, asked.after_sequence))?;
        let rollout = self.known(&asked.name)?;
        let snapshot = asked.after_sequence.is_none().then_some(v1::WatchRolloutResponse {
            sequence: rollout.sequence,
            at: None,
            event: Some(Event::Snapshot(rollout)),
        });
        let script = self.state().watches.pop_front().unwrap_or_default();
        let holds = script.iter().any(|step| matches!(step, Step::Hold));
        let steps = script.into_iter().filter_map(|step| match step {
            Step::Send(message) => Some(Ok(*message)),
            Step::Break => Some(Err(Status::unavailable("the connection broke"))),
            Step::Hold => None,
        });
        let sent: Vec<_> = snapshot.into_iter().map(Ok).chain(steps).collect();
        let stream = tokio_stream::iter(sent);
        let stream: Self::WatchRolloutStream =
            if holds { Box::pin(stream.chain(tokio_stream::pending())) } else { Box::pin(stream) };
        Ok(Response::new(stream))
    }
}

#[tonic::async_trait]
impl BreakerService for Fake {
    async fn list_breakers(&self, _: Request<v1::ListBreakersRequest>) -> Answer<v1::ListBreakersResponse> {
        self.asked("list_breakers".into())?;
        let breakers = self.state().rollout.breakers.clone();
        Ok(Response::new(v1::ListBreakersResponse { breakers, next_page_token: String::new() }))
    }

    async fn trip_breaker(
        &self,
        request: Request<v1::TripBreakerRequest>,
    ) -> Answer<v1::TripBreakerResponse> {
        let asked = request.into_inner();
        self.asked(format!("trip {} {}", asked.name, asked.reason))?;
        let state = v1::breaker::State::ForcedOpen.into();
        let breaker = v1::Breaker { name: asked.name, state, ..v1::Breaker::default() };
        Ok(Response::new(v1::TripBreakerResponse { breaker: Some(breaker) }))
    }

    async fn reset_breaker(
        &self,
        request: Request<v1::ResetBreakerRequest>,
    ) -> Answer<v1::ResetBreakerResponse> {
        let asked = request.into_inner();
        self.asked(format!("reset {} {}", asked.name, asked.reason))?;
        let state = v1::breaker::State::Closed.into();
        let breaker = v1::Breaker { name: asked.name, state, ..v1::Breaker::default() };
        Ok(Response::new(v1::ResetBreakerResponse { breaker: Some(breaker) }))
    }

    async fn force_close_breaker(
        &self,
        request: Request<v1::ForceCloseBreakerRequest>,
    ) -> Answer<v1::ForceCloseBreakerResponse> {
        let asked = request.into_inner();
        self.asked(format!("force-closed {} {}", asked.name, asked.reason))?;
        let state = v1::breaker::State::ForcedClosed.into();
        let breaker = v1::Breaker { name: asked.name, state, ..v1::Breaker::default() };
        Ok(Response::new(v1::ForceCloseBreakerResponse { breaker: Some(breaker) }))
    }

    async fn get_breaker(&self, request: Request<v1::GetBreakerRequest>) -> Answer<v1::GetBreakerResponse> {
        let name = request.into_inner().name;
        self.asked(format!("get_breaker {name}"))?;
        let known = self.state().rollout.breakers.iter().find(|breaker| breaker.name == name).cloned();
        Ok(Response::new(v1::GetBreakerResponse { breaker: Some(known.ok_or_else(|| missing(&name))?) }))
    }

    type WatchBreakersStream = Pin<Box<dyn Stream<Item = Result<v1::WatchBreakersResponse, Status>> + Send>>;

    async fn watch_breakers(
        &self,
        _: Request<v1::WatchBreakersRequest>,
    ) -> Answer<Self::WatchBreakersStream> {
        use v1::watch_breakers_response::Event;
        self.asked("watch_breakers".into())?;
        let left = self.state().breaker_watches.checked_sub(1);
        self.state().breaker_watches = left.ok_or_else(|| Status::permission_denied("enough"))?;
        let breakers = self.state().rollout.breakers.clone();
        let closed = breakers.iter().map(|breaker| v1::Breaker {
            state: v1::breaker::State::Closed.into(),
            reason: String::new(),
            ..breaker.clone()
        });
        let moved: Vec<Event> = closed.map(Event::Breaker).collect();
        let snapshot = Event::Snapshot(v1::BreakerSnapshot { breakers });
        let events = std::iter::once(snapshot).chain(moved);
        let sent: Vec<_> = events.map(|event| Ok(v1::WatchBreakersResponse { event: Some(event) })).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(sent))))
    }
}

#[tonic::async_trait]
impl InventoryService for Fake {
    async fn import_inventory(
        &self,
        request: Request<v1::ImportInventoryRequest>,
    ) -> Answer<v1::ImportInventoryResponse> {
        let asked = request.into_inner();
        let pins: String = asked.host_keys.iter().map(|pins| format!(" + {}", pins.source)).collect();
        let flags = format!("prune={} dry={}", asked.prune, asked.validate_only);
        self.asked(format!("import {}{pins} {flags}", asked.source))?;
        Ok(Response::new(v1::ImportInventoryResponse {
            sites: 1,
            devices: 2,
            added: vec!["dev002".into()],
            removed: if asked.prune { vec!["old001".into()] } else { Vec::new() },
            ..Default::default()
        }))
    }

    type CollectHostKeysStream =
        Pin<Box<dyn Stream<Item = Result<v1::CollectHostKeysResponse, Status>> + Send>>;

    async fn collect_host_keys(
        &self,
        request: Request<v1::CollectHostKeysRequest>,
    ) -> Answer<Self::CollectHostKeysStream> {
        let asked = request.into_inner();
        self.asked(format!("collect {:?} {}", asked.filter, asked.devices.join(",")))?;
        let told = self.state().host_keys.clone();
        let stops = self.state().stops;
        let is_whole = stops || told.iter().all(|device| device.devices as usize == told.len());
        let stream = tokio_stream::iter(told.into_iter().map(Ok));
        let stream: Self::CollectHostKeysStream = match is_whole {
            true => Box::pin(stream),
            false => Box::pin(stream.chain(tokio_stream::pending())),
        };
        Ok(Response::new(stream))
    }

    async fn list_devices(
        &self,
        request: Request<v1::ListDevicesRequest>,
    ) -> Answer<v1::ListDevicesResponse> {
        self.asked(format!("list_devices {}", request.into_inner().filter))?;
        let device = v1::Device { name: "devices/dev001".into(), site: "lon".into(), ..Default::default() };
        Ok(Response::new(v1::ListDevicesResponse { devices: vec![device], ..Default::default() }))
    }
}

#[tonic::async_trait]
impl AgentService for Fake {
    async fn list_agents(&self, _: Request<v1::ListAgentsRequest>) -> Answer<v1::ListAgentsResponse> {
        self.asked("list_agents".into())?;
        let state = v1::agent::State::Connected.into();
        let agent = v1::Agent { name: "agents/lon".into(), site: "lon".into(), state, ..Default::default() };
        Ok(Response::new(v1::ListAgentsResponse { agents: vec![agent], next_page_token: String::new() }))
    }

    async fn get_agent(&self, request: Request<v1::GetAgentRequest>) -> Answer<v1::GetAgentResponse> {
        self.asked(format!("get_agent {}", request.into_inner().name))?;
        let agent = v1::Agent { name: "agents/lon".into(), stray_results: 1, ..Default::default() };
        let outcome = v1::Outcome { message: "done".into(), ..Default::default() };
        let stray = v1::StrayResult {
            operation: "ntp/dev001/1".into(),
            reason: "it was reported otherwise before".into(),
            outcome: Some(outcome),
            ..Default::default()
        };
        Ok(Response::new(v1::GetAgentResponse { agent: Some(agent), stray_results: vec![stray] }))
    }

    async fn rebind_site(&self, request: Request<v1::RebindSiteRequest>) -> Answer<v1::RebindSiteResponse> {
        let asked = request.into_inner();
        self.asked(format!("rebind {} {} {}", asked.site, asked.reason, asked.request_id.len()))?;
        let (former_agent, unknown) = ("agents/lon-1".to_owned(), vec!["dev001".to_owned()]);
        Ok(Response::new(v1::RebindSiteResponse { site_epoch: 2, former_agent, unknown }))
    }
}

#[tonic::async_trait]
impl SystemService for Fake {
    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Answer<v1::GetServerInfoResponse> {
        Ok(Response::new(v1::GetServerInfoResponse::default()))
    }

    async fn adopt_epoch(&self, request: Request<v1::AdoptEpochRequest>) -> Answer<v1::AdoptEpochResponse> {
        self.asked(format!("adopt {}", request.into_inner().reason))?;
        let agents = vec!["agents/lon-1".to_owned()];
        Ok(Response::new(v1::AdoptEpochResponse { epoch: 8, agents, unknown: 3 }))
    }
}

#[tonic::async_trait]
impl EnrollmentService for Fake {
    async fn create_join_token(
        &self,
        request: Request<v1::CreateJoinTokenRequest>,
    ) -> Answer<v1::CreateJoinTokenResponse> {
        let asked = request.into_inner();
        self.asked(format!("token {} {:?}", asked.site, asked.ttl.map(|ttl| ttl.seconds)))?;
        Ok(Response::new(v1::CreateJoinTokenResponse { token: "sy1.lon.s3cret.ab".into(), expires_at: None }))
    }

    async fn enroll_agent(&self, _: Request<v1::EnrollAgentRequest>) -> Answer<v1::EnrollAgentResponse> {
        Err(Status::unimplemented("no operator calls this"))
    }
}
