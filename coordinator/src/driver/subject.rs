//! What agents are asked to read for a person: how devices differ from a plan, or which host keys they show.

use super::effect::{Dispatch, Effect, Outbox, Turn};
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::convert::link::{Assignment, FromCoordinator};
use switchyard_shared::id::{OpId, RolloutName};
use switchyard_shared::inventory::Device;
use switchyard_shared::outcome::Outcome;
use switchyard_shared::plan::{Plan, PlannedDevice};
use switchyard_shared::procedure::Transport;
use switchyard_shared::task::{
    BreakerSettings, COMPARISON, PoolSettings, Purpose, TASKS_PER_ASSIGNMENT_MAX, Task, Timeouts, Work,
};

/// What is asked of agents in the place of a rollout's name: no rollout is looked up by it.
const NAME: &str = "device-trust";
/// One key exchange, and all the others after the first, which are two.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(10), command: Duration::from_secs(20) };

/// The devices of one question, and the question.
#[derive(Clone)]
pub(super) enum Subject {
    /// How they differ from their plan.
    Plan(Arc<Plan>),
    /// Which host keys they show.
    HostKeys(Arc<KeysWanted>),
}

/// Devices whose host keys are wanted.
pub struct KeysWanted {
    name: RolloutName,
    devices: Vec<PlannedDevice>,
}

impl KeysWanted {
    /// Of these devices, by the way that each has. No login goes along: with it goes the only way to a credential, but
    /// for that of a jump host.
    pub fn of<'a>(devices: impl Iterator<Item = &'a Device>) -> Self {
        let name = RolloutName::new(NAME).expect("it is a name");
        Self { name, devices: devices.map(without_login).collect() }
    }
}

fn without_login(device: &Device) -> PlannedDevice {
    let transport = device.transport.unwrap_or(Transport::SshCli);
    let mut endpoint = device.endpoint(Some(transport));
    let jump = endpoint.ssh.jump.as_deref();
    endpoint.credential_ref = jump.map(|jump| jump.credential_ref.clone()).unwrap_or_default();
    endpoint.username = String::new();
    PlannedDevice {
        name: device.name.clone(),
        site: device.site.clone(),
        wave: 0,
        endpoint,
        config: "".into(),
        template: "".into(),
        platform: device.platform.clone(),
        transport: Some(transport),
        role: None,
        labels: Default::default(),
        data: Default::default(),
    }
}

impl Subject {
    /// What the operations are called by.
    pub(super) fn name(&self) -> &RolloutName {
        match self {
            Self::Plan(plan) => &plan.rollout,
            Self::HostKeys(wanted) => &wanted.name,
        }
    }

    /// The devices, by rank.
    pub(super) fn devices(&self) -> &[PlannedDevice] {
        match self {
            Self::Plan(plan) => &plan.devices,
            Self::HostKeys(wanted) => &wanted.devices,
        }
    }

    /// How long one device may take.
    pub(super) fn longest(&self) -> Duration {
        let (timeouts, closer) = match self {
            Self::Plan(plan) => (plan.spec.timeouts, plan.spec.timeouts.closer_look()),
            Self::HostKeys(_) => (TIMEOUTS, Duration::ZERO),
        };
        timeouts.connect + timeouts.command + closer
    }

    /// Why a device was not read; of one that may never have been reached before also what to do.
    pub(super) fn why(&self, outcome: &Outcome) -> String {
        match self {
            Self::HostKeys(_) if !outcome.hint.is_empty() => format!("{}: {}", outcome.message, outcome.hint),
            Self::HostKeys(_) | Self::Plan(_) => outcome.message.clone(),
        }
    }

    /// Asks an agent for the devices of these ranks.
    pub(super) fn ask(&self, outbox: Outbox, ranks: &[u32], turn: &mut Turn) {
        match self {
            Self::Plan(plan) => {
                let ops = ranks.iter().map(|rank| (*rank, COMPARISON, Purpose::Compare)).collect();
                let (plan, rollout) = (plan.clone(), plan.rollout.clone());
                turn.effects.push(Effect::Dispatch(Dispatch { outbox, plan, rollout, ops }));
            }
            Self::HostKeys(wanted) => {
                for ranks in ranks.chunks(TASKS_PER_ASSIGNMENT_MAX) {
                    let tasks = ranks.iter().map(|rank| wanted.task(*rank)).collect();
                    turn.send(
                        &outbox,
                        FromCoordinator::Assignment(Assignment { tasks, unusable: Vec::new() }),
                    );
                }
            }
        }
    }
}

impl KeysWanted {
    fn task(&self, rank: u32) -> Task {
        let device = &self.devices[rank as usize];
        Task {
            op: OpId { rollout: self.name.clone(), device: device.name.clone(), attempt: COMPARISON },
            endpoint: device.endpoint.clone(),
            work: Work::HostKeys,
            purpose: Purpose::Compare,
            configuration: Arc::default(),
            timeouts: TIMEOUTS,
            breakers: BreakerSettings::default(),
            pools: PoolSettings::default(),
        }
    }
}
