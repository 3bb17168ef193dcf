//! What a device shall have: the rendered configuration with its secrets filled in, and how to hide them again.

mod hidden;
#[cfg(test)]
mod tests;

use super::{Failure, http, netconf};
use crate::secrets::{Secret, Secrets};
use hidden::{HIDDEN_BYTES_MIN, Hidden};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Mode, Procedure, Transport};
use switchyard_shared::secret_text::{Segment, segments};
use switchyard_shared::task::{CONFIGURATION_BYTES_MAX, Purpose, Task};
use switchyard_shared::time::format_duration;
use zeroize::Zeroizing;

/// Longest wait for all secrets of one configuration.
pub const FILL_WAIT: Duration = Duration::from_secs(20);
/// Largest configuration with its secrets, in bytes.
const FILLED_BYTES_MAX: usize = 2 * CONFIGURATION_BYTES_MAX;

/// Hides the secrets of one change, and what the device had in their places. What quotes a device redacts first and
/// cuts afterwards: half a secret is not found any more.
#[derive(Debug, Clone)]
pub struct Redactor(Arc<Hidden>, Option<Arc<Hidden>>);

impl Redactor {
    /// One that hides `secrets`.
    pub fn of(secrets: Vec<Secret>) -> Self {
        Self(Arc::new(Hidden::values(secrets)), None)
    }

    /// One that hides these values, too.
    pub fn and(&self, secrets: Vec<Secret>) -> Self {
        Self(self.0.clone(), Some(Arc::new(Hidden::values(secrets))))
    }

    /// `text` without them.
    pub fn redact(&self, text: &str) -> String {
        let text = self.0.redact(text);
        self.1.as_ref().map(|more| more.redact(&text)).unwrap_or(text)
    }
}

/// What a device shall have.
#[derive(Debug)]
pub struct Wanted {
    text: Secret,
    redactor: Redactor,
    /// Whether the text is all there: on a way back it may name secrets that cannot be had.
    pub is_known: bool,
    /// What it is to the running configuration.
    pub mode: Mode,
}

impl Wanted {
    /// `text` as it goes to the device, with the values of `secrets` in it.
    pub fn new(text: Secret, secrets: Vec<Secret>, mode: Mode) -> Self {
        Self { text, redactor: Redactor::of(secrets), is_known: true, mode }
    }

    /// The configuration of `task` with the values of its secrets, each of which is one line of printable text.
    pub async fn fill(task: &Task, procedure: &Procedure, secrets: &Secrets) -> Result<Self, Failure> {
        let Ok(text) = std::str::from_utf8(&task.configuration) else {
            return Err(refused("the rendered configuration is not UTF-8 text".into(), "plan again"));
        };
        if procedure.secrets.is_empty() {
            return Ok(Self::new(Secret::new(text.to_owned()), Vec::new(), procedure.mode));
        }
        let Ok(segments) = segments(text) else {
            return Err(refused("the rendered configuration names a secret in part".into(), "plan again"));
        };
        let values = values(&segments, procedure, secrets);
        let values = tokio::time::timeout(FILL_WAIT, values).await.unwrap_or_else(|_| {
            let message =
                format!("the secrets of the change were not there within {}", format_duration(FILL_WAIT));
            Err(refused(
                message,
                "nothing was written; check the agent's Vault and the programs of its secrets",
            ))
        });
        let values = match values {
            Ok(values) => values,
            // The way back writes what the device had: secrets that are gone must not stand in it.
            Err(_) if matches!(task.purpose, Purpose::Restore { .. }) => {
                let redactor =
                    Redactor(Arc::new(Hidden::of(&segments, Vec::new(), procedure.transport)), None);
                let text = Secret::new(String::new());
                return Ok(Self { text, redactor, is_known: false, mode: procedure.mode });
            }
            Err(failure) => return Err(failure),
        };
        let mut known: Vec<Secret> = values.values().cloned().collect();
        let values = match procedure.transport {
            Transport::Netconf => in_xml(values),
            Transport::Http if procedure.platform == http::RESTCONF => in_json(values),
            Transport::Gnmi => in_json(values),
            Transport::SshCli | Transport::Http | Transport::LocalExec => values,
        };
        let text = put_in(&segments, &values)?;
        known.extend(values.into_values());
        let redactor = Redactor(Arc::new(Hidden::of(&segments, known, procedure.transport)), None);
        Ok(Self { text, redactor, is_known: true, mode: procedure.mode })
    }

    /// The configuration as it goes to the device: show it to nobody else.
    pub fn reveal(&self) -> &str {
        self.text.reveal()
    }

    /// `text` without the secrets, those that the device had in their places included: for messages, output and
    /// differences.
    pub fn redact(&self, text: &str) -> String {
        self.redactor.redact(text)
    }

    /// What does that, for whoever quotes the device.
    pub fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }
}

/// The value of each secret that the configuration names.
async fn values<'a>(
    segments: &[Segment<'a>],
    procedure: &Procedure,
    secrets: &Secrets,
) -> Result<BTreeMap<&'a str, Secret>, Failure> {
    let mut values = BTreeMap::new();
    for segment in segments {
        let Segment::Secret(name) = *segment else { continue };
        if values.contains_key(name) {
            continue;
        }
        let Some(reference) = procedure.secrets.get(name) else {
            return Err(refused(format!("nobody says where the secret {name} is"), "plan again"));
        };
        let value = secrets.value(reference).await.map_err(|error| {
            refused(format!("secret {name} ({reference}): failed to {error}"), &error.hint())
        })?;
        if value.reveal().chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            let message =
                format!("the secret {name} ({reference}) holds a line break or a control character");
            let hint = "nothing was written; a secret of a configuration is one line of printable text";
            return Err(refused(message, hint));
        }
        if value.reveal().len() < HIDDEN_BYTES_MIN {
            let message = format!(
                "the secret {name} ({reference}) is shorter than {HIDDEN_BYTES_MIN} bytes, too short to be hidden where \
                 a device quotes it"
            );
            return Err(refused(
                message,
                "nothing was written; take a longer one, or write it into the template",
            ));
        }
        values.insert(name, value);
    }
    Ok(values)
}

/// The values as XML holds them: none of them can be markup.
fn in_xml(values: BTreeMap<&str, Secret>) -> BTreeMap<&str, Secret> {
    let escaped = |value: Secret| Secret::new(netconf::escaped(value.reveal()));
    values.into_iter().map(|(name, value)| (name, escaped(value))).collect()
}

/// The values as a text of JSON holds them, between its quotation marks.
fn in_json(values: BTreeMap<&str, Secret>) -> BTreeMap<&str, Secret> {
    let escaped = |value: Secret| {
        let quoted = Zeroizing::new(serde_json::Value::from(value.reveal()).to_string());
        Secret::new(quoted[1..quoted.len() - 1].to_owned())
    };
    values.into_iter().map(|(name, value)| (name, escaped(value))).collect()
}

fn put_in(segments: &[Segment<'_>], values: &BTreeMap<&str, Secret>) -> Result<Secret, Failure> {
    let piece = |segment: &Segment<'_>| match *segment {
        Segment::Text(text) => text.len(),
        Segment::Secret(name) => values.get(name).map_or(0, |value| value.reveal().len()),
    };
    let bytes: usize = segments.iter().map(piece).sum();
    if bytes > FILLED_BYTES_MAX {
        let message = format!("the configuration with its secrets is larger than {FILLED_BYTES_MAX} bytes");
        return Err(refused(message, "nothing was written; take shorter secrets, or name them less often"));
    }
    // With room for all from the start: a text that grows leaves copies behind that nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(bytes));
    for segment in segments {
        match *segment {
            Segment::Text(piece) => text.push_str(piece),
            Segment::Secret(name) => text.push_str(values.get(name).map_or("", Secret::reveal)),
        }
    }
    Ok(Secret::new(std::mem::take(&mut *text)))
}

/// Nobody has asked the device yet. Also where a secret cannot be had: it is the change's, not the login's, whose
/// breaker would stop everybody's work.
fn refused(message: String, hint: &str) -> Failure {
    Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(hint)
}
