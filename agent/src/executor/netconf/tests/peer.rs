//! A peer that answers by a script and keeps what was said to it.

use crate::clock::SystemClock;
use crate::executor::netconf::framing::Framer;
use crate::executor::netconf::hello::BASE;
use crate::executor::netconf::wire::Stream;
use crate::executor::netconf::xml::parse;
use crate::executor::{AttemptContext, GateRefused, WritePass};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::outcome::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What a device with a candidate can do.
pub const CANDIDATE: &str = "urn:ietf:params:netconf:base:1.1 urn:ietf:params:netconf:capability:candidate:1.0 \
    urn:ietf:params:netconf:capability:confirmed-commit:1.1 \
    urn:ietf:params:netconf:capability:rollback-on-error:1.0 \
    urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring";
/// What a device without one can do.
pub const RUNNING_ONLY: &str =
    "urn:ietf:params:netconf:base:1.0 urn:ietf:params:netconf:capability:writable-running:1.0";

/// What is answered to a word.
#[derive(Clone)]
pub enum Answer {
    /// `<ok/>`.
    Ok,
    /// These elements.
    Data(String),
    /// This error.
    Error(String),
    /// These bytes.
    Raw(Vec<u8>),
    /// `<ok/>`, once the next word has come.
    Later,
    /// These elements, one byte a second.
    Drips(String),
    /// The end of the session.
    Close,
}

type Script = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

/// The peer; its sessions share what was said.
pub struct Peer {
    script: Script,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// One that answers each word by `script`.
    pub fn new(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), heard: Arc::default() }
    }

    /// The names of all words that were said.
    pub fn said(&self) -> Vec<String> {
        let heard = self.heard.lock().expect("no panic");
        heard.iter().map(|message| parse(message).expect("XML").children[0].name.clone()).collect()
    }

    /// All that was said.
    pub fn heard(&self) -> String {
        self.heard.lock().expect("no panic").concat()
    }

    /// A session with it in which it can do `abilities`, divided by blanks.
    pub fn stream(&self, abilities: &str) -> Box<dyn Stream> {
        let listed: String = abilities
            .split_whitespace()
            .map(|ability| format!("<capability>{ability}</capability>"))
            .collect();
        let hello = format!(
            "<hello xmlns=\"{BASE}\"><capabilities>{listed}</capabilities><session-id>4</session-id></hello>]]>]]>"
        );
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let chunks = abilities.contains("base:1.1");
        tokio::spawn(serve(theirs, hello, chunks, self.script.clone(), self.heard.clone()));
        Box::new(ours)
    }

    /// A session in which it says only `words`.
    pub fn says(&self, words: &str) -> Box<dyn Stream> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let words = words.as_bytes().to_vec();
        tokio::spawn(async move {
            let _ = theirs.write_all(&words).await;
        });
        Box::new(ours)
    }
}

async fn serve(
    mut stream: DuplexStream,
    hello: String,
    chunks: bool,
    script: Script,
    heard: Arc<Mutex<Vec<String>>>,
) {
    stream.write_all(hello.as_bytes()).await.expect("a listener");
    let (mut framer, mut greeted, mut late) = (Framer::default(), false, Vec::new());
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        framer.push(&bytes[..read]);
        while let Some(message) = framer.next().expect("we frame as we should") {
            if !std::mem::replace(&mut greeted, true) {
                if chunks {
                    framer.use_chunks();
                }
                continue;
            }
            let rpc = parse(&message).expect("we speak XML");
            heard.lock().expect("no panic").push(message.to_string());
            let number = rpc.attribute("", "message-id").expect("a number").to_owned();
            let reply = |inner: &str| {
                let text = format!("<rpc-reply xmlns=\"{BASE}\" message-id=\"{number}\">{inner}</rpc-reply>");
                framer.frame(&text).to_vec()
            };
            let mut byte_time = None;
            let answer = match script(&rpc.children[0].name) {
                Answer::Ok => reply("<ok/>"),
                Answer::Data(data) => reply(&format!("<data>{data}</data>")),
                Answer::Error(error) => reply(&error),
                Answer::Raw(raw) => raw,
                Answer::Drips(inner) => {
                    byte_time = Some(Duration::from_secs(1));
                    reply(&inner)
                }
                Answer::Close => return,
                Answer::Later => {
                    late = reply("<ok/>");
                    continue;
                }
            };
            // One byte at a time: no message may depend on how it is cut.
            for byte in std::mem::take(&mut late).into_iter().chain(answer) {
                if let Some(byte_time) = byte_time {
                    tokio::time::sleep(byte_time).await;
                }
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// An error of a device.
pub fn refusal(tag: &str, info: &str) -> String {
    format!(
        "<rpc-error><error-tag>{tag}</error-tag><error-severity>error</error-severity>\
         <error-path>/s/a</error-path><error-message>no</error-message><error-info>{info}</error-info></rpc-error>"
    )
}

struct Gate;

impl AttemptContext for Gate {
    fn progress(&self, _: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a gate that opens gives.
pub async fn pass() -> WritePass {
    WritePass::ask(&Gate, SystemClock::shared(), None).await.expect("it opens")
}
