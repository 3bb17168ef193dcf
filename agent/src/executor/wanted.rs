//! What a device shall have: the rendered configuration with its secrets filled in, and how to hide them again.

use super::Failure;
use crate::secrets::{Secret, Secrets};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Mode, Procedure};
use switchyard_shared::task::Task;

/// What stands in a text where a secret was.
const HIDDEN: &str = "(secret)";
/// Shorter values are not looked for in texts: they would hide everything.
const HIDDEN_BYTES_MIN: usize = 4;

/// What a device shall have.
#[derive(Debug)]
pub struct Wanted {
    text: Secret,
    secrets: Vec<Secret>,
    /// What it is to the running configuration.
    pub mode: Mode,
}

impl Wanted {
    /// `text` as it goes to the device, with the values of `secrets` in it.
    pub fn new(text: Secret, secrets: Vec<Secret>, mode: Mode) -> Self {
        Self { text, secrets, mode }
    }

    /// The configuration of `task`.
    pub async fn fill(task: &Task, procedure: &Procedure, _secrets: &Secrets) -> Result<Self, Failure> {
        let Ok(text) = std::str::from_utf8(&task.configuration) else {
            let message = "the rendered configuration is not UTF-8 text";
            return Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message));
        };
        Ok(Self::new(Secret::new(text.to_owned()), Vec::new(), procedure.mode))
    }

    /// The configuration as it goes to the device: show it to nobody else.
    pub fn reveal(&self) -> &str {
        self.text.reveal()
    }

    /// `text` without the secrets: for messages, output and differences.
    pub fn redact(&self, text: &str) -> String {
        let known = self.secrets.iter().map(Secret::reveal).filter(|secret| secret.len() >= HIDDEN_BYTES_MIN);
        known.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_in_no_text_that_leaves() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let wanted = Wanted::new(secret("key s3cr3t\n"), vec![secret("s3cr3t")], Mode::Merge);
        assert_eq!(wanted.redact("+key s3cr3t\n-key 0ld\n"), "+key (secret)\n-key 0ld\n");
        assert!(!format!("{wanted:?}").contains("s3cr3t"));
    }
}
