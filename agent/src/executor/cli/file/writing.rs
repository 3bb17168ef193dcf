//! What changes a file: the new text beside it, then its place, check and reload at once; and the way back.

use super::script::{CHANGED_SINCE, NOT_RELOADED, REFUSED_BY_CHECK, Say, UNTOUCHED};
use super::seen::Seen;
use super::{FileSession, said};
use crate::executor::WritePass;
use crate::executor::device::WriteEnd;
use crate::executor::ssh::{NotRun, Ran};
use crate::platform::NEW;
use switchyard_shared::outcome::LeftAs;

/// A file is read before it is changed, over the same session: what the host is out of now is processes.
const REFUSES: &str = "it refuses to run one more command";

impl FileSession {
    /// Puts `text` in the place of what was seen, `checked` by the definition's check where it has one.
    pub(super) async fn put(
        &mut self,
        pass: &WritePass,
        has: &Seen<'_>,
        text: &str,
        checked: bool,
    ) -> Result<(), WriteEnd> {
        let platform = self.platform.clone();
        let check = platform.check.as_deref().filter(|_| checked).unwrap_or_default();
        let (beside, in_place) = if check.contains(NEW) { (check, "") } else { ("", check) };
        let stage = Say::Stage { _pass: pass, bytes: text.len(), check: beside };
        let staged = self.say(&stage, text.as_bytes()).await;
        self.staged(staged, beside)?;
        let install = Say::Install { _pass: pass, sum: &has.sum(), check: in_place };
        let installed = self.say(&install, &[]).await;
        self.changed(installed.map_err(|not_run| not_run.but_staged(&platform.path)), in_place)
    }

    /// Takes the file away again that was not there before.
    pub(super) async fn remove(&mut self, pass: &WritePass, has: &Seen<'_>) -> Result<(), WriteEnd> {
        let removed = self.say(&Say::Remove { _pass: pass, sum: &has.sum() }, &[]).await;
        self.changed(removed, "")
    }

    /// The end of what only touches the file beside the file.
    fn staged(&self, ran: Result<Ran, NotRun>, check: &str) -> Result<(), WriteEnd> {
        match ran {
            Ok(ran) if ran.status == 0 => Ok(()),
            Ok(ran) if ran.status == REFUSED_BY_CHECK => Err(self.refused(&ran, check, LeftAs::Unchanged)),
            Ok(ran) => Err(self.refused(&ran, "", LeftAs::Unchanged)),
            Err(NotRun::Lost(why)) => Err(WriteEnd::NotSent(why)),
            Err(NotRun::TooLong) => Err(WriteEnd::NotSent("its answer does not end".into())),
            Err(not_run @ (NotRun::NotSent(_) | NotRun::NoRoom(_) | NotRun::Refused)) => Err(not_run.end()),
        }
    }

    /// The end of what changes the file. An exit status that is not ours says nothing: the engine looks.
    fn changed(&self, ran: Result<Ran, NotRun>, check: &str) -> Result<(), WriteEnd> {
        let platform = &self.platform;
        let ran = ran.map_err(NotRun::end)?;
        match ran.status {
            0 => Ok(()),
            UNTOUCHED => Err(self.refused(&ran, "", LeftAs::Unchanged)),
            CHANGED_SINCE => Err(WriteEnd::Busy(format!(
                "somebody has changed {} since it was read, so it was left as it is",
                platform.path
            ))),
            REFUSED_BY_CHECK => Err(self.refused(&ran, check, LeftAs::Unknown)),
            NOT_RELOADED => {
                let reload = platform.reload.as_deref().unwrap_or_default();
                Err(self.refused(&ran, reload, LeftAs::Unknown))
            }
            _ => Err(self.refused(&ran, "", LeftAs::Unknown)),
        }
    }

    fn refused(&self, ran: &Ran, command: &str, left_as: LeftAs) -> WriteEnd {
        let words = match command {
            "" => said(ran),
            command => format!("`{command}`: {}", said(ran)),
        };
        WriteEnd::Rejected { message: self.platform.redact(&words), left_as }
    }
}

impl NotRun {
    /// What it means for what was to be changed.
    fn end(self) -> WriteEnd {
        match self {
            Self::Refused => WriteEnd::Busy(REFUSES.into()),
            Self::TooLong => WriteEnd::Lost("its answer does not end".into()),
            Self::NotSent(why) => WriteEnd::NotSent(why),
            Self::NoRoom(why) => WriteEnd::Busy(why),
            Self::Lost(why) => WriteEnd::Lost(why),
        }
    }

    /// The same of what was to put the new text in the place of the file at `path`: it lies beside it then.
    fn but_staged(self, path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let and_beside = |why: String| {
            format!(
                "{why}; the new text stays in {folder}/.{name}.switchyard (of a link: beside its file) until the next change"
            )
        };
        match self {
            Self::NotSent(why) => Self::NotSent(and_beside(why)),
            Self::NoRoom(why) => Self::NoRoom(and_beside(why)),
            Self::Refused => Self::NoRoom(and_beside(REFUSES.into())),
            end @ (Self::TooLong | Self::Lost(_)) => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_refuses_a_command_of_a_write_has_no_room_and_what_lies_beside_its_file_is_told() {
        assert!(matches!(NotRun::Refused.end(), WriteEnd::Busy(_)), "nothing is said against the change");
        let WriteEnd::Busy(why) = NotRun::Refused.but_staged("/etc/chrony/chrony.conf").end() else {
            panic!("it is told otherwise");
        };
        assert!(why.contains("/etc/chrony/.chrony.conf.switchyard"), "{why}");
    }
}
