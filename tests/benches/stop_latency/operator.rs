//! The operator's side: imports, applies, watches, aborts.

use anyhow::Context as _;
use switchyard_proto::v1;
use switchyard_proto::v1::agent_service_client::AgentServiceClient;
use switchyard_proto::v1::inventory_service_client::InventoryServiceClient;
use switchyard_proto::v1::rollout_service_client::RolloutServiceClient;
use tonic::Streaming;
use tonic::transport::Channel;

/// Speaks to the coordinator; cheap to clone.
#[derive(Clone)]
pub struct Operator {
    rollouts: RolloutServiceClient<Channel>,
    inventory: InventoryServiceClient<Channel>,
    agents: AgentServiceClient<Channel>,
}

impl Operator {
    pub fn new(channel: Channel) -> Self {
        Self {
            rollouts: RolloutServiceClient::new(channel.clone()),
            inventory: InventoryServiceClient::new(channel.clone()),
            agents: AgentServiceClient::new(channel),
        }
    }

    pub async fn import(&mut self, document: &str) -> anyhow::Result<()> {
        let document = document.as_bytes().to_vec();
        let source = "inventory.yaml".into();
        let request = v1::ImportInventoryRequest { document, source, ..Default::default() };
        self.inventory.import_inventory(request).await.context("import the inventory")?;
        Ok(())
    }

    pub async fn connected_agents(&mut self) -> anyhow::Result<usize> {
        let request = v1::ListAgentsRequest { page_size: 1000, ..Default::default() };
        let agents = self.agents.list_agents(request).await.context("list the agents")?.into_inner().agents;
        Ok(agents.iter().filter(|agent| agent.state() == v1::agent::State::Connected).count())
    }

    /// Plans and starts a rollout; gives its name.
    pub async fn apply(&mut self, spec: &str) -> anyhow::Result<String> {
        let file = v1::SpecFile { path: "device.cfg".into(), content: b"hello\n".to_vec() };
        let (spec, source) = (spec.as_bytes().to_vec(), "rollout.yaml".into());
        let request = v1::PlanRolloutRequest { spec, source, files: vec![file], ..Default::default() };
        let plan = self.rollouts.plan_rollout(request).await.context("plan")?.into_inner().plan;
        let plan = plan.context("read the plan")?.name;
        let request = v1::CreateRolloutRequest { plan, ..Default::default() };
        let rollout = self.rollouts.create_rollout(request).await.context("start the rollout")?.into_inner();
        Ok(rollout.rollout.context("read the rollout")?.name)
    }

    /// Every event from the first one on.
    pub async fn watch(&mut self, name: &str) -> anyhow::Result<Streaming<v1::WatchRolloutResponse>> {
        let request = v1::WatchRolloutRequest { name: name.to_owned(), after_sequence: Some(0) };
        Ok(self.rollouts.watch_rollout(request).await.context("watch")?.into_inner())
    }

    pub async fn abort(&mut self, name: &str) -> anyhow::Result<()> {
        let (name, reason) = (name.to_owned(), "to measure it".to_owned());
        let request = v1::AbortRolloutRequest { name, reason, ..Default::default() };
        self.rollouts.abort_rollout(request).await.context("abort")?;
        Ok(())
    }
}
