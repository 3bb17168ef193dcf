//! `switchyard breaker`: look at breakers, open, close and watch them.

mod watch;

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

/// Look at breakers, open, close and watch them.
#[derive(Debug, clap::Subcommand)]
pub enum Breaker {
    /// List every site, and everything else that is not closed: devices, credentials, held groups,
    /// stopped rollouts
    List,
    /// Show one breaker: why, since when, what happens next, who can change it
    Get {
        /// The breaker
        #[arg(value_parser = name)]
        name: Name,
    },
    /// Open a breaker by hand; it refuses work until it is reset
    #[command(after_help = TRIP)]
    Trip(Command),
    /// Close a breaker by hand; what it kept from starting starts again, one device first
    Reset(Command),
    /// Keep a site, device or credential closed whatever the evidence, until it is reset
    ForceClosed(Command),
    /// Follow every breaker that moves; Ctrl-C ends it
    Watch,
}

const TRIP: &str = "\
Examples:
  switchyard breaker trip site/lon --reason \"fibre works\"
  switchyard breaker trip group/os=17.9 --reason \"vendor bug\"   in every rollout of now and later
  switchyard breaker trip rollout/ntp/group/os=17.9 --reason \"looks odd\"
  switchyard breaker trip global --reason \"core outage\"         pauses every rollout

What is in flight and has written nothing is called off and waits again; what has written finishes.";

/// Which breaker, and why.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// site/NAME, device/NAME, credential/SITE/REF, group/KEY=VALUE or global; the last two also behind
    /// rollout/NAME/
    #[arg(value_parser = name)]
    name: Name,
    /// Why; everybody who looks at the breaker reads it
    #[arg(long, value_name = "WHY")]
    reason: String,
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

impl Breaker {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::List => list(session).await,
            Self::Get { name } => get(session, &name).await,
            Self::Trip(command) => trip(session, command).await,
            Self::Reset(command) => reset(session, command).await,
            Self::ForceClosed(command) => force_closed(session, command).await,
            Self::Watch => watch::watch(session).await,
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

async fn get(session: &mut Session, name: &Name) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let request = v1::GetBreakerRequest { name: name.to_string() };
    let answer = api.call(api.breakers().get_breaker(request)).await?;
    let breaker = answer.breaker.ok_or_else(|| empty_answer("breaker"))?;
    if session.for_people() {
        session.say(&lists::breaker(&breaker, session.now()));
    } else {
        session.document(&json::breaker(&breaker));
    }
    Ok(Exit::Ok)
}

async fn trip(session: &mut Session, Command { name, reason }: Command) -> Result<Exit, Failure> {
    let request_id = session.request_id();
    let api = session.api().await?;
    let request = v1::TripBreakerRequest { name: name.to_string(), reason: reason.clone(), request_id };
    let answer = api.call(api.breakers().trip_breaker(request)).await?;
    told(
        session,
        answer.breaker,
        &reason,
        &format!("close it again: switchyard breaker reset {name} --reason WHY"),
    )
}

async fn reset(session: &mut Session, Command { name, reason }: Command) -> Result<Exit, Failure> {
    let request_id = session.request_id();
    let api = session.api().await?;
    let request = v1::ResetBreakerRequest { name: name.to_string(), reason: reason.clone(), request_id };
    let answer = api.call(api.breakers().reset_breaker(request)).await?;
    let next = match &name {
        Name::Global { rollout: None } | Name::Group { rollout: None, .. } => {
            "rollouts that it paused stay paused: see them with: switchyard rollout list; then: switchyard rollout resume NAME"
                .to_owned()
        }
        Name::Site(_) | Name::Device(_) | Name::Credential { .. } | Name::Group { .. } | Name::Global { .. } => {
            format!("open it again: switchyard breaker trip {name} --reason WHY")
        }
    };
    told(session, answer.breaker, &reason, &next)
}

async fn force_closed(session: &mut Session, Command { name, reason }: Command) -> Result<Exit, Failure> {
    let request_id = session.request_id();
    let api = session.api().await?;
    let request = v1::ForceCloseBreakerRequest { name: name.to_string(), reason: reason.clone(), request_id };
    let answer = api.call(api.breakers().force_close_breaker(request)).await?;
    let next =
        format!("nothing protects it now; let it count again: switchyard breaker reset {name} --reason WHY");
    told(session, answer.breaker, &reason, &next)
}

/// An answer whose reason is not the one that was given says more: what it reaches, what stays held.
fn told(
    session: &mut Session,
    breaker: Option<v1::Breaker>,
    given: &str,
    next: &str,
) -> Result<Exit, Failure> {
    let breaker = breaker.ok_or_else(|| empty_answer("breaker"))?;
    if session.for_people() {
        let name = one_line(&breaker.name);
        session.say(&format!("breaker {name} is {}", breaker_state(breaker.state)));
        if breaker.reason != given {
            session.note(&one_line(&breaker.reason));
        }
        session.note(next);
    } else {
        session.document(&json::breaker(&breaker));
    }
    Ok(Exit::Ok)
}
