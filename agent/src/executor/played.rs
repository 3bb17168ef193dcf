//! A task for a driver and a gate that is open, for the tests of whoever carries one out.

use crate::executor::{AttemptContext, GateRefused};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::DeviceName;
use switchyard_shared::outcome::Phase;
use switchyard_shared::procedure::Procedure;
use switchyard_shared::task::{Task, Timeouts, Work};

/// Has `wanted` configured on the device `r1`.
pub fn task(procedure: &Procedure, wanted: &str) -> Task {
    let mut task = super::ssh::played_task();
    task.op.device = DeviceName::new("r1").expect("a name");
    task.work = Work::Driver(Arc::new(procedure.clone()));
    task.configuration = wanted.as_bytes().into();
    task.timeouts = Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(30) };
    task
}

/// Lets every write through.
pub struct OpenGate;

impl AttemptContext for OpenGate {
    fn progress(&self, _: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}
