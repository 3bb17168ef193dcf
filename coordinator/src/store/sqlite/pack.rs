//! Events that happened together lie in one row: one line each, under the version of the last.

use crate::store::{NewEvent, READ_EVENTS_MAX, StoredEvent};
use std::collections::BTreeMap;

/// Events of one row, at most.
const EVENTS_PER_ROW_MAX: usize = 64;

/// Packs a batch: events of one log and one instant that follow one another share a row. Bodies are JSON
/// on one line.
pub(super) fn packed(events: &[NewEvent]) -> Vec<NewEvent> {
    let mut rows: Vec<(NewEvent, usize)> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        let own = open.get(event.stream.as_str()).and_then(|place| rows.get_mut(*place));
        if let Some((row, count)) = own
            && *count < EVENTS_PER_ROW_MAX
            && row.at == event.at
            && row.version + 1 == event.version
        {
            row.version = event.version;
            row.body.push('\n');
            row.body.push_str(&event.body);
            *count += 1;
            continue;
        }
        open.insert(&event.stream, rows.len());
        rows.push((event.clone(), 1));
    }
    rows.into_iter().map(|(row, _)| row).collect()
}

/// The events of one row.
pub(super) fn unpacked(row: StoredEvent) -> Vec<StoredEvent> {
    if !row.body.contains('\n') {
        return vec![row];
    }
    let lines: Vec<&str> = row.body.split('\n').collect();
    let before = row.version.saturating_sub(lines.len() as u64);
    let event = |(body, version): (&str, u64)| StoredEvent {
        sequence: row.sequence,
        stream: row.stream.clone(),
        version,
        at: row.at,
        body: body.to_owned(),
    };
    lines.into_iter().zip(before + 1..).map(event).collect()
}

/// The events of as many rows as make a page, without those up to `version`.
pub(super) fn page(
    rows: impl Iterator<Item = rusqlite::Result<StoredEvent>>,
    version: u64,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut page = Vec::new();
    for row in rows {
        page.extend(unpacked(row?).into_iter().filter(|event| event.version > version));
        if page.len() >= READ_EVENTS_MAX {
            break;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::time::Timestamp;

    fn event(stream: &str, version: u64, at: i64) -> NewEvent {
        let (stream, body) = (stream.to_owned(), format!("{{\"{stream}\":{version}}}"));
        NewEvent { stream, version, at: Timestamp(at), body }
    }

    fn stored(row: NewEvent) -> StoredEvent {
        let NewEvent { stream, version, at, body } = row;
        StoredEvent { sequence: 1, stream, version, at, body }
    }

    #[test]
    fn what_was_packed_comes_out_as_it_was_also_when_logs_take_turns() {
        let events: Vec<NewEvent> =
            (1..=200).flat_map(|n| [event("a", n, 7), event("b", n + 3, 7)]).collect();
        let rows = packed(&events);
        assert_eq!(rows.len(), 8, "64 in a row at most");
        for log in ["a", "b"] {
            let of_log: Vec<NewEvent> = events.iter().filter(|event| event.stream == log).cloned().collect();
            let back: Vec<StoredEvent> =
                rows.iter().filter(|row| row.stream == log).cloned().map(stored).flat_map(unpacked).collect();
            assert_eq!(back, of_log.into_iter().map(stored).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_gap_or_another_instant_begins_a_row() {
        let rows = packed(&[event("a", 1, 7), event("a", 3, 7), event("a", 4, 8)]);
        assert_eq!(rows, [event("a", 1, 7), event("a", 3, 7), event("a", 4, 8)]);
    }

    #[test]
    fn a_page_begins_within_a_row_and_is_bounded() {
        let events: Vec<NewEvent> = (1..=1000).map(|n| event("a", n, 7)).collect();
        let rows: Vec<StoredEvent> = packed(&events).into_iter().map(stored).collect();
        let from_11 = page(rows.into_iter().map(Ok), 10).unwrap();
        assert_eq!(from_11.first().map(|event| event.version), Some(11));
        assert!((256..256 + 64).contains(&from_11.len()), "{}", from_11.len());
    }
}
