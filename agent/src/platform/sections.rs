//! The sections of a definition.

use super::looks::Looks;
use super::{
    Answers, Candidate, Configure, Confirmed, Escalation, ITEMS_MAX, PATTERN_BYTES_MAX, Prompts, Question,
    Reading, Shown, TEXT_BYTES_MAX, Unsaved,
};
use regex::{Regex, RegexBuilder};
use switchyard_shared::configuration::{Continued, Numbered, Text};
use switchyard_shared::yaml::{Field, Section};

/// A section of a definition: texts, lists of texts and patterns, each within its bound.
pub(super) struct Reader<'a>(pub(super) Section<'a>);

impl<'a> Reader<'a> {
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.0.take(key).and_then(|field| text(&field))
    }

    pub(super) fn required(&mut self, key: &'static str, example: &str) -> Option<String> {
        self.0.require(key, example).and_then(|field| text(&field))
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        self.items(key).iter().filter_map(text).collect()
    }

    fn pattern(&mut self, key: &'static str) -> Option<Regex> {
        self.0.take(key).and_then(|field| pattern(&field))
    }

    fn required_pattern(&mut self, key: &'static str, example: &str) -> Option<Regex> {
        self.0.require(key, example).and_then(|field| pattern(&field))
    }

    pub(super) fn patterns(&mut self, key: &'static str) -> Vec<Regex> {
        self.items(key).iter().filter_map(pattern).collect()
    }

    pub(super) fn section(&mut self, key: &'static str) -> Option<Reader<'a>> {
        self.0.section(key).map(Reader)
    }

    pub(super) fn required_section(&mut self, key: &'static str, example: &str) -> Option<Reader<'a>> {
        self.0.require(key, example).and_then(|field| field.section()).map(Reader)
    }

    fn items(&mut self, key: &'static str) -> Vec<Field<'a>> {
        self.0.take(key).and_then(|field| field.list(ITEMS_MAX)).unwrap_or_default()
    }
}

fn text(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.len() > TEXT_BYTES_MAX {
        field.problem(format!("has {} bytes, more than the {TEXT_BYTES_MAX} allowed", text.len()), "");
        return None;
    }
    Some(text.to_owned())
}

fn pattern(field: &Field<'_>) -> Option<Regex> {
    let text = text(field)?;
    let built = RegexBuilder::new(&text)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .nest_limit(32)
        .build();
    match built {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let said = error.to_string();
            let why = said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            field.problem(format!("is not a regular expression: {why}"), "");
            None
        }
    }
}

/// A command of one line.
pub(super) fn one_line(section: &mut Reader<'_>, key: &'static str) -> Option<String> {
    let text = section.text(key)?;
    if text.chars().any(char::is_control) {
        section.0.problem(&format!("{key} must be one line"), "put more of them into a script on the device");
    }
    Some(text)
}

pub(super) fn prompts(mut section: Reader<'_>) -> Option<Prompts> {
    let ready = section.required_pattern("ready", "ready: '^(?P<name>[\\w.-]+)# ?$'");
    let configure =
        section.required_pattern("configure", "configure: '^(?P<name>[\\w.-]+)\\(config.*\\)# ?$'");
    for (key, found) in [("ready", &ready), ("configure", &configure)] {
        if let Some(pattern) = found
            && !pattern.capture_names().flatten().any(|name| name == "name")
        {
            let hint = "put what the device calls itself into (?P<name>…)";
            section.0.problem(&format!("{key} has no group called name"), hint);
        }
    }
    let user = section.pattern("user");
    let configure_above = section.pattern("configure_above");
    let above = section.patterns("above");
    let pager = section.section("pager").and_then(question);
    drop(section);
    Some(Prompts { ready: ready?, configure: configure?, user, configure_above, above, pager })
}

fn question(mut section: Reader<'_>) -> Option<Question> {
    let asks = section.required_pattern("asks", "asks: '^ ?--More-- ?$'");
    let answer = section.required("answer", "answer: ' '");
    drop(section);
    Some(Question { asks: asks?, answer: answer? })
}

pub(super) fn escalation(mut section: Reader<'_>) -> Option<Escalation> {
    let command = section.required("command", "command: enable");
    let asks = section.required_pattern("asks", "asks: '^Password: ?$'");
    drop(section);
    Some(Escalation { command: command?, asks: asks? })
}

pub(super) fn looks(mut section: Reader<'_>) -> Looks {
    Looks { beginnings: section.texts("beginnings"), pipes: section.texts("pipes") }
}

pub(super) fn answers(section: Option<Reader<'_>>) -> Answers {
    let Some(mut section) = section else {
        return Answers {
            refused: Vec::new(),
            busy: Vec::new(),
            harmless: Vec::new(),
            questions: Vec::new(),
        };
    };
    let questions = section.items("questions");
    let questions =
        questions.iter().filter_map(|field| field.section().map(Reader).and_then(question)).collect();
    Answers {
        refused: section.patterns("refused"),
        busy: section.patterns("busy"),
        harmless: section.patterns("harmless"),
        questions,
    }
}

pub(super) fn running(mut section: Reader<'_>) -> Option<Reading> {
    let command = section.required("command", "command: show running-config");
    let (whole, leave_out) = (section.pattern("whole"), section.patterns("leave_out"));
    let mark = section.0.take("mark").and_then(|field| field.word(&[("!", "!"), ("#", "#")]));
    let (all, shows) = (section.text("all"), section.items("shows"));
    let shows = shows.iter().filter_map(|field| field.section().map(Reader).and_then(shown)).collect();
    drop(section);
    Some(Reading { command: command?, whole, mark, leave_out, all, shows })
}

fn shown(mut section: Reader<'_>) -> Option<Shown> {
    let within = section.required("within", "within: interface");
    let line = section.required("line", "line: shutdown");
    drop(section);
    Some(Shown { within: within?, line: line? })
}

/// Texts of several lines of a dialect.
pub(super) fn of_several_lines(section: &mut Reader<'_>) -> Vec<Text> {
    let fields = section.items("texts");
    let read = |mut section: Reader<'_>| {
        let begins = section.required("begins", "begins: banner *");
        let ends = section.text("ends");
        begins.map(|begins| Text { begins, ends })
    };
    fields.iter().filter_map(|field| field.section().map(Reader).and_then(read)).collect()
}

/// Lists of a dialect that lines add to and remove from.
pub(super) fn continued(section: &mut Reader<'_>) -> Vec<Continued> {
    let fields = section.items("continues");
    let read = |mut section: Reader<'_>| {
        let begins = section.required("begins", "begins: switchport trunk allowed vlan");
        let adds = section.required("adds", "adds: add");
        let removes = section.required("removes", "removes: remove");
        let by_default = section.text("default");
        drop(section);
        Some(Continued { begins: begins?, adds: adds?, removes: removes?, by_default })
    };
    fields.iter().filter_map(|field| field.section().map(Reader).and_then(read)).collect()
}

/// Lists of a dialect whose lines say their number.
pub(super) fn numbered(section: &mut Reader<'_>) -> Vec<Numbered> {
    let fields = section.items("numbered");
    let read = |mut section: Reader<'_>| {
        let begins = section.required("begins", "begins: access-list");
        let from = section.0.require("from", "from: 1").and_then(|field| field.number(0..=u32::MAX));
        let to = section.0.require("to", "to: 99").and_then(|field| field.number(0..=u32::MAX));
        let section = section.required("section", "section: ip access-list standard");
        Some(Numbered { begins: begins?, from: from?, to: to?, section: section? })
    };
    fields.iter().filter_map(|field| field.section().map(Reader).and_then(read)).collect()
}

pub(super) fn unsaved(mut section: Reader<'_>) -> Option<Unsaved> {
    let command = section.required("command", "command: show running-config diffs");
    let leave_out = section.patterns("leave_out");
    drop(section);
    Some(Unsaved { command: command?, leave_out })
}

pub(super) fn configure(mut section: Reader<'_>) -> Option<Configure> {
    let configure = Configure {
        discard: section.texts("discard"),
        enter: section.texts("enter"),
        leave: section.texts("leave"),
        clear: section.texts("clear"),
        checkpoint: section.texts("checkpoint"),
        rollback: section.texts("rollback"),
        literal: section.text("literal"),
        candidate: section.section("candidate").map(candidate),
    };
    if configure.enter.is_empty() {
        section.0.problem("enter is missing", "for example enter: [configure terminal]");
    }
    Some(configure)
}

fn candidate(mut section: Reader<'_>) -> Candidate {
    let candidate = Candidate {
        commit: section.texts("commit"),
        abort: section.texts("abort"),
        confirmed: section.section("confirmed").map(confirmed),
    };
    if candidate.commit.is_empty() || candidate.abort.is_empty() {
        section.0.problem("must say how to commit and how to abort", "for example abort: [rollback 0, exit]");
    }
    candidate
}

fn confirmed(mut section: Reader<'_>) -> Confirmed {
    let confirmed = Confirmed {
        commit: section.texts("commit"),
        confirm: section.texts("confirm"),
        cancel: section.texts("cancel"),
    };
    if confirmed.commit.is_empty() || confirmed.confirm.is_empty() || confirmed.cancel.is_empty() {
        section.0.problem(
            "must say how to commit, to confirm and to cancel",
            "leave it out where the device cannot",
        );
    }
    confirmed
}
