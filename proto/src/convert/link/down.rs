//! From the coordinator to the agent.

use super::to_op;
use crate::agent_v1::{self, breaker_command::Action, connect_response::Message};
use crate::convert::{BadField, duration, required, same_names, to_duration, to_enum};
use std::time::Duration;
use switchyard_shared::breaker::Name;
use switchyard_shared::id::{AgentName, DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::outcome::{MESSAGE_BYTES_MAX, printable};
use switchyard_shared::task::{SiteSettings, TASKS_PER_ASSIGNMENT_MAX, Task};

/// The coordinator's answer to Hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Rises by one at every start of the coordinator.
    pub coordinator_epoch: u64,
    /// Results up to here are durable there.
    pub acked_sequence: u64,
    /// How often to send a heartbeat; never zero.
    pub heartbeat_interval: Duration,
    /// Without an answered heartbeat for this long nothing new starts; longer than the interval.
    pub lease: Duration,
    /// The site that the agent's identity is bound to.
    pub site: SiteName,
    /// The agent's name.
    pub agent: AgentName,
    /// Rises when an operator binds the site to another agent.
    pub site_epoch: u64,
    /// Results that one message may carry; 0 of a coordinator that takes them one by one.
    pub results_at_once: u32,
}

/// A task that was sent but cannot be carried out as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableTask {
    /// Which attempt it was meant for.
    pub op: OpId,
    /// What is wrong with it.
    pub error: BadField,
}

/// Devices to configure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignment {
    /// In order of start.
    pub tasks: Vec<Task>,
    /// Those that need an answer although they cannot be carried out.
    pub unusable: Vec<UnusableTask>,
}

/// What an operator does to a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerAction {
    /// Open it until it is reset.
    Trip,
    /// Close it.
    Reset,
    /// Keep it closed whatever the evidence, until it is reset.
    ForceClosed,
}

same_names!(Action, BreakerAction, "action", [Trip, Reset, ForceClosed]);

/// One message of the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromCoordinator {
    /// Comes first, once.
    Welcome(Welcome),
    /// Answers the heartbeat of that count.
    HeartbeatReply(u64),
    /// Work.
    Assignment(Assignment),
    /// Results up to here are durable.
    Ack(u64),
    /// Calls off what has written nothing.
    Cancel {
        /// Of which rollout.
        rollout: RolloutName,
        /// Which devices; all when empty.
        devices: Vec<DeviceName>,
        /// Why.
        reason: String,
        /// Whether what compares is meant, instead of what is to write.
        comparisons: bool,
    },
    /// What the inventory says about the agent's site; follows the welcome.
    Site(SiteSettings),
    /// An operator's word on a breaker.
    Breaker {
        /// Which.
        name: Name,
        /// What to do.
        action: BreakerAction,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

impl From<FromCoordinator> for agent_v1::ConnectResponse {
    fn from(message: FromCoordinator) -> Self {
        let message = match message {
            FromCoordinator::Welcome(welcome) => Message::Welcome(agent_v1::Welcome {
                coordinator_epoch: welcome.coordinator_epoch,
                acked_sequence: welcome.acked_sequence,
                heartbeat_interval: Some(duration(welcome.heartbeat_interval)),
                lease: Some(duration(welcome.lease)),
                site: welcome.site.to_string(),
                agent: welcome.agent.to_string(),
                site_epoch: welcome.site_epoch,
                results_at_once: welcome.results_at_once,
            }),
            FromCoordinator::HeartbeatReply(count) => {
                Message::HeartbeatReply(agent_v1::HeartbeatReply { count })
            }
            FromCoordinator::Assignment(assignment) => Message::Assignment(agent_v1::Assignment {
                tasks: assignment.tasks.iter().map(Into::into).collect(),
            }),
            FromCoordinator::Ack(acked_sequence) => Message::Ack(agent_v1::Ack { acked_sequence }),
            FromCoordinator::Cancel { rollout, devices, reason, comparisons } => {
                Message::Cancel(agent_v1::Cancel {
                    rollout: rollout.to_string(),
                    reason,
                    devices: devices.iter().map(DeviceName::to_string).collect(),
                    comparisons,
                })
            }
            FromCoordinator::Site(settings) => Message::SiteSettings((&settings).into()),
            FromCoordinator::Breaker { name, action, by, reason } => {
                Message::BreakerCommand(agent_v1::BreakerCommand {
                    name: name.to_string(),
                    action: Action::from(action).into(),
                    by,
                    reason,
                })
            }
        };
        Self { message: Some(message), session: 0 }
    }
}

impl TryFrom<agent_v1::ConnectResponse> for FromCoordinator {
    type Error = BadField;
    fn try_from(wire: agent_v1::ConnectResponse) -> Result<Self, BadField> {
        Ok(match required(wire.message, "message")? {
            Message::Welcome(welcome) => {
                Self::Welcome(to_welcome(&welcome).map_err(|error| error.within("welcome"))?)
            }
            Message::HeartbeatReply(reply) => Self::HeartbeatReply(reply.count),
            Message::Assignment(assignment) => Self::Assignment(to_assignment(assignment)?),
            Message::Ack(ack) => Self::Ack(ack.acked_sequence),
            Message::Cancel(cancel) => Self::Cancel {
                rollout: RolloutName::new(&cancel.rollout)
                    .map_err(|error| BadField::new("cancel.rollout", error))?,
                devices: to_devices(&cancel.devices)?,
                reason: printable(cancel.reason.as_bytes(), MESSAGE_BYTES_MAX),
                comparisons: cancel.comparisons,
            },
            Message::SiteSettings(settings) => Self::Site(settings.into()),
            Message::BreakerCommand(command) => Self::Breaker {
                name: Name::parse(&command.name)
                    .map_err(|error| BadField::new("breaker_command.name", error))?,
                action: to_enum::<Action, _>(command.action, "breaker_command.action")?,
                by: printable(command.by.as_bytes(), 128),
                reason: printable(command.reason.as_bytes(), MESSAGE_BYTES_MAX),
            },
        })
    }
}

fn to_welcome(wire: &agent_v1::Welcome) -> Result<Welcome, BadField> {
    let welcome = Welcome {
        coordinator_epoch: wire.coordinator_epoch,
        acked_sequence: wire.acked_sequence,
        heartbeat_interval: to_duration(wire.heartbeat_interval, "heartbeat_interval")?,
        lease: to_duration(wire.lease, "lease")?,
        site: SiteName::new(&wire.site).map_err(|error| BadField::new("site", error))?,
        agent: AgentName::new(&wire.agent).map_err(|error| BadField::new("agent", error))?,
        site_epoch: wire.site_epoch,
        results_at_once: wire.results_at_once,
    };
    if welcome.heartbeat_interval < Duration::from_millis(10) {
        return Err(BadField::new("heartbeat_interval", "shorter than 10 ms"));
    }
    if welcome.lease <= welcome.heartbeat_interval {
        return Err(BadField::new("lease", "not longer than heartbeat_interval"));
    }
    Ok(welcome)
}

fn to_devices(names: &[String]) -> Result<Vec<DeviceName>, BadField> {
    let device = |name| DeviceName::new(name).map_err(|error| BadField::new("cancel.devices", error));
    names.iter().map(device).collect()
}

fn to_assignment(wire: agent_v1::Assignment) -> Result<Assignment, BadField> {
    if wire.tasks.len() > TASKS_PER_ASSIGNMENT_MAX {
        return Err(BadField::new("assignment.tasks", format!("more than {TASKS_PER_ASSIGNMENT_MAX}")));
    }
    let mut assignment = Assignment::default();
    for task in wire.tasks {
        let op = to_op(task.operation.clone(), "assignment.tasks.operation")?;
        match Task::try_from(task) {
            Ok(task) => assignment.tasks.push(task),
            Err(error) => assignment.unusable.push(UnusableTask { op, error }),
        }
    }
    Ok(assignment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome() -> Welcome {
        Welcome {
            coordinator_epoch: 3,
            acked_sequence: 17,
            heartbeat_interval: Duration::from_secs(2),
            lease: Duration::from_secs(10),
            site: SiteName::new("lon").unwrap(),
            agent: AgentName::new("lon-1").unwrap(),
            site_epoch: 2,
            results_at_once: 64,
        }
    }

    #[test]
    fn everything_the_coordinator_says_survives_the_wire() {
        let messages = [
            FromCoordinator::Welcome(welcome()),
            FromCoordinator::HeartbeatReply(2),
            FromCoordinator::Assignment(Assignment::default()),
            FromCoordinator::Ack(5),
            FromCoordinator::Cancel {
                rollout: RolloutName::new("ntp").unwrap(),
                devices: vec![DeviceName::new("r1").unwrap()],
                reason: "aborted".into(),
                comparisons: true,
            },
            FromCoordinator::Site(SiteSettings {
                sentinel: Some("gw.lon:22".into()),
                max_in_flight: Some(40),
                connect_rate: None,
                devices: 9,
            }),
            FromCoordinator::Breaker {
                name: Name::parse("site/lon").unwrap(),
                action: BreakerAction::Trip,
                by: "ann".into(),
                reason: "flood".into(),
            },
        ];
        for message in messages {
            let wire = agent_v1::ConnectResponse::from(message.clone());
            assert_eq!(FromCoordinator::try_from(wire), Ok(message));
        }
    }

    #[test]
    fn a_task_that_cannot_be_carried_out_is_still_answerable() {
        let operation = agent_v1::Operation { rollout: "ntp".into(), device: "r1".into(), attempt: 1 };
        let task = agent_v1::Task { operation: Some(operation), ..Default::default() };
        let assignment = agent_v1::Assignment { tasks: vec![task] };
        let assignment = to_assignment(assignment).unwrap();
        assert_eq!(assignment.tasks, []);
        assert_eq!(assignment.unusable[0].op.to_string(), "ntp/r1/1");
    }

    #[test]
    fn a_lease_shorter_than_the_heartbeat_is_refused() {
        let mut bad = welcome();
        bad.lease = Duration::from_secs(1);
        let wire = agent_v1::ConnectResponse::from(FromCoordinator::Welcome(bad));
        assert_eq!(FromCoordinator::try_from(wire).unwrap_err().field, "welcome.lease");
    }
}
