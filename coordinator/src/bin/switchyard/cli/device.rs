//! `switchyard device`: settle devices of which nobody knows what they have, and see which host keys they show.

mod follow;
mod trust;

use crate::client::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::text::one_line;
use crate::words::{device_state, full};
use switchyard_proto::v1;
use switchyard_proto::v1::reconcile_devices_request::Word as Wire;

/// Settle devices of which nobody knows what they have, and collect their host keys.
#[derive(Debug, clap::Subcommand)]
pub enum Device {
    /// Read devices that are UNKNOWN, or say what they have
    Reconcile(Reconcile),
    /// Collect the SSH host keys that devices show, for you to compare and to pin; logs in to none
    Trust(trust::Trust),
}

const EXAMPLES: &str = "\
Examples:
  switchyard device reconcile dev017                          its agent reads it; waits for what it says
  switchyard device reconcile --all --rollout ntp             every UNKNOWN device of the rollout
  switchyard device reconcile dev017 --as not-applied --reason \"looked at it\"   a person's word

Ends with 0 when every device is settled, 6 when one still needs a person.";

/// Read devices that are UNKNOWN, or say what they have.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Reconcile {
    /// The devices
    #[arg(value_name = "DEVICE", required_unless_present = "all", conflicts_with = "all")]
    devices: Vec<String>,
    /// Every device of the rollout that is UNKNOWN
    #[arg(long, requires = "rollout")]
    all: bool,
    /// The rollout, NAME or rollouts/NAME; without it the one that holds each device
    #[arg(long, value_name = "ROLLOUT")]
    rollout: Option<String>,
    /// What they have: the change (succeeded), a part of it (failed), nothing of it (not-applied)
    #[arg(long = "as", value_enum, value_name = "WORD", requires = "reason")]
    word: Option<Word>,
    /// How you know; everybody who looks at the device reads it
    #[arg(long, value_name = "WHY", default_value = "")]
    reason: String,
    /// Have them read and do not wait for it
    #[arg(long)]
    no_wait: bool,
}

/// What a person found a device to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// The change, whole.
    Succeeded,
    /// A part of it, or something broken.
    Failed,
    /// Nothing of it.
    NotApplied,
}

impl From<Word> for Wire {
    fn from(word: Word) -> Self {
        match word {
            Word::Succeeded => Self::Succeeded,
            Word::Failed => Self::Failed,
            Word::NotApplied => Self::NotApplied,
        }
    }
}

impl Device {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::Reconcile(args) => args.run(session).await,
            Self::Trust(args) => args.run(session).await,
        }
    }
}

impl Reconcile {
    async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        if self.word.is_some() && self.reason.trim().is_empty() {
            return Err(Failure::usage("--as needs --reason: the next operator reads how you know"));
        }
        let request = v1::ReconcileDevicesRequest {
            rollout: self.rollout.as_deref().map(|name| full("rollouts", name)).unwrap_or_default(),
            devices: self.devices.clone(),
            word: self.word.map_or(Wire::Unspecified, Wire::from).into(),
            reason: self.reason.clone(),
            request_id: session.request_id(),
        };
        let api = session.api().await?;
        let answer = api.call(api.rollouts().reconcile_devices(request)).await?;
        if answer.left > 0 {
            session.warn(&format!(
                "{} more are UNKNOWN there: repeat the command for the next ones",
                answer.left
            ));
        }
        let asked = answer.device_results;
        if asked.is_empty() {
            session.note("no device is UNKNOWN there: nothing is to be settled");
        }
        let waits = !self.no_wait && asked.iter().any(follow::is_settling);
        if !waits {
            return Ok(told(session, &asked, self.no_wait));
        }
        self.wait(session, &api, asked).await
    }

    async fn wait(
        self,
        session: &mut Session,
        api: &Api,
        asked: Vec<v1::DeviceResult>,
    ) -> Result<Exit, Failure> {
        session.note("being read by their agents; Ctrl-C leaves them to it");
        match follow::until_settled(session, api, asked).await? {
            follow::Ended::Settled(devices) => Ok(told(session, &devices, false)),
            follow::Ended::TimedOut => {
                session.warn("--timeout passed; the devices are read when their agents can");
                Ok(Exit::Timeout)
            }
            follow::Ended::Detached => {
                session.warn("detached; the devices are read when their agents can");
                Ok(Exit::Interrupted)
            }
        }
    }
}

/// Says what became of the devices: 6 when a person is needed for one, 8 when one is still being read.
fn told(session: &mut Session, devices: &[v1::DeviceResult], may_be_open: bool) -> Exit {
    if session.for_people() {
        for device in devices {
            let (name, state) = (one_line(&device.device), device_state(device.state));
            let why = if device.reason.is_empty() { String::new() } else { format!(": {}", device.reason) };
            session.say(&one_line(&format!("{name} is {state}{why}")));
        }
    } else {
        session.documents(devices.iter().map(json::device_result).collect());
    }
    let needs_person = |device: &v1::DeviceResult| device.doubt.is_some() && !follow::is_settling(device);
    match (devices.iter().any(needs_person), devices.iter().any(follow::is_settling)) {
        (true, _) => Exit::Blocked,
        (false, true) if !may_be_open => Exit::Pending,
        (false, _) => Exit::Ok,
    }
}

#[cfg(test)]
mod tests;
