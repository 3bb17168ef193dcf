//! TLS of both ends: rustls on aws-lc-rs, given explicitly, and no CA but our own.

pub mod certificate;
pub mod client;
mod dial;
pub mod files;
mod pin;
pub mod server;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
pub(crate) const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
