//! `spec.rollback`: what becomes of a device that fails after its write.

use crate::yaml::Section;
use serde::{Deserialize, Serialize};

/// What is put back without anybody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// A device that fails after its write gets back what it had.
    pub on_device_failure: bool,
}

impl Default for Rollback {
    fn default() -> Self {
        Self { on_device_failure: true }
    }
}

impl Rollback {
    /// Whether it is what holds when a spec says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn read(section: Option<Section<'_>>) -> Rollback {
    let mut rollback = Rollback::default();
    if let Some(mut section) = section {
        section.not_supported_yet(&["on_breaker_open", "on_abort", "method", "max_parallel"]);
        if let Some(value) = section.take("on_device_failure").and_then(|field| field.boolean()) {
            rollback.on_device_failure = value;
        }
    }
    rollback
}

#[cfg(test)]
mod tests {
    use crate::spec::RolloutSpec;

    fn with(change: &str, rollback: &str) -> String {
        format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: test}}\nspec:\n  change: {{{change}, \
             templates: {{default: t}}}}\n{rollback}"
        )
    }

    #[test]
    fn a_device_that_fails_is_put_back_unless_the_spec_says_no() {
        for (rollback, on_device_failure) in [
            ("", true),
            ("  rollback: {on_device_failure: true}\n", true),
            ("  rollback: {on_device_failure: false}\n", false),
        ] {
            let spec = RolloutSpec::parse(&with("transport: netconf", rollback), "r.yaml").unwrap();
            assert_eq!(spec.rollback.on_device_failure, on_device_failure, "{rollback}");
        }
    }

    #[test]
    fn what_nobody_can_put_back_and_what_is_not_there_yet_is_refused() {
        for (change, rollback, says) in [
            ("ssh: {command: load}", "{on_device_failure: false}", "does not go with ssh.command"),
            ("transport: gnmi", "{on_abort: prompt}", "not supported yet"),
            ("transport: gnmi", "{on_device_failur: true}", "on_device_failure"),
        ] {
            let text = with(change, &format!("  rollback: {rollback}\n"));
            let problems = RolloutSpec::parse(&text, "r.yaml").unwrap_err();
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(said.iter().any(|line| line.contains(says)), "{said:?}");
        }
    }
}
