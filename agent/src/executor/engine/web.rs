//! Checks that ask a web server or a Prometheus, from the agent and without any login.

use super::limits::{NoAnswer, in_time};
use crate::executor::wanted::Redactor;
use crate::executor::{Failure, json_secrecy};
use crate::http_client::{Connection, Reply, tls};
use crate::secrets::Secrets;
use hyper::header::{ACCEPT, HOST, USER_AGENT};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use tokio::net::TcpStream;

/// Largest answer of a check, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest quotation of an answer, in characters.
const QUOTED_CHARS_MAX: usize = 120;

/// What a check asks with.
pub(super) struct Asking<'a> {
    /// Hides what must not be quoted.
    pub(super) redactor: &'a Redactor,
    /// Where the CAs are.
    pub(super) secrets: &'a Secrets,
    /// Which of them may have signed the server's certificate; those of the system if none is named.
    pub(super) ca_ref: Option<&'a str>,
    /// How long all of it may take.
    pub(super) limit: Duration,
}

impl Asking<'_> {
    async fn trusted(&self) -> Result<Arc<ClientConfig>, String> {
        let Some(reference) = self.ca_ref else { return tls::trust_file(None).await };
        let pem = self.secrets.value(reference).await;
        let pem = pem.map_err(|error| format!("{reference}: failed to {error}"))?;
        tls::trust(pem.reveal().as_bytes()).map_err(|why| format!("{reference} {why}"))
    }
}

/// The body of what `url` answers with `status`.
pub(super) async fn http(url: &str, status: u16, asking: &Asking<'_>) -> Result<String, Failure> {
    let reply = get(url, asking).await.map_err(|no| unanswered(&no, &format!("failed to GET {url}")))?;
    if reply.status != status {
        let words = quoted(&String::from_utf8_lossy(&reply.body), asking.redactor);
        return Err(failure(format!("{url} answers with status {}, not {status}{words}", reply.status)));
    }
    text(&reply).map_err(|why| failure(format!("{url} {why}")))
}

/// The one value that `query` gives now at the Prometheus at `url`.
pub(super) async fn prometheus(url: &str, query: &str, asking: &Asking<'_>) -> Result<String, Failure> {
    let place = format!("{}/api/v1/query?query={}", url.trim_end_matches('/'), escaped(query));
    let reply = get(&place, asking).await.map_err(|no| unanswered(&no, &format!("failed to ask {url}")))?;
    let body = text(&reply).map_err(|why| failure(format!("{url} {why}")))?;
    let answer: Value = serde_json::from_str(&body).map_err(|_| {
        let words = quoted(&body, asking.redactor);
        failure(format!("{url} is no Prometheus: it answers with status {}{words}", reply.status))
    })?;
    value(&answer, asking.redactor).map_err(|why| failure(format!("the query {query} at {url} {why}")))
}

/// The one value of an answer; the error goes on after what was asked.
fn value(answer: &Value, redactor: &Redactor) -> Result<String, String> {
    if answer["status"] != "success" {
        let why = answer["error"].as_str().filter(|why| !why.is_empty()).unwrap_or("no reason");
        return Err(format!("was refused{}", quoted(why, redactor)));
    }
    let (kind, result) = (&answer["data"]["resultType"], &answer["data"]["result"]);
    let sample = match (kind.as_str(), result.as_array()) {
        (Some("scalar"), Some(_)) => result,
        (Some("vector"), Some(series)) => match &series[..] {
            [only] => &only["value"],
            [] => return Err("gives nothing: no series matches".into()),
            many => return Err(format!("gives {} series: make it one, with max() or sum()", many.len())),
        },
        (kind, _) => return Err(format!("gives a {}, not one value", kind.unwrap_or("strange answer"))),
    };
    sample[1].as_str().map(str::to_owned).ok_or_else(|| "gives a value that is no text".to_owned())
}

fn failure(message: String) -> Failure {
    Failure::new(Class::PrecheckFailed, Phase::Validate, message)
        .with_hint("ask it by hand from the agent's machine, then correct the check or what it looks at")
}

/// There is no answer: nothing was learned of what was to be seen.
fn unanswered(no: &NoAnswer, failed_to: &str) -> Failure {
    Failure { class: no.class(), ..failure(format!("{failed_to}: {}", no.why)) }
}

async fn get(url: &str, asking: &Asking<'_>) -> Result<Reply, NoAnswer> {
    in_time(asking.limit, get_now(url, asking)).await
}

async fn get_now(url: &str, asking: &Asking<'_>) -> Result<Reply, NoAnswer> {
    let uri: hyper::Uri = url.parse().map_err(|_| "it is no address".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it is no address".to_owned().into());
    };
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    let request = hyper::Request::builder()
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, authority.as_str())
        .header(USER_AGENT, "switchyard-agent")
        .header(ACCEPT, "*/*")
        .body(Default::default())
        .map_err(|error| error.to_string())?;
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    let connection = match scheme {
        "https" => {
            let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
            let stream = tls::connect(stream, asking.trusted().await?, name).await;
            Connection::over(stream.map_err(|failure| failure.to_string())?).await
        }
        _ => Connection::over(stream).await,
    };
    let mut connection = connection.map_err(|error| error.to_string())?;
    connection.ask(request, ANSWER_BYTES_MAX).await.map_err(|error| error.to_string().into())
}

fn text(reply: &Reply) -> Result<String, String> {
    String::from_utf8(reply.body.to_vec()).map_err(|_| "answers with what is no UTF-8 text".into())
}

/// The first words of a text, after a colon, without secrets.
fn quoted(text: &str, redactor: &Redactor) -> String {
    let text = json_secrecy::shown(text, redactor);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let cut: String = line.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect();
    if cut.is_empty() { cut } else { format!(": {cut}") }
}

/// `text` in a query of an address.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
#[path = "web/tests.rs"]
mod tests;
