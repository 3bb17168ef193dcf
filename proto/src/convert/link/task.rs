//! One device to configure, wire and domain.

use super::to_op;
use crate::agent_v1;
use crate::convert::outcome::some_digest;
use crate::convert::{BadField, duration, required, to_duration};
use std::sync::Arc;
use switchyard_shared::procedure::Procedure;
use switchyard_shared::ssh::{Algorithms, HOST_CA_MAX, JumpHost, SshSettings};
use switchyard_shared::task::{
    BreakerSettings, CONFIGURATION_BYTES_MAX, Endpoint, PoolSettings, Purpose, Rate, SiteSettings, Task,
    Timeouts, Work,
};
use switchyard_shared::tls::TlsSettings;

impl From<&Task> for agent_v1::Task {
    fn from(task: &Task) -> Self {
        let (command, read_command, procedure) = match &task.work {
            Work::Command { write, read } => (write.clone(), read.clone().unwrap_or_default(), None),
            Work::Driver(procedure) => (String::new(), String::new(), Some((&**procedure).into())),
            Work::HostKeys => (String::new(), String::new(), None),
        };
        Self {
            operation: Some((&task.op).into()),
            hostname: task.endpoint.hostname.clone(),
            port: task.endpoint.port.into(),
            username: task.endpoint.username.clone(),
            credential_ref: task.endpoint.credential_ref.clone(),
            host_keys: task.endpoint.host_keys.clone(),
            command,
            configuration: task.configuration.to_vec(),
            connect_timeout: Some(duration(task.timeouts.connect)),
            command_timeout: Some(duration(task.timeouts.command)),
            breakers: Some((&task.breakers).into()),
            pools: Some((&task.pools).into()),
            read_command,
            procedure,
            algorithms: agent_v1::SshAlgorithms::from(task.endpoint.ssh.algorithms).into(),
            tls: (!task.endpoint.tls.is_default()).then(|| (&task.endpoint.tls).into()),
            host_ca: task.endpoint.ssh.host_ca.clone(),
            jump: task.endpoint.ssh.jump.as_deref().map(Into::into),
            compare: task.purpose == Purpose::Compare,
            collect_host_keys: task.work == Work::HostKeys,
            restore_attempt: match task.purpose {
                Purpose::Restore { attempt, .. } => attempt,
                Purpose::Apply | Purpose::Settle { .. } | Purpose::Compare => 0,
            },
            restore_overwrites: matches!(task.purpose, Purpose::Restore { overwrite: true, .. }),
            settle: matches!(task.purpose, Purpose::Settle { .. }),
            before: match &task.purpose {
                Purpose::Settle { before } | Purpose::Restore { before, .. } => {
                    before.clone().unwrap_or_default()
                }
                Purpose::Apply | Purpose::Compare => String::new(),
            },
        }
    }
}

impl From<&PoolSettings> for agent_v1::PoolSettings {
    fn from(settings: &PoolSettings) -> Self {
        Self {
            max_in_flight: settings.max_in_flight.unwrap_or(0),
            adaptive: settings.adaptive,
            connects_per_1000s: settings.connect_rate.map_or(0, |rate| rate.per_1000s),
            logins_per_1000s: settings.credential_rate.map_or(0, |rate| rate.per_1000s),
        }
    }
}

/// On the wire 0 is no limit.
impl From<agent_v1::PoolSettings> for PoolSettings {
    fn from(wire: agent_v1::PoolSettings) -> Self {
        Self {
            max_in_flight: positive(wire.max_in_flight),
            adaptive: wire.adaptive,
            connect_rate: positive(wire.connects_per_1000s).map(|per_1000s| Rate { per_1000s }),
            credential_rate: positive(wire.logins_per_1000s).map(|per_1000s| Rate { per_1000s }),
        }
    }
}

impl From<&SiteSettings> for agent_v1::SiteSettings {
    fn from(settings: &SiteSettings) -> Self {
        Self {
            sentinel: settings.sentinel.clone().unwrap_or_default(),
            max_in_flight: settings.max_in_flight.unwrap_or(0),
            connects_per_1000s: settings.connect_rate.map_or(0, |rate| rate.per_1000s),
            devices: settings.devices,
        }
    }
}

/// On the wire 0 and empty are no limit and no sentinel.
impl From<agent_v1::SiteSettings> for SiteSettings {
    fn from(wire: agent_v1::SiteSettings) -> Self {
        Self {
            sentinel: Some(wire.sentinel).filter(|text| !text.is_empty()),
            max_in_flight: positive(wire.max_in_flight),
            connect_rate: positive(wire.connects_per_1000s).map(|per_1000s| Rate { per_1000s }),
            devices: wire.devices,
        }
    }
}

fn positive(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}

impl TryFrom<agent_v1::Task> for Task {
    type Error = BadField;
    fn try_from(wire: agent_v1::Task) -> Result<Self, BadField> {
        let port = u16::try_from(wire.port).ok().filter(|port| *port > 0);
        if wire.configuration.len() > CONFIGURATION_BYTES_MAX {
            return Err(BadField::new("configuration", "larger than 1 MiB"));
        }
        let work = match wire.collect_host_keys {
            true => only_keys(&wire)?,
            false => work(wire.command, wire.read_command, wire.procedure)?,
        };
        let needs_pins = match &work {
            Work::Command { .. } => true,
            Work::Driver(procedure) => procedure.transport.is_ssh(),
            Work::HostKeys => false,
        };
        let login = |text: String, field| match work {
            Work::HostKeys => Ok(text),
            Work::Command { .. } | Work::Driver(_) => present(text, field),
        };
        if needs_pins && wire.host_keys.is_empty() && wire.host_ca.is_empty() {
            return Err(BadField::new("host_keys", "no key is pinned, so no device could be trusted"));
        }
        let purpose = match (wire.settle, wire.compare, wire.restore_attempt) {
            (false, false, 0) => Purpose::Apply,
            (true, false, 0) if !work.is_readable() => {
                return Err(BadField::new("read_command", "empty, and the device is to be read"));
            }
            (true, false, 0) => Purpose::Settle { before: some_digest(&wire.before, "before")? },
            (false, true, 0) => Purpose::Compare,
            (false, false, attempt) => Purpose::Restore {
                attempt,
                before: some_digest(&wire.before, "before")?,
                overwrite: wire.restore_overwrites,
            },
            (true, _, _) | (_, true, _) => return Err(BadField::new("settle", "more than one purpose")),
        };
        Ok(Self {
            op: to_op(wire.operation, "operation")?,
            endpoint: Endpoint {
                hostname: present(wire.hostname, "hostname")?,
                port: port.ok_or_else(|| BadField::new("port", "outside 1 to 65535"))?,
                username: login(wire.username, "username")?,
                credential_ref: login(wire.credential_ref, "credential_ref")?,
                host_keys: wire.host_keys,
                ssh: SshSettings {
                    algorithms: algorithms(wire.algorithms)?.unwrap_or_default(),
                    host_ca: some_authorities(wire.host_ca)?,
                    jump: jump(wire.jump)?,
                },
                tls: match wire.tls {
                    Some(tls) => tls.try_into().map_err(|error: BadField| error.within("tls"))?,
                    None => TlsSettings::default(),
                },
            },
            configuration: wire.configuration.into(),
            timeouts: Timeouts {
                connect: to_duration(wire.connect_timeout, "connect_timeout")?,
                command: to_duration(wire.command_timeout, "command_timeout")?,
            },
            breakers: BreakerSettings::try_from(required(wire.breakers, "breakers")?)
                .map_err(|error| error.within("breakers"))?,
            pools: required(wire.pools, "pools")?.into(),
            purpose,
            work,
        })
    }
}

impl From<Algorithms> for agent_v1::SshAlgorithms {
    fn from(profile: Algorithms) -> Self {
        match profile {
            Algorithms::Modern => Self::Modern,
            Algorithms::Compat => Self::Compat,
            Algorithms::Legacy => Self::Legacy,
        }
    }
}

/// `None`: a coordinator that says nothing means what it always meant.
fn algorithms(wire: i32) -> Result<Option<Algorithms>, BadField> {
    match agent_v1::SshAlgorithms::try_from(wire) {
        Ok(agent_v1::SshAlgorithms::Unspecified) => Ok(None),
        Ok(agent_v1::SshAlgorithms::Modern) => Ok(Some(Algorithms::Modern)),
        Ok(agent_v1::SshAlgorithms::Compat) => Ok(Some(Algorithms::Compat)),
        Ok(agent_v1::SshAlgorithms::Legacy) => Ok(Some(Algorithms::Legacy)),
        Err(_) => Err(BadField::new("algorithms", "unknown")),
    }
}

impl From<&JumpHost> for agent_v1::JumpHost {
    fn from(jump: &JumpHost) -> Self {
        Self {
            hostname: jump.hostname.clone(),
            port: jump.port.into(),
            username: jump.username.clone(),
            credential_ref: jump.credential_ref.clone(),
            host_keys: jump.host_keys.clone(),
            algorithms: agent_v1::SshAlgorithms::from(jump.algorithms).into(),
        }
    }
}

fn some_authorities(wire: Vec<String>) -> Result<Vec<String>, BadField> {
    let few = wire.len() <= HOST_CA_MAX;
    few.then_some(wire).ok_or_else(|| BadField::new("host_ca", "more than 8"))
}

fn jump(wire: Option<agent_v1::JumpHost>) -> Result<Option<Box<JumpHost>>, BadField> {
    let Some(wire) = wire else { return Ok(None) };
    let port = u16::try_from(wire.port).ok().filter(|port| *port > 0);
    if wire.host_keys.is_empty() {
        return Err(BadField::new("jump.host_keys", "no key is pinned, so it could not be trusted"));
    }
    Ok(Some(Box::new(JumpHost {
        hostname: present(wire.hostname, "jump.hostname")?,
        port: port.ok_or_else(|| BadField::new("jump.port", "outside 1 to 65535"))?,
        username: present(wire.username, "jump.username")?,
        credential_ref: present(wire.credential_ref, "jump.credential_ref")?,
        host_keys: wire.host_keys,
        algorithms: algorithms(wire.algorithms)
            .map_err(|error| error.within("jump"))?
            .unwrap_or_else(JumpHost::algorithms_default),
    })))
}

fn work(command: String, read: String, procedure: Option<agent_v1::Procedure>) -> Result<Work, BadField> {
    match procedure {
        Some(_) if !command.is_empty() => Err(BadField::new("command", "there is a procedure as well")),
        Some(procedure) => {
            let procedure = Procedure::try_from(procedure).map_err(|error| error.within("procedure"))?;
            Ok(Work::Driver(Arc::new(procedure)))
        }
        None => Ok(Work::Command {
            write: present(command, "command")?,
            read: Some(read).filter(|command| !command.is_empty()),
        }),
    }
}

/// What only collects keys can do nothing else, whatever comes with it.
fn only_keys(wire: &agent_v1::Task) -> Result<Work, BadField> {
    let is_bare = wire.command.is_empty() && wire.procedure.is_none() && wire.compare;
    is_bare.then_some(Work::HostKeys).ok_or_else(|| {
        BadField::new("collect_host_keys", "comes with a command, a procedure or another purpose")
    })
}

fn present(text: String, field: &str) -> Result<String, BadField> {
    if text.is_empty() { Err(BadField::new(field, "empty")) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use switchyard_shared::id::{DeviceName, OpId, RolloutName};
    use switchyard_shared::procedure::Transport;
    use switchyard_shared::tls::Protection;

    fn task() -> Task {
        Task {
            op: OpId {
                rollout: RolloutName::new("ntp").unwrap(),
                device: DeviceName::new("r1").unwrap(),
                attempt: 1,
            },
            endpoint: Endpoint {
                hostname: "127.0.0.1".into(),
                port: 2222,
                username: "admin".into(),
                credential_ref: "env:PASSWORD".into(),
                host_keys: vec!["SHA256:abc".into()],
                ssh: Default::default(),
                tls: TlsSettings {
                    protection: Protection::ClearOnLoopback,
                    ca_ref: Some("file:ca.pem".into()),
                    server_name: Some("r1.example.net".into()),
                },
            },
            work: Work::Command { write: "configure".into(), read: Some("show running-config".into()) },
            purpose: Purpose::Settle { before: Some(switchyard_shared::digest::of_bytes(b"old")) },
            configuration: b"ntp server 192.0.2.1\n".as_slice().into(),
            timeouts: Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(60) },
            breakers: BreakerSettings::default(),
            pools: PoolSettings {
                max_in_flight: Some(25),
                adaptive: true,
                connect_rate: Some(Rate { per_1000s: 10_000 }),
                credential_rate: None,
            },
        }
    }

    type Damage = fn(&mut agent_v1::Task);

    #[test]
    fn a_task_survives_the_wire() {
        assert_eq!(Task::try_from(agent_v1::Task::from(&task())), Ok(task()));
        let driver = Work::Driver(Arc::new(Procedure::new(Transport::SshCli, "frr")));
        let mut endpoint = task().endpoint;
        endpoint.ssh.algorithms = Algorithms::Legacy;
        endpoint.ssh.host_ca = vec!["SHA256:ca".into()];
        endpoint.ssh.jump = Some(Box::new(JumpHost {
            hostname: "192.0.2.1".into(),
            port: 22,
            username: "hop".into(),
            credential_ref: "file:hop".into(),
            host_keys: vec!["SHA256:hop".into()],
            algorithms: Algorithms::Legacy,
        }));
        let legacy = Task { endpoint, ..task() };
        assert_eq!(Task::try_from(agent_v1::Task::from(&legacy)), Ok(legacy));
        for purpose in [
            Purpose::Apply,
            Purpose::Compare,
            Purpose::Restore { attempt: 3, before: None, overwrite: false },
            Purpose::Restore {
                attempt: 3,
                before: Some(format!("sha256:{}", "0".repeat(64))),
                overwrite: true,
            },
        ] {
            let task = Task { work: driver.clone(), purpose, ..task() };
            assert_eq!(Task::try_from(agent_v1::Task::from(&task)), Ok(task));
        }
    }

    #[test]
    fn a_task_that_collects_keys_needs_no_login_and_no_pin_and_can_do_nothing_else() {
        let mut endpoint = task().endpoint;
        (endpoint.username, endpoint.credential_ref) = (String::new(), String::new());
        endpoint.host_keys.clear();
        let keys = Task { endpoint, work: Work::HostKeys, purpose: Purpose::Compare, ..task() };
        let wire = agent_v1::Task::from(&keys);
        assert_eq!(Task::try_from(wire.clone()), Ok(keys));
        let old_agent = agent_v1::Task { collect_host_keys: false, ..wire.clone() };
        assert_eq!(
            Task::try_from(old_agent).unwrap_err().field,
            "command",
            "who does not know it does nothing"
        );
        let more: [Damage; 3] = [
            |t| t.command = "configure".into(),
            |t| t.procedure = Some((&Procedure::new(Transport::SshCli, "frr")).into()),
            |t| t.compare = false,
        ];
        for damage in more {
            let mut wire = wire.clone();
            damage(&mut wire);
            assert_eq!(Task::try_from(wire).unwrap_err().field, "collect_host_keys");
        }
    }

    #[test]
    fn a_task_that_cannot_be_carried_out_names_its_bad_field() {
        let cases: [(&str, Damage); 13] = [
            ("algorithms", |t| t.algorithms = 9),
            ("tls.ca_ref", |t| t.tls.as_mut().unwrap().ca_ref = "ca.pem".into()),
            ("tls.protection", |t| t.tls.as_mut().unwrap().protection = 9),
            ("read_command", |t| t.read_command = String::new()),
            ("before", |t| t.before = "old".into()),
            ("operation", |t| t.operation = None),
            ("operation.attempt", |t| t.operation.as_mut().unwrap().attempt = 0),
            ("operation.device", |t| t.operation.as_mut().unwrap().device = "../etc".into()),
            ("port", |t| t.port = 70_000),
            ("host_keys", |t| t.host_keys.clear()),
            ("configuration", |t| t.configuration = vec![0; CONFIGURATION_BYTES_MAX + 1]),
            ("breakers.site_successes_to_close", |t| {
                t.breakers.as_mut().unwrap().site_successes_to_close = 0;
            }),
            ("command_timeout", |t| t.command_timeout = None),
        ];
        for (field, damage) in cases {
            let mut wire = agent_v1::Task::from(&task());
            damage(&mut wire);
            assert_eq!(Task::try_from(wire).unwrap_err().field, field);
        }
    }
}
