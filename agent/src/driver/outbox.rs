//! What waits to be said to the coordinator beside results; each kind bounded by itself.

use crate::attempt::ProgressNote;
use std::collections::VecDeque;
use switchyard_proto::convert::link::Compared;
use switchyard_shared::breaker::Report;

/// Progress notes that wait; older ones are dropped, because only the latest place matters.
const PROGRESS_MAX: usize = 256;
/// Ends of comparisons that wait; their devices are in flight until then, so that a pool seldom has as many.
const COMPARED_MAX: usize = 1024;

/// Breaker reports and progress that wait.
#[derive(Debug, Default)]
pub struct Outbox {
    reports: VecDeque<Report>,
    progress: VecDeque<ProgressNote>,
    compared: VecDeque<Compared>,
}

impl Outbox {
    /// Forgets everything: the next session begins with the whole picture.
    pub fn clear(&mut self) {
        self.reports.clear();
        self.progress.clear();
        self.compared.clear();
    }

    /// Queues a report; one of the same breaker that still waits gives way.
    pub fn report(&mut self, report: Report) {
        self.reports.retain(|waiting| waiting.name != report.name);
        self.reports.push_back(report);
    }

    /// Queues a note of progress.
    pub fn progress(&mut self, note: ProgressNote) {
        if self.progress.len() >= PROGRESS_MAX {
            self.progress.pop_front();
        }
        self.progress.push_back(note);
    }

    /// Queues the end of a comparison; when too many wait the oldest is asked for again some time.
    pub fn compared(&mut self, compared: Compared) {
        if self.compared.len() >= COMPARED_MAX {
            self.compared.pop_front();
        }
        self.compared.push_back(compared);
    }

    /// The end of the next comparison.
    pub fn next_compared(&mut self) -> Option<Compared> {
        self.compared.pop_front()
    }

    /// The next report.
    pub fn next_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// The next note of progress.
    pub fn next_progress(&mut self) -> Option<ProgressNote> {
        self.progress.pop_front()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.progress.is_empty() && self.compared.is_empty()
    }
}
