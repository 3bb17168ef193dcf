//! A template of gNMI: a JSON object of paths and the values that shall stand there; `null` takes away what is there.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use switchyard_shared::gnmi_path::Path;

/// Most paths of one template.
pub const PATHS_MAX: usize = 4096;

/// What a template says of each path, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The value at a path, or that there shall be none.
    pub items: Vec<(Path, Option<Value>)>,
}

/// Reads a template; the error is a sentence that repeats no value.
pub fn parse(text: &str) -> Result<Change, String> {
    let written: Written = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => "it is no JSON object of paths and values".to_owned(),
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => {
                format!("it is no JSON: line {line}, column {column}")
            }
        }
    })?;
    if written.0.len() > PATHS_MAX {
        return Err(format!("it has more than {PATHS_MAX} paths"));
    }
    let mut items: Vec<(Path, Option<Value>)> = Vec::with_capacity(written.0.len());
    let mut known = std::collections::BTreeSet::new();
    for (text, value) in written.0 {
        let path = Path::parse(&text).map_err(|error| format!("failed to {error}"))?;
        if is_wild(&path) {
            return Err(format!("{path} means more than one place: write each of them"));
        }
        if path.elems.is_empty() && !value.is_object() {
            return Err("at / an object of the whole configuration is needed".into());
        }
        if !known.insert(path.clone()) {
            return Err(format!("it says twice what stands at {path}"));
        }
        items.push((path, if value.is_null() { None } else { Some(value) }));
    }
    if items.is_empty() {
        return Err("it names no path".into());
    }
    Ok(Change { items })
}

/// Whether a device would take more for it than what is called so (gNMI path conventions, "Wildcards in Paths").
fn is_wild(path: &Path) -> bool {
    let mut keys = path.elems.iter().flat_map(|elem| elem.keys.values());
    path.elems.iter().any(|elem| matches!(elem.name.as_str(), "*" | "...")) || keys.any(|value| value == "*")
}

/// Members as they stand there, those that come twice as well.
struct Written(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Written;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                    if members.len() > PATHS_MAX {
                        break;
                    }
                }
                Ok(Written(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
