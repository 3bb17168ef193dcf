//! What an agent makes attempts with, as it is put together.

use super::*;
use crate::clock::SystemClock;
use crate::executor::local_exec::FILE;
use crate::executor::{GateRefused, played, ssh};
use crate::fs::{Fs as _, replace};
use std::sync::Mutex;
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Check, Expectation, Mode, Probe, Procedure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

struct Gate;

impl AttemptContext for Gate {
    fn progress(&self, _phase: Phase) {}

    fn open_write_gate(&self, _before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

/// What the SSH library keeps for a session is beside this, and measured by `tests/run --campaign real-devices`.
const ATTEMPT_BYTES_MAX: usize = 4 * 1024;

#[test]
fn an_attempt_that_waits_for_its_device_takes_less_than_4_kib_of_the_agents_own() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets::new(folder.path());
    let executors = Executors::new(folder.path(), secrets, SystemClock::shared()).unwrap();
    let driver = Work::Driver(Arc::new(Procedure::new(Transport::SshCli, "cisco_ios")));
    for work in [driver, Work::command("configure", Some("show")), Work::HostKeys] {
        let task = Task { work, ..ssh::played_task() };
        let attempt = executors.attempt(&task, &Gate, CancellationToken::new());
        let bytes = size_of_val(&*attempt);
        assert!(bytes < ATTEMPT_BYTES_MAX, "{bytes} bytes for {:?}", task.work);
    }
}

/// A Prometheus at /api, and a page everywhere else; gives its address and what it was asked.
async fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        loop {
            let mut lines = BufReader::new(listener.accept().await.unwrap().0);
            let mut question = String::new();
            while lines.read_line(&mut question).await.unwrap() > 2 {}
            let path = question.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = match path.starts_with("/api/") {
                true => r#"{"status":"success","data":{"resultType":"scalar","result":[1,"0.25"]}}"#,
                false => "healthy",
            };
            seen.lock().unwrap().push(path);
            let answer = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            lines.get_mut().write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

fn check(probe: Probe, expectation: Expectation) -> Check {
    let (name, now) = ("look".to_owned(), Duration::ZERO);
    let expectations = vec![expectation];
    Check {
        name,
        probe,
        expectations,
        save_as: None,
        initial_delay: now,
        interval: now,
        count: 1,
        failure_limit: 0,
    }
}

#[tokio::test]
async fn a_change_is_made_when_its_page_and_the_prometheus_of_the_agent_say_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("r1");
    let programs =
        format!("{{devices: [r1], read: [/bin/cat, {0}], write: [/usr/bin/tee, {0}]}}", device.display());
    let allowed = format!("api_version: switchyard/v1\nkind: LocalExec\nplatforms: {{script: {programs}}}\n");
    replace(&RealFs, &folder.path().join(FILE), allowed.as_bytes()).unwrap();
    replace(&RealFs, &device, b"old\n").unwrap();
    let (address, asked) = server().await;
    let page = Probe::Http { url: format!("{address}/health"), status: 200, ca_ref: None };
    let query = Probe::Prometheus { url: None, query: "up".into(), ca_ref: None };
    let low = check(query, Expectation::Expect("< 0.5".into()));
    let procedure = Procedure {
        mode: Mode::Replace,
        pre: vec![low.clone()],
        post: vec![check(page, Expectation::Contains("healthy".into())), low],
        ..Procedure::new(Transport::LocalExec, "script")
    };
    let executors =
        Executors::new(folder.path(), Secrets::new(folder.path()), SystemClock::shared()).unwrap();
    let executors = executors.with_prometheus(Some(address));
    let task = played::task(&procedure, "new\n");
    let outcome = executors.attempt(&task, &Gate, CancellationToken::new()).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    assert_eq!(RealFs.read(&device, 64).unwrap(), b"new\n");
    let query = "/api/v1/query?query=up";
    assert_eq!(*asked.lock().unwrap(), [query, "/health", query]);
}
