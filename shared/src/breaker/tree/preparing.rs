//! Attempts whose device is asked later: what keeps us before the connect is no silence of the device.

use super::{Admission, Tree};
use crate::time::Timestamp;
use std::time::Duration;

impl Tree {
    /// The attempt has work of ours to do first, such as fetching secrets, for `wait` at the longest: until then, or
    /// until [`Tree::connects`], its device is not waited for. Call it right after its admission.
    pub fn prepares(&mut self, admission: &Admission, wait: Duration) {
        self.site.prepares(admission.id, admission.at_site, wait);
        self.due = self.poll_timeout().map(|(at, _, _)| at);
    }

    /// The attempt connects from `at` on.
    pub fn connects(&mut self, admission: &Admission, at: Timestamp, now: Timestamp) {
        self.catch_up(now);
        self.site.connects(admission.id, at);
    }
}
