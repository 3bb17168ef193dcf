//! `switchyard plan`: what a rollout would do.

use super::spec::{self, SpecArgs};
use crate::client::Api;
use crate::comparing::{Comparison, Ended, compare};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::{diffs, plan};
use crate::session::Session;
use crate::text::counted;
use crate::words::short;
use serde_json::Value;
use switchyard_proto::v1;

/// Show what a rollout would do: has the devices read where they can be, writes to none.
#[derive(Debug, clap::Args)]
pub struct Plan {
    #[command(flatten)]
    spec: SpecArgs,
    /// End with 2 when there are changes and 0 when every device has it already; a device that was not read counts
    /// as a change
    #[arg(long)]
    detailed_exitcode: bool,
    /// Touch no device: do not show how they differ from the plan
    #[arg(long)]
    no_diff: bool,
}

impl Plan {
    /// Plans, shows the plan and what it would change.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let request = spec::request(session, &self.spec)?;
        let api = session.api().await?;
        let made = make(&api, request).await?;
        if session.for_people() {
            show(session, &made);
        }
        let (found, ended) = match self.no_diff || !made.comparable {
            true => (None, Ended::Whole),
            false => {
                session.note(&format!("reading {} …", counted(made.devices.into(), "device")));
                let wanted = (made.name.as_str(), Vec::new());
                let (found, ended) = compare(session, &api, wanted, made.devices, false).await?;
                (Some(found), ended)
            }
        };
        if session.for_people() {
            if let Some(found) = &found {
                session.say_all(&diffs::diffs(found, session.globals.verbose, session.color));
            }
            session.say_all(&plan::next(&made));
        } else {
            let mut document = json::plan(&made);
            document["comparison"] = found.as_ref().map_or(Value::Null, json::comparison);
            session.document(&document);
        }
        let changes = found.as_ref().map_or(made.devices > 0, |found| !found.is_nothing());
        let exit = if self.detailed_exitcode && changes { Exit::Changes } else { Exit::Ok };
        finish(session, (short("plans", &made.name), found.as_ref()), ended, exit)
    }
}

/// Says why not all was read, when that is so, and how the program ends then; else with `exit`.
pub fn finish(
    session: &mut Session,
    (plan, found): (&str, Option<&Comparison>),
    ended: Ended,
    exit: Exit,
) -> Result<Exit, Failure> {
    let unread = found.map_or(0, |found| found.unread);
    let left = counted(unread.into(), "device");
    match ended {
        Ended::Whole if unread == 0 => Ok(exit),
        Ended::Whole => {
            session.warn(&format!("the coordinator stopped with {left} not read; plans/{plan} stands"));
            Ok(Exit::RolloutFailed)
        }
        Ended::TimedOut => {
            session.warn(&format!("--timeout passed with {left} not read; plans/{plan} stands"));
            Ok(Exit::Timeout)
        }
        Ended::Detached => {
            session.warn(&format!("stopped with {left} not read; plans/{plan} stands, nothing was written"));
            Ok(Exit::Interrupted)
        }
        Ended::Lost(failure) => Err(failure),
    }
}

/// Has the coordinator plan.
pub async fn make(api: &Api, request: v1::PlanRolloutRequest) -> Result<v1::Plan, Failure> {
    let answer = api.call(api.rollouts().plan_rollout(request)).await?;
    answer.plan.ok_or_else(|| crate::client::empty_answer("plan"))
}

/// The plan as a result for people.
pub fn show(session: &mut Session, made: &v1::Plan) {
    let lines = plan::plan(made, session.globals.verbose, session.width(), session.color);
    session.say_all(&lines);
}

#[cfg(test)]
mod tests;
