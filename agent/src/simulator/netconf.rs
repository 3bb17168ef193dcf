//! A device that plays a NETCONF server over SSH: hello, framing, one session after the other or beside it.

pub(crate) mod edit;
mod store;

use super::device::Device;
use super::listener::note;
use super::trick::Trick;
use super::{Kind, Mode};
use crate::executor::netconf::BASE;
use crate::executor::netconf::framing::Framer;
use crate::executor::netconf::xml::{Element, escape, parse, print};
use russh::Channel;
use russh::server::Msg;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Answer, State};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// What a device has that never took anything.
pub(super) const STARTS: &str = "<system xmlns=\"urn:switchyard:simulated\">\n  <hostname>{name}</hostname>\n  \
    <interface>\n    <name>lo0</name>\n    <description>simulated</description>\n  </interface>\n</system>\n";
/// What every such device can do, and what the newer ones can.
const OLD: &str = "urn:ietf:params:netconf:base:1.0 urn:ietf:params:netconf:capability:candidate:1.0 \
    urn:ietf:params:netconf:capability:rollback-on-error:1.0 \
    urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring";
const NEW: &str = "urn:ietf:params:netconf:base:1.1 urn:ietf:params:netconf:capability:confirmed-commit:1.1";
/// What those say that boot with what was saved.
const STARTUP: &str = "urn:ietf:params:netconf:capability:startup:1.0";
/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Elements one in the other.
const DEEP: usize = 10_000;
/// What a document type makes of a few letters.
const BOMB: &str = "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><rpc-reply>&b;</rpc-reply>";

/// One device's datastores.
pub(super) struct Netconf {
    state: Mutex<State>,
    sessions: AtomicU64,
    /// Knows NETCONF 1.1, and takes a commit back that is not confirmed.
    is_new: bool,
    /// Boots with what was saved.
    startup: bool,
}

impl Netconf {
    /// A device with `running`, as [`crate::executor::netconf::xml::print`] gives it.
    pub(super) fn new(running: &str, is_new: bool, startup: bool) -> Result<Self, String> {
        let root = parse(&format!("<data>{running}</data>")).map_err(|error| error.to_string())?;
        let state = Mutex::new(State::new(root.children));
        Ok(Self { state, sessions: AtomicU64::new(1), is_new, startup })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that a client asked for.
pub(super) struct Call {
    pub(super) device: Arc<Device>,
    pub(super) netconf: Arc<Netconf>,
    pub(super) client: SocketAddr,
    pub(super) cut: CancellationToken,
    pub(super) stop: CancellationToken,
    pub(super) slow_delay: Duration,
}

/// Plays one session to its end.
pub(super) async fn run(call: Call, channel: Channel<Msg>) {
    let session = call.netconf.sessions.fetch_add(1, Ordering::Relaxed);
    call.netconf.state().begins(session, super::server::USER, &call.client.ip().to_string());
    let mut talk = Talk { call: &call, session, framer: Framer::default(), stream: channel.into_stream() };
    // However it ends, the session is over.
    let _ = talk.whole().await;
    let back = call.netconf.state().ends(session);
    if let Some(running) = back {
        call.device.takes_back(&running);
    }
}

struct Talk<'a, S> {
    call: &'a Call,
    session: u64,
    framer: Framer,
    stream: S,
}

/// The session is over.
struct Over;

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn whole(&mut self) -> Result<(), Over> {
        if self.mode() == Mode::Mute {
            return self.silence().await;
        }
        let newer = if self.call.netconf.is_new { NEW } else { "" };
        let startup = if self.call.netconf.startup { STARTUP } else { "" };
        let listed = [OLD, newer, startup].into_iter().flat_map(str::split_whitespace);
        let listed: String = listed.map(|name| format!("<capability>{name}</capability>")).collect();
        let hello = format!(
            "<hello xmlns=\"{BASE}\"><capabilities>{listed}</capabilities><session-id>{}</session-id></hello>",
            self.session
        );
        let framed = self.framer.frame(&hello);
        self.put(&framed).await?;
        let theirs = self.message().await?;
        if self.call.netconf.is_new && theirs.contains("netconf:base:1.1") {
            self.framer.use_chunks();
        }
        loop {
            let message = self.message().await?;
            let rpc = parse(&message).map_err(|_| Over)?;
            self.answer(&rpc).await?;
        }
    }

    fn mode(&self) -> Mode {
        self.call.device.mode()
    }

    fn has(&self, trick: Trick) -> bool {
        self.mode() == Mode::Trick(trick)
    }

    async fn message(&mut self) -> Result<String, Over> {
        let mut bytes = vec![0; READ_BYTES];
        loop {
            if let Some(message) = self.framer.next().map_err(|_| Over)? {
                return Ok(message.to_string());
            }
            match self.stream.read(&mut bytes).await {
                Ok(read @ 1..) => self.framer.push(&bytes[..read]),
                Ok(0) | Err(_) => return Err(Over),
            }
        }
    }

    async fn answer(&mut self, rpc: &Element) -> Result<(), Over> {
        let number = rpc.attribute("", "message-id").unwrap_or_default().to_owned();
        let Some(word) = rpc.children.first() else { return Err(Over) };
        if self.has(Trick::SessionLimit) {
            let error = fault("resource-denied", "", "the maximum number of sessions has been reached", None);
            return self.reply(&number, &error).await;
        }
        let reads = word.name == "get-config";
        if ["edit-config", "commit", "discard-changes", "cancel-commit", "copy-config"]
            .contains(&word.name.as_str())
        {
            note(&self.call.device, Kind::Typed, self.call.client, &said(word));
        }
        if reads && let Err(error) = self.call.device.show(self.call.client, "get-config") {
            tracing::error!(device = self.call.device.name, %error, "a simulated device failed to write its ledger");
        }
        if let Some(early) = self.instead(word) {
            return match early {
                Instead::Cut => {
                    self.call.cut.cancel();
                    Err(Over)
                }
                Instead::Silence => self.silence().await,
                Instead::Says(body) => self.reply(&number, &body).await,
            };
        }
        let locked = self.has(Trick::Locked);
        let answer = self.call.netconf.state().obey(self.session, word, locked);
        let body = match answer {
            Answer::Ok => "<ok/>".to_owned(),
            Answer::Data(data) if reads => return self.shows(&number, &data).await,
            Answer::Data(data) => format!("<data>{data}</data>"),
            Answer::Error { tag, path, message, session } => fault(tag, &path, message, session),
            Answer::Goodbye => {
                self.reply(&number, "<ok/>").await?;
                return Err(Over);
            }
            Answer::Runs { running, taken_back } => {
                self.runs(word, &running, taken_back);
                if self.mode() == Mode::DropAfterWrite {
                    self.call.cut.cancel();
                    return Err(Over);
                }
                if self.mode() == Mode::StallAfterWrite {
                    return self.silence().await;
                }
                "<ok/>".to_owned()
            }
        };
        self.reply(&number, &body).await
    }

    /// What this device does instead of what it was asked.
    fn instead(&self, word: &Element) -> Option<Instead> {
        let mode = self.mode();
        let confirms = word.child("persist-id").is_some() && self.call.netconf.state().awaits();
        match word.name.as_str() {
            "edit-config" if mode == Mode::Stall => Some(Instead::Silence),
            "edit-config" if mode == Mode::Half => Some(Instead::Cut),
            "commit" if confirms && self.has(Trick::DropBeforeConfirm) => Some(Instead::Cut),
            "copy-config" if self.has(Trick::DropBeforeConfirm) => Some(Instead::Cut),
            "copy-config" if !self.call.netconf.startup => {
                Some(Instead::Says(fault("operation-not-supported", "", "there is no startup", None)))
            }
            "commit" if matches!(mode, Mode::Reject | Mode::SlowFailure) => {
                Some(Instead::Says(fault("operation-failed", "", "the change is not allowed here", None)))
            }
            "get-config" if mode == Mode::NoRead => {
                Some(Instead::Says(fault("access-denied", "", "not for this user", None)))
            }
            "get-config" if mode == Mode::StuckRead => Some(Instead::Silence),
            _ => None,
        }
    }

    /// Notes what runs, and has it taken back in time.
    fn runs(&self, word: &Element, running: &str, taken_back: Option<(Duration, u64)>) {
        let had = self.call.device.file();
        if had.as_deref() != Some(running.as_bytes()) {
            self.call.device.puts(self.call.client, &said(word), running.as_bytes());
        }
        let Some((patience, number)) = taken_back else { return };
        let (device, netconf, stop) =
            (self.call.device.clone(), self.call.netconf.clone(), self.call.stop.clone());
        tokio::spawn(async move {
            if stop.run_until_cancelled(tokio::time::sleep(patience)).await.is_none() {
                return;
            }
            let back = netconf.state().take_back(number);
            if let Some(running) = back {
                device.takes_back(&running);
            }
        });
    }

    /// The configuration, as this device shows it.
    async fn shows(&mut self, number: &str, data: &str) -> Result<(), Over> {
        let masked = self.has(Trick::Masked).then(|| masked(data));
        let shown = masked.or_else(|| self.has(Trick::Sorted).then(|| sorted(data)));
        let reply = reply(number, &format!("<data>{}</data>", shown.as_deref().unwrap_or(data)));
        let mode = self.mode();
        let framed = self.framer.frame(&reply).to_vec();
        let half = &framed[..framed.len() / 2];
        if mode == Mode::HalfRead {
            self.put(half).await?;
            self.call.cut.cancel();
            return Err(Over);
        }
        if self.has(Trick::Partial) {
            self.put(half).await?;
            return self.silence().await;
        }
        if mode == Mode::Flood {
            self.put(b"\n#4294967295\n").await?;
            loop {
                self.put(&[b'x'; READ_BYTES]).await?;
            }
        }
        let said = self.broken(&reply).unwrap_or(framed);
        self.put(&said).await
    }

    /// `reply` as a device says it that does not frame or write it as it should.
    fn broken(&self, reply: &str) -> Option<Vec<u8>> {
        let chunk = |size: usize| format!("\n#{size}\n{reply}\n##\n").into_bytes();
        if self.has(Trick::LyingChunk) {
            return Some(chunk(reply.len() - 10));
        }
        if self.has(Trick::WrongFraming) {
            return Some(match self.call.netconf.is_new {
                true => format!("{reply}]]>]]>").into_bytes(),
                false => chunk(reply.len()),
            });
        }
        if self.has(Trick::Bomb) {
            return Some(self.framer.frame(BOMB).to_vec());
        }
        if self.has(Trick::Deep) {
            return Some(self.framer.frame(&"<a>".repeat(DEEP)).to_vec());
        }
        (self.mode() == Mode::Garble).then(|| {
            let mut framed = self.framer.frame(reply).to_vec();
            let middle = framed.len() / 2;
            framed[middle] = 0xff;
            framed
        })
    }

    async fn reply(&mut self, number: &str, body: &str) -> Result<(), Over> {
        let framed = self.framer.frame(&reply(number, body)).to_vec();
        self.put(&framed).await
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if matches!(self.mode(), Mode::Slow | Mode::SlowFailure) {
            tokio::time::sleep(self.call.slow_delay).await;
        }
        let piece = if self.has(Trick::OneByte) { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(piece) {
            if self.has(Trick::OneByte) {
                tokio::time::sleep(self.call.slow_delay).await;
            }
            self.stream.write_all(piece).await.map_err(|_| Over)?;
            self.stream.flush().await.map_err(|_| Over)?;
        }
        Ok(())
    }

    /// Says nothing more and hears the rest.
    async fn silence(&mut self) -> Result<(), Over> {
        let mut bytes = vec![0; READ_BYTES];
        while matches!(self.stream.read(&mut bytes).await, Ok(1..)) {}
        Err(Over)
    }
}

/// What a device does instead of its duty.
enum Instead {
    Cut,
    Silence,
    Says(String),
}

/// A word as the ledger names it.
fn said(word: &Element) -> String {
    let of = ["confirmed", "persist-id"].into_iter().find(|part| word.child(part).is_some());
    of.map_or_else(|| word.name.clone(), |part| format!("{} {part}", word.name))
}

/// `data` with stars in the place of every password.
fn masked(data: &str) -> String {
    let mut parts = data.split("<password>");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = |part: &str| part.split_once("</password>").map_or("", |(_, rest)| rest).to_owned();
    parts.fold(first, |shown, part| shown + "<password>****</password>" + &rest(part))
}

/// `data` with the entries of each list sorted by what they begin with.
fn sorted(data: &str) -> String {
    let mut data = parse(&format!("<data>{data}</data>")).map_or_else(|_| Vec::new(), |data| data.children);
    sort(&mut data);
    print(&data, "").to_string()
}

fn sort(siblings: &mut [Element]) {
    let begins = |entry: &Element| entry.children.first().unwrap_or(entry).text.to_string();
    siblings.chunk_by_mut(Element::is_named_as).for_each(|entries| entries.sort_by_key(begins));
    siblings.iter_mut().for_each(|sibling| sort(&mut sibling.children));
}

fn reply(number: &str, body: &str) -> String {
    let mut escaped = String::new();
    escape(&mut escaped, number);
    format!("<rpc-reply xmlns=\"{BASE}\" message-id=\"{escaped}\">{body}</rpc-reply>")
}

fn fault(tag: &str, path: &str, message: &str, session: Option<u64>) -> String {
    let info = session.map(|session| format!("<error-info><session-id>{session}</session-id></error-info>"));
    format!(
        "<rpc-error><error-type>application</error-type><error-tag>{tag}</error-tag>\
         <error-severity>error</error-severity><error-path>{path}</error-path>\
         <error-message>{message}</error-message>{}</rpc-error>",
        info.unwrap_or_default()
    )
}
