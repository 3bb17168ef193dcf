//! What can be wrong with a device that is configured over HTTP.

use std::time::Duration;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpFault {
    /// None.
    None,
    /// It carries a change out and closes the connection without an answer.
    DropAfterWrite,
    /// It carries a change out, and what stands before it answers with this status and no words.
    FailAfterWrite(u16),
    /// It refuses every change with 409, because of this session.
    Locked(String),
    /// It answers everything with this status and no words.
    Status(u16),
    /// It answers everything with this status and these words.
    Words(u16, String),
    /// It closes each connection after one answer, and after so many of them another device stands in its place.
    Replaced(u64),
    /// It answers every change with this status and no words, and carries none out.
    RefusesWrites(u16),
    /// It answers every change with this status and these words, and carries none out.
    RefusesWritesSaying(u16, String),
    /// It sends everybody to this address.
    Redirect(String),
    /// Half of each answer comes, then the connection ends.
    HalfAnswer,
    /// Its answers never end.
    EndlessBody,
    /// Its answers never begin.
    Silent,
    /// It carries a change out and never answers.
    SilentAfterWrite,
    /// It takes so long to carry a change out, and answers then.
    Slow(Duration),
    /// It takes so long to answer whatever it is asked.
    Late(Duration),
    /// It has another fault, and only where a path, or what is said there, holds this.
    At(&'static str, Box<HttpFault>),
    /// It says that its answers are of this kind.
    Kind(&'static str),
    /// It answers every reading with these bytes.
    Says(String),
    /// Somebody else changes it after each reading.
    ChangedMeanwhile,
}

impl HttpFault {
    /// The fault of an answer to `body` at `path`.
    pub(super) fn at(self, path: &str, body: &str) -> Self {
        let Self::At(part, fault) = self else { return self };
        if path.contains(part) || body.contains(part) { *fault } else { Self::None }
    }
}
