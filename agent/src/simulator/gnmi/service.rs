//! The four calls of a target, as its fault says, and its ledger.

use super::store::{Done, Store, commit};
use super::{GnmiFault, answer};
use crate::simulator::Kind;
use crate::simulator::device::Device;
use serde_json::Value;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use switchyard_proto::gnmi::g_nmi_server::GNmi;
use switchyard_proto::gnmi::{
    CapabilityRequest, CapabilityResponse, Encoding, GetRequest, GetResponse, SetRequest, SetResponse,
    SubscribeRequest, SubscribeResponse, UpdateResult,
};
use switchyard_proto::gnmi_ext::Commit;
use switchyard_proto::gnmi_ext::commit::Action;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Sets that are remembered.
const TOLD_MAX: usize = 1000;

/// What kind of Set it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A change for good.
    Change,
    /// A change until it is confirmed.
    ChangeUntil,
    /// To make the last one last.
    Confirm,
    /// To make another one last than the one that waits: a question.
    ConfirmNobodys,
    /// To take the last one back.
    Cancel,
    /// Nothing at all.
    Nothing,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) client: SocketAddr,
    pub(super) cut: CancellationToken,
}

/// A target behind its connections.
pub(super) struct Service {
    device: Device,
    login: (String, String),
    state: Mutex<State>,
}

struct State {
    store: Store,
    fault: GnmiFault,
    told: Vec<Told>,
}

impl Service {
    pub(super) fn new(device: Device, store: Store, login: (String, String)) -> Self {
        let state = State { store, fault: GnmiFault::None, told: Vec::new() };
        Self { device, login, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behave(&self, fault: GnmiFault) {
        let mut state = self.state();
        state.fault = fault;
        if matches!(fault, GnmiFault::PendingForAnybody | GnmiFault::LooseIds) {
            state.store.look_away();
        }
        if matches!(fault, GnmiFault::Pending | GnmiFault::PendingForAnybody) {
            state.store.wait_for("change-of-alice");
        }
    }

    pub(super) fn fault(&self) -> GnmiFault {
        self.state().fault
    }

    pub(super) fn told(&self) -> Vec<Told> {
        self.state().told.clone()
    }

    pub(super) fn running(&self) -> Value {
        self.state().store.running().clone()
    }

    pub(super) fn waits(&self) -> bool {
        self.state().store.waits()
    }

    pub(super) fn contact(&self, client: SocketAddr) {
        self.noted(self.device.contact(client));
    }

    fn noted(&self, written: std::io::Result<()>) {
        if let Err(error) = written {
            tracing::error!("failed to write the ledger of {}: {error}", self.device.name);
        }
    }

    fn apply(&self, client: SocketAddr, what: &str, running: &Value) {
        let text = format!("{running:#}\n");
        self.noted(self.device.apply(client, what, text.as_bytes()).map(|_| ()));
    }

    /// Who calls, when the login is the right one.
    fn visitor<T>(&self, request: &Request<T>) -> Result<Visit, Status> {
        let has = |key: &str, value: &str| {
            request.metadata().get(key).is_some_and(|has| has.as_encoded_bytes() == value.as_bytes())
        };
        let visit = request.extensions().get::<Visit>().cloned();
        let visit = visit.ok_or_else(|| Status::internal("a call from nowhere"))?;
        if has("username", &self.login.0) && has("password", &self.login.1) {
            return Ok(visit);
        }
        self.noted(self.device.note(Kind::Refusal, visit.client, "login"));
        Err(Status::unauthenticated("authentication failed"))
    }

    /// Carries a Set out, and says what it did and what is to be done about it.
    fn obey(&self, request: &SetRequest, client: SocketAddr) -> Result<(Done, GnmiFault), Status> {
        let mut state = self.state();
        let fault = state.fault;
        let commit = commit(request);
        let kind = told(request, commit, state.store.waits_for());
        if state.told.len() < TOLD_MAX {
            state.told.push(kind);
        }
        if fault == GnmiFault::Exhausted {
            return Err(Status::resource_exhausted("3 of 3 sessions write already"));
        }
        if fault == GnmiFault::NoExtension && commit.is_some() {
            return Err(Status::unimplemented("extension commit is not known here"));
        }
        if fault == GnmiFault::InvalidExtension && commit.is_some() {
            return Err(Status::invalid_argument("this cannot be read"));
        }
        if fault == GnmiFault::DropBeforeConfirm && kind == Told::Confirm {
            return Ok((Done::Confirmed, fault));
        }
        let before = state.store.running().clone();
        let done = state.store.set(request, commit.filter(|_| fault != GnmiFault::IgnoresExtension));
        match &done {
            Ok(done) if *state.store.running() != before => {
                self.apply(client, &format!("set: {done:?}"), state.store.running());
            }
            Ok(done) => self.noted(self.device.note(Kind::Read, client, &format!("set: {done:?}"))),
            Err(status) => self.noted(self.device.refuse(Kind::Reject, client, status.message(), 0)),
        }
        if fault == GnmiFault::Forgets {
            state.store = Store::new(before);
        }
        match done {
            Err(status) if fault == GnmiFault::Aborts => Err(Status::aborted(status.message())),
            done => Ok((done?, fault)),
        }
    }

    /// Takes a commit back that nobody has confirmed in time.
    async fn wait(self: Arc<Self>, number: u64, patience: Duration, client: SocketAddr) {
        tokio::time::sleep(patience).await;
        let mut state = self.state();
        if state.store.expire(number) {
            self.apply(client, "taken back by itself", state.store.running());
        }
    }
}

fn told(request: &SetRequest, commit: Option<&Commit>, waiting: Option<&str>) -> Told {
    let changes = request.delete.len() + request.replace.len() + request.update.len() > 0;
    match commit.and_then(|commit| commit.action.as_ref()) {
        Some(Action::Confirm(_)) if commit.map(|commit| commit.id.as_str()) != waiting => {
            Told::ConfirmNobodys
        }
        Some(Action::Confirm(_)) => Told::Confirm,
        Some(Action::Cancel(_)) => Told::Cancel,
        Some(Action::Commit(_)) => Told::ChangeUntil,
        Some(Action::SetRollbackDuration(_)) | None if changes => Told::Change,
        Some(Action::SetRollbackDuration(_)) | None => Told::Nothing,
    }
}

/// What an old target says of a path that it did not take after all.
#[expect(deprecated, reason = "old targets still send these")]
fn in_part(request: &SetRequest) -> UpdateResult {
    let path = request.update.first().and_then(|update| update.path.clone());
    UpdateResult { path, message: Some(answer::error(3, "no such leaf")), ..Default::default() }
}

/// The calls of a target.
pub(super) struct Calls(pub(super) Arc<Service>);

#[tonic::async_trait]
impl GNmi for Calls {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

    async fn capabilities(
        &self,
        request: Request<CapabilityRequest>,
    ) -> Result<Response<CapabilityResponse>, Status> {
        let visit = self.0.visitor(&request)?;
        if self.0.state().fault == GnmiFault::SessionLimit {
            return Err(Status::resource_exhausted("3 of 3 sessions are open"));
        }
        self.0.noted(self.0.device.note(Kind::Login, visit.client, &self.0.login.0));
        let encoding =
            if self.0.state().fault == GnmiFault::NoJson { Encoding::Proto } else { Encoding::JsonIetf };
        Ok(Response::new(CapabilityResponse {
            supported_encodings: vec![encoding.into()],
            g_nmi_version: "0.10.0".into(),
            ..Default::default()
        }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let visit = self.0.visitor(&request)?;
        let fault = self.0.state().fault;
        if fault == GnmiFault::Mute {
            std::future::pending::<()>().await;
        }
        if fault == GnmiFault::Forbids {
            return Err(Status::permission_denied("user may not read"));
        }
        if fault == GnmiFault::HalfAnswer {
            visit.cut.cancel();
            return Err(Status::unavailable("gone"));
        }
        self.0.noted(self.0.device.note(Kind::Read, visit.client, "get"));
        if fault == GnmiFault::Turns {
            self.0.state().store.turn();
        }
        answer::get(&self.0.state().store, request.get_ref(), fault).map(Response::new)
    }

    async fn set(&self, request: Request<SetRequest>) -> Result<Response<SetResponse>, Status> {
        let visit = self.0.visitor(&request)?;
        if self.0.state().fault == GnmiFault::DropBeforeWrite {
            visit.cut.cancel();
            return Err(Status::unavailable("gone"));
        }
        let (done, fault) = self.0.obey(request.get_ref(), visit.client)?;
        if let Done::Until(number, patience) = done {
            tokio::spawn(Arc::clone(&self.0).wait(number, patience, visit.client));
        }
        let changes = matches!(done, Done::Changed | Done::Until(..));
        let drops = (fault == GnmiFault::DropAfterWrite && changes)
            || (fault == GnmiFault::DropBeforeConfirm && done == Done::Confirmed);
        if drops {
            visit.cut.cancel();
        }
        if fault == GnmiFault::Breaks && changes {
            return Err(Status::internal("panic in the commit daemon"));
        }
        if fault == GnmiFault::Silent && changes {
            std::future::pending::<()>().await;
        }
        let mut answer = SetResponse::default();
        if fault == GnmiFault::ErrorInPart && changes {
            answer.response.push(in_part(request.get_ref()));
        }
        Ok(Response::new(answer))
    }

    async fn subscribe(
        &self,
        _: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(Status::unimplemented("this target streams nothing"))
    }
}
