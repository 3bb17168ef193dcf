//! `switchyard apply`: carry out a plan and watch it.

use super::file::FileArgs;
use super::plan;
use super::spec::{self, SpecArgs};
use crate::client::{Api, empty_answer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::document;
use crate::session::Session;
use crate::text::counted;
use crate::view::View;
use crate::watching::{Wish, watch};
use crate::words::{full, short};
use switchyard_proto::v1;

/// Carry out a plan, and watch it.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The plan, NAME or plans/NAME; or a spec file ending in .yaml or .yml
    #[arg(value_name = "PLAN|SPEC", required_unless_present = "file", conflicts_with = "file")]
    plan: Option<String>,
    /// The rollout spec to plan first; - reads it from standard input
    #[arg(short, long, value_name = "SPEC")]
    file: Option<String>,
    /// A variable for the templates; wins over the spec's
    #[arg(long = "var", value_name = "KEY=VALUE")]
    vars: Vec<String>,
    /// Start it and do not watch
    #[arg(long)]
    no_wait: bool,
    /// Stop watching, with 6, as soon as a person is needed
    #[arg(long)]
    exit_on_block: bool,
}

impl Apply {
    /// Plans when given a spec, asks, starts, watches.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let (api, plan) = match self.spec_file() {
            Some(file) => {
                let args = SpecArgs { file: FileArgs::named(file), vars: self.vars.clone() };
                let request = spec::request(session, &args)?;
                let api = session.api().await?;
                let plan = plan::make(&api, request).await?;
                present(session, &plan);
                (api, plan)
            }
            None if !self.vars.is_empty() => {
                return Err(Failure::usage("--var belongs to a spec, and a plan is finished")
                    .hint("plan again: switchyard plan -f SPEC --var KEY=VALUE"));
            }
            None => {
                let api = session.api().await?;
                let plan = api.plan(self.plan.as_deref().unwrap_or_default()).await?;
                (api, plan)
            }
        };
        if !agreed(session, &plan) {
            return Err(Failure::new(Exit::Error, "NOT_AGREED", "not applied: nothing was started")
                .hint(format!("start it later: switchyard apply {}", short("plans", &plan.name))));
        }
        let rollout = start(session, &api, &plan).await?;
        if self.no_wait {
            return Ok(started(session, &rollout));
        }
        let wish = Wish { rollout: rollout.name, since: None, exit_on_block: self.exit_on_block };
        watch(session, &api, &wish).await
    }

    fn spec_file(&self) -> Option<String> {
        let named = self.plan.as_ref().filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
        self.file.as_ref().or(named).cloned()
    }
}

fn present(session: &mut Session, plan: &v1::Plan) {
    if session.globals.quiet {
        return;
    }
    if session.for_people() {
        plan::show(session, plan);
    } else {
        session.note(&format!("planned {}: {}", plan.name, counted(plan.devices.into(), "device")));
    }
}

fn agreed(session: &mut Session, plan: &v1::Plan) -> bool {
    if session.globals.yes || !session.may_ask() {
        return true;
    }
    let devices = counted(plan.devices.into(), "device");
    session.confirm(&format!("Configure {devices} by {}?", short("plans", &plan.name)))
}

async fn start(session: &mut Session, api: &Api, plan: &v1::Plan) -> Result<v1::Rollout, Failure> {
    let request = v1::CreateRolloutRequest {
        plan: full("plans", &plan.name),
        digest: plan.digest.clone(),
        request_id: session.request_id(),
        validate_only: false,
    };
    let answer = api.call(api.rollouts().create_rollout(request)).await?;
    answer.rollout.ok_or_else(|| empty_answer("rollout"))
}

fn started(session: &mut Session, rollout: &v1::Rollout) -> Exit {
    let name = short("rollouts", &rollout.name).to_owned();
    if session.for_people() {
        session.say(&format!("started rollouts/{name}"));
        session.note(&format!("follow it: switchyard watch {name}"));
        session.note(&format!("stop it: switchyard rollout abort {name} --reason WHY"));
    } else {
        let view = View::new(rollout, &[]);
        let now = session.now();
        session.document(&document::document(&view, now));
    }
    Exit::Ok
}
