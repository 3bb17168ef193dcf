//! `switchyard breaker`: list, trip and reset breakers.

use crate::client::{PAGE_SIZE, all, empty_answer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::lists;
use crate::session::Session;
use crate::text::one_line;
use crate::words::breaker_state;
use switchyard_proto::v1;
use switchyard_shared::breaker::Name;

/// List, trip and reset breakers.
#[derive(Debug, clap::Subcommand)]
pub enum Breaker {
    /// List breakers; closed ones of devices are left out
    List,
    /// Open a breaker by hand; it refuses work until it is reset
    Trip(Command),
    /// Close a breaker by hand
    Reset(Command),
}

/// Which breaker, and why.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// The breaker: site/NAME or device/NAME
    #[arg(value_parser = |text: &str| Name::parse(text).map_err(|error| error.to_string()))]
    name: Name,
    /// Why; everybody who looks at the breaker reads it
    #[arg(long, value_name = "WHY")]
    reason: String,
}

impl Breaker {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::List => list(session).await,
            Self::Trip(Command { name, reason }) => {
                let request_id = session.request_id();
                let api = session.api().await?;
                let request = v1::TripBreakerRequest { name: name.to_string(), reason, request_id };
                let answer = api.call(api.breakers().trip_breaker(request)).await?;
                told(session, answer.breaker, "close it again: switchyard breaker reset")
            }
            Self::Reset(Command { name, reason }) => {
                let request_id = session.request_id();
                let api = session.api().await?;
                let request = v1::ResetBreakerRequest { name: name.to_string(), reason, request_id };
                let answer = api.call(api.breakers().reset_breaker(request)).await?;
                told(session, answer.breaker, "open it again: switchyard breaker trip")
            }
        }
    }
}

async fn list(session: &mut Session) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let breakers = all(async |page_token| {
        let request = v1::ListBreakersRequest { page_size: PAGE_SIZE, page_token };
        let page = api.call(api.breakers().list_breakers(request)).await?;
        Ok((page.breakers, page.next_page_token))
    })
    .await?;
    if session.for_people() {
        let lines = lists::breakers(&breakers, session.now(), session.width());
        session.list(&lines, "no breakers: no site has been worked at yet");
    } else {
        session.documents(breakers.iter().map(json::breaker).collect());
    }
    Ok(Exit::Ok)
}

fn told(session: &mut Session, breaker: Option<v1::Breaker>, next: &str) -> Result<Exit, Failure> {
    let breaker = breaker.ok_or_else(|| empty_answer("breaker"))?;
    if session.for_people() {
        let name = one_line(&breaker.name);
        session.say(&format!("breaker {name} is {}", breaker_state(breaker.state)));
        session.note(&format!("{next} {name} --reason WHY"));
    } else {
        session.document(&json::breaker(&breaker));
    }
    Ok(Exit::Ok)
}
