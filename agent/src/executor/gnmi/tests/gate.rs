//! The one call that changes a device: it never leaves an attempt that only reads.

use super::super::dial;
use super::super::login::Login;
use super::super::wire::Wire;
use super::bench::{Bench, CHANGE, first};
use crate::clock::SystemClock;
use crate::executor::WritePass;
use crate::executor::device::Job;
use crate::executor::wanted::Redactor;
use crate::secrets::{Secrets, SiteKey};
use crate::simulator::gnmi::Told;
use switchyard_proto::gnmi::SetRequest;
use switchyard_shared::task::Purpose;

async fn wire(bench: &Bench, purpose: Purpose) -> Wire {
    let task = bench.task(1, purpose, CHANGE);
    let job = Job {
        task: &task,
        procedure: &bench.procedure,
        context: &bench.context,
        redactor: Redactor::of(Vec::new()),
        unshown: Default::default(),
    };
    let (secrets, key) = (Secrets::new(bench.folder.path()), SiteKey::of(bench.folder.path()));
    let login = Login::of(&job, &secrets, &key).await.unwrap();
    let connection = dial::connect(&job, &secrets, &dial::trust()).await.unwrap();
    Wire::open(connection, login, &job).await.unwrap()
}

#[tokio::test]
async fn not_one_set_leaves_an_attempt_that_reads_though_it_has_the_pass_of_the_gate() {
    let bench = Bench::new().await;
    let pass = WritePass::ask(&bench.context, SystemClock::shared(), None).await.unwrap();
    for purpose in [Purpose::Compare, Purpose::Settle { before: None }] {
        let kept_back = wire(&bench, purpose).await.set(&pass, SetRequest::default()).await.unwrap_err();
        assert!(kept_back.said.contains("only reads"), "{kept_back:?}");
    }
    assert_eq!(bench.target.told(), []);
    wire(&bench, Purpose::Apply).await.set(&pass, SetRequest::default()).await.unwrap();
    assert_eq!((bench.target.told(), bench.target.running()), (vec![Told::Nothing], first()));
}
