//! `switchyard plans`: the plans that are stored.

use crate::client::{PAGE_SIZE, all};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::{lists, plan};
use crate::session::Session;
use switchyard_proto::v1;

/// List and show plans.
#[derive(Debug, clap::Subcommand)]
pub enum Plans {
    /// List plans, newest first
    List,
    /// Show a plan with the head of every configuration
    Get {
        /// The plan: NAME or plans/NAME
        plan: String,
    },
}

impl Plans {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let api = session.api().await?;
        match self {
            Self::List => {
                let plans = all(async |page_token| {
                    let request = v1::ListPlansRequest { page_size: PAGE_SIZE, page_token };
                    let page = api.call(api.rollouts().list_plans(request)).await?;
                    Ok((page.plans, page.next_page_token))
                })
                .await?;
                if session.for_people() {
                    let lines = lists::plans(&plans, session.now(), session.width());
                    session.list(&lines, "no plans: make one with switchyard plan -f SPEC");
                } else {
                    session.documents(plans.iter().map(json::plan).collect());
                }
            }
            Self::Get { plan: name } => {
                let found = api.plan(&name).await?;
                if session.for_people() {
                    let lines = plan::plan(&found, true, session.width(), session.color);
                    session.say_all(&lines);
                    session.say_all(&plan::next(&found));
                } else {
                    session.document(&json::plan(&found));
                }
            }
        }
        Ok(Exit::Ok)
    }
}
