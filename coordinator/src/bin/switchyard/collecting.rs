//! Host keys, gathered as devices show them.

use crate::cli::Format;
use crate::client::Api;
use crate::comparing::{self, word_every};
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::text::{counted, number};
use switchyard_proto::v1;
use switchyard_proto::v1::collect_host_keys_response::State;

pub use comparing::Ended;

/// What is known of the devices that were meant.
#[derive(Debug, Default)]
pub struct Collected {
    /// Those that were told of, by site and name.
    pub devices: Vec<v1::CollectHostKeysResponse>,
    /// How many are meant in all.
    pub meant: u32,
}

impl Collected {
    /// How many devices are in `state`.
    pub fn count(&self, state: State) -> usize {
        self.devices.iter().filter(|device| device.state() == state).count()
    }

    /// Those that show none of their pinned keys.
    pub fn changed(&self) -> impl Iterator<Item = &v1::CollectHostKeysResponse> {
        self.devices.iter().filter(|device| device.state() == State::Changed)
    }

    /// How many devices nobody knows of: asked in vain, or in a state that this program does not know.
    pub fn unknown(&self) -> usize {
        self.count(State::Unknown) + self.count(State::Unspecified)
    }

    /// Devices of which nothing came before it was left.
    pub fn left(&self) -> u32 {
        self.meant.saturating_sub(u32::try_from(self.devices.len()).unwrap_or(u32::MAX))
    }
}

/// Whether a rollout would believe `key` of `device`.
pub fn is_believed(device: &v1::CollectHostKeysResponse, key: &v1::HostKey) -> bool {
    let vouched = key.certificate.as_ref().is_some_and(|certificate| certificate.refusal.is_empty());
    vouched || device.pinned_keys.contains(&key.fingerprint)
}

/// Has host keys collected and gathers what comes. With `-o jsonl` each device is printed as it comes.
pub async fn collect(
    session: &mut Session,
    api: &Api,
    request: v1::CollectHostKeysRequest,
) -> Result<(Collected, Ended), Failure> {
    let mut told = api.call(api.inventory().collect_host_keys(request)).await?;
    let mut interrupted = std::pin::pin!(session.interrupted());
    let mut time_up = std::pin::pin!(session.time_up());
    let mut words = word_every();
    let mut found = Collected::default();
    let ended = loop {
        tokio::select! {
            biased;
            () = &mut interrupted => break Ended::Detached,
            () = &mut time_up => break Ended::TimedOut,
            message = told.message() => match message {
                Ok(Some(device)) => {
                    if session.format == Format::Jsonl {
                        session.say(&json::host_keys(&device).to_string());
                    }
                    found.meant = device.devices;
                    found.devices.push(device);
                }
                Ok(None) => break Ended::Whole,
                Err(status) => break Ended::Lost(api.failure(&status)),
            },
            _ = words.tick() => {
                let (asked, of) = (found.devices.len() as u64, counted(found.meant.into(), "device"));
                session.note(&format!("{} of {of} asked; nobody logs in to any", number(asked)));
            }
        }
        if session.is_broken() {
            break Ended::Detached;
        }
    };
    found.devices.sort_by(|a, b| (&a.site, &a.device).cmp(&(&b.site, &b.device)));
    Ok((found, ended))
}
