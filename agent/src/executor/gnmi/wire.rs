//! The three calls of a session, and by which of them a device can be changed: [`Wire::set`] alone, which takes the
//! pass of this attempt's gate.

use super::dial::{Connection, Line};
use super::login::Login;
use super::messages::wire_path;
use super::tree::Names;
use super::trouble::{self, Refusal};
use super::value;
use crate::executor::device::Job;
use crate::executor::snapshots::SNAPSHOT_BYTES_MAX;
use crate::executor::wanted::Redactor;
use crate::executor::{Failure, WritePass};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::gnmi::g_nmi_client::GNmiClient;
use switchyard_proto::gnmi::get_request::DataType;
use switchyard_proto::gnmi::{CapabilityRequest, Encoding, GetRequest, SetRequest, SetResponse};
use switchyard_shared::gnmi_path::Path;
use switchyard_shared::outcome::{Class, Phase};
use tonic::Code;
use tonic::transport::Channel;

/// Largest answer, in bytes: what is larger could not be kept for the way back either.
pub const ANSWER_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX;

/// An open gNMI session.
pub struct Wire {
    client: GNmiClient<Channel>,
    login: Login,
    /// The kind of JSON that the device speaks.
    pub encoding: Encoding,
    /// How messages name the device.
    pub place: String,
    /// The modules that the device says it has.
    pub names: Arc<Names>,
    redactor: Redactor,
    /// Longest wait for the answer to a Set.
    pub patience: Duration,
    /// Whether this attempt may write at all.
    writes: bool,
    line: Line,
}

impl Wire {
    /// Asks the device what it can, which is its first answer.
    pub async fn open(connection: Connection, login: Login, job: &Job<'_>) -> Result<Self, Failure> {
        let place = super::place(job);
        let mut client = GNmiClient::new(connection.channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        let answer = client.capabilities(login.with(CapabilityRequest::default())).await;
        match &answer {
            Ok(_) => job.context.answered(true),
            Err(status) if status.code() == Code::Unauthenticated => job.context.answered(false),
            Err(_) => {}
        }
        let redactor = job.redactor.clone();
        let abilities = answer.map_err(|status| {
            trouble::failure(&Refusal::of(&status, &redactor), Phase::Authenticate, &place)
        })?;
        let abilities = abilities.into_inner();
        let speaks = |encoding: Encoding| abilities.supported_encodings.contains(&encoding.into());
        let encoding = match (speaks(Encoding::JsonIetf), speaks(Encoding::Json)) {
            (true, _) => Encoding::JsonIetf,
            (false, true) => Encoding::Json,
            (false, false) => {
                let message = format!("{place} speaks no JSON over gNMI: neither JSON_IETF nor JSON");
                return Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
                    .with_hint("nothing was written; choose another transport for this device"));
            }
        };
        let patience = job.task.timeouts.command;
        let writes = job.task.purpose.writes();
        let names = Arc::new(Names::new(abilities.supported_models.into_iter().map(|model| model.name)));
        Ok(Self { client, login, encoding, place, names, redactor, patience, writes, line: connection.line })
    }

    /// What stands at `path`, as a tree from the root.
    pub async fn get(&mut self, path: &Path, kind: DataType, phase: Phase) -> Result<Value, Failure> {
        let request = GetRequest {
            path: vec![wire_path(path)],
            r#type: kind.into(),
            encoding: self.encoding.into(),
            ..Default::default()
        };
        let answer = self.client.get(self.login.with(request)).await;
        let answer = answer
            .map_err(|status| trouble::failure(&Refusal::of(&status, &self.redactor), phase, &self.place))?;
        let (answer, names) = (answer.into_inner(), self.names.clone());
        #[expect(deprecated, reason = "old devices still send these")]
        if let Some(refusal) = answer.error.as_ref().and_then(|error| Refusal::within(error, &self.redactor))
        {
            return Err(trouble::failure(&refusal, phase, &self.place));
        }
        let is_empty = answer.notification.iter().all(|notification| notification.update.is_empty());
        if is_empty && path.elems.is_empty() {
            return Err(trouble::odd("no configuration stands at all", phase, &self.place));
        }
        // A device may say it leaf by leaf, which is work.
        let reading = tokio::task::spawn_blocking(move || value::tree(answer, &names)).await;
        let tree = reading.unwrap_or_else(|_| Err("something stands that cannot be read".to_owned()));
        tree.map_err(|why| trouble::odd(&why, phase, &self.place))
    }

    /// Ends the session as HTTP/2 has it.
    pub async fn close(self) {
        drop(self.client);
        self.line.end().await;
    }

    /// Changes the device, all of `request` or nothing. No other call can.
    pub async fn set(&mut self, _: &WritePass, request: SetRequest) -> Result<(), Refusal> {
        if !self.writes {
            return Err(Refusal::not_sent("this attempt only reads"));
        }
        let setting = self.client.set(self.login.with(request));
        match tokio::time::timeout(self.patience, setting).await {
            Ok(Ok(answer)) => all_good(answer.into_inner(), &self.redactor),
            Ok(Err(status)) => Err(Refusal::of(&status, &self.redactor)),
            Err(_) => Err(Refusal::silent(self.patience)),
        }
    }
}

/// A status that is good must not hide an error of a part (gNMI specification §3.4.7, as it was until 0.4).
#[expect(deprecated, reason = "old devices still send these")]
fn all_good(answer: SetResponse, redactor: &Redactor) -> Result<(), Refusal> {
    let prefix = answer.prefix.unwrap_or_default();
    let of_parts = answer.response.into_iter().filter_map(|part| Some((part.path, part.message?)));
    let mut errors = of_parts.chain(answer.message.map(|message| (None, message)));
    let refused = errors.find_map(|(path, error)| Some((path, Refusal::within(&error, redactor)?)));
    let Some((path, refusal)) = refused else { return Ok(()) };
    let place = path.and_then(|path| value::joined(&prefix, &path).ok());
    Err(refusal.accepted(&place.map_or_else(|| "all of it".to_owned(), |place| place.to_string())))
}
