//! What changes a file: the new text beside it, the check, its place, the reload; and the way back.

use super::script::Say;
use super::{FileSession, said};
use crate::executor::WritePass;
use crate::executor::device::WriteEnd;
use crate::executor::ssh::{NotRun, Ran};
use crate::platform::NEW;
use switchyard_shared::outcome::LeftAs;

impl FileSession {
    /// Puts `text` in place, `checked` by the definition's check where it has one.
    pub(super) async fn put(&mut self, pass: &WritePass, text: &str, checked: bool) -> Result<(), WriteEnd> {
        let platform = self.platform.clone();
        let staged = self.say(&Say::Stage(pass, text.len()), text.as_bytes()).await;
        self.beside(staged, "")?;
        let check = platform.check.as_deref().filter(|_| checked);
        let (before, after) = match check {
            Some(check) if check.contains(NEW) => (Some(check), None),
            other => (None, other),
        };
        if let Some(check) = before {
            let ran = self.say(&Say::Own(pass, check), &[]).await;
            if let Err(end) = self.beside(ran, check) {
                // Beside the file it harms nobody; the next change writes it anew.
                let _ = self.say(&Say::Drop(pass), &[]).await;
                return Err(end);
            }
        }
        let installed = self.say(&Say::Install(pass), &[]).await;
        self.end(installed, "", LeftAs::Unknown)?;
        if let Some(check) = after {
            let ran = self.say(&Say::Own(pass, check), &[]).await;
            self.in_place(ran, check)?;
        }
        self.reload(pass).await
    }

    /// Takes the file away again that was not there before.
    pub(super) async fn remove(&mut self, pass: &WritePass) -> Result<(), WriteEnd> {
        let removed = self.say(&Say::Remove(pass), &[]).await;
        self.end(removed, "", LeftAs::Unknown)?;
        self.reload(pass).await
    }

    async fn reload(&mut self, pass: &WritePass) -> Result<(), WriteEnd> {
        let platform = self.platform.clone();
        let Some(reload) = &platform.reload else { return Ok(()) };
        let ran = self.say(&Say::Own(pass, reload), &[]).await;
        self.in_place(ran, reload)
    }

    /// The end of what only touches the file beside the file.
    fn beside(&self, ran: Result<Ran, NotRun>, command: &str) -> Result<(), WriteEnd> {
        self.end(ran, command, LeftAs::Unchanged).map_err(|end| match end {
            WriteEnd::Lost(why) => WriteEnd::NotSent(why),
            WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Busy(_) | WriteEnd::Rejected { .. } => end,
        })
    }

    /// The end of what comes once the text is in place.
    fn in_place(&self, ran: Result<Ran, NotRun>, command: &str) -> Result<(), WriteEnd> {
        self.end(ran, command, LeftAs::Unknown).map_err(|end| match end {
            WriteEnd::NotSent(why) => WriteEnd::Lost(why),
            WriteEnd::NoWay(_) | WriteEnd::Lost(_) | WriteEnd::Busy(_) | WriteEnd::Rejected { .. } => end,
        })
    }

    fn end(&self, ran: Result<Ran, NotRun>, command: &str, left_as: LeftAs) -> Result<(), WriteEnd> {
        match ran {
            Ok(ran) if ran.status == 0 => Ok(()),
            Ok(ran) => {
                let words = match command {
                    "" => said(&ran),
                    command => format!("`{command}`: {}", said(&ran)),
                };
                Err(WriteEnd::Rejected { message: self.platform.redact(&words), left_as })
            }
            Err(NotRun::Refused) => {
                Err(WriteEnd::Rejected { message: "it refuses to run commands".into(), left_as })
            }
            Err(NotRun::TooLong) => Err(WriteEnd::Lost("its answer does not end".into())),
            Err(NotRun::NotSent(why)) => Err(WriteEnd::NotSent(why)),
            Err(NotRun::Lost(why)) => Err(WriteEnd::Lost(why)),
        }
    }
}
