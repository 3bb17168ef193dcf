//! A failure as text for people and as JSON for scripts.

use super::Failure;
use crate::text::{Style, one_line};
use serde_json::{Value, json};

impl Failure {
    /// The lines for standard error: `error:`, the problems as they are, `cause:`, `hint:`.
    pub fn to_text(&self, color: bool) -> String {
        let mut lines = vec![format!("{} {}", Style::Bad.paint("error:", color), one_line(&self.message))];
        lines.extend(self.problems.iter().map(|problem| one_line(problem)));
        let cause = Style::Bold.paint("cause:", color);
        lines.extend(self.causes.iter().map(|text| format!("{cause} {}", one_line(text))));
        let hint = Style::Bold.paint("hint:", color);
        lines.extend(self.hints.iter().map(|text| format!("{hint} {}", one_line(text))));
        lines.join("\n")
    }

    /// The object for standard error with `-o json`.
    pub fn to_json(&self) -> Value {
        json!({"error": {
            "code": self.code,
            "reason": self.reason,
            "domain": self.domain,
            "message": self.message,
            "causes": self.causes,
            "problems": self.problems,
            "metadata": self.metadata,
            "help": self.hints,
            "exit": self.exit.code(),
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_person_reads_error_problems_cause_and_hint_in_that_order() {
        let failure = Failure::new(Exit::Invalid, "SPEC_INVALID", "the spec is invalid")
            .problems(vec!["r.yaml:3:5: spec.x: unknown key".into()])
            .because("1 problem")
            .hint("fix it\x1b[2J");
        let expected = "error: the spec is invalid\nr.yaml:3:5: spec.x: unknown key\ncause: 1 problem\nhint: fix it\\u{1b}[2J";
        assert_eq!(failure.to_text(false), expected);
    }

    #[test]
    fn a_script_reads_code_and_reason() {
        let shown = Failure::new(Exit::Stale, "PLAN_STALE", "stale").to_json();
        assert_eq!(shown["error"]["reason"], "PLAN_STALE");
        assert_eq!(shown["error"]["code"], "FAILED_PRECONDITION");
        assert_eq!(shown["error"]["exit"], 10);
    }
}
