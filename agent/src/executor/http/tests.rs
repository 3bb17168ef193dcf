//! Devices with an API over HTTP, played by the simulator, whose ledgers of requests are the witnesses.

mod bad_input;
mod drafts;
mod gate;
mod lines;
mod many_entries;
mod masked;
mod restconf;
mod saving;

use crate::clock::SystemClock;
use crate::executor::executors::Executors;
use crate::executor::{AttemptContext, Executor, GateRefused, ssh};
use crate::fs::{Fs as _, RealFs};
use crate::secrets::Secrets;
use crate::simulator::http::{HttpDevice, Persona};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::outcome::{Outcome, Phase};
use switchyard_shared::procedure::{Mode, Procedure, Transport};
use switchyard_shared::task::{Purpose, Task, Work};
use switchyard_shared::tls::{Protection, TlsSettings};
use tokio_util::sync::CancellationToken;

/// What must be in no message, log or difference.
const PASSWORD: &str = "p4ss-canary";

/// A device and everything that works on it.
struct Bench {
    device: HttpDevice,
    executors: Executors,
    task: Task,
    procedure: Procedure,
    told: Told,
    _data: tempfile::TempDir,
}

/// What an attempt tells on its way.
#[derive(Default)]
struct Told {
    diff: Mutex<String>,
    answered: Mutex<Vec<bool>>,
    before: Mutex<Option<String>>,
}

impl AttemptContext for Told {
    fn progress(&self, _: Phase) {}

    fn answered(&self, accepted: bool) {
        self.answered.lock().unwrap().push(accepted);
    }

    fn differs(&self, diff: String) {
        *self.diff.lock().unwrap() = diff;
    }

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        *self.before.lock().unwrap() = before;
        Box::pin(async { Ok(()) })
    }
}

impl Bench {
    /// In clear to `persona`.
    async fn new(persona: impl Persona, platform: &str) -> Self {
        Self::with(persona, platform, None).await
    }

    /// Over TLS to a device whose certificate holds `name`.
    async fn with(persona: impl Persona, platform: &str, name: Option<&str>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let device = HttpDevice::start(persona, ("netops", PASSWORD), name).await.unwrap();
        let keep = |file: &str, text: &str| {
            let mut file = RealFs.create(&data.path().join(file)).unwrap();
            file.append(text.as_bytes()).unwrap();
        };
        keep("password", PASSWORD);
        keep("ca.pem", device.ca().unwrap_or("none"));
        let mut task = ssh::played_task();
        task.endpoint.hostname = device.address().ip().to_string();
        task.endpoint.port = device.address().port();
        task.endpoint.username = "netops".into();
        task.endpoint.credential_ref = "file:password".into();
        task.endpoint.tls = match name {
            None => TlsSettings { protection: Protection::ClearOnLoopback, ..TlsSettings::default() },
            Some(_) => TlsSettings { ca_ref: Some("file:ca.pem".into()), ..TlsSettings::default() },
        };
        task.timeouts.connect = Duration::from_secs(10);
        task.timeouts.command = Duration::from_secs(10);
        let secrets = Secrets::new(data.path());
        let executors = Executors::new(data.path(), secrets, SystemClock::shared()).unwrap();
        let procedure = Procedure::new(Transport::Http, platform);
        Self { device, executors, task, procedure, told: Told::default(), _data: data }
    }

    async fn attempt(&self, purpose: Purpose, configuration: &str, number: u32) -> Outcome {
        let mut task = self.task.clone();
        task.op.attempt = number;
        task.purpose = purpose;
        task.configuration = configuration.as_bytes().into();
        task.work = Work::Driver(Arc::new(self.procedure.clone()));
        let outcome = self.executors.attempt(&task, &self.told, CancellationToken::new()).await;
        for text in [&outcome.message, &outcome.hint, &outcome.output, &*self.told.diff.lock().unwrap()] {
            assert!(!text.contains(PASSWORD), "the password is in {text:?}");
        }
        outcome
    }

    async fn apply(&self, configuration: &str) -> Outcome {
        self.attempt(Purpose::Apply, configuration, 1).await
    }

    async fn compare(&self, configuration: &str) -> (Outcome, String) {
        let outcome = self.attempt(Purpose::Compare, configuration, 1).await;
        (outcome, std::mem::take(&mut *self.told.diff.lock().unwrap()))
    }

    fn replaces(mut self) -> Self {
        self.procedure.mode = Mode::Replace;
        self
    }
}
