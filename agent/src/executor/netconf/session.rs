//! One NETCONF session with one device: reads, looks, locks and says goodbye; see `write` for the rest.

use super::hello::Abilities;
use super::rpc::{Datastore, Rpc};
use super::secrecy;
use super::trouble;
use super::wire::{CallError, Wire};
use super::xml::{Element, print};
use super::xpath;
use super::{back, compare};
use crate::executor::at_length::at_length;
use crate::executor::device::{Difference, Restored, Running, Session, WriteEnd, Written};
use crate::executor::ssh;
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use futures_util::future::BoxFuture;
use switchyard_shared::digest::of_bytes;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Commit, Probe};

/// The module that knows who else has a session, RFC 6022.
const MONITORING: &str = "ietf-netconf-monitoring";

/// What is said of a device without :startup, RFC 6241 section 8.7.
const NO_STARTUP: &str = "; it is not known to be saved for the next boot, as the device has no :startup to save it to: \
                          look, and save it by hand if it must be";
/// Attributes in which Junos tells at the top of its configuration who wrote it last and when: no part of it.
const OF_THE_COMMIT: [&str; 5] =
    ["commit-seconds", "commit-localtime", "commit-user", "changed-seconds", "changed-localtime"];

/// An open session.
pub struct NetconfSession {
    pub(super) wire: Wire,
    pub(super) abilities: Abilities,
    pub(super) commit: Commit,
    /// The name under which any session of this attempt confirms its commit.
    pub(super) persist: String,
    /// How messages name the device.
    pub(super) place: String,
    pub(super) locked: Vec<Datastore>,
    /// What ran when it was last read, as long as nothing was written since: where it can be saved.
    pub(super) runs: Option<Seen>,
    /// What carries it; absent in tests.
    pub(super) ssh: Option<ssh::Session>,
}

/// What a datastore holds, in short.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// As it was shown.
    text: String,
    /// In whatever order its entries are.
    mark: String,
}

impl Seen {
    fn of(data: &[Element]) -> Self {
        Self { text: of_bytes(print(data, "").as_bytes()), mark: back::mark(data) }
    }

    /// `None` where only the order of entries differs: that may be meaning, and it may be how the device lists them.
    fn is_saved_as(&self, starts: &Self) -> Option<bool> {
        match (self.text == starts.text, self.mark == starts.mark) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

impl NetconfSession {
    async fn read_now(&mut self) -> Result<Running, Failure> {
        self.runs = None;
        let data = self.data(&Rpc::GetConfig).await;
        let data = data.map_err(|error| trouble::failure(error, Phase::Read, &self.place))?;
        if self.commit.save && self.abilities.startup {
            self.runs = Some(Seen::of(&data));
        }
        Ok(Running(print(&data, "")))
    }

    /// Whether it starts with what runs. What was read just before is not read again: the caller gives this the time of one
    /// answer, and of two in a session that has read nothing.
    async fn is_saved_now(&mut self) -> Result<Option<bool>, Failure> {
        if !self.abilities.startup {
            return Ok(None);
        }
        let place = self.place.clone();
        let failed = |error| trouble::failure(error, Phase::Read, &place);
        let runs = match self.runs.clone() {
            Some(runs) => runs,
            None => Seen::of(&self.data(&Rpc::GetConfig).await.map_err(failed)?),
        };
        let starts = self.data(&Rpc::GetStartup).await;
        starts.map(|starts| runs.is_saved_as(&Seen::of(&starts))).map_err(failed)
    }

    /// A datastore as the device shows it.
    pub(super) async fn data(&mut self, which: &Rpc<'_>) -> Result<Vec<Element>, CallError> {
        let mut reply = self.wire.call(which, None).await?;
        let data = reply.children.iter_mut().find(|child| child.name == "data");
        let data = data.ok_or_else(|| CallError::Garbled("find data in its answer".into()))?;
        let mut data = std::mem::take(&mut data.children);
        for element in &mut data {
            element.attributes.retain(|attribute| !OF_THE_COMMIT.contains(&attribute.name.as_str()));
        }
        Ok(data)
    }

    /// Locks what is going to be written: running first, as RFC 6241 appendix E does.
    pub(super) async fn lock_all(&mut self) -> Result<(), CallError> {
        let stores: &[Datastore] = match self.abilities.candidate {
            true => &[Datastore::Running, Datastore::Candidate],
            false => &[Datastore::Running],
        };
        for store in stores.iter().copied() {
            if !self.locked.contains(&store) {
                self.lock(store).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn lock(&mut self, store: Datastore) -> Result<(), CallError> {
        match self.wire.call(&Rpc::Lock(store), None).await {
            Ok(_) => {
                self.locked.push(store);
                Ok(())
            }
            Err(CallError::Refused(mut errors)) => {
                for error in errors.iter_mut().filter(|error| error.is_busy()) {
                    let who = match &error.session {
                        Some(session) => format!("; {}", self.holder(session).await),
                        None => String::new(),
                    };
                    error.message = format!("{}: the lock of {}{who}", error.message, store.name());
                }
                Err(CallError::Refused(errors))
            }
            Err(error) => Err(error),
        }
    }

    /// Who `session` is, as far as the device tells.
    async fn holder(&mut self, session: &str) -> String {
        if session == "0" {
            return "something that is no NETCONF session holds it".into();
        }
        let known = format!("session {session} holds it");
        if !self.abilities.modules.contains_key(MONITORING) {
            return known;
        }
        let Ok(reply) = self.wire.call(&Rpc::Sessions, None).await else { return known };
        let sessions = reply.child("data").and_then(|data| data.child("netconf-state")?.child("sessions"));
        let found = sessions.and_then(|sessions| {
            sessions.children.iter().find(|other| other.text_of("session-id") == session)
        });
        match found {
            Some(other) => {
                let (user, from) = (other.text_of("username"), other.text_of("source-host"));
                format!("session {session} of {user} from {from} holds it")
            }
            None => known,
        }
    }

    async fn look_now(&mut self, probe: &Probe) -> Result<String, Failure> {
        let Probe::NetconfGet { xpath } = probe else {
            let message = format!("{}: NETCONF can look at netconf_get alone", self.place);
            return Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message)
                .with_hint("use a check of another kind, or another transport"));
        };
        if !self.abilities.xpath {
            let message = format!("{} cannot look at an XPath expression: it has no :xpath", self.place);
            return Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message)
                .with_hint("use a check of another kind for this device"));
        }
        let counted = xpath::counted(xpath);
        let xpath = counted.unwrap_or(xpath);
        let modules = self.abilities.modules.iter();
        let used = modules.filter(|(module, _)| xpath.contains(&format!("{module}:")));
        let names = used.map(|(module, namespace)| (module.as_str(), namespace.as_str())).collect();
        let reply = self.wire.call(&Rpc::Get { xpath, names }, None).await;
        let reply = reply.map_err(|error| trouble::failure(error, Phase::Validate, &self.place))?;
        let mut data = reply.child("data").map_or_else(Vec::new, |data| data.children.clone());
        if let Some(path) = counted {
            return Ok(xpath::count(path, &data).to_string());
        }
        secrecy::hide(&mut data);
        Ok(seen(&data))
    }

    async fn close_now(mut self) {
        if !self.wire.is_spent() {
            for store in std::mem::take(&mut self.locked).into_iter().rev() {
                let _ = self.wire.call(&Rpc::Unlock(store), None).await;
            }
            let _ = self.wire.call(&Rpc::Close, None).await;
        }
        drop(self.wire);
        if let Some(ssh) = self.ssh {
            ssh.close().await;
        }
    }
}

/// What was seen: the value itself when there is one alone, else the tree.
fn seen(data: &[Element]) -> String {
    let mut only = match data {
        [only] => only,
        _ => return print(data, "").to_string(),
    };
    loop {
        match &only.children[..] {
            [] => return only.text.to_string(),
            [child] => only = child,
            _ => return print(data, "").to_string(),
        }
    }
}

impl Session for NetconfSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_now())
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let compared = at_length(running.0.len(), || {
            let want = compare::wanted(wanted.reveal())?;
            let have = compare::running(&running.0)?;
            compare::can_be_seen(&have, &want)?;
            Ok(compare::difference(&have, &want, wanted.mode))
        });
        let text = compared.map_err(|why: String| {
            let message = format!("{}: the configuration cannot be used: {why}", self.place);
            Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("correct the template, then plan again")
        })?;
        Ok(Difference { text: text.into() })
    }

    fn alike(&self, one: &Running, other: &Running) -> bool {
        match (compare::running(&one.0), compare::running(&other.0)) {
            (Ok(one), Ok(other)) => back::alike(&one, &other),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
    }

    fn differs_in_order_alone(&self, running: &Running, wanted: &Wanted) -> bool {
        at_length(running.0.len(), || {
            let want = compare::wanted(wanted.reveal());
            let both = want.and_then(|want| Ok((compare::running(&running.0)?, want)));
            both.is_ok_and(|(have, want)| compare::has_in_some_order(&have, &want, wanted.mode))
        })
    }

    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(self.look_now(probe))
    }

    fn prepare(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async {
            let locked = self.lock_all().await;
            locked.map_err(|error| trouble::failure(error, Phase::Validate, &self.place))
        })
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        self.runs = None;
        Box::pin(self.write_now(pass, running, wanted))
    }

    fn confirm<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(self.confirm_now(pass))
    }

    fn cancel<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        self.runs = None;
        Box::pin(async move {
            let persist = &self.persist;
            let told = self.wire.call(&Rpc::Cancel { persist }, Some(pass)).await;
            told.map(|_| ()).map_err(trouble::of_commit)
        })
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        self.runs = None;
        Box::pin(async { self.restore_now(pass, running, before).await.map(|()| Restored::Whole) })
    }

    fn save<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async move {
            if !self.abilities.startup {
                return Ok(());
            }
            self.wire.call(&Rpc::Save, Some(pass)).await.map(|_| ()).map_err(trouble::of_commit)
        })
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        Box::pin(self.is_saved_now())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.close_now())
    }

    /// Some boot with what runs (Junos), and some need a word of their own (IOS XE): no RFC tells which.
    fn save_remark(&self) -> &'static str {
        match self.abilities.startup {
            true => "",
            false => NO_STARTUP,
        }
    }

    fn remark(&self) -> &'static str {
        match (self.commit.confirmed, self.abilities.confirmed_commit, self.abilities.old_confirmed_commit) {
            (true, false, false) => {
                "it cannot take a commit back by itself, so this one was for good at once"
            }
            (true, false, true) => {
                "its confirmed commit ends with its session, so it was committed for good at once"
            }
            (true, true, _) | (false, _, _) => "",
        }
    }
}
