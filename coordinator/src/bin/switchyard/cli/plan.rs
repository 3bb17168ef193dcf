//! `switchyard plan`: what a rollout would do.

use super::spec::{self, SpecArgs};
use crate::client::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::plan;
use crate::session::Session;
use switchyard_proto::v1;

/// Show what a rollout would do; touches no device.
#[derive(Debug, clap::Args)]
pub struct Plan {
    #[command(flatten)]
    spec: SpecArgs,
    /// End with 2 when there are changes; without contact to the devices every planned device may change
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Plan {
    /// Plans and shows the plan.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let request = spec::request(session, &self.spec)?;
        let api = session.api().await?;
        let made = make(&api, request).await?;
        if session.for_people() {
            show(session, &made);
            session.say_all(&plan::next(&made));
        } else {
            session.document(&json::plan(&made));
        }
        Ok(if self.detailed_exitcode && made.devices > 0 { Exit::Changes } else { Exit::Ok })
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
