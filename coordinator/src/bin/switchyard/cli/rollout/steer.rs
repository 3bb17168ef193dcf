//! Pause, resume, promote, abort.

use crate::client::empty_answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::text::{counted, one_line};
use crate::words::{full, rollout_state, short};
use switchyard_proto::v1;

/// Devices that one line names.
const NAMED_MAX: usize = 10;

/// Which rollout, and why.
#[derive(Debug, clap::Args)]
pub struct Steer {
    /// The rollout: NAME or rollouts/NAME
    rollout: String,
    /// Why; everybody who looks at the rollout reads it
    #[arg(long, value_name = "WHY", default_value = "")]
    reason: String,
    /// Only if the rollout still carries this etag
    #[arg(long, value_name = "ETAG", default_value = "")]
    etag: String,
}

macro_rules! steer {
    ($(#[$doc:meta])* $verb:ident, $method:ident, $request:ident, $next:expr) => {
        $(#[$doc])*
        pub async fn $verb(self, session: &mut Session) -> Result<Exit, Failure> {
            let request_id = session.request_id();
            let api = session.api().await?;
            let Self { rollout, reason, etag } = self;
            let request = v1::$request { name: full("rollouts", &rollout), reason, etag, request_id };
            let answer = api.call(api.rollouts().$method(request)).await?;
            let rollout = answer.rollout.ok_or_else(|| empty_answer("rollout"))?;
            Ok(told(session, &rollout, $next))
        }
    };
}

impl Steer {
    steer!(
        /// Hands out no new device.
        pause,
        pause_rollout,
        PauseRolloutRequest,
        "go on: switchyard rollout resume {}"
    );
    steer!(
        /// Hands out devices again.
        resume,
        resume_rollout,
        ResumeRolloutRequest,
        "follow it: switchyard watch {}"
    );
    steer!(
        /// Ends the wait after a wave.
        promote,
        promote_rollout,
        PromoteRolloutRequest,
        "follow it: switchyard watch {}"
    );
}

/// Which rollout to end, and whether to wait for what is in flight.
#[derive(Debug, clap::Args)]
pub struct Abort {
    #[command(flatten)]
    steer: Steer,
    /// Stop waiting for devices in flight whose agent is not connected: they are UNKNOWN from then on
    #[arg(long, requires = "reason")]
    force: bool,
}

impl Abort {
    /// Ends the rollout for good, after asking a person.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let Self { steer: Steer { rollout, reason, etag }, force } = self;
        let name = short("rollouts", &rollout).to_owned();
        if force && reason.trim().is_empty() {
            return Err(Failure::usage("--force needs --reason: whoever settles the devices reads it"));
        }
        let question = format!("Abort {name}? It cannot be resumed");
        if session.may_ask() && !session.globals.yes && !session.confirm(&question) {
            let message = format!("not aborted: the rollout {name} was not touched");
            return Err(Failure::new(Exit::Error, "NOT_AGREED", message));
        }
        let request_id = session.request_id();
        let api = session.api().await?;
        let request =
            v1::AbortRolloutRequest { name: full("rollouts", &name), reason, etag, request_id, force };
        let answer = api.call(api.rollouts().abort_rollout(request)).await?;
        let rollout = answer.rollout.ok_or_else(|| empty_answer("rollout"))?;
        let exit = told(session, &rollout, "see what it left: switchyard status {}");
        if force && session.for_people() {
            given_up(session, &name, &answer.given_up, &rollout);
        }
        Ok(exit)
    }
}

/// Says what is no longer waited for, and what still is.
fn given_up(session: &mut Session, name: &str, devices: &[String], rollout: &v1::Rollout) {
    let in_flight = rollout.counts.as_ref().map_or(0, |counts| counts.running);
    if devices.is_empty() {
        session.note("no agent of a device in flight is away: nothing was given up");
    } else {
        let shown: Vec<String> = devices.iter().take(NAMED_MAX).map(|device| one_line(device)).collect();
        let more = devices.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let count = counted(devices.len() as u64, "device");
        session.say(&format!("{count} UNKNOWN now, no longer waited for: {}{more}", shown.join(", ")));
        session.note(&format!(
            "settle them: switchyard device reconcile --all --rollout {name}; without their agents, say what they \
             have: … --as succeeded|failed|not-applied --reason WHY"
        ));
    }
    if in_flight > 0 {
        let count = counted(in_flight.into(), "device");
        session.note(&format!(
            "{count} still in flight at agents that are connected: they report by themselves"
        ));
    }
}

fn told(session: &mut Session, rollout: &v1::Rollout, next: &str) -> Exit {
    if session.for_people() {
        let name = one_line(short("rollouts", &rollout.name));
        session.say(&format!("rollouts/{name} is {}", rollout_state(rollout.state)));
        session.note(&next.replace("{}", &name));
    } else {
        session.document(&json::rollout(rollout));
    }
    Exit::Ok
}
