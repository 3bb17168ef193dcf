//! A rollout spec with the files that it names, read where the person is.

use super::file::{FileArgs, SPEC};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::session::Session;
use serde_json::{Map, Value};
use std::path::Path;
use switchyard_proto::v1;
use switchyard_shared::spec::RolloutSpec;
use switchyard_shared::yaml::{Problem, SPEC_BYTES_MAX};

/// Most templates and vars files of one spec.
const FILES_MAX: usize = 64;
/// Largest template or vars file, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// A spec and the variables that go with it.
#[derive(Debug, clap::Args)]
pub struct SpecArgs {
    #[command(flatten)]
    pub file: FileArgs,
    /// A variable for the templates; wins over the spec's; may be given again
    #[arg(long = "var", value_name = "KEY=VALUE")]
    pub vars: Vec<String>,
}

/// What to ask of the coordinator: the spec, checked, and its files.
pub fn request(session: &mut Session, args: &SpecArgs) -> Result<v1::PlanRolloutRequest, Failure> {
    let vars_json = vars_json(&args.vars)?;
    let text = args.file.read(session, &SPEC, SPEC_BYTES_MAX)?;
    let source = args.file.source();
    let spec = RolloutSpec::parse(&text, source).map_err(|problems| SPEC.problems(&problems))?;
    let files = read_files(&spec, &args.file.folder(session)).map_err(|problems| SPEC.problems(&problems))?;
    Ok(v1::PlanRolloutRequest {
        spec: text.into_bytes(),
        source: source.to_owned(),
        files,
        vars_json,
        request_id: session.request_id(),
    })
}

/// The files that a spec names, relative to `folder`.
pub fn read_files(spec: &RolloutSpec, folder: &Path) -> Result<Vec<v1::SpecFile>, Vec<Problem>> {
    let named = spec.files();
    if named.len() > FILES_MAX {
        let message = format!("names {} files, more than the {FILES_MAX} allowed", named.len());
        return Err(vec![spec.places.problem("spec.change", message, "")]);
    }
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in named {
        match files::read(&folder.join(path), FILE_BYTES_MAX) {
            Ok(content) => files.push(v1::SpecFile { path: path.to_owned(), content }),
            Err(error) => {
                let hint = format!("paths are relative to {}", folder.display());
                problems.push(spec.places.problem(
                    &key_of(spec, path),
                    format!("cannot read {path}: {error}"),
                    hint,
                ));
            }
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

fn key_of(spec: &RolloutSpec, path: &str) -> String {
    let template = spec.change.templates.iter().find(|(_, file)| file.as_str() == path);
    let vars = spec.change.vars_files.iter().position(|file| file == path);
    match (template, vars) {
        (Some((platform, _)), _) => format!("spec.change.templates.{platform}"),
        (None, Some(index)) => format!("spec.change.vars_files[{index}]"),
        (None, None) => "spec.change".to_owned(),
    }
}

/// `KEY=VALUE` pairs as one JSON object; a value that reads as JSON and prints the same is that JSON,
/// everything else is text. Empty without pairs.
pub fn vars_json(pairs: &[String]) -> Result<String, Failure> {
    let mut vars = Map::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| Failure::usage(format!("--var {pair:?} is not KEY=VALUE")))?;
        let json = serde_json::from_str::<Value>(value).ok().filter(|json| prints_as(json, value));
        if vars.insert(key.to_owned(), json.unwrap_or_else(|| Value::from(value))).is_some() {
            return Err(Failure::new(Exit::Usage, "USAGE", format!("--var {key} is given twice")));
        }
    }
    Ok(if vars.is_empty() { String::new() } else { Value::Object(vars).to_string() })
}

fn prints_as(json: &Value, text: &str) -> bool {
    let printed = json.to_string();
    printed == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vars_are_text_unless_they_are_plainly_json() {
        let pairs = ["n=3", "s=1.10", "b=true", "l=[1,2]", "t=a=b", "e="].map(str::to_owned);
        let json = vars_json(&pairs).expect("good pairs");
        assert_eq!(json, r#"{"n":3,"s":"1.10","b":true,"l":[1,2],"t":"a=b","e":""}"#);
        assert_eq!(vars_json(&[]).expect("none"), "");
        assert_eq!(vars_json(&["x".to_owned()]).expect_err("no =").exit.code(), 64);
        assert_eq!(vars_json(&["x=1", "x=2"].map(str::to_owned)).expect_err("twice").exit.code(), 64);
    }
}
