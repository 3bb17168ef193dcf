//! The wire of a simulated HTTP device: connections, logins, notes, faults.

use super::{Answered, Asked, HttpFault, NOTED_MAX, Noted, State, lock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Largest body that is taken, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of an endless answer that come at once.
const ENDLESS_BYTES: usize = 64 * 1024;
/// Most connections at once; more are closed.
const CONNECTIONS_MAX: usize = 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves with the certificate in `tls`, or, where another device has taken its place, with that in `other`.
pub(super) async fn serve(
    listener: TcpListener,
    (tls, other): (Option<Arc<ServerConfig>>, Option<Arc<ServerConfig>>),
    state: Arc<Mutex<State>>,
) {
    let mut serving = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while serving.try_join_next().is_some() {}
        if serving.len() >= CONNECTIONS_MAX {
            continue;
        }
        let tls = {
            let mut state = lock(&state);
            state.connections += 1;
            if let HttpFault::Replaced(after) = state.fault
                && state.connections > after
            {
                other.clone()
            } else {
                tls.clone()
            }
        };
        let state = state.clone();
        serving.spawn(async move {
            let service = service_fn(move |request| answer(request, state.clone()));
            let server = http1::Builder::new();
            match tls {
                None => {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                }
                Some(config) => {
                    if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                        let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    }
                }
            }
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(io::Error::other)?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let asked = Asked {
        method: &head.method,
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()),
        kind: text(CONTENT_TYPE).unwrap_or_default(),
        only_if: text(IF_MATCH),
        body: &body,
    };
    let fault = lock(&state).fault.clone().at(asked.path, asked.body);
    if fault == HttpFault::Silent {
        std::future::pending::<()>().await;
    }
    if let HttpFault::Late(time) = fault {
        tokio::time::sleep(time).await;
    }
    if let HttpFault::Slow(time) = fault
        && lock(&state).persona.writes(&asked)
    {
        tokio::time::sleep(time).await;
    }
    let answered = decide(&mut lock(&state), &asked, &head.headers, &fault);
    if fault == HttpFault::SilentAfterWrite && lock(&state).persona.writes(&asked) {
        std::future::pending::<()>().await;
    }
    Ok(dressed(answered.ok_or(io::ErrorKind::ConnectionAborted)?, &fault))
}

/// Notes the request and carries it out; `None` closes the connection.
fn decide(state: &mut State, asked: &Asked<'_>, headers: &HeaderMap, fault: &HttpFault) -> Option<Answered> {
    let writes = state.persona.writes(asked);
    if state.ledger.len() >= NOTED_MAX {
        state.ledger.remove(0);
    }
    state.ledger.push(Noted {
        method: asked.method.to_string(),
        path: asked.path.to_owned(),
        body: asked.body.to_owned(),
        writes,
    });
    let (user, password) = &state.login;
    let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    if headers.get(AUTHORIZATION).is_none_or(|login| login.as_bytes() != wanted.as_bytes()) {
        return Some(Answered { status: 401, ..Answered::default() });
    }
    let only = |status| Some(Answered { status, ..Answered::default() });
    match fault {
        HttpFault::Status(status) => only(*status),
        HttpFault::Words(status, words) => {
            Some(Answered { status: *status, body: words.clone(), ..Answered::default() })
        }
        HttpFault::Redirect(_) => only(308),
        HttpFault::RefusesWrites(status) if writes => only(*status),
        HttpFault::Locked(who) if writes => Some(super::restconf::locked(who)),
        HttpFault::DropAfterWrite if writes => {
            state.persona.answer(asked);
            None
        }
        HttpFault::RefusesWritesSaying(status, words) if writes => {
            Some(Answered { status: *status, body: words.clone(), ..Answered::default() })
        }
        HttpFault::FailAfterWrite(status) if writes => {
            state.persona.answer(asked);
            only(*status)
        }
        HttpFault::Says(text) if !writes => {
            let answered = state.persona.answer(asked);
            let is_json = answered.status == 200 && answered.kind.contains("json");
            Some(if is_json { Answered { body: text.clone(), ..answered } } else { answered })
        }
        HttpFault::ChangedMeanwhile if !writes => {
            let answered = state.persona.answer(asked);
            state.persona.meddle();
            Some(answered)
        }
        HttpFault::None
        | HttpFault::RefusesWrites(_)
        | HttpFault::RefusesWritesSaying(..)
        | HttpFault::Locked(_)
        | HttpFault::DropAfterWrite
        | HttpFault::FailAfterWrite(_)
        | HttpFault::Says(_)
        | HttpFault::ChangedMeanwhile
        | HttpFault::HalfAnswer
        | HttpFault::EndlessBody
        | HttpFault::Silent
        | HttpFault::SilentAfterWrite
        | HttpFault::Slow(_)
        | HttpFault::Late(_)
        | HttpFault::Replaced(_)
        | HttpFault::At(..)
        | HttpFault::Kind(_) => Some(state.persona.answer(asked)),
    }
}

fn dressed(answered: Answered, fault: &HttpFault) -> Response<Body> {
    let mut response = Response::builder().status(answered.status);
    let kind = if let HttpFault::Kind(kind) = fault { kind } else { answered.kind };
    if !kind.is_empty() {
        response = response.header(CONTENT_TYPE, kind);
    }
    if let Some(tag) = answered.tag {
        response = response.header(ETAG, tag);
    }
    if let HttpFault::Redirect(to) = fault {
        response = response.header(LOCATION, to);
    }
    if let HttpFault::Replaced(_) = fault {
        response = response.header(CONNECTION, "close");
    }
    let bytes = Bytes::from(answered.body);
    let body: Body = if *fault == HttpFault::HalfAnswer && answered.status == 200 {
        let half = bytes.slice(..bytes.len() / 2);
        let pieces = [Ok(Frame::data(half)), Err(io::ErrorKind::ConnectionAborted.into())];
        StreamBody::new(stream::iter(pieces)).boxed_unsync()
    } else if *fault == HttpFault::EndlessBody {
        let piece = Bytes::from(vec![b' '; ENDLESS_BYTES]);
        StreamBody::new(stream::repeat(piece).map(|piece| Ok(Frame::data(piece)))).boxed_unsync()
    } else {
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    };
    response.body(body).unwrap_or_default()
}
