//! `switchyard agent`: list agents, let new ones join.

use crate::client::{PAGE_SIZE, all};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::lists;
use crate::session::Session;
use crate::words;
use serde_json::json;
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_shared::id::SiteName;
use switchyard_shared::time::format_duration;

/// List agents, let new ones join.
#[derive(Debug, clap::Subcommand)]
pub enum Agent {
    /// List agents
    List,
    /// Tokens by which agents join
    #[command(subcommand)]
    Token(Token),
}

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
