//! The task that its tests begin with.

use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::procedure::Procedure;
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Purpose, Task, Timeouts, Work};

pub(super) fn task(procedure: &Procedure, wanted: &str) -> Task {
    Task {
        op: OpId {
            rollout: RolloutName::new("ntp").unwrap(),
            device: DeviceName::new("r1").unwrap(),
            attempt: 1,
        },
        endpoint: Endpoint {
            hostname: "127.0.0.1".into(),
            port: 22,
            username: "u".into(),
            credential_ref: "env:X".into(),
            host_keys: vec!["SHA256:x".into()],
            ssh: Default::default(),
            tls: Default::default(),
        },
        work: Work::Driver(Arc::new(procedure.clone())),
        purpose: Purpose::Apply,
        configuration: wanted.as_bytes().into(),
        timeouts: Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(30) },
        breakers: BreakerSettings::default(),
        pools: PoolSettings::default(),
    }
}
