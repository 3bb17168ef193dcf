//! What waits for the driver, in three lanes: people's words to stop, what may decide a stop, and the rest.

use super::message::Message;
use tokio::sync::mpsc;

/// People's words that may wait, and that one turn takes at most.
const WORDS_MAX: usize = 256;
/// Messages with results and breakers' reports that may wait.
const URGENT_MAX: usize = 4096;
/// Other messages that may wait.
const REST_MAX: usize = 4096;
/// Urgent messages that one turn, and so one commit, takes at most.
const URGENT_PER_TURN_MAX: usize = 1024;
/// Other messages that one turn takes at most: few, since a result that comes meanwhile waits for them.
const REST_PER_TURN_MAX: usize = 256;

/// What one turn has taken so far.
#[derive(Default)]
pub(super) struct Taken {
    words: usize,
    urgent: usize,
    rest: usize,
}

/// The ends that others hold.
#[derive(Clone)]
pub(super) struct Senders {
    pub words: mpsc::Sender<Message>,
    pub urgent: mpsc::Sender<Message>,
    pub rest: mpsc::Sender<Message>,
}

/// The end that the driver holds.
pub(super) struct Inbox {
    words: mpsc::Receiver<Message>,
    first_word: Option<Message>,
    urgent: mpsc::Receiver<Message>,
    rest: mpsc::Receiver<Message>,
    first_urgent: Option<Message>,
    first_rest: Option<Message>,
}

/// Lanes with nothing in them.
pub(super) fn lanes() -> (Senders, Inbox) {
    let (words, words_inbox) = mpsc::channel(WORDS_MAX);
    let (urgent, urgent_inbox) = mpsc::channel(URGENT_MAX);
    let (rest, rest_inbox) = mpsc::channel(REST_MAX);
    let inbox = Inbox {
        words: words_inbox,
        first_word: None,
        urgent: urgent_inbox,
        rest: rest_inbox,
        first_urgent: None,
        first_rest: None,
    };
    (Senders { words, urgent, rest }, inbox)
}

impl Inbox {
    /// Waits until there is a message; false when nobody can send any more.
    pub async fn has_any(&mut self) -> bool {
        if self.first_word.is_none() && self.first_urgent.is_none() && self.first_rest.is_none() {
            tokio::select! {
                biased;
                first = self.words.recv() => self.first_word = first,
                first = self.urgent.recv() => self.first_urgent = first,
                first = self.rest.recv() => self.first_rest = first,
            }
        }
        self.first_word.is_some() || self.first_urgent.is_some() || self.first_rest.is_some()
    }

    /// The next message of a turn, without waiting: also one that has just come, if it is urgent, goes
    /// before the rest.
    pub fn next(&mut self, taken: &mut Taken) -> Option<Message> {
        if taken.words < WORDS_MAX
            && let Some(word) = self.first_word.take().or_else(|| self.words.try_recv().ok())
        {
            taken.words += 1;
            return Some(word);
        }
        if taken.urgent < URGENT_PER_TURN_MAX
            && let Some(message) = self.first_urgent.take().or_else(|| self.urgent.try_recv().ok())
        {
            taken.urgent += message.weight();
            return Some(message);
        }
        if taken.rest == REST_PER_TURN_MAX {
            return None;
        }
        taken.rest += 1;
        self.first_rest.take().or_else(|| self.rest.try_recv().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_proto::convert::link::{FromAgent, Reported};
    use switchyard_shared::id::{DeviceName, OpId, RolloutName};
    use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
    use switchyard_shared::time::Timestamp;

    fn gone(message: Option<Message>) -> Option<u64> {
        message.map(|message| match message {
            Message::AgentGone(id) => id,
            Message::Do(_) | Message::Agent(..) => 0,
        })
    }

    #[tokio::test]
    async fn a_message_that_a_stop_went_before_is_not_lost() {
        let (senders, mut inbox) = lanes();
        senders.rest.try_send(Message::AgentGone(1)).ok().unwrap();
        assert!(inbox.has_any().await);
        senders.urgent.try_send(Message::AgentGone(2)).ok().unwrap();
        assert_eq!(gone(inbox.next(&mut Taken::default())), Some(2));
        senders.rest.try_send(Message::AgentGone(3)).ok().unwrap();
        assert!(inbox.has_any().await);
        let mut taken = Taken::default();
        assert_eq!([(); 3].map(|()| gone(inbox.next(&mut taken))), [Some(1), Some(3), None]);
    }

    #[tokio::test]
    async fn a_flood_of_results_does_not_keep_the_rest_from_its_turn() {
        let (senders, mut inbox) = lanes();
        senders.rest.try_send(Message::AgentGone(1)).ok().unwrap();
        for _ in 0..=URGENT_PER_TURN_MAX {
            senders.urgent.try_send(Message::AgentGone(2)).ok().unwrap();
        }
        let mut taken = Taken::default();
        let turn: Vec<u64> = std::iter::from_fn(|| gone(inbox.next(&mut taken))).collect();
        assert_eq!(turn.len(), URGENT_PER_TURN_MAX + 1);
        assert_eq!(turn.last(), Some(&1));
    }

    #[tokio::test]
    async fn a_word_to_stop_waits_for_no_result_however_many_there_are() {
        let (senders, mut inbox) = lanes();
        for _ in 0..URGENT_MAX {
            senders.urgent.try_send(Message::AgentGone(2)).ok().unwrap();
        }
        senders.words.try_send(Message::AgentGone(1)).ok().unwrap();
        assert!(inbox.has_any().await);
        assert_eq!(gone(inbox.next(&mut Taken::default())), Some(1));
    }

    #[tokio::test]
    async fn results_that_come_together_count_one_by_one() {
        let (senders, mut inbox) = lanes();
        let op = OpId {
            rollout: RolloutName::new("r").unwrap(),
            device: DeviceName::new("d").unwrap(),
            attempt: 1,
        };
        let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(0));
        let results = vec![Reported { sequence: 1, op, outcome }; 64];
        for _ in 0..=URGENT_PER_TURN_MAX / 64 {
            let together = FromAgent::Results(results.clone());
            senders.urgent.try_send(Message::Agent(1, together)).ok().unwrap();
        }
        let mut taken = Taken::default();
        let turn = std::iter::from_fn(|| inbox.next(&mut taken)).count();
        assert_eq!(turn, URGENT_PER_TURN_MAX / 64, "the last ones wait for the next turn");
    }
}
