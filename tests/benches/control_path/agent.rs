//! An agent that has done each operation as soon as it hears of it.

use anyhow::Context as _;
use std::ops::Range;
use std::time::Duration;
use switchyard_proto::agent_v1::link_service_client::LinkServiceClient;
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse, connect_response::Message};
use switchyard_proto::convert::link::{FromAgent, Hello, Reported};
use switchyard_proto::{agent_v1, v1};
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::time::Timestamp;
use switchyard_tests::measured::coordinator::{dial, site};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// Operations that it takes at once.
const CREDIT: u64 = 20_000;
/// Messages on their way.
const QUEUE: usize = 4096;

/// A connected agent.
pub struct Agent {
    sender: mpsc::Sender<ConnectRequest>,
    inbound: Streaming<ConnectResponse>,
}

impl Agent {
    /// Connects the agent of a site.
    pub async fn connect(url: &str, number: usize) -> anyhow::Result<Self> {
        let mut client = LinkServiceClient::new(dial(url).await?);
        let (sender, outgoing) = mpsc::channel(QUEUE);
        let hello = Hello {
            site: SiteName::new(site(number))?,
            version: "bench".into(),
            in_hand: Vec::new(),
            acked_sequence: 0,
            coordinator_epoch: 0,
            max_in_flight: 1024,
            journal_id: "bench".into(),
            former_journal_ids: Vec::new(),
            left_out: Vec::new(),
            calls_off_comparisons: true,
            site_epoch: 0,
            last_sequence: None,
        };
        sender.send(FromAgent::Hello(hello).into()).await?;
        sender.send(FromAgent::Credit(CREDIT).into()).await?;
        let inbound = client.connect(ReceiverStream::new(outgoing)).await.context("connect")?.into_inner();
        Ok(Self { sender, inbound })
    }

    /// Answers every operation until `results` of them are acknowledged, with a heartbeat every two seconds.
    pub async fn work(mut self, results: u64) -> anyhow::Result<()> {
        let (mut sequence, mut beats, mut acked) = (0, 0, 0);
        let mut beat = tokio::time::interval(Duration::from_secs(2));
        while acked < results {
            let message = tokio::select! {
                message = self.inbound.message() => message?.context("the session ended")?.message,
                _ = beat.tick() => {
                    beats += 1;
                    self.sender.send(FromAgent::Heartbeat(beats).into()).await?;
                    continue;
                }
            };
            match message {
                Some(Message::Assignment(assignment)) => {
                    let count = assignment.tasks.len() as u64;
                    self.answer(assignment.tasks, sequence).await?;
                    sequence += count;
                    self.sender.send(FromAgent::Credit(CREDIT + sequence).into()).await?;
                }
                Some(Message::Ack(ack)) => acked = ack.acked_sequence,
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    async fn answer(&self, tasks: Vec<agent_v1::Task>, mut sequence: u64) -> anyhow::Result<()> {
        let outcome: v1::Outcome = (&outcome()).into();
        // An assignment has no more tasks than a message of results may carry.
        let result = |task: agent_v1::Task| {
            sequence += 1;
            agent_v1::Result { sequence, operation: task.operation, outcome: Some(outcome.clone()) }
        };
        let results = agent_v1::Results { results: tasks.into_iter().map(result).collect() };
        let message = Some(agent_v1::connect_request::Message::Results(results));
        self.sender.send(ConnectRequest { message, session: 0 }).await?;
        Ok(())
    }
}

/// An end like those of real devices: with an instant for each step and some output.
pub fn outcome() -> Outcome {
    let at = Timestamp(1_795_000_000_000_000);
    let mut outcome =
        Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "the device took the configuration", at);
    outcome.exit_status = Some(0);
    outcome.output = "configuration loaded, 42 lines\n".into();
    outcome.output_bytes = 31;
    outcome.wrote_at = Some(at);
    outcome
}

/// A result as an agent sends it.
pub fn result(sequence: u64) -> FromAgent {
    let Reported { sequence, op, outcome } = reported(sequence);
    FromAgent::Result { sequence, op, outcome }
}

/// Results that an agent sends in one message.
pub fn together(sequences: Range<u64>) -> FromAgent {
    FromAgent::Results(sequences.map(reported).collect())
}

fn reported(sequence: u64) -> Reported {
    let op = OpId {
        rollout: "control-0".to_owned().try_into().expect("a good name"),
        device: format!("d{sequence:06}").try_into().expect("a good name"),
        attempt: 1,
    };
    Reported { sequence, op, outcome: outcome() }
}
