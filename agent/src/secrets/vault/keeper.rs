//! Keeps the agent's own token alive: renewed at half of its life, and a word in time when it cannot be.

use super::answer::{self, Lease};
use super::http::Method;
use super::{Asker, VaultError};
use std::time::Duration;
use switchyard_shared::time::format_duration;

/// How often a token is looked at that needs nothing, at least.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// Shortest rest between two looks.
const REST_MIN: Duration = Duration::from_secs(1);
/// Rest after a Vault did not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// A token that ends sooner than this and cannot be renewed is warned of.
const SOON: Duration = Duration::from_secs(24 * 3600);

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) rest: Duration,
    pub(super) renew: bool,
    /// It ends after this, whatever we do.
    pub(super) ends_in: Option<Duration>,
}

/// When to act on a token with this lease.
pub(super) fn next(lease: Lease) -> Next {
    let ttl = Duration::from_secs(lease.ttl);
    if ttl.is_zero() {
        return Next { rest: LOOK_EVERY, renew: false, ends_in: None };
    }
    let rest = (ttl / 2).clamp(REST_MIN, LOOK_EVERY);
    let ends_in = (!lease.renewable && ttl < SOON).then_some(ttl);
    Next { rest, renew: lease.renewable, ends_in }
}

/// For ever; ends when it is dropped.
pub(super) async fn keep(asker: &Asker) {
    let mut trouble = false;
    loop {
        let rest = match look(asker).await {
            Ok(lease) => {
                if trouble {
                    tracing::info!("the Vault {} answers again", asker.server.address());
                }
                trouble = false;
                act(asker, lease).await
            }
            Err(error) => {
                if !trouble {
                    tracing::warn!("failed to {error}; {}", error.hint());
                }
                trouble = true;
                AFTER_FAILURE
            }
        };
        tokio::time::sleep(rest).await;
    }
}

/// Rests until the token needs something, and does it; returns how long to rest then.
async fn act(asker: &Asker, lease: Lease) -> Duration {
    let next = next(lease);
    if let Some(left) = next.ends_in {
        tracing::warn!(
            "the agent's token of the Vault {} ends in {} and cannot be renewed: give the agent a new one",
            asker.server.address(),
            format_duration(left)
        );
    }
    if !next.renew {
        return next.rest;
    }
    tokio::time::sleep(next.rest).await;
    match renew(asker).await {
        Ok(renewed) => {
            if renewed.ttl <= lease.ttl / 2 {
                tracing::warn!(
                    "the agent's token of the Vault {} nears the end of its longest life, in {}: give the agent a new one",
                    asker.server.address(),
                    format_duration(Duration::from_secs(renewed.ttl))
                );
            }
            Duration::ZERO
        }
        Err(error) => {
            tracing::warn!(
                "failed to renew the agent's token of the Vault: failed to {error}; {}",
                error.hint()
            );
            AFTER_FAILURE.min(next.rest)
        }
    }
}

async fn look(asker: &Asker) -> Result<Lease, VaultError> {
    let reply = asker.ask(Method::Get, "auth/token/lookup-self").await?;
    match answer::lease(&reply.body).filter(|_| reply.status == 200) {
        Some(lease) => Ok(lease),
        None => Err(asker.refused(&reply)),
    }
}

async fn renew(asker: &Asker) -> Result<Lease, VaultError> {
    let reply = asker.ask(Method::Post, "auth/token/renew-self").await?;
    match answer::renewed(&reply.body).filter(|_| reply.status == 200) {
        Some(lease) => Ok(lease),
        None => Err(asker.refused(&reply)),
    }
}
