//! The one function that sends: what only reads cannot reach a request that writes.

use super::super::dial;
use super::super::wire::{Ask, Body, CallError, Lines, Place, Wire, login};
use super::{Bench, PASSWORD, Told};
use crate::clock::SystemClock;
use crate::executor::WritePass;
use crate::executor::device::Job;
use crate::executor::tls_dial::TlsDial;
use crate::executor::wanted::Redactor;
use crate::platform::Platforms;
use crate::secrets::{Secret, Secrets};
use crate::simulator::http::PlayedLines;
use switchyard_shared::task::Purpose;

const PLACE: Place<'static> = Place { path: "/command-api", accept: "*/*", only_if: None };

async fn wire(bench: &Bench, purpose: Purpose) -> Wire {
    let mut task = bench.task.clone();
    task.purpose = purpose;
    let redactor = Redactor::of(Vec::new());
    let job = Job {
        task: &task,
        procedure: &bench.procedure,
        context: &bench.told,
        redactor,
        unshown: Default::default(),
    };
    let dial = TlsDial::new(&job, &Secrets::new("/nowhere"), &dial::trust()).await.unwrap();
    Wire::open(dial, &job, &login("netops", &Secret::new(PASSWORD.into()))).await.unwrap()
}

#[tokio::test]
async fn not_one_writing_request_passes_without_the_pass_of_the_gate_or_in_an_attempt_that_reads() {
    let bench = Bench::new(PlayedLines::eos("a\n", SystemClock::shared()), "eos").await;
    let platform = Platforms::built_in().get("eos").unwrap();
    let api = platform.http.as_ref().unwrap();
    let typed = |line: &str| vec!["enable".to_owned(), line.to_owned()];
    let (reload, show) = (typed("reload"), typed("show clock"));
    let lines = |lines, change| Ask::Lines(Lines { platform: &platform, api, lines, change });
    let body = Body { kind: "text/plain", text: "x" };
    let pass = WritePass::ask(&Told::default(), SystemClock::shared(), None).await.unwrap();
    let mut reads = wire(&bench, Purpose::Compare).await;
    let mut writes = wire(&bench, Purpose::Apply).await;
    for ask in [
        Ask::Put(body),
        Ask::Patch(body),
        Ask::Delete,
        lines(&reload, true),
        lines(&reload, false),
        lines(&show, true),
    ] {
        let kept = Err(CallError::NotAllowed(ask.name()));
        assert_eq!(writes.send(&ask, PLACE, None).await.map(|_| ()), kept);
        assert_eq!(reads.send(&ask, PLACE, Some(&pass)).await.map(|_| ()), kept);
    }
    assert_eq!(bench.device.ledger(), [], "nothing has left");
    assert_eq!(reads.send(&lines(&show, false), PLACE, None).await.unwrap().status, 200);
    assert_eq!(writes.send(&lines(&show, true), PLACE, Some(&pass)).await.unwrap().status, 200);
    assert_eq!(bench.device.ledger().len(), 2);
}
