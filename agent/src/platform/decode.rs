//! A definition out of its YAML, with every problem at its place.

use super::http;
use super::sections::{self, Reader};
use super::{DEFINITION_BYTES_MAX, Definition, Platform, file};
use switchyard_shared::configuration::{Dialect, Negation};
use switchyard_shared::yaml::{Field, Problem, Problems, Section, parse};

/// Reads one definition, called `source` in problems.
pub fn decode(source: &str, document: &str) -> Result<Definition, Vec<Problem>> {
    let problems = Problems::new(source);
    let platform = match parse(document, DEFINITION_BYTES_MAX, &problems) {
        Some(node) => Field::root(&node, &problems).section().and_then(definition),
        None => None,
    };
    problems.into_result(platform)
}

fn definition(section: Section<'_>) -> Option<Definition> {
    let mut root = Reader(section);
    root.0.envelope("Platform");
    let name = root.required("name", "name: frr");
    let aliases = root.texts("aliases");
    match root.section("file") {
        Some(section) => {
            file::file(root, (name, aliases), section).map(|file| Definition::File(Box::new(file)))
        }
        None => platform(root, name, aliases).map(|platform| Definition::Typed(Box::new(platform))),
    }
}

fn platform(mut root: Reader<'_>, name: Option<String>, aliases: Vec<String>) -> Option<Platform> {
    let terminal = root.text("terminal").unwrap_or_else(|| "vt100".into());
    let prompts =
        root.required_section("prompts", "prompts: {ready: …, configure: …}").and_then(sections::prompts);
    let setup = root.texts("setup");
    let escalation = root.section("escalation").and_then(sections::escalation);
    let looks = root.section("looks").map(sections::looks).unwrap_or_default();
    let answers = sections::answers(root.section("answers"));
    let running = root
        .required_section("running", "running: {command: show running-config}")
        .and_then(sections::running);
    let unsaved = root.section("unsaved").and_then(sections::unsaved);
    let api = root.section("http").and_then(http::api);
    let commands = [
        ("running.command", running.as_ref().map(|reading| &reading.command)),
        ("running.all", running.as_ref().and_then(|reading| reading.all.as_ref())),
        ("unsaved.command", unsaved.as_ref().map(|unsaved| &unsaved.command)),
        ("http.proof", api.as_ref().and_then(|api| api.proof.as_ref())),
    ];
    for (key, command) in commands {
        if command.is_some_and(|command| !looks.allow(command)) {
            let problem = format!("{key} is not among the words that only look");
            root.0.problem(&problem, "add it to looks.beginnings");
        }
    }
    let dialect = root.required_section("dialect", "dialect: {sections: indented, …}").and_then(dialect);
    let keeps = root.patterns("keeps");
    let configure = root
        .required_section("configure", "configure: {enter: […], leave: […]}")
        .and_then(sections::configure);
    let save = root.texts("save");
    let secrets = root.patterns("secrets");
    drop(root);
    Some(Platform {
        name: name?,
        aliases,
        terminal,
        prompts: prompts?,
        setup,
        escalation,
        looks,
        answers,
        running: running?,
        dialect: dialect?,
        keeps,
        configure: configure?,
        save,
        unsaved,
        http: api,
        secrets,
    })
}

fn dialect(mut section: Reader<'_>) -> Option<Dialect> {
    let indented = section
        .0
        .require("sections", "sections: indented")
        .and_then(|field| field.word(&[("indented", true), ("flat", false)]));
    let negation = section.required_section("takes_back", "takes_back: {before: 'no '}").and_then(negation);
    let dialect = Dialect {
        indented: indented.unwrap_or(true),
        comments: section.texts("comments"),
        ends: section.texts("ends"),
        leave: section.text("leave"),
        negation: negation.unwrap_or_default(),
        single: section.texts("single"),
        continues: sections::continued(&mut section),
        exclusive: section.texts("exclusive"),
        exclusive_of_port: section.texts("exclusive_of_port"),
        padded: section.texts("padded"),
        defines: section.texts("defines"),
        joins: section.texts("joins"),
        ordered: section.texts("ordered"),
        last: section.texts("last"),
        sorted: section.texts("sorted"),
        numbered: sections::numbered(&mut section),
        lists: section.texts("lists"),
        short: section.texts("short"),
        texts: sections::of_several_lines(&mut section),
    };
    indented.map(|_| dialect)
}

fn negation(mut section: Reader<'_>) -> Option<Negation> {
    let (before, adds, removes) = (section.text("before"), section.text("adds"), section.text("removes"));
    match (before, adds, removes) {
        (Some(word), None, None) => Some(Negation::Prefix(word)),
        (None, Some(adds), Some(removes)) => Some(Negation::Swap { adds, removes }),
        (Some(_), _, _) | (None, _, _) => {
            section.0.problem("must say before, or adds and removes", "for example before: 'no '");
            None
        }
    }
}
