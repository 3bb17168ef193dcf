//! The sessions of one attempt: one after the other, for a device may have room for no more.

use super::Run;
use super::limits::{goodbye, within};
use crate::executor::device::{Difference, Restored, Running, Session, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use futures_util::future::BoxFuture;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Probe;

impl Run<'_> {
    /// A session before any write.
    pub(super) async fn connect(&self) -> Result<Box<dyn Session>, Failure> {
        let limit = self.job.task.timeouts.connect;
        self.before_write(Phase::Connect, limit, self.driver.connect(&self.job)).await
    }

    /// A new session. Who was refused the login, or met another device, does not try again: that locks accounts.
    pub(super) async fn reconnect(&self) -> Result<Box<dyn Session>, Failure> {
        match self.refused.get() {
            Some(failure) => Err(failure.clone()),
            None => self.connect_anew().await,
        }
    }

    pub(super) async fn connect_anew(&self) -> Result<Box<dyn Session>, Failure> {
        let limit = self.job.task.timeouts.connect;
        let connecting = self.driver.connect(&self.job);
        let connected = within(Phase::Verify, limit, self.device(), connecting).await;
        if let Err(failure) = &connected
            && failure.class.opens_device_at_once()
        {
            let _the_first_stays = self.refused.set(failure.clone());
        }
        connected
    }
}

/// Puts the session that `opening` gives in the place of one that is of no use any more. That one goes first: a device with
/// one line left has no room for both. Nothing of a change ends with it: no driver makes a commit that is taken back when
/// its session ends, and a way back asks for its locks over the session that it has then.
pub(super) async fn another_session(
    session: &mut Box<dyn Session>,
    opening: impl Future<Output = Result<Box<dyn Session>, Failure>>,
) -> Result<(), Failure> {
    let none_yet = Failure::new(Class::Unreachable, Phase::Connect, "no session is open");
    goodbye(std::mem::replace(session, Box::new(Gone(none_yet)))).await;
    match opening.await {
        Ok(opened) => *session = opened,
        Err(failure) => {
            *session = Box::new(Gone(failure.clone()));
            return Err(failure);
        }
    }
    Ok(())
}

/// What is left where no other session was had, and why it was not.
struct Gone(Failure);

impl Gone {
    fn failure(&self) -> Failure {
        let Failure { class, phase, message, .. } = &self.0;
        // What a device says to a login is no answer to what was to be asked after it.
        let is_an_answer = matches!(class, Class::AuthFailed | Class::PrecheckFailed | Class::Rejected);
        let class = if is_an_answer { Class::Unreachable } else { *class };
        Failure::new(class, *phase, format!("there is no session with it: {message}"))
    }

    fn not_sent<T: Send + 'static>(&self) -> BoxFuture<'static, Result<T, WriteEnd>> {
        let why = self.failure().message;
        Box::pin(async { Err(WriteEnd::NotSent(why)) })
    }
}

impl Session for Gone {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(async { Err(self.failure()) })
    }

    fn compare(&self, _: &Running, _: &Wanted) -> Result<Difference, Failure> {
        Err(self.failure())
    }

    fn look<'a>(&'a mut self, _: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async { Err(self.failure()) })
    }

    fn write<'a>(
        &'a mut self,
        _: &'a WritePass,
        _: &'a Running,
        _: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        self.not_sent()
    }

    fn confirm<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        self.not_sent()
    }

    fn cancel<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        self.not_sent()
    }

    fn restore<'a>(
        &'a mut self,
        _: &'a WritePass,
        _: &'a Running,
        _: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        self.not_sent()
    }

    fn save<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        self.not_sent()
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        Box::pin(async { Err(self.failure()) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
