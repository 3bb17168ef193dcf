//! RESTCONF, RFC 8040, over JSON, RFC 7951: one session with one device.

mod back;
mod compare;
mod discover;
mod entries;
mod write;

use super::json::{self, Tree};
use super::wire::{Ask, CallError, Place, Wire};
use crate::executor::at_length::at_length;
use crate::executor::device::{Difference, Job, Restored, Running, Session, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass, json_order};
use crate::http_client::Reply;
use futures_util::future::BoxFuture;
use hyper::header::{CONTENT_TYPE, ETAG};
use serde_json::Value;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Probe;

/// What is understood and sent, RFC 8040 section 3.2.
const YANG_JSON: &str = "application/yang-data+json";
/// What devices answer that are older than the RFC, or do not care.
const ANSWERED: [&str; 3] = [YANG_JSON, "application/yang.data+json", "application/json"];
/// What an answer may be named after its top.
const TOPS: [&str; 2] = ["ietf-restconf:data", "data"];

/// An open session.
pub(super) struct RestconfSession {
    pub(super) wire: Wire,
    /// Where the API begins, without a slash at its end.
    pub(super) root: String,
    /// Of the datastore as it was last read, RFC 8040 section 3.4.1.2.
    pub(super) tag: Option<String>,
    /// Whether many changes can go in one request, RFC 8072.
    pub(super) yang_patch: bool,
    /// Whether it says that it has a startup configuration.
    pub(super) startup: bool,
    /// The name of a patch.
    pub(super) patch_id: String,
    /// Whether a commit that awaits its confirmation was asked for.
    pub(super) confirmed: bool,
}

/// Finds the API of a device and logs in.
pub(super) async fn begin(wire: Wire, job: &Job<'_>) -> Result<RestconfSession, Failure> {
    let mut session = RestconfSession {
        wire,
        root: discover::FALLBACK.to_owned(),
        tag: None,
        yang_patch: false,
        startup: false,
        patch_id: job.task.op.to_string(),
        confirmed: job.procedure.commit.confirmed,
    };
    let found = discover::find(&mut session).await;
    match &found {
        Ok(true) => job.context.answered(true),
        Err(failure) if failure.class == Class::AuthFailed => job.context.answered(false),
        Ok(false) | Err(_) => {}
    }
    found.map(|_| session)
}

impl RestconfSession {
    /// Reads what is at `path` below the API.
    async fn get(&mut self, path: &str) -> Result<Reply, CallError> {
        let place = Place { path, accept: YANG_JSON, only_if: None };
        self.wire.send(&Ask::Get, place, None).await
    }

    async fn read_now(&mut self) -> Result<Running, Failure> {
        self.read_tree().await.map(|tree| Running(json::print(&tree)))
    }

    /// All configuration, and the tag that it has.
    async fn read_tree(&mut self) -> Result<Tree, Failure> {
        let path = format!("{}/data?content=config", self.root);
        let reply = self.get(&path).await;
        let reply = reply.map_err(|error| self.wire.failed(&error, Phase::Read))?;
        self.tag = None;
        let tree = match reply.status {
            204 => Tree::new(),
            200 => self.tree_of(&reply, &path)?,
            _ => return Err(self.wire.refused(&reply, Phase::Read, &path)),
        };
        let tag = reply.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        // A weak tag never matches, RFC 9110 section 13.1.1.
        self.tag = tag.filter(|tag| !tag.starts_with("W/")).map(str::to_owned);
        Ok(tree)
    }

    fn tree_of(&self, reply: &Reply, path: &str) -> Result<Tree, Failure> {
        self.must_be_json(reply, path)?;
        let strange = |why: String| {
            let message = format!("{}: failed to understand its answer to GET {path}: {why}", self.place());
            Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(
                "nothing was written; see what the device answers, and whether its software has a fix",
            )
        };
        let text = std::str::from_utf8(&reply.body).map_err(|_| strange("it is not UTF-8".into()))?;
        let value: Value = serde_json::from_str(text).map_err(|error| strange(error.to_string()))?;
        let Value::Object(mut top) = value else {
            return Err(strange(format!("it is {}, not an object", json::kind(&value))));
        };
        let wrapped = TOPS.iter().find_map(|name| top.remove(*name));
        match wrapped {
            Some(data @ Value::Object(_)) => {
                json::tree(&data.to_string()).map_err(|why| strange(format!("failed to {why}")))
            }
            Some(other) => Err(strange(format!("its data are {}, not an object", json::kind(&other)))),
            None => Err(strange("there are no data in it".into())),
        }
    }

    fn must_be_json(&self, reply: &Reply, path: &str) -> Result<(), Failure> {
        let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
        let bare = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if ANSWERED.contains(&bare.as_str()) {
            return Ok(());
        }
        let message = format!("{} answers GET {path} with {kind:?} instead of {YANG_JSON}", self.place());
        Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
            .with_hint("nothing was written; turn JSON on for RESTCONF at the device, or correct the port"))
    }

    fn place(&self) -> &str {
        self.wire.place()
    }
}

impl Session for RestconfSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_now())
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let compared = at_length(running.0.len(), || {
            let failed_to = |why: String| format!("failed to {why}");
            let want = compare::wanted(wanted.reveal(), wanted.mode).map_err(failed_to)?;
            let have = compare::running(&running.0).map_err(failed_to)?;
            compare::can_be_seen(&have, &want)?;
            Ok(compare::difference(&have, &want, wanted.mode))
        });
        let text = compared.map_err(|why: String| {
            let message = format!("{}: the configuration cannot be used: {why}", self.place());
            Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("correct the template, then plan again")
        })?;
        Ok(Difference { text: text.into() })
    }

    fn alike(&self, one: &Running, other: &Running) -> bool {
        json_order::alike(&one.0, &other.0)
    }

    fn differs_in_order_alone(&self, running: &Running, wanted: &Wanted) -> bool {
        let want = compare::wanted(wanted.reveal(), wanted.mode);
        let both = want.and_then(|want| Ok((compare::running(&running.0)?, want)));
        both.is_ok_and(|(have, want)| compare::has_in_some_order(&have, &want, wanted.mode))
    }

    fn redact(&self, text: &str) -> String {
        crate::executor::json_secrecy::redact(text)
    }

    fn look<'a>(&'a mut self, _: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async {
            let message = format!("{}: this check cannot be made over RESTCONF", self.place());
            Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message)
                .with_hint("use a check of kind http or tcp, or another transport"))
        })
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(self.write_now(pass, running, wanted))
    }

    fn confirm<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn cancel<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Err(WriteEnd::NotSent("RESTCONF takes nothing back by itself".into())) })
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(async { self.restore_now(pass, running, before).await.map(|()| Restored::Whole) })
    }

    /// Nothing is said: a device with a startup configuration keeps every edit in it by itself, RFC 8040 section 1.4.
    fn save<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        Box::pin(async { Ok(self.startup.then_some(true)) })
    }

    fn save_remark(&self) -> &'static str {
        match self.startup {
            true => "",
            false => {
                "; it is not known to be saved for the next boot, as the device does not say that it has :startup: look, and \
                 save it by hand if it must be"
            }
        }
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn remark(&self) -> &'static str {
        if self.confirmed {
            "RESTCONF has no commit that takes itself back, so this one was for good at once"
        } else {
            ""
        }
    }
}
