//! A connection to a device's API over HTTP.

use crate::executor::Failure;
use crate::executor::tls_dial::{Manner, TlsDial, Trust};
use crate::http_client::{Connection, NoReply};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Phase};

/// The CAs of devices with such an API.
pub(super) fn trust() -> Arc<Trust> {
    Trust::new(Manner {
        options: "http",
        alpn: &[],
        clear_over_networks: true,
        if_refused: "check that its HTTPS server runs on this port and that it may be reached from the agent",
        if_no_tls: "correct the port (443 is usual), or turn HTTPS on at the device",
    })
}

/// Connects and shakes hands.
pub(super) async fn connect(dial: &TlsDial) -> Result<Connection, Failure> {
    let connection = Connection::over(dial.connect().await?).await;
    connection.map_err(|error: NoReply| {
        Failure::new(Class::Unreachable, Phase::Connect, format!("{} {error}", dial.place))
    })
}
