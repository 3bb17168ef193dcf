//! A simulated target and everything that an attempt on it needs.

use crate::clock::SystemClock;
use crate::executor::executors::Executors;
use crate::executor::{AttemptContext, Executor, GateRefused};
use crate::fs::{RealFs, replace};
use crate::secrets::Secrets;
use crate::simulator::gnmi::{Authority, Certificate, GnmiFault, Target, TargetConfig, Told};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Procedure, Transport};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Purpose, Task, Timeouts, Work};
use switchyard_shared::tls::TlsSettings;
use tokio_util::sync::CancellationToken;

/// What a change of the MTU and a new interface look like.
pub const CHANGE: &str = r#"{
  "/interfaces/interface[name=eth0]/config": {"mtu": 9000},
  "/interfaces/interface[name=eth7]": {"config": {"name": "eth7", "mtu": 1500}},
  "/system/config/motd": null
}"#;

pub struct Bench {
    pub target: Target,
    pub executors: Executors,
    pub procedure: Procedure,
    pub context: Context,
    pub endpoint: Endpoint,
    pub timeouts: Timeouts,
    pub folder: tempfile::TempDir,
}

/// Takes down what it is told.
#[derive(Default)]
pub struct Context {
    pub diff: Mutex<String>,
    pub before: Mutex<Option<String>>,
    pub answers: Mutex<Vec<bool>>,
}

impl AttemptContext for Context {
    fn progress(&self, _: Phase) {}

    fn answered(&self, accepted: bool) {
        self.answers.lock().unwrap().push(accepted);
    }

    fn differs(&self, diff: String) {
        *self.diff.lock().unwrap() = diff;
    }

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        *self.before.lock().unwrap() = before;
        Box::pin(async { Ok(()) })
    }
}

/// What a target has at first.
pub fn first() -> Value {
    json!({
        "openconfig-interfaces:interfaces": {"interface": [
            {"name": "eth0", "config": {"name": "eth0", "mtu": 1500, "description": "to \"core\""}},
            {"name": "eth1", "config": {"name": "eth1", "mtu": 9000}},
        ]},
        "openconfig-system:system": {"config": {"hostname": "r1", "motd": "hello", "password": "0ld-s3cret"}},
    })
}

impl Bench {
    /// A target with a certificate for its address, whose CA is pinned.
    pub async fn new() -> Self {
        Self::showing(|authority| Some(authority.certify(&["127.0.0.1"]).unwrap())).await
    }

    pub async fn showing(certificate: impl FnOnce(&Authority) -> Option<Certificate>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new().unwrap();
        replace(&RealFs, &folder.path().join("ca.pem"), authority.pem().as_bytes()).unwrap();
        replace(&RealFs, &folder.path().join("password"), b"pa55word\n").unwrap();
        let target = Target::start(TargetConfig {
            data: folder.path().join("simulated"),
            name: "r1".into(),
            address: "127.0.0.1:0".parse().unwrap(),
            login: ("admin".into(), "pa55word".into()),
            certificate: certificate(&authority),
            running: first(),
        });
        let target = target.await.unwrap();
        let data = folder.path();
        let executors = Executors::new(data, Secrets::new(data), SystemClock::shared()).unwrap();
        let endpoint = Endpoint {
            hostname: "127.0.0.1".into(),
            port: target.address().port(),
            username: "admin".into(),
            credential_ref: "file:password".into(),
            host_keys: vec![],
            ssh: Default::default(),
            tls: TlsSettings { ca_ref: Some("file:ca.pem".into()), ..Default::default() },
        };
        let timeouts = Timeouts { connect: Duration::from_secs(20), command: Duration::from_secs(20) };
        let procedure = Procedure::new(Transport::Gnmi, "");
        Self { target, executors, procedure, context: Context::default(), endpoint, timeouts, folder }
    }

    pub fn task(&self, attempt: u32, purpose: Purpose, configuration: &str) -> Task {
        Task {
            op: OpId {
                rollout: RolloutName::new("mtu").unwrap(),
                device: DeviceName::new("r1").unwrap(),
                attempt,
            },
            endpoint: self.endpoint.clone(),
            work: Work::Driver(Arc::new(self.procedure.clone())),
            purpose,
            configuration: configuration.as_bytes().into(),
            timeouts: self.timeouts,
            breakers: BreakerSettings::default(),
            pools: PoolSettings::default(),
        }
    }

    pub async fn attempt(&self, attempt: u32, purpose: Purpose, configuration: &str) -> Outcome {
        let task = self.task(attempt, purpose, configuration);
        self.executors.attempt(&task, &self.context, CancellationToken::new()).await
    }

    /// The file of a secret that a template may name.
    pub fn keep_secret(&mut self, name: &str, value: &str) {
        replace(&RealFs, &self.folder.path().join(name), value.as_bytes()).unwrap();
        self.procedure.secrets.insert(name.to_owned(), format!("file:{name}"));
    }

    pub async fn apply(&self, configuration: &str) -> Outcome {
        self.attempt(1, Purpose::Apply, configuration).await
    }

    /// What a look at the device after a doubt says.
    pub async fn settle(&self, configuration: &str) -> Outcome {
        let before = self.context.before.lock().unwrap().clone();
        self.attempt(1, Purpose::Settle { before }, configuration).await
    }

    pub async fn apply_with(&self, fault: GnmiFault, configuration: &str) -> Outcome {
        self.target.behave(fault);
        self.apply(configuration).await
    }

    pub fn diff(&self) -> String {
        self.context.diff.lock().unwrap().clone()
    }

    /// That the target has what it had at first and was told nothing that could change it.
    pub fn assert_untouched(&self) {
        assert_eq!(self.target.running(), first());
        let told = self.target.told();
        assert!(!told.iter().any(|told| matches!(told, Told::Change | Told::ChangeUntil)), "{told:?}");
    }
}

pub fn is(outcome: &Outcome, class: Class, phase: Phase, left_as: LeftAs) {
    assert_eq!((outcome.class, outcome.phase, outcome.left_as), (class, phase, left_as), "{outcome:?}");
}
