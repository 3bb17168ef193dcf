//! A device that says one byte a second: no answer of it may take longer than any other's, however alive it is.

use super::peer::{Answer, CANDIDATE, Peer};
use crate::executor::Failure;
use crate::executor::device::{Driver, Job, Session};
use crate::executor::{netconf, played};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Procedure, Transport};

const HAS: &str = "<data><s xmlns=\"urn:x\"><a>1</a></s></data>";

/// Opens sessions with one such device.
struct Opens(Arc<Peer>);

impl Driver for Opens {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async {
            let session = netconf::greet(self.0.stream(CANDIDATE), job).await?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }
}

/// How a change ends whose answer to `word` drips, and what was said up to it. An answer may take 30 seconds.
async fn ended(word: &'static str) -> (Outcome, Vec<String>) {
    let peer = Arc::new(Peer::new(move |said| match said {
        "get-config" if word == said => Answer::Drips(HAS.into()),
        "get-config" => Answer::Data("<s xmlns=\"urn:x\"><a>1</a></s>".into()),
        said if said == word => Answer::Drips("<ok/>".into()),
        _ => Answer::Ok,
    }));
    let task = played::task(&Procedure::new(Transport::Netconf, ""), super::WANT);
    let outcome = played::ended(Opens(peer.clone()), &task).await;
    assert!(outcome.message.contains("127.0.0.1:22"), "{}", outcome.message);
    (outcome, peer.said())
}

#[tokio::test(start_paused = true)]
async fn a_device_that_drips_past_the_time_for_an_answer_is_in_doubt_only_once_it_was_told_to_commit() {
    use Class::{LostAfterWrite, Timeout, Unreachable};
    let again = "see what keeps the device from answering, and try again";
    for (word, class, phase, left_as, hint) in [
        ("get-config", Timeout, Phase::Read, LeftAs::Unchanged, again),
        ("lock", Timeout, Phase::Validate, LeftAs::Unchanged, again),
        ("edit-config", Unreachable, Phase::Write, LeftAs::Unchanged, "nothing was changed"),
        ("commit", LostAfterWrite, Phase::Write, LeftAs::Unknown, "read the device before anything else"),
    ] {
        let (outcome, said) = ended(word).await;
        let got = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(got, (class, phase, left_as), "{word}: {outcome:?}");
        assert!(outcome.message.contains("within 30s"), "{word}: {}", outcome.message);
        assert!(outcome.hint.contains(hint), "{word}: {}", outcome.hint);
        assert_eq!(said.iter().rfind(|said| *said != "get"), Some(&word.to_owned()), "{said:?}");
    }
}
