//! Answers of a device as one tree of JSON.

use super::tree::Names;
use serde_json::{Map, Number, Value};
use switchyard_proto::gnmi::typed_value::Value as Typed;
use switchyard_proto::gnmi::{self, GetResponse};
use switchyard_shared::gnmi_path::{ELEMS_MAX, Elem, Path};

/// Everything that `response` says, put together by `names`, members sorted; the error says what is odd about it.
pub fn tree(response: GetResponse, names: &Names) -> Result<Value, String> {
    let mut tree = Value::Object(Map::new());
    for notification in response.notification {
        let prefix = notification.prefix.unwrap_or_default();
        for gone in notification.delete {
            names.remove(&mut tree, &joined(&prefix, &gone)?);
        }
        for update in notification.update {
            let path = joined(&prefix, &update.path.unwrap_or_default())?;
            let value = update.val.and_then(|val| val.value);
            let value = value.ok_or_else(|| format!("no value stands at {path}"))?;
            let value = json(value).map_err(|why| format!("{why} at {path}"))?;
            if path.elems.is_empty() && !value.is_object() {
                return Err("a single value stands at /".into());
            }
            names.fits(&tree, &path)?;
            if names.find(&tree, &path).is_some_and(|has| is_leaf(has) && !names.contains(has, &value)) {
                return Err(format!("two values stand at {path}"));
            }
            names.put(&mut tree, &path, &value, false);
        }
    }
    Ok(sorted(tree))
}

/// `value` with the members of every object sorted by their names.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => value,
    }
}

/// The path from the root; the error says why it cannot be used.
#[expect(deprecated, reason = "old devices still send these")]
pub fn joined(prefix: &gnmi::Path, path: &gnmi::Path) -> Result<Path, String> {
    if [prefix, path].into_iter().any(|path| !path.element.is_empty()) {
        return Err("a path is written as before gNMI 0.4".into());
    }
    if prefix.elem.len() + path.elem.len() > ELEMS_MAX {
        return Err(format!("a path has more than {ELEMS_MAX} elements"));
    }
    let elems = prefix.elem.iter().chain(&path.elem);
    let elems = elems.map(|elem| Elem {
        name: elem.name.clone(),
        keys: elem.key.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    });
    Ok(Path { elems: elems.collect() })
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

#[expect(deprecated, reason = "old devices still send these")]
fn json(value: Typed) -> Result<Value, String> {
    Ok(match value {
        Typed::JsonIetfVal(text) | Typed::JsonVal(text) => {
            serde_json::from_slice(&text).map_err(|error| format!("what is no JSON ({error}) stands"))?
        }
        Typed::StringVal(text) => Value::String(text),
        Typed::BoolVal(value) => Value::Bool(value),
        Typed::IntVal(value) => value.into(),
        Typed::UintVal(value) => value.into(),
        Typed::DoubleVal(value) => number(value)?,
        Typed::FloatVal(value) => number(f64::from(value))?,
        Typed::LeaflistVal(list) => {
            let items = list.element.into_iter().filter_map(|element| element.value).map(json);
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Typed::BytesVal(_)
        | Typed::ProtoBytes(_)
        | Typed::AsciiVal(_)
        | Typed::AnyVal(_)
        | Typed::DecimalVal(_) => {
            return Err("a value of another kind than JSON stands".into());
        }
    })
}

fn number(value: f64) -> Result<Value, String> {
    Number::from_f64(value).map(Value::Number).ok_or_else(|| "what is no number stands".into())
}
