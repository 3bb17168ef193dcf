//! One file of a device with a shell: read whole, compared line by line, replaced at once.

mod script;
mod seen;
mod writing;

use super::script::Names;
use crate::executor::device::{Difference, Job, Restored, Running, Session, WriteEnd, Written};
use crate::executor::ssh::{self, Door, NotRun, Ran};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use crate::platform::FilePlatform;
use futures_util::future::BoxFuture;
use script::Say;
use seen::Seen;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::unified;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Mode, Probe};
use switchyard_shared::task::{CONFIGURATION_BYTES_MAX, Purpose};
use switchyard_shared::time::format_duration;

pub(crate) use script::{BEGIN, END, INSTALL, PLACES, READ, REMOVE, STAGE, quoted};

/// Most bytes of an answer beside the file.
const BESIDE_BYTES_MAX: usize = 64 * 1024;

/// A session with a shell, as long as it is about one file.
pub(super) struct FileSession {
    ssh: ssh::Session,
    platform: Arc<FilePlatform>,
    /// How messages name the device.
    device: String,
    /// Stands around the file in answers.
    mark: String,
    /// Whether this attempt may write at all.
    writes: bool,
    /// Longest wait for one answer.
    answer: Duration,
}

/// Opens a session; a merge is refused before anything is said.
pub(super) async fn open(
    door: &Arc<Door>,
    platform: Arc<FilePlatform>,
    job: &Job<'_>,
) -> Result<Box<dyn Session>, Failure> {
    let Names { device, writes, answer, .. } = Names::of(job);
    let restores = matches!(job.task.purpose, Purpose::Restore { .. });
    if job.procedure.mode == Mode::Merge && !restores {
        let message = format!(
            "{device}: the platform {} is the file {}, which is replaced whole: a merge cannot be made",
            platform.name, platform.path
        );
        return Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message)
            .with_hint("write change: {mode: replace} into the spec, with a template of the whole file"));
    }
    let ssh = door.open(job.task, job.context).await?;
    let mark = crate::entropy::key().iter().take(8).fold("switchyard:".to_owned(), |mut mark, byte| {
        let _ = write!(mark, "{byte:02x}");
        mark
    });
    Ok(Box::new(FileSession { ssh, platform, device, mark, writes, answer }))
}

impl FileSession {
    /// The one way by which words reach the device: none that can change it in an attempt that only reads. The engine
    /// bounds the time of what only looks.
    async fn say(&mut self, say: &Say<'_>, input: &[u8]) -> Result<Ran, NotRun> {
        let line = say.line(&self.platform);
        let most = CONFIGURATION_BYTES_MAX + BESIDE_BYTES_MAX;
        if say.only_looks() {
            return self.ssh.run(&line, input, most).await;
        }
        if !self.writes {
            return Err(NotRun::NotSent("this attempt only reads".into()));
        }
        let limit = self.answer * say.commands(&self.platform);
        match tokio::time::timeout(limit, self.ssh.run(&line, input, most)).await {
            Ok(ran) => ran,
            Err(_) => Err(NotRun::Lost(format!("no answer within {}", format_duration(limit)))),
        }
    }

    async fn read_file(&mut self) -> Result<Running, Failure> {
        let mark = self.mark.clone();
        let ran = self.looked(&Say::Read { mark: &mark }, Phase::Read).await?;
        let (path, device) = (&self.platform.path, &self.device);
        let unread = |why: String| {
            Failure::new(Class::PrecheckFailed, Phase::Read, format!("{device}: {path} {why}"))
                .with_hint("nothing was written; look at the file by hand")
        };
        let answer =
            between(&ran.output, mark.as_bytes()).ok_or_else(|| unread("was not shown to its end".into()))?;
        let [sign, content @ .., pending] = answer else {
            return Err(unread("was not shown".into()));
        };
        let is_finished = *pending == b'0';
        if *sign == b'-' {
            return Ok(Seen { text: None, is_finished }.running());
        }
        if content.len() > CONFIGURATION_BYTES_MAX {
            return Err(unread(format!("is larger than {CONFIGURATION_BYTES_MAX} bytes")));
        }
        match std::str::from_utf8(content) {
            Ok(text) if !text.contains('\0') => Ok(Seen { text: Some(text), is_finished }.running()),
            Ok(_) | Err(_) => Err(unread("is no UTF-8 text, so it could not be put back".into())),
        }
    }

    /// The answer to what only looks.
    async fn looked(&mut self, say: &Say<'_>, phase: Phase) -> Result<Ran, Failure> {
        let ran = self.say(say, &[]).await;
        let device = &self.device;
        match ran {
            Ok(ran) if ran.status == 0 => Ok(ran),
            Ok(ran) => {
                let message = format!("{device}: {}", self.platform.redact(&said(&ran)));
                Err(Failure::new(Class::PrecheckFailed, phase, message).with_hint(
                    "nothing was written; may this user read it? become: sudo -n in the platform helps",
                ))
            }
            Err(NotRun::Refused) => {
                let message = format!("{device} refuses to run a command");
                Err(Failure::new(Class::Unreachable, phase, message)
                    .with_hint("allow this user commands over SSH"))
            }
            Err(NotRun::TooLong) => {
                let message = format!("{device}: its answer is larger than any file that is configured");
                Err(Failure::new(Class::PrecheckFailed, phase, message)
                    .with_hint("nothing was written; look at the file by hand"))
            }
            Err(NotRun::NoRoom(why)) => Err(Failure::new(
                Class::Overloaded,
                phase,
                format!("{device}: {why}"),
            )
            .with_hint(
                "nothing was written; raise its limit of sessions in one connection, or see what keeps it \
                     from ending a command",
            )),
            Err(NotRun::NotSent(why) | NotRun::Lost(why)) => {
                let message = format!("{device}: session lost: {why}");
                Err(Failure::new(Class::Unreachable, phase, message)
                    .with_hint("nothing was written; log in by hand and look at its sessions"))
            }
        }
    }

    fn difference(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let refused = |why: &str| {
            let message = format!("{}: {why}", self.device);
            Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("correct the template, then plan again"))
        };
        let (has, shall) = (Seen::of(running), wanted.reveal());
        if shall.is_empty() {
            return refused("an empty configuration would take everything away");
        }
        if shall.contains('\0') {
            return refused("the configuration holds a NUL character: it is no text");
        }
        if shall.len() > CONFIGURATION_BYTES_MAX {
            let bytes = shall.len();
            return refused(&format!(
                "the configuration has {bytes} bytes with its secrets, and a file is read and put back up to {CONFIGURATION_BYTES_MAX}"
            ));
        }
        let mut text = unified(has.text.unwrap_or_default(), shall);
        if !has.is_finished {
            text.insert_str(0, &format!("! {}\n", unfinished(&self.platform)));
        }
        Ok(Difference { text: self.platform.redact(&text).into() })
    }

    async fn look_at(&mut self, probe: &Probe) -> Result<String, Failure> {
        let refused = |message: String, hint: &str| {
            Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message).with_hint(hint))
        };
        let Probe::Command { command } = probe else {
            let message = format!("{}: this check cannot be made over a shell", self.device);
            return refused(message, "use command, or another transport");
        };
        if !self.platform.looks.allow(command) {
            let message =
                format!("{}: `{command}` is not known to only look, so it was not said", self.device);
            return refused(message, "add it to looks.beginnings of the platform if it can change nothing");
        }
        let ran = self.looked(&Say::Look(command), Phase::Validate).await?;
        Ok(String::from_utf8_lossy(&ran.output).into_owned())
    }
}

/// What is told of a file whose last change was not carried to its end.
fn unfinished(platform: &FilePlatform) -> String {
    let due = match (&platform.check, &platform.reload) {
        (_, Some(reload)) => format!("`{reload}` is still due"),
        (Some(check), None) => format!("`{check}` is still due"),
        (None, None) => "it may still be at work".into(),
    };
    format!("an earlier change of {} was not carried to its end: {due}", platform.path)
}

/// What stands between the first and the last `mark`.
fn between<'a>(output: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let mut at = output.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
    let first = at.next()?.0 + mark.len();
    let last = at.next_back()?.0;
    output.get(first..last)
}

/// What a command said that failed.
fn said(ran: &Ran) -> String {
    let printed = String::from_utf8_lossy(&ran.output);
    let printed = printed.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    match ran.words.clone().or(printed) {
        Some(words) => words,
        None => format!("exit status {}", ran.status),
    }
}

impl Session for FileSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_file())
    }

    fn is_shown_whole(&self) -> bool {
        self.platform.reload.is_none() && self.platform.check.is_none()
    }

    fn redact(&self, text: &str) -> String {
        self.platform.redact(text)
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        self.difference(running, wanted)
    }

    fn alike(&self, now: &Running, before: &Running) -> bool {
        // What was pending before the change is finished by the way back.
        let (now, before) = (Seen::of(now), Seen::of(before));
        now.is_finished && now.text == before.text
    }

    fn unfinished(&self, running: &Running) -> Option<String> {
        (!Seen::of(running).is_finished).then(|| self.platform.redact(&unfinished(&self.platform)))
    }

    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(self.look_at(probe))
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(async move {
            self.put(pass, &Seen::of(running), wanted.reveal(), true).await?;
            Ok(Written::ForGood)
        })
    }

    fn confirm<'a>(&'a mut self, _pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn cancel<'a>(&'a mut self, _pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Err(WriteEnd::NotSent("a file takes nothing back by itself".into())) })
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(async move {
            let has = Seen::of(running);
            match Seen::of(before).text {
                Some(text) => self.put(pass, &has, text, false).await?,
                None => self.remove(pass, &has).await?,
            }
            Ok(Restored::Whole)
        })
    }

    fn save<'a>(&'a mut self, _pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.ssh.close())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::cli::tests::bench::{Bench, Part};
    use crate::simulator::{Mode as Behaves, Trick};
    use futures_util::future::join_all;
    use switchyard_shared::outcome::LeftAs;

    #[tokio::test]
    async fn a_device_that_opens_no_further_channel_has_no_room_and_what_lies_beside_its_file_is_told() {
        let (has, wanted) = ("server 192.0.2.1\n", "server 192.0.2.2\n");
        let rows: [(u8, Phase, &[&str], &str); 3] = [
            (1, Phase::Read, &[], ""),
            (2, Phase::Write, &[], ""),
            (3, Phase::Write, &["stage 17 bytes", "conftool check \"$2\""], "/etc/.conf.switchyard"),
        ];
        let part = |most| Part { platform: "linux", has, mode: Behaves::Trick(Trick::Channels(most)) };
        let bench = Bench::new(&rows.map(|(most, ..)| part(most))).await;
        let attempts = (1..).zip(rows).map(async |(number, (_, phase, typed, beside))| {
            let task = bench.task(number, "linux", wanted, Mode::Replace);
            let outcome = bench.attempt(&task).await;
            let got = (outcome.class, outcome.phase, outcome.left_as);
            assert_eq!(got, (Class::Overloaded, phase, LeftAs::Unchanged), "{outcome:?}");
            let told = ["it opened no channel for another command", beside];
            assert!(told.iter().all(|words| outcome.message.contains(words)), "{outcome:?}");
            assert_eq!((bench.typed(number), bench.has(number)), (owned(typed), has.to_owned()));
            bench.mends(&task).await;
            let again = bench.again(&task, Purpose::Apply).await;
            assert_eq!((again.class, bench.has(number).as_str()), (Class::Ok, wanted), "{again:?}");
        });
        join_all(attempts).await;
    }

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn what_a_login_prints_around_the_file_is_no_part_of_it() {
        for (output, content) in [
            (&b"Welcome\nMM+a\nMM"[..], Some(&b"+a\n"[..])),
            (b"MM-MM", Some(b"-")),
            (b"MM+MM trailing", Some(b"+")),
            (b"MM+half", None),
            (b"", None),
        ] {
            assert_eq!(between(output, b"MM"), content);
        }
    }
}
