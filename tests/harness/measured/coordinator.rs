//! The coordinator, in a process of its own, and the operator who speaks to it.

use anyhow::Context as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use switchyard_coordinator::{Coordinator, ServeConfig};
use switchyard_proto::tls::client::{Security, connect};
use switchyard_proto::v1;
use switchyard_proto::v1::agent_service_client::AgentServiceClient;
use switchyard_proto::v1::inventory_service_client::InventoryServiceClient;
use switchyard_proto::v1::rollout_service_client::RolloutServiceClient;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Rank, site and so on of every device travel in one message.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Serves until it is killed.
pub async fn serve(data: PathBuf) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listen")?;
    let config = ServeConfig { data, insecure_loopback: true, names: Vec::new() };
    let coordinator = Coordinator::start(config, listener, CancellationToken::new()).await?;
    println!("listening on {}", coordinator.address);
    Ok(coordinator.ended().await?)
}

/// The other process; killed when dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Process {
    /// Starts it on `data` and waits until it listens.
    pub fn start(data: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe().context("find this program")?)
            .arg("--serve")
            .arg(data)
            // What is free goes back to the kernel, so that the memory that is measured is in use.
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .stdout(Stdio::piped())
            .spawn()
            .context("start the coordinator")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("read what it prints")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").context("it does not listen")?;
        Ok(Self { url: format!("http://{address}"), child })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to it.
pub async fn dial(url: &str) -> anyhow::Result<Channel> {
    connect(url, &Security::InsecureLoopback, CONNECT_WITHIN)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))
}

/// Speaks to the coordinator.
pub struct Operator {
    rollouts: RolloutServiceClient<Channel>,
    inventory: InventoryServiceClient<Channel>,
    agents: AgentServiceClient<Channel>,
}

impl Operator {
    /// One on a connection of its own.
    pub async fn new(url: &str) -> anyhow::Result<Self> {
        let channel = dial(url).await?;
        Ok(Self {
            rollouts: RolloutServiceClient::new(channel.clone()).max_encoding_message_size(MESSAGE_BYTES_MAX),
            inventory: InventoryServiceClient::new(channel.clone())
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
            agents: AgentServiceClient::new(channel),
        })
    }

    /// Imports `devices` of `sites`.
    pub async fn import(&mut self, sites: usize, devices: usize) -> anyhow::Result<()> {
        let document = inventory(sites, devices).into_bytes();
        let request =
            v1::ImportInventoryRequest { document, source: "inventory.yaml".into(), ..Default::default() };
        self.inventory.import_inventory(request).await.context("import the inventory")?;
        Ok(())
    }

    /// Waits until so many agents are connected.
    pub async fn wait_for_agents(&mut self, count: usize) -> anyhow::Result<()> {
        loop {
            let request = v1::ListAgentsRequest { page_size: 1000, ..Default::default() };
            let agents =
                self.agents.list_agents(request).await.context("list the agents")?.into_inner().agents;
            let connected = agents.iter().filter(|agent| agent.state() == v1::agent::State::Connected);
            if connected.count() >= count.min(1000) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Plans a rollout of the devices that `select` selects.
    pub async fn plan(&mut self, name: &str, select: &str) -> anyhow::Result<String> {
        let file = v1::SpecFile { path: "device.cfg".into(), content: b"hello\n".to_vec() };
        let spec = spec(name, select).into_bytes();
        let request = v1::PlanRolloutRequest {
            spec,
            source: "rollout.yaml".into(),
            files: vec![file],
            ..Default::default()
        };
        let plan = self.rollouts.plan_rollout(request).await.context("plan")?.into_inner().plan;
        Ok(plan.context("read the plan")?.name)
    }

    /// Starts a rollout of a plan; gives its name.
    pub async fn start(&mut self, plan: &str) -> anyhow::Result<String> {
        let request = v1::CreateRolloutRequest { plan: plan.to_owned(), ..Default::default() };
        let started = self.rollouts.create_rollout(request).await.context("start the rollout")?.into_inner();
        Ok(started.rollout.context("read the rollout")?.name)
    }

    /// Pauses a rollout.
    pub async fn pause(&mut self, name: &str) -> anyhow::Result<()> {
        let (name, reason) = (name.to_owned(), "to measure it".to_owned());
        let request = v1::PauseRolloutRequest { name, reason, ..Default::default() };
        self.rollouts.pause_rollout(request).await.context("pause the rollout")?;
        Ok(())
    }

    /// A word to stop what does not exist: it goes all the way of one that does.
    pub async fn pause_nothing(&mut self) -> anyhow::Result<()> {
        match self.pause("rollouts/nothing").await {
            Ok(()) => anyhow::bail!("it paused a rollout that does not exist"),
            Err(error) => match error.downcast_ref::<tonic::Status>().map(tonic::Status::code) {
                Some(tonic::Code::NotFound) => Ok(()),
                Some(_) | None => Err(error),
            },
        }
    }

    /// The newest rollout: a call that a coordinator answers as soon as it serves.
    pub async fn newest(&mut self) -> anyhow::Result<Option<v1::Rollout>> {
        let request = v1::ListRolloutsRequest { page_size: 1, ..Default::default() };
        let listed = self.rollouts.list_rollouts(request).await.context("list the rollouts")?.into_inner();
        Ok(listed.rollouts.into_iter().next())
    }

    /// How many devices of a rollout have a result, as the list of them says.
    pub async fn results(&mut self, parent: &str) -> anyhow::Result<u32> {
        let request =
            v1::ListDeviceResultsRequest { parent: parent.to_owned(), page_size: 1, ..Default::default() };
        let listed = self.rollouts.list_device_results(request).await.context("list devices")?;
        Ok(listed.into_inner().total_size)
    }
}

/// The name of a site.
pub fn site(number: usize) -> String {
    format!("site{number:04}")
}

/// A rollout without a limit of its own.
pub fn spec(name: &str, select: &str) -> String {
    format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  targets: {{filter: '{select}'}}\n  \
         change:\n    ssh: {{command: load}}\n    templates: {{default: device.cfg}}\n  \
         strategy:\n    budget: {{devices: 100000}}\n    order: listed\n    waves: [{{name: all}}]\n"
    )
}

/// `devices` at `sites`; their role, `part0` to `part15`, tells rollouts apart.
pub fn inventory(sites: usize, devices: usize) -> String {
    let mut text = String::from(
        "api_version: switchyard/v1\nkind: Inventory\ndefaults:\n  username: nobody\n  credential_ref: \"env:NOBODY\"\n  \
         host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]\nsites:\n",
    );
    text.extend((0..sites).map(|number| format!("  {}: {{}}\n", site(number))));
    text.push_str("devices:\n");
    let device = |n: usize| {
        // Nothing dials these addresses; they are only told apart.
        let (high, low) = (n / 250 % 250, n % 250);
        format!(
            "  d{n:06}: {{hostname: 10.{}.{high}.{low}, site: {}, role: part{}}}\n",
            n / 62_500,
            site(n % sites),
            n / sites % 16
        )
    };
    text.extend((0..devices).map(device));
    text
}
