//! Whether a device still has what a rollout left, as far as others who wrote to it since tell.

use crate::executor::device::Running;

/// What is known of the time since a write.
#[derive(Clone)]
pub struct Since {
    /// What the device had after it, when it was seen to have the change, and what the last way back from it left where
    /// that was something else than what it had before.
    pub left: Vec<Left>,
    /// The other rollout that has written to it last, after the last attempt of this one.
    pub written_by: Option<String>,
    /// Whether a later attempt of this one was at it.
    pub was_tried: bool,
}

/// What a device was left as.
#[derive(Clone)]
pub struct Left {
    /// Its digest, under the site's key.
    pub digest: String,
    /// The writes of other rollouts that came then, oldest first: whose they were, and what each of them met.
    pub writes: Vec<(String, Running)>,
}

impl Left {
    /// Whether a device of the digest `now` is as it was left: what others did since, they gave back. `digest` is that of the
    /// site's key.
    pub fn stands(&self, now: &str, digest: impl Fn(&Running) -> String) -> bool {
        let met: Vec<String> = self.writes.iter().map(|(_, met)| digest(met)).collect();
        let writes =
            self.writes.iter().map(|(rollout, _)| rollout.as_str()).zip(met.iter().map(String::as_str));
        self.digest == now && all_gave_back(writes, now)
    }
}

/// Whether each rollout brought the device back to what it met first, before another one came or at the end.
fn all_gave_back<'a>(writes: impl Iterator<Item = (&'a str, &'a str)>, now: &'a str) -> bool {
    // Those that have not, and what they met first; who comes meanwhile stands above them.
    let mut open: Vec<(&str, &str)> = Vec::new();
    for (rollout, met) in writes {
        while open.last().is_some_and(|(other, first)| *other != rollout && *first == met) {
            open.pop();
        }
        if open.last().is_none_or(|(last, _)| *last != rollout) {
            open.push((rollout, met));
        }
    }
    while open.last().is_some_and(|(_, first)| *first == now) {
        open.pop();
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_as_it_was_left_where_all_who_came_since_gave_back_what_they_did() {
        for (writes, stands) in [
            (vec![], true),
            (vec![("b", "new"), ("b", "newer")], true),
            (vec![("b", "new"), ("c", "newer"), ("c", "newest"), ("b", "newer")], true),
            (vec![("b", "new"), ("b", "newer"), ("c", "new"), ("c", "newest")], true),
            (vec![("b", "new"), ("c", "new")], true),
            (vec![("b", "new"), ("c", "old")], false),
            (vec![("b", "old")], false),
            (vec![("b", "old"), ("b", "new"), ("c", "old"), ("c", "newest")], false),
            (vec![("b", "new"), ("c", "newer"), ("b", "new"), ("b", "newer")], false),
        ] {
            assert_eq!(all_gave_back(writes.iter().copied(), "new"), stands, "{writes:?}");
        }
    }
}
