//! Simulated devices that play platforms over SSH on loopback, and attempts on them as an agent makes them.

use super::platforms::{LINUX, forgetful};
use crate::clock::SystemClock;
use crate::executor::executors::Executors;
use crate::executor::{AttemptContext, Executor, GateRefused};
use crate::fs::RealFs;
use crate::platform::Platforms;
use crate::secrets::Secrets;
use crate::simulator::{
    Event, Fault, Fleet, FleetConfig, Kind, Mode, Plays, RUNNING_FILE, SERVED_FILE, Trick, device_folder,
};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::outcome::{Outcome, Phase};
use switchyard_shared::procedure::{self, Procedure, Transport};
use switchyard_shared::task::{Endpoint, Purpose, Task, Timeouts, Work};
use tokio_util::sync::CancellationToken;

/// What the names of devices that speak NETCONF begin with.
const NETCONF: &str = "netconf";
/// How late a slow device answers, and how long each byte takes of one that says them one by one.
const SLOW: Duration = Duration::from_millis(1);
/// No test waits so long, unless a device is silent.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a silent device is waited for.
const SHORT: Duration = Duration::from_secs(4);

/// One device: its platform, what it has, and how it behaves.
#[derive(Clone, Copy)]
pub(in crate::executor) struct Part<'a> {
    pub(in crate::executor) platform: &'a str,
    pub(in crate::executor) has: &'a str,
    pub(in crate::executor) mode: Mode,
}

/// The write gate of an attempt: keeps what it was told that the device had.
#[derive(Default)]
struct Gate(Mutex<Option<String>>);

impl AttemptContext for Gate {
    fn progress(&self, _phase: Phase) {}

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        *self.0.lock().expect("no test panics with it") = before;
        Box::pin(async { Ok(()) })
    }
}

/// Devices from 1 on, and an agent's executors.
pub(in crate::executor) struct Bench {
    fleet: Fleet,
    executors: Executors,
    silent: Vec<bool>,
    folder: tempfile::TempDir,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    pub(in crate::executor) async fn new(parts: &[Part<'_>]) -> Arc<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = FleetConfig::new(folder.path().join("devices"), parts.len());
        config.slow_delay = SLOW;
        for (number, part) in (1..).zip(parts) {
            let own = device_folder(&config.data, &device(number));
            std::fs::create_dir_all(&own).expect("a folder");
            std::fs::write(own.join(RUNNING_FILE), part.has).expect("a file");
            let plays: Plays = format!("{}:{number}", part.platform).parse().expect("a platform");
            config.plays.push(plays);
            let devices = number.to_string().parse().expect("a range");
            config.faults.push(Fault { mode: part.mode, devices });
        }
        let fleet = Fleet::start(config).await.expect("a fleet");
        let data = folder.path();
        let folder_of_ours = data.join("platforms");
        std::fs::create_dir_all(&folder_of_ours).expect("a folder");
        std::fs::write(folder_of_ours.join("linux.yaml"), LINUX).expect("a file");
        std::fs::write(folder_of_ours.join("forgetful.yaml"), forgetful()).expect("a file");
        let platforms = Platforms::built_in().with_folder(&folder_of_ours, &RealFs).expect("platforms");
        let (secrets, clock) = (Secrets::new(data), SystemClock::shared());
        let executors = Executors::with_platforms(data, secrets, platforms, clock).expect("executors");
        let is_silent = |part: &Part<'_>| {
            let half_said = part.mode == Mode::Trick(Trick::Partial) && part.platform.starts_with(NETCONF);
            half_said
                || part.mode == Mode::Trick(Trick::DefaultsSilent)
                || matches!(part.mode, Mode::Stall | Mode::StallAfterWrite | Mode::StuckRead | Mode::Mute)
        };
        let silent = parts.iter().map(is_silent).collect();
        Arc::new(Self { fleet, executors, silent, folder })
    }

    /// An attempt on the device with this number.
    pub(in crate::executor) fn task(
        &self,
        number: usize,
        platform: &str,
        text: &str,
        mode: procedure::Mode,
    ) -> Task {
        let address = self.fleet.address(number).expect("a device");
        let speaks_netconf = platform.starts_with(NETCONF);
        let transport = if speaks_netconf { Transport::Netconf } else { Transport::SshCli };
        let mut procedure = Procedure::new(transport, platform);
        procedure.mode = mode;
        let patience = if self.silent[number - 1] { SHORT } else { PATIENCE };
        let mut task = crate::executor::ssh::played_task();
        task.op.device = switchyard_shared::id::DeviceName::new(device(number)).expect("a name");
        task.endpoint = Endpoint {
            hostname: address.ip().to_string(),
            port: address.port(),
            username: self.fleet.username().into(),
            credential_ref: self.fleet.credential_ref().into(),
            host_keys: vec![self.fleet.host_key().into()],
            ssh: Default::default(),
            tls: Default::default(),
        };
        task.work = Work::Driver(Arc::new(procedure));
        task.configuration = text.as_bytes().into();
        task.timeouts = Timeouts { connect: patience, command: patience };
        task
    }

    /// The same task on a device that waits so many seconds for a confirmation.
    pub(in crate::executor) fn with_patience(&self, task: &Task, seconds: u64) -> Task {
        let mut task = task.clone();
        if let Work::Driver(procedure) = &mut task.work {
            Arc::make_mut(procedure).commit.confirm_timeout = Duration::from_secs(seconds);
        }
        task
    }

    /// Makes the attempt, and notes what the device had before its write; one that only looks has no write.
    pub(in crate::executor) async fn attempt(&self, task: &Task) -> Outcome {
        let gate = Gate::default();
        let mut outcome = self.executors.attempt(task, &gate, CancellationToken::new()).await;
        outcome.before = gate.0.into_inner().expect("no test panics with it");
        assert!(task.purpose.writes() || outcome.before.is_none(), "{outcome:?}");
        outcome
    }

    /// The same for another purpose, as the attempt after.
    pub(in crate::executor) async fn again(&self, task: &Task, purpose: Purpose) -> Outcome {
        let mut task = task.clone();
        task.op.attempt += 1;
        task.purpose = purpose;
        self.attempt(&task).await
    }

    /// Waits until something has happened to the device.
    pub(in crate::executor) async fn until(&self, number: usize, kind: Kind) {
        self.until_times(number, kind, 1).await;
    }

    /// Waits until something has happened to the device so many times.
    pub(in crate::executor) async fn until_times(&self, number: usize, kind: Kind, times: usize) {
        let happened = |event: &&Event| event.event == kind;
        let wait = async {
            let ledger = || self.fleet.ledger(&device(number)).expect("a ledger");
            while ledger().iter().filter(happened).count() < times {
                tokio::time::sleep(SLOW).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("it happens in time");
    }

    /// What the device has, by its own file.
    pub(in crate::executor) fn has(&self, number: usize) -> String {
        let running = self.fleet.running(&device(number)).expect("a file").expect("a configuration");
        String::from_utf8(running).expect("text")
    }

    /// What the service of a device with one file read last.
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    pub(in crate::executor) fn served(&self, task: &Task) -> Option<String> {
        let folder = device_folder(&self.folder.path().join("devices"), task.op.device.as_str());
        std::fs::read_to_string(folder.join(SERVED_FILE)).ok()
    }

    /// From now on nothing goes wrong with the device.
    pub(in crate::executor) async fn mends(&self, task: &Task) {
        self.becomes(task, Mode::Good).await;
    }

    /// From now on this goes wrong with the device.
    pub(in crate::executor) async fn becomes(&self, task: &Task, mode: Mode) {
        let number = task.op.device.as_str().trim_start_matches("dev").trim_start_matches('0');
        let only = number.parse().expect("a range");
        self.fleet.set_mode(mode, &only).await.expect("a mode");
    }

    /// What was typed at the device that can write, by its own ledger; names of the attempt are `ID`.
    pub(in crate::executor) fn typed(&self, number: usize) -> Vec<String> {
        let ledger = self.fleet.ledger(&device(number)).expect("a ledger");
        let typed = ledger.into_iter().filter(|event| event.event == Kind::Typed);
        let id = regex::Regex::new("sw[0-9a-f]{8,16}").expect("a pattern");
        typed.map(|event| id.replace_all(&event.detail.unwrap_or_default(), "ID").into_owned()).collect()
    }
}

/// What the simulator calls the device with this number.
fn device(number: usize) -> String {
    format!("dev{number:03}")
}
