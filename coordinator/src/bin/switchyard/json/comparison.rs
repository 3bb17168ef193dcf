//! Comparisons as JSON.

use crate::comparing::{Comparison, Group};
use crate::words;
use serde_json::{Value, json};
use switchyard_proto::v1;

/// What a plan would change.
pub fn comparison(found: &Comparison) -> Value {
    json!({
        "changes": found.changes(),
        "unchanged": found.unchanged.len(),
        "unknown": found.not_read(),
        "groups": found.groups.iter().map(group).collect::<Vec<_>>(),
        "unchanged_devices": found.unchanged,
        "open_devices": found.open.iter().map(difference).collect::<Vec<_>>(),
        "unknown_devices": found.unknown.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn group(group: &Group) -> Value {
    json!({
        "platform": group.platform,
        "diff": group.diff,
        "diff_of": group.shown_of,
        "lines_around_vary": group.lines_around_vary,
        "added": group.added,
        "removed": group.removed,
        "devices": group.devices,
    })
}

/// What was read of one device.
pub fn difference(told: &v1::ComparePlanResponse) -> Value {
    json!({
        "device": told.device,
        "site": told.site,
        "platform": told.platform,
        "state": words::differs(told.state),
        "diff": told.diff,
        "class": if told.class == 0 { Value::Null } else { json!(words::class(told.class)) },
        "reason": told.reason,
    })
}
