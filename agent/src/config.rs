//! What an agent is told at its start.

use std::path::PathBuf;
use switchyard_shared::id::SiteName;
use switchyard_shared::pool::MAX_IN_FLIGHT_DEFAULT;

/// The settings of one agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The site whose devices it configures.
    pub site: SiteName,
    /// Its data folder: journal, credentials, lock.
    pub data: PathBuf,
    /// Attempts at once.
    pub max_in_flight: usize,
}

impl Config {
    /// The defaults for `site` in `data`.
    pub fn new(site: SiteName, data: impl Into<PathBuf>) -> Self {
        Self { site, data: data.into(), max_in_flight: MAX_IN_FLIGHT_DEFAULT }
    }
}
