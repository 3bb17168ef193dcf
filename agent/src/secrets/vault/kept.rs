//! Answers that are believed for a short while, so that a thousand devices ask once.

use super::{Values, VaultError};
use crate::clock::Clock;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use switchyard_shared::secret_ref::VaultRef;
use switchyard_shared::time::Timestamp;

/// How long an answer is believed, from the question on; then it is forgotten, and wiped.
pub const KEPT_FOR: Duration = Duration::from_secs(5);
/// How long a refusal is.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// Most places that are remembered; more are asked for each time.
const PLACES_MAX: usize = 256;

type Answer = Result<Arc<Values>, VaultError>;
type Question = Shared<BoxFuture<'static, Answer>>;

struct Asked {
    at: Timestamp,
    question: Question,
}

#[derive(Default)]
struct Places(Mutex<BTreeMap<VaultRef, Asked>>);

/// What was asked lately.
pub(super) struct Kept {
    places: Arc<Places>,
    clock: Arc<dyn Clock>,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<VaultRef, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, now: Timestamp) {
        self.lock().retain(|_, asked| asked.is_believed(now));
    }
}

impl Asked {
    fn is_believed(&self, now: Timestamp) -> bool {
        let most = match self.question.peek() {
            Some(Err(_)) => REFUSED_FOR,
            Some(Ok(_)) | None => KEPT_FOR,
        };
        now.since(self.at) < most
    }
}

impl Kept {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { places: Arc::default(), clock }
    }

    /// The answer of a question of a moment ago, also one that is still on its way; else that of `ask`.
    pub(super) async fn get(
        &self,
        place: VaultRef,
        ask: impl FnOnce() -> BoxFuture<'static, Answer>,
    ) -> Answer {
        self.question(place, ask).await
    }

    fn question(&self, place: VaultRef, ask: impl FnOnce() -> BoxFuture<'static, Answer>) -> Question {
        let now = self.clock.now();
        let mut places = self.places.lock();
        if let Some(asked) = places.get(&place).filter(|asked| asked.is_believed(now)) {
            return asked.question.clone();
        }
        let question = ask().shared();
        if places.len() < PLACES_MAX || places.contains_key(&place) {
            places.insert(place, Asked { at: now, question: question.clone() });
            drop(places);
            self.forget_later();
        }
        question
    }

    fn forget_later(&self) {
        let (places, clock): (Weak<Places>, _) = (Arc::downgrade(&self.places), self.clock.clone());
        tokio::spawn(async move {
            tokio::time::sleep(KEPT_FOR).await;
            if let Some(places) = places.upgrade() {
                places.forget(clock.now());
            }
        });
    }
}
