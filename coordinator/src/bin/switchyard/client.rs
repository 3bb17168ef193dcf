//! The coordinator as commands see it: clients, deadlines, failures in words, pages as one list.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::words::full;
use std::future::Future;
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_proto::v1::agent_service_client::AgentServiceClient;
use switchyard_proto::v1::breaker_service_client::BreakerServiceClient;
use switchyard_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use switchyard_proto::v1::inventory_service_client::InventoryServiceClient;
use switchyard_proto::v1::rollout_service_client::RolloutServiceClient;
use switchyard_proto::v1::system_service_client::SystemServiceClient;
use tonic::transport::Channel;
use tonic::{Response, Status};

/// How long one answer may take when `--timeout` says nothing.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Largest page.
pub const PAGE_SIZE: i32 = 1000;
/// Most pages of one list.
const PAGES_MAX: usize = 1000;
/// Largest answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A coordinator.
#[derive(Clone)]
pub struct Api {
    channel: Channel,
    server: String,
    deadline: Duration,
}

macro_rules! client {
    ($(#[$doc:meta])* $name:ident, $client:ident) => {
        $(#[$doc])*
        pub fn $name(&self) -> $client<Channel> {
            $client::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
        }
    };
}

impl Api {
    /// The coordinator behind `channel`; every answer is due within `deadline`.
    pub fn new(channel: Channel, server: String, deadline: Duration) -> Self {
        Self { channel, server, deadline }
    }

    /// The URL it was dialled at.
    pub fn server(&self) -> &str {
        &self.server
    }

    client!(
        /// Plans and rollouts.
        rollouts,
        RolloutServiceClient
    );
    client!(
        /// Breakers.
        breakers,
        BreakerServiceClient
    );
    client!(
        /// Sites and devices.
        inventory,
        InventoryServiceClient
    );
    client!(
        /// Agents.
        agents,
        AgentServiceClient
    );
    client!(
        /// Join tokens.
        enrollment,
        EnrollmentServiceClient
    );

    client!(
        /// The coordinator itself.
        system,
        SystemServiceClient
    );

    /// What `status` means to the operator.
    pub fn failure(&self, status: &Status) -> Failure {
        Failure::from_status(status, &self.server)
    }

    /// The answer to one call, within the deadline.
    pub async fn call<T>(
        &self,
        answer: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.failure(&status)),
            Err(_) => Err(Failure::unreachable(
                &self.server,
                &format!("no answer within {}", switchyard_shared::time::format_duration(self.deadline)),
            )),
        }
    }

    /// The rollout `name`.
    pub async fn rollout(&self, name: &str) -> Result<v1::Rollout, Failure> {
        let request = v1::GetRolloutRequest { name: full("rollouts", name) };
        let answer = self.call(self.rollouts().get_rollout(request)).await?;
        answer.rollout.ok_or_else(|| empty_answer("rollout"))
    }

    /// The plan `name`.
    pub async fn plan(&self, name: &str) -> Result<v1::Plan, Failure> {
        let request = v1::GetPlanRequest { name: full("plans", name) };
        let answer = self.call(self.rollouts().get_plan(request)).await?;
        answer.plan.ok_or_else(|| empty_answer("plan"))
    }

    /// The devices of a rollout that match `filter`, all pages.
    pub async fn devices(&self, rollout: &str, filter: &str) -> Result<Vec<v1::DeviceResult>, Failure> {
        let mut request = v1::ListDeviceResultsRequest {
            parent: full("rollouts", rollout),
            page_size: PAGE_SIZE,
            page_token: String::new(),
            filter: filter.to_owned(),
        };
        let mut devices = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.call(self.rollouts().list_device_results(request.clone())).await?;
            devices.extend(page.device_results);
            if page.next_page_token.is_empty() {
                return Ok(devices);
            }
            request.page_token = page.next_page_token;
        }
        Err(too_many_pages())
    }
}

/// An answer without the thing that it must carry.
pub fn empty_answer(what: &str) -> Failure {
    Failure::new(Exit::Error, "EMPTY_ANSWER", format!("the coordinator answered without the {what}"))
        .hint("compare the versions: switchyard --version here and at the coordinator")
}

/// Every page of a list as one; `page` takes a token and gives the items and the next token.
pub async fn all<T>(
    mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), Failure>,
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut token = String::new();
    for _ in 0..PAGES_MAX {
        let (more, next) = page(token).await?;
        items.extend(more);
        if next.is_empty() {
            return Ok(items);
        }
        token = next;
    }
    Err(too_many_pages())
}

fn too_many_pages() -> Failure {
    Failure::new(Exit::Error, "TOO_MANY_PAGES", format!("the list has more than {PAGES_MAX} pages"))
        .hint("narrow it with --filter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_come_as_one_list_and_never_without_end() {
        let listed = all(async |token: String| {
            let next = if token == "2" { String::new() } else { format!("{}", token.len() + 1) };
            Ok((vec![token.clone()], if token == "1" { "2".into() } else { next }))
        })
        .await;
        assert_eq!(listed.expect("three pages"), ["", "1", "2"]);
        let endless = all(async |_| Ok((vec![0u8], "again".to_owned()))).await;
        assert_eq!(endless.expect_err("a bound").reason, "TOO_MANY_PAGES");
    }
}
