//! A task for a driver, a gate that is open and what becomes of both, for the tests of whoever carries one out.

use crate::attempt::longest;
use crate::clock::SystemClock;
use crate::executor::device::Driver;
use crate::executor::engine::Engine;
use crate::executor::snapshots::Snapshots;
use crate::executor::{AttemptContext, GateRefused};
use crate::fs::RealFs;
use crate::secrets::{Secrets, SiteKey};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::DeviceName;
use switchyard_shared::outcome::{Outcome, Phase};
use switchyard_shared::procedure::Procedure;
use switchyard_shared::task::{Task, Timeouts, Work};
use tokio_util::sync::CancellationToken;

/// Has `wanted` configured on the device `r1`.
pub fn task(procedure: &Procedure, wanted: &str) -> Task {
    let mut task = super::ssh::played_task();
    task.op.device = DeviceName::new("r1").expect("a name");
    task.work = Work::Driver(Arc::new(procedure.clone()));
    task.configuration = wanted.as_bytes().into();
    task.timeouts = Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(30) };
    task
}

/// How an attempt at `task` ends by itself, with a driver for its device: before the agent would end it from outside.
pub async fn ended(driver: impl Driver + 'static, task: &Task) -> Outcome {
    let Work::Driver(procedure) = &task.work else { panic!("a driver's task") };
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let drivers = BTreeMap::from([(procedure.transport, Arc::new(driver) as Arc<dyn Driver>)]);
    let snapshots = Snapshots::new(data, Arc::new(RealFs));
    let engine =
        Engine::new(drivers, snapshots, Secrets::new(data), SiteKey::of(data), SystemClock::shared());
    let carried_out = engine.carry_out(task, procedure, &OpenGate, CancellationToken::new());
    tokio::time::timeout(longest(task), carried_out).await.expect("it ends by itself")
}

/// Lets every write through.
pub struct OpenGate;

impl AttemptContext for OpenGate {
    fn progress(&self, _: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}
