//! The coordinator, the agents and an operator, all in this process.

use crate::devices::Devices;
use crate::operator::Operator;
use anyhow::Context as _;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use switchyard_agent::agent::{Agent, AgentHandle};
use switchyard_agent::clock::{Clock, SystemClock};
use switchyard_agent::config::Config;
use switchyard_agent::session::{ConnectFailure, Connector};
use switchyard_coordinator::{Coordinator, ServeConfig};
use switchyard_proto::tls::client::{Security, connect};
use switchyard_shared::id::SiteName;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Devices of a site: more than start before a stop.
const DEVICES_PER_SITE: usize = 24;

/// Everything that runs.
pub struct Fleet {
    pub devices: Arc<Devices>,
    pub clock: Arc<dyn Clock>,
    pub operator: Operator,
    coordinator: Coordinator,
    agents: Vec<AgentHandle>,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Fleet {
    /// Starts all and waits until every agent is connected.
    pub async fn start(agents: usize, device_takes: Duration) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen")?;
        let data = folder.path().join("coordinator");
        let config = ServeConfig { data, insecure_loopback: true, names: Vec::new() };
        let coordinator = Coordinator::start(config, listener, stop.clone()).await?;
        let url = format!("http://{}", coordinator.address);
        let clock = SystemClock::shared();
        let devices = Devices::new(clock.clone(), device_takes);
        let mut operator = Operator::new(dial(&url).await.map_err(|error| anyhow::anyhow!(error.message))?);
        operator.import(&inventory(agents)).await?;
        let mut handles = Vec::new();
        for site in (1..=agents).map(site) {
            let config = Config::new(SiteName::new(&site)?, folder.path().join(&site));
            let link = Arc::new(Link(url.clone()));
            handles.push(Agent::start(config, link, devices.clone(), clock.clone(), stop.clone())?);
        }
        while operator.connected_agents().await? < agents {
            tokio::task::yield_now().await;
        }
        Ok(Self { devices, clock, operator, coordinator, agents: handles, stop, _folder: folder })
    }

    /// Ends all.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        for agent in self.agents {
            agent.ended().await?;
        }
        Ok(self.coordinator.ended().await?)
    }
}

struct Link(String);

impl Connector for Link {
    fn connect(&self) -> BoxFuture<'_, Result<Channel, ConnectFailure>> {
        Box::pin(dial(&self.0))
    }

    fn peer(&self) -> String {
        self.0.clone()
    }
}

async fn dial(url: &str) -> Result<Channel, ConnectFailure> {
    let dialled = connect(url, &Security::InsecureLoopback, CONNECT_WITHIN).await;
    dialled.map_err(|error| ConnectFailure { message: error.to_string(), fatal: false })
}

fn site(number: usize) -> String {
    format!("site{number:03}")
}

fn inventory(sites: usize) -> String {
    let mut text = String::from(
        "api_version: switchyard/v1\nkind: Inventory\ndefaults:\n  username: nobody\n  credential_ref: \"env:NOBODY\"\n  \
         host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]\nsites:\n",
    );
    text.extend((1..=sites).map(|number| format!("  {}: {{}}\n", site(number))));
    text.push_str("devices:\n");
    for number in 1..=sites {
        // Nothing dials these addresses; they are only told apart.
        let port = |n| number * DEVICES_PER_SITE + n;
        let device = |n| {
            format!("  {0}-{n:02}: {{hostname: 127.0.0.1, port: {1}, site: {0}}}\n", site(number), port(n))
        };
        text.extend((1..=DEVICES_PER_SITE).map(device));
    }
    text
}
