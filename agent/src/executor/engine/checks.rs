//! Checks before the write and after it.

use super::limits::{NoAnswer, in_time, unless_called_off, within};
use super::sessions::another_session;
use super::trouble::Trouble;
use super::{Ended, Run, web};
use crate::executor::Failure;
use crate::executor::device::Session;
use futures_util::TryFutureExt as _;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Check, Probe, Saved, Tally, judge};
use tokio::net::TcpStream;

/// What is said of a check of which nobody knows whether it passes.
const NOT_MADE: &str = "could not be made";
/// What to do about a check that said no of a device.
const PUT_RIGHT: &str = "nothing was written; put the device right, or correct the check";
/// What to do about a device whose way was lost before anything was written to it.
pub(super) const NO_BLAME: &str =
    "it is no failure of the device: look at what stands before it, then try the device again";

/// Why a check did not pass.
struct NotPassed {
    trouble: Trouble,
    /// The last look, where it failed and asked no session with the device.
    beside: Option<Failure>,
}

impl Run<'_> {
    /// What the checks before the write saved; the first that fails ends the attempt.
    pub(super) async fn pre_checks(&self, session: &mut Box<dyn Session>) -> Result<Saved, Ended> {
        let mut saved = Saved::new();
        for check in &self.job.procedure.pre {
            // On the heap, so that an attempt without checks does not carry their room.
            let checking = Box::pin(async {
                let seen = self.check(session, check, &saved, Phase::Validate).await;
                seen.map_err(|not_passed| self.skipped(check, &not_passed))
            });
            // Each of its steps has a deadline of its own: one of the whole would end it without saying which step failed.
            let seen = unless_called_off(&self.cancel, Phase::Validate, self.device(), checking).await;
            let seen = seen.map_err(|failure| self.failed(&failure))?;
            saved.extend(check.save_as.clone().map(|name| (name, seen)));
        }
        Ok(saved)
    }

    /// Why nothing is written to a device of which `check` does not say that it may be.
    fn skipped(&self, check: &Check, not_passed: &NotPassed) -> Failure {
        let NotPassed { trouble, beside } = not_passed;
        let told = beside.as_ref().filter(|failure| !failure.hint.is_empty());
        let by_itself = told.map(|failure| format!("nothing was written; {}", failure.hint));
        let (class, came_to, hint) = match trouble {
            Trouble::Bad(_) => {
                let is_seen = told.is_none_or(|failure| failure.class == Class::PrecheckFailed);
                let came_to = if is_seen { "failed" } else { NOT_MADE };
                (Class::PrecheckFailed, came_to, by_itself.as_deref().unwrap_or(PUT_RIGHT))
            }
            Trouble::NoWay(Class::AgentError, _) => (Class::AgentError, NOT_MADE, NO_BLAME),
            Trouble::Unseen(class, _) | Trouble::NoWay(class, _) => {
                let class = self.refused.get().map_or(*class, |failure| failure.class);
                let hint = "nothing was written; see what keeps the device from answering, and try again";
                (class, NOT_MADE, hint)
            }
        };
        let (device, name, why) = (self.device(), &check.name, trouble.why());
        let message = format!("{device}: the check {name} before the write {came_to}: {why}");
        Failure::new(class, Phase::Validate, message).with_hint(hint)
    }

    /// Whether each of these checks after the write passes; the error says which does not, or could not be made.
    pub(super) async fn post_checks(
        &self,
        session: &mut Box<dyn Session>,
        checks: impl Iterator<Item = &Check>,
        saved: &Saved,
    ) -> Result<(), Trouble> {
        for check in checks {
            let checked = Box::pin(self.check(session, check, saved, Phase::Verify)).await;
            let not_made = |why| format!("the check {} {NOT_MADE}: {why}", check.name);
            checked.map_err(|not_passed| {
                self.ask_why_none_answers(&not_passed);
                match not_passed.trouble {
                    Trouble::Bad(why) => Trouble::Bad(format!("the check {} failed: {why}", check.name)),
                    Trouble::Unseen(class, why) => Trouble::Unseen(class, not_made(why)),
                    Trouble::NoWay(class, why) => Trouble::NoWay(class, not_made(why)),
                }
            })?;
        }
        Ok(())
    }

    /// A port or a page that says nothing may be behind a link that was cut just then: that is found out at once. One that
    /// refuses has shown that the link works. A reading after a doubt has written nothing that it could speak against.
    fn ask_why_none_answers(&self, not_passed: &NotPassed) {
        let is_silent = not_passed.beside.as_ref().is_some_and(|look| look.class == Class::Timeout);
        if is_silent && self.job.task.purpose.writes() {
            self.job.context.unseen();
        }
    }

    /// Looks as often as `check` wants; gives what was seen last, or why it failed: the last look decides whether that was
    /// the device or the way to it.
    async fn check(
        &self,
        session: &mut Box<dyn Session>,
        check: &Check,
        saved: &Saved,
        phase: Phase,
    ) -> Result<String, NotPassed> {
        tokio::time::sleep(check.initial_delay).await;
        // That a session ends or is slow says nothing of a change, also where one look is all that the check wants.
        let (mut tally, mut has_one_more) = (Tally::default(), phase == Phase::Verify);
        loop {
            let looked = self.look_and_judge(&mut **session, check, saved, phase).await;
            let is_over = looked.is_err() && check.probe.asks_the_device();
            let (mut judged, beside) = match looked {
                Ok(judged) => (judged.map_err(Trouble::Bad), None),
                Err(failure) if is_over => (Err(self.not_seen(&failure, has_one_more).await), None),
                Err(failure) => (Err(Trouble::Bad(failure.message.clone())), Some(failure)),
            };
            if has_one_more && matches!(judged, Err(Trouble::Unseen(..) | Trouble::NoWay(..))) {
                has_one_more = false;
                match another_session(session, self.reconnect()).await {
                    Ok(()) => continue,
                    Err(failure) => judged = Err(self.no_session(&failure).await),
                }
            }
            if let Some(passed) = tally.count(check, judged.is_ok()) {
                let too_few = |_| Err(Trouble::Bad("too few looks were good".into()));
                let judged = if passed { judged } else { judged.and_then(too_few) };
                return judged.map_err(|trouble| NotPassed { trouble, beside });
            }
            tokio::time::sleep(check.interval).await;
            if is_over {
                let _the_next_look_tells = another_session(session, self.reconnect()).await;
            }
        }
    }

    /// What a look at the device that ended with `failure` says. `has_one_more`: no session was opened for it yet.
    async fn not_seen(&self, failure: &Failure, has_one_more: bool) -> Trouble {
        let why = failure.message.clone();
        match failure.class {
            // It is said that the device does not do this.
            Class::PrecheckFailed | Class::Rejected => self.refused_look(why).await,
            // Who was let in just now is refused this look, and not the login.
            Class::AuthFailed if !has_one_more => self.refused_look(why).await,
            Class::Ok
            | Class::Unchanged
            | Class::Unreachable
            | Class::Timeout
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::Overloaded
            | Class::PostcheckFailed
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => self.unanswered(failure.class, why).await,
        }
    }

    /// A look that was refused is evidence, unless that was said in a session whose way is lost.
    async fn refused_look(&self, why: String) -> Trouble {
        match self.lost_way().await {
            Some(lost) => Trouble::NoWay(Class::AgentError, format!("{lost}{why}")),
            None => Trouble::Bad(why),
        }
    }

    /// One look, and whether what was seen is good; the outer error is that of a look that failed.
    async fn look_and_judge(
        &self,
        session: &mut dyn Session,
        check: &Check,
        saved: &Saved,
        phase: Phase,
    ) -> Result<Result<String, String>, Failure> {
        let seen = self.look(session, &check.probe, phase).await?;
        // Redacted before it is judged: what is saved, compared and quoted holds no secret.
        let seen = self.wanted.redact(&session.redact(&seen));
        Ok(judge(&seen, &check.expectations, saved).map(|()| seen))
    }

    /// Sees what `probe` names, or fails, in the time of one answer.
    async fn look(&self, session: &mut dyn Session, probe: &Probe, phase: Phase) -> Result<String, Failure> {
        let limit = self.job.task.timeouts.command;
        match probe {
            Probe::Tcp { port } => {
                let hostname = self.job.task.endpoint.hostname.as_str();
                let connecting = TcpStream::connect((hostname, *port)).map_err(NoAnswer::from);
                in_time(limit, connecting).await.map(|_| "open".to_owned()).map_err(|no| {
                    let message = format!("{hostname}:{port} is not open: {}", no.why);
                    Failure::new(no.class(), Phase::Verify, message)
                })
            }
            Probe::Command { .. } | Probe::NetconfGet { .. } | Probe::GnmiGet { .. } => {
                within(phase, limit, self.device(), session.look(probe)).await
            }
            Probe::Http { url, status, ca_ref } => {
                web::http(url, *status, &self.asking(ca_ref.as_deref())).await
            }
            Probe::Prometheus { url, query, ca_ref } => {
                let Some(url) = url.as_ref().or(self.engine.prometheus.as_ref()) else {
                    let message = "it names no Prometheus, and this agent has none of its own";
                    return Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message)
                        .with_hint("write its url, or start the agent with --prometheus URL"));
                };
                web::prometheus(url, query, &self.asking(ca_ref.as_deref())).await
            }
        }
    }

    fn asking<'b>(&'b self, ca_ref: Option<&'b str>) -> web::Asking<'b> {
        let limit = self.job.task.timeouts.command;
        web::Asking { redactor: &self.job.redactor, secrets: &self.engine.secrets, ca_ref, limit }
    }
}
