//! BreakerService.

use super::Api;
use super::page::page;
use crate::guard::caller_name;
use crate::refused::Refused;
use switchyard_proto::convert::link::BreakerAction;
use switchyard_proto::v1;
use switchyard_proto::v1::breaker_service_server::BreakerService;
use switchyard_shared::breaker::Name;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl BreakerService for Api {
    async fn list_breakers(
        &self,
        request: Request<v1::ListBreakersRequest>,
    ) -> Result<Response<v1::ListBreakersResponse>, Status> {
        let asked = request.into_inner();
        let all = self.driver.look(|world, now| Ok(world.all_breakers(now))).await?;
        let (breakers, next_page_token) = page(all, asked.page_size, &asked.page_token, "")?;
        let breakers = breakers.iter().map(Into::into).collect();
        Ok(Response::new(v1::ListBreakersResponse { breakers, next_page_token }))
    }

    async fn trip_breaker(
        &self,
        request: Request<v1::TripBreakerRequest>,
    ) -> Result<Response<v1::TripBreakerResponse>, Status> {
        let by = caller_name(&request);
        let asked = request.into_inner();
        let breaker = Some(
            self.command(Word {
                name: asked.name,
                reason: asked.reason,
                request_id: asked.request_id,
                by,
                action: BreakerAction::Trip,
            })
            .await?,
        );
        Ok(Response::new(v1::TripBreakerResponse { breaker }))
    }

    async fn reset_breaker(
        &self,
        request: Request<v1::ResetBreakerRequest>,
    ) -> Result<Response<v1::ResetBreakerResponse>, Status> {
        let by = caller_name(&request);
        let asked = request.into_inner();
        let breaker = Some(
            self.command(Word {
                name: asked.name,
                reason: asked.reason,
                request_id: asked.request_id,
                by,
                action: BreakerAction::Reset,
            })
            .await?,
        );
        Ok(Response::new(v1::ResetBreakerResponse { breaker }))
    }

    async fn force_close_breaker(
        &self,
        request: Request<v1::ForceCloseBreakerRequest>,
    ) -> Result<Response<v1::ForceCloseBreakerResponse>, Status> {
        let by = caller_name(&request);
        let asked = request.into_inner();
        let breaker = Some(
            self.command(Word {
                name: asked.name,
                reason: asked.reason,
                request_id: asked.request_id,
                by,
                action: BreakerAction::ForceClosed,
            })
            .await?,
        );
        Ok(Response::new(v1::ForceCloseBreakerResponse { breaker }))
    }

    async fn get_breaker(
        &self,
        request: Request<v1::GetBreakerRequest>,
    ) -> Result<Response<v1::GetBreakerResponse>, Status> {
        let name = parse(&request.into_inner().name)?;
        let found = self.driver.look(move |world, now| world.known_breaker(&name, now));
        let breaker = Some((&found.await?).into());
        Ok(Response::new(v1::GetBreakerResponse { breaker }))
    }

    type WatchBreakersStream = ReceiverStream<Result<v1::WatchBreakersResponse, Status>>;

    async fn watch_breakers(
        &self,
        _: Request<v1::WatchBreakersRequest>,
    ) -> Result<Response<Self::WatchBreakersStream>, Status> {
        Ok(Response::new(ReceiverStream::new(self.follow_breakers().await?)))
    }
}

fn parse(name: &str) -> Result<Name, Refused> {
    Name::parse(name).map_err(|error| Refused::BadRequest { field: "name".into(), why: error.to_string() })
}

/// What an operator wants of a breaker.
#[derive(Clone)]
struct Word {
    name: String,
    reason: String,
    request_id: String,
    by: String,
    action: BreakerAction,
}

impl Api {
    /// Sends the word to the agent that holds the breaker; the answer is the breaker as it will be.
    async fn command(&self, word: Word) -> Result<v1::Breaker, Refused> {
        let name = parse(&word.name)?;
        if word.reason.trim().is_empty() {
            let why = "say why: the next operator reads it".into();
            return Err(Refused::BadRequest { field: "reason".into(), why });
        }
        self.driver
            .command_about(move |world, turn| {
                let Word { reason, request_id, by, action, .. } = &word;
                let report = world.command_breaker_once(request_id, &name, *action, by, reason, turn)?;
                Ok((&report).into())
            })
            .await
    }
}
