//! Pause, resume, promote, abort.

use crate::client::empty_answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::text::one_line;
use crate::words::{full, rollout_state, short};
use switchyard_proto::v1;

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

    /// Ends the rollout for good, after asking a person.
    pub async fn abort(self, session: &mut Session) -> Result<Exit, Failure> {
        let name = short("rollouts", &self.rollout).to_owned();
        let question = format!("Abort {name}? It cannot be resumed");
        if session.may_ask() && !session.globals.yes && !session.confirm(&question) {
            let message = format!("not aborted: the rollout {name} was not touched");
            return Err(Failure::new(Exit::Error, "NOT_AGREED", message));
        }
        self.abort_now(session).await
    }

    steer!(
        /// Ends the rollout for good.
        abort_now,
        abort_rollout,
        AbortRolloutRequest,
        "see what it left: switchyard status {}"
    );
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
