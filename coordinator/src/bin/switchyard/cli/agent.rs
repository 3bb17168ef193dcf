//! `switchyard agent`: list and show agents, let new ones join, take a site from one.

use crate::client::{PAGE_SIZE, all};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::lists;
use crate::session::Session;
use crate::text::{counted, one_line};
use crate::words;
use serde_json::json;
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_shared::id::SiteName;
use switchyard_shared::time::format_duration;

/// List and show agents, let new ones join, take a site from one.
#[derive(Debug, clap::Subcommand)]
pub enum Agent {
    /// List agents
    List,
    /// Show an agent and the results of it that fitted nothing
    Get {
        /// The agent, NAME or agents/NAME
        #[arg(value_name = "AGENT")]
        agent: String,
    },
    /// Tokens by which agents join
    #[command(subcommand)]
    Token(Token),
    /// Take a site from its agent for good, so that another one may join
    #[command(after_help = REBIND)]
    Rebind {
        /// The site
        #[arg(long, value_name = "NAME", value_parser = |text: &str| SiteName::new(text).map_err(|error| error.to_string()))]
        site: SiteName,
        /// Why; it is logged, and shown at every device that was in flight
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
}

const REBIND: &str = "\
For an agent whose machine is lost. It is refused from now on and starts nothing after its lease of 10 s; its
devices in flight are UNKNOWN, and the next agent that joins reads them before anything is written to them.";

/// Tokens by which agents join.
#[derive(Debug, clap::Subcommand)]
pub enum Token {
    /// Make a token that one agent of one site may use once; it is shown only now
    Create {
        /// The site
        #[arg(long, value_name = "NAME", value_parser = |text: &str| SiteName::new(text).map_err(|error| error.to_string()))]
        site: SiteName,
        /// How long it may be used
        #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = super::duration)]
        ttl: Duration,
    },
}

impl Agent {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::List => list(session).await,
            Self::Get { agent } => get(session, &agent).await,
            Self::Rebind { site, reason } => rebind(session, &site, reason).await,
            Self::Token(Token::Create { site, ttl }) => create_token(session, &site, ttl).await,
        }
    }
}

async fn list(session: &mut Session) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let agents = all(async |page_token| {
        let request = v1::ListAgentsRequest { page_size: PAGE_SIZE, page_token };
        let page = api.call(api.agents().list_agents(request)).await?;
        Ok((page.agents, page.next_page_token))
    })
    .await?;
    if session.for_people() {
        let lines = lists::agents(&agents, session.now(), session.width());
        session.list(&lines, "no agents: let one join with switchyard agent token create --site NAME");
    } else {
        session.documents(agents.iter().map(json::agent).collect());
    }
    Ok(Exit::Ok)
}

async fn get(session: &mut Session, agent: &str) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let request = v1::GetAgentRequest { name: words::full("agents", agent) };
    let answer = api.call(api.agents().get_agent(request)).await?;
    if session.for_people() {
        let lines = lists::agents(answer.agent.as_slice(), session.now(), session.width());
        session.list(&lines, "");
        for stray in &answer.stray_results {
            session.say(&lists::stray_result(stray));
        }
    } else {
        session.document(&json::agent_with_strays(&answer));
    }
    Ok(Exit::Ok)
}

async fn rebind(session: &mut Session, site: &SiteName, reason: String) -> Result<Exit, Failure> {
    let question = format!("Take {site} from its agent? That one is refused for good");
    if session.may_ask() && !session.globals.yes && !session.confirm(&question) {
        let message = format!("not unbound: {site} keeps its agent");
        return Err(Failure::new(Exit::Error, "NOT_AGREED", message));
    }
    let request_id = session.request_id();
    let api = session.api().await?;
    let request = v1::RebindSiteRequest { site: site.to_string(), reason, request_id };
    let answer = api.call(api.agents().rebind_site(request)).await?;
    if session.for_people() {
        let former = one_line(&answer.former_agent);
        session.say(&format!("{site} is at epoch {}: {former} is refused from now on", answer.site_epoch));
        if !answer.unknown.is_empty() {
            let count = counted(answer.unknown.len() as u64, "device");
            session.say(&format!("{count} UNKNOWN now, to be read by the next agent"));
        }
        session.note(&format!("let the next one join: switchyard agent token create --site {site}"));
    } else {
        session.document(&json!({
            "site": site.as_str(),
            "site_epoch": answer.site_epoch,
            "former_agent": answer.former_agent,
            "unknown": answer.unknown,
        }));
    }
    Ok(Exit::Ok)
}

async fn create_token(session: &mut Session, site: &SiteName, ttl: Duration) -> Result<Exit, Failure> {
    let request_id = session.request_id();
    let api = session.api().await?;
    let request =
        v1::CreateJoinTokenRequest { site: site.to_string(), ttl: Some(words::to_span(ttl)), request_id };
    let answer = api.call(api.enrollment().create_join_token(request)).await?;
    let expires = words::instant_of(answer.expires_at.as_ref());
    if session.for_people() {
        session.say(&answer.token);
        let until = expires.map(|at| format!(", until {}", at.clock())).unwrap_or_default();
        session.note(&format!(
            "works once, for {}{until} UTC; whoever has it can join as {site}",
            format_duration(ttl)
        ));
        session.note(&format!(
            "use it at {site}: switchyard-agent run --site {site} --coordinator {} --data DIR --join TOKEN",
            api.server()
        ));
    } else {
        session.document(&json!({
            "token": answer.token,
            "site": site.as_str(),
            "expires_at": crate::json::instant(expires),
        }));
    }
    Ok(Exit::Ok)
}
