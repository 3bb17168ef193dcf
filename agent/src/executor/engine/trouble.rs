//! Why a change must not stay, or cannot be judged; and whether what stands before the device is to blame.

use super::Run;
use crate::executor::Failure;
use switchyard_shared::outcome::Class;

/// Why a change must not stay, or cannot be judged.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It was read, or a check said so.
    Bad(String),
    /// Nobody could look, for a reason of this class.
    Unseen(Class, String),
    /// The same, for the way to the device was lost, the device has no room for a session, or the agent is in trouble
    /// itself: that says nothing of the change.
    NoWay(Class, String),
}

impl Trouble {
    /// Why, in words that follow the name of a device.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Bad(why) | Self::Unseen(_, why) | Self::NoWay(_, why) => why,
        }
    }
}

impl Run<'_> {
    /// What stood between the agent and the device and is lost now, in words that go before what came of it. The site
    /// hears of it. Asked before a new session is opened: that may find another way.
    pub(super) async fn lost_way(&self) -> Option<String> {
        let lost = self.driver.lost_way(&self.job).await?;
        self.job.context.way_lost();
        Some(format!("{lost} was lost under the session with it: "))
    }

    /// Nobody could look, because of `why`, which is of this class if the way is good.
    pub(super) async fn unseen(&self, class: Class, why: String) -> Trouble {
        match self.lost_way().await {
            Some(lost) => Trouble::NoWay(Class::AgentError, format!("{lost}{why}")),
            None => Trouble::Unseen(class, why),
        }
    }

    /// Has it found out now whether the link was cut, where that may be why nobody could look. What a device says to a
    /// login is no sign of it.
    pub(super) fn ask_for_the_link(&self, trouble: &Trouble) {
        if matches!(trouble, Trouble::Unseen(..)) && self.refused.get().is_none() {
            self.job.context.unseen();
        }
    }

    /// There is no session any more to look over.
    pub(super) async fn no_session(&self, failure: &Failure) -> Trouble {
        let why = format!("it cannot be reached over a new session: {}", failure.message);
        self.unanswered(failure.class, why).await
    }

    /// Nobody could look, because of `why`, which is of this class.
    pub(super) async fn unanswered(&self, class: Class, why: String) -> Trouble {
        match class {
            // A device that has no room for another session is of the same mind about this change as before.
            Class::AgentError | Class::CredentialUnavailable | Class::Overloaded => {
                Trouble::NoWay(class, why)
            }
            Class::Ok
            | Class::Unchanged
            | Class::Unreachable
            | Class::Timeout
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive
            | Class::Cancelled
            | Class::NotStarted => self.unseen(class, why).await,
        }
    }
}
