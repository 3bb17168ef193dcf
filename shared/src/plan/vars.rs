//! The values that templates see at their top level, from the weakest source to the strongest.

use super::build::PlanInput;
use crate::spec::{check_var, vars};
use crate::yaml::{self, Field, Problem, Problems, SPEC_BYTES_MAX};
use serde_json::Value;
use std::collections::BTreeMap;

/// Vars files in order, then the spec's vars, then the command line's.
pub(super) fn merged(input: &PlanInput<'_>, problems: &mut Vec<Problem>) -> BTreeMap<String, Value> {
    let mut merged = BTreeMap::new();
    let change = &input.spec.change;
    for (index, path) in change.vars_files.iter().enumerate() {
        match input.files.get(path) {
            Some(bytes) => match file(bytes, path) {
                Ok(values) => merged.extend(values),
                Err(found) => problems.extend(found),
            },
            None => {
                let key = format!("spec.change.vars_files[{index}]");
                let message = format!("the file {path} was not found");
                problems.push(input.spec.places.problem(&key, message, "paths are relative to the spec"));
            }
        }
    }
    merged.extend(change.vars.clone());
    for (name, value) in input.vars {
        match check_var(name) {
            Ok(()) => {
                merged.insert(name.clone(), value.clone());
            }
            Err(message) => {
                let problems_of = Problems::new("command line");
                problems_of.add(yaml::Position::default(), "vars", message, "");
                problems.extend(problems_of.into_list());
            }
        }
    }
    merged
}

fn file(bytes: &[u8], path: &str) -> Result<BTreeMap<String, Value>, Vec<Problem>> {
    let text = yaml::text(bytes, path, SPEC_BYTES_MAX)?;
    let problems = Problems::new(path);
    let node = yaml::parse(text, SPEC_BYTES_MAX, &problems);
    let values = node.map(|node| vars(&Field::root(&node, &problems)));
    problems.into_result(values)
}
