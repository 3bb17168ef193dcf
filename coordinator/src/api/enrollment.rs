//! EnrollmentService: how an agent gets its certificate.

use super::Api;
use crate::entropy;
use crate::refused::Refused;
use std::time::Duration;
use switchyard_proto::convert::{timestamp, to_duration};
use switchyard_proto::identity::join_token::{InvalidToken, JoinToken};
use switchyard_proto::v1;
use switchyard_proto::v1::enrollment_service_server::EnrollmentService;
use switchyard_shared::id::{AgentName, SiteName};
use tonic::{Request, Response, Status};

/// Life of a token that names none.
const TTL_DEFAULT: Duration = Duration::from_secs(30 * 60);
/// Longest life of a token.
const TTL_MAX: Duration = Duration::from_secs(24 * 3600);

#[tonic::async_trait]
impl EnrollmentService for Api {
    async fn create_join_token(
        &self,
        request: Request<v1::CreateJoinTokenRequest>,
    ) -> Result<Response<v1::CreateJoinTokenResponse>, Status> {
        let asked = request.into_inner();
        let site = SiteName::new(&asked.site).map_err(|error| bad("site", error.to_string()))?;
        let ttl = match asked.ttl {
            None => TTL_DEFAULT,
            ttl => to_duration(ttl, "ttl").map_err(super::status::bad_field)?,
        };
        if ttl.is_zero() || ttl > TTL_MAX {
            return Err(bad("ttl", "a token lives for at least 1s and at most 24h".into()).into());
        }
        let expires_at = self.driver.clock.now().plus(ttl);
        let (token, record) = self.pki()?.new_token(&site, expires_at, entropy::secret()?);
        self.driver
            .ask(move |world, turn| {
                world.keep_token(&record, turn);
                Ok(())
            })
            .await?;
        tracing::info!(%site, %expires_at, "join token made");
        let (token, expires_at) = (token.reveal(), Some(timestamp(expires_at)));
        Ok(Response::new(v1::CreateJoinTokenResponse { token, expires_at }))
    }

    async fn enroll_agent(
        &self,
        request: Request<v1::EnrollAgentRequest>,
    ) -> Result<Response<v1::EnrollAgentResponse>, Status> {
        let asked = request.into_inner();
        let site = SiteName::new(&asked.site).map_err(|error| bad("site", error.to_string()))?;
        let token: JoinToken =
            asked.token.parse().map_err(|error: InvalidToken| Refused::TokenRefused(error.to_string()))?;
        let name = format!("{site}-{}", entropy::short_id()?);
        let agent = AgentName::new(&name).map_err(|error| bad("site", error.to_string()))?;
        let (certificate, ca_certificate) = self
            .pki()?
            .sign_agent(&asked.certificate_request, &site, &agent, self.driver.wall.now())
            .map_err(|error| bad("certificate_request", error.to_string()))?;
        let for_agent = agent.clone();
        let at = site.clone();
        self.driver.ask(move |world, turn| world.redeem_token(&token, &at, for_agent.as_str(), turn)).await?;
        tracing::info!(%site, %agent, "agent enrolled");
        let agent = format!("agents/{agent}");
        Ok(Response::new(v1::EnrollAgentResponse { agent, certificate, ca_certificate }))
    }
}

impl Api {
    fn pki(&self) -> Result<&crate::pki::Pki, Refused> {
        let without =
            || bad("site", "this coordinator runs with --insecure-loopback: agents need no token".into());
        self.pki.as_deref().ok_or_else(without)
    }
}

fn bad(field: &str, why: String) -> Refused {
    Refused::BadRequest { field: field.into(), why }
}
