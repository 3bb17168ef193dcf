//! RolloutService.

use super::Api;
use super::page::page;
use super::watch::Watched;
use crate::driver::{Reconcile, RestoreDevice, Steer, Turn, Verb, World};
use crate::guard::caller_name;
use crate::refused::Refused;
use std::borrow::Cow;
use switchyard_proto::convert;
use switchyard_proto::v1;
use switchyard_proto::v1::rollout_service_server::RolloutService;
use switchyard_shared::comparison::DeviceDifference;
use switchyard_shared::filter::{self, Lookup};
use switchyard_shared::rollout::Rollout;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// What one comparison is told.
type Differences = tokio_stream::adapters::Map<
    ReceiverStream<DeviceDifference>,
    fn(DeviceDifference) -> Result<v1::ComparePlanResponse, Status>,
>;

#[tonic::async_trait]
impl RolloutService for Api {
    async fn plan_rollout(
        &self,
        request: Request<v1::PlanRolloutRequest>,
    ) -> Result<Response<v1::PlanRolloutResponse>, Status> {
        let by = caller_name(&request);
        let plan = Some(self.make_plan(request.into_inner(), by).await?);
        Ok(Response::new(v1::PlanRolloutResponse { plan }))
    }

    async fn get_plan(
        &self,
        request: Request<v1::GetPlanRequest>,
    ) -> Result<Response<v1::GetPlanResponse>, Status> {
        let plan = Some(self.show_plan(request.into_inner().name).await?);
        Ok(Response::new(v1::GetPlanResponse { plan }))
    }

    async fn list_plans(
        &self,
        request: Request<v1::ListPlansRequest>,
    ) -> Result<Response<v1::ListPlansResponse>, Status> {
        let asked = request.into_inner();
        let all = self.driver.look(|world, _| Ok(world.plans.newest_first())).await?;
        let (plans, next_page_token) = page(all, asked.page_size, &asked.page_token, "")?;
        Ok(Response::new(v1::ListPlansResponse { plans, next_page_token }))
    }

    type ComparePlanStream = Differences;

    async fn compare_plan(
        &self,
        request: Request<v1::ComparePlanRequest>,
    ) -> Result<Response<Self::ComparePlanStream>, Status> {
        let asked = request.into_inner();
        let begin =
            move |world: &mut World, turn: &mut Turn| world.compare(&asked.name, &asked.devices, turn);
        let differences = self.driver.ask_about(begin).await?;
        let on_the_wire: fn(DeviceDifference) -> _ = |difference| Ok((&difference).into());
        Ok(Response::new(ReceiverStream::new(differences).map(on_the_wire)))
    }

    async fn create_rollout(
        &self,
        request: Request<v1::CreateRolloutRequest>,
    ) -> Result<Response<v1::CreateRolloutResponse>, Status> {
        let by = caller_name(&request);
        let asked = request.into_inner();
        let name = self
            .driver
            .ask_about(move |world, turn| {
                world.create_rollout(
                    &asked.plan,
                    &asked.digest,
                    &by,
                    &asked.request_id,
                    asked.validate_only,
                    turn,
                )
            })
            .await?;
        let rollout = self.get(name.as_str()).await.ok();
        Ok(Response::new(v1::CreateRolloutResponse { rollout }))
    }

    async fn get_rollout(
        &self,
        request: Request<v1::GetRolloutRequest>,
    ) -> Result<Response<v1::GetRolloutResponse>, Status> {
        let rollout = Some(self.get(&request.into_inner().name).await?);
        Ok(Response::new(v1::GetRolloutResponse { rollout }))
    }

    async fn list_rollouts(
        &self,
        request: Request<v1::ListRolloutsRequest>,
    ) -> Result<Response<v1::ListRolloutsResponse>, Status> {
        let asked = request.into_inner();
        let listed = self.driver.look(move |world, now| {
            let newest = world.rollouts.newest_first();
            let (shown, next) = page(newest, asked.page_size, &asked.page_token, "")?;
            let shown = shown.into_iter().map(|name| world.shown(name.as_str(), now));
            Ok((shown.collect::<Result<_, _>>()?, next))
        });
        let (rollouts, next_page_token) = listed.await?;
        Ok(Response::new(v1::ListRolloutsResponse { rollouts, next_page_token }))
    }

    async fn pause_rollout(
        &self,
        request: Request<v1::PauseRolloutRequest>,
    ) -> Result<Response<v1::PauseRolloutResponse>, Status> {
        let by = caller_name(&request);
        let v1::PauseRolloutRequest { name, reason, etag, request_id } = request.into_inner();
        let steer = Steer { name, verb: Verb::Pause, by, reason, etag };
        let rollout = Some(self.steer(steer, request_id).await?);
        Ok(Response::new(v1::PauseRolloutResponse { rollout }))
    }

    async fn resume_rollout(
        &self,
        request: Request<v1::ResumeRolloutRequest>,
    ) -> Result<Response<v1::ResumeRolloutResponse>, Status> {
        let by = caller_name(&request);
        let v1::ResumeRolloutRequest { name, reason, etag, request_id } = request.into_inner();
        let steer = Steer { name, verb: Verb::Resume, by, reason, etag };
        let rollout = Some(self.steer(steer, request_id).await?);
        Ok(Response::new(v1::ResumeRolloutResponse { rollout }))
    }

    async fn promote_rollout(
        &self,
        request: Request<v1::PromoteRolloutRequest>,
    ) -> Result<Response<v1::PromoteRolloutResponse>, Status> {
        let by = caller_name(&request);
        let v1::PromoteRolloutRequest { name, reason, etag, request_id } = request.into_inner();
        let steer = Steer { name, verb: Verb::Promote, by, reason, etag };
        let rollout = Some(self.steer(steer, request_id).await?);
        Ok(Response::new(v1::PromoteRolloutResponse { rollout }))
    }

    async fn abort_rollout(
        &self,
        request: Request<v1::AbortRolloutRequest>,
    ) -> Result<Response<v1::AbortRolloutResponse>, Status> {
        let by = caller_name(&request);
        let v1::AbortRolloutRequest { name, reason, etag, force, request_id } = request.into_inner();
        let steer = Steer { name, verb: Verb::Abort, by, reason, etag };
        if !force {
            let rollout = Some(self.steer(steer, request_id).await?);
            return Ok(Response::new(v1::AbortRolloutResponse { rollout, given_up: Vec::new() }));
        }
        let abort =
            move |world: &mut World, turn: &mut Turn| world.abort_by_force_once(&request_id, &steer, turn);
        let aborted = self.driver.command_about(abort);
        let (name, given_up) = aborted.await?;
        let rollout = Some(self.get(name.as_str()).await?);
        let given_up = given_up.iter().map(ToString::to_string).collect();
        Ok(Response::new(v1::AbortRolloutResponse { rollout, given_up }))
    }

    async fn reconcile_devices(
        &self,
        request: Request<v1::ReconcileDevicesRequest>,
    ) -> Result<Response<v1::ReconcileDevicesResponse>, Status> {
        let by = caller_name(&request);
        let v1::ReconcileDevicesRequest { rollout, devices, word, reason, request_id } = request.into_inner();
        let word = convert::rollout::to_word(word).map_err(super::status::bad_field)?;
        let asked = Reconcile { rollout, devices, word, by, reason, request_id };
        let settled = self.driver.command_about(move |world, turn| {
            let settled = world.reconcile_devices(&asked, turn)?;
            let results = settled.iter().filter_map(|(rollout, device)| {
                let rollout = &world.rollouts.get(rollout)?.rollout;
                Some(convert::rollout::device_result(rollout, rollout.layout.rank(device)? as usize))
            });
            let left = u32::try_from(world.beyond_reach(&asked, &settled)).unwrap_or(u32::MAX);
            Ok((results.collect(), left))
        });
        let (device_results, left) = settled.await?;
        Ok(Response::new(v1::ReconcileDevicesResponse { device_results, left }))
    }

    async fn rollback_device(
        &self,
        request: Request<v1::RollbackDeviceRequest>,
    ) -> Result<Response<v1::RollbackDeviceResponse>, Status> {
        let by = caller_name(&request);
        let v1::RollbackDeviceRequest { rollout, device, reason, request_id, overwrite } =
            request.into_inner();
        let asked = RestoreDevice { rollout, device, overwrite, by, reason, request_id };
        let restore = move |world: &mut World, turn: &mut Turn| {
            let (rollout, device) = world.restore_device(&asked, turn)?;
            let rollout = &world.rollout(rollout.as_str())?.rollout;
            let rank = rollout.layout.rank(&device);
            Ok(rank.map(|rank| convert::rollout::device_result(rollout, rank as usize)))
        };
        let device_result = self.driver.command_about(restore).await?;
        Ok(Response::new(v1::RollbackDeviceResponse { device_result }))
    }

    async fn list_device_results(
        &self,
        request: Request<v1::ListDeviceResultsRequest>,
    ) -> Result<Response<v1::ListDeviceResultsResponse>, Status> {
        let asked = request.into_inner();
        let filter = super::inventory::parse_filter(&asked.filter)?;
        let parent = asked.parent.clone();
        let all = self.driver.look_about(move |world, _| {
            let rollout = &world.rollout(&parent)?.rollout;
            let ranks: Vec<usize> = (0..rollout.devices.len()).collect();
            let unknown = |field: &filter::FieldName| {
                format!(
                    "a device result has no field {field}; it has device, site, wave, state, class, attempt"
                )
            };
            let lookup = |rank: &usize, path: &[&str]| lookup(rollout, *rank, path);
            let selected = match &filter {
                Some(filter) => {
                    filter::select(&ranks, filter, lookup, unknown).map_err(super::inventory::bad_filter)?
                }
                None => ranks,
            };
            Ok(selected
                .into_iter()
                .map(|rank| convert::rollout::device_result(rollout, rank))
                .collect::<Vec<_>>())
        });
        let all = all.await?;
        let total_size = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let question = format!("{} {}", asked.parent, asked.filter);
        let (device_results, next_page_token) = page(all, asked.page_size, &asked.page_token, &question)?;
        Ok(Response::new(v1::ListDeviceResultsResponse { device_results, next_page_token, total_size }))
    }

    type WatchRolloutStream = ReceiverStream<Result<v1::WatchRolloutResponse, Status>>;

    async fn watch_rollout(
        &self,
        request: Request<v1::WatchRolloutRequest>,
    ) -> Result<Response<Self::WatchRolloutStream>, Status> {
        let asked = request.into_inner();
        let watched: Watched = self.watch(&asked.name, asked.after_sequence).await?;
        Ok(Response::new(ReceiverStream::new(watched)))
    }
}

impl Api {
    async fn get(&self, name: &str) -> Result<v1::Rollout, Refused> {
        let name = name.to_owned();
        self.driver.look(move |world, now| world.shown(&name, now)).await
    }

    /// Answers once the word is durable, with the rollout as it is then.
    async fn steer(&self, steer: Steer, request_id: String) -> Result<v1::Rollout, Refused> {
        let once = move |world: &mut World, turn: &mut Turn| world.steer_once(&request_id, &steer, turn);
        let name = self.driver.command_about(once).await?;
        self.get(name.as_str()).await
    }
}

fn lookup<'a>(rollout: &'a Rollout, rank: usize, path: &[&str]) -> Lookup<'a> {
    let (place, device) = (&rollout.layout.devices[rank], &rollout.devices[rank]);
    let text = |text: &'a str| Lookup::Text(Cow::Borrowed(text));
    match path {
        ["device" | "name"] => text(place.name.as_str()),
        ["site"] => text(place.site.as_str()),
        ["wave"] => text(&rollout.layout.waves[place.wave as usize].name),
        ["state"] => text(device.state.as_str()),
        ["class" | "reason"] => {
            device.outcome.as_ref().map_or(Lookup::Unset, |outcome| text(outcome.class.as_str()))
        }
        ["attempt"] => Lookup::Text(Cow::Owned(device.attempt.to_string())),
        _ => Lookup::Unknown,
    }
}
